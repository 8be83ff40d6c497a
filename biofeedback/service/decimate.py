"""Signals made thin enough for a screen: what is shown keeps every peak, whatever the rate."""

from __future__ import annotations

import math

import numpy as np

from acquisition.streams import Chunk, FloatArray, StreamInfo

SHOWN_HZ = 125.0
"""As many values a second of a regular signal are shown at most."""


class Thinner:
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
        self._bucket = 1 if rate_hz <= SHOWN_HZ else 2 * math.ceil(rate_hz / SHOWN_HZ)
        self._times: FloatArray = np.empty(0)
        self._values: FloatArray = np.empty(0)

    def take(self, chunk: Chunk) -> None:
        """Take in new samples."""
        self._times = np.concatenate((self._times, chunk.times))
        self._values = np.concatenate((self._values, chunk.samples[:, 0]))

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
        half_s = (times[-1] - times[0]) / (times.size - 1) * self._bucket / 2
        return np.column_stack((starts, starts + half_s)).ravel(), kept
