"""Sample times from arrival times, for devices that do not say when they sampled."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from acquisition.streams import FloatArray

LATE_S = 0.1
"""Samples later than this either waited in a buffer, or follow a gap."""

SETTLE_S = 0.3
"""Seconds without a decrease of the lateness after which it is taken for a gap."""

LESS_LATE_S = 0.02
"""Least decrease of the lateness that counts."""

MEMORY = 10
"""Seconds of samples that the line is fitted to."""

TRUSTED = 3
"""Seconds after which the line is trusted; before, a device with another rate may seem late."""

RATE_TOLERANCE = 0.1
"""Greatest deviation of the true rate from the nominal one, as a fraction."""

SLEW = 0.05
"""Greatest deviation of the spacing of samples from the period during corrections, as a fraction."""


class SampleTimeEstimator:
    """Times of samples that arrive in blocks, each some time after it was taken.

    Sample *n* lies at *n* periods on a line. Of each second the sample with the least delay is kept, and the
    line is the least-squares fit to those of the last `MEMORY` seconds. This removes jitter and bursts and
    follows drift. The returned times approach the line by spacing samples up to `SLEW` wider or closer; they
    strictly increase.

    Blocks later than `LATE_S` are held back. If the lateness goes, they had waited in a buffer and keep their
    spacing; if it stays for `SETTLE_S`, samples are missing, and the least lateness is the length of the gap.

    The method is our own; `benchmarks/acquisition.py` measures its errors (see docs/acquisition.md).

    Parameters
    ----------
    rate_hz : float
        Nominal rate.

    Attributes
    ----------
    count : int
        Number of samples that have a time.

    Examples
    --------
    >>> estimator = SampleTimeEstimator(10.0)
    >>> [round(float(t), 3) for t in estimator.add(arrival_s=5.0, count=3)]
    [4.8, 4.9, 5.0]
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1.0 / rate_hz
        self._window = max(1, round(rate_hz))
        # The line: the last sample with a time, number `count`, lies at `_line_s`.
        self.count = 0
        self._line_s = math.nan
        self._period_s = self._nominal_s
        # What it is fitted to: number and arrival of the sample with the least delay of each second.
        self._fitted: deque[tuple[int, float]] = deque(maxlen=MEMORY)
        self._least_delayed = (math.inf, 0, math.nan)
        self._second_from = (0, math.nan)
        # The times that are returned.
        self._first_s = self._last_s = math.nan
        self._step_s = self._nominal_s
        # Samples held back, their least lateness, and when the lateness last decreased.
        self._held = 0
        self._gap_s = math.inf
        self._less_late_s, self._less_late_at_s = math.inf, math.nan

    def add(self, arrival_s: float, count: int) -> FloatArray:
        """Add a block of samples.

        Parameters
        ----------
        arrival_s : float
            When it was received; not before the previous block.
        count : int
            Number of samples, at least one.

        Returns
        -------
        ndarray, float64, shape (n,)
            Times of the oldest `n` samples without a time; none if the block is held back.
        """
        if math.isnan(self._line_s):
            self._line_s = self._last_s = arrival_s - count * self._period_s
            self._first_s = arrival_s
            self._begin_second(arrival_s)
        self._held += count
        late_s = arrival_s - (self._line_s + self._held * self._period_s)
        if late_s > self._late_from(arrival_s):
            if late_s < self._less_late_s - LESS_LATE_S:
                self._less_late_s, self._less_late_at_s = late_s, arrival_s
            self._gap_s = min(self._gap_s, late_s)
            return self.settle(arrival_s)
        was_late, times = self._held > count, self._release_held()
        if was_late:
            self._begin_second(arrival_s)
        else:
            self._keep_least_delayed(late_s, arrival_s)
        return times

    def settle(self, now_s: float) -> FloatArray:
        """Return the times of blocks that were held back long enough; call it also when no block arrives."""
        if not self._held or now_s - self._less_late_at_s < SETTLE_S:
            return np.empty(0)
        self._line_s += self._gap_s
        self._last_s += self._gap_s
        self._fitted = deque(((n, fitted_s + self._gap_s) for n, fitted_s in self._fitted), maxlen=MEMORY)
        self._begin_second(now_s)
        return self._release_held()

    def _late_from(self, arrival_s: float) -> float:
        trusted = len(self._fitted) >= TRUSTED
        return LATE_S if trusted else LATE_S + RATE_TOLERANCE * (arrival_s - self._first_s)

    def _release_held(self) -> FloatArray:
        """Return the times of all samples held back."""
        times: FloatArray = self._last_s + self._step_s * np.arange(1.0, self._held + 1)
        self._last_s = float(times[-1])
        self.count += self._held
        self._line_s += self._held * self._period_s
        self._held, self._gap_s, self._less_late_s = 0, math.inf, math.inf
        return times

    def _begin_second(self, arrival_s: float) -> None:
        self._least_delayed = (math.inf, 0, math.nan)
        self._second_from = (self.count, arrival_s)

    def _keep_least_delayed(self, late_s: float, arrival_s: float) -> None:
        """Keep the sample with the least delay; fit the line again at the end of each second."""
        self._least_delayed = min(self._least_delayed, (late_s, self.count, arrival_s))
        samples, seconds = self.count - self._second_from[0], arrival_s - self._second_from[1]
        if samples >= self._window and seconds >= (1.0 - RATE_TOLERANCE) * self._window * self._nominal_s:
            self._fitted.append(self._least_delayed[1:])
            self._begin_second(arrival_s)
            self._fit()

    def _fit(self) -> None:
        """Fit the line, and choose the spacing that reaches it within a second."""
        numbers, arrivals = np.array(self._fitted).T
        before = numbers - self.count
        if len(self._fitted) > 1:
            slope_s = float(np.polyfit(before, arrivals - arrivals[0], 1)[0])
            self._period_s = _within(slope_s, self._nominal_s, RATE_TOLERANCE)
        self._line_s = float(np.mean(arrivals - before * self._period_s))
        wanted_s = (self._line_s + self._window * self._period_s - self._last_s) / self._window
        self._step_s = _within(wanted_s, self._period_s, SLEW)


def _within(value: float, middle: float, fraction: float) -> float:
    return min(max(value, middle * (1 - fraction)), middle * (1 + fraction))
