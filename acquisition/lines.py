"""The generic lines profile: bytes of a serial device to numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from acquisition.streams import FloatArray

MAX_LINE_BYTES = 1024
"""A line beyond this is garbage, and is not kept."""


class LinesParser:
    """Numbers from lines, whatever pieces the bytes come in.

    Each line that is complete stands for one sample. Where it does not hold a number the sample is
    missing: it keeps its place in time and is NaN. What comes before the first line end is dropped, as
    it may be the rest of a line; empty lines are skipped.

    Parameters
    ----------
    separator : str
        Between the numbers of a line; a blank stands for any run of them.
    columns : sequence of int
        Which numbers of a line are wanted, from 0.

    Attributes
    ----------
    lines : int
        How many lines were complete.
    rejected : int
        How many of them lacked a number that is wanted. Cells that are empty or ``nan`` are missing on
        purpose and no fault.
    last_rejected : bytes
        The last of those.
    """

    def __init__(self, *, separator: str, columns: Sequence[int]) -> None:
        self._separator = None if separator == " " else separator.encode("ascii")
        self._columns = tuple(columns)
        self.lines = 0
        self.rejected = 0
        self.last_rejected = b""
        self.reset()

    def reset(self) -> None:
        """Forget the line begun; the next one counts after a line end."""
        self._rest = b""
        self._inside = False

    def feed(self, data: bytes) -> FloatArray:
        """Return the samples of the lines that these bytes complete, shape (n, columns)."""
        *complete, rest = (self._rest + data).split(b"\n")
        if complete and not self._inside:
            self._inside = True
            del complete[0]
        # One byte more than is allowed is enough to know that the line is too long.
        self._rest = rest[: MAX_LINE_BYTES + 1] if self._inside else b""
        rows = [self._row(line) for line in complete if line.strip() or len(line) > MAX_LINE_BYTES]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self._columns))

    def _row(self, line: bytes) -> list[float]:
        self.lines += 1
        cells = line.split(self._separator) if len(line) <= MAX_LINE_BYTES else []
        values = [_number(cells[column]) if column < len(cells) else None for column in self._columns]
        if None in values:
            self.rejected += 1
            self.last_rejected = line[:40].strip()
        return [math.nan if value is None else value for value in values]


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
