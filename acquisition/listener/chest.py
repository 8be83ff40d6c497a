"""Respiration as a belt around the chest shows it."""

from __future__ import annotations

import numpy as np

from acquisition.listener.nerves import Second, ramp
from acquisition.streams import FloatArray

RSP_RATE_HZ = 25

_HASTE = 0.3  # breathing in takes less time than breathing out
_NOISE = 0.01
_PARTS = np.arange(RSP_RATE_HZ) / RSP_RATE_HZ


class Chest:
    """Chest circumference in arbitrary units at `RSP_RATE_HZ`, rising while breathing in.

    Parameters
    ----------
    rng : Generator
        For the noise.
    """

    def __init__(self, *, rng: np.random.Generator) -> None:
        self._rng = rng

    def samples(self, second: Second) -> FloatArray:
        """Return one second of samples, shape (25,)."""
        phase = second.breath_phase_at(_PARTS)
        lungs = -np.cos(phase + _HASTE * (1.0 - np.cos(phase)))
        return ramp(second.breath_depth, _PARTS) * lungs + _NOISE * self._rng.standard_normal(_PARTS.size)
