"""The first word on a beat: told by its strength, shape and time a quarter of a second after it happened."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from physiology.locator import Locator
from physiology.pattern import Pattern
from physiology.samples import FloatArray, Run
from physiology.state import Beat
from physiology.waveform import Waveform

LOOK_BACK_S = 2.0
PLAIN_AHEAD_S = 0.2
DOUBTFUL_AHEAD_S = 0.48  # a rival 0.36 s later is seen whole by then
PATIENCE_S = 0.2
APART_S = 0.25
RIVAL_S = 0.36
SHARES = (0.55, 2.0)
WEAK_SHARE, STRAY_SHARE = 0.3, 0.45
LIKE_OTHERS, PLAINLY_LIKE = 0.5, 0.7
EARLY_RR, SOON_RR, LATE_RR = 0.65, 0.75, 1.3
ASIDE_S = 0.12


Told = Sequence[tuple[float, float]]
"""Times of beats and their likeness."""


@dataclass(frozen=True, slots=True)
class Early:
    """A beat as first seen: strength as a share of the usual, likeness to the others, and its quality."""

    time_s: float
    share: float
    likeness: float
    quality: float = 0.0

    @property
    def strong(self) -> bool:
        """As strong as the others: no T wave, no artefact."""
        return SHARES[0] <= self.share <= SHARES[1]

    def merit(self, since_s: float, usual_rr_s: float) -> float:
        """Return how much speaks for it: shape, strength, and that it comes when a beat is due."""
        return self.likeness - abs(math.log(self.share)) - min(1.0, abs(math.log(since_s / usual_rr_s)))


class EarlyStage:
    """Beats told by what the beats confirmed before have in common.

    A beat is plain if it is as strong as the others, looks like them and does not come too early; it is told
    as soon as it is seen. Of the doubtful ones, those as strong as the others (or weak, where a beat is
    overdue) are told a quarter of a second later if nothing better turns up beside them. The rest is left
    to the confirming look. Nothing is carried over but what confirmed beats look like.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    """

    def __init__(self, waveform: Waveform) -> None:
        self.pattern = Pattern(waveform)
        self._waveform = waveform
        self._clear_s = np.inf
        self._edge_s = 0.0
        self._harmless = 0.0

    def is_idle(self, times: FloatArray, values: FloatArray, sign: int) -> bool:
        """Tell from the samples alone whether nothing can have happened since the last hop.

        So it is where nothing was left open then and no rise (ECG: or fall) since is large enough for the
        weakest beat.
        """
        first = int(np.searchsorted(times, self._clear_s - 2 * self._edge_s))
        new = sign * values[first:]
        if not new.size:
            return bool(self._clear_s < np.inf)
        if self._waveform.pulse:
            return bool((new - np.minimum.accumulate(new)).max() < self._harmless)
        return bool(new.max() - new.min() < self._harmless)

    def hop(
        self, now: float, run: Run, sign: int, log: Sequence[Beat], likeness: Mapping[int, float]
    ) -> tuple[list[Early], bool]:
        """Return the beats to be told at `now`, in order of time, and whether another was left open.

        Parameters
        ----------
        now : float
            Engine seconds.
        run : Run
            The last 2 s, up to `now`.
        sign : int
            Polarity.
        log : sequence of Beat
            The last beats as they stand.
        likeness : mapping of int to float
            How much beats looked like the others when announced, by their id.
        """
        if not self.pattern.learned:
            return [], False
        locator = Locator(self._waveform, run, sign)
        before = [(beat.r_time_s, likeness.get(beat.beat_id, beat.quality)) for beat in log]
        complexes = locator.complexes(WEAK_SHARE * self.pattern.strength)
        starts = [locator.time_of(crests[0]) for crests, _ in complexes]
        self._note_clear(now, locator, starts, before)
        if not any(self._may_be_due(now, start, before) for start in starts):
            return [], False
        seen = [self._seen(locator, crests, strength) for crests, strength in complexes]
        usual_rr_s = usual_rr(log)
        told: list[Early] = []
        left_open = False
        for candidate in seen:
            if not self._is_due(now, candidate.time_s, before):
                continue
            rivals = Rivals(candidate, usual_rr_s, before, seen)
            if rivals.plain or (candidate.time_s <= now - DOUBTFUL_AHEAD_S and rivals.best):
                quality = self.pattern.quality(
                    locator, candidate.time_s, candidate.likeness, [at for at, _ in before], usual_rr_s
                )
                told.append(replace(candidate, quality=quality))
                before.append((candidate.time_s, candidate.likeness))
            elif candidate.time_s <= now - DOUBTFUL_AHEAD_S:
                left_open = left_open or candidate.strong or candidate.likeness >= LIKE_OTHERS
        return told, left_open

    def _note_clear(self, now: float, locator: Locator, starts: Sequence[float], before: Told) -> None:
        """Note up to when every crest is of a beat that was told."""
        first, last = self._waveform.locate_s
        still_open = any(
            now - DOUBTFUL_AHEAD_S - PATIENCE_S - last < start
            and not any(first <= at - start <= last for at, _ in before)
            for start in starts
        )
        self._clear_s = np.inf if still_open else now
        self._edge_s = locator.edge_s
        self._harmless = WEAK_SHARE * self.pattern.strength / max(1e-24, locator.sensitivity)

    def _may_be_due(self, now: float, crest: float, before: Told) -> bool:
        """Tell from a crest alone, for this is asked ten times a second."""
        first, last = self._waveform.locate_s
        due = now - DOUBTFUL_AHEAD_S - PATIENCE_S - last < crest <= now - PLAIN_AHEAD_S - first
        return due and not any(first <= at - crest <= last for at, _ in before)

    def _is_due(self, now: float, time: float, before: Told) -> bool:
        due = now - DOUBTFUL_AHEAD_S - PATIENCE_S < time <= now - PLAIN_AHEAD_S
        return due and all(abs(time - at) >= APART_S for at, _ in before)

    def judge(self, run: Run, sign: int, time: float, log: Sequence[Beat]) -> float:
        """Return the quality of a beat that only the confirming look saw; 1 where no pattern is known."""
        if not self.pattern.learned:
            return 1.0
        locator = Locator(self._waveform, run, sign)
        likeness = self.pattern.likeness(locator, time)
        before = [beat.r_time_s for beat in log]
        return self.pattern.quality(locator, time, likeness, before, usual_rr(log))

    def _seen(self, locator: Locator, crests: list[int], strength: float) -> Early:
        time = locator.locate(*crests)
        likeness = self.pattern.likeness(locator, time)
        if likeness < PLAINLY_LIKE:
            first, last = locator.time_of(crests[0]) - ASIDE_S, locator.time_of(crests[-1]) + ASIDE_S
            other = self.pattern.best_place(locator, first, last)
            there = self.pattern.likeness(locator, other)
            if there > likeness:
                likeness, time = there, other
        return Early(time, strength / self.pattern.strength, likeness)


@dataclass(frozen=True, slots=True)
class Rivals:
    """A beat between those told before it and the others seen."""

    beat: Early
    usual_rr_s: float
    before: Told
    seen: Sequence[Early]

    @property
    def since_s(self) -> float:
        """Seconds since the last beat told."""
        return self.beat.time_s - max((at for at, _ in self.before if at < self.beat.time_s), default=-np.inf)

    @property
    def plain(self) -> bool:
        """As strong as the others, of their shape and not early."""
        usual = self.beat.strong and self.beat.likeness >= PLAINLY_LIKE
        return usual and self.since_s >= SOON_RR * self.usual_rr_s

    @property
    def best(self) -> bool:
        """Strong, or overdue, and with nothing better beside it; an odd early one only where it is quiet."""
        overdue = self.since_s > LATE_RR * self.usual_rr_s and self.beat.likeness >= LIKE_OTHERS
        odd = self.since_s < EARLY_RR * self.usual_rr_s and self.beat.likeness < LIKE_OTHERS
        return (self.beat.strong or overdue) and not self._beaten() and not (odd and self._strays())

    def _beaten(self) -> bool:
        at, since = self.beat.time_s, self.since_s
        merit = self.beat.merit(since, self.usual_rr_s)
        near = [other for other in self.seen if 0 < abs(other.time_s - at) < RIVAL_S]
        return any(
            other.merit(max(0.1, since + other.time_s - at), self.usual_rr_s) > merit for other in near
        ) or any(
            abs(told - at) < RIVAL_S and likeness >= self.beat.likeness for told, likeness in self.before
        )

    def _strays(self) -> bool:
        """Tell whether something else was seen lately that is no beat: a sign of noise."""
        return any(
            other.share >= STRAY_SHARE
            and other.time_s != self.beat.time_s
            and all(abs(other.time_s - at) > 0.1 for at, _ in self.before)
            for other in self.seen
        )


def usual_rr(log: Sequence[Beat]) -> float:
    """Return the median good interval in seconds, 0.5 where there are too few."""
    intervals = [beat.rr_ms for beat in log if not math.isnan(beat.rr_ms) and not beat.corrected]
    return statistics.median(intervals) / 1000 if len(intervals) >= 3 else 0.5
