"""Several heart signals at once: the best one reports, another one stands in while it is lost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from physiology.fault_reasons import FaultKind, FaultReason
from physiology.heart import Heart, HeartReport, WaveformHeart
from physiology.samples import FloatArray
from physiology.state import Beat, BeatAction

LOST_S = 10.0
BACK_S = 30.0
STARTING_S = 20.0
"""A signal may take this long to its first heart rate before it counts as lost."""

GOOD_QUALITY = 0.5


@dataclass(slots=True)
class _Source:
    """A heart signal, and what is remembered of it."""

    heart: Heart
    report: HeartReport
    given_s: float
    """When it last gave a heart rate."""
    good_since_s: float = math.inf


class HeartSources:
    """The heart signals that are configured, and the one that reports now.

    Beats and features come from one signal at a time, never from two: each keeps its own series of
    intervals, only lines about beats that were announced while a signal reports are passed on, and the
    first of them has no interval. After 10 s without a heart rate the next best signal that is good takes
    over; the better one takes back after 30 s without a fault.

    Parameters
    ----------
    hearts : mapping of str to Heart
        By kind of signal, best first; at least one.
    """

    def __init__(self, hearts: Mapping[str, Heart]) -> None:
        self._sources = {kind: _Source(heart, HeartReport(), math.inf) for kind, heart in hearts.items()}
        self._kinds = tuple(hearts)
        self._first_id: int | None = -1
        self.kind = self._kinds[0]
        """The kind of the signal that reports."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds, best first."""
        return self._kinds

    def push(self, kind: str, times: FloatArray, values: FloatArray) -> None:
        """Take in samples of one of the signals (see `SampleBuffer.push`)."""
        self._sources[kind].heart.push(times, values)

    def hop(self, now: float) -> list[Beat]:
        """Return the new lines of the beat log at `now`, those of the signal that reports."""
        lines = {kind: source.heart.hop(now) for kind, source in self._sources.items()}
        return [line for beat in lines[self.kind] if (line := self._passed_on(beat))]

    def report(self, now: float) -> HeartReport:
        """Return the features at `now`, a whole second, and choose who reports from now on."""
        for source in self._sources.values():
            source.report = source.heart.report(now)
            self._remember(source, now)
        self._choose(now)
        return self._sources[self.kind].report

    def faults(self) -> Mapping[str, FaultReason | None]:
        """Return what is wrong with each signal; None where nothing is."""
        found: dict[str, FaultReason | None] = {}
        place = self._kinds.index(self.kind)
        for rank, kind in enumerate(self._kinds):
            fault = self._sources[kind].report.fault
            if rank > place:
                fault = FaultReason(FaultKind.STANDBY, in_use=self.kind)
            elif rank < place:
                fault = replace(fault or FaultReason(FaultKind.RECOVERED), in_use=self.kind)
            found[kind] = fault
        return found

    def choices(self) -> Mapping[str, str]:
        """Return which of several channels is listened to and why, by kind, in words."""
        found = {
            kind: source.heart.choice
            for kind, source in self._sources.items()
            if isinstance(source.heart, WaveformHeart)
        }
        return {kind: choice for kind, choice in found.items() if choice}

    def qualities(self) -> Mapping[str, float]:
        """Return each signal's quality: that of its heart rate, 0 while that is withheld."""
        return {kind: source.report.hr.quality for kind, source in self._sources.items()}

    def _passed_on(self, beat: Beat) -> Beat | None:
        """Return a line as it goes into the log, or None if it is about a beat from before the change."""
        beat_id = beat.beat_id * len(self._kinds) + self._kinds.index(self.kind)
        if self._first_id is None and beat.action is BeatAction.NEW:
            self._first_id = beat_id
        if self._first_id is None or beat_id < self._first_id:
            return None
        if beat_id == self._first_id:
            return replace(beat, beat_id=beat_id, rr_ms=math.nan, corrected=False)
        return replace(beat, beat_id=beat_id)

    def _remember(self, source: _Source, now: float) -> None:
        if source.given_s == math.inf:
            source.given_s = now + STARTING_S - LOST_S
        if source.report.hr.value is None:
            source.good_since_s = math.inf
            return
        source.given_s = max(now, source.given_s)
        good = source.report.fault is None and source.report.hr.quality >= GOOD_QUALITY
        source.good_since_s = min(source.good_since_s, now) if good else math.inf

    def _choose(self, now: float) -> None:
        place = self._kinds.index(self.kind)
        lost = now - self._sources[self.kind].given_s >= LOST_S
        for rank, kind in enumerate(self._kinds):
            good_for_s = now - self._sources[kind].good_since_s
            if (rank < place and good_for_s >= BACK_S) or (rank != place and lost and good_for_s >= 0):
                self.kind, self._first_id = kind, None
                return
