"""Recordings in XDF files, read with pyxdf, with every time stamp as it was recorded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import FileMarker, Series, nominal_rate, require_signal, rr_in_ms
from acquisition.spec import RecordingSpec
from acquisition.streams import Kind, channel_index, known_unit, unit_of_kind

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
        return tuple(_described(stream) for stream in self.streams)

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
        index = _channel_index([name for name, _ in channels], label, where)
        values = np.array(stream["time_series"][:, index], dtype=np.float64)
        times = np.array(stream["time_stamps"], dtype=np.float64)
        values[np.isinf(values)] = np.nan  # an amplifier out of range, not a measured value
        require_signal(values, where)
        _require_order(times, where)
        name, unit = channels[index][0], unit_of_kind(spec.kind, spec.unit or channels[index][1])
        if spec.kind is Kind.RR:
            values, unit = rr_in_ms(values, unit, where), "ms"
        rate_hz = float(stream["info"]["nominal_srate"][0])
        if rate_hz == 0 and spec.kind not in {Kind.RR, Kind.HR}:
            rate_hz = nominal_rate(times, where)
        return Series(
            label=name,
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


def _described(stream: dict[str, Any]) -> XdfStream:
    info = stream["info"]
    is_text = not isinstance(stream["time_series"], np.ndarray)
    return XdfStream(
        name=_name(stream),
        kind=str(info["type"][0] or ""),
        source_id=str(info["source_id"][0] or "") if info.get("source_id") else "",
        rate_hz=float(info["nominal_srate"][0]),
        channels=()
        if is_text
        else tuple(
            XdfChannel(*named, kind) for named, kind in zip(_channels(stream), _types(stream), strict=True)
        ),
        samples=len(stream["time_stamps"]),
    )


def _mark(value: Any) -> str:
    if isinstance(value, str):
        return value
    number = float(value)
    return str(int(number)) if number.is_integer() else str(number)


def _name(stream: dict[str, Any]) -> str:
    return str(stream["info"]["name"][0])


def _channels(stream: dict[str, Any]) -> list[tuple[str, str]]:
    """Return label and unit of each channel; the number from 0 where there is no label."""
    return [
        (
            (channel.get("label") or [None])[0] or str(index),
            known_unit((channel.get("unit") or [None])[0] or ""),
        )
        for index, channel in enumerate(_channel_descriptions(stream))
    ]


def _types(stream: dict[str, Any]) -> list[str]:
    """Return the type of each channel; empty where it has none."""
    return [(channel.get("type") or [None])[0] or "" for channel in _channel_descriptions(stream)]


def _channel_descriptions(stream: dict[str, Any]) -> list[dict[str, Any]]:
    count = stream["time_series"].shape[1] if stream["time_series"].ndim == 2 else 0
    description = stream["info"]["desc"][0] or {}
    groups = description.get("channels") or [None]
    described = (groups[0] or {}).get("channel", [])
    return [(described[index] if index < len(described) else None) or {} for index in range(count)]


def _channel_index(labels: list[str], label: str | None, where: str) -> int:
    if (index := channel_index(labels, label)) is not None:
        return index
    if label is None:
        raise SourceError(f"{where}: say which channel, as in Stream/{labels[0]}; it has {', '.join(labels)}")
    raise SourceError(f"{where}: it has no single channel {label!r}; its channels are {', '.join(labels)}")


def _require_order(times: np.ndarray[tuple[int], np.dtype[np.float64]], where: str) -> None:
    backward = np.flatnonzero(~(np.diff(times) > 0))
    if backward.size:
        at = int(backward[0]) + 1
        raise SourceError(
            f"{where}: the time stamp of sample {at} ({times[at]:.4f} s) does not lie after the one before "
            f"({times[at - 1]:.4f} s); its clock was set back"
        )
