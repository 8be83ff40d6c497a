"""The palettes: warm pads with a felt piano, harp and bells over a drone, soft strings and a low choir.

Their parts are oscillators, timbres, drone and reverb; wavetables are made from them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import inf, log2

import numpy as np

from generator.score import FloatArray
from generator.state import Mode

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
        At articulation 0 (legato) and 1 (detached); interpolated geometrically. The attack left out is that
        of a string or bar that is struck or plucked.
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

    voices: int = 6
    oscillators: tuple[OscillatorSpec, ...]
    attack_s: tuple[float, float] = (0.05, 0.01)
    release_s: tuple[float, float]
    level_db: float
    tilt_db: float = -2.0
    pans: tuple[float, ...] = ()
    sway: float = 0.0
    typical_lufs: float = -30.0


LOWEST_DRONE = 36
"""Pitch of the drone's lowest tone on C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drone:
    """Tones on the tonic of the section that enter and leave with the pad.

    A tone is silent in a mode that has a tone a semitone above it.

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

    def pitches(self, tonic: int, mode: Mode) -> tuple[float | None, ...]:
        """Return the pitch of each oscillator on a tonic (0 is C); None where it is silent in the mode."""
        above = [12.0 * log2(spec.ratio) for spec in self.oscillators]
        return tuple(
            None if (round(each) + 1) % 12 in mode.steps else LOWEST_DRONE + tonic + each for each in above
        )


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
        Tones under the piece.
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


_clear = partial(OscillatorSpec, bus="clear")
_low = partial(OscillatorSpec, bus="low")
_air = partial(Timbre, voices=3, attack_s=(3.0, 1.0), sway=0.4)
_bass = partial(Timbre, voices=3, tilt_db=-1.0)
_felt = partial(_clear, bandwidth_cents=3.0, core=0.85, stretch=3e-4)

WARM_PADS = Palette(
    timbres={
        "pad": Timbre(
            voices=10,
            oscillators=(OscillatorSpec(falling(24, 0.85), bandwidth_cents=20.0, core=0.5),),
            attack_s=(4.0, 0.8),
            release_s=(6.0, 2.0),
            level_db=-33.5,
            sway=0.15,
            typical_lufs=-27.7,
        ),
        # A mellow body that rings on after a fuller start, a brighter edge that follows the touch, and the
        # breath of the felt on the string.
        "melody": Timbre(
            oscillators=(
                _felt((1.0, 0.34, 0.15, 0.07, 0.03), decay_s=2.6, level=0.8),
                _felt(
                    (0.5, 0.4, 0.35, 0.5, 0.3, 0.22, 0.12, 0.08, 0.05), decay_s=0.5, level=0.5, hardness=1.0
                ),
                OscillatorSpec(
                    (0.6, 1.0, 0.8, 0.5),
                    bandwidth_cents=900.0,
                    core=0.0,
                    decay_s=0.045,
                    level=0.16,
                    hardness=0.5,
                ),
            ),
            release_s=(1.2, 0.3),
            level_db=-20.0,
            typical_lufs=-26.2,
        ),
        "bass": _bass(
            oscillators=(_low((1.0, 0.45, 0.2, 0.08, 0.03), decay_s=7.0),),
            attack_s=(0.25, 0.05),
            release_s=(1.5, 0.4),
            level_db=-26.5,
            pans=(0.0,),
            typical_lufs=-29.5,
        ),
        "arpeggio": Timbre(
            oscillators=(
                _clear((1.0, 0.2, 0.05), decay_s=0.8),
                _clear((0, 0, 0.5, 0.3, 0.4, 0, 0.15), decay_s=0.18, level=0.32, hardness=1.0),
            ),
            release_s=(0.6, 0.2),
            level_db=-17.0,
            pans=(-0.55, 0.35, -0.15, 0.6),
            typical_lufs=-28.0,
        ),
        "counter": Timbre(
            voices=3,
            oscillators=(
                OscillatorSpec(falling(9, 1.6, odd_only=True), bandwidth_cents=7.0, vibrato_cents=6.0),
            ),
            attack_s=(0.6, 0.15),
            release_s=(1.2, 0.4),
            level_db=-30.0,
            typical_lufs=-33.3,
        ),
        "strings": Timbre(
            oscillators=(OscillatorSpec(falling(26, 0.8), bandwidth_cents=34.0),),
            attack_s=(2.5, 0.7),
            release_s=(3.5, 1.2),
            level_db=-30.0,
            sway=0.2,
            typical_lufs=-32.6,
        ),
        "bells": Timbre(
            voices=4,
            oscillators=(
                _clear((1.0,), decay_s=2.2),
                _clear((1.0,), ratio=2.006, decay_s=1.1, level=0.35),
                _clear((1.0,), ratio=4.17, decay_s=0.35, level=0.12, hardness=0.7),
            ),
            release_s=(2.0, 0.8),
            level_db=-14.0,
            pans=(0.6, -0.55, 0.35, -0.15),
            typical_lufs=-38.7,
        ),
        "air": _air(
            oscillators=(_clear((1.0, 0.5, 0.25, 0.2), bandwidth_cents=180.0, core=0.05),),
            release_s=(4.0, 1.5),
            level_db=-35.0,
            typical_lufs=-42.2,
        ),
    }
)


def _harp(decay_s: float, at: float, edge: float) -> tuple[OscillatorSpec, ...]:
    """Three groups of a string's partials, the higher the sooner gone, as in a string that loses treble."""
    return (
        _clear(plucked(1, 3, at=at, slope=1.1), bandwidth_cents=2.0, core=0.9, stretch=5e-5, decay_s=decay_s),
        _clear(plucked(3, 8, at=at, slope=0.9), decay_s=0.45 * decay_s, level=0.5, hardness=0.6),
        _clear(plucked(7, 20, at=at, slope=0.6), decay_s=0.13 * decay_s, level=edge, hardness=1.2),
    )


