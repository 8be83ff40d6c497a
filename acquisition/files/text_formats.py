"""Recordings in text formats: OpenSignals, BioSPPy's Simple Text Format, lists of RR intervals.

OpenSignals is the recorder of BITalino and biosignalsplux devices.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import (
    Series,
    conversion_of,
    evenly_sampled,
    require_sampled,
    require_signal,
    rr_in_ms,
)
from acquisition.files.text_tables import TextTable, first_rows, number_or_inf, open_text
from acquisition.serial.profiles import known_profiles
from acquisition.spec import RecordingSpec
from acquisition.streams import UNKNOWN_UNIT, FloatArray, Kind

OPENSIGNALS_FIRST_LINE = "# OpenSignals Text File Format"
OPENSIGNALS_LAST_LINE = "# EndOfHeader"
HEADER_LINES = 50
"""Most lines of a header, of both formats."""

SEQUENCE = "nSeq"
KIND_OF_SENSOR = {
    "ECG": Kind.ECG,
    "EDA": Kind.EDA,
    "BVP": Kind.PPG,
    "PPG": Kind.PPG,
    "RESPIRATION": Kind.RSP,
    "PZT": Kind.RSP,
    "RIP": Kind.RSP,
}

BOARD_OF_DEVICE = {"bitalino": "2014", "bitalino_rev": "revolution"}
"""BITalino boards, whose transfer functions are known; recordings of other devices stay in counts."""

UNIT_OF_CONVERTED = {Kind.ECG: "mV", Kind.EDA: "uS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSignalsChannel:
    """One sensor of an OpenSignals recording.

    Attributes
    ----------
    label : str
        Name of its column.
    sensor : str
        Type of sensor, in capitals.
    index : int
        Index of its column.
    bits : int
        Resolution of its counts.
    """

    label: str
    sensor: str
    index: int
    bits: int


@dataclass(frozen=True, slots=True)
class OpenSignalsFile:
    """A recording in OpenSignals text format.

    Attributes
    ----------
    table : TextTable
        All columns.
    channels : tuple of OpenSignalsChannel
        The sensors.
    rate_hz : float
        Samples per second.
    sequence_bits : int
        Bits of the sequence number, which then starts again from 0; 0 if it never does.
    device : str
        Type of device.
    physical : bool
        Whether the values were converted to units when the file was written.
    """

    table: TextTable
    channels: tuple[OpenSignalsChannel, ...]
    rate_hz: float
    sequence_bits: int
    device: str
    physical: bool

    def series(self, spec: RecordingSpec) -> Series:
        """Return one channel, in units where the header names the sensor and its transfer function is known.

        Samples lost in transmission, as shown by the sequence numbers, are missing.

        Raises
        ------
        SourceError
            Naming the channels there are, or the line that is wrong.
        """
        where = str(self.table.path)
        require_sampled(spec.kind, spec.rate_hz, self.rate_hz, where)
        channel = self._find(spec)
        wanted = [channel.index]
        if SEQUENCE in self.table.columns:
            wanted.append(self.table.columns.index(SEQUENCE))
        columns = self.table.read(wanted)
        require_signal(columns[0].values, f"{where}, channel {channel.label!r}")
        places = np.arange(columns[0].values.size, dtype=np.float64)
        if len(columns) > 1:
            places = sample_numbers(columns[1].values, self.sequence_bits)
        series = Series(
            label=channel.label,
            unit=spec.unit or UNKNOWN_UNIT,
            rate_hz=self.rate_hz,
            times=places / self.rate_hz,
            values=columns[0].values,
            bits=None if self.physical else channel.bits,
        )
        return self._in_units(series, channel, spec)

    def _in_units(self, series: Series, channel: OpenSignalsChannel, spec: RecordingSpec) -> Series:
        if KIND_OF_SENSOR.get(channel.sensor) is not spec.kind or spec.unit or spec.conversion:
            return series
        if self.physical:
            return replace(series, unit=UNIT_OF_CONVERTED.get(spec.kind, UNKNOWN_UNIT))
        board = BOARD_OF_DEVICE.get(self.device)
        conversion = board and conversion_of(known_profiles()["bitalino"], spec.kind, {"board": board})
        return conversion.apply(series, f"{self.table.path}, {channel.label!r}") if conversion else series

    def _find(self, spec: RecordingSpec) -> OpenSignalsChannel:
        if spec.column is None:
            found = [c for c in self.channels if KIND_OF_SENSOR.get(c.sensor) is spec.kind] or self.channels
        else:
            found = [c for c in self.channels if c.label == spec.column] or [
                c for c in self.channels if spec.column in {c.sensor, str(c.index)}
            ]
        if len(found) == 1:
            return found[0]
        there_are = ", ".join(f"{c.label} ({c.sensor})" for c in self.channels)
        asked = (
            f"no channel {spec.column!r}" if spec.column else f"no single channel that must be {spec.kind}"
        )
        raise SourceError(f"{self.table.path} has {asked}; it has {there_are}")


def sample_numbers(sequence: FloatArray, bits: int) -> FloatArray:
    """Return the number of each sample from sequence numbers that restart after ``2**bits − 1``.

    A loss longer than the range of the sequence number cannot be recognised. A sample with an invalid
    sequence number is taken to follow the previous one.

    >>> sample_numbers(np.array([14.0, 15.0, 0.0, 2.0]), bits=4)
    array([0., 1., 2., 4.])
    """
    steps = np.diff(sequence)
    if bits:
        steps = np.mod(steps, 2**bits)
    steps = np.where(steps >= 1, np.floor(steps), 1.0)
    return np.concatenate(([0.0], np.cumsum(steps)))


def read_opensignals(path: Path) -> OpenSignalsFile:
    """Open a recording in OpenSignals text format.

    Raises
    ------
    SourceError
        If it cannot be read, or its header is not an OpenSignals header.
    """
    with open_text(path) as file:
        header = [line.strip() for line in islice(file, HEADER_LINES)]
    try:
        header_lines = header.index(OPENSIGNALS_LAST_LINE) + 1
        return _opensignals_file(path, json.loads(header[1].lstrip("# ")), header_lines)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{path}: its header is not that of an OpenSignals text file "
            f"(second line JSON, then {OPENSIGNALS_LAST_LINE})"
        ) from error


def _opensignals_file(path: Path, devices: dict[str, dict[str, Any]], header_lines: int) -> OpenSignalsFile:
    columns: list[str] = []
    channels: list[OpenSignalsChannel] = []
    for device in devices.values():
        first = len(columns)
        columns += [str(name) for name in device["column"]]
        sensors = device.get("sensor", [])
        labels = [str(label) for label in device["label"]]
        for number, label in enumerate(labels):
            channels.append(
                OpenSignalsChannel(
                    label=label,
                    sensor=str(sensors[number]).upper() if number < len(sensors) else "RAW",
                    index=first + device["column"].index(label),
                    bits=int(device["resolution"][number - len(labels)]),
                )
            )
    device = next(iter(devices.values()), {})
    rate_hz = float(device["sampling rate"])
    if not 0 < rate_hz < np.inf:
        raise ValueError(rate_hz)
    table = _table_after_header(path, header_lines, delimiter="\t")
    # Lines end with a tab, which makes an empty last cell.
    columns += [""] * (len(table.columns) - len(columns))
    resolutions = device["resolution"]
    return OpenSignalsFile(
        replace(table, columns=tuple(columns)),
        channels=tuple(channels),
        rate_hz=rate_hz,
        sequence_bits=int(resolutions[0]) if len(resolutions) > len(device["label"]) else 0,
        device=str(device.get("device", "")),
        physical=bool(device.get("convertedValues", 0)),
    )


SIMPLE_TEXT_FIRST_LINE = "# Simple Text Format"


@dataclass(frozen=True, slots=True)
class SimpleTextFile:
    """A file in BioSPPy's "Simple Text Format": columns of counts at one rate.

    Attributes
    ----------
    table : TextTable
        Its columns.
    rate_hz : float
        Samples per second.
    bits : int or None
        Resolution of the counts, where it is stated.
    """

    table: TextTable
    rate_hz: float
    bits: int | None

    def series(self, spec: RecordingSpec) -> Series:
        """Return one column, in counts.

        Raises
        ------
        SourceError
            Naming the columns there are, or the line that is wrong.
        """
        require_sampled(spec.kind, spec.rate_hz, self.rate_hz, str(self.table.path))
        index = self.table.find(spec.column)
        (column,) = self.table.read([index])
        require_signal(column.values, f"{self.table.path}, column {self.table.columns[index]!r}")
        label, unit = self.table.columns[index], spec.unit or UNKNOWN_UNIT
        return evenly_sampled(label, unit, self.rate_hz, column.values, bits=self.bits)


@dataclass(frozen=True, slots=True)
class RrTextFile:
    """A text file that contains only RR intervals, separated by blanks, commas or line ends."""

    path: Path

    def series(self, spec: RecordingSpec) -> Series:
        """Return the intervals; the beat before the first one is at 0.

        Raises
        ------
        SourceError
            If a value is not a number above 0, or the median is not that of RR intervals.
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
            intervals[at] = number_or_inf(word)
            if not 0 < intervals[at] < np.inf:
                raise SourceError(f"{where}, line {line}: {word[:40]!r} is not an RR interval, nor a number")
        rr_ms = rr_in_ms(intervals, spec.unit or UNKNOWN_UNIT, where)
        return Series(
            label="rr",
            unit="ms",
            rate_hz=0.0,
            times=np.asarray(np.cumsum(rr_ms) / 1000.0),
            values=rr_ms,
        )


