"""Clicks among noise, pulses and hammers."""

import numpy as np
import pytest
from scipy.signal import lfilter

from benchmarks.clicks import CLICK_STANDS_OUT, block_pulse, clicks

RATE, BLOCK = 48_000, 800


def bowed(seconds=2.0):
    """Return a tone excited by a pulse each period, as a bow or a voice does, with noise of breath."""
    rng = np.random.default_rng(3)
    excitation = 0.002 * rng.standard_normal(round(seconds * RATE))
    at = np.cumsum(RATE / (196.0 + 2.0 * rng.standard_normal(round(150 * seconds)))).astype(int)
    excitation[at[at < excitation.size]] += 0.05
    return lfilter([1.0], [1.0, -1.9, 0.93], excitation)


def step(sound, at_s, size):
    """Add a step that dies away."""
    at = round(at_s * RATE)
    stepped = sound.copy()
    stepped[at:] += size * np.exp(-np.arange(sound.size - at) / 240.0)
    return stepped


def sharpest(sound, onsets=()):
    """Return how far the sharpest sample stands out, and when."""
    stands_out = clicks(sound, RATE, onsets).stands_out
    return stands_out.max(), stands_out.argmax() / RATE


def test_pulses_of_a_bow_are_no_clicks():
    assert sharpest(bowed())[0] < 1.8


def test_noise_is_no_click():
    assert sharpest(0.1 * np.random.default_rng(1).standard_normal(2 * RATE))[0] < 1.8


def test_a_step_within_a_bowed_tone_is_a_click():
    stands_out, at_s = sharpest(step(bowed(), 1.1, 0.5))
    assert stands_out > CLICK_STANDS_OUT
    assert at_s == pytest.approx(1.1, abs=0.001)


def test_what_strikes_at_an_onset_is_no_click():
    assert sharpest(step(bowed(), 1.1, 0.5), onsets=[1.1])[0] < 1.8


def test_steps_with_every_block_show_at_their_place():
    sound = bowed(4.0)
    assert block_pulse(sound, RATE, BLOCK) < 1.7
    sides = np.where(np.arange(sound.size) // BLOCK % 2, 1.0, -1.0)
    assert block_pulse(sound + 0.02 * sides, RATE, BLOCK) > 2.0
