"""Finding LSL streams and connecting to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from acquisition.errors import SourceError
from acquisition.spec import LslSpec
from acquisition.streams import UNITS_OF_KIND, Kind, find_channel, known_unit, unit_of_kind

RESOLVE_S = 1.0
CONNECT_S = 5.0
BUFFER_S = 360
_OTHER_CONFIGURATIONS = ("lsl_api.cfg", "~/lsl_api/lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg")

_T = TypeVar("_T")


def keep_lsl_quiet() -> None:
    """Stop liblsl from writing on standard error; call it before anything else of liblsl is used.

    The user's own LSL configuration stays in force, and so does its log level if it sets one.
    """
    own = (os.environ.get("LSLAPICFG", ""), *_OTHER_CONFIGURATIONS)
    files = (Path(name).expanduser() for name in own if name)
    found = next((path for path in files if path.is_file()), None)
    content = found.read_text(encoding="utf-8", errors="replace") if found else ""
    if "[log]" not in content:
        with suppress(NotImplementedError):  # liblsl before 1.17.7, installed by the user
            pylsl.set_config_content(f"{content}\n[log]\nlevel = -3\n")


def visible_streams(seconds: float = RESOLVE_S) -> list[pylsl.StreamInfo]:
    """Return the LSL streams found within some seconds."""
    keep_lsl_quiet()
    found: list[pylsl.StreamInfo] = pylsl.resolve_streams(seconds)
    return sorted(found, key=describe)


def describe(info: pylsl.StreamInfo) -> str:
    """Return the properties that identify a stream, as written in a specification."""
    return f"name={info.name()}&type={info.type()}&source_id={info.source_id()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LslConnection:
    """One channel of an LSL stream that is being received.

    Attributes
    ----------
    text : str
        The specification as written.
    inlet : pylsl.StreamInlet
        Open.
    stream_id, label, unit : str
        As the stream states them; the id is as stable as the stream's source id.
    rate_hz : float
        Nominal rate.
    channel : int
        Counted from 0.
    correction_s : float
        Offset to add to its time stamps, as first estimated.
    """

    text: str
    inlet: pylsl.StreamInlet
    stream_id: str
    label: str
    unit: str
    rate_hz: float
    channel: int
    correction_s: float


@dataclass(frozen=True, slots=True)
class _Channel:
    """Position, label and unit of a channel."""

    index: int
    label: str
    unit: str


def connect(specs: Sequence[LslSpec], opened: ExitStack) -> list[LslConnection]:
    """Find LSL streams and begin to receive them.

    Formats, rates, channels and units of all streams are checked before the first one is opened.

    Parameters
    ----------
    specs : sequence of LslSpec
        One per channel.
    opened : ExitStack
        Closes every inlet, also if this call fails.

    Raises
    ------
    SourceError
        If a specification matches no stream or several (the message names them), if a stream does not
        contain numbers (for `MARKERS`: text), states no rate or unit that its kind needs, has no such
        channel, or does not answer.
    """
    if not specs:
        return []
    infos = _resolve(specs)
    for spec, info in zip(specs, infos, strict=True):
        _require_format(spec, info)
    inlets = [pylsl.StreamInlet(info, max_buflen=BUFFER_S, recover=True) for info in infos]
    for inlet in inlets:
        opened.callback(inlet.close_stream)
    described = _each(lambda inlet: inlet.info(CONNECT_S), specs, infos, inlets)
    channels = [_channel(spec, info) for spec, info in zip(specs, described, strict=True)]
    corrections = _each(_open, specs, infos, inlets)
    return [
        LslConnection(
            text=spec.text,
            inlet=inlet,
            stream_id=f"lsl:{info.source_id() or info.name()}:{channel.label}",
            label=channel.label,
            unit=channel.unit,
            rate_hz=info.nominal_srate(),
            channel=channel.index,
            correction_s=correction_s,
        )
        for spec, info, inlet, channel, correction_s in zip(
            specs, infos, inlets, channels, corrections, strict=True
        )
    ]


def _each(
    call: Callable[[pylsl.StreamInlet], _T],
    specs: Iterable[LslSpec],
    infos: Iterable[pylsl.StreamInfo],
    inlets: Sequence[pylsl.StreamInlet],
) -> list[_T]:
    """Call a function for all inlets at once: each may wait for its outlet."""

    def one(spec: LslSpec, info: pylsl.StreamInfo, inlet: pylsl.StreamInlet) -> _T:
        try:
            return call(inlet)
        except (LslTimeoutError, LostError) as error:
            raise SourceError(
                f"{spec.text!r}: the stream {describe(info)} is announced but does not answer ({error}); "
                "check the firewall for ports 16572 to 16604, TCP and UDP"
            ) from error

    with ThreadPoolExecutor(max_workers=len(inlets)) as pool:
        return list(pool.map(one, specs, infos, inlets))


def _open(inlet: pylsl.StreamInlet) -> float:
    inlet.open_stream(CONNECT_S)
    return float(inlet.time_correction(CONNECT_S))


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


def _require_format(spec: LslSpec, info: pylsl.StreamInfo) -> None:
    """Refuse a stream by what is known of it before it is opened."""
    is_text = info.channel_format() == pylsl.cf_string
    if is_text != (spec.kind is Kind.MARKERS):
        has, needs = ("text", "numbers") if is_text else ("numbers", "text, as markers are")
        raise SourceError(f"{spec.text!r}: the stream {describe(info)} is of {has}, not of {needs}")
    if info.nominal_srate() == 0 and spec.kind not in {Kind.RR, Kind.HR, Kind.MARKERS}:
        raise SourceError(f"{spec.text!r}: the stream states no sampling rate, which {spec.kind} needs")


def _channel(spec: LslSpec, info: pylsl.StreamInfo) -> _Channel:
    """Return the channel that is asked for, with its unit."""
    channels = _channels(info)
    labels = [channel.label for channel in channels]
    channel = channels[find_channel(labels, spec.channel, f"{spec.text!r}: the stream", "&channel=")]
    unit = spec.unit or unit_of_kind(spec.kind, known_unit(channel.unit))
    if spec.kind is Kind.RR and unit not in {"ms", "s"}:
        raise SourceError(f"{spec.text!r}: the unit of RR intervals must be stated; add &unit=ms or &unit=s")
    if unit not in (units := UNITS_OF_KIND.get(spec.kind, (unit,))):
        raise SourceError(f"{spec.text!r}: {spec.kind} is in {units[0]}, not in {unit}; add &unit={units[0]}")
    return replace(channel, unit=unit)


def _channels(info: pylsl.StreamInfo) -> list[_Channel]:
    """Return all channels; one without a label is called by its number from 0."""
    channels = []
    described = info.desc().child("channels").child("channel")
    for index in range(info.channel_count()):
        label = described.child_value("label") or str(index)
        channels.append(_Channel(index, label, described.child_value("unit")))
        described = described.next_sibling("channel")
    return channels
