"""Computed from a recorded session: phases, measures, ratings and commands, log, goals, summary."""
