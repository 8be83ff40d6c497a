"""Breathing rate derived from beats: right where the modulations agree, withheld where they do not."""

import numpy as np
import pytest

DURATION_S = 75


def breathed(synth, per_minute, *, strength_per_minute=None, rate_hz=200):
    """An ECG of 66 beats a minute whose intervals and amplitudes swing with breathing."""
    breath_hz, strength_hz = per_minute / 60, (strength_per_minute or per_minute) / 60
    rng, times, t = np.random.default_rng(5), [], 0.5
    while t < DURATION_S:
        times.append(t)
        t += 60 / 66 * (1 + 0.04 * np.sin(2 * np.pi * breath_hz * t) + 0.003 * rng.standard_normal())
    grid = synth.seconds(DURATION_S, rate_hz)
    return grid, synth.ecg(grid, np.array(times)) * (1 + 0.1 * np.sin(2 * np.pi * strength_hz * grid))


@pytest.mark.parametrize("per_minute", [6, 10, 15, 22])
def test_breathing_is_found_in_an_ecg(synth, per_minute):
    t, x = breathed(synth, per_minute)
    update, _ = synth.stream({"ecg": (200, "mV", t, x)})
    last = update.states[-1]
    assert last.breathing_rate.value == pytest.approx(per_minute, abs=1)
    assert last.breathing_rate.quality >= 0.35
    assert last.breathing_source == "ecg-derived"
    assert last.breathing_rate.window_s == 60


def test_breathing_is_withheld_where_intervals_and_amplitudes_disagree(synth):
    t, x = breathed(synth, 9, strength_per_minute=21)
    update, _ = synth.stream({"ecg": (200, "mV", t, x)})
    last = update.states[-1]
    assert (last.breathing_rate.value, last.breathing_rate.quality) == (None, 0.0)
    assert last.breathing_source is None
    assert last.hr_bpm.value is not None


def test_breathing_is_found_in_a_pulse(synth):
    rng, times, t = np.random.default_rng(6), [], 0.5
    while t < DURATION_S:
        times.append(t)
        t += 60 / 70 * (1 + 0.03 * np.sin(2 * np.pi * 0.2 * t) + 0.003 * rng.standard_normal())
    grid = synth.seconds(DURATION_S, 100)
    swing = np.sin(2 * np.pi * 0.2 * grid)
    x = synth.ppg(grid, np.array(times)) * (1 + 0.1 * swing) + 0.2 * swing
    update, _ = synth.stream({"ppg": (100, "a.u.", grid, x)})
    last = update.states[-1]
    assert last.breathing_source == "ppg-derived"
    assert last.breathing_rate.value == pytest.approx(12, abs=1)


def test_a_belt_is_believed_before_the_beats(synth):
    t, x = breathed(synth, 15)
    tr = synth.seconds(DURATION_S, 25)
    belt = np.sin(2 * np.pi * 10 / 60 * tr)
    update, _ = synth.stream({"ecg": (200, "mV", t, x), "rsp": (25, "a.u.", tr, belt)})
    last = update.states[-1]
    assert last.breathing_source == "belt"
    assert last.breathing_rate.value == pytest.approx(10, abs=0.5)


def test_derived_breathing_ends_within_5_s_of_the_last_beat(synth):
    t, x = breathed(synth, 15)
    update, _ = synth.stream({"ecg": (200, "mV", t[t < 60], x[t < 60])}, steps=np.arange(1.0, 72.0))
    known = [s.t for s in update.states if s.breathing_rate.value is not None]
    assert 55 < max(known) <= 65
