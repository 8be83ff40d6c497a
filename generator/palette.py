"""What each layer sounds like: wavetables, envelopes, places. Pure; the sound itself is made in ``synth``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf

import numpy as np
import numpy.typing as npt

from generator.state import PALETTES

FloatArray = npt.NDArray[np.float64]

SINGLE_CYCLE_FRAMES = 4096
ENSEMBLE_FRAMES = 2**18
ENSEMBLE_CYCLES = 1429
"""Periods in an ensemble table: middle C, near enough, when it is read at its own speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """One oscillator of a voice.

    Attributes
    ----------
    partials : tuple of float
        Amplitudes of the harmonics 1, 2, …
    bandwidth_cents : float
        0 for a periodic tone; above, every partial is spread by so much, as many players in unison are.
    core : float
        Share of every partial's power that stays in one steady line, so that the ensemble shimmers but does
        not fade.
    ratio : float
        Frequency relative to the note's.
    decay_s : float
        Time constant at middle C; infinite for a tone that is held.
    level : float
        Amplitude relative to the voice's.
    hardness : float
        How much more than the voice as a whole it follows velocity (an exponent).
    """

    partials: tuple[float, ...]
    bandwidth_cents: float = 0.0
    core: float = 0.6
    ratio: float = 1.0
    decay_s: float = inf
    level: float = 1.0
    hardness: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timbre:
    """The sound of a layer.

    Attributes
    ----------
    voices : int
        Polyphony.
    strands : tuple of Strand
        What one voice consists of.
    attack_s, release_s : tuple of (float, float)
        At articulation 0 (legato) and 1 (detached); interpolated geometrically.
    level_db : float
        Of one note at velocity 64 on middle C.
    tilt_db : float
        Change of level per octave upward.
    pans : tuple of float
        Places of the voices in turn, −1 (left) to 1 (right). Empty: each voice is stereo in itself.
    bus : str
        The filter it runs through: ``warm`` and ``clear`` (both also into the reverb) or ``low``.
    sway : float
        Depth of its slow amplitude movement, 0 to 1.
    typical_lufs : float
        Loudness that the layer alone has in typical music: where the leveller starts from.
    """

    voices: int
    strands: tuple[Strand, ...]
    attack_s: tuple[float, float]
    release_s: tuple[float, float]
    level_db: float
    tilt_db: float = -2.0
    pans: tuple[float, ...] = ()
    bus: str = "warm"
    sway: float = 0.0
    typical_lufs: float = -30.0


@dataclass(frozen=True, slots=True, eq=False)
class Wavetable:
    """Samples of unit power, read in a loop; `cycles` periods of the tone are in it."""

    samples: FloatArray
    cycles: int


@cache
def wavetable(partials: tuple[float, ...], bandwidth_cents: float, core: float) -> Wavetable:
    """Return the table of a strand's partials.

    A periodic tone is one cycle. An ensemble is made in the frequency domain: each harmonic becomes a
    Gaussian band as wide in cents as every other, with random phases, so that a loop of some seconds holds
    the beating of many players (Nasca's PADsynth). Here the bands are symmetrical in frequency around the
    exact harmonic, and part of the power stays in it: the tuning is the note's, and no partial fades out.
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
        for harmonic, amplitude in enumerate(amplitudes, start=1):
            centre = harmonic * ENSEMBLE_CYCLES
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


def _falling(count: int, slope: float, *, odd_only: bool = False) -> tuple[float, ...]:
    """Amplitudes ``n ** -slope`` of `count` harmonics."""
    return tuple(0.0 if odd_only and n % 2 == 0 else n**-slope for n in range(1, count + 1))


WARM_PADS: dict[str, Timbre] = {
    "pad": Timbre(
        voices=10,
        strands=(Strand(partials=_falling(18, 1.25), bandwidth_cents=20.0, core=0.5),),
        attack_s=(4.0, 0.8),
        release_s=(6.0, 2.0),
        level_db=-31.0,
        sway=0.15,
        typical_lufs=-24.3,
    ),
    "melody": Timbre(  # a felt piano: a mellow body that rings, and a brighter start that dies away
        voices=6,
        bus="clear",
        strands=(
            Strand(partials=(1.0, 0.32, 0.14, 0.05), bandwidth_cents=5.0, core=0.85, decay_s=1.9),
            Strand(
                partials=(0, 0, 0.35, 0.5, 0.3, 0.22, 0.12, 0.08, 0.05),
                bandwidth_cents=5.0,
                core=0.85,
                decay_s=0.45,
                level=0.3,
                hardness=1.0,
            ),
        ),
        attack_s=(0.05, 0.01),
        release_s=(1.2, 0.3),
        level_db=-21.5,
        typical_lufs=-27.0,
    ),
    "bass": Timbre(
        voices=3,
        bus="low",
        strands=(Strand(partials=(1.0, 0.45, 0.2, 0.08, 0.03), decay_s=7.0),),
        attack_s=(0.25, 0.05),
        release_s=(1.5, 0.4),
        level_db=-25.0,
        tilt_db=-1.0,
        pans=(0.0,),
        typical_lufs=-28.5,
    ),
    "arpeggio": Timbre(
        voices=6,
        bus="clear",
        strands=(
            Strand(partials=(1.0, 0.2, 0.05), decay_s=0.8),
            Strand(partials=(0, 0, 0.5, 0.3, 0.4, 0, 0.15), decay_s=0.18, level=0.2, hardness=1.0),
        ),
        attack_s=(0.05, 0.01),
        release_s=(0.6, 0.2),
        level_db=-23.5,
        pans=(-0.55, 0.35, -0.15, 0.6),
        typical_lufs=-34.0,
    ),
    "counter": Timbre(
        voices=3,
        strands=(Strand(partials=_falling(9, 1.6, odd_only=True), bandwidth_cents=7.0),),
        attack_s=(0.6, 0.15),
        release_s=(1.2, 0.4),
        level_db=-30.0,
        typical_lufs=-31.7,
    ),
    "strings": Timbre(
        voices=6,
        strands=(Strand(partials=_falling(24, 1.0), bandwidth_cents=34.0),),
        attack_s=(2.5, 0.7),
        release_s=(3.5, 1.2),
        level_db=-29.0,
        sway=0.2,
        typical_lufs=-30.7,
    ),
    "bells": Timbre(
        voices=4,
        bus="clear",
        strands=(
            Strand(partials=(1.0,), decay_s=2.2),
            Strand(partials=(1.0,), ratio=2.006, decay_s=1.1, level=0.35),
            Strand(partials=(1.0,), ratio=4.17, decay_s=0.35, level=0.12, hardness=0.7),
        ),
        attack_s=(0.05, 0.01),
        release_s=(2.0, 0.8),
        level_db=-19.0,
        pans=(0.6, -0.55, 0.35, -0.15),
        typical_lufs=-42.0,
    ),
    "air": Timbre(
        voices=3,
        bus="clear",
        strands=(Strand(partials=(1.0, 0.5, 0.25, 0.2), bandwidth_cents=260.0, core=0.02),),
        attack_s=(3.0, 1.0),
        release_s=(4.0, 1.5),
        level_db=-36.0,
        sway=0.4,
        typical_lufs=-38.0,
    ),
}

TIMBRES: dict[str, dict[str, Timbre]] = dict.fromkeys(PALETTES, WARM_PADS)
"""The timbre of every layer, by palette."""
