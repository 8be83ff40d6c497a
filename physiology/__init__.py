"""Arrays of samples to beats, skin conductance responses, quality and physiological activation."""
