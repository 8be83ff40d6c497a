"""What is asked of the music, when, and under which conditions."""

from protocols.loading import library, load, override

__all__ = ["library", "load", "override"]
