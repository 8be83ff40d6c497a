"""Plucked strings, tongues and bars: harp, nylon guitar, kalimba, marimba."""

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
from generator.synthesis.instruments.shaping import Peak, low_pass, resonances, touch_level

STRING_PHASE = 0.5
"""Largest phase of a side in radians: a string has many partials, which even out their sides."""

PLUCK_ATTACK_S = 0.0012
CROSSWISE = 0.3
"""Amplitude of a string's vibration parallel to the soundboard, which is heard less and lasts longer."""

CROSSWISE_CENTS = 0.7
LONGEST_BAR_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluckedString:
    """A string, the finger that plucks it and the body that it drives.

    Attributes
    ----------
    place : float
        Where it is plucked, as a share of its length: partials with a node there are missing.
    inharmonicity : float
        B at middle C; it doubles in 9 semitones upward.
    t60_s : float
        Decay of the lowest partial at middle C.
    t60_octave : float
        Factor of it for each octave upward.
    damping_hz : float
        Where a partial's decay is twice as fast as the lowest one's.
    finger_hz : tuple of float
        Low-pass of the finger at velocity 0 and 127: the softer, the rounder the bend of the string.
    slope : float
        Amplitude of partial n is ``n ** -slope`` before finger and body.
    body : tuple of Peak
        Resonances of the body.
    noise_db, bloom_db : float
        Noise of the finger on the string, and the body's own diffuse answer, against the string.
    bloom_s : tuple of float
        Decay of that answer in the bass and in the treble.
    longest_s : float
        Longest note.
    """

    place: float
    inharmonicity: float
    t60_s: float
    t60_octave: float
    damping_hz: float
    finger_hz: tuple[float, float]
    slope: float
    body: tuple[Peak, ...]
    noise_db: float
    bloom_db: float
    bloom_s: tuple[float, float]
    longest_s: float

    def partials(self, note: SampledNote) -> Modes:
        """Return the string's partials, two for each number: across the soundboard and along it."""
        rng = note.string_rng()
        stiffness = self.inharmonicity * 2 ** (note.octaves * 12 / 9)
        number, hertz = stiff_string(note.hertz, stiffness)
        place = self.place * rng.uniform(0.95, 1.05)
        comb = np.hypot(np.sin(np.pi * number * place), 0.08)
        amplitude = comb * number**-self.slope * self.colour(note, hertz) * rng.uniform(0.8, 1.2, hertz.size)
        lasts = self.t60_s * self.t60_octave**note.octaves
        t60_s = lasts / ((1 + (hertz / self.damping_hz) ** 1.3) / (1 + (hertz[0] / self.damping_hz) ** 1.3))
        t60_s *= rng.uniform(0.75, 1.3, hertz.size)
        across = spread(hertz, t60_s, amplitude, rng, phase=STRING_PHASE, pulse_s=PLUCK_ATTACK_S)
        above = 2 ** (CROSSWISE_CENTS * rng.uniform(0.4, 1.2, hertz.size) / 1200)
        along = spread(
            hertz * above,
            1.5 * t60_s,
            CROSSWISE * amplitude,
            rng,
            pan=0.3,
            phase=STRING_PHASE,
            pulse_s=PLUCK_ATTACK_S,
        )
        return (across + along).scaled((across.power + along.power) ** -0.5)

    def colour(self, note: SampledNote, hertz: FloatArray) -> FloatArray:
        """Return what finger and body let through."""
        soft, hard = self.finger_hz
        cutoff = soft * (hard / soft) ** note.strength * 2 ** (0.35 * note.octaves)
        return low_pass(hertz, cutoff, 1.6) * resonances(hertz, self.body, 0.35)

    def play(self, note: SampledNote) -> Sample:
        """Render a note."""
        touch = note.touch_rng()
        harder = 2 * note.strength - 1
        string = ring(self.partials(note), self.longest_s)
        bloom = diffuse_body(
            note.body_rng(),
            300,
            (90.0, 16_000.0),
            self.bloom_s,
            lambda hz: self.colour(note, hz) * (hz / 400) ** -0.2,
        )
        answer = ring(bloom.scaled(10 ** (self.bloom_db / 20)), self.longest_s)
        finger = noise_burst(
            touch, 0.07, lambda hz: low_pass(hz, 5000.0 * 2**harder, 1.0) * hz / (hz + 700.0)
        )
        finger *= 10 ** ((self.noise_db + 3 * harder) / 20)
        sound = touch_level(note) * mixed(string, answer, finger)
        return finished(note, sound, PLUCK_ATTACK_S, self.longest_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar or tongue that is plucked or struck softly, over a resonator.

    Attributes
    ----------
    ratios, levels, lasts : tuple of float
        Frequency, amplitude and decay time of each partial relative to the first.
    t60_s, t60_octave : float
        Decay of the first at middle C, and its factor for each octave upward.
    mallet_hz : tuple of float
        Low-pass of the mallet or thumb at velocity 0 and 127.
    noise_db, noise_s : float
        Noise of the touch against the tone, and its decay time.
    noise_hz : float
        Where that noise is strongest.
    bloom_db : float
        The resonator's own diffuse answer against the tone.
    attack_s : float
        Time of contact.
    """

    ratios: tuple[float, ...]
    levels: tuple[float, ...]
    lasts: tuple[float, ...]
    t60_s: float
    t60_octave: float
    mallet_hz: tuple[float, float]
    noise_db: float
    noise_s: float
    noise_hz: float
    bloom_db: float
    attack_s: float

    def partials(self, note: SampledNote) -> Modes:
        """Return the partials, of power 1; two close ones each where the bar is not quite even."""
        rng = note.string_rng()
        hertz = note.hertz * np.array(self.ratios)
        soft, hard = self.mallet_hz
        cutoff = soft * (hard / soft) ** note.strength * 2 ** (0.5 * note.octaves)
        amplitude = np.array(self.levels) * low_pass(hertz, cutoff, 2.0) / low_pass(hertz[:1], cutoff, 2.0)
        t60_s = self.t60_s * self.t60_octave**note.octaves * np.array(self.lasts)
        uneven = rng.uniform(0.997, 1.003, hertz.size)
        uneven[0] = 1.0
        modes = spread(hertz * uneven, t60_s, amplitude, rng, pan=0.3)
        inside = modes.where(modes.hertz < HIGHEST_HZ)
        return inside.scaled(inside.power**-0.5)

    def play(self, note: SampledNote) -> Sample:
        """Render a note."""
        harder = 2 * note.strength - 1
        centre = self.noise_hz * 2 ** (0.4 * note.octaves + 0.6 * harder)
        touch = noise_burst(
            note.touch_rng(), self.noise_s, lambda hz: low_pass(hz, centre, 1.0) * hz / (hz + centre / 4)
        )
        touch *= 10 ** ((self.noise_db + 3 * harder) / 20)
        bloom = diffuse_body(
            note.body_rng(), 260, (120.0, 16_000.0), (0.5, 0.35), lambda hz: low_pass(hz, centre, 1.0)
        )
        answer = ring(bloom.scaled(10 ** ((self.bloom_db + 2 * harder) / 20)), 2.0)
        tone = ring(self.partials(note), LONGEST_BAR_S)
        sound = touch_level(note) * mixed(tone, answer, touch)
        return finished(note, sound, self.attack_s, LONGEST_BAR_S)


_HARP = PluckedString(
    place=0.37,
    inharmonicity=6e-5,
    t60_s=5.0,
    t60_octave=0.68,
    damping_hz=900.0,
    finger_hz=(900.0, 6500.0),
    slope=0.9,
    body=(
        Peak(200.0, 90.0, 1.0),
        Peak(330.0, 150.0, 0.8),
        Peak(2600.0, 2600.0, 0.5),
        Peak(7500.0, 6000.0, 0.5),
    ),
    noise_db=-19.0,
    bloom_db=-24.0,
    bloom_s=(1.0, 0.55),
    longest_s=5.6,
)

_GUITAR = PluckedString(
    place=0.19,
    inharmonicity=9e-5,
    t60_s=3.6,
    t60_octave=0.7,
    damping_hz=700.0,
    finger_hz=(800.0, 5200.0),
    slope=1.0,
    # Air resonance and first plates of a classical guitar (Fletcher and Rossing 1998, section 9.4).
    body=(Peak(100.0, 25.0, 1.0), Peak(200.0, 45.0, 1.3), Peak(290.0, 60.0, 0.8), Peak(3000.0, 3500.0, 0.6)),
    noise_db=-22.0,
    bloom_db=-25.0,
    bloom_s=(0.6, 0.35),
    longest_s=4.8,
)

# Tongues over a box: the octave and an overtone at 6.68 are what Holdaway measured on one tongue of a Hugh
# Tracey kalimba (Kalimba Magic, tip of 8 December 2006; we round to 6.6); Chapman found 5.3 to 5.9 on another
# (2006, Canadian Acoustics 34(3), 26). The overtone at 17.5 is the theory's for a clamped bar: Holdaway did
# not find it, we keep a little of it as the click of the tongue. Levels and decays are ours.
_KALIMBA = Bar(
    ratios=(1.0, 1.0012, 2.0, 6.6, 17.5),
    levels=(1.0, 0.12, 0.04, 0.3, 0.2),
    lasts=(1.0, 1.2, 0.8, 0.2, 0.08),
    t60_s=2.6,
    t60_octave=0.75,
    mallet_hz=(1500.0, 9000.0),
    noise_db=-16.5,
    noise_s=0.06,
    noise_hz=5000.0,
    bloom_db=-25.0,
    attack_s=0.0015,
)

# A bar tuned to a double octave and to about a third above the third octave, as makers tune it (Fletcher and
# Rossing 1998, section 19.4); 9.9 is our choice of that third. The higher ratios are a xylophone's, an arched
# bar as well, rounded from the modal table of the Csound manual, which names no measurement. Levels and
# decays are ours.
_MARIMBA = Bar(
    ratios=(1.0, 4.0, 9.9, 16.7, 24.6, 31.1),
    levels=(1.0, 0.3, 0.16, 0.12, 0.1, 0.08),
    lasts=(1.0, 0.4, 0.2, 0.12, 0.08, 0.06),
    t60_s=1.9,
    t60_octave=0.62,
    mallet_hz=(700.0, 4500.0),
    noise_db=-18.0,
    noise_s=0.05,
    noise_hz=2800.0,
    bloom_db=-26.0,
    attack_s=0.002,
)

HARP = Instrument(name="harp", kind=InstrumentKind.PLUCKED, lowest=37, highest=94, model=_HARP.play)
GUITAR = Instrument(
    name="nylon-guitar", kind=InstrumentKind.PLUCKED, lowest=49, highest=94, model=_GUITAR.play
)
KALIMBA = Instrument(name="kalimba", kind=InstrumentKind.PLUCKED, lowest=61, highest=91, model=_KALIMBA.play)
MARIMBA = Instrument(name="marimba", kind=InstrumentKind.STRUCK, lowest=49, highest=94, model=_MARIMBA.play)
