"""Recordings in CSV files: one column per signal, one line per sample; also files of an Empatica E4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import (
    Series,
    evenly_sampled,
    nominal_rate,
    require_sampled,
    require_signal,
    rr_in_ms,
)
from acquisition.files.text_tables import (
    TIME_COLUMN,
    UNIX_TIME_FROM_S,
    TableColumn,
    TextTable,
    find_time_column,
    first_rows,
    in_seconds,
    is_blank,
    is_date,
    number_or_inf,
    require_order,
    spread_ticks,
)
from acquisition.spec import RecordingSpec
from acquisition.streams import UNKNOWN_UNIT, FloatArray, Kind, known_unit, unit_of_kind


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file; its columns are read when they are asked for."""

    table: TextTable

    def series(self, spec: RecordingSpec) -> Series:
        """Return one column as a signal.

        Times come from the column ``time_s`` or another column of times if there is one, otherwise from the
        given rate. Without a column of times, the times of RR intervals are their cumulative sum, with the
        beat before the first interval at 0.

        Raises
        ------
        SourceError
            Naming the column or line that is wrong.
        """
        time_index = self._time_index(spec)
        index = self._signal_index(spec.column, time_index)
        name = self.table.columns[index]
        where = f"{self.table.path}, column {name!r}"
        columns = self.table.read([index] if time_index is None else [index, time_index])
        values = columns[0].values
        if columns[0].dated:
            raise SourceError(f"{where}: it holds dates, not a signal")
        require_signal(values, where)
        unit = spec.unit or known_unit(name.rpartition("_")[2] if "_" in name else "")
        unit = unit_of_kind(spec.kind, unit)
        if spec.kind is Kind.RR:
            values, unit = rr_in_ms(values, unit, where), "ms"
        recorded, local = None, False
        if time_index is not None:
            recorded = self._recorded(columns[1], self.table.columns[time_index], spec)
            # A local time without a zone cannot be compared with the start of another file.
            local = columns[1].dated and not columns[1].zoned
        origin_s = 0.0 if recorded is None else float(recorded[0])
        rate_hz = self._rate(spec, recorded, where)
        return Series(
            label=name,
            unit=unit,
            rate_hz=rate_hz,
            times=self._counted(values, rate_hz, where) if recorded is None else recorded,
            values=values,
            origin_s=origin_s,
            absolute=origin_s >= UNIX_TIME_FROM_S and not local,
        )

    def _signal_index(self, column: str | None, time_index: int | None) -> int:
        if column is None and time_index is not None and len(self.table.columns) == 2:
            return 1 - time_index
        return self.table.find(column)

    def _time_index(self, spec: RecordingSpec) -> int | None:
        index = find_time_column(self.table.columns)
        if index is None or not self.table.first_row or self.table.columns[index] == TIME_COLUMN:
            return index
        cell = self.table.first_row[index].strip()
        # A column "time" that contains words is ignored where the rate is known.
        readable = np.isfinite(number_or_inf(cell or "nan")) or is_date(cell)
        return index if readable or spec.rate_hz is None else None

    def _recorded(self, column: TableColumn, name: str, spec: RecordingSpec) -> FloatArray | None:
        """Return the times in the file; None if they cannot be interpreted but a rate is given."""
        place, first_line = str(self.table.path), self.table.first_line
        times: FloatArray | None = column.values
        if name == TIME_COLUMN:
            require_order(column.values, place, first_line, name)
        else:
            times = spread_ticks(column.values)
            require_order(times, place, first_line, name)
            times = times if column.dated else in_seconds(times, name, spec.kind)
        if times is None and spec.rate_hz is None:
            raise SourceError(
                f"{place}: column {name!r} does not say its unit, and none makes its times a sensible rate "
                f"for {spec.kind}; call it {TIME_COLUMN} or time_ms, or add the rate, as in {spec.text}@250"
            )
        return times

    def _counted(self, values: FloatArray, rate_hz: float, where: str) -> FloatArray:
        """Return the times of samples from their rate, and those of RR intervals (rate 0) from their sum."""
        if rate_hz:
            return np.arange(values.size) / rate_hz
        # A missing interval has an unknown length, so the times of all beats after it are unknown.
        if (at_fault := np.flatnonzero(~(values > 0))).size:
            raise SourceError(
                f"{self.table.path}, line {int(at_fault[0]) + self.table.first_line}: an RR interval is "
                f"missing or not above 0 ({where}); add a column {TIME_COLUMN} to leave gaps"
            )
        return np.asarray(np.cumsum(values) / 1000.0)

    def _rate(self, spec: RecordingSpec, recorded: FloatArray | None, where: str) -> float:
        if spec.kind is Kind.RR or (spec.kind is Kind.HR and recorded is not None):
            return 0.0
        if recorded is not None:
            rate_hz = nominal_rate(recorded, where)
            if spec.rate_hz is not None and abs(rate_hz - spec.rate_hz) > 0.02 * spec.rate_hz:
                raise SourceError(
                    f"{where}: its times say {rate_hz:g} Hz, the specification {spec.rate_hz:g} Hz; "
                    "leave @ away"
                )
            return spec.rate_hz or rate_hz
        if spec.rate_hz is None:
            raise SourceError(
                f"{where}: the sampling rate is missing; add it, as in {spec.text}@250, "
                f"or a column {TIME_COLUMN}"
            )
        return spec.rate_hz


