"""Markers about signals: each change that lasts once, and nothing while they settle."""

from biofeedback.watch import SignalWatch
from physiology.state import NO_READING, PhysiologyState, SignalQuality


def state(t, **reasons):
    return PhysiologyState(
        t=t,
        hr_bpm=NO_READING,
        rmssd_ms=NO_READING,
        scl_us=NO_READING,
        scr_rate_per_min=NO_READING,
        phasic_auc=NO_READING,
        breathing_rate=NO_READING,
        activation=None,
        activation_0_100=None,
        confidence=0.0,
        contributions={},
        signals={kind: SignalQuality(0.0, reason) for kind, reason in reasons.items()},
    )


def told(reason_at, until=60, kind="ecg"):
    """Return (second, text) of each marker when the reason of a second is `reason_at(second)`."""
    watch = SignalWatch()
    return [
        (t, marker["text"])
        for t in range(1, until)
        for marker in watch.markers(state(float(t), **{kind: reason_at(t)}))
    ]


def test_a_loss_and_its_end_are_told_once_each_when_they_last():
    assert told(lambda t: "lead off" if 30 <= t < 40 else None) == [
        (33, "ecg: lead off"),
        (43, "ecg: good again"),
    ]


def test_what_passes_within_3_s_is_not_told():
    assert told(lambda t: "movement" if t % 10 in {0, 1} else None) == []


def test_nothing_is_told_while_signals_settle_and_what_stays_wrong_then_is():
    assert told(lambda t: "no beats yet" if t < 15 else None) == []
    assert told(lambda _: "flat line") == [(21, "ecg: flat line")]


def test_another_reason_is_told_too():
    assert told(lambda t: None if t < 25 else "lead off" if t < 35 else "flat line") == [
        (28, "ecg: lead off"),
        (38, "ecg: flat line"),
    ]


def test_a_signal_that_stands_by_is_not_told_of():
    assert told(lambda _: "not used beside ecg", kind="ppg") == []
