"""The stamps of LSL samples: in order, and even where they come unevenly."""

from __future__ import annotations

import math

import numpy as np

from acquisition.streams import FloatArray

MEMORY_S = 10.0
"""The line is fitted to the stamps of so many seconds."""

SLOPE_S = 2.0
"""From so many seconds on the period is taken from them too."""

GAP_S = 0.25
"""Stamps further apart than this, and a period, have a gap between them."""


def timestamp_jitter(stamps: FloatArray, rate_hz: float) -> float:
    """Return the standard deviation in s of stamps about samples at that rate, 0 of fewer than 10."""
    if stamps.size < 10:
        return 0.0
    number = np.arange(stamps.size)
    spacing = np.diff(stamps)
    if spacing.max() > GAP_S + 1 / rate_hz:
        return 0.0  # an interruption tells nothing of how even they are
    return float(np.std(stamps - np.polyval(np.polyfit(number, stamps, 1), number)))


class Dejitterer:
    """Stamps that scatter about the true times are put on a line through those of the last 10 s.

    The line is fitted by least squares to sample number and stamp, as pyxdf does afterwards for whole
    recordings; here only stamps up to the present block count. A gap begins a new line, so gaps stay.

    Parameters
    ----------
    rate_hz : float
        Nominal rate, with which the line begins.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1 / rate_hz
        self._most = max(2, round(MEMORY_S * rate_hz))
        self._enough = round(SLOPE_S * rate_hz)
        self._stamps: FloatArray = np.empty(0)
        self._last_s = -math.inf

    def dejitter(self, stamps: FloatArray) -> FloatArray:
        """Return the times of the next samples, by their stamps; strictly increasing."""
        gaps = np.flatnonzero(np.diff(stamps) > GAP_S + self._nominal_s) + 1
        return np.concatenate([self._block(part) for part in np.split(stamps, gaps)])

    def _block(self, stamps: FloatArray) -> FloatArray:
        if not stamps.size:
            return stamps
        if self._stamps.size and stamps[0] - self._stamps[-1] > GAP_S + self._nominal_s:
            self._stamps = np.empty(0)
        self._stamps = np.concatenate((self._stamps, stamps))[-self._most :]
        number = np.arange(self._stamps.size, dtype=np.float64)
        period_s = self._nominal_s
        if number.size >= self._enough:
            fitted = float(np.polyfit(number, self._stamps - self._stamps[0], 1)[0])
            period_s = min(max(fitted, 0.9 * self._nominal_s), 1.1 * self._nominal_s)
        line = self._stamps.mean() + (number - number.mean()) * period_s
        times = monotonize(line[-stamps.size :], self._last_s, step_s=0.1 * self._nominal_s, limit_s=math.inf)
        self._last_s = float(times[-1])
        return times


def monotonize(times: FloatArray, last_s: float, *, step_s: float, limit_s: float) -> FloatArray:
    """Return times that strictly increase, each as it was wherever that is possible.

    Parameters
    ----------
    times : ndarray, float64, shape (n,)
        Seconds.
    last_s : float
        The time before them.
    step_s : float
        How far after the one before it a time is put that does not lie after it.
    limit_s : float
        A time further before the last one is not moved.

    Returns
    -------
    ndarray, float64, shape (n,)
        NaN where a time was not moved.
    """
    if np.all(np.diff(times, prepend=last_s) > 0):
        return times
    ordered = times.copy()
    for index, time_s in enumerate(times):
        if time_s < last_s - limit_s:
            ordered[index] = np.nan
            continue
        if time_s <= last_s:
            ordered[index] = last_s + step_s
        last_s = float(ordered[index])
    return ordered
