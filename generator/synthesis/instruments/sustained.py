"""Held tones: strings, choirs, flute, bowed glass, warm pad, sub bass, breath."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from generator.synthesis.instruments.ensemble import Ensemble
from generator.synthesis.instruments.sample import (
    ONE_VELOCITY,
    TWO_VELOCITIES,
    FloatArray,
    Instrument,
    InstrumentKind,
    SampledNote,
)
from generator.synthesis.instruments.shaping import Peak, high_pass, low_pass, resonances, ripple

# ------------------------------------------------------------------------------------------ strings

# Air, wood and bridge hill of violins and violas (Fletcher and Rossing 1998, sections 10.3 to 10.6).
_VIOLIN = (
    Peak(280.0, 90.0, 0.8),
    Peak(470.0, 120.0, 1.0),
    Peak(1000.0, 700.0, 0.6),
    Peak(2600.0, 1800.0, 0.55),
    Peak(6000.0, 6000.0, 0.45),
)


# Air, wood and bridge of violas, and of cellos, whose resonances lie a fifth and a twelfth deeper (the same,
# section 10.7); widths and gains are ours.
_VIOLA = (
    Peak(220.0, 80.0, 0.9),
    Peak(360.0, 110.0, 1.0),
    Peak(800.0, 600.0, 0.6),
    Peak(1900.0, 1400.0, 0.5),
    Peak(5500.0, 6000.0, 0.4),
)
_CELLO = (
    Peak(105.0, 40.0, 0.9),
    Peak(190.0, 70.0, 1.0),
    Peak(350.0, 220.0, 0.7),
    Peak(1100.0, 900.0, 0.45),
    Peak(4500.0, 6000.0, 0.35),
)


def _bowed_body(
    note: SampledNote, hertz: FloatArray, *, cutoff: float, body: tuple[Peak, ...] = _VIOLIN
) -> FloatArray:
    uneven = ripple(hertz, note.body_rng(), 2.5)
    pressed = cutoff * 2 ** (2.2 * note.strength - 1.0 + 0.2 * note.octaves)
    return resonances(hertz, body, 0.35) * uneven * low_pass(hertz, pressed, 1.3)


def _bow(note: SampledNote, hertz: FloatArray, *, body: tuple[Peak, ...] = _VIOLIN) -> FloatArray:
    """Return the noise of bows: the string lets pass what lies near its partials more than the rest."""
    string = 0.55 + 0.45 * np.cos(2 * np.pi * hertz / note.hertz)
    open_ = high_pass(hertz, 500.0, 1.0) * low_pass(hertz, 6000.0 * 2 ** (note.strength - 0.7), 1.2)
    return string * open_ * resonances(hertz, body, 0.5)


_BOWED = Ensemble(
    players=7,
    detune_cents=5.0,
    vibrato_cents=7.0,
    vibrato_hz=5.4,
    jitter_cents=3.0,
    swell=0.4,
    width=0.52,
    slope=1.0,
    dark=partial(_bowed_body, cutoff=1500.0),
    bright=partial(_bowed_body, cutoff=3600.0),
    noise=_bow,
    noise_db=-27.5,
    attack_s=0.32,
    entries_s=0.12,
    loop_s=3.0,
)

_SOLO_STRINGS = Ensemble(
    players=2,
    detune_cents=2.0,
    vibrato_cents=11.0,
    vibrato_hz=5.3,
    jitter_cents=4.0,
    swell=0.16,
    width=0.36,
    slope=1.0,
    dark=partial(_bowed_body, cutoff=1200.0, body=_VIOLA),
    bright=partial(_bowed_body, cutoff=2700.0, body=_VIOLA),
    noise=partial(_bow, body=_VIOLA),
    noise_db=-27.0,
    attack_s=0.38,
    entries_s=0.04,
    loop_s=2.6,
    vibrato_full_s=0.9,
)

_LOW_STRINGS = Ensemble(
    players=5,
    detune_cents=4.0,
    vibrato_cents=5.0,
    vibrato_hz=4.8,
    jitter_cents=3.0,
    swell=0.25,
    width=0.36,
    slope=1.1,
    dark=partial(_bowed_body, cutoff=700.0, body=_CELLO),
    bright=partial(_bowed_body, cutoff=1700.0, body=_CELLO),
    noise=partial(_bow, body=_CELLO),
    noise_db=-30.0,
    attack_s=0.28,
    entries_s=0.08,
    loop_s=4.0,
    octave_below=0.3,
)

# -------------------------------------------------------------------------------------------- choir

# Formants of sung "oo" and "ah" (Peterson and Barney 1952, JASA 24, 175), men's and women's, with the bands
# around 3 and 4 kHz of trained voices (Sundberg 1974, JASA 55, 838) held back: the choir is far and soft.
_WOMEN = (
    (
        (370.0, 90.0, 1.0),
        (850.0, 110.0, 0.5),
        (2700.0, 250.0, 0.16),
        (3800.0, 500.0, 0.1),
        (7500.0, 5000.0, 0.06),
    ),
    (
        (800.0, 120.0, 1.0),
        (1250.0, 140.0, 0.8),
        (2850.0, 260.0, 0.4),
        (3900.0, 500.0, 0.25),
        (8000.0, 5000.0, 0.12),
    ),
)
_MEN = (
    (
        (310.0, 80.0, 1.0),
        (800.0, 100.0, 0.4),
        (2250.0, 220.0, 0.16),
        (3200.0, 400.0, 0.12),
        (7000.0, 5000.0, 0.05),
    ),
    (
        (660.0, 100.0, 1.0),
        (1080.0, 120.0, 0.8),
        (2450.0, 240.0, 0.35),
        (3300.0, 400.0, 0.25),
        (7500.0, 5000.0, 0.1),
    ),
)

_Formants = tuple[tuple[float, float, float], ...]


def _vowel(note: SampledNote, hertz: FloatArray, *, formants: _Formants, chest: float) -> FloatArray:
    # Singers raise the first formant to the tone when the tone passes it.
    raised = max(1.0, note.hertz / formants[0][0])
    first = Peak(formants[0][0] * raised, formants[0][1] * raised, formants[0][2])
    peaks = (first, *(Peak(*each) for each in formants[1:]))
    effort = (hertz / note.hertz).clip(1.0) ** (0.9 * (note.strength - 0.7))
    return resonances(hertz, peaks, chest) * effort


def _breath_of(note: SampledNote, hertz: FloatArray, *, formants: _Formants) -> FloatArray:
    """Return the spectrum of breath: the throat's noise through the mouth, and the teeth's above."""
    peaks = tuple(Peak(centre, 2 * width, gain) for centre, width, gain in formants)
    mouth = resonances(hertz, peaks, 0.05) * high_pass(hertz, 500.0, 1.5)
    teeth = 0.16 * high_pass(hertz, 3500.0, 2.0) * low_pass(hertz, 8500.0 * 2 ** (note.strength - 0.7), 2.0)
    return mouth + teeth


def _choir(formants: tuple[_Formants, _Formants], **settings: float) -> Ensemble:
    closed, open_ = formants
    base = Ensemble(
        players=8,
        detune_cents=6.0,
        vibrato_cents=14.0,
        vibrato_hz=5.2,
        jitter_cents=4.0,
        swell=0.3,
        width=0.52,
        slope=1.35,
        dark=partial(_vowel, formants=closed, chest=0.05),
        bright=partial(_vowel, formants=open_, chest=0.05),
        noise=partial(_breath_of, formants=open_),
        noise_db=-26.5,
        attack_s=0.36,
        entries_s=0.16,
        loop_s=3.0,
    )
    return replace(base, **settings)  # type: ignore[arg-type]


_WOMENS_CHOIR = _choir(_WOMEN)
_MENS_CHOIR = _choir(_MEN, vibrato_cents=9.0, vibrato_hz=4.9, detune_cents=5.0, loop_s=4.0)

# --------------------------------------------------------------------------------------------- pads


def _analogue(note: SampledNote, hertz: FloatArray, *, cutoff: float) -> FloatArray:
    """Return a resonant two-pole low-pass that opens with velocity and follows the keyboard by half."""
    at = cutoff * 2 ** (2.0 * note.strength - 1.0 + 0.5 * note.octaves)
    ratio = (hertz / at) ** 2
    return np.asarray(1 / np.sqrt((1 - ratio) ** 2 + 1.3 * ratio)) ** 0.8


def _circuit(note: SampledNote, hertz: FloatArray) -> FloatArray:
    """Return the noise generator of a synthesizer, mixed to its oscillators before the same filter."""
    return high_pass(hertz, 1200.0, 1.0) * low_pass(hertz, 5000.0 * 2 ** (note.strength - 0.7), 1.2)


_WARM = Ensemble(
    players=6,
    detune_cents=6.0,
    vibrato_cents=1.5,
    vibrato_hz=0.7,
    jitter_cents=0.8,
    swell=0.22,
    width=0.46,
    slope=1.0,
    dark=partial(_analogue, cutoff=700.0),
    bright=partial(_analogue, cutoff=2200.0),
    noise=_circuit,
    noise_db=-32.0,
    attack_s=0.26,
    entries_s=0.04,
    loop_s=4.0,
)


def _round(note: SampledNote, hertz: FloatArray, *, cutoff: float) -> FloatArray:
    return low_pass(hertz, cutoff * 2 ** (note.strength - 0.7), 2.5)


def _hum(note: SampledNote, hertz: FloatArray) -> FloatArray:
    return low_pass(hertz, 6 * note.hertz, 2.0) * high_pass(hertz, 2 * note.hertz, 1.0)


_SUB = Ensemble(
    players=1,
    detune_cents=0.0,
    vibrato_cents=0.5,
    vibrato_hz=0.5,
    jitter_cents=0.4,
    swell=0.08,
    width=0.15,
    slope=1.6,
    dark=partial(_round, cutoff=120.0),
    bright=partial(_round, cutoff=220.0),
    noise=_hum,
    noise_db=-42.0,
    attack_s=0.27,
    entries_s=0.01,
    loop_s=2.2,
    octave_below=0.35,
)


def _pipe(note: SampledNote, hertz: FloatArray, *, cutoff: float) -> FloatArray:
    return low_pass(hertz, cutoff * 2 ** (note.strength - 0.7 + 0.4 * note.octaves), 2.5)


def _air(note: SampledNote, hertz: FloatArray) -> FloatArray:
    """Return breath that a pipe tunes: narrow bands on its partials, and what goes by above."""
    number = np.maximum(1.0, np.rint(hertz / note.hertz))
    off = (hertz - number * note.hertz) / (0.012 * note.hertz * number**0.5)
    tuned = number**-1.5 / (1 + off**2)
    past = 0.018 * high_pass(hertz, 900.0, 1.5) * low_pass(hertz, 6000.0 * 2 ** (note.strength - 0.7), 1.5)
    return np.asarray(tuned + past)


_BREATH = Ensemble(
    players=3,
    detune_cents=3.0,
    vibrato_cents=3.0,
    vibrato_hz=4.4,
    jitter_cents=5.0,
    swell=0.3,
    width=0.28,
    slope=1.6,
    dark=partial(_pipe, cutoff=600.0),
    bright=partial(_pipe, cutoff=1500.0),
    noise=_air,
    noise_db=-5.0,
    attack_s=0.42,
    entries_s=0.06,
    loop_s=4.0,
)


# ---------------------------------------------------------------------------------- flute and glass


def _wood(note: SampledNote, hertz: FloatArray, *, cutoff: float) -> FloatArray:
    """Return the spectrum of a wooden flute: the harder it is blown, the more of its octave and above."""
    at = cutoff * 2 ** (1.6 * note.strength - 0.8 + 0.45 * note.octaves)
    return low_pass(hertz, at, 1.8)


def _blown(note: SampledNote, hertz: FloatArray) -> FloatArray:
    """Return the air past the edge: what the pipe tunes, and the broad rest above."""
    number = np.maximum(1.0, np.rint(hertz / note.hertz))
    off = (hertz - number * note.hertz) / (0.02 * note.hertz * number**0.5)
    tuned = number**-1.0 / (1 + off**2)
    past = 0.1 * high_pass(hertz, 1500.0, 1.0) * low_pass(hertz, 6500.0 * 2 ** (note.strength - 0.7), 1.5)
    return np.asarray(tuned + past)


_FLUTE = Ensemble(
    players=2,
    detune_cents=2.0,
    vibrato_cents=7.0,
    vibrato_hz=4.7,
    jitter_cents=2.5,
    swell=0.16,
    width=0.32,
    slope=1.1,
    dark=partial(_wood, cutoff=650.0),
    bright=partial(_wood, cutoff=1300.0),
    noise=_blown,
    noise_db=-20.0,
    attack_s=0.33,
    entries_s=0.03,
    loop_s=2.6,
    vibrato_full_s=0.8,
)


BETWEEN_FIRST_AND_SECOND = 1.5


def _rim(note: SampledNote, hertz: FloatArray, *, above: float) -> FloatArray:
    """Return harmonics of the lowest mode: rubbing a rim excites nothing else.

    That, and a pulse as the finger goes round, is what Rossing observed (Acoustics of glass harmonicas,
    147th meeting of the ASA, 2004); how strong the harmonics are, and a pulse slower than his 4 to 8 a
    second, is our choice.
    """
    return np.where(hertz < BETWEEN_FIRST_AND_SECOND * note.hertz, 1.0, above) * low_pass(hertz, 5000.0, 1.5)


def _wet_finger(note: SampledNote, hertz: FloatArray) -> FloatArray:
    return high_pass(hertz, 2500.0, 1.0) * low_pass(hertz, 8000.0 * 2 ** (note.strength - 0.4), 1.0)


_GLASS = Ensemble(
    players=3,
    detune_cents=1.5,
    vibrato_cents=0.8,
    vibrato_hz=1.2,
    jitter_cents=0.5,
    swell=0.3,
    width=0.25,
    slope=2.2,
    dark=partial(_rim, above=0.5),
    bright=partial(_rim, above=1.2),
    noise=_wet_finger,
    noise_db=-30.0,
    attack_s=0.32,
    entries_s=0.08,
    loop_s=3.3,
)


def _held(
    name: str,
    kind: InstrumentKind,
    pitches: tuple[int, int],
    ensemble: Ensemble,
    velocities: tuple[int, ...] = TWO_VELOCITIES,
) -> Instrument:
    lowest, highest = pitches
    return Instrument(
        name=name, kind=kind, lowest=lowest, highest=highest, model=ensemble.play, velocities=velocities
    )


BOWED_ENSEMBLE = _held("bowed-ensemble", InstrumentKind.BOWED, (42, 90), _BOWED)
SOLO_STRINGS = _held("solo-strings", InstrumentKind.BOWED, (49, 91), _SOLO_STRINGS)
LOW_STRINGS = _held("low-strings", InstrumentKind.BOWED, (37, 58), _LOW_STRINGS)
FLUTE = _held("flute", InstrumentKind.BLOWN, (53, 92), _FLUTE)
GLASS = _held("glass", InstrumentKind.BOWED, (42, 90), _GLASS, ONE_VELOCITY)
CHOIR = _held("choir", InstrumentKind.SUNG, (54, 81), _WOMENS_CHOIR)
LOW_CHOIR = _held("low-choir", InstrumentKind.SUNG, (37, 76), _MENS_CHOIR, ONE_VELOCITY)
WARM_PAD = _held("warm-pad", InstrumentKind.PAD, (37, 79), _WARM, ONE_VELOCITY)
SUB_BASS = _held("sub-bass", InstrumentKind.PAD, (25, 46), _SUB, ONE_VELOCITY)
BREATH = _held("breath", InstrumentKind.PAD, (56, 77), _BREATH, ONE_VELOCITY)
