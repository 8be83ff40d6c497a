"""A session as EDF+C, for viewers of clinical recordings, and the even grid its samples are put on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import edfio
import numpy as np
import numpy.typing as npt

from biofeedback.exports.source import SessionSource
from biofeedback.exports.tables import events
from biofeedback.recording.reader import StoredStream
from biofeedback.recording.xdf import FloatArray

GAP_PERIODS = 1.5
"""A step longer than so many periods is a gap."""

Slots = npt.NDArray[np.int64]

NOWHERE = np.iinfo(np.int64).min
"""The slot of a sample that was left out."""


def effective_rate(blocks: list[tuple[float, float, int]], nominal_hz: float) -> float:
    """Return the rate that stamps follow, gaps left out.

    Parameters
    ----------
    blocks : list of (float, float, int)
        Of each stretch without a gap: its first and last stamp, and its number of samples.
    nominal_hz : float
        Returned where the stamps agree with it to one in a million, or there are too few of them.
    """
    seconds = sum(last - first for first, last, _ in blocks)
    steps = sum(count - 1 for _, _, count in blocks)
    if steps < 1 or seconds <= 0:
        return nominal_hz
    rate = steps / seconds
    return nominal_hz if abs(rate - nominal_hz) <= 1e-6 * nominal_hz else rate


def runs(times: FloatArray, before_s: float | None, period_s: float) -> Iterator[tuple[slice, bool]]:
    """Yield the stretches of samples without a gap, and whether a gap lies before each, or nothing at all.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Stamps.
    before_s : float or None
        The stamp before them; None where there is none.
    period_s : float
        Seconds from one sample to the next where there is no gap.
    """
    steps = np.diff(times, prepend=-math.inf if before_s is None else before_s)
    after_gap = steps > GAP_PERIODS * period_s
    for begin, end in pairwise(sorted({0, *np.flatnonzero(after_gap).tolist(), times.size})):
        yield slice(begin, end), bool(after_gap[begin])


class Placement(NamedTuple):
    """A slot for each sample (`NOWHERE` for one left out), and the slots that repeat the one before."""

    slots: Slots
    repeats: Slots


class Grid:
    """Gives consecutive samples consecutive slots, and moves on over gaps.

    Parameters
    ----------
    rate_hz : float
        Slots per second.
    period_s : float
        Of the samples, by which a gap is known.
    origin_s : float
        When slot 0 is.
    tolerance : float
        By how many slots a sample may lie beside its own. Beyond that, where the samples' rate is not the
        grid's, a slot is repeated or a sample left out.

    Attributes
    ----------
    next_slot : int
        After the last sample's.
    repeated, left_out : int
        How many slots had to be filled with the sample before; how many samples found no slot.
    deviation_s : float
        How far a sample lies from its slot at most.
    """

    def __init__(
        self, rate_hz: float, *, period_s: float, origin_s: float, tolerance: float = math.inf
    ) -> None:
        self._rate_hz = rate_hz
        self._period_s = period_s
        self._origin_s = origin_s
        self._tolerance = tolerance
        self._before_s: float | None = None
        self.next_slot = 0
        self.repeated = 0
        self.left_out = 0
        self.deviation_s = 0.0

    def place(self, times: FloatArray) -> Placement:
        """Return where samples lie.

        Parameters
        ----------
        times : ndarray, shape (n,)
            Stamps, not before those placed already.
        """
        if not times.size:
            return Placement(np.empty(0, np.int64), np.empty(0, np.int64))
        exact = (times - self._origin_s) * self._rate_hz
        slots = np.empty(times.size, np.int64)
        repeats: list[int] = []
        for part, after_gap in runs(times, self._before_s, self._period_s):
            if after_gap:
                self.next_slot = max(self.next_slot, round(float(exact[part.start])))
            run = slots[part]
            run[:] = self.next_slot + np.arange(run.size)
            if math.isfinite(self._tolerance):
                repeats += self._hold(run, exact[part])
            self.next_slot = max(self.next_slot, int(run.max()) + 1)
        self._before_s = float(times[-1])
        placed = slots != NOWHERE
        beside = np.abs(exact[placed] - slots[placed])
        self.deviation_s = max(self.deviation_s, float(beside.max(initial=0.0)) / self._rate_hz)
        return Placement(slots, np.array(repeats, np.int64))

    def _hold(self, run: Slots, exact: FloatArray) -> list[int]:
        """Keep a run within the tolerance; return the slots that repeat the sample before."""
        repeats: list[int] = []
        at = 0
        while True:
            beside = exact[at:] - run[at:]
            off = np.flatnonzero(np.abs(beside) > self._tolerance)
            if not off.size:
                return repeats
            at += int(off[0])
            if exact[at] > run[at]:
                repeats.append(int(run[at]))
                self.repeated += 1
                run[at:] += 1
            else:
                run[at + 1 :] -= 1
                run[at] = NOWHERE
                self.left_out += 1
                at += 1


MISSING = -32768
"""The digital value that no sample has; a viewer shows it as a line along the bottom."""

LEAST, MOST = MISSING + 1, 32767

SHOWN_FEATURES = (
    *("hr_bpm", "hr_quality", "rmssd_ms", "scl_uS", "scr_rate_per_min", "eda_quality", "breathing_rate"),
    *("activation", "confidence"),
)
LABEL_LETTERS, UNIT_LETTERS, NUMBER_LETTERS = 16, 8, 8

WHOLE_RECORD_S, LONG_RECORD_S = 1.0, 10.0
"""Length of a data record, if every rate is whole, else."""

TOLERANCE = 0.75

JOIN_S = 1.0
"""Gaps closer than this are annotated as one."""

Digital = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfChannel:
    """One signal of an EDF file, and what became of it.

    Attributes
    ----------
    label, unit : str
        As in the file.
    column : str
        Stream and column it is of.
    rate_hz : float
        Samples per second in the file.
    physical : (float, float)
        What the digital values −32768 and 32767 stand for.
    error : float
        By how much a value may differ from the recorded one: half a step.
    repeated, left_out : int
        Samples of the file that repeat the one before; recorded samples that are not in it. Both are 0 unless
        the sensor's rate is not its nominal one.
    deviation_s : float
        How far a sample is from its recorded time at most.
    digital : ndarray of int16
        The signal.
    gaps : tuple of (float, float)
        Begin and end of each stretch without samples, seconds.
    """

    label: str
    unit: str
    column: str
    rate_hz: float
    physical: tuple[float, float]
    error: float
    repeated: int
    left_out: int
    deviation_s: float
    digital: Digital
    gaps: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfResult:
    """What became of a session as EDF.

    Attributes
    ----------
    channels : tuple of EdfChannel
        The signals, in the order of the file; no file is written where there are none.
    left_out : tuple of str
        What could not be written and why.
    """

    channels: tuple[EdfChannel, ...]
    left_out: tuple[str, ...]


def write_edf(source: SessionSource, path: Path) -> EdfResult:
    """Write raw signals and 1-Hz features as EDF+C, with phases, markers and gaps as annotations.

    Samples lie on a grid of their nominal rate that begins with the session; none is interpolated. EDF has no
    missing values and EDF+D would cut every signal where one is missing, so a missing sample is the digital
    minimum, which nothing else has, and each stretch of them bears an annotation ``gap LABEL``.

    Parameters
    ----------
    source : SessionSource
        The session.
    path : Path
        The file.

    A signal that EDF cannot hold is left out and named, never changed to fit.
    """
    wanted = [(stream, index) for stream in _regular(source) for index in _columns(stream)]
    whole = all(stream.header.rate_hz % 1 == 0 for stream, _ in wanted)
    record_s = WHOLE_RECORD_S if whole else LONG_RECORD_S
    records = max(1, math.ceil(source.duration_s / record_s))
    channels: list[EdfChannel] = []
    left_out = [
        f"{stream.header.name}: it is irregular, which EDF cannot hold"
        for stream in source.inputs()
        if stream.header.rate_hz == 0
    ]
    for stream, index in wanted:
        rate_hz = max(1, round(stream.header.rate_hz * record_s)) / record_s
        taken = {channel.label for channel in channels}
        slots = round(records * record_s * rate_hz)
        try:
            channel = _channel(source, stream, index, rate_hz=rate_hz, slots=slots, taken=taken)
        except ValueError as error:
            left_out.append(f"{stream.header.name}, {source.labels(stream)[index]}: {error}")
        else:
            channels.append(channel)
    if channels:
        _write(source, path, channels, record_s)
    return EdfResult(channels=tuple(channels), left_out=tuple(left_out))


def _regular(source: SessionSource) -> Iterator[StoredStream]:
    yield from (stream for stream in source.inputs() if stream.header.rate_hz > 0)
    features = source.streams.get("features")
    if features is not None and features.places:
        yield features


def _columns(stream: StoredStream) -> list[int]:
    labels = stream.header.labels
    if stream.header.name != "features":
        return list(range(len(labels)))
    return [labels.index(label) for label in SHOWN_FEATURES if label in labels]


def _channel(
    source: SessionSource, stream: StoredStream, index: int, *, rate_hz: float, slots: int, taken: set[str]
) -> EdfChannel:
    low, high, first_s = math.inf, -math.inf, math.nan
    for times, samples in source.blocks(stream):
        column = samples[:, index]
        column = column[np.isfinite(column)]
        low, high = min(low, column.min(initial=math.inf)), max(high, column.max(initial=-math.inf))
        first_s = float(times[0]) if math.isnan(first_s) else first_s
    if not low <= high:
        raise ValueError("it holds no value")
    physical = physical_range(float(low), float(high))
    step = (physical[1] - physical[0]) / (MOST - MISSING)
    place = first_s * rate_hz
    grid = Grid(
        rate_hz,
        period_s=1.0 / stream.header.rate_hz,
        origin_s=(place - round(place)) / rate_hz,
        tolerance=TOLERANCE,
    )
    digital = np.full(slots, MISSING, np.int16)
    outside = 0
    for times, samples in source.blocks(stream):
        values = _digital(samples[:, index], physical[0], step)
        places, repeats = grid.place(times)
        inside = (places != NOWHERE) & (places >= 0) & (places < slots)
        outside += int(np.count_nonzero((places != NOWHERE) & ~inside))
        digital[places[inside]] = values[inside]
        repeats = repeats[(repeats >= 1) & (repeats < slots)]
        digital[repeats] = digital[repeats - 1]
    column_label = source.labels(stream)[index]
    name = stream.header.name
    return EdfChannel(
        label=_label(name, column_label, taken),
        unit=ascii_only(stream.header.units[index])[:UNIT_LETTERS],
        column=f"{name}.{column_label}",
        rate_hz=rate_hz,
        physical=physical,
        error=step / 2,
        repeated=grid.repeated,
        left_out=grid.left_out + outside,
        deviation_s=grid.deviation_s,
        digital=digital,
        gaps=tuple(_gaps(digital, rate_hz, source.duration_s)),
    )


def _digital(values: npt.NDArray[np.float64], low: float, step: float) -> Digital:
    """Return digital values; ValueError if a value lies outside the physical range."""
    there = np.isfinite(values)
    steps = np.rint((values[there] - low) / step) + MISSING
    if steps.size and not LEAST <= steps.min() <= steps.max() <= MOST:
        raise ValueError("a value lies outside the physical range that its header states")
    digital = np.full(values.size, MISSING, np.int16)
    digital[there] = steps.astype(np.int16)
    return digital


def physical_range(low: float, high: float) -> tuple[float, float]:
    """Return a range that can be written in a header and holds `low` to `high` above its lowest step."""
    if high - low < 1e-3 * max(abs(low), abs(high), 1e-3):
        low, high = low - max(1e-3, abs(low) * 1e-3), high + max(1e-3, abs(high) * 1e-3)
    least = low - 1.01 * (high - low) / (MOST - LEAST)
    return _written(least, math.floor), _written(high, math.ceil)


def _written(value: float, rounded: Any) -> float:
    """Return the next number outwards that 8 letters can write."""
    for decimals in range(6, -1, -1):
        scaled = float(rounded(value * 10**decimals) / 10**decimals)
        text = str(int(scaled)) if scaled.is_integer() else str(scaled)
        if len(text) <= NUMBER_LETTERS and "e" not in text:
            return scaled
    raise ValueError(f"its values reach {value:g}, which EDF cannot hold")


def _label(stream: str, column: str, taken: set[str]) -> str:
    """Return a label of ASCII, at most 16 letters, that no other signal has."""
    name = column if stream == "features" or column.startswith(stream) else f"{stream} {column}"
    name = ascii_only(name)[:LABEL_LETTERS]
    number, label = 1, name
    while label in taken:
        number += 1
        label = f"{name[: LABEL_LETTERS - len(str(number)) - 1]} {number}"
    return label


def ascii_only(text: str) -> str:
    """Return a text in ASCII as EDF headers need it; what has no place there becomes ``_``."""
    plain = text.replace("µ", "u").replace("μ", "u")
    return "".join(letter if " " <= letter <= "~" else "_" for letter in plain)


def _gaps(digital: Digital, rate_hz: float, end_s: float) -> Iterator[tuple[float, float]]:
    missing = digital[: math.ceil(end_s * rate_hz)] == MISSING
    edges = np.flatnonzero(np.diff(np.concatenate(([0], missing.view(np.int8), [0])))) / rate_hz
    begins, ends = edges[::2], edges[1::2]
    apart = begins[1:] - ends[:-1] >= JOIN_S
    first, last = np.append(True, apart)[: begins.size], np.append(apart, True)[: ends.size]
    yield from zip(begins[first].tolist(), ends[last].tolist(), strict=True)


def _write(source: SessionSource, path: Path, channels: list[EdfChannel], record_s: float) -> None:
    signals = [
        edfio.EdfSignal.from_digital(
            channel.digital,
            channel.rate_hz,
            label=channel.label,
            physical_dimension=channel.unit,
            physical_range=channel.physical,
            digital_range=(MISSING, MOST),
        )
        for channel in channels
    ]
    notes = [
        edfio.EdfAnnotation(gap[0], gap[1] - gap[0], f"gap {channel.label}")
        for channel in channels
        for gap in channel.gaps
    ]
    end_s = len(channels[0].digital) / channels[0].rate_hz
    notes += [
        edfio.EdfAnnotation(event.onset_s, event.duration_s, event.sentence)
        for event in events(source)
        if event.kind != "decision" and 0 <= event.onset_s <= end_s
    ]
    began = _began(source)
    edfio.Edf(
        signals,
        recording=edfio.Recording(startdate=None if began is None else began.date()),
        starttime=None if began is None else began.time().replace(microsecond=0, tzinfo=None),
        data_record_duration=record_s,
        annotations=sorted(notes, key=lambda note: note.onset),
    ).write(path)


def _began(source: SessionSource) -> datetime | None:
    if not source.policy.identified:
        return None
    try:
        return datetime.fromisoformat(str(source.meta.get("t0_wall")))
    except ValueError:
        return None
