"""The tempi a protocol may ask for."""

from __future__ import annotations

MATCH_RANGE_BPM = (50.0, 100.0)
"""Heart rates that music can match; outside, the tempo stays at the nearer end."""

LOWEST_GOAL_BPM = 42.0
GOAL_SHARE = 0.85
"""A goal is at most this share of the tempo the lead starts from."""

HIGHEST_GOAL_BPM = 120.0
GOAL_SHARE_UP = 1.15
"""The goal of a lead upward is at least this share of the tempo it starts from."""


def clip(value: float, low: float, high: float) -> float:
    """Return the value, or the nearer end of the range where it lies outside."""
    return min(max(value, low), high)
