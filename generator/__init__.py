"""Adaptive music: from a MusicState to a score to sound."""