def read_simple_text(path: Path) -> SimpleTextFile:
    """Open a file in BioSPPy's "Simple Text Format".

    Raises
    ------
    SourceError
        If it cannot be read, or its header has no sampling rate.
    """
    with open_text(path) as file:
        header = [line for line in islice(file, HEADER_LINES) if line.startswith("#")]
    stated = {
        name.strip().lower(): value.strip()
        for name, mark, value in (line.lstrip("# ").partition(":=") for line in header)
        if mark
    }
    try:
        rate_hz = float(stated["sampling rate (hz)"])
        bits = int(stated["resolution"]) if "resolution" in stated else None
    except (KeyError, ValueError):
        rate_hz, bits = 0.0, None
    if not 0 < rate_hz < np.inf:
        raise SourceError(f"{path}: its header says no sampling rate, as in '# Sampling Rate (Hz):= 1000.00'")
    table = _table_after_header(path, len(header))
    names = tuple(name.strip() for name in stated.get("labels", "").replace(",", "\t").split("\t"))
    if len(names) == len(table.columns):
        table = replace(table, columns=names)
    return SimpleTextFile(table, rate_hz, bits)


def _table_after_header(path: Path, header_lines: int, delimiter: str | None = None) -> TextTable:
    """Return the table below a header; its columns are called by their number from 0."""
    try:
        (first_row, *_), delimiter = first_rows(path, 1, skip=header_lines, delimiter=delimiter)
    except SourceError:
        raise SourceError(f"{path} has no samples after its header") from None
    columns = tuple(str(index) for index in range(len(first_row)))
    return TextTable(path, columns, header_lines + 1, delimiter, tuple(first_row))
