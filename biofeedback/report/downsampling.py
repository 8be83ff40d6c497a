"""Signals made small enough to show, without hiding a peak or bridging a gap."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biofeedback.analysis.phases import TimeSeries

FloatArray = npt.NDArray[np.float64]
Spans = list[tuple[float, float]]

LONGEST_STEP = 1.9
"""A step of more than this many sample intervals is a gap."""

AMPLITUDE_STEPS = 1000
"""Levels into which the usual range of a raw signal is divided when it is packed."""

TIME_STEP_S = 1e-4


def interval_s(times: FloatArray) -> float:
    """Return the usual time between samples, or 1 s where there are fewer than two."""
    return float(np.median(np.diff(times))) if times.size > 1 else 1.0


def gaps(times: FloatArray, interval: float, begin: float, end: float) -> Spans:
    """Return the stretches of `begin` to `end` in which nothing lies at `times`, the valid samples."""
    edges = np.concatenate([[begin], times[(times >= begin) & (times <= end)], [end]])
    wide = np.flatnonzero(np.diff(edges) > LONGEST_STEP * interval)
    return [(float(edges[i]), float(edges[i + 1])) for i in wide]


def broken(times: FloatArray, values: FloatArray, spans: Spans) -> TimeSeries:
    """Return the samples with a NaN inside each gap, so that a line drawn through them breaks there."""
    middles = np.array([(begin + end) / 2 for begin, end in spans])
    at = np.searchsorted(times, middles)
    return TimeSeries(np.insert(times, at, middles), np.insert(values, at, np.nan))


def thinned(times: FloatArray, values: FloatArray, columns: int) -> TimeSeries:
    """Return at most 2 × `columns` samples: the least and the greatest of each of as many equal stretches.

    Extremes survive, each at its own time; stretches without a valid sample stay without one. Signals that
    are short enough come back as they are.
    """
    valid = np.isfinite(values)
    times, values = times[valid], values[valid]
    if times.size <= 2 * columns:
        return TimeSeries(times, values)
    width = (times[-1] - times[0]) / columns
    column = np.minimum(((times - times[0]) / width).astype(int), columns - 1)
    first = np.flatnonzero(np.diff(column, prepend=-1))
    counts = np.diff(first, append=times.size)
    kept = np.zeros(times.size, dtype=bool)
    for extreme in (np.minimum, np.maximum):
        kept[_first_equal(values, np.repeat(extreme.reduceat(values, first), counts), column)] = True
    return TimeSeries(times[kept], values[kept])


def _first_equal(
    values: FloatArray, wanted: FloatArray, column: npt.NDArray[np.int_]
) -> npt.NDArray[np.int_]:
    """Return for each column the index of its first value that is the wanted one."""
    found = np.flatnonzero(values == wanted)
    return found[np.diff(column[found], prepend=-1) > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A raw signal for the page: whole numbers, differenced, byte planes apart, deflated, base64.

    ``value = number * value_step`` and ``time = number * time_step``; the browser undoes the rest.
    """

    times: str
    values: str
    count: int
    value_step: float
    time_step: float = TIME_STEP_S


def pack(times: FloatArray, values: FloatArray) -> Packed:
    """Pack a signal's valid samples; amplitudes are rounded to 1/1000 of the range 99 % of them lie in."""
    valid = np.isfinite(values)
    times, values = times[valid], values[valid]
    low, high = np.percentile(values, [0.5, 99.5]) if values.size else (0.0, 0.0)
    # A saturated or wild signal must still fit 32 bits; a flat one must not divide by zero.
    widest = float(np.abs(values).max(initial=0.0))
    step = max(float(high - low) / AMPLITUDE_STEPS, widest / 2**30, 1e-12)
    return Packed(
        times=_deflated(np.rint(times / TIME_STEP_S)),
        values=_deflated(np.rint(values / step)),
        count=int(times.size),
        value_step=step,
    )


def _deflated(numbers: FloatArray) -> str:
    steps = np.diff(numbers, prepend=0.0).astype("<i4")
    planes = steps.view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 6)).decode("ascii")


def merged(spans: Iterable[tuple[float, float]], least: float) -> Spans:
    """Return spans with those closer together than `least` joined and those shorter than it left out."""
    joined: Spans = []
    for begin, end in spans:
        if joined and begin - joined[-1][1] < least:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return [(begin, end) for begin, end in joined if end - begin >= least]
