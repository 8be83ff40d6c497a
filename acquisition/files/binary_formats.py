"""Recordings in binary files: EDF and EDF+ (read with edfio), WFDB of PhysioNet (wfdb) and XDF (pyxdf).

Of an XDF file every time stamp stays as it was recorded.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import (
    FileMarker,
    Series,
    evenly_sampled,
    nominal_rate,
    require_sampled,
    require_signal,
    rr_in_ms,
)
from acquisition.spec import RecordingSpec
from acquisition.streams import FloatArray, Kind, find_channel, known_unit, unit_of_kind

if TYPE_CHECKING:
    import edfio

RESERVED = -32768
"""The digital minimum, which exports of this program use for missing samples."""

GAP = "gap "
"""Prefix of the annotations of missing samples; the signal's label follows."""


class EdfSignal(NamedTuple):
    """Label, unit as written in the file, and rate of a signal."""

    label: str
    unit: str
    rate_hz: float


@dataclass(frozen=True, slots=True)
class EdfFile:
    """An EDF or EDF+C file; its signals are read when they are asked for."""

    path: Path
    edf: edfio.Edf

    @property
    def signals(self) -> tuple[EdfSignal, ...]:
        """The signals, in the order of the file."""
        return tuple(
            EdfSignal(signal.label, signal.physical_dimension, float(signal.sampling_frequency))
            for signal in self.edf.signals
        )

    @property
    def annotations(self) -> tuple[FileMarker, ...]:
        """The annotations that have a text."""
        return tuple(FileMarker(note.onset, note.text) for note in self.edf.annotations if note.text.strip())

    def series(self, spec: RecordingSpec) -> Series:
        """Return one signal in its physical unit.

        EDF has no missing values. In a file with annotations ``gap LABEL``, as written by exports of this
        program, samples at the digital minimum are missing.

        Raises
        ------
        SourceError
            Naming the signals there are, or what is wrong with the file.
        """
        labels = [signal.label for signal in self.signals]
        index = find_channel(labels, spec.column, str(self.path), f"{self.path.name}:", "signal")
        label, unit, rate_hz = self.signals[index]
        where = f"{self.path}, signal {label!r}"
        require_sampled(spec.kind, spec.rate_hz, rate_hz, where)
        try:
            signal = self.edf.signals[index]
            values = np.array(signal.data, dtype=np.float64)
            if any(text == f"{GAP}{label}" for _, text in self.annotations):
                values[signal.digital == RESERVED] = np.nan
        except (ValueError, OSError) as error:
            raise SourceError(f"{where}: its samples cannot be read: {error}") from error
        require_signal(values, where)
        known = unit_of_kind(spec.kind, spec.unit or known_unit(unit))
        return evenly_sampled(label, known, rate_hz, values)


def read_edf(path: Path) -> EdfFile:
    """Open an EDF or EDF+C file.

    Raises
    ------
    SourceError
        If it cannot be read, is not EDF, or is discontinuous (EDF+D): the gaps of such a file are not visible
        in its samples.
    """
    import edfio  # noqa: PLC0415 - only EDF files need it

    try:
        edf = edfio.read_edf(path, header_encoding="latin-1")
        continuous = edf.is_continuous
        names = edf.labels
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # edfio raises many types of error for damaged files
        raise SourceError(f"{path} is not an EDF file ({type(error).__name__}: {error})") from error
    if not continuous:
        raise SourceError(f"{path} is discontinuous (EDF+D); convert it to EDF+C, for example in EDFbrowser")
    if not names:
        raise SourceError(f"{path} holds no signal, only annotations")
    return EdfFile(path, edf)


