"""What is told of a live stream, and how often."""

from acquisition.stream_status import SETTLED_AFTER_S, StreamStatusTracker
from acquisition.streams import Condition


def told(diary):
    return [(incident.engine_time_s, incident.what) for incident in diary.take()]


def test_silence_is_told_once_and_so_is_its_end():
    diary = StreamStatusTracker("x", silent_after_s=2.0)
    for t in (10.0, 10.5, 11.0):
        diary.heard(t, samples=t == 10.5)
    assert told(diary) == []
    for t in (12.5, 12.75, 13.0, 20.0):
        diary.heard(t, samples=False)
    diary.heard(21.0, samples=True)
    diary.heard(21.5, samples=True)
    assert told(diary) == [(12.75, "no samples for 2.2 s"), (21.0, "samples again after 10.5 s")]
    assert told(diary) == []


def test_a_stream_that_never_begins_is_silent_too():
    diary = StreamStatusTracker("x", silent_after_s=2.0)
    diary.heard(100.0, samples=False)
    diary.heard(103.0, samples=False)
    assert told(diary) == [(103.0, "no samples for 3.0 s")]


def test_frequent_trouble_is_summed_up():
    diary = StreamStatusTracker("x")
    for second in range(25):
        diary.count(3, "lines without a number")
        diary.count(0, "samples moved")
        diary.heard(float(second), samples=True)
    assert told(diary) == [
        (0.0, "3 lines without a number"),
        (10.0, "30 lines without a number"),
        (20.0, "30 lines without a number"),
    ]


def test_what_happens_is_told_of_its_stream():
    diary = StreamStatusTracker("serial:COM3:0")
    diary.note(5.0, "COM3 was lost")
    (incident,) = diary.take()
    assert (incident.stream_id, incident.engine_time_s, incident.what) == (
        "serial:COM3:0",
        5.0,
        "COM3 was lost",
    )


def conditions(diary, looks):
    """The condition after each look; looks are times, whether samples came, and what trouble."""
    seen = []
    for t, samples, trouble in looks:
        if trouble:
            diary.count(1, trouble)
        diary.heard(t, samples=samples)
        seen.append(diary.status.condition)
    return seen


def test_a_stream_opens_streams_is_lost_and_recovers():
    diary = StreamStatusTracker("x", silent_after_s=2.0)
    looks = [(0, False, ""), (1, True, ""), (2, False, ""), (4, False, ""), (9, False, ""), (10, True, "")]
    looks += [(11, True, ""), (10 + SETTLED_AFTER_S, True, "")]
    assert conditions(diary, looks[:5]) == [
        *(Condition.OPENING, Condition.STREAMING, Condition.STREAMING, Condition.LOST, Condition.LOST)
    ]
    assert (diary.status.reason, diary.status.since_s) == ("no samples", 1.0)
    assert conditions(diary, looks[5:7]) == [Condition.RECOVERING, Condition.RECOVERING]
    assert (diary.status.reason, diary.status.since_s) == ("samples again after 9.0 s", 10.0)
    assert conditions(diary, looks[7:]) == [Condition.STREAMING]


def test_trouble_makes_a_stream_doubtful_until_it_has_been_quiet_for_a_while():
    diary = StreamStatusTracker("x")
    assert conditions(diary, [(0, True, ""), (1, True, "lines without a number"), (2, True, "")]) == [
        *(Condition.STREAMING, Condition.DOUBTFUL, Condition.DOUBTFUL)
    ]
    assert (diary.status.reason, diary.status.since_s) == ("lines without a number", 1.0)
    assert conditions(diary, [(1 + SETTLED_AFTER_S, True, "")]) == [Condition.STREAMING]


def test_how_a_stream_was_lost_is_kept_and_a_closed_one_stays_closed():
    diary = StreamStatusTracker("x")
    diary.heard(0.0, samples=True)
    diary.lost(1.0, "COM3 was lost")
    diary.heard(5.0, samples=False)
    assert (diary.status.condition, diary.status.reason) == (Condition.LOST, "COM3 was lost")
    diary.close(6.0, "it came back with another rate")
    diary.heard(7.0, samples=True)
    assert (diary.status.condition, diary.status.since_s) == (Condition.CLOSED, 6.0)
    assert told(diary) == [(1.0, "COM3 was lost"), (6.0, "it came back with another rate")]


def test_trouble_without_samples_is_a_loss():
    diary = StreamStatusTracker("x", silent_after_s=2.0)
    looks = [(t, t == 0, "lines without a number") for t in range(5)]
    assert conditions(diary, looks)[-2:] == [Condition.LOST, Condition.LOST]
    assert diary.status.reason == "no samples, but lines without a number"
