"""Conditions and incidents of a live stream, and how often incidents are reported."""

import pytest

from acquisition.stream_status import SETTLED_AFTER_S, StreamStatusTracker
from acquisition.streams import Condition, StreamReason, StreamReasonCode

UNREADABLE = StreamReason(StreamReasonCode.UNREADABLE_LINES)
PORT_LOST = StreamReason(StreamReasonCode.PORT_LOST, {"device": "COM3"})
RATE_CHANGED = StreamReason(StreamReasonCode.RATE_CHANGED, {"rate_hz": 125.0, "nominal_hz": 250.0})


def reported(tracker):
    return [(incident.engine_time_s, incident.text) for incident in tracker.take_incidents()]


def test_silence_and_its_end_are_reported_once():
    tracker = StreamStatusTracker("x", silent_after_s=2.0)
    for t in (10.0, 10.5, 11.0):
        tracker.update(t, samples=t == 10.5)
    assert reported(tracker) == []
    for t in (12.5, 12.75, 13.0, 20.0):
        tracker.update(t, samples=False)
    tracker.update(21.0, samples=True)
    tracker.update(21.5, samples=True)
    assert reported(tracker) == [(12.75, "no samples for 2.2 s"), (21.0, "samples again after 10.5 s")]
    assert reported(tracker) == []


def test_a_stream_that_never_begins_is_silent_too():
    tracker = StreamStatusTracker("x", silent_after_s=2.0)
    tracker.update(100.0, samples=False)
    tracker.update(103.0, samples=False)
    assert reported(tracker) == [(103.0, "no samples for 3.0 s")]


def test_frequent_defects_are_summed_up():
    tracker = StreamStatusTracker("x")
    for second in range(25):
        tracker.count(3, UNREADABLE)
        tracker.count(0, StreamReason(StreamReasonCode.STAMPS_MOVED))
        tracker.update(float(second), samples=True)
    assert reported(tracker) == [
        (0.0, "3 lines without a number"),
        (10.0, "30 lines without a number"),
        (20.0, "30 lines without a number"),
    ]


def test_an_incident_carries_its_stream_its_reason_and_a_text():
    tracker = StreamStatusTracker("serial:COM3:0")
    tracker.report(5.0, PORT_LOST)
    (incident,) = tracker.take_incidents()
    assert (incident.stream_id, incident.engine_time_s) == ("serial:COM3:0", 5.0)
    assert incident.reason.code is StreamReasonCode.PORT_LOST
    assert incident.text == "COM3 was lost"


def conditions(tracker, looks):
    """The condition after each update; looks are times, whether samples came, and a defect or None."""
    seen = []
    for t, samples, defect in looks:
        if defect:
            tracker.count(1, defect)
        tracker.update(t, samples=samples)
        seen.append(tracker.status.condition)
    return seen


def test_a_stream_opens_streams_is_lost_and_recovers():
    tracker = StreamStatusTracker("x", silent_after_s=2.0)
    arrivals = [(0, False), (1, True), (2, False), (4, False), (9, False), (10, True), (11, True)]
    looks = [(t, samples, None) for t, samples in [*arrivals, (10 + SETTLED_AFTER_S, True)]]
    assert conditions(tracker, looks[:5]) == [
        *(Condition.OPENING, Condition.STREAMING, Condition.STREAMING, Condition.LOST, Condition.LOST)
    ]
    assert (tracker.status.text, tracker.status.since_s) == ("no samples", 1.0)
    assert conditions(tracker, looks[5:7]) == [Condition.RECOVERING, Condition.RECOVERING]
    assert (tracker.status.text, tracker.status.since_s) == ("samples again after 9.0 s", 10.0)
    assert conditions(tracker, looks[7:]) == [Condition.STREAMING]


def test_a_defect_makes_a_stream_doubtful_until_none_has_occurred_for_a_while():
    tracker = StreamStatusTracker("x")
    assert conditions(tracker, [(0, True, None), (1, True, UNREADABLE), (2, True, None)]) == [
        *(Condition.STREAMING, Condition.DOUBTFUL, Condition.DOUBTFUL)
    ]
    assert (tracker.status.text, tracker.status.since_s) == ("lines without a number", 1.0)
    assert conditions(tracker, [(1 + SETTLED_AFTER_S, True, None)]) == [Condition.STREAMING]


def test_the_reason_of_a_loss_is_kept_and_a_closed_stream_stays_closed():
    tracker = StreamStatusTracker("x")
    tracker.update(0.0, samples=True)
    tracker.lose(1.0, PORT_LOST)
    tracker.update(5.0, samples=False)
    assert (tracker.status.condition, tracker.status.reason) == (Condition.LOST, PORT_LOST)
    tracker.close(6.0, RATE_CHANGED)
    tracker.update(7.0, samples=True)
    assert (tracker.status.condition, tracker.status.since_s) == (Condition.CLOSED, 6.0)
    assert reported(tracker) == [
        (1.0, "COM3 was lost"),
        (6.0, "came back with 125 samples a second where it had 250: closed"),
    ]


def test_defects_without_samples_are_a_loss():
    tracker = StreamStatusTracker("x", silent_after_s=2.0)
    looks = [(t, t == 0, UNREADABLE) for t in range(5)]
    assert conditions(tracker, looks)[-2:] == [Condition.LOST, Condition.LOST]
    assert tracker.status.text == "no samples, but lines without a number"


@pytest.mark.parametrize("code", StreamReasonCode)
def test_every_reason_has_a_text(code):
    parameters = dict.fromkeys(("seconds", "limit_s", "jitter_ms", "rate_hz", "nominal_hz"), 1.0)
    words = dict.fromkeys(("device", "problem", "profile", "example"), "x")
    assert StreamReason(code, {**parameters, **words}).text
