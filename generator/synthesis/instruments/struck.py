"""Struck strings, bars and bells: felt piano, celesta, handbells, singing bowl."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.synthesis.instruments.modal import (
    HIGHEST_HZ,
    Modes,
    diffuse_body,
    finished,
    mixed,
    noise_burst,
    ring,
    spread,
    stiff_string,
)
from generator.synthesis.instruments.sample import FloatArray, Instrument, InstrumentKind, Sample, SampledNote
from generator.synthesis.instruments.shaping import Peak, high_pass, low_pass, resonances, touch_level

STRING_PHASE = 0.65
"""Largest phase of a side in radians: a string has many partials, which even out their sides."""

HAMMER_PLACE = 0.12
"""A piano's hammer strikes at about an eighth of the string."""

FELT_HZ = (600.0, 4200.0)
"""Low-pass of the felt between hammer and string at velocity 0 and 127, at middle C."""

FELT_ATTACK_S = (0.014, 0.006)
"""Contact of the felt at velocity 0 and 127."""

FELT_PULSE_S = 0.009
"""When all partials pass 0 together, at any velocity: so a mix of two velocities has no notch."""

LONGEST_PIANO_S = 5.4
TWO_STRINGS_FROM = 36
THREE_STRINGS_FROM = 48
UNISON_CENTS = 0.45
"""Strings of a note lie so far apart at most; the ear takes it as warmth (Weinreich 1977, JASA 62, 1474)."""

PROMPT, AFTER = 0.85, 0.33
"""Amplitudes of the two stages of decay: the strings together, and what stays when they are apart."""

SOUNDBOARD = (
    Peak(110.0, 80.0, 0.6),
    Peak(260.0, 260.0, 0.9),
    Peak(900.0, 1500.0, 0.5),
    Peak(4500.0, 6000.0, 0.35),
)

KNOCK_DB = -27.0
HAMMER_DB = -18.0
BOARD_DB = -24.0


def piano_inharmonicity(pitch: int) -> float:
    """Return B of a grand piano's string: 1.5e-4 in the bass, doubled every 8 semitones from C3 up."""
    return float(max(1.5e-4, 4e-4 * 2 ** ((pitch - 60) / 8)))


def _strings(note: SampledNote) -> Modes:
    """Return the partials of the two or three strings, each with two stages of decay, of power 1."""
    rng = note.string_rng()
    number, hertz = stiff_string(note.hertz, piano_inharmonicity(note.pitch))
    comb = np.hypot(np.sin(np.pi * number * HAMMER_PLACE), 0.1)
    amplitude = comb * number**-0.85 * _felt(note, hertz) * resonances(hertz, SOUNDBOARD, 0.3)
    amplitude *= rng.uniform(0.75, 1.25, hertz.size)
    first_s = 5.5 * 0.7**note.octaves
    t60_s = first_s / ((1 + (hertz / 1100.0) ** 1.2) / (1 + (hertz[0] / 1100.0) ** 1.2))
    t60_s *= rng.uniform(0.8, 1.25, hertz.size)
    strings = 1 + (note.pitch >= TWO_STRINGS_FROM) + (note.pitch >= THREE_STRINGS_FROM)
    apart = (0.0,) if strings == 1 else tuple(np.linspace(-UNISON_CENTS, UNISON_CENTS, strings))
    modes = spread(hertz, 0.55 * t60_s, PROMPT * amplitude, rng, phase=STRING_PHASE, pulse_s=FELT_PULSE_S)
    for cents in apart:
        one = hertz * 2 ** (cents * rng.uniform(0.7, 1.0) / 1200)
        modes += spread(
            one,
            1.5 * t60_s,
            AFTER / strings**0.5 * amplitude,
            rng,
            pan=0.3,
            phase=STRING_PHASE,
            pulse_s=FELT_PULSE_S,
        )
    return modes.scaled(modes.power**-0.5)


def _felt(note: SampledNote, hertz: FloatArray) -> FloatArray:
    soft, hard = FELT_HZ
    return low_pass(hertz, soft * (hard / soft) ** note.strength * 2 ** (0.45 * note.octaves), 1.8)


