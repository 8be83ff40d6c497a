"""Sources of physiological signals: sensors, recordings and the virtual listener."""
