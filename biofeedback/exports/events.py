"""What happened in a session as one list: phases, markers, ratings, commands and decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from biofeedback.exports.source import SessionSource

KINDS = {
    "phase": "a phase of the protocol; its duration is that of the phase",
    "decision": "what was asked of the music, and why",
    "marker": "something that happened, or that another program marked",
    "rating": "what the listener said of their state",
    "command": "what the therapist, the listener or a script told the session",
}

FOR_PROGRAMS = {"phase", "cue", "begin", "end fade"}
"""Types of markers that are told by the phases, or by the music."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """Something that happened.

    Attributes
    ----------
    onset_s : float
        Seconds from the session's start.
    duration_s : float or None
        None for what has none.
    kind : str
        One of `KINDS`.
    name : str
        Of the phase, the type of marker, the scale, the command.
    value : float or None
        What was rated or asked for.
    text : str
        In words.
    """

    onset_s: float
    duration_s: float | None
    kind: str
    name: str
    value: float | None = None
    text: str = ""

    @property
    def sentence(self) -> str:
        """All of it in a few words."""
        words = [self.kind, self.name, "" if self.value is None else f"{self.value:g}"]
        said = " ".join(word for word in words if word)
        return f"{said}: {self.text}" if self.text else said


def events(source: SessionSource) -> list[SessionEvent]:
    """Return what happened in order of time, as far as it may leave."""
    found = [
        *_phases(source),
        *_decisions(source),
        *_markers(source),
        *_ratings(source),
        *_commands(source),
    ]
    return sorted(found, key=lambda event: (event.onset_s, list(KINDS).index(event.kind)))


def _phases(source: SessionSource) -> Iterator[SessionEvent]:
    for phase in source.phases:
        name = source.policy.text(phase.name)
        text = phase.kind + (", cut off" if phase.cut else "")
        yield SessionEvent(
            onset_s=phase.begin_s, duration_s=phase.duration_s, kind="phase", name=name, text=text
        )


def _decisions(source: SessionSource) -> Iterator[SessionEvent]:
    for time, entry in source.entries("decisions"):
        music = entry.get("music")
        tempo = _number(music.get("tempo_bpm")) if isinstance(music, Mapping) else None
        yield SessionEvent(
            onset_s=time,
            duration_s=None,
            kind="decision",
            name=str(entry.get("phase", "")),
            value=tempo,
            text=str(entry.get("why", "")),
        )


def _markers(source: SessionSource) -> Iterator[SessionEvent]:
    for time, entry in source.entries("markers"):
        kind = str(entry.get("type", "marker"))
        if kind not in FOR_PROGRAMS:
            words = entry.get("text", entry.get("sentence", entry.get("event", "")))
            yield SessionEvent(onset_s=time, duration_s=None, kind="marker", name=kind, text=str(words))


def _ratings(source: SessionSource) -> Iterator[SessionEvent]:
    for time, entry in source.entries("ratings"):
        yield SessionEvent(
            onset_s=time,
            duration_s=None,
            kind="rating",
            name=str(entry.get("scale", "")),
            value=_number(entry.get("value")),
        )


def _commands(source: SessionSource) -> Iterator[SessionEvent]:
    for time, entry in source.entries("commands"):
        args = entry.get("args") or {}
        yield SessionEvent(
            onset_s=time,
            duration_s=None,
            kind="command",
            name=str(entry.get("name", "")),
            value=_number(args.get("value")) if isinstance(args, Mapping) else None,
            text=json.dumps(args, ensure_ascii=False) if args else "",
        )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
