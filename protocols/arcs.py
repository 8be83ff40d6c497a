"""The planned arc: what a protocol asks for, second by second, of a listener who follows."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from generator.state import MusicState
from protocols.course import Course, segments
from protocols.limits import DECISION_S
from protocols.schema import Protocol


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """One second of the plan: seconds from the start, the phase (or section of an arc), what is asked for."""

    t: float
    phase: str
    music: MusicState


def planned_arc(protocol: Protocol, hr_bpm: float | None = 72.0) -> list[PlannedPoint]:
    """Return what would be asked for if the listener followed, once a second.

    The plan decides when a session does, every 5 s and where a phase begins, within the same limits, and
    holds each decision until the next. The end fade is not part of it.

    Parameters
    ----------
    protocol : Protocol
        What to carry out.
    hr_bpm : float or None
        The listener's heart rate, steady throughout; None plans for one that is never known.

    Returns
    -------
    list of PlannedPoint
        At 0, 1, 2 … s, up to the last whole second before the end.
    """
    decisions = _decisions(protocol, hr_bpm)
    times = [decision.t for decision in decisions]
    points = []
    for second in range(math.ceil(protocol.duration_s)):
        newest = decisions[bisect_right(times, second) - 1]
        points.append(PlannedPoint(float(second), newest.phase, newest.music))
    return points


def _decisions(protocol: Protocol, hr_bpm: float | None) -> list[PlannedPoint]:
    course = Course(protocol)
    found = []
    for segment in segments(protocol):
        course.enter(segment)
        matched = None if hr_bpm is None else segment.matching_tempo(hr_bpm)
        first_inside = math.floor(segment.start_s / DECISION_S) + 1
        grid = range(first_inside, math.ceil(segment.end_s / DECISION_S))
        for t in (segment.start_s, *(DECISION_S * tick for tick in grid)):
            elapsed_s = t - segment.start_s
            music = course.ask(
                t, elapsed_s=elapsed_s, progress=elapsed_s / segment.duration_s, matched_bpm=matched
            )
            found.append(PlannedPoint(t, segment.name, music))
    return found
