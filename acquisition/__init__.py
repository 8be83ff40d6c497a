"""Sensors, recordings and the virtual listener: everything that delivers physiological samples."""
