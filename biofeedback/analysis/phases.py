"""The phases of a recorded session, and access to its streams by time from the session's start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from biofeedback.recording.reader import Recording

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Timed = tuple[float, Mapping[str, Any]]
"""A JSON object and when it was recorded, in seconds from the session's start."""


class TimeSeries(NamedTuple):
    """Values over time, each of shape (n,); times in seconds from the session's start."""

    times: FloatArray
    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPhase:
    """A stretch of the session, in seconds from its start.

    Attributes
    ----------
    name, kind : str
        As the protocol names it, and what it does (``baseline``, ``match``, ``lead`` …).
    begin_s, end_s : float
        It holds ``begin_s <= t < end_s``.
    cut : bool
        Whether the recording was cut off in it, so that `end_s` is only the last that is known of it.
    """

    name: str
    kind: str
    begin_s: float
    end_s: float
    cut: bool = False

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return self.end_s - self.begin_s

    def holds(self, times: FloatArray) -> BoolArray:
        """Return which of `times` lie within."""
        within: BoolArray = (times >= self.begin_s) & (times < self.end_s)
        return within


def duration_s(recording: Recording) -> float:
    """Return the last moment of which anything is recorded, in seconds from the session's start."""
    ends = [float(stream.times[-1]) for stream in recording.streams.values() if stream.times.size]
    return max(0.0, max(ends, default=recording.t0_s) - recording.t0_s)


def numeric(recording: Recording, stream: str, label: str) -> TimeSeries:
    """Return one column of a stream; empty if it is not there."""
    found = recording.streams.get(stream)
    if found is None or label not in found.labels or not found.times.size:
        return TimeSeries(np.empty(0), np.empty(0))
    return TimeSeries(found.times - recording.t0_s, found.column(label))


def texts(recording: Recording, stream: str) -> list[Timed]:
    """Return the JSON objects of a stream with their times; what is not an object is left out."""
    found = recording.streams.get(stream)
    if found is None:
        return []
    pairs = zip((found.times - recording.t0_s).tolist(), found.json(), strict=True)
    return [(time, entry) for time, entry in pairs if isinstance(entry, Mapping)]


def phases(recording: Recording, *, last_s: float | None = None) -> tuple[RecordedPhase, ...]:
    """Return the phases in order of time.

    They are taken from the phase markers. Where these lack, because the file was cut or they were never
    written, the phase each decision names stands in for them.

    Parameters
    ----------
    recording : Recording
        The session.
    last_s : float, optional
        Engine time of the last moment recorded, where `recording` does not hold every stream.
    """
    end = duration_s(recording) if last_s is None else last_s - recording.t0_s
    cut = not recording.complete
    marked = _marked_phases(texts(recording, "markers"), end, cut=cut)
    covered = [(phase.begin_s, phase.end_s) for phase in marked]
    decided = [
        (time, str(decision["phase"]))
        for time, decision in texts(recording, "decisions")
        if decision.get("phase") and not any(begin <= time <= stop for begin, stop in covered)
    ]
    return tuple(
        sorted([*marked, *_decided_phases(decided, marked, end, cut=cut)], key=lambda phase: phase.begin_s)
    )


def _marked_phases(markers: list[Timed], end: float, *, cut: bool) -> list[RecordedPhase]:
    found: list[RecordedPhase] = []
    begun: dict[str, tuple[float, str]] = {}
    for time, marker in markers:
        if marker.get("type") != "phase":
            continue
        name = str(marker.get("name", "unnamed"))
        if marker.get("event") == "begin":
            begun[name] = (time, str(marker.get("kind", name)))
        elif name in begun:
            begin, kind = begun.pop(name)
            found.append(RecordedPhase(name=name, kind=kind, begin_s=begin, end_s=time))
    starts = [phase.begin_s for phase in found] + [begin for begin, _ in begun.values()]
    for name, (begin, kind) in begun.items():
        until = min((start for start in starts if start > begin), default=end)
        found.append(RecordedPhase(name=name, kind=kind, begin_s=begin, end_s=until, cut=cut))
    return [phase for phase in found if phase.duration_s > 0]


def _decided_phases(
    decided: list[tuple[float, str]], marked: list[RecordedPhase], end: float, *, cut: bool
) -> Iterator[RecordedPhase]:
    kinds = {phase.name: phase.kind for phase in marked}
    changes = [
        (time, name)
        for index, (time, name) in enumerate(decided)
        if index == 0 or decided[index - 1][1] != name
    ]
    for index, (begin, name) in enumerate(changes):
        later = [time for time, _ in changes[index + 1 : index + 2]]
        later += [phase.begin_s for phase in marked if phase.begin_s > begin]
        until = min(later, default=end)
        if until > begin:
            yield RecordedPhase(
                name=name, kind=kinds.get(name, name), begin_s=begin, end_s=until, cut=cut and not later
            )
