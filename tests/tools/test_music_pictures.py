"""What comes back in a session, on small pieces that return."""

import random

import numpy as np
import pytest

from benchmarks.note_measures import notes_of
from tools.music_pictures import WINDOW_BARS, same_tones, same_tune, scale_move


def tune(pitches, start=0.0):
    """Return a melody of quarters."""
    return [(start + i, 1.0, start + i, pitch, 60, "melody") for i, pitch in enumerate(pitches)]


def test_an_interval_is_a_number_of_steps_whatever_the_mode():
    assert [scale_move(each) for each in (0, 1, 2, -3, -4, 7, 12, -14)] == [0, 1, 1, -2, -2, 4, 7, -8]


def test_a_tune_that_returns_a_fourth_higher_is_the_same_tune():
    rng = random.Random(1)
    first = [rng.choice((60, 62, 64, 67, 69)) for _ in range(4 * WINDOW_BARS)]
    other = [rng.randint(48, 90) for _ in range(4 * WINDOW_BARS)]
    alike = same_tune(notes_of(tune(first + other + [pitch + 5 for pitch in first])))
    assert alike[0, 2 * WINDOW_BARS] > 0.9
    assert alike[0, WINDOW_BARS] < 0.2
    assert np.array_equal(alike, alike.T)


def test_bars_of_one_chord_have_the_same_tones_and_those_of_another_do_not():
    chords = [(60, 64, 67)] * WINDOW_BARS + [(61, 65, 68)] * WINDOW_BARS + [(60, 64, 67)] * WINDOW_BARS
    rows = [
        (4.0 * bar, 4.0, 4.0 * bar, pitch, 60, "pad") for bar, chord in enumerate(chords) for pitch in chord
    ]
    alike = same_tones(notes_of(rows))
    assert alike[0, 2 * WINDOW_BARS] == pytest.approx(1.0)
    assert alike[0, WINDOW_BARS] == 0.0


def test_silent_bars_have_no_tones():
    rows = [(0.0, 4.0, 0.0, 60, 60, "pad"), (400.0, 4.0, 400.0, 60, 60, "pad")]
    alike = same_tones(notes_of(rows))
    assert alike[0, 50] == 0.0
    assert alike[0, 100] == pytest.approx(1.0)
