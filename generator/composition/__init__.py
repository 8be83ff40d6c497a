"""From a MusicState to a score, bar by bar, in beats. Pure and seeded."""

COMPOSER_VERSION = 2
"""It rises whenever the same seed and states make other notes than before."""