FRAMES_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class WfdbRecord:
    """A WFDB record; its signals are read when they are asked for, its annotations are not used.

    Attributes
    ----------
    record : str
        Path without suffix.
    header : wfdb.Record
        The header as read by wfdb.
    """

    record: str
    header: Any

    def series(self, spec: RecordingSpec) -> Series:
        """Return one signal in its physical unit.

        Raises
        ------
        SourceError
            Naming the signals there are, or what is wrong with their file.
        """
        labels = [str(name) for name in self.header.sig_name]
        index = find_channel(labels, spec.column, self.record, f"{self.record}:", "signal")
        label = labels[index]
        per_frame = int(self.header.samps_per_frame[index])
        rate_hz = float(self.header.fs) * per_frame
        where = f"{self.record}, signal {label!r}"
        require_sampled(spec.kind, spec.rate_hz, rate_hz, where)
        values = self._values(index, where)
        values[~np.isfinite(values)] = np.nan
        require_signal(values, where)
        unit = spec.unit or known_unit(str(self.header.units[index]))
        return evenly_sampled(label, unit, rate_hz, values)

    def _values(self, index: int, where: str) -> FloatArray:
        import wfdb  # noqa: PLC0415 - it imports pandas, and only WFDB records need it

        frames = int(self.header.sig_len or 0)
        blocks: list[FloatArray] = []
        try:
            for first in range(0, frames, FRAMES_AT_ONCE):
                read = wfdb.rdrecord(
                    self.record,
                    sampfrom=first,
                    sampto=min(first + FRAMES_AT_ONCE, frames),
                    channels=[index],
                    smooth_frames=False,
                )
                blocks.append(np.asarray(read.e_p_signal[0], dtype=np.float64))
        except FileNotFoundError as error:
            raise SourceError(f"{where}: its file {error.filename} does not exist") from error
        except Exception as error:  # wfdb raises many types of error for damaged files
            raise SourceError(
                f"{where}: its file is damaged, or shorter than its header says "
                f"({type(error).__name__}: {_one_line(error)})"
            ) from error
        return np.concatenate(blocks) if blocks else np.empty(0)


def read_wfdb(path: Path) -> WfdbRecord:
    """Open a WFDB record by its header, its signal file, or its name without suffix.

    Raises
    ------
    SourceError
        If it has no header, or the header cannot be read.
    """
    record = str(path.with_suffix("") if path.suffix.lower() in {".hea", ".dat", ".mat"} else path)
    header = Path(f"{record}.hea")
    if not header.is_file():
        raise SourceError(f"{header} does not exist: a WFDB record needs its header")
    import wfdb  # noqa: PLC0415 - as above

    try:
        read = wfdb.rdheader(record)
        complete = read.n_sig > 0 and len(read.sig_name) == read.n_sig and read.fs > 0
    except Exception as error:  # wfdb raises many types of error for damaged files
        raise SourceError(
            f"{header} is not a WFDB header ({type(error).__name__}: {_one_line(error)})"
        ) from error
    if not complete:
        raise SourceError(f"{header} describes no signal")
    return WfdbRecord(record, read)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


_MAGIC = b"XDF:"


