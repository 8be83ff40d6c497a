"""Two heart signals: the better one reports, the other stands in, and their beats are never mixed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physiology.pipeline import Physiology, SignalConfig
from physiology.state import BeatAction

DURATION_S = 130
LOST_S, FOUND_S = 40, 75


@pytest.fixture(scope="module")
def session(synth):
    """A chest strap that comes off from 40 to 75 s, and a finger sensor that stays on."""
    t, beats = synth.seconds(DURATION_S, 100), synth.beat_times(DURATION_S)
    x, y = synth.ecg(t, beats), synth.ppg(t, beats + 0.3)
    x[(t > LOST_S) & (t < FOUND_S)] = np.nan
    update, pipeline = synth.stream(
        {"ecg": (100, "mV", t, x), "ppg": (100, "a.u.", t, y)}, steps=np.arange(1.0, DURATION_S)
    )
    return update, pipeline


def test_the_pulse_takes_over_10_s_after_the_last_heart_rate_and_the_ecg_takes_back(session):
    update, _ = session
    sources = [(s.t, s.heart_source) for s in update.states if s.heart_source]
    changes = [now for before, now in pairwise(sources) if before[1] != now[1]]
    assert [kind for _, kind in changes] == ["ppg", "ecg"]
    assert LOST_S + 10 <= changes[0][0] <= LOST_S + 20
    assert FOUND_S + 30 <= changes[1][0] <= FOUND_S + 50


def test_no_heart_rate_is_invented_between_loss_and_change(session):
    update, _ = session
    silent = [s for s in update.states if LOST_S + 6 <= s.t <= LOST_S + 13]
    assert all(s.hr_bpm.value is None and s.heart_source is None for s in silent)
    later = [s for s in update.states if s.t >= LOST_S + 20]
    assert all(s.hr_bpm.value == pytest.approx(66, abs=3) for s in later)


def test_no_interval_spans_two_signals(session):
    update, _ = session
    new = [b for b in update.beats if b.action is BeatAction.NEW]
    assert len({b.beat_id for b in new}) == len(new)
    of_ecg = [b.beat_id % 2 == 0 for b in new]
    firsts = [now for before, now in pairwise(new) if before.beat_id % 2 != now.beat_id % 2]
    assert len(firsts) == 2
    assert all(np.isnan(beat.rr_ms) for beat in firsts)
    assert of_ecg[0]
    assert of_ecg[-1]
    assert all(b.rr_ms == pytest.approx(909, abs=60) for b in new if not np.isnan(b.rr_ms))


def test_the_change_is_said_in_words(session):
    update, pipeline = session
    during = next(s for s in update.states if s.t == LOST_S + 25)
    assert during.signals["ecg"].reason == "missing samples; heart rate from ppg meanwhile"
    assert during.signals["ppg"].reason is None
    before_return = next(s for s in update.states if s.t == FOUND_S + 25)
    assert before_return.signals["ecg"].reason == "good again; heart rate from ppg meanwhile"
    assert pipeline.reasons() == {"ppg": "not used beside ecg"}


def test_a_signal_that_never_worked_is_replaced_after_half_a_minute(synth):
    t, beats = synth.seconds(50, 100), synth.beat_times(50)
    update, _ = synth.stream(
        {"ecg": (100, "mV", t, np.zeros(t.size)), "ppg": (100, "a.u.", t, synth.ppg(t, beats))}
    )
    given = [s for s in update.states if s.hr_bpm.value is not None]
    assert {s.heart_source for s in given} == {"ppg"}
    assert given[0].t <= 30


@pytest.fixture(scope="module")
def short(synth):
    t, beats = synth.seconds(48, 64), synth.beat_times(48)
    x, breath = synth.ecg(t, beats), np.sin(2 * np.pi * 0.2 * t)
    y = synth.ppg(t, beats + 0.3) * (1 + 0.2 * breath) + 0.3 * breath
    x[t > 14] = np.nan
    data = {"ecg": (64, "mV", t, x), "ppg": (64, "a.u.", t, y)}
    whole, _ = synth.stream(data, steps=[48.0])
    assert whole.states[-1].heart_source == "ppg"
    assert whole.states[-1].breathing_source == "ppg-derived"
    return data, whole


@settings(max_examples=5)
@given(
    steps=st.lists(st.floats(0.001, 47.999), max_size=60),
    cuts=st.fixed_dictionaries(
        {kind: st.lists(st.integers(1, 48 * 64), max_size=30) for kind in ("ecg", "ppg")}
    ),
)
def test_neither_change_nor_derived_breathing_depends_on_chunks_or_steps(synth, short, steps, cuts):
    data, whole = short
    chunks = {kind: sorted(places) for kind, places in cuts.items()}
    update, _ = synth.stream(data, steps=[*sorted(steps), 48.0], chunks=chunks)
    assert repr(update.beats) == repr(whole.beats)
    assert repr(update.states) == repr(whole.states)


def test_the_variability_of_the_pulse_is_not_compared_with_a_baseline_of_the_ecg(synth):
    t, beats = synth.seconds(130, 64), synth.beat_times(130)
    x, y = synth.ecg(t, beats), synth.ppg(t, beats + 0.3)
    x[t > 100] = np.nan
    pipeline = Physiology([SignalConfig("ecg", 64, "mV"), SignalConfig("ppg", 64, "a.u.")])
    states = []
    for since_s, until_s in pairwise((-1.0, 20.0, 98.0, 130.0)):
        chosen = (t > since_s) & (t <= until_s)
        pipeline.push("ecg", t[chosen], x[chosen])
        pipeline.push("ppg", t[chosen], y[chosen])
        states += pipeline.step(until_s).states
        if until_s == 20.0:
            pipeline.begin_baseline(until_s)
        if until_s == 98.0:
            assert pipeline.freeze_baseline(until_s).usable
    by_source = {s.heart_source: set(s.contributions) for s in states if s.t > 98 and s.heart_source}
    assert by_source == {"ecg": {"hr_bpm", "rmssd_ms"}, "ppg": {"hr_bpm"}}