# A bell whose partials agree with any mode: octaves and a twelfth, each a few cents off and slowly beating.
_BELL = (
    _clear((1.0,), ratio=0.5, bandwidth_cents=2.5, core=0.75, decay_s=4.5, level=0.3),
    _clear((1.0,), bandwidth_cents=2.0, core=0.6, decay_s=3.4),
    _clear((0, 1.0, 0.5), bandwidth_cents=3.0, core=0.6, ratio=1.0015, decay_s=1.8, level=0.4),
    _clear(
        (0, 0, 0, 1.0, 0, 0.35),
        bandwidth_cents=4.0,
        core=0.7,
        ratio=1.003,
        decay_s=0.5,
        level=0.16,
        hardness=0.8,
    ),
)

HARP_BELLS = Palette(
    # The fifth and seventh harmonics would take sides between major and minor: they are left out.
    drone=Drone(
        oscillators=(
            OscillatorSpec(
                (1.0, 0.5, 0.35, 0.2, 0.0, 0.12, 0.0, 0.06), bandwidth_cents=9.0, core=0.3, level=0.6
            ),
            OscillatorSpec((1.0, 0.5, 0.35, 0.25, 0.0, 0.1), bandwidth_cents=12.0, core=0.3, ratio=2.0),
            OscillatorSpec((1.0, 0.5, 0.0, 0.2), bandwidth_cents=12.0, core=0.3, ratio=2.9966, level=0.7),
            OscillatorSpec((1.0, 0.4, 0.2, 0.1), bandwidth_cents=14.0, core=0.3, ratio=4.0, level=0.4),
        ),
        level_db=-35.0,
        sway=0.6,
    ),
    reverb=Reverb(t60_s=(6.3, 2.5), gain=(1.2, 0.6), damp_hz=6000.0),
    timbres={
        # Bowed glass: few partials, slowly moving.
        "pad": Timbre(
            voices=8,
            oscillators=(
                OscillatorSpec((1.0, 0.5, 0.3, 0.22, 0.06, 0.12, 0.03, 0.08), bandwidth_cents=12.0, core=0.5),
            ),
            attack_s=(4.0, 0.8),
            release_s=(6.0, 2.0),
            level_db=-34.0,
            sway=0.25,
            typical_lufs=-26.2,
        ),
        "melody": Timbre(
            oscillators=_harp(2.1, 0.38, 0.35),
            attack_s=(0.05, 0.008),
            release_s=(2.4, 0.35),
            level_db=-16.5,
            tilt_db=-1.0,
            pans=(0.12, -0.12, 0.2, -0.2),
            typical_lufs=-23.1,
        ),
        "bass": _bass(
            oscillators=(
                _low((1.0, 0.6, 0.3, 0.15, 0.06), decay_s=2.6),
                _low((0, 0.3, 0.5, 0.5, 0.4, 0.3, 0.15), decay_s=0.5, level=0.3, hardness=0.8),
            ),
            attack_s=(0.12, 0.03),
            release_s=(2.5, 0.6),
            level_db=-25.5,
            pans=(0.0,),
            typical_lufs=-29.1,
        ),
        "arpeggio": Timbre(
            oscillators=_harp(1.0, 0.29, 0.4),
            attack_s=(0.05, 0.008),
            release_s=(1.8, 0.3),
            level_db=-19.0,
            tilt_db=-1.0,
            pans=(-0.6, -0.2, 0.25, 0.6),
            typical_lufs=-27.6,
        ),
        # A hollow flute of glass.
        "counter": Timbre(
            voices=3,
            oscillators=(
                OscillatorSpec(
                    (1.0, 0.12, 0.2, 0.04, 0.05), bandwidth_cents=8.0, core=0.7, vibrato_cents=5.0
                ),
            ),
            attack_s=(0.5, 0.12),
            release_s=(1.6, 0.4),
            level_db=-30.0,
            typical_lufs=-32.7,
        ),
        "strings": Timbre(
            oscillators=(OscillatorSpec((1.0, 0.5, 0.2, 0.15, 0.05, 0.05), bandwidth_cents=24.0, core=0.4),),
            attack_s=(2.5, 0.7),
            release_s=(3.5, 1.2),
            level_db=-30.0,
            sway=0.3,
            typical_lufs=-31.4,
        ),
        "bells": Timbre(
            voices=5,
            oscillators=_BELL,
            release_s=(5.0, 1.2),
            level_db=-12.0,
            pans=(0.5, -0.5, 0.25, -0.25),
            typical_lufs=-34.0,
        ),
        # A singing bowl.
        "air": _air(
            oscillators=(
                _clear((1.0,), bandwidth_cents=3.0, core=0.3, ratio=0.5),
                _clear((0, 1.0, 0, 0.15), bandwidth_cents=4.0, core=0.3, level=0.3),
            ),
            release_s=(5.0, 1.5),
            level_db=-28.0,
            typical_lufs=-38.5,
        ),
    },
)


