"""Tables of numbers in text files of any size, and the column that holds the times."""

from __future__ import annotations

import csv
import gzip
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from acquisition.errors import SourceError
from acquisition.streams import FloatArray, Kind, find_channel

LINES_AT_ONCE = 50_000
Row = list[str]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a table.

    Attributes
    ----------
    values : ndarray, float64, shape (n,)
        NaN where a cell is empty. Dates with times are converted to Unix seconds.
    dated : bool
        Whether its cells are dates with times.
    zoned : bool
        Whether the dates state their time zone; without one they are read as UTC.
    """

    values: FloatArray
    dated: bool = False
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class TextTable:
    """Layout of a table in a text file.

    Attributes
    ----------
    path : Path
        The file; gzip-compressed if its name ends in ``.gz``.
    columns : tuple of str
        Their names; the number from 0 where the file has none.
    first_line : int
        Line of the first sample, counted from 1.
    delimiter : str
        Between cells.
    first_row : tuple of str
        The cells of the first sample; empty if there is no sample.
    """

    path: Path
    columns: tuple[str, ...]
    first_line: int
    delimiter: str
    first_row: tuple[str, ...]

    def find(self, wanted: str | None) -> int:
        """Return the index of a column by its name or number; None asks for the only one.

        Raises
        ------
        SourceError
            Naming the columns there are.
        """
        return find_channel(self.columns, wanted, str(self.path), f"{self.path.name}:", "column")

    def read(self, indexes: Sequence[int]) -> list[TableColumn]:
        """Return columns as numbers.

        An empty cell, a cell ``nan`` and a blank line are missing samples. An incomplete last line, left by
        an interrupted recorder, is dropped.

        Raises
        ------
        SourceError
            Naming the line of the first cell that is not a number, or that has more or fewer cells.
        """
        if not self.first_row:
            raise SourceError(f"{self.path} has no samples, only the names {', '.join(self.columns)}")
        dated = [is_date(self.first_row[index]) for index in indexes]
        blocks: list[list[FloatArray]] = [[] for _ in indexes]
        zoned = [True for _ in indexes]
        line = self.first_line
        with open_text(self.path) as file:
            for block in self._blocks(file):
                for number, index in enumerate(indexes):
                    cells = [row[index] if row else "" for row in block]
                    if dated[number]:
                        values, zones = self._dates(cells, index, line)
                        zoned[number] &= zones
                    else:
                        values = self._numbers(cells, index, line)
                    blocks[number].append(values)
                line += len(block)
        return [
            TableColumn(np.concatenate(values), dated=is_dated, zoned=is_dated and zones)
            for values, is_dated, zones in zip(blocks, dated, zoned, strict=True)
        ]

    def _blocks(self, file: TextIO) -> Iterator[list[Row]]:
        """Yield the cells of each line (none for a blank line) up to the last line that is not blank."""
        reader = csv.reader(itertools.islice(file, self.first_line - 1, None), delimiter=self.delimiter)
        width, line = len(self.columns), self.first_line
        held: list[Row] = []  # blank or incomplete lines, dropped if they are the last
        try:
            while rows := list(itertools.islice(reader, LINES_AT_ONCE)):
                if held or set(map(len, rows)) != {width}:
                    rows = [[] if is_blank(row) else row for row in held + rows]
                    held = self._held(rows)
                    del rows[len(rows) - len(held) :]
                    for at, row in enumerate(rows, start=line):
                        if row and len(row) != width:
                            what = f"{len(row)} cells where the first line has {width}"
                            raise SourceError(f"{self.path}, line {at}: {what}")
                line += len(rows)
                yield rows
        except csv.Error as error:
            raise SourceError(f"{self.path} is not a table of numbers: {error}") from error

    def _held(self, rows: list[Row]) -> list[Row]:
        """Return the trailing blank lines and an incomplete one before them; a file may end with those."""
        last = len(rows)
        while last and not rows[last - 1]:
            last -= 1
        if last and len(rows[last - 1]) < len(self.columns):
            last -= 1
        return rows[last:]

    def _numbers(self, cells: Row, index: int, first_line: int) -> FloatArray:
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            values = np.array([number_or_inf(cell.strip() or "nan") for cell in cells])
        if np.isinf(values).any():
            at = int(np.flatnonzero(np.isinf(values))[0])
            raise SourceError(
                f"{self.path}, line {at + first_line}: {cells[at]!r} in column {self.columns[index]!r} is "
                "not a number; leave a missing sample empty, and write decimal points"
            )
        return values

    def _dates(self, cells: Row, index: int, first_line: int) -> tuple[FloatArray, bool]:
        values = np.empty(len(cells))
        zoned = True
        for at, cell in enumerate(cells):
            try:
                moment = datetime.fromisoformat(cell.strip())
            except ValueError:
                raise SourceError(
                    f"{self.path}, line {at + first_line}: {cell!r} in column {self.columns[index]!r} is not "
                    "a date and time such as 2024-05-31 13:00:00.250"
                ) from None
            if moment.tzinfo is None:
                zoned, moment = False, moment.replace(tzinfo=UTC)
            values[at] = moment.timestamp()
        return values, zoned


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file, gzip-compressed if its name ends in ``.gz``.

    Raises
    ------
    SourceError
        If it cannot be read, is not text, or is incomplete; also while it is being read.
    """
    try:
        opener = gzip.open if path.suffix.lower() == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not a text file in UTF-8") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path} is not a complete gzip file: {error}") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


