"""Frames of fixed length in a stream of bytes that may hold anything."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from acquisition.streams import FloatArray

LOST = "frames lost on the way"
STRAY = "bytes that belong to no frame"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame holds.

    Attributes
    ----------
    count : int
        Its sequence number or device time.
    values : tuple of float
        Raw counts.
    """

    count: int
    values: tuple[float, ...]


class Order(Protocol):
    """What the counts of frames say on their order."""

    def follows(self, before: int, after: int, skipped: int) -> bool:
        """Return whether `after` surely follows `before`, with so many bytes in between."""
        ...

    def lost(self, before: int, after: int, skipped: int) -> int:
        """Return how many frames are missing between the two; 0 if that cannot be known."""
        ...


class FrameParser:
    """Frames found by their own checks and by their order.

    A frame is believed if it surely follows the last one. Any other, as the first one, or one after bytes
    were lost, is believed if the frame behind it follows it: that is known one frame later. Without this,
    every sixteenth heap of garbage would pass a checksum of four bits. Where a frame cannot follow, the one
    before may have been cut short and have taken its beginning, so it is looked for from there on.

    Parameters
    ----------
    length : int
        Bytes of a frame.
    width : int
        How many values one has.
    decode : callable
        The bytes of a frame to a `Frame`; None if they fail its checks.
    order : Order
        What their counts mean.

    Attributes
    ----------
    frames, rejected, last_rejected, troubles
        See `acquisition.profiles.profile.Parser`. What comes before the first frame is no trouble.
    """

    def __init__(
        self, *, length: int, width: int, decode: Callable[[bytes], Frame | None], order: Order
    ) -> None:
        self._length = length
        self._width = width
        self._decode = decode
        self._order = order
        self._stray = 0
        self.frames = 0
        self.last_rejected = b""
        self.troubles: Counter[str] = Counter()
        self.reset()

    @property
    def rejected(self) -> int:
        """How many frames would have fitted into what belongs to none."""
        return self._stray // self._length

    def reset(self) -> None:
        """Forget the frame begun and the count of the last."""
        self._rest = b""
        self._last: int | None = None
        # Bytes since the end of the last frame; below 0 while looking into it, and what is there to look at.
        self._skipped = 0
        self._inside = b""

    def feed(self, data: bytes) -> FloatArray:
        """Return the samples of the frames that these bytes complete, shape (n, width)."""
        data = self._rest + data
        rows: list[tuple[float, ...]] = []
        at = 0
        while len(data) - at >= self._length:
            frame = self._decode(data[at : at + self._length])
            if frame is None:
                believed = False
            elif self._last is not None and self._order.follows(self._last, frame.count, self._skipped):
                believed = True
            elif len(data) - at < 2 * self._length:
                break  # the frame behind it will tell
            else:
                behind = self._decode(data[at + self._length : at + 2 * self._length])
                believed = behind is not None and self._order.follows(frame.count, behind.count, 0)
            if believed and frame is not None:
                rows += [(math.nan,) * self._width] * self._missing_before(frame)
                rows.append(frame.values)
                self._last, self._skipped = frame.count, 0
                self._inside = data[at + 1 : at + self._length]
                self.frames += 1
                at += self._length
            elif self._inside:
                data, at = self._inside + data[at:], 0
                self._skipped, self._inside = -len(self._inside), b""
            else:
                self._skip(data[at : at + self._length])
                at += 1
        self._rest = data[at:]
        return np.array(rows, dtype=np.float64).reshape(-1, self._width)

    def _missing_before(self, frame: Frame) -> int:
        if self._last is None:
            return 0
        lost = self._order.lost(self._last, frame.count, self._skipped)
        if lost:
            self.troubles[LOST] += lost
        return lost

    def _skip(self, seen: bytes) -> None:
        self._skipped += 1
        if self._skipped <= 0:
            return
        self._stray += 1
        self.last_rejected = seen
        if self.frames:
            self.troubles[STRAY] += 1