_CHOIR = OscillatorSpec(falling(24, 0.9), bandwidth_cents=26.0, core=0.3, bus="vowel")

SOFT_STRINGS = Palette(
    reverb=Reverb(t60_s=(5.6, 2.4), gain=(1.1, 0.65), damp_hz=4500.0),
    timbres={
        "pad": Timbre(
            voices=8,
            oscillators=(OscillatorSpec(falling(26, 0.95), bandwidth_cents=30.0, core=0.35), _CHOIR),
            attack_s=(3.2, 0.6),
            release_s=(5.0, 1.6),
            level_db=-37.5,
            sway=0.2,
            typical_lufs=-26.3,
        ),
        # Two players, bow attack, vibrato once the note stands.
        "melody": Timbre(
            voices=5,
            oscillators=(
                OscillatorSpec(
                    (1.0, 0.75, 0.55, 0.3, 0.28, 0.2, 0.1, 0.12, 0.07, 0.05, 0.04, 0.03),
                    bandwidth_cents=6.0,
                    core=0.75,
                    vibrato_cents=13.0,
                ),
            ),
            attack_s=(0.22, 0.035),
            release_s=(1.0, 0.2),
            level_db=-23.0,
            typical_lufs=-24.7,
        ),
        "bass": _bass(
            oscillators=(_low((1.0, 0.7, 0.4, 0.25, 0.15, 0.1, 0.05), bandwidth_cents=6.0, core=0.8),),
            attack_s=(0.5, 0.05),
            release_s=(1.6, 0.3),
            level_db=-31.0,
            typical_lufs=-29.7,
        ),
        # Pizzicato, soft as with the flesh of the thumb.
        "arpeggio": Timbre(
            oscillators=(
                _clear((1.0, 0.5, 0.2), decay_s=0.42),
                _clear((0, 0.2, 0.5, 0.4, 0.3, 0.2, 0.1), decay_s=0.13, level=0.3, hardness=1.0),
            ),
            release_s=(0.5, 0.2),
            level_db=-16.0,
            pans=(-0.5, 0.3, -0.15, 0.5),
            typical_lufs=-30.1,
        ),
        "counter": Timbre(
            voices=3,
            oscillators=(
                OscillatorSpec(
                    (1.0, 0.55, 0.45, 0.4, 0.2, 0.15, 0.1, 0.06),
                    bandwidth_cents=8.0,
                    core=0.7,
                    vibrato_cents=11.0,
                ),
            ),
            attack_s=(0.5, 0.12),
            release_s=(1.2, 0.3),
            level_db=-31.0,
            typical_lufs=-33.5,
        ),
        "strings": Timbre(
            oscillators=(OscillatorSpec(falling(20, 1.3), bandwidth_cents=36.0, core=0.3),),
            attack_s=(2.2, 0.6),
            release_s=(3.5, 1.0),
            level_db=-29.0,
            sway=0.25,
            typical_lufs=-30.9,
        ),
        # A celesta, far away.
        "bells": Timbre(
            voices=4,
            oscillators=(
                _clear((1.0,), decay_s=1.5),
                _clear((0, 0, 0, 1.0), decay_s=0.35, level=0.12, hardness=0.8),
            ),
            release_s=(1.6, 0.6),
            level_db=-13.0,
            pans=(0.6, -0.55, 0.35, -0.15),
            typical_lufs=-40.0,
        ),
        "air": _air(
            oscillators=(_CHOIR,),
            release_s=(4.0, 1.5),
            level_db=-29.0,
            typical_lufs=-30.1,
        ),
    },
)


BY_NAME: dict[str, Palette] = {"warm-pads": WARM_PADS, "harp-bells": HARP_BELLS, "soft-strings": SOFT_STRINGS}
