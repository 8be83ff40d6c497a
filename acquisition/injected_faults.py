"""Faults on purpose: any source can be given the troubles that sensors have."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acquisition.errors import SpecError
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
"""The samples of so many seconds before a fault say how large the signal is."""

GARBAGE_SHARE = 0.05
"""How many of the samples are wild."""

_RIGHT = "ecg:gap@60+10 or eda:noise@120+30?level=2"
_FAULT = re.compile(
    r"(?P<stream>[a-z]+\d*):(?P<name>[a-z-]+)(@(?P<at>[^+?]+)(\+(?P<for>[^?]+))?)?(\?(?P<query>.+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One trouble of one stream.

    Attributes
    ----------
    text : str
        As it was written.
    stream : str
        Name of the stream: ``ecg``, ``eda2``.
    name : str
        One of `FAULTS`.
    start_s, duration_s : float
        Seconds of the session.
    amount : float
        How much, in the unit of the fault (see `FAULTS`).
    """

    text: str
    stream: str
    name: str
    start_s: float
    duration_s: float
    amount: float

    def strikes(self, seconds: FloatArray) -> BoolArray:
        """Return at which of these times of the session it acts."""
        return (seconds >= self.start_s) & (seconds < self.start_s + self.duration_s)


@dataclass(frozen=True, slots=True)
class _FaultContext:
    """What a fault works on: the samples it strikes and what the signal was like before."""

    seconds: FloatArray
    values: FloatArray
    scale: float
    last: float
    chance: np.random.Generator


