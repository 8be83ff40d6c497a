"""Heart rate and its variability, live, from the beats as the log has them now.

An interval beside a beat of quality below 0.3 counts as missing. Of the others those are bad that fail the
live artefact rule (`physiology.beats.log.is_artefact`). Every feature is withheld when no interval of the
last 5 s is there or fewer than half of them are good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from physiology.fault_reasons import FaultKind, FaultReason
from physiology.samples import BoolArray, FloatArray
from physiology.state import Beat, Reading

HR_WINDOW_S, HR_LEAST_S = 30.0, 10.0
"""Window of the heart rate, and how much of it must be good intervals. Convention; 10 s are the usual
minimum."""

FAST_HR_WINDOW_S, FAST_HR_LEAST_S = 10.0, 8.0
"""The same for the fast heart rate. Convention."""

VARIABILITY_WINDOW_S, RMSSD_LEAST_S = 60.0, 30.0
"""Window of the variability, and how much of it RMSSD needs. Convention; 30 s are the usual minimum of ln
RMSSD."""

SPREAD_LEAST_S = 54.0
"""SDNN and pNN50 need so much: a tenth of the window may be missing, as much as may be bad. Convention."""

NEWEST_BEAT_S = 5.0
"""Most intervals of so many last seconds must be good: in noise a good one turns up now and then.
Convention."""

NO_BEATS_S = 3.0
"""After so long without a beat that is the reason given: the largest gap in Orphanidou 2015."""

HR_LARGEST_SHARE, VARIABILITY_LARGEST_SHARE = 0.25, 0.10
"""Largest share of artefacts among the intervals, for heart rate and for variability. Convention; 20 to 25 %
and 10 % are usual."""

DOUBTFUL_QUALITY = 0.3
"""Intervals beside a beat of lower quality are missing. Convention, in noise checked by the share of true
beats (``benchmarks/beat_figures.py``)."""

LEAST_DIFFERENCES = 10
"""RMSSD needs so many differences. Convention."""

LARGE_DIFFERENCE_MS = 50.0
"""The 50 ms of pNN50 (Task Force 1996, doi 10.1161/01.CIR.93.5.1043)."""

NEIGHBOURS = 1.5
"""In a series that a device sends, two intervals whose ends lie further apart than so many of the later one
have lost a beat between them."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The newest beats: seconds looked back, index of the first, which are good, number of intervals."""

    seconds: float
    first: int
    good: BoolArray
    rr_ms: FloatArray
    count: int


