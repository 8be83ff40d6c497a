"""Faults injected into a source, to test how a session responds to sensor problems."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    Source,
    SourceIncident,
    Status,
    StreamInfo,
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

    def acts_at(self, seconds: FloatArray) -> BoolArray:
        """Return at which of these session times it acts."""
        return (seconds >= self.start_s) & (seconds < self.start_s + self.duration_s)


@dataclass(frozen=True, slots=True)
class _FaultContext:
    """The samples that a fault changes, and the signal before it."""

    seconds: FloatArray
    values: FloatArray
    scale: float
    last: float
    rng: np.random.Generator


def _noise(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    return at.values + fault.amount * at.scale * at.rng.standard_normal(at.values.size)


def _motion(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with oscillations of 0.7 to 3 Hz and a step where the sensor slipped."""
    since = at.seconds - fault.start_s
    phases = 2 * np.pi * np.random.default_rng(round(1000 * fault.start_s)).random(3)
    waves = [np.sin(2 * np.pi * f * since + phase) for f, phase in zip((0.7, 1.6, 3.0), phases, strict=True)]
    slipped = np.where(since > fault.duration_s / 3, 0.5, 0.0)
    return at.values + fault.amount * at.scale * (sum(waves, np.zeros(since.size)) / 2 + slipped)


def _garbage(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with some random values, as from damaged lines that are still readable."""
    draws = at.rng.random((at.values.size, 2))
    wild = at.last + fault.amount * at.scale * (2 * draws[:, 1] - 1)
    return np.where(draws[:, 0] < GARBAGE_SHARE, wild, at.values)


def _hum(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    return at.values + fault.amount * at.scale * np.sin(2 * np.pi * 50.0 * at.seconds)


def _saturation(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    return np.clip(
        at.values, at.last - at.scale / (2 * fault.amount), at.last + at.scale / (2 * fault.amount)
    )


def _flat(_: InjectedFault, at: _FaultContext) -> FloatArray:
    return np.full(at.values.size, at.last)


def _lead_off(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    return np.full(at.values.size, at.last + fault.amount * at.scale)


def _missing(_: InjectedFault, at: _FaultContext) -> FloatArray:
    return np.full(at.values.size, np.nan)


def _ectopic(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with an additional broad beat every 3 s."""
    phase = np.mod(at.seconds - fault.start_s, 3.0) - 0.3
    broad = np.exp(-0.5 * (phase / 0.04) ** 2) - 0.7 * np.exp(-0.5 * ((phase - 0.12) / 0.06) ** 2)
    return at.values + fault.amount * at.scale * broad


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
    "lead-off": FaultType(3.0, "a flat line far away; level: how many times the signal's size", _lead_off),
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
    everything = [stream for source in sources for stream in source.streams]
    names = [stream.name for stream in everything if stream.kind is not Kind.MARKERS]
    for fault in faults:
        if fault.stream not in names:
            raise SpecError(
                f"{fault.text!r}: there is no stream {fault.stream!r}; there are {', '.join(names)}"
            )
    wrapped: list[Source] = []
    for source in sources:
        ours = [f for f in faults if f.stream in {stream.name for stream in source.streams}]
        if not ours:
            wrapped.append(source)
        else:
            wrapped.append(
                (FaultyListener if isinstance(source, MusicListener) else FaultySource)(
                    source, ours, seed=seed
                )
            )
    return wrapped


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
            samples = chunk.samples
            times = chunk.times - self._t0
            for injector in self._injectors[chunk.stream.stream_id]:
                times, samples = injector.apply(times, samples)
            if times.size:
                chunks.append(Chunk(chunk.stream, times + self._t0, samples))
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
        self._before: tuple[FloatArray, FloatArray] | None = None
        self._held: list[tuple[FloatArray, FloatArray]] = []

    def apply(self, seconds: FloatArray, samples: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return times and samples with the fault."""
        affected = self._fault.acts_at(seconds)
        self._remember(seconds[seconds < self._fault.start_s], samples[seconds < self._fault.start_s])
        change = FAULTS[self._fault.name].change
        if change is not None:
            samples = samples.copy()
            for channel in range(samples.shape[1]):
                samples[affected, channel] = change(
                    self._fault, self._context(seconds, samples, affected, channel)
                )
            return seconds, samples
        if self._fault.name == "drift":
            elapsed = np.clip(seconds - self._fault.start_s, 0.0, self._fault.duration_s)
            return seconds + elapsed * self._fault.amount * 1e-6, samples
        if self._fault.name == "duplicate":
            again = seconds[affected] + self._half_period_s
            order = np.argsort(np.concatenate((seconds, again)), kind="stable")
            both = np.concatenate((samples, samples[affected]))
            return np.concatenate((seconds, again))[order], both[order]
        if self._fault.name == "stall":
            return self._stall(seconds, samples, affected)
        return seconds[~affected], samples[~affected]

    def _remember(self, seconds: FloatArray, samples: FloatArray) -> None:
        """Keep the samples of the last seconds before the fault."""
        if seconds.size and self._before is not None:
            seconds = np.concatenate((self._before[0], seconds))
            samples = np.concatenate((self._before[1], samples))
        if seconds.size:
            recent = seconds > self._fault.start_s - SCALE_S
            keep = recent if recent.any() else seconds == seconds[-1]
            self._before = seconds[keep], samples[keep]

    def _context(
        self, seconds: FloatArray, samples: FloatArray, affected: BoolArray, channel: int
    ) -> _FaultContext:
        before = np.empty(0) if self._before is None else self._before[1][:, channel]
        before = before[np.isfinite(before)]
        scale = float(np.ptp(before)) if before.size else 0.0
        return _FaultContext(
            seconds=seconds[affected],
            values=samples[affected, channel],
            scale=scale or 1.0,
            last=float(before[-1]) if before.size else 0.0,
            rng=self._rng,
        )

    def _stall(
        self, seconds: FloatArray, samples: FloatArray, affected: BoolArray
    ) -> tuple[FloatArray, FloatArray]:
        """Hold back samples during the fault, and release them with the first samples after it."""
        if affected.any():
            self._held.append((seconds[affected], samples[affected]))
        rest, kept = seconds[~affected], samples[~affected]
        if self._held and rest.size and rest[-1] >= self._fault.start_s + self._fault.duration_s:
            seconds = np.concatenate([part for part, _ in self._held] + [rest])
            samples = np.concatenate([part for _, part in self._held] + [kept])
            self._held = []
            order = np.argsort(seconds, kind="stable")
            return seconds[order], samples[order]
        return rest, kept
