"""Sample times from arrival times, for devices that do not say when they sampled."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from acquisition.streams import FloatArray

LATE_S = 0.1
"""Samples later than this are either a backlog that will be made up for, or come after a gap."""

SETTLE_S = 0.3
"""For how long they must not have become less late to tell that it is a gap."""

LESS_LATE_S = 0.02
"""What counts as less."""

MEMORY = 10
"""How many seconds the line is fitted to."""

TRUSTED = 3
"""From how many seconds on the line is known; before, a device of another rate may seem late."""

RATE_TOLERANCE = 0.1
"""How far the true rate may lie from the nominal one, as a fraction."""

SLEW = 0.05
"""By which fraction the spacing of samples may differ from the period while times are steered."""


class SampleTimeEstimator:
    """Times for samples that come in blocks, each later than it was taken and never earlier.

    Sample *n* lies at *n* periods on a line. From each second the sample is kept that came with the least
    delay, and the line is the least-squares fit to those of the last `MEMORY` seconds. So jitter and
    bursts do not show, and drift is followed. The times handed out approach the line by spacing samples
    up to `SLEW` wider or closer; they strictly increase.

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
        # The line: the last sample handed out, number `_count`, lies at `_line_s`.
        self._count = 0
        self._line_s = math.nan
        self._period_s = self._nominal_s
        # What it is fitted to: number and arrival of the promptest sample of each second.
        self._prompt: deque[tuple[int, float]] = deque(maxlen=MEMORY)
        self._promptest = (math.inf, 0, math.nan)
        self._second_from = (0, math.nan)
        # What is handed out.
        self._first_s = self._last_s = math.nan
        self._step_s = self._nominal_s
        # How many are held, how late they were at the least, and when they last became less late.
        self._held = 0
        self._gap_s = math.inf
        self._less_late_s, self._less_late_at_s = math.inf, math.nan

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
            self._first_s = arrival_s
            self._begin_second(arrival_s)
        self._held += count
        late_s = arrival_s - (self._line_s + self._held * self._period_s)
        if late_s > self._late_from(arrival_s):
            if late_s < self._less_late_s - LESS_LATE_S:
                self._less_late_s, self._less_late_at_s = late_s, arrival_s
            self._gap_s = min(self._gap_s, late_s)
            return self.settle(arrival_s)
        was_late, times = self._held > count, self._hand_out()
        if was_late:
            self._begin_second(arrival_s)
        else:
            self._notice(late_s, arrival_s)
        return times

    def settle(self, now_s: float) -> FloatArray:
        """Return the times of blocks that were held long enough; to be called when no block comes."""
        if not self._held or now_s - self._less_late_at_s < SETTLE_S:
            return np.empty(0)
        self._line_s += self._gap_s
        self._last_s += self._gap_s
        self._prompt = deque(((n, prompt_s + self._gap_s) for n, prompt_s in self._prompt), maxlen=MEMORY)
        self._begin_second(now_s)
        return self._hand_out()

    def _late_from(self, arrival_s: float) -> float:
        trusted = len(self._prompt) >= TRUSTED
        return LATE_S if trusted else LATE_S + RATE_TOLERANCE * (arrival_s - self._first_s)

    def _hand_out(self) -> FloatArray:
        """Return the times of all samples held."""
        times: FloatArray = self._last_s + self._step_s * np.arange(1.0, self._held + 1)
        self._last_s = float(times[-1])
        self._count += self._held
        self._line_s += self._held * self._period_s
        self._held, self._gap_s, self._less_late_s = 0, math.inf, math.inf
        return times

    def _begin_second(self, arrival_s: float) -> None:
        self._promptest = (math.inf, 0, math.nan)
        self._second_from = (self._count, arrival_s)

    def _notice(self, late_s: float, arrival_s: float) -> None:
        """Keep the promptest sample; at the end of a second fit the line anew."""
        self._promptest = min(self._promptest, (late_s, self._count, arrival_s))
        samples, seconds = self._count - self._second_from[0], arrival_s - self._second_from[1]
        if samples >= self._window and seconds >= (1.0 - RATE_TOLERANCE) * self._window * self._nominal_s:
            self._prompt.append(self._promptest[1:])
            self._begin_second(arrival_s)
            self._fit()

    def _fit(self) -> None:
        """Fit the line, and set out toward where it will be in a second."""
        numbers, arrivals = np.array(self._prompt).T
        before = numbers - self._count
        if len(self._prompt) > 1:
            slope_s = float(np.polyfit(before, arrivals - arrivals[0], 1)[0])
            self._period_s = _within(slope_s, self._nominal_s, RATE_TOLERANCE)
        self._line_s = float(np.mean(arrivals - before * self._period_s))
        wanted_s = (self._line_s + self._window * self._period_s - self._last_s) / self._window
        self._step_s = _within(wanted_s, self._period_s, SLEW)


def _within(value: float, middle: float, fraction: float) -> float:
    return min(max(value, middle * (1 - fraction)), middle * (1 + fraction))
