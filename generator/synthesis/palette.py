"""The parts of a palette: oscillators, timbres, drone and reverb; and wavetables made from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf

import numpy as np

from generator.score import FloatArray

SINGLE_CYCLE_FRAMES = 4096
ENSEMBLE_FRAMES = 2**18
ENSEMBLE_CYCLES = 1429
"""Periods in an ensemble table: about middle C when it is read at its own speed."""


@dataclass(frozen=True, slots=True)
class OscillatorSpec:
    """One oscillator of a voice.

    Attributes
    ----------
    partials : tuple of float
        Amplitudes of the harmonics 1, 2, …
    bandwidth_cents : float
        0 for a periodic tone; above 0, every partial is a band as wide, as of many players in unison.
    core : float
        Share of every partial's power that stays in one steady line, so that the ensemble shimmers but does
        not fade.
    stretch : float
        Inharmonicity B of a stiff string: partial n lies at ``n·sqrt(1 + B·(n² - 1))``. Ensembles only.
    ratio : float
        Frequency relative to the note's.
    decay_s : float
        Time constant at middle C; infinite for a tone that is held.
    level : float
        Amplitude relative to the voice's.
    hardness : float
        Additional dependence on velocity, relative to the voice (an exponent).
    vibrato_cents : float
        Depth of a vibrato that grows some time after the onset.
    bus : str
        Its filter: ``warm``, ``clear``, ``vowel`` (these go to the reverb too) or ``low``.
    """

    partials: tuple[float, ...]
    bandwidth_cents: float = 0.0
    core: float = 0.6
    stretch: float = 0.0
    ratio: float = 1.0
    decay_s: float = inf
    level: float = 1.0
    hardness: float = 0.0
    vibrato_cents: float = 0.0
    bus: str = "warm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timbre:
    """The sound of a layer.

    Attributes
    ----------
    voices : int
        Polyphony.
    oscillators : tuple of OscillatorSpec
        The oscillators of one voice.
    attack_s, release_s : tuple of (float, float)
        At articulation 0 (legato) and 1 (detached); interpolated geometrically.
    level_db : float
        Level of one note at velocity 64 on middle C.
    tilt_db : float
        Change of level per octave upward.
    pans : tuple of float
        Pans of the voices in turn, −1 (left) to 1 (right). Empty: each voice is stereo in itself.
    sway : float
        Depth of its slow amplitude movement, 0 to 1.
    typical_lufs : float
        Loudness that the layer alone has in typical music: where the leveller starts from.
    """

    voices: int
    oscillators: tuple[OscillatorSpec, ...]
    attack_s: tuple[float, float]
    release_s: tuple[float, float]
    level_db: float
    tilt_db: float = -2.0
    pans: tuple[float, ...] = ()
    sway: float = 0.0
    typical_lufs: float = -30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drone:
    """Tones on the tonic that sound through the whole piece and enter and leave with the pad.

    Attributes
    ----------
    oscillators : tuple of OscillatorSpec
        Their ratios are relative to the tonic from C2 to B2. Ratio 1 is softer while the bass plays.
    level_db : float
        Level of an oscillator of level 1.
    sway : float
        Depth of the slow movement, each oscillator with its own period.
    """

    oscillators: tuple[OscillatorSpec, ...]
    level_db: float
    sway: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverb:
    """The reverb.

    Attributes
    ----------
    t60_s, gain : tuple of (float, float)
        Decay time and level of the reverb at articulation 0 and 1.
    damp_hz : float
        Cutoff of the low-pass before the reverb.
    """

    t60_s: tuple[float, float] = (6.0, 2.5)
    gain: tuple[float, float] = (1.25, 0.7)
    damp_hz: float = 5000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The sound of a piece: a timbre for each layer, a reverb, and a drone or none.

    Attributes
    ----------
    timbres : mapping of str to Timbre
        One for each layer.
    reverb : Reverb
        Common to all layers but the bass.
    drone : Drone or None
        Tones under the whole piece.
    """

    timbres: Mapping[str, Timbre]
    reverb: Reverb = Reverb()
    drone: Drone | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Wavetable:
    """Samples of unit power, read in a loop; `cycles` periods of the tone are in it."""

    samples: FloatArray
    cycles: int


@cache
def wavetable(partials: tuple[float, ...], bandwidth_cents: float, core: float, stretch: float) -> Wavetable:
    """Return the wavetable of an oscillator's partials.

    A periodic tone is one cycle. An ensemble is made in the frequency domain: each partial becomes a
    Gaussian band as wide in cents as every other, with random phases, so that a loop of some seconds holds
    the beating of many players (Nasca's PADsynth). Here the bands are symmetrical in frequency around the
    exact partial, and part of the power stays in it: the tuning is the note's, and no partial fades out.
    """
    amplitudes = np.asarray(partials)
    rng = np.random.default_rng(len(partials))
    if bandwidth_cents == 0.0:
        spectrum = np.zeros(SINGLE_CYCLE_FRAMES // 2 + 1, dtype=np.complex128)
        # Phases as in a plucked or bowed tone do not matter to the ear; spread ones keep the crest low.
        spectrum[1 : len(partials) + 1] = amplitudes * np.exp(2j * np.pi * rng.random(len(partials)))
        cycles = 1
    else:
        bins = np.arange(ENSEMBLE_FRAMES // 2 + 1)
        power = np.zeros(bins.size)
        for n, amplitude in enumerate(amplitudes, start=1):
            centre = round(n * np.sqrt(1.0 + stretch * (n * n - 1)) * ENSEMBLE_CYCLES)
            width = centre * (2 ** (bandwidth_cents / 1200) - 1) / 2
            near = slice(max(1, int(centre - 5 * width)), int(centre + 5 * width) + 1)
            band = np.exp(-0.5 * ((bins[near] - centre) / width) ** 2)
            power[near] += (1.0 - core) * amplitude**2 * band / band.sum()
            power[centre] += core * amplitude**2
        spectrum = np.sqrt(power) * np.exp(2j * np.pi * rng.random(bins.size))
        cycles = ENSEMBLE_CYCLES
    samples = np.fft.irfft(spectrum)
    samples /= np.sqrt(np.mean(samples**2))
    return Wavetable(samples, cycles)


def falling(count: int, slope: float, *, odd_only: bool = False) -> tuple[float, ...]:
    """Return the amplitudes ``n ** -slope`` of `count` harmonics."""
    return tuple(0.0 if odd_only and n % 2 == 0 else n**-slope for n in range(1, count + 1))


def plucked(first: int, last: int, *, at: float, slope: float) -> tuple[float, ...]:
    """Return the harmonics `first` to `last` of a string plucked at a share `at` of its length."""
    return tuple(
        abs(float(np.sin(np.pi * n * at))) * n**-slope if n >= first else 0.0 for n in range(1, last + 1)
    )
