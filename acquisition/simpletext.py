"""Text files that hold little else than numbers: BioSPPy's "Simple Text Format", lists of RR intervals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from acquisition.errors import SourceError
from acquisition.series import UNKNOWN_UNIT, Series, require_signal, rr_in_ms
from acquisition.spec import RecordingSpec
from acquisition.streams import Kind
from acquisition.tables import Table, first_rows, open_text

FIRST_LINE = "# Simple Text Format"
HEADER_LINES = 50
"""A header is not longer."""


@dataclass(frozen=True, slots=True)
class SimpleTextFile:
    """A file in BioSPPy's "Simple Text Format": columns of counts at one rate.

    Attributes
    ----------
    table : Table
        Its columns.
    rate_hz : float
        Samples per second.
    bits : int or None
        Resolution of the counts, where it is said.
    """

    table: Table
    rate_hz: float
    bits: int | None

    def series(self, spec: RecordingSpec) -> Series:
        """Return one column, in counts.

        Raises
        ------
        SourceError
            Naming the columns there are, or the line at fault.
        """
        require_sampled(spec, self.rate_hz, str(self.table.path))
        index = self.table.find(spec.column)
        (column,) = self.table.read([index])
        require_signal(column.values, f"{self.table.path}, column {self.table.columns[index]!r}")
        return Series(
            label=self.table.columns[index],
            unit=spec.unit or UNKNOWN_UNIT,
            rate_hz=self.rate_hz,
            times=np.arange(column.values.size) / self.rate_hz,
            values=column.values,
            origin_s=0.0,
            absolute=False,
            bits=self.bits,
        )


@dataclass(frozen=True, slots=True)
class RrText:
    """A text file of nothing but RR intervals, separated by blanks, commas or line ends."""

    path: Path

    def series(self, spec: RecordingSpec) -> Series:
        """Return the intervals, the beat before the first being at 0.

        Raises
        ------
        SourceError
            If something is not a number above 0, or cannot be an RR interval.
        """
        where = str(self.path)
        with open_text(self.path) as file:
            words = [
                (line, word)
                for line, text in enumerate(file, start=1)
                for word in text.replace(",", " ").replace(";", " ").split()
            ]
        if not words:
            raise SourceError(f"{where} is empty")
        intervals = np.empty(len(words))
        for at, (line, word) in enumerate(words):
            try:
                intervals[at] = float(word)
            except ValueError:
                intervals[at] = np.nan
            if not 0 < intervals[at] < np.inf:
                raise SourceError(f"{where}, line {line}: {word[:40]!r} is not an RR interval, nor a number")
        rr_ms = rr_in_ms(intervals, spec.unit or UNKNOWN_UNIT, where)
        return Series(
            label="rr",
            unit="ms",
            rate_hz=0.0,
            times=np.asarray(np.cumsum(rr_ms) / 1000.0),
            values=rr_ms,
            origin_s=0.0,
            absolute=False,
        )


def read_simple_text(path: Path) -> SimpleTextFile:
    """Open a file in BioSPPy's "Simple Text Format".

    Raises
    ------
    SourceError
        If it cannot be read, or its header says no sampling rate.
    """
    with open_text(path) as file:
        header = [line for line in islice(file, HEADER_LINES) if line.startswith("#")]
    said = {
        name.strip().lower(): value.strip()
        for name, mark, value in (line.lstrip("# ").partition(":=") for line in header)
        if mark
    }
    try:
        rate_hz = float(said["sampling rate (hz)"])
        bits = int(said["resolution"]) if "resolution" in said else None
    except (KeyError, ValueError):
        rate_hz, bits = 0.0, None
    if not 0 < rate_hz < np.inf:
        raise SourceError(f"{path}: its header says no sampling rate, as in '# Sampling Rate (Hz):= 1000.00'")
    try:
        rows, delimiter = first_rows(path, 1, skip=len(header))
    except SourceError:
        raise SourceError(f"{path} has no samples after its header") from None
    width = len(rows[0])
    names = tuple(name.strip() for name in said.get("labels", "").replace(",", "\t").split("\t"))
    columns = names if len(names) == width else tuple(str(index) for index in range(width))
    table = Table(
        path=path,
        columns=columns,
        first_line=len(header) + 1,
        delimiter=delimiter,
        first_row=tuple(rows[0]),
    )
    return SimpleTextFile(table, rate_hz, bits)


def require_sampled(spec: RecordingSpec, rate_hz: float, where: str) -> None:
    """Refuse RR intervals from a waveform's file, and a rate that is not the file's.

    Raises
    ------
    SourceError
        Saying what the file holds.
    """
    if spec.kind is Kind.RR:
        raise SourceError(f"{where} holds samples at {rate_hz:g} Hz, no RR intervals")
    if spec.rate_hz is not None and abs(spec.rate_hz - rate_hz) > 0.02 * rate_hz:
        raise SourceError(f"{where} says {rate_hz:g} Hz, the specification {spec.rate_hz:g} Hz; leave @ away")
