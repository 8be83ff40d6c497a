"""What befalls the listener whatever sounds: startles, and pain at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from acquisition.listener.persona import Listener

DEFAULT_PAIN_AT_S = 300.0
"""The middle of ten minutes, the length of a short session."""

_STARTLE_DECAY_PER_S = math.exp(-1.0 / 12.0)
_PAIN_RISE_S = 10.0
_PAIN_FALL_S = 60.0
_SCR_MEDIAN_US = 0.6
_SCR_SPREAD = 0.4
_SCR_LATENCY_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One second of it.

    Attributes
    ----------
    arousal : float
        What it adds to arousal at the end of the second.
    scr_us : float
        Amplitude of the skin conductance response that begins in it; 0 for none.
    """

    arousal: float
    scr_us: float


class Events:
    """Startles come at random and fade within seconds; pain rises in 10 s, stays, and fades over a minute.

    Each is answered by the skin 2 s later, with a median of 0.6 µS. None has to do with music, so κ does
    not touch them.

    Parameters
    ----------
    listener : Listener
        Whom they befall.
    pain_at_s : float
        When pain begins, seconds from the session's start.
    rng : Generator
        Drawn from equally often per second.
    """

    def __init__(self, listener: Listener, *, pain_at_s: float, rng: np.random.Generator) -> None:
        self._listener = listener
        self._pain_at_s = pain_at_s
        self._rng = rng
        self._chance = 1.0 - math.exp(-listener.startles_per_min / 60.0)
        self._startle = 0.0
        self._coming = [0.0] * _SCR_LATENCY_S

    def second(self, number: int) -> Event:
        """Return what happens in the second from `number` on; seconds come one after the other."""
        startled = float(self._rng.uniform()) < self._chance
        size_us = _SCR_MEDIAN_US * math.exp(_SCR_SPREAD * float(self._rng.standard_normal()))
        self._startle *= _STARTLE_DECAY_PER_S
        if startled:
            self._startle += self._listener.startle_arousal
        hurts = self._listener.pain_arousal > 0 and number == math.floor(self._pain_at_s)
        self._coming.append(size_us if startled or hurts else 0.0)
        return Event(arousal=self._startle + self._pain(number + 1.0), scr_us=self._coming.pop(0))

    def _pain(self, t: float) -> float:
        since = t - self._pain_at_s
        if since <= 0.0:
            return 0.0
        rise = min(1.0, since / _PAIN_RISE_S)
        fall = math.exp(-max(0.0, since - self._listener.pain_s) / _PAIN_FALL_S)
        return self._listener.pain_arousal * rise * fall
