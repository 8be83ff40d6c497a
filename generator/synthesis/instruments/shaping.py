"""Amplitude responses of bodies, filters and formants, and the level of a touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.synthesis.instruments.sample import FloatArray, SampledNote

REFERENCE_VELOCITY = 90
TOUCH_POWER = 1.3
"""Amplitude grows with velocity to this power: 9 dB from velocity 40 to 90."""

TILT = 0.92
"""Amplitude's factor for each octave upward: high notes carry further."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A resonance.

    Attributes
    ----------
    hertz, width : float
        Centre and bandwidth at −3 dB.
    gain : float
        Amplitude at the centre.
    """

    hertz: float
    width: float
    gain: float


def resonances(hertz: FloatArray, peaks: tuple[Peak, ...], through: float) -> FloatArray:
    """Return the amplitude that parallel resonances let pass, and a share `through` that goes by them."""
    power = np.full_like(hertz, through**2)
    for peak in peaks:
        power += peak.gain**2 / (1 + ((hertz - peak.hertz) / (peak.width / 2)) ** 2)
    return np.sqrt(power)


def low_pass(hertz: FloatArray, cutoff: float, order: float) -> FloatArray:
    """Return the amplitude of a low-pass that falls by ``6·order`` dB an octave far above its cutoff."""
    return np.asarray((1 + (hertz / cutoff) ** 2) ** (-order / 2))


def high_pass(hertz: FloatArray, cutoff: float, order: float) -> FloatArray:
    """Return the amplitude of a high-pass that falls by ``6·order`` dB an octave far below its cutoff."""
    ratio = (hertz / cutoff) ** 2
    return np.asarray((ratio / (1 + ratio)) ** (order / 2))


def ripple(
    hertz: FloatArray, rng: np.random.Generator, depth_db: float, per_octave: float = 5.0
) -> FloatArray:
    """Return an uneven amplitude around 1, as of the many small resonances of a body."""
    octaves = np.log2(np.maximum(hertz, 20.0) / 20.0)
    knots = np.arange(0.0, 10.5 * per_octave + 1)
    return np.asarray(
        10 ** (np.interp(octaves * per_octave, knots, rng.normal(0, depth_db, knots.size)) / 20)
    )


def touch_level(note: SampledNote) -> float:
    """Return the amplitude of a note for its velocity and pitch."""
    return float(0.2 * (note.velocity / REFERENCE_VELOCITY) ** TOUCH_POWER * TILT**note.octaves)
