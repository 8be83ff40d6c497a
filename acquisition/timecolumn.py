"""When samples were taken, from the column that says so."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from acquisition.errors import SourceError
from acquisition.streams import FloatArray, Kind

TIME_COLUMN = "time_s"

UNIX_TIME_FROM_S = 1e9
"""Times that begin beyond this (2001-09-09) are Unix time, thus an absolute start."""

_UNITS = r"[_ ]?[\[(]?(?P<unit>s|sec|seconds|ms|milliseconds|us)[\])]?"
_NAMES = re.compile(
    rf"(?:t(?={_UNITS.replace('?P<unit>', '?:')})|date[_ ]?time|timestamp|timer?)(?:{_UNITS})?", re.IGNORECASE
)

_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "milliseconds": 1e-3, "us": 1e-6}

SLOWEST_HZ = {Kind.ECG: 20.0, Kind.PPG: 10.0, Kind.HR: 0.05, Kind.RR: 0.2}
"""What is sampled slower is no such signal; 1 Hz for all others. The fastest is a thousand times as fast:
seconds, milliseconds and microseconds can then not be taken for each other."""

COARSE_SHARE = 0.05
"""If so many time stamps repeat the one before, the clock ticks slower than samples are taken."""


def find_time_column(columns: Sequence[str]) -> int | None:
    """Return which column holds times: ``time_s``, else the only one whose name says so."""
    if columns.count(TIME_COLUMN) == 1:
        return columns.index(TIME_COLUMN)
    named = [index for index, name in enumerate(columns) if _NAMES.fullmatch(name)]
    return named[0] if len(named) == 1 else None


def in_seconds(times: FloatArray, name: str, kind: Kind) -> FloatArray | None:
    """Return times in seconds: in the unit their name states, else the only one that fits the signal.

    Parameters
    ----------
    times : ndarray, shape (n,)
        As recorded.
    name : str
        Of their column, such as ``time``, ``timestamp_ms`` or ``t [us]``.
    kind : Kind
        Of the signal, which is sampled neither slower than `SLOWEST_HZ` nor 1000 times as fast.

    Returns
    -------
    ndarray or None
        None if it is not stated and no unit fits.
    """
    match = _NAMES.fullmatch(name)
    stated = match["unit"] if match else None
    if stated:
        return times * _SECONDS[stated.lower()]
    steps = np.diff(times)
    forward = steps[steps > 0]
    if forward.size == 0:
        return None
    slowest_hz = SLOWEST_HZ.get(kind, 1.0)
    for factor in (1.0, 1e-3, 1e-6):
        if slowest_hz < 1.0 / (float(np.median(forward)) * factor) <= 1000.0 * slowest_hz:
            return times * factor
    return None


def spread_ticks(times: FloatArray) -> FloatArray:
    """Return times between the ticks of a clock coarser than the sampling.

    Samples that carry the same stamp are spread over the time to the next tick; those of the first tick,
    of the last and of one before a gap keep the mean period. Times that seldom repeat are returned as they
    are, and so are times that go backward.
    """
    steps = np.diff(times)
    if not (steps >= 0).all() or np.count_nonzero(steps == 0) < COARSE_SHARE * times.size:
        return times
    ticks, starts, counts = np.unique(times, return_index=True, return_counts=True)
    if ticks.size < 3:
        return times
    widths = np.diff(ticks)
    in_a_row = widths <= 3.0 * np.median(widths)
    # The first tick may have begun before the recording, so its samples do not count.
    period = float(widths[in_a_row][1:].sum() / max(1, counts[:-1][in_a_row][1:].sum()))
    periods = np.append(np.where(in_a_row, widths / counts[:-1], period), period)
    within = np.arange(times.size) - np.repeat(starts, counts)
    spread = np.repeat(ticks, counts) + within * np.repeat(periods, counts)
    first = slice(0, int(counts[0]))
    spread[first] = ticks[1] - period * np.arange(counts[0], 0, -1)
    return np.asarray(spread)


def require_order(times: FloatArray, place: str, first_line: int, name: str) -> None:
    """Refuse times that are missing or do not increase.

    Raises
    ------
    SourceError
        Naming the line.
    """
    steps = np.diff(times, prepend=-np.inf)
    for at_fault, what in (
        (np.isnan(times), "is missing"),
        (steps == 0, "is the same as in the line before"),
        (steps < 0, "goes backward"),
    ):
        if at_fault.any():
            line = int(np.flatnonzero(at_fault)[0]) + first_line
            raise SourceError(f"{place}, line {line}: {name} {what}")
