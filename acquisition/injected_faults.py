"""Faults injected into a source, to test how a session responds to sensor problems."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acquisition.errors import SpecError
from acquisition.spec_options import finite_number
from acquisition.streams import (
    BoolArray,
    Chunk,
    ClockPair,
    FloatArray,
    Kind,
    LiveSource,
    MusicListener,
    SampleBlock,
    Source,
    SourceIncident,
    Status,
    StreamInfo,
    joined,
    no_samples,
)

SCALE_S = 5.0
"""Seconds before a fault from which the size of the signal is taken."""

GARBAGE_SHARE = 0.05
"""Share of samples that are replaced by random values."""

_RIGHT = "ecg:gap@60+10 or eda:noise@120+30?level=2"
_FAULT = re.compile(
    r"(?P<stream>[a-z]+\d*):(?P<name>[a-z-]+)(@(?P<at>[^+?]+)(\+(?P<for>[^?]+))?)?(\?(?P<query>.+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One fault of one stream.

    Attributes
    ----------
    text : str
        The specification as written.
    stream : str
        Name of the stream: ``ecg``, ``eda2``.
    name : str
        One of `FAULTS`.
    start_s, duration_s : float
        Seconds of the session.
    amount : float
        Size, in the unit of the fault (see `FAULTS`).
    """

    text: str
    stream: str
    name: str
    start_s: float
    duration_s: float
    amount: float

    @property
    def end_s(self) -> float:
        """The session time at which it ends; infinity for a fault that stays."""
        return self.start_s + self.duration_s

    def acts_at(self, seconds: FloatArray) -> BoolArray:
        """Return at which of these session times it acts."""
        return (seconds >= self.start_s) & (seconds < self.end_s)


@dataclass(frozen=True, slots=True)
class _FaultContext:
    """The samples of one channel that a fault changes, and the signal before it.

    `scale` is the range of that signal, `level` the amount of the fault times this range, and `last` the
    last value.
    """

    seconds: FloatArray
    values: FloatArray
    scale: float
    level: float
    last: float
    rng: np.random.Generator


def _noise(_: InjectedFault, at: _FaultContext) -> FloatArray:
    return at.values + at.level * at.rng.standard_normal(at.values.size)