class FirstRows(NamedTuple):
    """The cells of the first lines of a file, and their delimiter."""

    rows: list[Row]
    delimiter: str


def first_rows(path: Path, count: int, *, skip: int = 0, delimiter: str | None = None) -> FirstRows:
    """Return the cells of the first lines.

    The delimiter is a tab, a semicolon or a comma: the first of these that the first line contains.

    Raises
    ------
    SourceError
        If the file cannot be read, is not text or is empty.
    """
    with open_text(path) as file:
        lines = list(itertools.islice(file, skip, skip + count))
    if any("\0" in line for line in lines):
        raise SourceError(f"{path} is not a text file")
    if not any(line.strip() for line in lines):
        raise SourceError(f"{path} is empty")
    if delimiter is None:
        leading = next(line for line in lines if line.strip())
        delimiter = next((mark for mark in "\t;" if mark in leading), ",")
    try:
        return FirstRows(list(csv.reader(lines, delimiter=delimiter)), delimiter)
    except csv.Error as error:
        raise SourceError(f"{path} is not a table of numbers: {error}") from error


def is_blank(row: Row) -> bool:
    """Return whether a line is blank; a quoted empty cell is not."""
    return not row or (len(row) == 1 and row[0].isspace())


def is_date(cell: str) -> bool:
    """Return whether a cell is a date, not a number."""
    if number_or_inf(cell.strip() or "nan") != float("inf"):
        return False
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True


def number_or_inf(cell: str) -> float:
    """Return the number in a cell, or infinity (which no cell may contain) for anything else."""
    try:
        return float(cell)
    except ValueError:
        return float("inf")


TIME_COLUMN = "time_s"
UNIX_TIME_FROM_S = 1e9
"""Times from this on (2001-09-09) are Unix time, and give an absolute start."""

_TIME_UNIT = r"[_ ]?[\[(]?(?P<unit>s|sec|seconds|ms|milliseconds|us)[\])]?"
_TIME_NAMES = re.compile(
    rf"(?:t(?={_TIME_UNIT.replace('?P<unit>', '?:')})|date[_ ]?time|timestamp|timer?)(?:{_TIME_UNIT})?",
    re.IGNORECASE,
)

