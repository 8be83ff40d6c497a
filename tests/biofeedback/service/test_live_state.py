"""The arc that clients draw: the plan without what says nothing new, and the tempo of a session so far."""

import pytest

from biofeedback.errors import UsageError
from biofeedback.models import Snapshot
from biofeedback.service.live_state import FIELDS, TempoHistory, arc_of
from generator.state import MusicState
from physiology.state import NO_READING, PhysiologyState, Reading
from protocols.course import planned_arc
from protocols.loading import LIBRARY, library, load, parse

READINGS = ("rmssd_ms", "scl_us", "scr_rate_per_min", "phasic_auc", "breathing_rate")


@pytest.mark.parametrize("name", library())
def test_the_course_says_in_each_second_what_is_planned(name: str) -> None:
    arc = arc_of(load(name), 80.0)
    at = -1
    for point in planned_arc(load(name), 80.0):
        while at + 1 < len(arc.times_s) and arc.times_s[at + 1] <= point.t:
            at += 1
        for field in FIELDS:
            planned = round(float(getattr(point.music, field)), 3) if point.music.sounding else None
            assert arc.course[field][at] == planned, (point.t, field)
    assert sum(phase.duration_s for phase in arc.phases) == load(name).duration_s


def test_a_heart_rate_is_named_only_where_the_plan_reads_it() -> None:
    assert arc_of(load("isoprinciple-relaxation"), 80.0).hr_bpm == 80.0
    assert arc_of(load("isoprinciple-relaxation"), None).hr_bpm is None
    assert arc_of(load("pain-distraction"), 80.0).hr_bpm is None
    assert [phase.cue for phase in arc_of(load("pain-distraction"), 80.0).phases][:2] == [
        "procedure-starts",
        "procedure-over",
    ]


def test_what_would_take_long_is_not_drawn() -> None:
    text = (LIBRARY / "silence-control.yaml").read_text(encoding="utf-8").rstrip()
    for number in range(3):
        text += f"\n  - {{kind: silence, name: more-{number}, duration_s: 7200}}"
    with pytest.raises(UsageError, match="longer than 6 hours"):
        arc_of(parse(text.encode(), "long"), 72.0)


def at(t: float, tempo: float | None, *, lifecycle: str = "running", hr: float | None = None) -> Snapshot:
    physiology = PhysiologyState(
        t=t,
        **dict.fromkeys(READINGS, NO_READING) | {"hr_bpm": Reading(hr, 1.0, 0.0)},
        activation=None,
        activation_0_100=None,
        confidence=0.0,
        contributions={},
    )
    music = MusicState(tempo_bpm=tempo or 60.0, sounding=tempo is not None)
    return Snapshot(
        t=100.0 + t,
        elapsed_s=t,
        phase="",
        physiology=physiology,
        music=music,
        why="",
        finished=False,
        inputs={},
        lifecycle=lifecycle,
    )


def test_a_trail_keeps_each_tempo_from_when_it_was_asked_for() -> None:
    trail = TempoHistory()
    for snapshot in (
        at(0.0, None),
        at(0.05, None, hr=71.0),
        at(5.0, None),
        at(10.0, 70.0, hr=75.0),
        at(10.05, 70.0, hr=90.0),
        at(15.0, 69.0),
        at(16.0, 69.0, lifecycle="held"),
        at(18.0, 69.0, lifecycle="paused"),
    ):
        trail.take(snapshot)
    assert trail.tempi == ((0.0, None), (10.0, 70.0), (15.0, 69.0), (16.0, None), (18.0, 69.0))
    assert trail.hr_bpm == 75.0