def read_csv(path: Path) -> CsvFile | EmpaticaFile:
    """Open a CSV file, gzip-compressed if its name ends in ``.gz``.

    Cells are separated by commas, semicolons or tabs; numbers have decimal points. The first line may name
    the columns. A file of an Empatica E4 is recognised by its first two lines, start and rate.

    Raises
    ------
    SourceError
        If it cannot be read, is not text, or is empty.
    """
    rows, delimiter = first_rows(path, 1000)
    if empatica := recognise(path, rows):
        return empatica
    first = next(row for row in rows if not is_blank(row))
    columns = tuple(str(index) for index in range(len(first)))
    first_line = 1
    if any(np.isinf(number_or_inf(cell.strip() or "nan")) and not is_date(cell) for cell in rows[0]):
        columns, first_line = tuple(cell.strip() for cell in rows[0]), 2
    samples = [row for row in rows[first_line - 1 :] if not is_blank(row)]
    first_row = tuple(samples[0] + [""] * len(columns))[: len(columns)] if samples else ()
    return CsvFile(TextTable(path, columns, first_line, delimiter, first_row))


FASTEST_HZ = 1024.0


@dataclass(frozen=True, slots=True)
class EmpaticaFile:
    """One sensor of an Empatica E4: a CSV file that begins with the start and the rate.

    Attributes
    ----------
    table : TextTable
        Its samples; for IBI.csv the times from the start and the intervals that end there, in seconds.
    start_s : float
        Unix time of the start.
    rate_hz : float
        Samples per second; 0 for inter-beat intervals.
    """

    table: TextTable
    start_s: float
    rate_hz: float

    def series(self, spec: RecordingSpec) -> Series:
        """Return the signal, or one column of several, on Unix time.

        Raises
        ------
        SourceError
            If the file does not contain what the specification asks for, or naming the line that is wrong.
        """
        where = str(self.table.path)
        if (self.rate_hz == 0) != (spec.kind is Kind.RR):
            holds = "inter-beat intervals, as in rr=IBI.csv" if self.rate_hz == 0 else "no RR intervals"
            raise SourceError(f"{where} is of an Empatica E4 and holds {holds}")
        if self.rate_hz == 0:
            return self._intervals(where)
        require_sampled(spec.kind, spec.rate_hz, self.rate_hz, where)
        index = self.table.find(spec.column)
        (column,) = self.table.read([index])
        require_signal(column.values, where)
        label = self.table.path.stem if len(self.table.columns) == 1 else self.table.columns[index]
        unit = spec.unit or ("uS" if spec.kind is Kind.EDA else unit_of_kind(spec.kind, UNKNOWN_UNIT))
        return evenly_sampled(label, unit, self.rate_hz, column.values, unix_start_s=self.start_s)

    def _intervals(self, where: str) -> Series:
        offsets, intervals = (column.values for column in self.table.read([0, 1]))
        require_order(offsets, where, self.table.first_line, "the time")
        return Series(
            label=self.table.path.stem,
            unit="ms",
            rate_hz=0.0,
            times=self.start_s + offsets,
            values=rr_in_ms(intervals, "s", where),
            origin_s=self.start_s,
            absolute=True,
        )


def recognise(path: Path, rows: Sequence[Sequence[str]]) -> EmpaticaFile | None:
    """Return the file if its first lines are those of an Empatica E4: a Unix time, then a rate or ``IBI``."""
    if not rows or not rows[0] or not rows[0][0].strip():
        return None
    start_s = number_or_inf(rows[0][0])
    if not UNIX_TIME_FROM_S <= start_s < np.inf:
        return None
    width = len(rows[0])
    if width == 2 and rows[0][1].strip() == "IBI":
        return EmpaticaFile(_table(path, rows, width, after=1), start_s, 0.0)
    if len(rows) < 2 or len(rows[1]) != width:
        return None
    starts, rates = ({number_or_inf(cell) for cell in row} for row in rows[:2])
    if len(starts) > 1 or len(rates) > 1 or not 0 < (rate_hz := rates.pop()) <= FASTEST_HZ:
        return None
    return EmpaticaFile(_table(path, rows, width, after=2), start_s, rate_hz)


def _table(path: Path, rows: Sequence[Sequence[str]], width: int, *, after: int) -> TextTable:
    return TextTable(
        path,
        tuple(str(index) for index in range(width)),
        after + 1,
        ",",
        tuple(rows[after]) if len(rows) > after else (),
    )
