"""From input specifications to sources on one time base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from acquisition.ble.heart_rate import BluetoothSource
from acquisition.errors import SpecError
from acquisition.files.recordings import RecordedFile, RecordingSource, open_recording
from acquisition.files.series import Series
from acquisition.lsl.connection import LslConnection, connect
from acquisition.lsl.source import LslMarkerSource, LslSource
from acquisition.serial.source import SerialSource
from acquisition.serial.spec import SerialSpec, settings_for
from acquisition.simulated.listener import VirtualListener
from acquisition.spec import BluetoothSpec, ListenerSpec, LslSpec, RecordingSpec, Spec, parse_spec
from acquisition.streams import UNITS_OF_KIND, Kind, Source, StreamInfo

_DeviceSpec = TypeVar("_DeviceSpec", SerialSpec, BluetoothSpec)


def open_sources(specs: Sequence[str], *, seed: int, live: bool = False) -> list[Source]:
    """Open every input and place all of them on engine time.

    Signals of one file keep their relation in time. Files are aligned by their absolute start if all of them
    have one; otherwise the first sample of each file is at 0. In a CSV file with a rate instead of times the
    first sample is the first line, even if it is missing.

    Parameters
    ----------
    specs : sequence of str
        ``KIND=WHERE`` each, see `acquisition.spec.parse_spec`.
    seed : int
        Determines every random choice of a virtual listener.
    live : bool
        Whether devices may be opened: engine time is then `pylsl.local_clock`. Finding and testing them takes
        some seconds.

    Returns
    -------
    list of Source
        In the order of the specifications; those of one serial port or Bluetooth device are one source. A
        second stream of a kind is called ``ecg2``. The caller closes them.

    Raises
    ------
    SpecError
        If a specification cannot be understood, or is given twice.
    SourceError
        If a source cannot be opened or read. Nothing stays open then.

    Examples
    --------
    >>> (listener,) = open_sources(["listener=virtual:responder"], seed=1)
    >>> [stream.name for stream in listener.streams]
    ['ecg', 'eda', 'rsp']
    >>> ecg, eda, rsp = listener.read(1.0)
    >>> ecg.samples.shape, ecg.stream.unit
    ((251, 1), 'mV')
    """
    parsed = _parse(specs)
    if not live and any(isinstance(spec, LslSpec | SerialSpec | BluetoothSpec) for spec in parsed):
        raise SpecError("a live source needs --time real")
    with ExitStack() as opened:
        sources = list(_open(parsed, seed, opened))
        for source in sources:
            if isinstance(source, SerialSource | LslSource):
                source.try_out()
        opened.pop_all()
    return sources


def _parse(specs: Sequence[str]) -> list[Spec]:
    parsed = [parse_spec(text) for text in specs]
    if not parsed:
        raise SpecError("no input was given; write for example listener=virtual:responder")
    for number, spec in enumerate(parsed):
        if spec in parsed[:number]:
            raise SpecError(f"the input {spec.text!r} is given twice")
    if sum(isinstance(spec, ListenerSpec) for spec in parsed) > 1:
        raise SpecError("a session has one virtual listener, as in listener=virtual:responder")
    for spec in parsed:
        if isinstance(spec, SerialSpec):
            settings_for(_of_one_device(spec, parsed))
    return parsed


def _of_one_device(spec: _DeviceSpec, parsed: Sequence[Spec]) -> list[_DeviceSpec]:
    """Return the specifications of the same device as `spec`, in their order."""
    return [other for other in parsed if isinstance(other, type(spec)) and other.device == spec.device]


def _open(parsed: Sequence[Spec], seed: int, opened: ExitStack) -> Iterator[Source]:
    """Open all inputs, recordings first; `opened` closes each of them, also one that fails while opening."""
    series = _load([spec for spec in parsed if isinstance(spec, RecordingSpec)])
    zeros = _file_zeros(series)
    naming = _Naming()
    connections = iter(connect([spec for spec in parsed if isinstance(spec, LslSpec)], opened))
    for spec in parsed:
        if isinstance(spec, RecordingSpec):
            yield _recording(spec, series[spec], zeros[spec.path], naming)
        elif isinstance(spec, ListenerSpec):
            kappa, pain_at_s, name = spec.kappa, spec.pain_at_s, naming.distinct
            yield VirtualListener(spec.persona, seed=seed, kappa=kappa, pain_at_s=pain_at_s, name_stream=name)
        elif isinstance(spec, LslSpec):
            yield _lsl(spec, next(connections), naming)
        elif isinstance(spec, SerialSpec):
            if (ports := _of_one_device(spec, parsed))[0] is spec:
                yield _started(_serial(ports, naming), opened)
        elif (devices := _of_one_device(spec, parsed))[0] is spec:
            yield _started(_bluetooth(devices, naming), opened)


def _started(source: SerialSource | BluetoothSource, opened: ExitStack) -> Source:
    opened.callback(source.close)
    source.open()
    return source


def _load(specs: Sequence[RecordingSpec]) -> dict[RecordingSpec, list[Series]]:
    """Read every recording: one series each; several for a pulse given as several columns."""
    files: dict[Path, RecordedFile] = {}
    series: dict[RecordingSpec, list[Series]] = {}
    for spec in specs:
        if spec.path not in files:
            files[spec.path] = open_recording(spec.path)
        columns = spec.column.split(",") if spec.kind is Kind.PPG and spec.column else [spec.column]
        series[spec] = [_series(files[spec.path], replace(spec, column=column)) for column in columns]
    return series


def _series(file: RecordedFile, spec: RecordingSpec) -> Series:
    series = file.series(spec)
    if spec.conversion is None:
        return series
    return spec.conversion.apply(series, f"{spec.path}, {series.label!r}")


def _file_zeros(series: dict[RecordingSpec, list[Series]]) -> dict[Path, float]:
    """Return what the clock of each file shows at engine time 0."""
    zeros: dict[Path, float] = {}
    for spec, (one, *_) in series.items():
        zeros[spec.path] = min(one.origin_s, zeros.get(spec.path, one.origin_s))
    if series and all(one.absolute for one, *_ in series.values()):
        return dict.fromkeys(zeros, min(zeros.values()))
    return zeros


def _recording(
    spec: RecordingSpec, channels: list[Series], zero_s: float, naming: _Naming
) -> RecordingSource:
    series = channels[0]
    stream_id = f"{spec.kind}={spec.path.name}:{spec.column or series.label}"
    labels = tuple(channel.label for channel in channels)
    stream = naming.stream(stream_id, spec.kind, series.unit, series.rate_hz, labels)
    values = np.column_stack([channel.values for channel in channels])
    return RecordingSource(stream, series.times - zero_s, values, file_time_at_0_s=zero_s)


def _lsl(spec: LslSpec, connection: LslConnection, naming: _Naming) -> LslSource | LslMarkerSource:
    unit = "ms" if spec.kind is Kind.RR else connection.unit
    stream = naming.stream(connection.stream_id, spec.kind, unit, connection.rate_hz, (connection.label,))
    return LslMarkerSource(connection, stream) if spec.kind is Kind.MARKERS else LslSource(connection, stream)


def _serial(specs: Sequence[SerialSpec], naming: _Naming) -> SerialSource:
    streams = [
        naming.stream(f"serial:{s.port}:{s.channel}", s.kind, s.transfer.unit, s.rate_hz, (s.channel,))
        for s in specs
    ]
    return SerialSource(specs, streams)


def _bluetooth(specs: Sequence[BluetoothSpec], naming: _Naming) -> BluetoothSource:
    streams = [
        naming.stream(
            f"ble:{s.address or s.name}:{s.kind}", s.kind, UNITS_OF_KIND[s.kind][0], 0.0, (s.kind.value,)
        )
        for s in specs
    ]
    return BluetoothSource(specs, streams)


class _Naming:
    """Gives each name once: ``ecg``, ``ecg2``, ``ecg3``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def distinct(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}{number}"
        self._taken.add(name)
        return name

    def stream(
        self, stream_id: str, kind: Kind, unit: str, rate_hz: float, labels: tuple[str, ...]
    ) -> StreamInfo:
        return StreamInfo(
            stream_id=self.distinct(stream_id),
            name=self.distinct(kind.value),
            kind=kind,
            unit=unit,
            rate_hz=rate_hz,
            labels=labels,
        )
