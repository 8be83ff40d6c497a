"""Markers about signals: each change that lasts once, and nothing while they settle."""

from biofeedback.signal_markers import SignalMarkers
from physiology.fault_reasons import FaultKind, FaultReason
from physiology.state import NO_READING, PhysiologyState, SignalQuality

LEAD_OFF, FLAT_LINE = FaultReason(FaultKind.LEAD_OFF), FaultReason(FaultKind.FLAT_LINE)


def state(t, **faults):
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
        signals={kind: SignalQuality(0.0, fault) for kind, fault in faults.items()},
    )


def told(fault_at, until=60, kind="ecg"):
    """Return (second, text) of each marker when the fault of a second is `fault_at(second)`."""
    markers = SignalMarkers()
    return [
        (t, marker.text)
        for t in range(1, until)
        for marker in markers.update(state(float(t), **{kind: fault_at(t)}))
    ]


def test_a_loss_and_its_end_are_told_once_each_when_they_last():
    assert told(lambda t: LEAD_OFF if 30 <= t < 40 else None) == [
        (33, "ecg: lead off: only noise is left"),
        (43, "ecg: good again"),
    ]


def test_what_passes_within_3_s_is_not_told():
    assert told(lambda t: FaultReason(FaultKind.MOVEMENT) if t % 10 in {0, 1} else None) == []


def test_nothing_is_told_while_signals_settle_and_what_stays_wrong_then_is():
    assert told(lambda t: FaultReason(FaultKind.NO_BEATS_YET) if t < 15 else None) == []
    assert told(lambda _: FLAT_LINE) == [(21, "ecg: flat line")]


def test_another_reason_is_told_too():
    assert told(lambda t: None if t < 25 else LEAD_OFF if t < 35 else FLAT_LINE) == [
        (28, "ecg: lead off: only noise is left"),
        (38, "ecg: flat line"),
    ]


def test_a_signal_that_stands_by_is_not_told_of():
    assert told(lambda _: FaultReason(FaultKind.STANDBY, in_use="ecg"), kind="ppg") == []