_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "milliseconds": 1e-3, "us": 1e-6}
SLOWEST_HZ = {Kind.ECG: 20.0, Kind.PPG: 10.0, Kind.HR: 0.05, Kind.RR: 0.2}
"""Least sampling rate of each kind of signal; 1 Hz for all others. The greatest is a thousand times as high,
so that seconds, milliseconds and microseconds cannot be confused."""

COARSE_SHARE = 0.05
"""Share of repeated time stamps from which the clock is taken to tick slower than samples are taken."""


def find_time_column(columns: Sequence[str]) -> int | None:
    """Return the index of the column of times: ``time_s``, else the only one named like a time.

    >>> find_time_column(["timestamp_ms", "ecg_mV"])
    0
    """
    if columns.count(TIME_COLUMN) == 1:
        return columns.index(TIME_COLUMN)
    named = [index for index, name in enumerate(columns) if _TIME_NAMES.fullmatch(name)]
    return named[0] if len(named) == 1 else None


def in_seconds(times: FloatArray, name: str, kind: Kind) -> FloatArray | None:
    """Return times in seconds: from the unit in their name, else from the only unit that fits the signal.

    Parameters
    ----------
    times : ndarray, shape (n,)
        As recorded.
    name : str
        Name of their column, such as ``time``, ``timestamp_ms`` or ``t [us]``.
    kind : Kind
        Kind of the signal; its sampling rate lies between `SLOWEST_HZ` and 1000 times that.

    Returns
    -------
    ndarray or None
        None if no unit is stated and none fits.
    """
    match = _TIME_NAMES.fullmatch(name)
    stated = match["unit"] if match else None
    if stated:
        return times * _SECONDS[stated.lower()]
    steps = np.diff(times)
    forward = steps[steps > 0]
    if forward.size == 0:
        return None
    slowest_hz = SLOWEST_HZ.get(kind, 1.0)
    for factor in (1.0, 1e-3, 1e-6):
        if slowest_hz < 1.0 / (float(np.median(forward)) * factor) <= 1000.0 * slowest_hz:
            return times * factor
    return None


def spread_ticks(times: FloatArray) -> FloatArray:
    """Return times between the ticks of a clock coarser than the sampling.

    Samples with the same time stamp are spread over the time to the next tick; samples of the first tick, of
    the last, and of one before a gap are spaced by the mean period. Times that seldom repeat, and times that
    go backward, are returned unchanged.
    """
    steps = np.diff(times)
    if not (steps >= 0).all() or np.count_nonzero(steps == 0) < COARSE_SHARE * times.size:
        return times
    ticks, starts, counts = np.unique(times, return_index=True, return_counts=True)
    if ticks.size < 3:
        return times
    widths = np.diff(ticks)
    in_a_row = widths <= 3.0 * np.median(widths)
    # The first tick may have begun before the recording, so its samples are not counted.
    period = float(widths[in_a_row][1:].sum() / max(1, counts[:-1][in_a_row][1:].sum()))
    periods = np.append(np.where(in_a_row, widths / counts[:-1], period), period)
    within = np.arange(times.size) - np.repeat(starts, counts)
    spread = np.repeat(ticks, counts) + within * np.repeat(periods, counts)
    first = slice(0, int(counts[0]))
    spread[first] = ticks[1] - period * np.arange(counts[0], 0, -1)
    return np.asarray(spread)


def require_order(times: FloatArray, place: str, first_line: int, name: str) -> None:
    """Refuse times that are missing or do not increase.

    Raises
    ------
    SourceError
        Naming the line.
    """
    steps = np.diff(times, prepend=-np.inf)
    for at_fault, what in (
        (np.isnan(times), "is missing"),
        (steps == 0, "is the same as in the line before"),
        (steps < 0, "goes backward"),
    ):
        if at_fault.any():
            line = int(np.flatnonzero(at_fault)[0]) + first_line
            raise SourceError(f"{place}, line {line}: {name} {what}")
