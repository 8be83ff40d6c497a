"""Beats recognised by strength, shape and time a quarter of a second after they happened."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from physiology.beats.beat_template import BeatTemplate
from physiology.beats.peak_locator import PeakLocator
from physiology.beats.waveform import Waveform
from physiology.samples import FloatArray, GaplessRun
from physiology.state import Beat

LOOK_BACK_S = 2.0
"""The early look sees so much of the signal; it holds two beats from 60 bpm on. Convention."""

PLAIN_AHEAD_S = 0.2
"""A plain beat is reported once so much signal after it is there. Development recordings (delay); shape and
band of the beat end before."""

RIVAL_S = 0.36
"""A candidate so near to another one competes with it. Development recordings; 0.36 s is the interval at 167
bpm."""

DOUBTFUL_AHEAD_S = 0.48
"""A doubtful beat is reported once so much signal after it is there: by then a rival 0.36 s later has been
seen whole."""

PATIENCE_S = 0.2
"""A beat that was not reported for so long after that is left to the confirming look. Development
recordings."""

APART_S = 0.25
"""Two beats are at least so far apart: 240 bpm. Convention."""

USUAL_STRENGTH = (0.55, 2.0)
"""A candidate whose strength, as a share of the usual, lies between these is as strong as the others: a T
wave is weaker, an artefact may be stronger. Development recordings."""

WEAK_SHARE = 0.3
"""Weaker candidates are not looked at. Development recordings."""

STRAY_SHARE = 0.45
"""A candidate so strong that is no beat is a sign of noise. Development recordings."""

LIKE_OTHERS, PLAINLY_LIKE = 0.5, 0.7
"""Likeness from which a candidate looks like the other beats, and plainly so. 0.5 is the published
correlation (see `Waveform.template_r`); 0.7 is from the development recordings."""

EARLY_RR, SOON_RR, LATE_RR = 0.65, 0.75, 1.3
"""Shares of the usual interval: before the first a beat is early, before the second too early to be plain,
after the third it is overdue. Development recordings."""

ASIDE_S = 0.12
"""A better place for a doubtful beat is sought so far beside its crests. Development recordings."""

LEAST_SINCE_S = 0.1
"""Least interval with which the merit of a rival is counted, so that its logarithm stays finite.
Convention."""

SAME_CREST_S = 0.1
"""A candidate so near to a reported beat is that beat. Convention."""

LEAST_INTERVALS, DEFAULT_RR_S = 3, 0.5
"""With fewer good intervals the usual interval is not known and taken for 0.5 s (120 bpm). Convention."""

TINY_SENSITIVITY = 1e-24
"""Keeps a quotient finite where the kernel is all zeros."""

AnnouncedBeats = Sequence[tuple[float, float]]
"""Times of beats that were reported, and their likeness."""


@dataclass(frozen=True, slots=True)
class EarlyBeat:
    """A beat as first seen: strength as a share of the usual, likeness to the others, and its quality."""

    time_s: float
    share: float
    likeness: float
    quality: float = 0.0

    @property
    def strong(self) -> bool:
        """Whether it is as strong as the others: no T wave, no artefact."""
        return USUAL_STRENGTH[0] <= self.share <= USUAL_STRENGTH[1]

    def merit(self, since_s: float, usual_rr_s: float) -> float:
        """Return how much speaks for it: shape, strength, and that it comes when a beat is due."""
        return self.likeness - abs(math.log(self.share)) - min(1.0, abs(math.log(since_s / usual_rr_s)))


class EarlyUpdate(NamedTuple):
    """Beats to be reported, in order of time, and whether a candidate was left to the confirming look."""

    beats: list[EarlyBeat]
    left_open: bool


class EarlyDetector:
    """Beats recognised by what the beats confirmed before have in common.

    A candidate is plain if it is as strong as the other beats, looks like them and does not come too early;
    it is reported as soon as it is seen. Of the doubtful ones, those as strong as the others (or weak, where
    a beat is overdue) are reported a quarter of a second later if nothing better turns up beside them. The
    rest is left to the confirming look of `WindowDetection`. Nothing is carried over but the template.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    """

    def __init__(self, waveform: Waveform) -> None:
        self.template = BeatTemplate(waveform)
        self._waveform = waveform
        self._clear_s = np.inf
        self._edge_s = 0.0
        self._harmless = 0.0

    def is_idle(self, times: FloatArray, values: FloatArray, sign: int) -> bool:
        """Return whether, by the samples alone, there can be no beat since the last `update`.

        That is so where nothing was left open then and no rise (ECG: or fall) since is large enough for the
        weakest beat.
        """
        first = int(np.searchsorted(times, self._clear_s - 2 * self._edge_s))
        new = sign * values[first:]
        if not new.size:
            return bool(self._clear_s < np.inf)
        change = (new - np.minimum.accumulate(new)).max() if self._waveform.pulse else np.ptp(new)
        return bool(change < self._harmless)

    def update(
        self, now: float, run: GaplessRun, sign: int, log: Sequence[Beat], likeness: Mapping[int, float]
    ) -> EarlyUpdate:
        """Return the beats to be reported at `now`.

        Parameters
        ----------
        now : float
            Engine seconds.
        run : GaplessRun
            The last 2 s, up to `now`.
        sign : int
            Polarity.
        log : sequence of Beat
            The last beats as they stand.
        likeness : mapping of int to float
            How much beats looked like the others when they were reported, by their id.
        """
        if not self.template.learned:
            return EarlyUpdate([], left_open=False)
        locator = PeakLocator(self._waveform, run, sign)
        before = [(beat.r_time_s, likeness.get(beat.beat_id, beat.quality)) for beat in log]
        found = locator.complexes(WEAK_SHARE * self.template.strength)
        starts = [locator.time_of(crests[0]) for crests, _ in found]
        self._update_clear(now, locator, starts, before)
        if not any(self._may_be_due(now, start, before) for start in starts):
            return EarlyUpdate([], left_open=False)
        seen = [self._seen(locator, crests, strength) for crests, strength in found]
        usual_rr_s = usual_rr(log)
        reported: list[EarlyBeat] = []
        left_open = False
        for candidate in seen:
            if not self._is_due(now, candidate.time_s, before):
                continue
            context = CandidateContext(candidate, usual_rr_s, before, seen)
            if context.plain or (candidate.time_s <= now - DOUBTFUL_AHEAD_S and context.best):
                quality = self.template.quality(
                    locator, candidate.time_s, candidate.likeness, [at for at, _ in before], usual_rr_s
                )
                reported.append(replace(candidate, quality=quality))
                before.append((candidate.time_s, candidate.likeness))
            elif candidate.time_s <= now - DOUBTFUL_AHEAD_S:
                left_open = left_open or candidate.strong or candidate.likeness >= LIKE_OTHERS
        return EarlyUpdate(reported, left_open)

    def _update_clear(
        self, now: float, locator: PeakLocator, starts: Sequence[float], before: AnnouncedBeats
    ) -> None:
        """Set up to when every crest belongs to a beat that was reported."""
        first, last = self._waveform.locate_s
        still_open = any(
            now - DOUBTFUL_AHEAD_S - PATIENCE_S - last < start
            and not any(first <= at - start <= last for at, _ in before)
            for start in starts
        )
        self._clear_s = np.inf if still_open else now
        self._edge_s = locator.edge_s
        self._harmless = WEAK_SHARE * self.template.strength / max(TINY_SENSITIVITY, locator.sensitivity)

    def _may_be_due(self, now: float, crest: float, before: AnnouncedBeats) -> bool:
        """Return whether a beat at this crest may be due; it is asked ten times a second."""
        first, last = self._waveform.locate_s
        due = now - DOUBTFUL_AHEAD_S - PATIENCE_S - last < crest <= now - PLAIN_AHEAD_S - first
        return due and not any(first <= at - crest <= last for at, _ in before)

    def _is_due(self, now: float, time: float, before: AnnouncedBeats) -> bool:
        due = now - DOUBTFUL_AHEAD_S - PATIENCE_S < time <= now - PLAIN_AHEAD_S
        return due and all(abs(time - at) >= APART_S for at, _ in before)

    def judge(self, run: GaplessRun, sign: int, time: float, log: Sequence[Beat]) -> float:
        """Return the quality of a beat that only the confirming look saw; 1 without a template."""
        if not self.template.learned:
            return 1.0
        locator = PeakLocator(self._waveform, run, sign)
        likeness = self.template.likeness(locator, time)
        before = [beat.r_time_s for beat in log]
        return self.template.quality(locator, time, likeness, before, usual_rr(log))

    def _seen(self, locator: PeakLocator, crests: list[int], strength: float) -> EarlyBeat:
        time = locator.locate(*crests)
        likeness = self.template.likeness(locator, time)
        if likeness < PLAINLY_LIKE:
            first, last = locator.time_of(crests[0]) - ASIDE_S, locator.time_of(crests[-1]) + ASIDE_S
            other = self.template.best_place(locator, first, last)
            there = self.template.likeness(locator, other)
            if there > likeness:
                likeness, time = there, other
        return EarlyBeat(time, strength / self.template.strength, likeness)


@dataclass(frozen=True, slots=True)
class CandidateContext:
    """A candidate between the beats reported before it and the other candidates."""

    beat: EarlyBeat
    usual_rr_s: float
    before: AnnouncedBeats
    seen: Sequence[EarlyBeat]

    @property
    def since_s(self) -> float:
        """Seconds since the last beat reported."""
        return self.beat.time_s - max((at for at, _ in self.before if at < self.beat.time_s), default=-np.inf)

    @property
    def plain(self) -> bool:
        """Whether it is as strong as the others, of their shape and not early."""
        usual = self.beat.strong and self.beat.likeness >= PLAINLY_LIKE
        return usual and self.since_s >= SOON_RR * self.usual_rr_s

    @property
    def best(self) -> bool:
        """Whether it is strong or overdue, and nothing better is near; odd and early only in quiet."""
        overdue = self.since_s > LATE_RR * self.usual_rr_s and self.beat.likeness >= LIKE_OTHERS
        odd = self.since_s < EARLY_RR * self.usual_rr_s and self.beat.likeness < LIKE_OTHERS
        return (self.beat.strong or overdue) and not self._beaten() and not (odd and self._strays())

    def _beaten(self) -> bool:
        at, since = self.beat.time_s, self.since_s
        merit = self.beat.merit(since, self.usual_rr_s)
        near = [other for other in self.seen if 0 < abs(other.time_s - at) < RIVAL_S]
        return any(
            other.merit(max(LEAST_SINCE_S, since + other.time_s - at), self.usual_rr_s) > merit
            for other in near
        ) or any(
            abs(other_s - at) < RIVAL_S and likeness >= self.beat.likeness
            for other_s, likeness in self.before
        )

    def _strays(self) -> bool:
        """Return whether something else was seen lately that is no beat: a sign of noise."""
        return any(
            other.share >= STRAY_SHARE
            and other.time_s != self.beat.time_s
            and all(abs(other.time_s - at) > SAME_CREST_S for at, _ in self.before)
            for other in self.seen
        )


def usual_rr(log: Sequence[Beat]) -> float:
    """Return the median good interval in seconds, 0.5 where there are too few."""
    intervals = [beat.rr_ms for beat in log if not math.isnan(beat.rr_ms) and not beat.corrected]
    return statistics.median(intervals) / 1000 if len(intervals) >= LEAST_INTERVALS else DEFAULT_RR_S
