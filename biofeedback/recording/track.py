"""One stream of a recording under way."""

from __future__ import annotations

import math

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf


class Track:
    """A stream's samples since the last write, and what its footer will say.

    Parameters
    ----------
    stream_id : int
        Its number in the file.
    header : StreamHeader
        As declared.
    """

    def __init__(self, stream_id: int, header: xdf.StreamHeader) -> None:
        self.stream_id = stream_id
        self.header = header
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.count = 0
        self._samples: list[bytes] = []
        self._gathered = 0

    def append(self, t: float, row: tuple[float, ...]) -> None:
        """Take one sample.

        Raises
        ------
        RecordingError
            If its stamp does not follow the one before, here and below.
        """
        self.extend(np.array([t]), np.array([row], dtype=np.float64))

    def extend(self, times: xdf.FloatArray, samples: xdf.FloatArray) -> None:
        """Take samples."""
        if times.size:
            self._stamp(float(times[0]), float(times[-1]), times.size, bool((times[1:] >= times[:-1]).all()))
            self._samples.append(xdf.numeric_samples(times, samples))

    def append_text(self, t: float, text: str) -> None:
        """Take one text."""
        self._stamp(t, t, 1, ordered=True)
        self._samples.append(xdf.text_sample(t, text))

    def take(self) -> bytes:
        """Return what was taken since the last call as a Samples chunk, or nothing."""
        if not self._samples:
            return b""
        data = xdf.samples_chunk(self.stream_id, self._gathered, b"".join(self._samples))
        self._samples.clear()
        self._gathered = 0
        return data

    def _stamp(self, first_s: float, last_s: float, count: int, ordered: bool) -> None:
        before = -math.inf if self.last_s is None else self.last_s
        if not (ordered and before <= first_s <= last_s < math.inf):
            raise RecordingError(
                f"stream {self.header.name!r}: stamps {first_s} to {last_s} s do not follow {before} s"
            )
        self.first_s = first_s if self.first_s is None else self.first_s
        self.last_s = last_s
        self.count += count
        self._gathered += count
