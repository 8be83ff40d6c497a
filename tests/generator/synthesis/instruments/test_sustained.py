"""Held instruments: seamless loops without a pulse, onsets of their kind, air that belongs to the note."""

import numpy as np
import pytest

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.ensemble import LoopGrid, slow_curve
from tests.generator.synthesis.instruments.rendered import (
    HELD,
    hertz,
    loop_of,
    middle,
    places,
    rendered,
    rise_ms,
    share_above,
)

held = pytest.mark.parametrize("name", HELD)


def levels(sound, window_s=0.1):
    """Return the level of both sides together in consecutive windows, in dB."""
    window = int(window_s * SAMPLE_RATE)
    whole = sound[: len(sound) // window * window]
    return 10 * np.log10((whole**2).mean(axis=1).reshape(-1, window).mean(axis=1))


@held
def test_a_loop_lasts_more_than_two_seconds_and_ends_the_sample(name):
    sample = rendered(name)
    assert 2 * SAMPLE_RATE <= sample.loop.end - sample.loop.start <= 5 * SAMPLE_RATE
    assert sample.loop.end == len(sample.audio)


@held
def test_value_slope_and_curvature_go_on_where_a_loop_jumps_back(name):
    loop = loop_of(rendered(name))
    across = np.concatenate((loop[-8:], loop[:8]))
    for order in (1, 2):
        usual = np.abs(np.diff(loop, order, axis=0)).max()
        assert np.abs(np.diff(across, order, axis=0)).max() <= usual


@held
def test_the_onset_leads_into_the_loop_as_the_loop_leads_into_itself(name):
    sample = rendered(name)
    onset = sample.audio[: sample.loop.start].astype(float)
    assert onset[-16:] == pytest.approx(loop_of(sample)[-16:], abs=2e-3 * sample.peak)


@held
def test_the_spectrum_at_the_seam_is_that_of_the_loop(name):
    # A cut in a loop spreads over all frequencies: look at the highest, where the loop has least.
    loop = loop_of(rendered(name)).mean(axis=1)
    around = np.roll(loop, SAMPLE_RATE)
    frames = np.lib.stride_tricks.sliding_window_view(around, 1024)[::512] * np.hanning(1024)
    high = (np.abs(np.fft.rfft(frames, axis=1)[:, 400:]) ** 2).sum(axis=1)
    seam = SAMPLE_RATE // 512
    assert high[seam - 2 : seam + 3].max() <= high.max() * 1.0
    assert high[seam - 2 : seam + 3].max() <= 20 * np.median(high)


@held
def test_a_loop_keeps_its_level_within_a_decibel_so_that_none_hears_a_pulse(name):
    half_second = SAMPLE_RATE // 2
    for pitch in places(name):
        loop = loop_of(rendered(name, pitch))
        power = (np.concatenate((loop, loop[:half_second])) ** 2).mean(axis=1)
        windows = np.diff(np.cumsum(power)[:: SAMPLE_RATE // 20])
        level = 10 * np.log10(np.convolve(windows, np.ones(10), "valid") / 10)
        assert np.abs(level - 10 * np.log10(windows.mean())).max() < 1.0


@held
def test_an_onset_lasts_a_tenth_to_half_a_second(name):
    for pitch in places(name):
        assert 100.0 <= rise_ms(rendered(name, pitch)) <= 500.0


@pytest.mark.parametrize("name", ["solo-strings", "flute"])
def test_vibrato_of_a_soloist_begins_after_the_tone(name):
    sample = rendered(name)
    sound = sample.audio.astype(float).mean(axis=1)
    tone = hertz(middle(name))
    time = np.arange(len(sound)) / SAMPLE_RATE
    slow = np.hanning(2048) / 1024
    phase = np.unwrap(np.angle(np.convolve(sound * np.exp(-2j * np.pi * tone * time), slow, "same")))
    cents = 1200 / np.log(2) * np.diff(phase[::480]) / (2 * np.pi * tone * 0.01)
    assert np.std(cents[15:35]) < 0.6 * np.std(cents[100:-10])


@held
def test_an_onset_does_not_overshoot(name):
    sample = rendered(name)
    onset, loop = levels(sample.audio[: sample.loop.start].astype(float), 0.05), levels(loop_of(sample), 0.05)
    assert onset.max() < loop.max() + 1.5


@pytest.mark.parametrize("name", [name for name in HELD if name not in {"sub-bass", "glass"}])
def test_there_is_air_above_five_and_ten_kilohertz(name):
    sound = loop_of(rendered(name)).mean(axis=1)
    assert share_above(sound, 5_000) > 10 ** (-36 / 10)
    assert share_above(sound, 10_000) > 10 ** (-50 / 10)


def test_a_sub_bass_has_none():
    assert share_above(loop_of(rendered("sub-bass")).mean(axis=1), 2_000) < 10 ** (-45 / 10)


@pytest.mark.parametrize("pitch", [27, 40, 61, 93])
def test_a_loop_holds_whole_periods_of_a_tone_in_tune(pitch):
    grid = LoopGrid.of(hertz(pitch), 2.2)
    found = grid.cycles / grid.seconds
    assert abs(1200 * np.log2(found / hertz(pitch))) < 0.5
    assert 2.2 <= grid.seconds <= 1.2 * 2.2


def test_a_slow_curve_is_periodic_and_moves_in_its_band_only():
    curve = slow_curve(np.random.default_rng(1), 4.0, (1.0, 3.0))
    power = np.abs(np.fft.rfft(curve)) ** 2
    assert power[4:13].sum() == pytest.approx(power.sum())
    assert np.mean(curve**2) == pytest.approx(1.0)
