"""Plucked and struck instruments: they speak at once, their high partials die first, they end in silence."""

import numpy as np
import pytest

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.catalog import INSTRUMENTS
from generator.synthesis.instruments.modal import Modes, ring, stiff_string
from generator.synthesis.instruments.struck import piano_inharmonicity
from tests.generator.synthesis.instruments.rendered import DECAYING, hertz, mono, places, rendered, rise_ms

FELT = "felt-piano"
decaying = pytest.mark.parametrize("name", DECAYING)


def partial_level(sound, frequency, start_s):
    """Return the level of a partial in the 0.2 s from a time on, in dB."""
    start = int(start_s * SAMPLE_RATE)
    piece = sound[start : start + SAMPLE_RATE // 5] * np.hanning(SAMPLE_RATE // 5)
    time = np.arange(piece.size) / SAMPLE_RATE
    return 20 * np.log10(abs(np.vdot(np.exp(2j * np.pi * frequency * time), piece)) + 1e-12)


@decaying
def test_a_note_speaks_at_once_at_every_touch(name):
    limit_ms = 12.0 if name == FELT else 5.0
    for pitch in places(name):
        for velocity in INSTRUMENTS[name].velocities:
            assert rise_ms(rendered(name, pitch, velocity)) <= limit_ms


@decaying
def test_a_note_ends_seventy_decibels_down_in_exact_silence(name):
    for pitch in places(name):
        audio = rendered(name, pitch).audio.astype(float)
        level = 10 * np.log10(
            (audio[: len(audio) // 480 * 480] ** 2).mean(axis=1).reshape(-1, 480).mean(axis=1) + 1e-20
        )
        before_the_fade = level[-9:-6]
        assert before_the_fade.max() < level.max() - 66.0
        assert not audio[-1].any()


@decaying
def test_a_note_lasts_no_longer_than_seven_seconds(name):
    instrument = INSTRUMENTS[name]
    assert len(rendered(name, instrument.lowest).audio) <= 7 * SAMPLE_RATE


@pytest.mark.parametrize(("name", "pitch"), [("harp", 49), ("nylon-guitar", 49), (FELT, 49)])
def test_high_partials_of_a_string_die_sooner(name, pitch):
    sound = mono(rendered(name, pitch))
    stiffness = piano_inharmonicity(pitch) if name == FELT else 3e-5
    _, partials = stiff_string(hertz(pitch), stiffness)
    falls = [
        np.mean([partial_level(sound, each, 0.1) - partial_level(sound, each, 0.9) for each in group])
        for group in (partials[0:3], partials[6:10], partials[14:20])
    ]
    assert falls[0] < falls[1] < falls[2]


def test_partials_of_a_stiff_string_are_stretched_and_the_first_is_in_tune():
    number, partials = stiff_string(220.0, 4e-4)
    assert partials[0] == pytest.approx(220.0)
    assert np.all(np.diff(partials / number) > 0)


@pytest.mark.parametrize(
    ("name", "ratios"),
    [
        ("celesta", (2.756, 5.423)),
        ("handbells", (2.0, 3.0)),
        ("singing-bowl", (2.77828, 5.18099)),
    ],
)
def test_a_bell_has_the_partials_of_its_kind(name, ratios):
    instrument = INSTRUMENTS[name]
    sound = mono(rendered(name, instrument.lowest))
    for ratio in ratios:
        at = hertz(instrument.lowest) * ratio
        around = [partial_level(sound, at * factor, 0.1) for factor in (0.93, 1.07)]
        assert partial_level(sound, at, 0.1) > max(around) + 6


def test_a_piano_dies_away_in_two_stages():
    sound = mono(rendered(FELT, 61))
    levels = [
        20 * np.log10(np.sqrt(np.mean(sound[int(t * 48000) : int((t + 0.4) * 48000)] ** 2)))
        for t in (0.0, 0.5, 1.0, 1.5)
    ]
    falls = -np.diff(levels)
    assert falls[0] > falls[2] > 0


def test_ringing_is_the_sum_of_the_decaying_sines():
    modes = Modes(
        np.array([440.0, 3000.0]),
        np.array([3.0, 40.0]),
        np.array([0.5, 0.2j]),
        np.array([0.4j, -0.1]),
    )
    sound = ring(modes, 0.5)
    time = np.arange(4000) / SAMPLE_RATE
    for side, amplitude in enumerate((modes.left, modes.right)):
        expected = sum(
            (a * np.exp((2j * np.pi * f - d) * time)).real
            for f, d, a in zip(modes.hertz, modes.decay, amplitude, strict=True)
        )
        assert sound[:4000, side] == pytest.approx(expected, abs=1e-9)
