"""Beats, skin conductance responses, signal quality and physiological activation from samples."""
