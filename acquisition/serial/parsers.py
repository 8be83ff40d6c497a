"""Parsers of serial data: lines of text and binary frames to samples."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from acquisition.streams import FloatArray, StreamReasonCode

MAX_LINE_BYTES = 1024
"""A longer line is garbage and is discarded."""
Row = list[float | None]
"""One number per column: NaN where the value is marked as missing, None where the line lacks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePattern:
    """A form of line that a device may send.

    Attributes
    ----------
    pattern : bytes
        Regular expression for the whole line without surrounding blanks. Groups are named after channels.
    sample : bool
        Whether the line is a sample. Values of a line that is not are added to the next sample.
    defect : StreamReasonCode or None
        What is wrong, for a line sent in place of a sample.
    """

    pattern: bytes
    sample: bool = True
    defect: StreamReasonCode | None = None


class LineParser:
    r"""Samples from lines of text. The result does not depend on how the bytes are split up.

    Each complete line is one sample, unless `read` returns an empty row for it. A line without the number
    wanted is a missing sample: it keeps its place in time and is NaN. Bytes before the first line end are
    discarded, because they may be the rest of a line; empty lines are skipped.

    Parameters
    ----------
    width : int
        How many numbers a sample has.
    read : callable
        Takes the bytes of a line; returns its `Row` (empty if the line is no sample), or what is wrong.

    Attributes
    ----------
    frames : int
        Number of complete lines that were readable.
    rejected : int
        Number of lines that lacked a wanted number. Cells that are empty or ``nan`` are missing values, which
        are not counted here.
    last_rejected : bytes
        The last rejected line.
    defects : Counter
        How often each defect occurred.

    Examples
    --------
    >>> parser = LineParser(2, cells(",", [0, 1]))
    >>> parser.feed(b"0,0\n1,10\n2,")
    array([[ 1., 10.]])
    >>> parser.feed(b"20\n")
    array([[ 2., 20.]])
    """

    def __init__(self, width: int, read: Callable[[bytes], Row | StreamReasonCode]) -> None:
        self._width = width
        self._read = read
        self.frames = 0
        self.rejected = 0
        self.last_rejected = b""
        self.defects: Counter[StreamReasonCode] = Counter()
        self.reset()

    def reset(self) -> None:
        """Discard the incomplete line; the next line counts after a line end."""
        self._rest = b""
        self._inside = False

    def feed(self, data: bytes) -> FloatArray:
        """Return the samples of the lines that these bytes complete, shape (n, width)."""
        *complete, rest = (self._rest + data).split(b"\n")
        if complete and not self._inside:
            self._inside = True
            del complete[0]
        # One byte beyond the limit is enough to recognise the line as too long.
        self._rest = rest[: MAX_LINE_BYTES + 1] if self._inside else b""
        rows = [self._row(line) for line in complete if line.strip() or len(line) > MAX_LINE_BYTES]
        rows = [row for row in rows if row]
        return np.array(rows, dtype=np.float64).reshape(-1, self._width)

    def _row(self, line: bytes) -> list[float]:
        row = self._read(line) if len(line) <= MAX_LINE_BYTES else [None] * self._width
        if isinstance(row, StreamReasonCode):
            self.frames += 1
            self.defects[row] += 1
            return [math.nan] * self._width
        if None in row:
            self.rejected += 1
            self.last_rejected = line[:40].strip()
            self.defects[StreamReasonCode.UNREADABLE_LINES] += 1
        else:
            self.frames += 1
        return [math.nan if value is None else value for value in row]


def cells(separator: str, columns: Sequence[int]) -> Callable[[bytes], Row]:
    """Return a reader of numbers between separators.

    Parameters
    ----------
    separator : str
        Between the numbers of a line; a blank means any number of blanks.
    columns : sequence of int
        Which numbers of a line are wanted, counted from 0.
    """
    between = None if separator == " " else separator.encode("ascii")

    def read(line: bytes) -> Row:
        found = line.split(between)
        return [_number(found[column]) if column < len(found) else None for column in columns]

    return read


