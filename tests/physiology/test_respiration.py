"""Breathing rate from a belt."""

import numpy as np
import pytest


@pytest.mark.parametrize("per_minute", [5, 9, 15, 28])
def test_breathing_rate(synth, per_minute):
    t = synth.seconds(70, 25)
    x = np.sin(2 * np.pi * per_minute / 60 * t) + 0.1 * np.random.default_rng(8).standard_normal(t.size)
    update, _ = synth.stream({"rsp": (25, "a.u.", t, 500 + 40 * x)})
    last = update.states[-1].breathing_rate
    assert last.value == pytest.approx(per_minute, rel=0.05)
    assert last.quality > 0.7


def test_breathing_needs_30_s_and_ends_with_the_signal(synth):
    t = synth.seconds(60, 25)
    x = np.sin(2 * np.pi * 0.25 * t)
    update, pipeline = synth.stream({"rsp": (25, "a.u.", t, x)}, steps=np.arange(1.0, 71.0))
    known = [s.t for s in update.states if s.breathing_rate.value is not None]
    assert 30 <= known[0] <= 31
    assert known[-1] <= 63
    assert pipeline.reasons() == {"rsp": "missing samples"}


def test_no_breathing_rate_across_a_gap(synth):
    t = synth.seconds(60, 25)
    x = np.sin(2 * np.pi * 0.25 * t)
    x[(t > 40) & (t < 43)] = np.nan
    update, _ = synth.stream({"rsp": (25, "a.u.", t, x)})
    assert update.states[-1].breathing_rate.value is None


def test_what_a_belt_says_is_named_so(synth):
    t = synth.seconds(60, 25)
    update, _ = synth.stream({"rsp": (25, "a.u.", t, np.sin(2 * np.pi * 0.25 * t))})
    last = update.states[-1]
    assert last.breathing_source == "belt"
    assert last.breathing_rate.window_s == 60
    assert last.breathing_rate.usable_share == pytest.approx(1.0, abs=0.02)
    assert update.states[10].breathing_source is None
