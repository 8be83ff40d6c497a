"""Places on an even grid for samples that carry stamps: nothing is interpolated, gaps stay gaps."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from biofeedback.recording.xdf import FloatArray

GAP_PERIODS = 1.5
"""A step longer than so many periods is a gap."""

Slots = npt.NDArray[np.int64]

NOWHERE = np.iinfo(np.int64).min
"""The slot of a sample that was left out."""


def effective_rate(blocks: list[tuple[float, float, int]], nominal_hz: float) -> float:
    """Return the rate that stamps follow, gaps left out.

    Parameters
    ----------
    blocks : list of (float, float, int)
        Of each stretch without a gap: its first and last stamp, and its number of samples.
    nominal_hz : float
        Returned where the stamps agree with it to one in a million, or there are too few of them.
    """
    seconds = sum(last - first for first, last, _ in blocks)
    steps = sum(count - 1 for _, _, count in blocks)
    if steps < 1 or seconds <= 0:
        return nominal_hz
    rate = steps / seconds
    return nominal_hz if abs(rate - nominal_hz) <= 1e-6 * nominal_hz else rate


def begins(times: FloatArray, before_s: float | None, period_s: float) -> npt.NDArray[np.int64]:
    """Return which samples begin a stretch: those after a gap, and the first of all (`before_s` None)."""
    steps = np.diff(times, prepend=-math.inf if before_s is None else before_s)
    return np.flatnonzero(steps > GAP_PERIODS * period_s)


class Placement(NamedTuple):
    """A slot for each sample (`NOWHERE` for one left out), and the slots that repeat the one before."""

    slots: Slots
    repeats: Slots


class Grid:
    """Gives consecutive samples consecutive slots, and moves on over gaps.

    Parameters
    ----------
    rate_hz : float
        Slots per second.
    period_s : float
        Of the samples, by which a gap is known.
    origin_s : float
        When slot 0 is.
    tolerance : float
        By how many slots a sample may lie beside its own. Beyond that, where the samples' rate is not the
        grid's, a slot is repeated or a sample left out.

    Attributes
    ----------
    next_slot : int
        After the last sample's.
    repeated, left_out : int
        How many slots had to be filled with the sample before; how many samples found no slot.
    deviation_s : float
        How far a sample lies from its slot at most.
    """

    def __init__(
        self, rate_hz: float, *, period_s: float, origin_s: float, tolerance: float = math.inf
    ) -> None:
        self._rate_hz = rate_hz
        self._period_s = period_s
        self._origin_s = origin_s
        self._tolerance = tolerance
        self._before_s: float | None = None
        self.next_slot = 0
        self.repeated = 0
        self.left_out = 0
        self.deviation_s = 0.0

    def place(self, times: FloatArray) -> Placement:
        """Return where samples lie.

        Parameters
        ----------
        times : ndarray, shape (n,)
            Stamps, not before those placed already.
        """
        if not times.size:
            return Placement(np.empty(0, np.int64), np.empty(0, np.int64))
        exact = (times - self._origin_s) * self._rate_hz
        slots = np.empty(times.size, np.int64)
        repeats: list[int] = []
        starts = begins(times, self._before_s, self._period_s).tolist()
        edges = [*([] if starts[:1] == [0] else [0]), *starts, times.size]
        for begin, end in pairwise(edges):
            if begin in starts:
                self.next_slot = max(self.next_slot, round(float(exact[begin])))
            run = slots[begin:end]
            run[:] = self.next_slot + np.arange(end - begin)
            if math.isfinite(self._tolerance):
                repeats += self._hold(run, exact[begin:end])
            self.next_slot = max(self.next_slot, int(run.max()) + 1)
        self._before_s = float(times[-1])
        placed = slots != NOWHERE
        beside = np.abs(exact[placed] - slots[placed])
        self.deviation_s = max(self.deviation_s, float(beside.max(initial=0.0)) / self._rate_hz)
        return Placement(slots, np.array(repeats, np.int64))

    def _hold(self, run: Slots, exact: FloatArray) -> list[int]:
        """Keep a run within the tolerance; return the slots that repeat the sample before."""
        repeats: list[int] = []
        at = 0
        while True:
            beside = exact[at:] - run[at:]
            off = np.flatnonzero(np.abs(beside) > self._tolerance)
            if not off.size:
                return repeats
            at += int(off[0])
            if exact[at] > run[at]:
                repeats.append(int(run[at]))
                self.repeated += 1
                run[at:] += 1
            else:
                run[at + 1 :] -= 1
                run[at] = NOWHERE
                self.left_out += 1
                at += 1
