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
        """Take one sample; errors as for `extend`."""
        self.extend(np.array([t]), np.array([row], dtype=np.float64))

    def append_text(self, t: float, text: str) -> None:
        """Take one text; errors as for `extend`."""
        self._take_in(t, t, 1, xdf.text_sample(t, text))

    def extend(self, times: xdf.FloatArray, samples: xdf.FloatArray) -> None:
        """Take samples.

        Raises
        ------
        RecordingError
            If there is not one value per channel, or a stamp is earlier than the one before it.
        """
        if not times.size:
            return
        if samples.shape != (times.size, len(self.header.labels)):
            raise RecordingError(
                f"stream {self.header.name!r}: samples of shape {samples.shape} are not "
                f"{times.size} of {len(self.header.labels)} channels"
            )
        if not (times[1:] >= times[:-1]).all():
            raise RecordingError(f"stream {self.header.name!r}: stamps within a chunk go backward")
        self._take_in(float(times[0]), float(times[-1]), times.size, xdf.numeric_samples(times, samples))

    def take(self) -> bytes:
        """Return what was taken since the last call as a Samples chunk, or nothing."""
        if not self._samples:
            return b""
        data = xdf.samples_chunk(self.stream_id, self._gathered, b"".join(self._samples))
        self._samples.clear()
        self._gathered = 0
        return data

    def _take_in(self, first_s: float, last_s: float, count: int, samples: bytes) -> None:
        before = first_s if self.last_s is None else self.last_s
        if not -math.inf < before <= first_s <= last_s < math.inf:
            raise RecordingError(
                f"stream {self.header.name!r}: a stamp of {first_s} s cannot follow one of {before} s"
            )
        self.first_s = first_s if self.first_s is None else self.first_s
        self.last_s = last_s
        self.count += count
        self._gathered += count
        self._samples.append(samples)
