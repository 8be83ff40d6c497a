"""Finding LSL streams and connecting to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from acquisition.errors import SourceError
from acquisition.spec import LslSpec
from acquisition.streams import Kind, known_unit, unit_of_kind

RESOLVE_S = 1.0
CONNECT_S = 5.0
_OTHER_CONFIGURATIONS = ("lsl_api.cfg", "~/lsl_api/lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg")


def keep_lsl_quiet() -> None:
    """Tell liblsl not to write on standard error; to be called before anything else of it is used.

    A configuration of the user's holds as it is, and its own log level too if it has one.
    """
    own = (os.environ.get("LSLAPICFG", ""), *_OTHER_CONFIGURATIONS)
    files = (Path(name).expanduser() for name in own if name)
    found = next((path for path in files if path.is_file()), None)
    content = found.read_text(encoding="utf-8", errors="replace") if found else ""
    if "[log]" not in content:
        with suppress(NotImplementedError):  # a liblsl of the user's own before 1.17.7
            pylsl.set_config_content(f"{content}\n[log]\nlevel = -3\n")


def visible_streams(seconds: float = RESOLVE_S) -> list[pylsl.StreamInfo]:
    """Return what outlets announce themselves within some seconds."""
    keep_lsl_quiet()
    found: list[pylsl.StreamInfo] = pylsl.resolve_streams(seconds)
    return sorted(found, key=describe)


def describe(info: pylsl.StreamInfo) -> str:
    """Return what a stream can be asked for by, as in a specification."""
    return f"name={info.name()}&type={info.type()}&source_id={info.source_id()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LslConnection:
    """A channel of a stream that is being received.

    Attributes
    ----------
    text : str
        The specification as it was written.
    inlet : pylsl.StreamInlet
        Open.
    stream_id, label, unit : str
        As the stream says; the id is as stable as its source id.
    rate_hz : float
        Nominal rate.
    channel : int
        From 0.
    correction_s : float
        What to add to its stamps, as first estimated.
    """

    text: str
    inlet: pylsl.StreamInlet
    stream_id: str
    label: str
    unit: str
    rate_hz: float
    channel: int
    correction_s: float


def connect(specs: Sequence[LslSpec]) -> list[LslConnection]:
    """Find the streams asked for and begin to receive them.

    Raises
    ------
    SourceError
        If a specification fits no stream or several, naming those there are; if a stream is not of numbers,
        or has no such channel.
    """
    if not specs:
        return []
    infos = _resolve(specs)
    with ThreadPoolExecutor(max_workers=len(specs)) as pool:
        return list(pool.map(_connect, specs, infos))


def _resolve(specs: Sequence[LslSpec]) -> list[pylsl.StreamInfo]:
    begun_s = pylsl.local_clock()
    while True:
        there = visible_streams()
        fitting = [[info for info in there if _fits(info, spec)] for spec in specs]
        waited_s = pylsl.local_clock() - begun_s
        if all(found or waited_s >= spec.wait_s for spec, found in zip(specs, fitting, strict=True)):
            break
    for spec, found in zip(specs, fitting, strict=True):
        if len(found) != 1:
            asked = " and ".join(f"{name} {value!r}" for name, value in spec.query)
            if found:
                raise SourceError(
                    f"{spec.text!r}: {asked} do not uniquely identify an LSL stream; {len(found)} were "
                    f"found: {'; '.join(describe(info) for info in found)}"
                )
            raise SourceError(
                f"{spec.text!r}: no LSL stream has {asked}, not within {spec.wait_s:g} s (see wait=); "
                f"streams found: {'; '.join(describe(info) for info in there) or 'none'}"
            )
    return [found[0] for found in fitting]


def _fits(info: pylsl.StreamInfo, spec: LslSpec) -> bool:
    has = {"name": info.name(), "type": info.type(), "source_id": info.source_id()}
    return all(has[name] == value for name, value in spec.query)


def _connect(spec: LslSpec, info: pylsl.StreamInfo) -> LslConnection:
    is_text = info.channel_format() == pylsl.cf_string
    if is_text != (spec.kind is Kind.MARKERS):
        is_, not_ = ("text", "numbers") if is_text else ("numbers", "text, as markers are")
        raise SourceError(f"{spec.text!r}: the stream {describe(info)} is of {is_}, not of {not_}")
    inlet = pylsl.StreamInlet(info, max_buflen=360, recover=True)
    try:
        full = inlet.info(CONNECT_S)
        inlet.open_stream(CONNECT_S)
        correction_s = inlet.time_correction(CONNECT_S)
    except (LslTimeoutError, LostError) as error:
        raise SourceError(
            f"{spec.text!r}: the stream {describe(info)} is announced but does not answer ({error}); "
            "check the firewall for ports 16572 to 16604, TCP and UDP"
        ) from error
    channels = _channels(full)
    channel = _channel_index(spec, [label for label, _ in channels])
    label, stated_unit = channels[channel]
    rate_hz = info.nominal_srate()
    if rate_hz == 0 and spec.kind not in {Kind.RR, Kind.HR, Kind.MARKERS}:
        raise SourceError(f"{spec.text!r}: the stream states no sampling rate, which {spec.kind} needs")
    unit = spec.unit or unit_of_kind(spec.kind, known_unit(stated_unit))
    if spec.kind is Kind.RR and unit not in {"ms", "s"}:
        raise SourceError(f"{spec.text!r}: the unit of RR intervals must be stated; add &unit=ms or &unit=s")
    return LslConnection(
        text=spec.text,
        inlet=inlet,
        stream_id=f"lsl:{info.source_id() or info.name()}:{label}",
        label=label,
        unit=unit,
        rate_hz=rate_hz,
        channel=channel,
        correction_s=correction_s,
    )


def _channels(info: pylsl.StreamInfo) -> list[tuple[str, str]]:
    """Return label and unit of each channel; a number from 0 where there is no label."""
    channels = []
    described = info.desc().child("channels").child("channel")
    for index in range(info.channel_count()):
        channels.append((described.child_value("label") or str(index), described.child_value("unit")))
        described = described.next_sibling("channel")
    return channels


def _channel_index(spec: LslSpec, labels: list[str]) -> int:
    wanted = spec.channel
    if wanted is None and len(labels) == 1:
        return 0
    if wanted is not None and labels.count(wanted) == 1:
        return labels.index(wanted)
    if wanted is not None and wanted.isdecimal() and int(wanted) < len(labels):
        return int(wanted)
    fault = (
        f"say which channel, as in &channel={labels[0]}"
        if wanted is None
        else f"there is no single channel {wanted!r}"
    )
    raise SourceError(f"{spec.text!r}: {fault}; the stream has {', '.join(labels)}")
