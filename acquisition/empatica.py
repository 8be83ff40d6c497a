"""Recordings of an Empatica E4: a CSV file per sensor, its first line the start, its second the rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acquisition.errors import SourceError
from acquisition.series import UNKNOWN_UNIT, Series, require_signal, rr_in_ms, unit_of_kind
from acquisition.spec import RecordingSpec
from acquisition.streams import Kind
from acquisition.tables import Table, number_or_inf
from acquisition.timecolumn import UNIX_TIME_FROM_S, require_order

FASTEST_HZ = 1024.0


@dataclass(frozen=True, slots=True)
class EmpaticaFile:
    """One sensor of an Empatica E4.

    Attributes
    ----------
    table : Table
        Its samples; of IBI.csv the times from the start, and the intervals that end there, in seconds.
    start_s : float
        Unix time of the start.
    rate_hz : float
        Samples per second; 0 for inter-beat intervals.
    """

    table: Table
    start_s: float
    rate_hz: float

    def series(self, spec: RecordingSpec) -> Series:
        """Return the signal, or one column of those that have several, on Unix time.

        Raises
        ------
        SourceError
            If it does not hold what the specification asks for, or naming the line at fault.
        """
        where = str(self.table.path)
        if (self.rate_hz == 0) != (spec.kind is Kind.RR):
            holds = "inter-beat intervals, as in rr=IBI.csv" if self.rate_hz == 0 else "no RR intervals"
            raise SourceError(f"{where} is of an Empatica E4 and holds {holds}")
        if self.rate_hz == 0:
            return self._intervals(where)
        if spec.rate_hz is not None and abs(spec.rate_hz - self.rate_hz) > 0.02 * self.rate_hz:
            raise SourceError(
                f"{where} says {self.rate_hz:g} Hz, the specification {spec.rate_hz:g} Hz; leave @ away"
            )
        index = self.table.find(spec.column)
        (column,) = self.table.read([index])
        require_signal(column.values, where)
        unit = "uS" if spec.kind is Kind.EDA else UNKNOWN_UNIT
        return Series(
            label=self.table.path.stem if len(self.table.columns) == 1 else self.table.columns[index],
            unit=spec.unit or unit_of_kind(spec.kind, unit),
            rate_hz=self.rate_hz,
            times=self.start_s + np.arange(column.values.size) / self.rate_hz,
            values=column.values,
            origin_s=self.start_s,
            absolute=True,
        )

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


def _table(path: Path, rows: Sequence[Sequence[str]], width: int, *, after: int) -> Table:
    return Table(
        path=path,
        columns=tuple(str(index) for index in range(width)),
        first_line=after + 1,
        delimiter=",",
        first_row=tuple(rows[after]) if len(rows) > after else (),
    )
