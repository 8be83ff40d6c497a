"""Sample times from arrival times, for devices that do not say when they sampled."""

from __future__ import annotations

import math

import numpy as np

from acquisition.streams import FloatArray

LATE_S = 0.1
"""Samples later than this are either a backlog that will be made up for, or come after a gap."""

SETTLE_S = 0.3
"""For how long they must not have become less late to tell that it is a gap."""

LESS_LATE_S = 0.02
"""What counts as less."""

MEMORY = 20
"""Of the loop, in seconds: the number of evaluations after which its gains fall no further."""

RATE_TOLERANCE = 0.1
"""How far the true rate may lie from the nominal one, as a fraction."""

SLEW = 0.05
"""By which fraction the spacing of samples may differ from the period while times are steered."""


class SampleClock:
    """Times for samples that come in blocks, each later than it was taken and never earlier.

    Sample *n* lies at *n* periods on a line. The line is steered once a second to the sample that came
    with the least delay within that second, by a second-order loop: a fit over all seconds at first, then
    with a memory of `MEMORY` seconds (the expanding- and fading-memory polynomial filter of first degree,
    Morrison 1969, Introduction to Sequential Smoothing and Prediction). So jitter and bursts do not
    show, and drift is followed. The times handed out approach the line by spacing samples up to `SLEW`
    wider or closer; they strictly increase.

    Blocks later than `LATE_S` are held. If lateness goes, they had been waiting in a buffer, and keep their
    spacing; if it stays for `SETTLE_S`, samples are missing, and the least lateness is the gap.

    Parameters
    ----------
    rate_hz : float
        Nominal rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1.0 / rate_hz
        self._window = max(1, round(rate_hz))
        # The line: sample number `_count` (the last one handed out) lies at `_line_s`.
        self._count = 0
        self._line_s = math.nan
        self._period_s = self._nominal_s
        self._evaluations = 0
        self._lowest_s = math.inf
        self._evaluated_at = 0
        # What is handed out.
        self._last_s = math.nan
        self._step_s = self._nominal_s
        self._held: list[tuple[float, int]] = []
        self._least_late_s = math.inf
        self._least_late_at_s = math.nan

    @property
    def count(self) -> int:
        """How many times were handed out."""
        return self._count

    def arrived(self, arrival_s: float, count: int) -> FloatArray:
        """Take in a block of samples.

        Parameters
        ----------
        arrival_s : float
            When it was received; not before the block before it.
        count : int
            How many samples, at least one.

        Returns
        -------
        ndarray, float64, shape (n,)
            Times of the oldest `n` samples without a time; possibly none, if the block is held.
        """
        if math.isnan(self._line_s):
            self._line_s = self._last_s = arrival_s - count * self._period_s
        self._held.append((arrival_s, count))
        lateness = self._lateness()[-1]
        if lateness <= LATE_S:
            return self._release()
        if lateness < self._least_late_s - LESS_LATE_S:
            self._least_late_s, self._least_late_at_s = lateness, arrival_s
        return self.settle(arrival_s)

    def settle(self, now_s: float) -> FloatArray:
        """Return the times of blocks that were held long enough; to be called when no block comes."""
        if not self._held or now_s - self._least_late_at_s < SETTLE_S:
            return np.empty(0)
        gap_s = min(self._lateness())
        self._line_s += gap_s
        self._last_s += gap_s
        return self._release()

    def _lateness(self) -> list[float]:
        """Return for each block held by how much its last sample came after its place on the line."""
        lateness, total = [], 0
        for arrival_s, count in self._held:
            total += count
            lateness.append(arrival_s - (self._line_s + total * self._period_s))
        return lateness

    def _release(self) -> FloatArray:
        times = [self._hand_out(arrival_s, count) for arrival_s, count in self._held]
        self._held.clear()
        self._least_late_s = math.inf
        return np.concatenate(times)

    def _hand_out(self, arrival_s: float, count: int) -> FloatArray:
        times: FloatArray = self._last_s + self._step_s * np.arange(1.0, count + 1)
        self._last_s = float(times[-1])
        self._count += count
        self._line_s += count * self._period_s
        self._lowest_s = min(self._lowest_s, arrival_s - self._line_s)
        if self._count - self._evaluated_at >= self._window:
            self._steer()
        return times

    def _steer(self) -> None:
        k, error_s = self._evaluations, self._lowest_s
        span = self._count - self._evaluated_at
        self._line_s += error_s * 2 * (2 * k + 1) / ((k + 1) * (k + 2))
        if k > 0:
            period_s = self._period_s + error_s / span * 6 / ((k + 1) * (k + 2))
            self._period_s = _within(period_s, self._nominal_s, RATE_TOLERANCE)
        self._evaluations = min(k + 1, MEMORY)
        self._lowest_s = math.inf
        self._evaluated_at = self._count
        wanted_s = (self._line_s + self._window * self._period_s - self._last_s) / self._window
        self._step_s = _within(wanted_s, self._period_s, SLEW)


def _within(value: float, middle: float, fraction: float) -> float:
    return min(max(value, middle * (1 - fraction)), middle * (1 + fraction))
