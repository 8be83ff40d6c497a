"""MusicState to score to sound."""
