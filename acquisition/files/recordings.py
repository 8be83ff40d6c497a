"""Opening recordings, and recorded signals as sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.binary_formats import read_edf, read_wfdb, read_xdf
from acquisition.files.csv_files import read_csv
from acquisition.files.series import Series
from acquisition.files.text_formats import (
    OPENSIGNALS_FIRST_LINE,
    SIMPLE_TEXT_FIRST_LINE,
    RrTextFile,
    read_opensignals,
    read_simple_text,
)
from acquisition.files.text_tables import open_text
from acquisition.spec import RecordingSpec, is_wfdb
from acquisition.streams import Chunk, ClockPair, FloatArray, Kind, StreamInfo


class RecordingSource:
    """A recorded signal, delivered as engine time advances.

    Parameters
    ----------
    stream : StreamInfo
        Its description.
    times : ndarray, float64, shape (n,)
        Seconds from the session's start, strictly increasing.
    values : ndarray, float64, shape (n,) or (n, channels)
        NaN where a sample is missing.
    file_time_at_0_s : float
        What the file's own clock showed at the session's start.

    Examples
    --------
    >>> stream = StreamInfo(
    ...     stream_id="ecg", name="ecg", kind=Kind.ECG, unit="mV", rate_hz=2.0, labels=("II",)
    ... )
    >>> source = RecordingSource(stream, np.array([0.0, 0.5, 1.0]), np.array([0.1, 0.2, 0.3]))
    >>> (chunk,) = source.read(0.7)
    >>> chunk.times, source.ended
    (array([0. , 0.5]), False)
    """

    def __init__(
        self, stream: StreamInfo, times: FloatArray, values: FloatArray, *, file_time_at_0_s: float = 0.0
    ) -> None:
        self._stream = stream
        # Chunks are views of these arrays, so they must be read-only.
        self._times = times.copy()
        self._samples = values.reshape(times.size, -1).copy()
        self._times.flags.writeable = False
        self._samples.flags.writeable = False
        self._clock_pair = ClockPair(
            stream_id=stream.stream_id, source_time_s=file_time_at_0_s, engine_time_s=0.0
        )
        self._clock_pair_taken = False
        self._position = 0

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The one stream."""
        return (self._stream,)

    @property
    def times(self) -> FloatArray:
        """The engine times of all samples, shape (n,)."""
        return self._times

    @property
    def values(self) -> FloatArray:
        """All samples of the first channel, shape (n,), NaN where missing."""
        return self._samples[:, 0]

    @property
    def ended(self) -> bool:
        """Whether the last sample was read."""
        return self._position == self._times.size

    def begin(self, t0: float) -> None:
        """Place the recording's time 0 at engine time `t0`."""
        self._times = self._times + t0
        self._times.flags.writeable = False
        self._clock_pair = replace(self._clock_pair, engine_time_s=t0)

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the session's start on the file's clock, at the first call only."""
        taken, self._clock_pair_taken = self._clock_pair_taken, True
        return () if taken else (self._clock_pair,)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples at or before engine time `t` that were not read before."""
        end = int(np.searchsorted(self._times, t, side="right"))
        if end <= self._position:
            return []
        unread = slice(self._position, end)
        self._position = end
        return [Chunk(self._stream, self._times[unread], self._samples[unread])]

    def close(self) -> None:
        """Do nothing: the file was closed after it was read."""


class MissingStretch(NamedTuple):
    """Start and end of a stretch without samples, in seconds."""

    begin_s: float
    end_s: float


def missing_stretches(times: FloatArray, values: FloatArray, rate_hz: float) -> list[MissingStretch]:
    """Find where samples are missing: runs of NaN, and gaps between the times of samples.

    Parameters
    ----------
    times, values : ndarray, shape (n,)
        Seconds and samples.
    rate_hz : float
        Nominal rate, to recognise gaps between times; 0 for irregular signals, in which only runs of NaN
        are found.

    Returns
    -------
    list of MissingStretch
        In order: each from the time when the first missing sample was due (irregular signals: from the last
        sample before it) to the next sample, or to the end.

    Examples
    --------
    >>> missing_stretches(np.array([0.0, 1.0, 4.0]), np.array([0.1, 0.2, 0.3]), rate_hz=1.0)
    [MissingStretch(begin_s=2.0, end_s=4.0)]
    """
    if times.size == 0:
        return []
    period_s = 1.0 / rate_hz if rate_hz > 0 else 0.0
    index = np.flatnonzero(np.isfinite(values))
    present = times[index]
    # As if there were a sample one period before the signal and another right after it.
    bounds = np.concatenate(([times[0] - period_s], present, [times[-1] + period_s]))
    steps = np.diff(np.concatenate(([-1], index, [values.size])))
    missing = (steps > 1) | ((period_s > 0) & (np.diff(bounds) > 1.5 * period_s))
    return [
        MissingStretch(float(bounds[i] + period_s), float(bounds[i + 1])) for i in np.flatnonzero(missing)
    ]


class RecordedFile(Protocol):
    """A file that signals can be read from."""

    def series(self, spec: RecordingSpec) -> Series:
        """Return the whole signal that a specification asks for.

        Raises
        ------
        SourceError
            Naming what is wrong, and where.
        """
        ...


def open_recording(path: Path) -> RecordedFile:
    """Open a recording with the reader for its name and, for text files, its first line.

    Raises
    ------
    SourceError
        If it does not exist or cannot be read.
    """
    if is_wfdb(path):
        return read_wfdb(path)
    if path.is_dir():
        raise SourceError(f"{path} is a directory, not a recording")
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    if path.suffix.lower() == ".xdf":
        return read_xdf(path)
    if path.suffix.lower() == ".edf":
        return read_edf(path)
    return _read_text(path)


def _read_text(path: Path) -> RecordedFile:
    with open_text(path) as file:
        first_line = file.readline(200)
    if first_line.startswith(OPENSIGNALS_FIRST_LINE):
        return read_opensignals(path)
    if first_line.startswith(SIMPLE_TEXT_FIRST_LINE):
        return read_simple_text(path)
    return _PlainText(path) if ".txt" in path.suffixes else read_csv(path)


class _PlainText:
    """A text file without a header: a list of RR intervals if RR intervals are asked for, else a table."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def series(self, spec: RecordingSpec) -> Series:
        """Return the signal."""
        if spec.kind is Kind.RR and spec.column is None:
            return RrTextFile(self._path).series(spec)
        return read_csv(self._path).series(spec)
