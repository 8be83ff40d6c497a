"""The course as a clock of its own: which phase it is in, and for how long, whatever people do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biofeedback.models import PlannedPhase
from protocols.course import Segment
from protocols.fields import clip

_TINY = 1e-9
"""Seconds; smaller than any step and larger than any rounding of sums of steps."""


class Timeline:
    """Counts the seconds of the course, which stands still in a pause, and those of the present segment.

    Every method takes `at`, seconds from the session's start, rising from call to call.

    Parameters
    ----------
    segments : sequence of Segment
        As the protocol has them.

    Attributes
    ----------
    segment : Segment or None
        The present one; None before the first.
    duration_s : float
        Its length with all extensions; with a cue, the longest it may take.
    rate : float
        By how much progress grows in each of its seconds.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = tuple(segments)
        self._next = 0
        self._stood_s = 0.0
        self._stands_at: float | None = None
        self._past: list[PlannedPhase] = []
        self._began_s = self._began_at = self._stood_before_s = 0.0
        self._ended = True
        self._anchor = (0.0, 0.0)
        self.segment: Segment | None = None
        self.duration_s = 0.0
        self.rate = 0.0

    def course_s(self, at: float) -> float:
        """Return the seconds of the course: those of the session without its pauses."""
        return (at if self._stands_at is None else self._stands_at) - self._stood_s

    def stand(self, at: float) -> None:
        """Stand still from now on; harmless where it does."""
        self._stands_at = at if self._stands_at is None else self._stands_at

    def go_on(self, at: float) -> None:
        """Go on; harmless where it does."""
        if self._stands_at is not None:
            self._stood_s += at - self._stands_at
            self._stands_at = None

    def elapsed_s(self, at: float) -> float:
        """Return the seconds of the course spent in the present segment."""
        return self.course_s(at) - self._began_s

    def left_s(self, at: float) -> float:
        """Return the seconds left in the present segment."""
        return max(0.0, self.duration_s - self.elapsed_s(at))

    def progress(self, at: float) -> float:
        """Return how far the present segment is by the clock, 0 to 1."""
        elapsed_s, progress = self._anchor
        return clip(progress + (self.elapsed_s(at) - elapsed_s) * self.rate, 0.0, 1.0)

    def is_over(self, at: float) -> bool:
        """Return whether the present segment's time is over, or none has begun."""
        return self._ended or self.elapsed_s(at) >= self.duration_s - _TINY

    def extend(self, at: float, seconds: float, progress: float) -> None:
        """Let the present segment last longer; what is left of its course spreads over what is left of it.

        `progress` is where it stands. The pace never grows: a lead that was held does not hurry.
        """
        self.duration_s += seconds
        elapsed_s = self.elapsed_s(at)
        self.rate = min(self.rate, (1.0 - progress) / (self.duration_s - elapsed_s))
        self._anchor = (elapsed_s, progress)

    def end(self) -> None:
        """End the present segment now."""
        self._ended = True

    def leave(self, at: float) -> None:
        """Put the present segment into the past: it ended when its time was over, or now."""
        if self.segment is not None:
            duration_s = at - self._began_at if self._ended else self.duration_s + self._stood_in_it(at)
            self._past.append(replace(self._present(at), duration_s=duration_s))
            self._began_s = self.course_s(at) if self._ended else self._began_s + self.duration_s
            self._began_at += duration_s
            self.segment = None
        self._ended = True

    def begin_next(self, at: float) -> Segment | None:
        """Begin the next segment where the one before ended; None where there is none."""
        if self._next == len(self._segments):
            return None
        self.segment = self._segments[self._next]
        self._next += 1
        self._ended = False
        self._stood_before_s = self._standing_s(at)
        self.duration_s, self.rate = self.segment.duration_s, 1.0 / self.segment.duration_s
        self._anchor = (0.0, 0.0)
        return self.segment

    def plan(self, at: float) -> tuple[PlannedPhase, ...]:
        """Return all segments as they were, are and, if nothing intervenes, will be."""
        if self.segment is None:
            return tuple(self._past)
        found = [*self._past, self._present(at)]
        for segment in self._segments[self._next :]:
            start_s = found[-1].start_s + found[-1].duration_s
            found.append(_planned(segment, start_s, segment.duration_s))
        return tuple(found)

    def _present(self, at: float) -> PlannedPhase:
        assert self.segment is not None  # noqa: S101 - the callers have looked
        return _planned(self.segment, self._began_at, self.duration_s + self._stood_in_it(at))

    def _standing_s(self, at: float) -> float:
        return self._stood_s + (0.0 if self._stands_at is None else at - self._stands_at)

    def _stood_in_it(self, at: float) -> float:
        return self._standing_s(at) - self._stood_before_s


def _planned(segment: Segment, start_s: float, duration_s: float) -> PlannedPhase:
    until = segment.phase.until
    return PlannedPhase(
        name=segment.name,
        kind=segment.kind,
        start_s=start_s,
        duration_s=duration_s,
        cue="" if until is None else until.cue,
    )
