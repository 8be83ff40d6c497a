"""The phases of a recorded session, and access to its streams by time from the session's start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from biofeedback.recording.reader import Recording

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Timed = tuple[float, Mapping[str, Any]]
"""A JSON object and when it was recorded, in seconds from the session's start."""

Spans = list[tuple[float, float]]
"""When each of several stretches begins and ends, in order of time."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicSection:
    """A section of the music, in seconds from the session's start.

    Attributes
    ----------
    number : int
        From 0.
    kind : str
        What it does: ``statement``, ``contrast``, ``thinning``, ``return`` or ``close``.
    begin_s, end_s : float
        From its first bar line to the next section's, or to the end of its last beat if that is earlier.
    """

    number: int
    kind: str
    begin_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return self.end_s - self.begin_s


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


def valid_feature(recording: Recording, label: str, phase: RecordedPhase | None = None) -> TimeSeries:
    """Return the seconds in which a feature is valid, of one phase or of the whole session."""
    times, values = numeric(recording, "features", label)
    valid = np.isfinite(values)
    if phase is not None:
        valid &= phase.holds(times)
    return TimeSeries(times[valid], values[valid])


def texts(recording: Recording, stream: str) -> list[Timed]:
    """Return the JSON objects of a stream with their times; what is not an object is left out."""
    found = recording.streams.get(stream)
    if found is None:
        return []
    pairs = zip((found.times - recording.t0_s).tolist(), found.json(), strict=True)
    return [(time, entry) for time, entry in pairs if isinstance(entry, Mapping)]


def merged(spans: Iterable[tuple[float, float]], least: float = 0.0) -> Spans:
    """Return spans with those not further apart than `least` joined, and shorter ones left out."""
    joined: Spans = []
    for begin, end in spans:
        if joined and begin - joined[-1][1] <= least:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return [(begin, end) for begin, end in joined if end - begin >= least]


def whole_session(recording: Recording) -> RecordedPhase:
    """Return the whole session as if it were one phase."""
    end_s, cut = duration_s(recording), not recording.complete
    return RecordedPhase(name="whole session", kind="session", begin_s=0.0, end_s=end_s, cut=cut)


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
    changes = [next(same) for _, same in groupby(decided, key=itemgetter(1))]
    for index, (begin, name) in enumerate(changes):
        later = [time for time, _ in changes[index + 1 :]]
        later += [phase.begin_s for phase in marked if phase.begin_s > begin]
        until = min(later, default=end)
        if until > begin:
            yield RecordedPhase(
                name=name, kind=kinds.get(name, name), begin_s=begin, end_s=until, cut=cut and not later
            )


def music_sections(recording: Recording) -> tuple[MusicSection, ...]:
    """Return the sections of the music in order of time; none where its piece has no form."""
    form, music = recording.streams.get("form"), recording.streams.get("music")
    if form is None or music is None or music.desc.get("form", "none") == "none":
        return ()
    kinds = form.desc["section_kinds"].split(",")
    rows = zip(form.times - recording.t0_s, form.column("section"), form.column("section_kind"), strict=True)
    firsts = [next(same) for _, same in groupby(rows, key=itemgetter(1))]
    begins = [float(begin) for begin, _, _ in firsts]
    beats, tempi = numeric(recording, "score", "tempo_bpm")
    found = []
    for (_, number, kind), begin, following in zip(firsts, begins, [*begins[1:], np.inf], strict=True):
        heard = int(np.searchsorted(beats, following)) - 1
        end = min(following, float(beats[heard] + 60.0 / tempi[heard])) if heard >= 0 else begin
        found.append(
            MusicSection(number=int(number), kind=kinds[int(kind)], begin_s=begin, end_s=max(begin, end))
        )
    return tuple(found)
