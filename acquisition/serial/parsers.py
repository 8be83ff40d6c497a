"""Lines of text from a serial device to numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from acquisition.streams import FloatArray

MAX_LINE_BYTES = 1024
"""A line beyond this is garbage, and is not kept."""

UNREADABLE = "lines without a number"
Row = list[float | None]
"""One number for each column: NaN if it is missing on purpose, None if the line lacks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePattern:
    """A line that a device may send.

    Attributes
    ----------
    pattern : bytes
        Regular expression for the whole of it, blanks around it left away. Groups are named as channels.
    sample : bool
        Whether it stands for a sample. What one that does not holds is told with the next sample.
    says : str
        In words, if it tells of trouble.
    """

    pattern: bytes
    sample: bool = True
    says: str = ""


class LineParser:
    """Samples from lines, whatever pieces the bytes come in.

    Each line that is complete stands for one sample, unless `read` says that it does not. Where it does
    not hold a number the sample is missing: it keeps its place in time and is NaN. What comes before the
    first line end is dropped, as it may be the rest of a line; empty lines are skipped.

    Parameters
    ----------
    width : int
        How many numbers a sample has.
    read : callable
        The bytes of a line to its `Row`, or to words on it; an empty row if it stands for no sample.

    Attributes
    ----------
    frames : int
        How many complete lines were understood.
    rejected : int
        How many were not: they lacked a number that is wanted. Cells that are empty or ``nan`` are missing
        on purpose and no fault.
    last_rejected : bytes
        The last of those.
    troubles : Counter
        How often what went wrong, in words.
    """

    def __init__(self, width: int, read: Callable[[bytes], Row | str]) -> None:
        self._width = width
        self._read = read
        self.frames = 0
        self.rejected = 0
        self.last_rejected = b""
        self.troubles: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        """Forget the line begun; the next one counts after a line end."""
        self._rest = b""
        self._inside = False

    def feed(self, data: bytes) -> FloatArray:
        """Return the samples of the lines that these bytes complete, shape (n, width)."""
        *complete, rest = (self._rest + data).split(b"\n")
        if complete and not self._inside:
            self._inside = True
            del complete[0]
        # One byte more than is allowed is enough to know that the line is too long.
        self._rest = rest[: MAX_LINE_BYTES + 1] if self._inside else b""
        rows = [self._row(line) for line in complete if line.strip() or len(line) > MAX_LINE_BYTES]
        rows = [row for row in rows if row]
        return np.array(rows, dtype=np.float64).reshape(-1, self._width)

    def _row(self, line: bytes) -> list[float]:
        row = self._read(line) if len(line) <= MAX_LINE_BYTES else [None] * self._width
        if isinstance(row, str):
            self.frames += 1
            self.troubles[row] += 1
            return [math.nan] * self._width
        if None in row:
            self.rejected += 1
            self.last_rejected = line[:40].strip()
            self.troubles[UNREADABLE] += 1
        else:
            self.frames += 1
        return [math.nan if value is None else value for value in row]


def cells(separator: str, columns: Sequence[int]) -> Callable[[bytes], Row]:
    """Return a reader of numbers between separators.

    Parameters
    ----------
    separator : str
        Between the numbers of a line; a blank stands for any run of them.
    columns : sequence of int
        Which numbers of a line are wanted, from 0.
    """
    between = None if separator == " " else separator.encode("ascii")

    def read(line: bytes) -> Row:
        found = line.split(between)
        return [_number(found[column]) if column < len(found) else None for column in columns]

    return read


def matching(lines: Sequence[LinePattern], channels: Sequence[str]) -> Callable[[bytes], Row | str]:
    """Return a reader of lines of known forms.

    Parameters
    ----------
    lines : sequence of LinePattern
        The forms.
    channels : sequence of str
        Which named numbers are wanted.
    """
    forms = [(re.compile(line.pattern), line) for line in lines]
    told: dict[str, float] = {}

    def read(text: bytes) -> Row | str:
        text = text.strip()
        for pattern, line in forms:
            if (match := pattern.fullmatch(text)) is None:
                continue
            if line.says:
                return line.says
            numbers = _numbers(match.groupdict())
            if not line.sample:
                told.update({name: value for name, value in numbers.items() if value is not None})
                return []
            row: Row = [numbers[name] if name in numbers else told.get(name, math.nan) for name in channels]
            told.clear()
            return row
        return [None] * len(channels)

    return read


def _numbers(groups: Mapping[str, bytes | None]) -> dict[str, float | None]:
    return {name: None if cell is None else _number(cell) for name, cell in groups.items()}


def _number(cell: bytes) -> float | None:
    """Return the number in a cell, NaN for one left empty, None for anything else."""
    cell = cell.strip()
    if not cell or cell.lower() == b"nan":
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    # Python would read an underscore between digits.
    return value if math.isfinite(value) and b"_" not in cell else None


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


class FrameOrder(Protocol):
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
    order : FrameOrder
        What their counts mean.

    Attributes
    ----------
    frames, rejected, last_rejected, troubles
        See `SampleParser` in `acquisition.serial.profiles.profile`. Bytes before the first frame are not
        counted.
    """

    def __init__(
        self, *, length: int, width: int, decode: Callable[[bytes], Frame | None], order: FrameOrder
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
