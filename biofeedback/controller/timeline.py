"""The clock of the course: the present phase and its length, with pauses, skips and extensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biofeedback.models import PlannedPhase
from protocols.course import Segment
from protocols.fields import clip

_TINY = 1e-9
"""Seconds; smaller than any step and larger than any rounding of sums of steps."""


class Timeline:
    """Counts the seconds of the course, without pauses, and those of the present segment.

    Every method takes `at`, seconds from the session's start, rising from call to call.

    Parameters
    ----------
    segments : sequence of Segment
        Those of the protocol.

    Attributes
    ----------
    segment : Segment or None
        The present one; None before the first.
    duration_s : float
        Its length with all extensions; with a cue, the longest it may take.
    rate : float
        Growth of progress per second.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = tuple(segments)
        self._next = 0
        self._paused_s = 0.0
        self._paused_at: float | None = None
        self._past: list[PlannedPhase] = []
        self._began_s = self._began_at = self._paused_before_s = 0.0
        self._ended = True
        self._anchor = (0.0, 0.0)
        self.segment: Segment | None = None
        self.duration_s = 0.0
        self.rate = 0.0

    def course_s(self, at: float) -> float:
        """Return the seconds of the course: those of the session without its pauses."""
        return (at if self._paused_at is None else self._paused_at) - self._paused_s

    def pause(self, at: float) -> None:
        """Stop the clock; harmless where it is stopped."""
        self._paused_at = at if self._paused_at is None else self._paused_at

    def resume(self, at: float) -> None:
        """Start the clock again; harmless where it runs."""
        if self._paused_at is not None:
            self._paused_s += at - self._paused_at
            self._paused_at = None

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
        """Extend the present segment; its remaining progress is spread over its remaining time.

        `progress` is its present progress. The rate never grows: a lead that was held does not speed up.
        """
        self.duration_s += seconds
        elapsed_s = self.elapsed_s(at)
        self.rate = min(self.rate, (1.0 - progress) / (self.duration_s - elapsed_s))
        self._anchor = (elapsed_s, progress)

    def end(self) -> None:
        """End the present segment now."""
        self._ended = True

    def leave(self, at: float) -> None:
        """End the present segment: when its time was over, or now after `end`."""
        if self.segment is not None:
            duration_s = at - self._began_at if self._ended else self.duration_s + self._paused_in_segment(at)
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
        self._paused_before_s = self._paused_until(at)
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
            found.append(replace(PlannedPhase.of(segment), start_s=start_s))
        return tuple(found)

    def _present(self, at: float) -> PlannedPhase:
        assert self.segment is not None  # noqa: S101 - the callers have checked
        duration_s = self.duration_s + self._paused_in_segment(at)
        return replace(PlannedPhase.of(self.segment), start_s=self._began_at, duration_s=duration_s)

    def _paused_until(self, at: float) -> float:
        return self._paused_s + (0.0 if self._paused_at is None else at - self._paused_at)

    def _paused_in_segment(self, at: float) -> float:
        return self._paused_until(at) - self._paused_before_s
