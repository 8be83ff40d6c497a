"""The first word on a beat: told by its strength, shape and time a quarter of a second after it happened."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physiology.locator import Locator
from physiology.samples import Run
from physiology.state import Beat, FloatArray
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
EARLY_RR, LATE_RR = 0.65, 1.3
LEARNED_BEATS = 4


Told = Sequence[tuple[float, float]]
"""Times and qualities of beats."""


@dataclass(frozen=True, slots=True)
class Early:
    """A beat as first seen: its strength as a share of the usual, and quality as in `Beat`."""

    time_s: float
    share: float
    quality: float

    @property
    def strong(self) -> bool:
        """As strong as the others: no T wave, no artefact."""
        return SHARES[0] <= self.share <= SHARES[1]

    def merit(self, since_s: float, usual_rr_s: float) -> float:
        """Return how much speaks for it: shape, strength, and that it comes when a beat is due."""
        return self.quality - abs(math.log(self.share)) - min(1.0, abs(math.log(since_s / usual_rr_s)))


@dataclass(frozen=True, slots=True)
class _Known:
    strength: float
    shape: FloatArray


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
        self._waveform = waveform
        self._known: deque[_Known] = deque(maxlen=15)
        self._usual = 0.0
        self._template: FloatArray = np.zeros(0)

    def learn(self, run: Run, sign: int, times: Sequence[float]) -> None:
        """Learn from confirmed beats of a run."""
        locator = Locator(self._waveform, run, sign)
        for time in times:
            shape = locator.shape(time)
            if shape is not None:
                self._known.append(_Known(locator.strength_near(time), shape))
        if self._known:
            self._usual = float(np.median([known.strength for known in self._known]))
            template = np.median([known.shape for known in self._known], axis=0)
            self._template = template / max(1e-12, float(np.linalg.norm(template)))

    def hop(self, now: float, run: Run, sign: int, log: Sequence[Beat]) -> tuple[list[Early], bool]:
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
        """
        if len(self._known) < LEARNED_BEATS:
            return [], False
        locator = Locator(self._waveform, run, sign)
        before = [(beat.r_time_s, beat.quality) for beat in log]
        complexes = locator.complexes(WEAK_SHARE * self._usual)
        if not any(self._may_be_due(now, locator.time_of(crests[0]), before) for crests, _ in complexes):
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
                told.append(candidate)
                before.append((candidate.time_s, candidate.quality))
            elif candidate.time_s <= now - DOUBTFUL_AHEAD_S:
                left_open = left_open or candidate.strong
        return told, left_open

    def _may_be_due(self, now: float, crest: float, before: Told) -> bool:
        """Tell from a crest alone, for this is asked ten times a second."""
        first, last = self._waveform.locate_s
        due = now - DOUBTFUL_AHEAD_S - PATIENCE_S - last < crest <= now - PLAIN_AHEAD_S - first
        return due and not any(first <= at - crest <= last for at, _ in before)

    def _is_due(self, now: float, time: float, before: Told) -> bool:
        due = now - DOUBTFUL_AHEAD_S - PATIENCE_S < time <= now - PLAIN_AHEAD_S
        return due and all(abs(time - at) >= APART_S for at, _ in before)

    def _seen(self, locator: Locator, crests: list[int], strength: float) -> Early:
        time = locator.locate(*crests)
        quality = self._quality(locator, time)
        if len(crests) > 1 and quality < LIKE_OTHERS:  # which of them looks most like a beat?
            times = [locator.locate(crest) for crest in crests]
            quality, time = max((quality, time), *((self._quality(locator, at), at) for at in times))
        return Early(time, strength / self._usual, quality)

    def _quality(self, locator: Locator, time: float) -> float:
        shape = locator.shape(time)
        if shape is None:
            return 0.0
        r = float(shape @ self._template) / max(1e-12, float(np.sqrt(shape @ shape)))
        return max(0.0, 1 - (1 - r) / (2 * (1 - self._waveform.template_r))) * locator.peakedness()


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
        usual = self.beat.strong and self.beat.quality >= PLAINLY_LIKE
        return usual and self.since_s >= EARLY_RR * self.usual_rr_s

    @property
    def best(self) -> bool:
        """Strong, or overdue, and with nothing better beside it; an odd early one only where it is quiet."""
        overdue = self.since_s > LATE_RR * self.usual_rr_s and self.beat.quality >= LIKE_OTHERS
        odd = self.since_s < EARLY_RR * self.usual_rr_s and self.beat.quality < LIKE_OTHERS
        return (self.beat.strong or overdue) and not self._beaten() and not (odd and self._strays())

    def _beaten(self) -> bool:
        at, since = self.beat.time_s, self.since_s
        merit = self.beat.merit(since, self.usual_rr_s)
        near = [other for other in self.seen if 0 < abs(other.time_s - at) < RIVAL_S]
        return any(
            other.merit(max(0.1, since + other.time_s - at), self.usual_rr_s) > merit for other in near
        ) or any(abs(told - at) < RIVAL_S and quality >= self.beat.quality for told, quality in self.before)

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
    intervals = [beat.rr_ms for beat in log if not np.isnan(beat.rr_ms) and not beat.corrected]
    return float(np.median(intervals)) / 1000 if len(intervals) >= 3 else 0.5
