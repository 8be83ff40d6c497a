"""The pipeline as a whole: independent of chunking, causal, bounded, and strict about its input."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physiology.errors import SignalError
from physiology.pipeline import Physiology, SignalConfig

DURATION_S = 40


@pytest.fixture(scope="module")
def recording(synth):
    beats = synth.beat_times(DURATION_S)
    t, te, tr = (synth.seconds(DURATION_S, rate) for rate in (125, 32, 25))
    x = synth.ecg(t, beats, noise=0.1)
    x[(t > 22) & (t < 24)] = np.nan
    return {
        "ecg": (125, "mV", t, x),
        "eda": (32, "uS", te, synth.eda(te, ((8, 0.3), (17.3, 0.2), (30, 0.4)), noise=0.004)),
        "rsp": (25, "a.u.", tr, np.sin(2 * np.pi * 0.25 * tr)),
    }


def comparable(update):
    """Repr shows every digit of a float, and NaN equals NaN."""
    return [repr(part) for part in (update.beats, update.scrs, update.states)]


@pytest.fixture(scope="module")
def whole(synth, recording):
    update, _ = synth.stream(recording, steps=[DURATION_S])
    assert len(update.beats) > 30
    assert len(update.scrs) == 3
    assert len(update.states) == DURATION_S
    return comparable(update)


@settings(max_examples=8)
@given(
    steps=st.lists(st.floats(0.001, 39.999), max_size=60),
    cuts=st.fixed_dictionaries(
        {kind: st.lists(st.integers(1, 5000), max_size=30) for kind in ("ecg", "eda", "rsp")}
    ),
)
def test_results_do_not_depend_on_chunks_or_steps(synth, recording, whole, steps, cuts):
    chunks = {kind: sorted(places) for kind, places in cuts.items()}
    update, _ = synth.stream(recording, steps=[*sorted(steps), float(DURATION_S)], chunks=chunks)
    assert comparable(update) == whole


def test_nothing_depends_on_samples_yet_to_come(synth, recording):
    longer, _ = synth.stream(recording, steps=[30.0])
    pipeline = Physiology([SignalConfig(kind, rate, unit) for kind, (rate, unit, _, _) in recording.items()])
    for kind, (_, _, times, values) in recording.items():
        pipeline.push(kind, times, np.where(times <= 30.0, values, 100.0))
    assert comparable(pipeline.step(30.0)) == comparable(longer)
    assert all(beat.known_at_s <= 30.0 for beat in longer.beats)


def test_there_is_a_state_for_every_whole_second(synth, recording):
    update, _ = synth.stream(recording, steps=np.arange(1, 800) / 20)
    assert [s.t for s in update.states] == list(range(1, 40))


def test_states_come_without_any_sample_and_hold_nothing():
    pipeline = Physiology([SignalConfig("ecg", 250, "mV")])
    pipeline.step(100.05)
    states = pipeline.step(103.0).states
    assert [s.t for s in states] == [101.0, 102.0, 103.0]
    assert all(s.hr_bpm.value is None and s.activation is None for s in states)
    assert pipeline.reasons() == {"ecg": "missing samples"}


def test_memory_is_bounded(synth):
    sizes = []
    t, te = synth.seconds(240, 100), synth.seconds(240, 8)
    pipeline = Physiology(
        [SignalConfig("ecg", 100, "mV"), SignalConfig("eda", 8, "uS"), SignalConfig("rsp", 100, "a.u.")]
    )
    x, y = synth.ecg(t, synth.beat_times(240)), synth.eda(te, [(s, 0.2) for s in range(10, 240, 6)])
    for k in range(240):
        pipeline.push("ecg", t[k * 100 : (k + 1) * 100], x[k * 100 : (k + 1) * 100])
        pipeline.push("rsp", t[k * 100 : (k + 1) * 100], x[k * 100 : (k + 1) * 100])
        pipeline.push("eda", te[k * 8 : (k + 1) * 8], y[k * 8 : (k + 1) * 8])
        pipeline.step(k + 0.995)
        heart, skin = pipeline._heart._sources["ecg"].heart, pipeline._eda
        kept = (heart._buffer.window(-np.inf, np.inf), heart._channels.log, skin._signal)
        if k >= 100:
            sizes.append(sum(len(pickle.dumps(part)) for part in kept))
    assert max(sizes[80:]) <= 1.1 * max(sizes[:50])


def test_a_second_heart_signal_stands_by(synth):
    t, beats = synth.seconds(20, 100), synth.beat_times(20)
    x, other = synth.ecg(t, beats), synth.ppg(t, beats + 0.3)
    both, pipeline = synth.stream({"ppg": (100, "a.u.", t, other), "ecg": (100, "mV", t, x)})
    alone, _ = synth.stream({"ecg": (100, "mV", t, x)})
    assert [b.r_time_s for b in both.beats] == [b.r_time_s for b in alone.beats]
    assert [s.rmssd_ms for s in both.states] == [s.rmssd_ms for s in alone.states]
    assert pipeline.reasons() == {"ppg": "not used beside ecg"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("eeg", 250, "uV"), "signal 'eeg' is not known; there are ecg, rr, ppg, hr, eda, rsp"),
        (("eda", 8, "kohm"), "eda is in 'kohm'; it must be in uS"),
        (("rr", 0, "s"), "rr is in 's'; it must be in ms"),
        (("ecg", -1.0, "mV"), "ecg has rate"),
        (("ecg", float("nan"), "mV"), "ecg has rate"),
    ],
)
def test_an_impossible_signal_is_refused(arguments, message):
    with pytest.raises(SignalError, match=message):
        SignalConfig(*arguments)


def test_impossible_samples_are_refused():
    pipeline = Physiology([SignalConfig("ecg", 250, "mV"), SignalConfig("eda", 8, "uS")])
    one = np.ones(1)
    with pytest.raises(SignalError, match="'ppg' was not configured; the signals are ecg, eda"):
        pipeline.push("ppg", one, one)
    with pytest.raises(SignalError, match=r"times have shape \(2,\) and values \(1,\)"):
        pipeline.push("ecg", np.array([1.0, 2.0]), one)
    with pytest.raises(SignalError, match="must increase strictly"):
        pipeline.push("ecg", np.array([2.0, 2.0]), np.ones(2))
    with pytest.raises(SignalError, match="not a finite number"):
        pipeline.push("ecg", np.array([np.nan]), one)
    pipeline.push("ecg", np.array([5.0]), one)
    with pytest.raises(SignalError, match="must increase strictly"):
        pipeline.push("ecg", np.array([5.0]), one)
    pipeline.step(6.0)
    with pytest.raises(SignalError, match="time must not go back"):
        pipeline.step(5.9)
    with pytest.raises(SignalError, match="each kind may be given only once"):
        Physiology([SignalConfig("ecg", 250, "mV"), SignalConfig("ecg", 500, "mV")])