def _motion(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with oscillations of 0.7 to 3 Hz and a step where the sensor slipped."""
    since = at.seconds - fault.start_s
    phases = 2 * np.pi * np.random.default_rng(round(1000 * fault.start_s)).random(3)
    waves = [np.sin(2 * np.pi * f * since + phase) for f, phase in zip((0.7, 1.6, 3.0), phases, strict=True)]
    slipped = np.where(since > fault.duration_s / 3, 0.5, 0.0)
    return at.values + at.level * (sum(waves, np.zeros(since.size)) / 2 + slipped)


def _garbage(_: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with some random values, as from damaged lines that are still readable."""
    draws = at.rng.random((at.values.size, 2))
    wild = at.last + at.level * (2 * draws[:, 1] - 1)
    return np.where(draws[:, 0] < GARBAGE_SHARE, wild, at.values)


def _hum(_: InjectedFault, at: _FaultContext) -> FloatArray:
    return at.values + at.level * np.sin(2 * np.pi * 50.0 * at.seconds)


def _saturation(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    half_range = at.scale / (2 * fault.amount)
    return np.clip(at.values, at.last - half_range, at.last + half_range)


def _flat(_: InjectedFault, at: _FaultContext) -> FloatArray:
    return np.full(at.values.size, at.last + at.level)


def _missing(_: InjectedFault, at: _FaultContext) -> FloatArray:
    return np.full(at.values.size, np.nan)


def _ectopic(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with an additional broad beat every 3 s."""
    phase = np.mod(at.seconds - fault.start_s, 3.0) - 0.3
    broad = np.exp(-0.5 * (phase / 0.04) ** 2) - 0.7 * np.exp(-0.5 * ((phase - 0.12) / 0.06) ** 2)
    return at.values + at.level * broad


@dataclass(frozen=True, slots=True)
class FaultType:
    """A kind of fault: its default amount, a description, and the function that changes the values."""

    amount: float
    description: str
    change: Callable[[InjectedFault, _FaultContext], FloatArray] | None = None


FAULTS: Mapping[str, FaultType] = {
    "gap": FaultType(0.0, "nothing is delivered"),
    "stall": FaultType(0.0, "nothing is delivered, and all of it in a burst afterwards"),
    "missing": FaultType(0.0, "samples are missing, but counted", _missing),
    "flat": FaultType(0.0, "a flat line", _flat),
    "lead-off": FaultType(3.0, "a flat line far away; level: how many times the signal's size", _flat),
    "noise": FaultType(0.5, "white noise; level: as a share of the signal's size", _noise),
    "garbage": FaultType(
        10.0, "random values in some samples; level: how many times the signal's size", _garbage
    ),
    "hum": FaultType(0.5, "mains hum of 50 Hz; level: as a share of the signal's size", _hum),
    "motion": FaultType(1.0, "movement; level: as a share of the signal's size", _motion),
    "saturation": FaultType(
        2.0, "clipped; level: how many times the signal is larger than its range", _saturation
    ),
    "ectopic": FaultType(
        1.0, "a broad extra beat every 3 s; level: as a share of the signal's size", _ectopic
    ),
    "duplicate": FaultType(0.0, "each sample twice"),
    "drift": FaultType(100.0, "the device's clock runs fast; level: by how many millionths"),
}
"""All kinds of fault, by name."""


def parse_fault(text: str) -> InjectedFault:
    """Parse one fault to inject, ``STREAM:FAULT[@START[+SECONDS]][?level=AMOUNT]``.

    Raises
    ------
    SpecError
        In one line that shows a correct one.

    Examples
    --------
    >>> fault = parse_fault("ecg:gap@60+10")
    >>> fault.name, fault.start_s, fault.duration_s
    ('gap', 60.0, 10.0)
    """
    match = _FAULT.fullmatch(text.strip())
    if match is None:
        raise SpecError(f"{text!r} is not of the form STREAM:FAULT@START+SECONDS; write for example {_RIGHT}")
    name = match["name"]
    if name not in FAULTS:
        raise SpecError(f"{text!r}: {name!r} is not a fault; there are {', '.join(FAULTS)}")
    amount = FAULTS[name].amount
    if match["query"]:
        key, _, value = match["query"].partition("=")
        if key != "level" or not FAULTS[name].amount:
            allowed = "the only option is level" if FAULTS[name].amount else f"{name} takes no option"
            raise SpecError(f"{text!r}: {allowed}; write for example {_RIGHT}")
        amount = _number(text, value, "the level")
    return InjectedFault(
        text=text,
        stream=match["stream"],
        name=name,
        start_s=_number(text, match["at"] or "0", "the start", least=0.0),
        duration_s=_number(text, match["for"], "the duration") if match["for"] else math.inf,
        amount=amount,
    )


def _number(text: str, value: str, what: str, *, least: float | None = None) -> float:
    number = finite_number(value)
    if number is None or number < (least or 0.0) or (least is None and number == 0.0):
        bound = "above 0" if least is None else f"from {least:g}"
        raise SpecError(f"{text!r}: {what} is {value!r}, it must be a number {bound}, as in {_RIGHT}")
    return number


def inject(sources: Sequence[Source], faults: Sequence[InjectedFault], *, seed: int) -> list[Source]:
    """Return the sources; those that have faults are wrapped.

    Raises
    ------
    SpecError
        If there is no stream of the name in a fault.
    """
    streams = [stream for source in sources for stream in source.streams]
    names = [stream.name for stream in streams if stream.kind is not Kind.MARKERS]
    for fault in faults:
        if fault.stream not in names:
            raise SpecError(
                f"{fault.text!r}: there is no stream {fault.stream!r}; there are {', '.join(names)}"
            )

    def wrapped(source: Source) -> Source:
        ours = [fault for fault in faults if fault.stream in {stream.name for stream in source.streams}]
        faulty = FaultyListener if isinstance(source, MusicListener) else FaultySource
        return faulty(source, ours, seed=seed) if ours else source

    return [wrapped(source) for source in sources]


class FaultySource:
    """A source with injected faults.

    The result depends on the times of samples, the samples before them and the seed, not on the chunks.

    Parameters
    ----------
    source : Source
        The source that is wrapped; `close` closes it.
    faults : sequence of InjectedFault
        Applied in this order.
    seed : int
        Determines the noise.
    """

    def __init__(self, source: Source, faults: Sequence[InjectedFault], *, seed: int) -> None:
        self._source = source
        self._t0 = 0.0
        self._injectors = {
            stream.stream_id: [
                _Injector(fault, stream, np.random.default_rng((seed, number)))
                for number, fault in enumerate(faults)
                if fault.stream == stream.name
            ]
            for stream in source.streams
        }

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The streams of the wrapped source."""
        return self._source.streams

    @property
    def ended(self) -> bool:
        """Whether the wrapped source has ended."""
        return self._source.ended

    def begin(self, t0: float) -> None:
        """Start the session at engine time `t0`."""
        self._t0 = t0
        self._source.begin(t0)

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return those of the wrapped source."""
        return self._source.clock_pairs()

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return those of the wrapped source."""
        return self._source.incidents() if isinstance(self._source, LiveSource) else ()

    def statuses(self) -> tuple[Status, ...]:
        """Return those of the wrapped source."""
        return self._source.statuses() if isinstance(self._source, LiveSource) else ()

    def read(self, t: float) -> list[Chunk]:
        """Return the samples of the wrapped source, with the faults."""
        chunks = []
        for chunk in self._source.read(t):
            samples = SampleBlock(chunk.times - self._t0, chunk.samples)
            for injector in self._injectors[chunk.stream.stream_id]:
                samples = injector.apply(samples)
            if samples.size:
                chunks.append(Chunk(chunk.stream, samples.times + self._t0, samples.values))
        return chunks

    def close(self) -> None:
        """Close the wrapped source."""
        self._source.close()


class FaultyListener(FaultySource):
    """A virtual listener with injected faults in its sensors."""

    def observe_music(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Pass the music on to the virtual listener."""
        if isinstance(self._source, MusicListener):
            self._source.observe_music(t, sounded)


class _Injector:
    """Applies one fault to its stream."""

    def __init__(self, fault: InjectedFault, stream: StreamInfo, rng: np.random.Generator) -> None:
        self._fault = fault
        self._rng = rng
        self._half_period_s = 0.5 / stream.rate_hz if stream.rate_hz else 0.001
        if fault.name == "ectopic" and stream.kind not in {Kind.ECG, Kind.PPG}:
            raise SpecError(
                f"{fault.text!r}: extra beats are for ecg and ppg; {stream.name} is {stream.kind}"
            )
        self._before = no_samples(len(stream.labels))
        self._held: list[SampleBlock] = []

    def apply(self, samples: SampleBlock) -> SampleBlock:
        """Return samples, timed in seconds of the session, with the fault."""
        fault = self._fault
        affected = fault.acts_at(samples.times)
        self._remember(samples[samples.times < fault.start_s])
        if (change := FAULTS[fault.name].change) is not None:
            values = samples.values.copy()
            for channel in range(values.shape[1]):
                values[affected, channel] = change(fault, self._context(samples[affected], channel))
            return replace(samples, values=values)
        if fault.name == "drift":
            elapsed = np.clip(samples.times - fault.start_s, 0.0, fault.duration_s)
            return replace(samples, times=samples.times + elapsed * fault.amount * 1e-6)
        if fault.name == "duplicate":
            again = samples[affected]
            return _in_order(samples + replace(again, times=again.times + self._half_period_s))
        if fault.name == "stall":
            return self._stall(samples[affected], samples[~affected])
        return samples[~affected]

    def _remember(self, samples: SampleBlock) -> None:
        """Keep the samples of the last seconds before the fault."""
        before = self._before + samples
        recent = before.times > self._fault.start_s - SCALE_S
        self._before = before[recent] if recent.any() else before[-1:]

    def _context(self, affected: SampleBlock, channel: int) -> _FaultContext:
        before = self._before.values[:, channel]
        before = before[np.isfinite(before)]
        scale = (float(np.ptp(before)) if before.size else 0.0) or 1.0
        return _FaultContext(
            seconds=affected.times,
            values=affected.values[:, channel],
            scale=scale,
            level=self._fault.amount * scale,
            last=float(before[-1]) if before.size else 0.0,
            rng=self._rng,
        )

    def _stall(self, affected: SampleBlock, rest: SampleBlock) -> SampleBlock:
        """Hold back samples during the fault, and release them with the first samples after it."""
        self._held.append(affected)
        if not rest.size or rest.times[-1] < self._fault.end_s:
            return rest
        released, self._held = joined([*self._held, rest]), []
        return _in_order(released)


def _in_order(samples: SampleBlock) -> SampleBlock:
    order = np.argsort(samples.times, kind="stable")
    return SampleBlock(samples.times[order], samples.values[order])
