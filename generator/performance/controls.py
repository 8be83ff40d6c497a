"""Smooth movement of the controls from what is asked for to what sounds, without audible jumps."""

from __future__ import annotations

from math import cos, exp, pi, sin

MAX_LEVEL_SLOPE_DB_PER_S = 0.2
BREATH_DB = 2.0
"""Swing of the breath envelope to either side at full depth."""

UNHEARD_DEPTH = 1e-3
"""Depth (2 thousandths of a dB) below which the rate may jump."""


def approach(value: float, target: float, step: float) -> float:
    """Return the value moved towards a target by at most `step`."""
    return target if abs(target - value) <= step else value + (step if target > value else -step)


def smooth_towards(value: float, target: float, dt: float, tau: float) -> float:
    """Return the value after `dt` seconds of a one-pole glide; 95 % of the way takes three `tau`."""
    return target + (value - target) * exp(-dt / tau)


class BreathEnvelope:
    """A sine of loudness with a continuous phase, and a rate and depth that change smoothly."""

    def __init__(self) -> None:
        self.rate = 0.0
        self.depth = 0.0
        self._phase = 0.0

    def advance(self, rate: float, depth: float, dt: float, tau: float) -> float:
        """Move on by `dt` seconds towards a rate (per minute) and depth; return the envelope in dB."""
        if rate > 0.0:
            unheard = self.depth < UNHEARD_DEPTH
            self.rate = rate if unheard else smooth_towards(self.rate, rate, dt, tau)
        self.depth = smooth_towards(self.depth, depth if rate > 0.0 else 0.0, dt, tau)
        self._phase = (self._phase + self.rate / 60.0 * dt) % 1.0
        return BREATH_DB * self.depth * sin(2.0 * pi * self._phase)


class Fade:
    """The fader for fade-in, silence, end and stop: a raised cosine in both directions.

    Attributes
    ----------
    position : float
        Share of a whole fade-out that is left, 0 to 1.
    """

    def __init__(self) -> None:
        self.position = 0.0

    @property
    def amplitude(self) -> float:
        """Linear amplitude, 0 to 1; flat at either end."""
        return 0.5 - 0.5 * cos(pi * self.position)

    @property
    def silent(self) -> bool:
        """Whether the amplitude is 0."""
        return self.position == 0.0

    def rise(self, dt: float, seconds: float) -> None:
        """Move up for `dt`, at the pace of a whole fade-in of `seconds`."""
        self.position = approach(self.position, 1.0, dt / seconds)

    def fall(self, dt: float, seconds: float) -> None:
        """Move down for `dt`, at the pace of a whole fade-out of `seconds`."""
        self.position = approach(self.position, 0.0, dt / seconds)