def _noise(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    return at.values + fault.amount * at.scale * at.chance.standard_normal(at.values.size)


def _motion(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with swings of 0.7 to 3 Hz and a step where the sensor slipped."""
    since = at.seconds - fault.start_s
    phases = 2 * np.pi * np.random.default_rng(round(1000 * fault.start_s)).random(3)
    waves = [np.sin(2 * np.pi * f * since + phase) for f, phase in zip((0.7, 1.6, 3.0), phases, strict=True)]
    slipped = np.where(since > fault.duration_s / 3, 0.5, 0.0)
    return at.values + fault.amount * at.scale * (sum(waves, np.zeros(since.size)) / 2 + slipped)


def _garbage(fault: InjectedFault, at: _FaultContext) -> FloatArray:
    """Return the signal with wild numbers here and there, as damaged lines that can still be read give."""
    chances = at.chance.random((at.values.size, 2))
    wild = at.last + fault.amount * at.scale * (2 * chances[:, 1] - 1)
    return np.where(chances[:, 0] < GARBAGE_SHARE, wild, at.values)


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
    """Return the signal with a broad beat of its own each 3 s, and the real ones as they were."""
    phase = np.mod(at.seconds - fault.start_s, 3.0) - 0.3
    broad = np.exp(-0.5 * (phase / 0.04) ** 2) - 0.7 * np.exp(-0.5 * ((phase - 0.12) / 0.06) ** 2)
    return at.values + fault.amount * at.scale * broad


@dataclass(frozen=True, slots=True)
class _FaultType:
    """A fault by name: its usual amount, what that means, and what it makes of the values it strikes."""

    amount: float
    says: str
    change: Callable[[InjectedFault, _FaultContext], FloatArray] | None = None


FAULTS: Mapping[str, _FaultType] = {
    "gap": _FaultType(0.0, "nothing is delivered"),
    "stall": _FaultType(0.0, "nothing is delivered, and all of it in a burst afterwards"),
    "missing": _FaultType(0.0, "samples are missing, but counted", _missing),
    "flat": _FaultType(0.0, "a flat line", _flat),
    "lead-off": _FaultType(3.0, "a flat line far away; level: how many times the signal's size", _lead_off),
    "noise": _FaultType(0.5, "white noise; level: as a share of the signal's size", _noise),
    "garbage": _FaultType(
        10.0, "wild numbers here and there; level: how many times the signal's size", _garbage
    ),
    "hum": _FaultType(0.5, "mains hum of 50 Hz; level: as a share of the signal's size", _hum),
    "motion": _FaultType(1.0, "movement; level: as a share of the signal's size", _motion),
    "saturation": _FaultType(
        2.0, "clipped; level: how many times the signal is larger than its range", _saturation
    ),
    "ectopic": _FaultType(
        1.0, "a broad extra beat every 3 s; level: as a share of the signal's size", _ectopic
    ),
    "duplicate": _FaultType(0.0, "each sample twice"),
    "drift": _FaultType(100.0, "the device's clock runs fast; level: by how many millionths"),
}
"""The troubles there are."""


def parse_fault(text: str) -> InjectedFault:
    """Understand one fault to inject, ``STREAM:FAULT[@START[+SECONDS]][?level=AMOUNT]``.

    Raises
    ------
    SpecError
        In one line that shows a right one.
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
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < (least or 0.0) or (least is None and number == 0.0):
        bound = "above 0" if least is None else f"from {least:g}"
        raise SpecError(f"{text!r}: {what} is {value!r}, it must be a number {bound}, as in {_RIGHT}")
    return number


def inject(sources: Sequence[Source], faults: Sequence[InjectedFault], *, seed: int) -> list[Source]:
    """Return the sources, those with faults wrapped.

    Raises
    ------
    SpecError
        If a fault is for a stream that there is not.
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
    """A source with faults on purpose.

    What becomes of a sample depends on its time, the samples before it and the seed, not on how it was
    chunked.

    Parameters
    ----------
    source : Source
        What is behind it; belongs to this one from now on.
    faults : sequence of InjectedFault
        Applied in this order.
    seed : int
        Of the noise.
    """

    def __init__(self, source: Source, faults: Sequence[InjectedFault], *, seed: int) -> None:
        self._source = source
        self._t0 = 0.0
        self._paths = {
            stream.stream_id: [
                _FaultyPath(fault, stream, np.random.default_rng((seed, number)))
                for number, fault in enumerate(faults)
                if fault.stream == stream.name
            ]
            for stream in source.streams
        }

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """Those of the source behind."""
        return self._source.streams

    @property
    def ended(self) -> bool:
        """Whether the source behind has ended."""
        return self._source.ended

    def begin(self, t0: float) -> None:
        """Start the session at engine time `t0`."""
        self._t0 = t0
        self._source.begin(t0)

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return those of the source behind."""
        return self._source.clock_pairs()

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return those of the source behind."""
        return self._source.incidents() if isinstance(self._source, LiveSource) else ()

    def statuses(self) -> tuple[Status, ...]:
        """Return those of the source behind."""
        return self._source.statuses() if isinstance(self._source, LiveSource) else ()

    def read(self, t: float) -> list[Chunk]:
        """Return what the source behind delivers, with the faults."""
        chunks = []
        for chunk in self._source.read(t):
            samples = chunk.samples
            times = chunk.times - self._t0
            for path in self._paths[chunk.stream.stream_id]:
                times, samples = path.pass_on(times, samples)
            if times.size:
                chunks.append(Chunk(chunk.stream, times + self._t0, samples))
        return chunks

    def close(self) -> None:
        """Close the source behind."""
        self._source.close()


class FaultyListener(FaultySource):
    """A virtual listener with faulty sensors; it hears as before."""

    def observe_music(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Pass on what sounded."""
        if isinstance(self._source, MusicListener):
            self._source.observe_music(t, sounded)


class _FaultyPath:
    """One fault on its stream, and what it remembers of it."""

    def __init__(self, fault: InjectedFault, stream: StreamInfo, chance: np.random.Generator) -> None:
        self._fault = fault
        self._chance = chance
        self._half_period_s = 0.5 / stream.rate_hz if stream.rate_hz else 0.001
        if fault.name == "ectopic" and stream.kind not in {Kind.ECG, Kind.PPG}:
            raise SpecError(
                f"{fault.text!r}: extra beats are for ecg and ppg; {stream.name} is {stream.kind}"
            )
        self._before: tuple[FloatArray, FloatArray] | None = None
        self._held: list[tuple[FloatArray, FloatArray]] = []

    def pass_on(self, seconds: FloatArray, samples: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return times and samples as they come out."""
        struck = self._fault.strikes(seconds)
        self._remember(seconds[seconds < self._fault.start_s], samples[seconds < self._fault.start_s])
        change = FAULTS[self._fault.name].change
        if change is not None:
            samples = samples.copy()
            for channel in range(samples.shape[1]):
                samples[struck, channel] = change(
                    self._fault, self._moment(seconds, samples, struck, channel)
                )
            return seconds, samples
        if self._fault.name == "drift":
            elapsed = np.clip(seconds - self._fault.start_s, 0.0, self._fault.duration_s)
            return seconds + elapsed * self._fault.amount * 1e-6, samples
        if self._fault.name == "duplicate":
            again = seconds[struck] + self._half_period_s
            order = np.argsort(np.concatenate((seconds, again)), kind="stable")
            both = np.concatenate((samples, samples[struck]))
            return np.concatenate((seconds, again))[order], both[order]
        if self._fault.name == "stall":
            return self._stalled(seconds, samples, struck)
        return seconds[~struck], samples[~struck]

    def _remember(self, seconds: FloatArray, samples: FloatArray) -> None:
        """Keep the last seconds before the fault."""
        if seconds.size and self._before is not None:
            seconds = np.concatenate((self._before[0], seconds))
            samples = np.concatenate((self._before[1], samples))
        if seconds.size:
            recent = seconds > self._fault.start_s - SCALE_S
            keep = recent if recent.any() else seconds == seconds[-1]
            self._before = seconds[keep], samples[keep]

    def _moment(
        self, seconds: FloatArray, samples: FloatArray, struck: BoolArray, channel: int
    ) -> _FaultContext:
        before = np.empty(0) if self._before is None else self._before[1][:, channel]
        before = before[np.isfinite(before)]
        scale = float(np.ptp(before)) if before.size else 0.0
        return _FaultContext(
            seconds=seconds[struck],
            values=samples[struck, channel],
            scale=scale or 1.0,
            last=float(before[-1]) if before.size else 0.0,
            chance=self._chance,
        )

    def _stalled(
        self, seconds: FloatArray, samples: FloatArray, struck: BoolArray
    ) -> tuple[FloatArray, FloatArray]:
        """Hold back what is struck until something comes from after the fault."""
        if struck.any():
            self._held.append((seconds[struck], samples[struck]))
        rest, kept = seconds[~struck], samples[~struck]
        if self._held and rest.size and rest[-1] >= self._fault.start_s + self._fault.duration_s:
            seconds = np.concatenate([part for part, _ in self._held] + [rest])
            samples = np.concatenate([part for _, part in self._held] + [kept])
            self._held = []
            order = np.argsort(seconds, kind="stable")
            return seconds[order], samples[order]
        return rest, kept
