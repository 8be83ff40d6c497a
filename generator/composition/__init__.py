"""From a MusicState to a score, bar by bar, in beats. Pure and seeded."""
