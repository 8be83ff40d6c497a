"""The virtual listener: simulated ECG, skin conductance and respiration that respond to music."""