class XdfChannel(NamedTuple):
    """Label, unit (``a.u.`` where unknown) and type of a channel."""

    label: str
    unit: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class XdfStream:
    """Description of a stream in an XDF file.

    Attributes
    ----------
    name, kind, source_id : str
        Its name, its type (by convention ``ECG``, ``Markers`` …) and the id of its source.
    rate_hz : float
        Nominal rate; 0 for irregular streams.
    channels : tuple of XdfChannel
        Empty for streams of text.
    samples : int
        Number of samples.
    """

    name: str
    kind: str
    source_id: str
    rate_hz: float
    channels: tuple[XdfChannel, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class XdfFile:
    """The streams of an XDF file, as returned by pyxdf."""

    path: Path
    streams: tuple[dict[str, Any], ...]

    def described(self) -> tuple[XdfStream, ...]:
        """Return the description of each stream, in the order of the file."""
        return tuple(
            XdfStream(
                name=_name(stream),
                kind=str(stream["info"]["type"][0] or ""),
                source_id=str((stream["info"].get("source_id") or [None])[0] or ""),
                rate_hz=float(stream["info"]["nominal_srate"][0]),
                channels=_channels(stream),
                samples=len(stream["time_stamps"]),
            )
            for stream in self.streams
        )

    def marks(self, number: int) -> tuple[FileMarker, ...]:
        """Return the markers of a stream, by its index in `described`.

        Numbers are converted to text, integers without a decimal point.
        """
        stream = self.streams[number]
        texts = (_mark(row[0]) for row in stream["time_series"])
        return tuple(map(FileMarker, map(float, stream["time_stamps"]), texts))

    def series(self, spec: RecordingSpec) -> Series:
        """Return one channel of one stream as a signal.

        Raises
        ------
        SourceError
            Naming the streams or channels there are, or the sample that is wrong.
        """
        stream, label = self._find(spec.column)
        where = f"{self.path}, stream {_name(stream)!r}"
        if not isinstance(stream["time_series"], np.ndarray):
            raise SourceError(f"{where}: it holds text, not a signal")
        channels = _channels(stream)
        index = find_channel([channel.label for channel in channels], label, where, "Stream/")
        values = np.array(stream["time_series"][:, index], dtype=np.float64)
        times = np.array(stream["time_stamps"], dtype=np.float64)
        values[np.isinf(values)] = np.nan  # an amplifier out of range, not a measured value
        require_signal(values, where)
        _require_order(times, where)
        unit = unit_of_kind(spec.kind, spec.unit or channels[index].unit)
        if spec.kind is Kind.RR:
            values, unit = rr_in_ms(values, unit, where), "ms"
        rate_hz = float(stream["info"]["nominal_srate"][0])
        if rate_hz == 0 and spec.kind not in {Kind.RR, Kind.HR}:
            rate_hz = nominal_rate(times, where)
        return Series(
            label=channels[index].label,
            unit=unit,
            rate_hz=rate_hz,
            times=times,
            values=values,
            origin_s=float(times[0]),
        )

    def _find(self, column: str | None) -> tuple[dict[str, Any], str | None]:
        there_are = ", ".join(_name(stream) for stream in self.streams) or "none"
        if column is None:
            if len(self.streams) == 1:
                return self.streams[0], None
            raise SourceError(
                f"{self.path}: say which stream, as in {self.path.name}:Name; its streams are {there_are}"
            )
        stream_name, slash, label = column.rpartition("/")
        for name, channel in ((column, None), (stream_name, label)):
            found = [stream for stream in self.streams if _name(stream) == name]
            if len(found) > 1:
                raise SourceError(f"{self.path} has {len(found)} streams called {name!r}")
            if found:
                return found[0], channel
            if not slash:
                break
        raise SourceError(f"{self.path} has no stream {column!r}; its streams are {there_are}")


def read_xdf(path: Path, *, synchronised: bool = False) -> XdfFile:
    """Read an XDF file; a truncated file is read up to its last complete chunk.

    Parameters
    ----------
    path : Path
        The file.
    synchronised : bool
        False: time stamps are used as recorded, neither dejittered (which would close real gaps) nor moved
        between clocks. True, for files that LabRecorder wrote from several computers: time stamps are moved
        to the recording computer's clock by the recorded clock offsets, with clock resets handled, and those
        of regular streams are dejittered, as pyxdf recommends, with a break at every gap of more than 1 s and
        2 samples. (By default pyxdf breaks only at gaps of 500 samples, which at 4 Hz is two minutes.)

    Raises
    ------
    SourceError
        If it cannot be read or is not XDF.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if not content.startswith(_MAGIC):
        raise SourceError(f"{path} is not an XDF file" if content else f"{path} is empty")
    import pyxdf  # noqa: PLC0415 - only XDF files need it

    try:
        streams, _ = pyxdf.load_xdf(
            io.BytesIO(content[: _end_of_whole_chunks(content)]),
            dejitter_timestamps=synchronised,
            jitter_break_threshold_samples=2,
            synchronize_clocks=synchronised,
        )
    except Exception as error:  # pyxdf raises many types of error for damaged files
        raise SourceError(f"{path} is damaged: {type(error).__name__} {error}") from error
    return XdfFile(path, tuple(streams))


def _end_of_whole_chunks(content: bytes) -> int:
    """Return the end of the last complete chunk; pyxdf would read stale bytes from an incomplete one."""
    position = len(_MAGIC)
    while position < len(content):
        width = content[position]
        length = int.from_bytes(content[position + 1 : position + 1 + width], "little")
        end = position + 1 + width + length
        if width not in {1, 4, 8} or end > len(content):
            return position
        position = end
    return position


def _mark(value: Any) -> str:
    if isinstance(value, str):
        return value
    number = float(value)
    return str(int(number)) if number.is_integer() else str(number)


def _name(stream: dict[str, Any]) -> str:
    return str(stream["info"]["name"][0])


def _channels(stream: dict[str, Any]) -> tuple[XdfChannel, ...]:
    """Return the channels of a stream of numbers, called by their number from 0 where they have no label."""
    values = stream["time_series"]
    if not isinstance(values, np.ndarray):
        return ()
    groups = (stream["info"]["desc"][0] or {}).get("channels") or [None]
    described = (groups[0] or {}).get("channel", [])
    channels = []
    for index in range(values.shape[1] if values.ndim == 2 else 0):
        channel = (described[index] if index < len(described) else None) or {}
        label, unit, kind = ((channel.get(name) or [None])[0] or "" for name in ("label", "unit", "type"))
        channels.append(XdfChannel(label or str(index), known_unit(unit), kind))
    return tuple(channels)


def _require_order(times: np.ndarray[tuple[int], np.dtype[np.float64]], where: str) -> None:
    backward = np.flatnonzero(~(np.diff(times) > 0))
    if backward.size:
        at = int(backward[0]) + 1
        raise SourceError(
            f"{where}: the time stamp of sample {at} ({times[at]:.4f} s) does not lie after the one before "
            f"({times[at - 1]:.4f} s); its clock was set back"
        )