class Intervals:
    """The intervals between beats up to one moment, as arrays.

    Parameters
    ----------
    beats : sequence of Beat
        In order of time.
    now : float
        Engine seconds; from here windows look back.

    Attributes
    ----------
    times, rr_ms : ndarray, shape (n,)
        When each interval ends; NaN where a beat has none.
    corrected, good : ndarray of bool, shape (n,)
        Which fail the artefact rule, and which count.
    """

    def __init__(self, beats: Sequence[Beat], now: float) -> None:
        rows = [(beat.r_time_s, beat.rr_ms, beat.quality, beat.corrected) for beat in beats]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        self.times: FloatArray = table[:, 0]
        self.rr_ms: FloatArray = table[:, 1]
        self._quality = table[:, 2]
        self.corrected: BoolArray = table[:, 3] > 0
        self._present = np.isfinite(self.rr_ms)
        believed = self._quality >= DOUBTFUL_QUALITY
        believed[1:] &= believed[:-1].copy()
        self._measured = self._present & believed
        self.good: BoolArray = self._measured & ~self.corrected
        self._now = now
        self._going_on = self._is_going_on()
        self._minute = self._window(VARIABILITY_WINDOW_S)
        self._steps = self._differences(self._minute)

    def heart_rate(self) -> Reading:
        """Return 60 000 over the mean good interval of the last 30 s, in beats per minute.

        Withheld with less than 10 s of good intervals, or with more than 25 % of them bad.
        """
        return self._feature(self._window(HR_WINDOW_S), HR_LEAST_S, HR_LARGEST_SHARE, _rate)

    def fast_heart_rate(self) -> Reading:
        """Return the same of the last 10 s; withheld with less than 8 s of good intervals."""
        return self._feature(self._window(FAST_HR_WINDOW_S), FAST_HR_LEAST_S, HR_LARGEST_SHARE, _rate)

    def rmssd(self) -> Reading:
        """Return the root mean square of successive differences of the last 60 s, in ms.

        Differences are taken between good neighbours only, never across a gap or a corrected interval.
        Withheld with less than 30 s of good intervals, with fewer than 10 differences, or with more than
        10 % of the intervals bad. From a pulse sensor it is pulse-rate variability.
        """
        return self._variability(RMSSD_LEAST_S, lambda _: math.sqrt(float(np.mean(self._steps**2))))

    def sdnn(self) -> Reading:
        """Return the standard deviation of the good intervals of the last 60 s, in ms.

        Withheld with less than 54 s of them or with more than 10 % of the intervals bad. The 60 s are a
        convention, for it and for pNN50: whether so short a window agrees with 5 min is hardly tested
        (Shaffer, Meehan and Zerr 2020, doi 10.3389/fnins.2020.594880), and SDNN grows with the window. A
        tenth of it may be missing, as much as may be bad.
        """
        return self._variability(SPREAD_LEAST_S, lambda rr_ms: float(np.std(rr_ms, ddof=1)))

    def pnn50(self) -> Reading:
        """Return what part of the successive differences exceeds 50 ms, in per cent; withheld like SDNN."""
        return self._variability(
            SPREAD_LEAST_S, lambda _: 100 * float(np.mean(np.abs(self._steps) > LARGE_DIFFERENCE_MS))
        )

    def fault(self) -> FaultReason | None:
        """Return why there is no heart rate; None where there is one."""
        if not self.times.size:
            return FaultReason(FaultKind.NO_BEATS_YET)
        if self._now - self.times[-1] > NO_BEATS_S:
            return FaultReason(FaultKind.NO_BEATS, NO_BEATS_S)
        recent = self._present & (self.times > self._now - HR_WINDOW_S)
        good = recent & self.good
        measured = recent & self._measured
        unlike = bool(measured.sum() < recent.sum() / 2)
        if unlike or good.sum() < (1 - HR_LARGEST_SHARE) * measured.sum():
            return FaultReason(FaultKind.DISSIMILAR_BEATS if unlike else FaultKind.IRREGULAR_BEATS)
        if not self._going_on:
            return FaultReason(FaultKind.DOUBTFUL_BEATS, NEWEST_BEAT_S)
        if self.rr_ms[good].sum() / 1000 < HR_LEAST_S:
            return FaultReason(FaultKind.FEW_BEATS, HR_LEAST_S)
        return None

    def _is_going_on(self) -> bool:
        """Return whether most intervals of the last 5 s are good."""
        newest = self._present & (self.times >= self._now - NEWEST_BEAT_S)
        return bool(newest.any()) and bool((newest & self.good).sum() >= newest.sum() / 2)

    def _window(self, seconds: float) -> _Window:
        first = int(np.searchsorted(self.times, self._now - seconds, side="right"))
        good = self.good[first:]
        return _Window(
            seconds, first, good, self.rr_ms[first:][good], int(np.count_nonzero(self._measured[first:]))
        )

    def _variability(self, least_s: float, compute: Callable[[FloatArray], float]) -> Reading:
        needed_s = least_s if self._steps.size >= LEAST_DIFFERENCES else math.inf
        return self._feature(self._minute, needed_s, VARIABILITY_LARGEST_SHARE, compute)

    def _feature(
        self,
        window: _Window,
        least_s: float,
        largest_share: float,
        compute: Callable[[FloatArray], float],
    ) -> Reading:
        """Return what `compute` makes of the good intervals of a window, withheld where rules say so."""
        if not window.count:
            return Reading(window_s=window.seconds)
        good_s = float(window.rr_ms.sum()) / 1000
        corrected = 1 - window.rr_ms.size / window.count
        said = self._going_on and good_s >= least_s and corrected <= largest_share
        last = window.first + int(np.flatnonzero(window.good)[-1]) if window.rr_ms.size else None
        return Reading(
            value=compute(window.rr_ms) if said else None,
            quality=float(self._quality[window.first :][window.good].sum()) / window.count if said else 0.0,
            age_s=None if last is None else self._now - float(self.times[last]),
            # The first interval reaches back beyond the window, the one under way has not ended.
            usable_share=min(1.0, good_s / (window.seconds - 1)),
            window_s=window.seconds,
            corrected_share=corrected,
        )

    def _differences(self, window: _Window) -> FloatArray:
        """Return differences of good neighbours; in a series from a device only times show a lost beat."""
        times, rr_ms = self.times[window.first :], self.rr_ms[window.first :]
        with np.errstate(invalid="ignore"):
            neighbours = 1000 * np.diff(times) < NEIGHBOURS * rr_ms[1:]
        return np.diff(rr_ms)[window.good[1:] & window.good[:-1] & neighbours]


def is_good(beat: Beat) -> bool:
    """Return whether a beat is believed and ends an interval that passes the artefact rule."""
    return not math.isnan(beat.rr_ms) and not beat.corrected and beat.quality >= DOUBTFUL_QUALITY


def _rate(rr_ms: FloatArray) -> float:
    return 60_000 / float(rr_ms.mean())
