"""Lab Streaming Layer streams as sources."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from acquisition.errors import SourceError
from acquisition.incidents import SILENT_AFTER_S, Diary
from acquisition.livespec import LslSpec
from acquisition.series import known_unit, unit_of_kind
from acquisition.streams import Chunk, ClockPair, FloatArray, Incident, Kind, Status, StreamInfo

RESOLVE_S = 1.0
RESOLVE_TRIES = 5
CONNECT_S = 5.0
CLOCK_PAIR_EVERY_S = 5.0
SILENT_AFTER_IRREGULAR_S = 10.0

STRAY_S = 5.0
"""A stamp further in the future is not of LSL's clock."""

BACKWARD_S = 0.5
"""Samples stamped earlier than the one before by up to this are moved, by more are dropped."""

IRREGULAR_STEP_S = 0.001
"""By how much irregular samples are set apart whose stamps do not increase."""

_CHUNK = 4096
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
class Connection:
    """A channel of a stream that is being received.

    Attributes
    ----------
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

    inlet: pylsl.StreamInlet
    stream_id: str
    label: str
    unit: str
    rate_hz: float
    channel: int
    correction_s: float


def connect(specs: Sequence[LslSpec]) -> list[Connection]:
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
    for _ in range(RESOLVE_TRIES):
        there = visible_streams()
        fitting = [[info for info in there if _fits(info, spec)] for spec in specs]
        if all(fitting):
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
                f"{spec.text!r}: no LSL stream has {asked}; streams found: "
                f"{'; '.join(describe(info) for info in there) or 'none'}"
            )
    return [found[0] for found in fitting]


def _fits(info: pylsl.StreamInfo, spec: LslSpec) -> bool:
    has = {"name": info.name(), "type": info.type(), "source_id": info.source_id()}
    return all(has[name] == value for name, value in spec.query)


def _connect(spec: LslSpec, info: pylsl.StreamInfo) -> Connection:
    if info.channel_format() == pylsl.cf_string:
        raise SourceError(f"{spec.text!r}: the stream {describe(info)} is of text, not of numbers")
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
    if rate_hz == 0 and spec.kind not in {Kind.RR, Kind.HR}:
        raise SourceError(f"{spec.text!r}: the stream states no sampling rate, which {spec.kind} needs")
    unit = spec.unit or unit_of_kind(spec.kind, known_unit(stated_unit))
    if spec.kind is Kind.RR and unit not in {"ms", "s"}:
        raise SourceError(f"{spec.text!r}: the unit of RR intervals must be stated; add &unit=ms or &unit=s")
    return Connection(
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


class LslSource:
    """One channel of an LSL stream, with LSL's own stamps on engine time.

    Stamps are corrected by LSL's estimate of the offset between the clocks, which it renews every few
    seconds, and left as they are otherwise. Where they would not increase, because the estimate or the
    outlet goes back, a sample is moved to half a period after the one before it (`BACKWARD_S` at most,
    else it is dropped); both are counted and told as incidents. A stream that ends and comes back under
    its source id goes on by itself; samples then wait until its clock has been compared again.

    Parameters
    ----------
    connection : Connection
        See `connect`.
    stream : StreamInfo
        Its description.
    """

    def __init__(self, connection: Connection, stream: StreamInfo) -> None:
        self._inlet = connection.inlet
        self._channel = connection.channel
        self._stream = stream
        self._scale = 1000.0 if connection.unit == "s" else 1.0
        self._step_s = 0.5 / stream.rate_hz if stream.rate_hz else IRREGULAR_STEP_S
        silent_after_s = SILENT_AFTER_S if stream.rate_hz else SILENT_AFTER_IRREGULAR_S
        self._diary = Diary(stream.stream_id, silent_after_s=silent_after_s)
        # As received, waiting for the clock comparison; and on engine time, waiting for their time.
        self._stamps, self._values = np.empty(0), np.empty(0)
        self._times, self._samples = np.empty(0), np.empty(0)
        self._last_s = -math.inf
        self._begin_s = -math.inf
        self._ended = False
        self._pairs: list[ClockPair] = []
        self._pair_due_s = -math.inf
        self._pair(pylsl.local_clock(), connection.correction_s)

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The one stream."""
        return (self._stream,)

    @property
    def ended(self) -> bool:
        """Whether the stream is lost and has no source id to come back under."""
        return self._ended

    def begin(self, t0: float) -> None:
        """Drop what is stamped before `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the outlet's clock against engine time: at the opening, then about every 5 s."""
        pairs, self._pairs = tuple(self._pairs), []
        return pairs

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened since the last call."""
        return self._diary.take()

    def statuses(self) -> tuple[Status, ...]:
        """Return how the stream is doing."""
        return (self._diary.status,)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples stamped up to engine time `t` that have arrived and were not read before."""
        stamps, values = self._pull(t)
        self._diary.heard(t, samples=stamps.size > 0)
        self._stamps = np.concatenate((self._stamps, stamps))
        self._values = np.concatenate((self._values, values))
        if (correction_s := self._correction(t)) is not None:
            self._place(t, self._stamps + correction_s, self._values)
            self._stamps, self._values = np.empty(0), np.empty(0)
        ready = int(np.searchsorted(self._times, t, side="right"))
        times, samples = self._times[:ready], self._samples[:ready]
        self._times, self._samples = self._times[ready:], self._samples[ready:]
        return [Chunk(self._stream, times, samples.reshape(-1, 1))] if ready else []

    def close(self) -> None:
        """Stop receiving."""
        self._ended = True
        self._inlet.close_stream()

    def _pull(self, t: float) -> tuple[FloatArray, FloatArray]:
        stamps: list[FloatArray] = [np.empty(0)]
        values: list[FloatArray] = [np.empty(0)]
        try:
            while not self._ended and (len(values) == 1 or len(values[-1]) == _CHUNK):
                samples, times = self._inlet.pull_chunk(0.0, _CHUNK, as_numpy=True)
                stamps.append(np.asarray(times, dtype=np.float64))
                values.append(np.asarray(samples, dtype=np.float64)[:, self._channel])
        except LostError:
            self._ended = True
            self._diary.close(t, "the stream was lost; without a source id it cannot be found again")
        taken = np.concatenate(values)
        return np.concatenate(stamps), np.where(np.isfinite(taken), taken * self._scale, np.nan)

    def _correction(self, t: float) -> float | None:
        """Return the present offset to engine time; None while it is being estimated anew."""
        try:
            correction_s = float(self._inlet.time_correction(0.0))
        except (LslTimeoutError, LostError):
            return None
        self._pair(t, correction_s)
        return correction_s

    def _pair(self, t: float, correction_s: float) -> None:
        if t >= self._pair_due_s:
            self._pair_due_s = t + CLOCK_PAIR_EVERY_S
            self._pairs.append(
                ClockPair(stream_id=self._stream.stream_id, source_time_s=t - correction_s, engine_time_s=t)
            )

    def _place(self, t: float, times: FloatArray, samples: FloatArray) -> None:
        """Add samples to those that wait for their time, in strictly increasing order."""
        stray = times > t + STRAY_S
        self._diary.count(int(stray.sum()), f"samples dropped that are stamped more than {STRAY_S:g} s ahead")
        wanted = ~stray & (times >= self._begin_s)
        moved = in_order(times[wanted], self._last_s, step_s=self._step_s, limit_s=BACKWARD_S)
        kept = np.isfinite(moved)
        self._diary.count(
            int((~kept).sum()), f"samples dropped that are stamped more than {BACKWARD_S:g} s back"
        )
        self._diary.count(
            int((moved[kept] != times[wanted][kept]).sum()), "samples moved whose stamps went back"
        )
        self._times = np.concatenate((self._times, moved[kept]))
        self._samples = np.concatenate((self._samples, samples[wanted][kept]))
        if kept.any():
            self._last_s = float(moved[kept][-1])


def in_order(times: FloatArray, last_s: float, *, step_s: float, limit_s: float) -> FloatArray:
    """Return times that strictly increase, each as it was wherever that is possible.

    Parameters
    ----------
    times : ndarray, float64, shape (n,)
        Seconds.
    last_s : float
        The time before them.
    step_s : float
        How far after the one before it a time is put that does not lie after it.
    limit_s : float
        A time further before the last one is not moved.

    Returns
    -------
    ndarray, float64, shape (n,)
        NaN where a time was not moved.
    """
    if np.all(np.diff(times, prepend=last_s) > 0):
        return times
    ordered = times.copy()
    for index, time_s in enumerate(times):
        if time_s < last_s - limit_s:
            ordered[index] = np.nan
            continue
        if time_s <= last_s:
            ordered[index] = last_s + step_s
        last_s = float(ordered[index])
    return ordered
