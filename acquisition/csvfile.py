"""Recordings as CSV: one column a signal, one line a sample."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acquisition.errors import SourceError
from acquisition.series import Series, known_unit, nominal_rate, require_signal, rr_in_ms, unit_of_kind
from acquisition.spec import RecordingSpec
from acquisition.streams import FloatArray, Kind

TIME_COLUMN = "time_s"

UNIX_TIME_FROM_S = 1e9
"""A ``time_s`` that begins beyond this (2001-09-09) is Unix time, thus an absolute start."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """The cells of a CSV file, not yet numbers.

    Attributes
    ----------
    path : Path
        Where it lies.
    columns : tuple of str
        Names from the first line; numbers from 0 where the first line holds numbers already.
    first_line : int
        Line of the first sample, counted from 1.
    rows : list of list of str
        One per line. A blank line is an empty list: a sample missing in every column.
    """

    path: Path
    columns: tuple[str, ...]
    first_line: int
    rows: list[list[str]]

    def series(self, spec: RecordingSpec) -> Series:
        """Return one column as a signal.

        Times come from the column ``time_s`` if there is one, else from the given rate; those of RR
        intervals are otherwise their running sum, the beat before the first interval being at 0.

        Raises
        ------
        SourceError
            Naming the column or the line at fault.
        """
        index = self._find(spec.column)
        name = self.columns[index]
        where = f"{self.path}, column {name!r}"
        values = self._numbers(index)
        require_signal(values, where)
        unit = unit_of_kind(spec.kind, known_unit(name.rpartition("_")[2]) if "_" in name else "a.u.")
        if spec.kind is Kind.RR:
            values, unit = rr_in_ms(values, unit, where), "ms"
        times, origin_s = self._times(spec, values, where)
        return Series(
            label=name,
            unit=unit,
            rate_hz=self._rate(spec, times, where),
            times=times,
            values=values,
            origin_s=origin_s,
            absolute=self._has_times and origin_s >= UNIX_TIME_FROM_S,
        )

    @property
    def _has_times(self) -> bool:
        return TIME_COLUMN in self.columns

    def _find(self, column: str) -> int:
        if self.columns.count(column) == 1:
            return self.columns.index(column)
        if column in self.columns:
            raise SourceError(f"{self.path} has {self.columns.count(column)} columns called {column!r}")
        if column.isdecimal() and int(column) < len(self.columns):
            return int(column)
        raise SourceError(f"{self.path} has no column {column!r}; it has {', '.join(self.columns)}")

    def _numbers(self, index: int) -> FloatArray:
        cells = [row[index].strip() or "nan" if row else "nan" for row in self.rows]
        try:
            values = np.array(cells, dtype=np.float64)
        except ValueError:
            values = np.array([_number_or_inf(cell) for cell in cells])
        if np.isinf(values).any():
            at = int(np.flatnonzero(np.isinf(values))[0])
            raise SourceError(
                f"{self.path}, line {at + self.first_line}: {cells[at]!r} in column "
                f"{self.columns[index]!r} is not a number; leave a missing sample empty"
            )
        return values

    def _times(self, spec: RecordingSpec, values: FloatArray, where: str) -> tuple[FloatArray, float]:
        if self._has_times:
            times = self._recorded_times()
            return times, float(times[0])
        if spec.kind is Kind.RR:
            return self._beat_times(values, where), 0.0
        if spec.rate_hz is None:
            raise SourceError(
                f"{where}: the sampling rate is missing; add it, as in {spec.text}@250, "
                f"or a column {TIME_COLUMN}"
            )
        return np.arange(values.size) / spec.rate_hz, 0.0

    def _recorded_times(self) -> FloatArray:
        times = self._numbers(self._find(TIME_COLUMN))
        self._refuse(np.isnan(times), f"{TIME_COLUMN} is missing")
        steps = np.diff(times, prepend=-np.inf)
        self._refuse(steps == 0, f"{TIME_COLUMN} is the same as in the line before")
        self._refuse(steps < 0, f"{TIME_COLUMN} goes backward")
        return times

    def _beat_times(self, rr_ms: FloatArray, where: str) -> FloatArray:
        # A missing interval has an unknown length, so no beat after it would have a time.
        self._refuse(
            ~(rr_ms > 0),
            f"an RR interval is missing or not above 0 ({where}); add a column {TIME_COLUMN} to leave gaps",
        )
        return np.asarray(np.cumsum(rr_ms) / 1000.0)

    def _rate(self, spec: RecordingSpec, times: FloatArray, where: str) -> float:
        if spec.kind is Kind.RR or (spec.kind is Kind.HR and self._has_times):
            return 0.0
        if not self._has_times and spec.rate_hz is not None:
            return spec.rate_hz
        recorded = nominal_rate(times, where)
        if spec.rate_hz is not None and abs(recorded - spec.rate_hz) > 0.02 * spec.rate_hz:
            raise SourceError(
                f"{where}: {TIME_COLUMN} says {recorded:g} Hz, the specification {spec.rate_hz:g} Hz; "
                "leave @ away"
            )
        return spec.rate_hz or recorded

    def _refuse(self, at_fault: np.ndarray[tuple[int], np.dtype[np.bool_]], what: str) -> None:
        if at_fault.any():
            line = int(np.flatnonzero(at_fault)[0]) + self.first_line
            raise SourceError(f"{self.path}, line {line}: {what}")


def read_csv(path: Path) -> CsvFile:
    """Read a CSV file, gzip-compressed if its name ends in ``.gz``.

    Cells are separated by commas and written with decimal points. The first line may name the columns.

    Raises
    ------
    SourceError
        If it cannot be read, is not text, is empty, or a line has more or fewer cells than the first.
        A last line cut short, as a recorder that was interrupted leaves it, is dropped.
    """
    try:
        # Blank lines are missing samples, but those at the end are only the end of the file.
        rows = list(csv.reader(io.StringIO(_text(path).rstrip(), newline="")))
    except csv.Error as error:
        raise SourceError(f"{path} is not a CSV file: {error}") from error
    width = next((len(row) for row in rows if row), 0)
    if width == 0:
        raise SourceError(f"{path} is empty")
    columns = tuple(str(index) for index in range(width))
    first_line = 1
    if any(np.isinf(_number_or_inf(cell.strip() or "nan")) for cell in rows[0]):
        columns = tuple(cell.strip() for cell in rows.pop(0))
        first_line = 2
    if rows and 0 < len(rows[-1]) < width:
        rows.pop()
    for line, row in enumerate(rows, start=first_line):
        if row and len(row) != width:
            raise SourceError(f"{path}, line {line}: {len(row)} cells where the first line has {width}")
    if not rows:
        raise SourceError(f"{path} has no samples, only the names {', '.join(columns)}")
    return CsvFile(path, columns, first_line, rows)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not a text file in UTF-8") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path} is not a complete gzip file: {error}") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if "\0" in text:
        raise SourceError(f"{path} is not a text file")
    return text


def _number_or_inf(cell: str) -> float:
    """Return the number, or infinity (which no cell may hold) for anything else."""
    try:
        return float(cell)
    except ValueError:
        return float("inf")
