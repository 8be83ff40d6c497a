"""A recorded signal as a device's converter would have seen it."""

from __future__ import annotations

import numpy as np

from acquisition.profiles.profile import Linear, Transfer
from acquisition.series import UNKNOWN_UNIT
from acquisition.streams import FloatArray, Source, StreamInfo

LOOK_S = 10.0
"""So much of a signal without a fitting unit is looked at to set the gain."""

AHEAD_S = 2.0
"""So far ahead it is read, so that there is a sample on either side of each moment."""

SAME_S = 1e-6
"""Moments that differ by less are the same."""

IRREGULAR_GAP_S = 3.0
"""Between samples of an irregular signal no more than this is bridged."""


class Reader:
    """The streams of a source, each kept only as long as it is needed.

    Parameters
    ----------
    source : Source
        A recording or a virtual listener.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._times = {stream.name: np.empty(0) for stream in source.streams}
        self._values = {stream.name: np.empty(0) for stream in source.streams}

    @property
    def end_s(self) -> float:
        """When the source ends; infinity as long as that is not known."""
        if not self.source.ended:
            return np.inf
        return max((float(times[-1]) for times in self._times.values() if times.size), default=0.0)

    def window(self, stream: StreamInfo, begin_s: float, end_s: float) -> tuple[FloatArray, FloatArray]:
        """Return times and values from the last sample before `begin_s` to beyond `end_s`, and drop older."""
        for chunk in self.source.read(end_s + AHEAD_S):
            name = chunk.stream.name
            self._times[name] = np.concatenate((self._times[name], chunk.times))
            self._values[name] = np.concatenate((self._values[name], chunk.samples[:, 0]))
        times = self._times[stream.name]
        old = max(0, int(np.searchsorted(times, begin_s, side="right")) - 1)
        self._times[stream.name] = times[old:]
        self._values[stream.name] = self._values[stream.name][old:]
        return self._times[stream.name], self._values[stream.name]


class Playback:
    """One stream on one channel of a device.

    Parameters
    ----------
    reader : Reader
        Where the stream is read from.
    stream : StreamInfo
        Which of the source's it is.
    transfer : Transfer
        Of the channel. If it has not the stream's unit, the signal is laid into the middle half of the
        converter's range by what its first seconds span, as one would set an amplifier.
    top : int or None
        Largest count; None for numbers that are sent as they are.
    """

    def __init__(self, reader: Reader, stream: StreamInfo, transfer: Transfer, top: int | None) -> None:
        self._reader = reader
        self._stream = stream
        self._top = top
        self._transfer = transfer
        if top is not None and (transfer.unit != stream.unit or stream.unit == UNKNOWN_UNIT):
            self._transfer = self._fitted(top)
        self._longest_s = 2.5 / stream.rate_hz if stream.rate_hz else IRREGULAR_GAP_S

    def counts(self, moments: FloatArray) -> FloatArray:
        """Return the counts at some moments, shape (n,); NaN where the signal is missing.

        Between samples it is interpolated; it is not filtered before, as in no cheap device. Counts end
        where the converter's range does.
        """
        times, values = self._reader.window(self._stream, float(moments[0]), float(moments[-1]))
        if not times.size:
            return np.full(moments.shape, np.nan)
        after = np.minimum(np.searchsorted(times, moments - SAME_S), times.size - 1)
        before = np.maximum(after - 1, 0)
        at_sample = np.abs(times[after] - moments) <= SAME_S
        found = np.interp(moments, times, values, left=np.nan, right=np.nan)
        found[times[after] - times[before] > self._longest_s] = np.nan
        found[at_sample] = values[after[at_sample]]
        raw = self._transfer.to_raw(found)
        # Adding 0 makes −0, which would be printed so, 0.
        return raw if self._top is None else np.clip(np.round(raw), 0, self._top) + 0.0

    def _fitted(self, top: int) -> Transfer:
        _, values = self._reader.window(self._stream, 0.0, LOOK_S)
        there = values[np.isfinite(values)]
        low, high = np.percentile(there, (1, 99)) if there.size else (0.0, 1.0)
        scale = max(float(high - low), 1e-9) / (0.5 * top)
        return Linear(scale=scale, offset=float(low) - 0.25 * top * scale)