def _contact(note: SampledNote) -> float:
    soft, hard = FELT_ATTACK_S
    return soft + (hard - soft) * note.strength


def _felt_piano(note: SampledNote) -> Sample:
    harder = 2 * note.strength - 1
    touch = note.touch_rng()
    hammer = noise_burst(
        touch, 0.12, lambda hz: low_pass(hz, 2600.0 * 2**harder, 1.0) * high_pass(hz, 300.0, 1.0)
    )
    knock = diffuse_body(
        note.body_rng(), 24, (60.0, 420.0), (0.22, 0.12), lambda hz: low_pass(hz, 200.0, 1.0)
    )
    board = diffuse_body(
        note.body_rng(),
        320,
        (80.0, 16_000.0),
        (1.3, 0.5),
        lambda hz: _felt(note, hz) * resonances(hz, SOUNDBOARD, 0.3) * (hz / 400) ** -0.2,
    )
    case = ring(knock.scaled(10 ** (KNOCK_DB / 20)) + board.scaled(10 ** ((BOARD_DB + harder) / 20)), 2.0)
    strings = ring(_strings(note), LONGEST_PIANO_S)
    sound = mixed(strings, case, hammer * 10 ** ((HAMMER_DB + 3 * harder) / 20))
    return finished(note, touch_level(note) * sound, _contact(note), LONGEST_PIANO_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """A body with its own partials, each of them a pair that beats because no casting is quite round.

    Attributes
    ----------
    ratios, levels, lasts : tuple of float
        Frequency relative to the note's, amplitude, and decay time relative to `t60_s`.
    t60_s, t60_octave : float
        Decay at middle C, and its factor for each octave upward.
    beating_hz : float
        Largest distance of a pair at middle C.
    clapper_hz : tuple of float
        Low-pass of the clapper at velocity 0 and 127.
    clapper_db, clapper_s : float
        Its noise against the tone, and the noise's decay.
    shimmer_db : float
        The many weak partials above, against the tone.
    attack_s : float
        Time of contact.
    longest_s : float
        Longest note.
    """

    ratios: tuple[float, ...]
    levels: tuple[float, ...]
    lasts: tuple[float, ...]
    t60_s: float
    t60_octave: float
    beating_hz: float
    clapper_hz: tuple[float, float]
    clapper_db: float
    clapper_s: float
    shimmer_db: float
    attack_s: float
    longest_s: float

    def partials(self, note: SampledNote) -> Modes:
        """Return the pairs of partials, of power 1."""
        rng = note.string_rng()
        hertz = note.hertz * np.array(self.ratios)
        soft, hard = self.clapper_hz
        cutoff = soft * (hard / soft) ** note.strength * 2 ** (0.5 * note.octaves)
        amplitude = np.array(self.levels) * low_pass(hertz, cutoff, 1.6) / low_pass(hertz[:1], cutoff, 1.6)
        t60_s = self.t60_s * self.t60_octave**note.octaves * np.array(self.lasts)
        apart = self.beating_hz * 2 ** (0.5 * note.octaves) * rng.uniform(0.3, 1.0, hertz.size)
        share = rng.uniform(0.2, 0.4, hertz.size)
        one = spread(hertz, t60_s, amplitude * np.sqrt(1 - share**2), rng, pan=0.3)
        other = spread(hertz + apart, t60_s, amplitude * share, rng, pan=0.3)
        modes = one + other
        inside = modes.where(modes.hertz < HIGHEST_HZ)
        return inside.scaled(inside.power**-0.5)

    def play(self, note: SampledNote) -> Sample:
        """Render a note."""
        harder = 2 * note.strength - 1
        colour_hz = self.clapper_hz[1] * 2**harder
        clapper = noise_burst(
            note.touch_rng(),
            self.clapper_s,
            lambda hz: low_pass(hz, colour_hz, 1.0) * high_pass(hz, 900.0, 1.0),
        )
        lowest = min(2.2 * note.hertz, 6000.0)
        shimmer = diffuse_body(
            note.string_rng(), 160, (lowest, 17_000.0), (1.2, 0.5), lambda hz: low_pass(hz, colour_hz, 1.0)
        )
        weak = ring(shimmer.scaled(10 ** ((self.shimmer_db + 3 * harder) / 20)), 3.0)
        tone = ring(self.partials(note), self.longest_s)
        clapper *= 10 ** ((self.clapper_db + 3 * harder) / 20)
        return finished(note, touch_level(note) * mixed(tone, weak, clapper), self.attack_s, self.longest_s)


# Steel plates over boxes tuned to the first partial, struck with felt. We know no measurement of a celesta's
# plates: the ratios are those of a uniform free bar, from the modal table of the Csound manual (aluminium;
# the theory of a thin bar gives 2.756, 5.404, 8.933). Levels and decays are ours.
_CELESTA = Bell(
    ratios=(1.0, 2.756, 5.423, 8.988, 13.448, 18.68),
    levels=(1.0, 0.16, 0.12, 0.09, 0.07, 0.05),
    lasts=(1.0, 0.5, 0.3, 0.2, 0.14, 0.1),
    t60_s=4.2,
    t60_octave=0.72,
    beating_hz=0.5,
    clapper_hz=(1800.0, 9000.0),
    clapper_db=-20.0,
    clapper_s=0.06,
    shimmer_db=-30.0,
    attack_s=0.0025,
    longest_s=5.0,
)

# Tuned handbells: the mode (3,0) at three times the (2,0), and the octave that the (2,0) radiates
# indirectly (Rossing and Sathoff 1980, JASA 68, 1600; Rossing and Perrin 1987, Applied Acoustics 20, 41).
# The modes (4,0) and up are ours: Chladni's law f ~ m^p with the p of the first two, which Rossing and Perrin
# fit to bells in a modified form. Levels, decays and beats are ours.
_HANDBELL = Bell(
    ratios=(1.0, 2.0, 3.0, 6.54, 11.98, 19.6),
    levels=(1.0, 0.22, 0.3, 0.1, 0.07, 0.05),
    lasts=(1.0, 0.5, 0.5, 0.22, 0.14, 0.1),
    t60_s=6.5,
    t60_octave=0.7,
    beating_hz=0.7,
    clapper_hz=(1500.0, 8000.0),
    clapper_db=-22.0,
    clapper_s=0.07,
    shimmer_db=-29.0,
    attack_s=0.002,
    longest_s=5.6,
)

# A bowl 180 mm wide, struck with a padded stick: ratios from the modal table of the Csound manual, where a
# bowl of this width stands beside two others as in the measurements of Inácio, Henrique and Antunes (2006,
# Acta Acustica 92, 637). Its pairs beat slowly and long. Levels, decays and beats are ours.
_SINGING_BOWL = Bell(
    ratios=(1.0, 2.77828, 5.18099, 8.16289, 11.66063, 15.63801, 19.99),
    levels=(1.0, 0.45, 0.25, 0.14, 0.09, 0.06, 0.04),
    lasts=(1.0, 0.65, 0.4, 0.25, 0.16, 0.11, 0.08),
    t60_s=13.0,
    t60_octave=0.75,
    beating_hz=0.9,
    clapper_hz=(500.0, 4000.0),
    clapper_db=-24.0,
    clapper_s=0.1,
    shimmer_db=-31.0,
    attack_s=0.005,
    longest_s=6.2,
)

FELT_PIANO = Instrument(
    name="felt-piano", kind=InstrumentKind.STRUCK, lowest=37, highest=94, model=_felt_piano
)
CELESTA = Instrument(name="celesta", kind=InstrumentKind.STRUCK, lowest=61, highest=94, model=_CELESTA.play)
HANDBELLS = Instrument(
    name="handbells", kind=InstrumentKind.STRUCK, lowest=68, highest=89, model=_HANDBELL.play
)
SINGING_BOWL = Instrument(
    name="singing-bowl", kind=InstrumentKind.STRUCK, lowest=49, highest=79, model=_SINGING_BOWL.play
)
