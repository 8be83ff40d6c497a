"""Buffers for incoming samples, gapless runs on regular grids, and slow signals in bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from physiology.errors import SignalError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LOWEST_ANALYSIS_HZ = 100.0
"""Slower signals (a camera's 30 Hz) are interpolated to at least this rate, so that a peak may lie between
samples. Convention."""

HIGHEST_ANALYSIS_HZ = 400.0
"""Faster signals are averaged to at most this rate. Convention, for cost: MIT-BIH's 360 Hz stay as they
are."""

GAP_INTERVALS = 3
"""An interval of more than so many nominal ones is a gap, whatever the signal's `gap_s`. Convention."""

LEAST_SAMPLES = 2
"""Fewer samples have no interval."""


class Samples(NamedTuple):
    """Samples of one signal: times in engine seconds and values in its unit, both of shape (n,)."""

    times: FloatArray
    values: FloatArray


class SampleBuffer:
    """The newest samples of one signal: at least the last `keep_s` seconds.

    Parameters
    ----------
    kind : str
        For messages.
    keep_s : float
        How far back `window` may reach behind the newest `forget`.
    """

    def __init__(self, kind: str, keep_s: float) -> None:
        self._kind = kind
        self._keep_s = keep_s
        self._times: FloatArray = np.empty(1024)
        self._values: FloatArray = np.empty(1024)
        self._first = self._end = 0
        self._newest_s = -np.inf

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples; those that are not finite are missing and are left out.

        Raises
        ------
        SignalError
            If shapes differ or times are not finite and strictly increasing.
        """
        if times.ndim != 1 or times.shape != values.shape:
            raise SignalError(
                f"{self._kind}: times have shape {times.shape} and values {values.shape}; "
                "both must be one-dimensional and of equal length"
            )
        if times.size == 0:
            return
        if not np.isfinite(times).all():
            raise SignalError(f"{self._kind}: a sample's time is not a finite number")
        if times[0] <= self._newest_s or (times[1:] <= times[:-1]).any():
            raise SignalError(
                f"{self._kind}: times must increase strictly; they do not near {float(times[0]):.3f} s"
            )
        self._newest_s = float(times[-1])
        present = np.isfinite(values)
        if not present.all():
            times, values = times[present], values[present]
        self._make_room(times.size)
        new = slice(self._end, self._end + times.size)
        self._times[new], self._values[new] = times, values
        self._end = new.stop

    def window(self, start: float, end: float) -> Samples:
        """Return the samples with ``start < time <= end``."""
        kept = self._times[self._first : self._end]
        first, last = self._first + kept.searchsorted((start, end), side="right")
        return Samples(self._times[first:last], self._values[first:last])

    def take(self, end: float) -> Samples:
        """Return all samples up to `end` that are still there, and drop them."""
        taken = self.window(-np.inf, end)
        self._first += taken.times.size
        return taken

    def forget(self, now: float) -> None:
        """Drop what lies more than `keep_s` before `now`."""
        self._first += int(self._times[self._first : self._end].searchsorted(now - self._keep_s))

    def _make_room(self, count: int) -> None:
        """Move what is kept to new arrays if there is no room left; windows handed out stay as they are."""
        if self._end + count <= self._times.size:
            return
        kept = slice(self._first, self._end)
        size = self._end - self._first
        room = max(self._times.size, 2 * (size + count))
        times, values = np.empty(room), np.empty(room)
        times[:size], values[:size] = self._times[kept], self._values[kept]
        self._times, self._values, self._first, self._end = times, values, 0, size


@dataclass(frozen=True, slots=True)
class GaplessRun:
    """A stretch without a gap, on a regular grid.

    Attributes
    ----------
    start_s, rate_hz : float
        Time of the first value, engine seconds, and values per second.
    values : ndarray, float64, shape (n,)
        In the unit of the signal.
    """

    start_s: float
    rate_hz: float
    values: FloatArray

    @property
    def end_s(self) -> float:
        """Time of the last value."""
        return self.start_s + (self.values.size - 1) / self.rate_hz

    def averaged(self) -> GaplessRun:
        """Return the run at no more than 400 Hz, each value the mean of a whole number of values."""
        step = int(np.ceil(self.rate_hz / HIGHEST_ANALYSIS_HZ))
        if step == 1:
            return self
        whole = self.values.size // step * step
        means = self.values[:whole].reshape(-1, step).mean(axis=1)
        return GaplessRun(self.start_s + (step - 1) / 2 / self.rate_hz, self.rate_hz / step, means)


def gapless_runs(
    times: FloatArray, values: FloatArray, *, rate_hz: float, gap_s: float, shortest_s: float
) -> list[GaplessRun]:
    """Cut samples at gaps and put each stretch on a regular grid.

    Parameters
    ----------
    times, values : ndarray, shape (n,)
        Samples, irregular or not (a camera's frames come when they come).
    rate_hz : float
        Nominal rate; 0 takes it from the median interval.
    gap_s : float
        A longer interval between samples (and one of more than three nominal intervals) is a gap.
    shortest_s : float
        Shorter stretches are left out.

    Returns
    -------
    list of GaplessRun
        In order. Linear between samples at 100 Hz and more; below that a cubic spline on a multiple of
        the rate, so that a peak may lie between samples.
    """
    if times.size < LEAST_SAMPLES:
        return []
    intervals = np.diff(times)
    rate = rate_hz if rate_hz > 0 else 1 / float(np.median(intervals))
    bounds = [0, times.size]
    if intervals.max() > (longest := max(gap_s, GAP_INTERVALS / rate)):
        bounds[1:1] = (np.flatnonzero(intervals > longest) + 1).tolist()
    fine_rate = rate * max(1, math.ceil(LOWEST_ANALYSIS_HZ / rate))
    runs = []
    for first, end in pairwise(bounds):
        part = slice(first, end)
        start, span = times[first], times[end - 1] - times[first]
        if span < shortest_s:
            continue
        grid = start + np.arange(int(span * fine_rate + 1e-6) + 1) / fine_rate
        if fine_rate > rate:
            degree = min(3, end - first - 1)
            from scipy.interpolate import make_interp_spline  # noqa: PLC0415 - takes seconds

            on_grid = make_interp_spline(times[part], values[part], degree, check_finite=False)(grid)
        else:
            on_grid = np.interp(grid, times[part], values[part])
        runs.append(GaplessRun(float(start), fine_rate, on_grid))
    return runs


class BinnedSignal:
    """A slow signal averaged in bins of signal time: bin i holds the samples with (i − 1)/8 < t ≤ i/8 s.

    A sample that arrives after its bin was closed is still counted in, as long as the bin is kept.

    Parameters
    ----------
    kind : str
        For messages.
    keep_s : float
        How many seconds of bins to keep.
    """

    RATE_HZ = 8

    def __init__(self, kind: str, keep_s: int) -> None:
        self._buffer = SampleBuffer(kind, keep_s=0.0)
        self._sums: FloatArray = np.zeros(keep_s * self.RATE_HZ)
        self._counts: FloatArray = np.zeros(keep_s * self.RATE_HZ)
        self._last_bin: int | None = None
        self._ahead_s, self._binned = 0.0, 0
        self.lost = 0
        """How many samples came so late that their bin was gone."""
        self.whole_numbers = True
        """Whether all samples so far are whole numbers, as a converter counts them."""

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples (see `SampleBuffer.push`)."""
        self._buffer.push(times, values)

    def advance(self, now: float) -> int:
        """Close all bins up to `now`, a multiple of 1/8 s; return how many of the newest may have changed."""
        last, size = round(now * self.RATE_HZ), self._sums.size
        new = size if self._last_bin is None else min(size, last - self._last_bin)
        if new:
            self._sums = np.concatenate([self._sums[new:], np.zeros(new)])
            self._counts = np.concatenate([self._counts[new:], np.zeros(new)])
        self._last_bin = last
        times, values = self._buffer.take(now)
        if not times.size:
            return new
        self.whole_numbers = self.whole_numbers and bool((values == np.rint(values)).all())
        bins = np.minimum(np.ceil(times * self.RATE_HZ).astype(np.int64), last)
        self._ahead_s += float(np.sum(bins / self.RATE_HZ - times))
        self._binned += times.size
        places = bins - (last - size + 1)
        kept = int(np.searchsorted(places, 0))
        self.lost += kept
        self._sums += np.bincount(places[kept:], weights=values[kept:], minlength=size)
        self._counts += np.bincount(places[kept:], minlength=size)
        return max(new, size - int(places[kept])) if kept < places.size else new

    @property
    def lead_s(self) -> float:
        """How far the time of a bin (its end) lies after that of its samples, on average."""
        return self._ahead_s / self._binned if self._binned else 0.0

    def filled(self, longest_gap_s: float) -> FloatArray:
        """Return the bins, oldest first, gaps of up to `longest_gap_s` bridged linearly, others NaN."""
        means: FloatArray = np.full(self._sums.size, np.nan)
        np.divide(self._sums, self._counts, out=means, where=self._counts > 0)
        known = np.flatnonzero(self._counts)
        if known.size < LEAST_SAMPLES or known.size == means.size:
            return means
        gaps = np.diff(known)
        bridged = np.interp(np.arange(means.size), known, means[known])
        bridged[: known[0]] = bridged[known[-1] + 1 :] = np.nan
        for gap in np.flatnonzero(gaps > longest_gap_s * self.RATE_HZ + 1):
            bridged[known[gap] + 1 : known[gap + 1]] = np.nan
        return bridged
