"""Time stamps of LSL samples: dejittering, and strictly increasing order."""

from __future__ import annotations

import math

import numpy as np

from acquisition.streams import FloatArray

MEMORY_S = 10.0
"""Seconds of time stamps that the line is fitted to."""

SLOPE_S = 2.0
"""Seconds of time stamps from which on the period is fitted too; before, it is the nominal one."""

GAP_S = 0.25
"""Time stamps further apart than this plus one period have a gap between them."""


def timestamp_jitter(stamps: FloatArray, rate_hz: float) -> float:
    """Return the standard deviation of time stamps about a straight line, in s; 0 for fewer than 10 stamps.

    >>> round(timestamp_jitter(np.arange(100) / 250, rate_hz=250.0), 6)
    0.0
    """
    if stamps.size < 10:
        return 0.0
    number = np.arange(stamps.size)
    spacing = np.diff(stamps)
    if spacing.max() > GAP_S + 1 / rate_hz:
        return 0.0  # nothing can be said across an interruption
    return float(np.std(stamps - np.polyval(np.polyfit(number, stamps, 1), number)))


class Dejitterer:
    """Places time stamps that scatter about the true times on a line through those of the last 10 s.

    The line is fitted by least squares to sample number and time stamp, as pyxdf does for whole recordings
    afterwards; here only the stamps up to the present block are used. A gap begins a new line, so gaps are
    kept.

    Parameters
    ----------
    rate_hz : float
        Nominal rate: the slope of the line until enough stamps have arrived.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1 / rate_hz
        self._most = max(2, round(MEMORY_S * rate_hz))
        self._enough = round(SLOPE_S * rate_hz)
        self._stamps: FloatArray = np.empty(0)
        self._last_s = -math.inf

    def dejitter(self, stamps: FloatArray) -> FloatArray:
        """Return the times of the next samples from their time stamps; strictly increasing."""
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
    """Return strictly increasing times; those that increase already are unchanged.

    Parameters
    ----------
    times : ndarray, float64, shape (n,)
        Seconds.
    last_s : float
        The time before the first.
    step_s : float
        A time that is not after the previous one is moved to this much after it.
    limit_s : float
        A time further than this before the previous one is not moved.

    Returns
    -------
    ndarray, float64, shape (n,)
        NaN where a time could not be moved.

    Examples
    --------
    >>> monotonize(np.array([1.0, 0.9, 2.0]), 0.0, step_s=0.5, limit_s=1.0)
    array([1. , 1.5, 2. ])
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