def matching(
    lines: Sequence[LinePattern], channels: Sequence[str]
) -> Callable[[bytes], Row | StreamReasonCode]:
    """Return a reader of lines of known forms.

    Parameters
    ----------
    lines : sequence of LinePattern
        The forms, tried in this order.
    channels : sequence of str
        Names of the numbers that are wanted.
    """
    forms = [(re.compile(line.pattern), line) for line in lines]
    pending: dict[str, float] = {}

    def read(text: bytes) -> Row | StreamReasonCode:
        text = text.strip()
        for pattern, line in forms:
            if (match := pattern.fullmatch(text)) is None:
                continue
            if line.defect is not None:
                return line.defect
            groups = match.groupdict().items()
            numbers = {name: None if cell is None else _number(cell) for name, cell in groups}
            if not line.sample:
                pending.update({name: value for name, value in numbers.items() if value is not None})
                return []
            row: Row = [
                numbers[name] if name in numbers else pending.get(name, math.nan) for name in channels
            ]
            pending.clear()
            return row
        return [None] * len(channels)

    return read


def _number(cell: bytes) -> float | None:
    """Return the number in a cell, NaN for an empty cell, None for anything else."""
    cell = cell.strip()
    if not cell or cell.lower() == b"nan":
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    # Python accepts an underscore between digits; a device does not send one.
    return value if math.isfinite(value) and b"_" not in cell else None


@dataclass(frozen=True, slots=True)
class Frame:
    """The content of a frame.

    Attributes
    ----------
    count : int
        Sequence number or device time.
    values : tuple of float
        Raw counts.
    """

    count: int
    values: tuple[float, ...]


class FrameOrder(Protocol):
    """How the counts of frames determine their order."""

    def follows(self, before: int, after: int, skipped: int) -> bool:
        """Return whether `after` certainly follows `before`, with `skipped` bytes in between."""
        ...

    def lost(self, before: int, after: int, skipped: int) -> int:
        """Return how many frames are missing between the two; 0 if that is unknown."""
        ...


class FrameParser:
    """Binary frames, recognised by their own checks and by their order.

    A frame is accepted if it certainly follows the last accepted one. Any other frame (the first one, or one
    after bytes were lost) is accepted if the next frame follows it, which is known one frame later. Without
    this second condition one in sixteen garbage frames would pass a 4-bit checksum. Where a frame cannot
    follow, the frame before may have been cut short and may have swallowed its beginning, so the search
    resumes inside that frame.

    Parameters
    ----------
    length : int
        Bytes per frame.
    width : int
        Values per frame.
    decode : callable
        Takes the bytes of a frame; returns a `Frame`, or None if they fail its checks.
    order : FrameOrder
        How the counts of frames determine their order.

    Attributes
    ----------
    frames, rejected, last_rejected, defects
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
        self.defects: Counter[StreamReasonCode] = Counter()
        self.reset()

    @property
    def rejected(self) -> int:
        """How many frames the bytes outside any frame would have held."""
        return self._stray // self._length

    def reset(self) -> None:
        """Discard the incomplete frame and the count of the last one."""
        self._rest = b""
        self._last: int | None = None
        # Bytes since the end of the last frame (negative while searching inside it), and the bytes to search.
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
                accepted = False
            elif self._last is not None and self._order.follows(self._last, frame.count, self._skipped):
                accepted = True
            elif len(data) - at < 2 * self._length:
                break  # the next frame decides
            else:
                behind = self._decode(data[at + self._length : at + 2 * self._length])
                accepted = behind is not None and self._order.follows(frame.count, behind.count, 0)
            if accepted and frame is not None:
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
            self.defects[StreamReasonCode.FRAMES_LOST] += lost
        return lost

    def _skip(self, seen: bytes) -> None:
        self._skipped += 1
        if self._skipped <= 0:
            return
        self._stray += 1
        self.last_rejected = seen
        if self.frames:
            self.defects[StreamReasonCode.STRAY_BYTES] += 1
