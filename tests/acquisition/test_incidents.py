"""What is told of a live stream, and how often."""

from acquisition.incidents import Diary


def told(diary):
    return [(incident.engine_time_s, incident.what) for incident in diary.take()]


def test_silence_is_told_once_and_so_is_its_end():
    diary = Diary("x", silent_after_s=2.0)
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
    diary = Diary("x", silent_after_s=2.0)
    diary.heard(100.0, samples=False)
    diary.heard(103.0, samples=False)
    assert told(diary) == [(103.0, "no samples for 3.0 s")]


def test_frequent_trouble_is_summed_up():
    diary = Diary("x")
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
    diary = Diary("serial:COM3:0")
    diary.note(5.0, "COM3 was lost")
    (incident,) = diary.take()
    assert (incident.stream_id, incident.engine_time_s, incident.what) == (
        "serial:COM3:0",
        5.0,
        "COM3 was lost",
    )
