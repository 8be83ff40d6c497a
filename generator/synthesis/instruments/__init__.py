"""Instruments rendered offline: physical and spectral models that make one sample for each note."""
