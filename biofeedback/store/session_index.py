"""The rows of the store that index a session, read from its directory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biofeedback.errors import RecordingError
from biofeedback.recording.storage import META_NAME, file_sha256
from biofeedback.store.tables import canonical

if TYPE_CHECKING:
    from biofeedback.recording.reader import Recording

Rows = list[dict[str, Any]]

NOT_EVENTS = ("phase", "note", "adverse event", "cue")
"""Types of markers that have tables of their own, and those that are for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRows:
    """The rows of a session.

    Attributes
    ----------
    session : dict
        Columns of its row in ``sessions``.
    facts : dict of str to list of dict
        Rows of each table of facts, by its name, without ``session_id``.
    """

    session: dict[str, Any]
    facts: dict[str, Rows]


def index_session(directory: Path) -> SessionRows:
    """Read a session directory.

    Raises
    ------
    RecordingError
        If it holds no session, or its recording cannot be read.
    """
    # These need NumPy, which a list of clients or protocols need not wait for.
    from biofeedback.analysis.phases import phases  # noqa: PLC0415
    from biofeedback.recording.reader import read_recording  # noqa: PLC0415

    recording = read_recording(directory)
    facts: dict[str, Rows] = {
        "phases": [
            {"name": phase.name, "kind": phase.kind, "begin_s": phase.begin_s, "end_s": phase.end_s}
            for phase in phases(recording)
        ],
        "events": _events(recording),
        "ratings": _ratings(recording),
        "commands": _commands(recording),
        "notes": _written(recording, "note", "text"),
        "adverse_events": _written(recording, "adverse event", "text", "severity"),
    }
    numbered = {
        name: [{"number": number, **row} for number, row in enumerate(rows)] for name, rows in facts.items()
    }
    return SessionRows(session=_session(recording), facts=numbered)


def listed_files(meta: Mapping[str, Any]) -> dict[str, str]:
    """Return name and SHA-256 of each file that ``session.json`` lists."""
    listed = _mapping(_mapping(meta.get("end")).get("checksums"))
    return {str(name): str(sha256) for name, sha256 in listed.items()}


def _session(recording: Recording) -> dict[str, Any]:
    meta = recording.meta
    end = _mapping(meta.get("end"))
    protocol = _mapping(meta.get("protocol"))
    return {
        "begun_at": _utc(recording),
        "started": str(meta["t0_wall"]),
        "duration_s": _number(end.get("duration_s")),
        "reason": _text(end.get("reason")),
        "protocol": _text(protocol.get("id")),
        "protocol_version": _whole(protocol.get("version")),
        "protocol_title": _text(protocol.get("title")),
        "protocol_sha256": _text(meta.get("protocol_sha256")),
        "arm": _text(protocol.get("arm")),
        "seed": _whole(meta.get("seed")),
        "clock": _text(_mapping(meta.get("arguments")).get("time")),
        "inputs": canonical([_mapping(entry).get("stream") for entry in _list(meta.get("inputs"))]),
        "software": _text(_mapping(meta.get("versions")).get("biofeedback-music")),
        "complete": int(recording.complete),
        "bytes": _bytes(recording),
        "meta_sha256": file_sha256(recording.directory / META_NAME),
    }


def _utc(recording: Recording) -> str:
    try:
        started = datetime.fromisoformat(str(recording.meta.get("t0_wall")))
    except ValueError:
        raise RecordingError(
            f"{recording.directory / META_NAME} is not the description of a session: it has no t0_wall"
        ) from None
    return started.astimezone(UTC).isoformat(timespec="milliseconds")


def _bytes(recording: Recording) -> int:
    paths = [recording.directory / name for name in (META_NAME, *listed_files(recording.meta))]
    return sum(path.stat().st_size for path in paths if path.exists())


def _events(recording: Recording) -> Rows:
    return [
        {
            "t_s": t,
            "type": str(marker.get("type", "")),
            "text": _text(marker.get("text")),
            "data": canonical(dict(marker)),
        }
        for t, marker in _texts(recording, "markers")
        if marker.get("type") not in NOT_EVENTS
    ]


def _ratings(recording: Recording) -> Rows:
    return [
        {
            "t_s": t,
            "scale": str(rating.get("scale", "")),
            "value": _number(rating.get("value")),
            "data": canonical(dict(rating)),
        }
        for t, rating in _texts(recording, "ratings")
    ]


def _commands(recording: Recording) -> Rows:
    return [
        {
            "t_s": t,
            "name": str(command.get("name", "")),
            "origin": _text(command.get("origin")),
            "accepted": None if command.get("accepted") is None else int(bool(command["accepted"])),
            "answer": _text(command.get("answer")),
            "args": canonical(dict(_mapping(command.get("args")))),
        }
        for t, command in _texts(recording, "commands")
    ]


def _written(recording: Recording, command: str, *arguments: str) -> Rows:
    """Return what was written down by a command that was not refused."""
    return [
        {"t_s": t, **{name: str(_mapping(told.get("args")).get(name, "")) for name in arguments}}
        for t, told in _texts(recording, "commands")
        if told.get("name") == command and told.get("accepted") is not False
    ]


def _texts(recording: Recording, stream: str) -> list[tuple[float, Mapping[str, Any]]]:
    """Return the JSON objects of a stream, each with its time in seconds from the session's start."""
    found = recording.streams.get(stream)
    if found is None:
        return []
    seconds = (found.times - recording.t0_s).tolist()
    return [(t, entry) for t, entry in zip(seconds, found.json(), strict=True) if isinstance(entry, Mapping)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
