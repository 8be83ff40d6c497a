"""Signals made thin enough for a screen: what is shown keeps every peak, whatever the rate."""

from __future__ import annotations

import math

import numpy as np

from acquisition.streams import Chunk, FloatArray, StreamInfo

SHOWN_HZ = 125.0
"""As many values a second of a regular signal are shown at most."""

GAP_STEPS = 2.5
"""Between samples further apart than so many steps (or buckets) something is missing."""


class Decimator:
    """Hands on the samples of one stream, at most 125 a second of a regular one.

    Of each bucket of samples the least and the greatest are kept, in their order, so that an R wave or an
    artefact is as high as it was.

    Parameters
    ----------
    stream : StreamInfo
        The first channel is shown.
    """

    def __init__(self, stream: StreamInfo) -> None:
        rate_hz = stream.rate_hz
        self._step_s = 1.0 / rate_hz if rate_hz > 0 else math.inf
        self._bucket = 1 if rate_hz <= SHOWN_HZ else 2 * math.ceil(rate_hz / SHOWN_HZ)
        self._times: FloatArray = np.empty(0)
        self._values: FloatArray = np.empty(0)

    def take(self, chunk: Chunk) -> None:
        """Take in new samples; those on both sides of a gap are never shown as one bucket."""
        breaks = np.flatnonzero(np.diff(chunk.times) > GAP_STEPS * self._bucket * self._step_s) + 1
        values = chunk.samples[:, 0]
        for times, part in zip(np.split(chunk.times, breaks), np.split(values, breaks), strict=True):
            if times.size:
                self._append(times, part)

    def _append(self, times: FloatArray, values: FloatArray) -> None:
        if self._times.size and times[0] - self._times[-1] > GAP_STEPS * self._bucket * self._step_s:
            # Fill the last bucket up with what is missing, and one more: the gap is seen whatever is kept.
            lacking = self._bucket + -self._times.size % self._bucket
            empty = self._times[-1] + self._step_s * np.arange(1, lacking + 1)
            times = np.concatenate((empty, times))
            values = np.concatenate((np.full(lacking, np.nan), values))
        self._times = np.concatenate((self._times, times))
        self._values = np.concatenate((self._values, values))

    def give(self) -> tuple[FloatArray, FloatArray]:
        """Return times and values since the last call; what does not fill a bucket waits.

        Returns
        -------
        tuple of ndarray
            Both of shape (n,); NaN where a sample is missing.
        """
        whole = self._times.size - self._times.size % self._bucket
        times, self._times = self._times[:whole], self._times[whole:]
        values, self._values = self._values[:whole], self._values[whole:]
        if self._bucket == 1 or not whole:
            return times, values
        rows = values.reshape(-1, self._bucket)
        missing = np.isnan(rows)
        low = np.argmin(np.where(missing, np.inf, rows), axis=1)
        high = np.argmax(np.where(missing, -np.inf, rows), axis=1)
        first, last = np.minimum(low, high), np.maximum(low, high)
        # A flat bucket has its least and greatest in one place; it still gives two values.
        last = np.where(first == last, self._bucket - 1, last)
        row = np.arange(rows.shape[0])
        kept = np.column_stack((rows[row, first], rows[row, last])).ravel()
        starts = times[:: self._bucket]
        half_s = self._step_s * self._bucket / 2
        return np.column_stack((starts, starts + half_s)).ravel(), kept
