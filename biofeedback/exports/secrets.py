"""What a session's description knows of who was recorded, where, when and with which device."""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from biofeedback.recording.recorder import META_NAME
from biofeedback.recording.streams import JSON_STREAMS

CLIENT = "client"
"""What a client's code is, among the secrets."""

LEAST_LETTERS = 3
"""Shorter texts occur by chance everywhere."""

LEAST_TEXT = 8
"""Of free text: shorter notes are words such as ``calm``, which protocols use too."""

UNREVEALING = (
    *("protocol", "piece", "seed", "protocol_sha256", "versions", "streams", "inputs", "end", "t0_wall"),
    *("consent.scopes", "consent.sha256"),
    *("arguments.time", "arguments.output", "arguments.faults", "arguments.inputs"),
)
"""What `session.json` says that identifies nobody, or that is looked at by name."""

USUAL_LABELS = re.compile(
    r"(?:ecg|ekg|ppg|bvp|eda|gsr|rsp|resp|rr|ibi|hr|acc|pulse|pleth)(?:[ _-]?(?:i{1,3}|v[1-6]|[xyzrgb]|\d))?"
    r"|i{1,3}|av[rlf]|v[1-6]|mlii?i?|[xyzrgb]|red|green|blue|ir|a[1-8]|ch\d{1,2}|\d{1,2}",
    re.IGNORECASE,
)
"""Labels of channels that say what is measured and where on the body; any other may be a name."""

MAC = re.compile(r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")
UUID = re.compile(r"(?<![0-9A-Fa-f-])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Fa-f-])")
_NOBODY = {"root", "user", "admin", "administrator", "localhost"}
_OPTION = re.compile(r"(?:^|[?&,;:])(?:name|uid|source_id|hostname|session_id|id)=([^&,;]+)")


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that must not leave: what it is (``device or input``, ``path`` …), and itself."""

    what: str
    text: str


def secrets_of(
    directory: Path, meta: Mapping[str, Any], *, client: str | None = None, told: Iterable[str] = ()
) -> tuple[Secret, ...]:
    """Return all that a session's directory and description know and that could identify.

    Parameters
    ----------
    directory : Path
        Where it lies.
    meta : mapping
        Its ``session.json``.
    client : str, optional
        The client's code in the store.
    told : iterable of str
        Free text: notes, markers, what is told of adverse events.
    """
    found = [
        *_place(directory),
        *_moment(meta.get("t0_wall")),
        *_inputs(meta),
        *(Secret(f"{META_NAME}: {name}", text) for name, text in _leaves(meta, "")),
        *(Secret("free text", text) for text in told if len(text.strip()) >= LEAST_TEXT),
    ]
    if client:
        found.append(Secret(CLIENT, client))
    distinct = {(secret.text.strip(), secret.what): secret for secret in found}
    return tuple(secret for secret in distinct.values() if len(secret.text.strip()) >= _least(secret))


def _least(secret: Secret) -> int:
    return 2 if secret.what == CLIENT else LEAST_LETTERS


def _place(directory: Path) -> Iterator[Secret]:
    absolute = directory.resolve()
    yield Secret("path", str(absolute))
    yield Secret("name of the session's folder", absolute.name)
    yield Secret("name of the computer", platform.node())
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a process whose user has no name
        return
    if name.lower() not in _NOBODY:
        yield Secret("name of the user", name)


def _moment(wall: object) -> Iterator[Secret]:
    try:
        moment = datetime.fromisoformat(str(wall))
    except ValueError:
        return
    yield Secret("wall clock", moment.isoformat())
    for pattern in ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d-%b-%Y"):
        yield Secret("date", moment.strftime(pattern))
    yield Secret("time of day", moment.strftime("%H:%M:%S"))
    yield Secret("wall clock", str(int(moment.timestamp())))


def _inputs(meta: Mapping[str, Any]) -> Iterator[Secret]:
    for entry in meta.get("inputs", []):
        labels = [str(label) for label in entry.get("labels", ())]
        for text in (str(entry.get("stream_id", "")), str(entry.get("name", "")), *labels):
            yield from _parts(text)
    arguments = meta.get("arguments") or {}
    for spec in arguments.get("inputs", []):
        yield from _parts(str(spec))
    output = arguments.get("output") or {}
    if output.get("kind") not in {None, "paced"}:
        yield Secret("sound device", str(output.get("name", "")))
    for fault in (meta.get("end") or {}).get("faults", []):
        yield Secret("fault", str(fault))


def _parts(spec: str) -> Iterator[Secret]:
    """Yield an input's specification or id, and the parts of it that name a device, a file or a person."""
    what = "device or input"
    if "virtual:" in spec or USUAL_LABELS.fullmatch(spec):
        return
    yield Secret(what, spec)
    where = spec.partition("=")[2] or spec
    for pattern in (MAC, UUID):
        yield from (Secret(what, match[0]) for match in pattern.finditer(spec))
    for match in _OPTION.finditer(where):
        yield Secret(what, match[1])
        yield Secret(what, unquote(match[1]))
    if where.startswith("ble:"):
        yield Secret(what, where.split(":", 1)[1].rpartition(":")[0])
    path = re.split(r"[?]|(?<=\w):(?![\\/])", where.removeprefix("serial:"))[0]
    if "." in path or "/" in path or "\\" in path:
        name = re.split(r"[\\/]", path)[-1]
        yield from (Secret("file", text) for text in (path, name, name.partition(".")[0]))


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield every other text of the description, with its name."""
    if name in UNREVEALING:
        return
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)


PROGRAMS_OWN = (
    *("signal", "source", "audio", "phase", "baseline", "end fade", "cue", "fault", "emergency stop"),
    *("session", "question", "assessment", "volume"),
)
"""Types of markers whose texts this program writes itself."""

TEXT_KEYS = ("text", "note", "comment", "what", "name", "reason")


def told_by_people(stream: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person, or another program, wrote into an object of one of the streams of JSON."""
    if stream not in JSON_STREAMS or stream == "decisions":
        return
    if stream == "markers" and entry.get("type") in PROGRAMS_OWN:
        return
    for source in (entry, entry.get("args")):
        if isinstance(source, Mapping):
            keys = TEXT_KEYS if source is not entry or stream != "commands" else TEXT_KEYS[:-2]
            yield from (str(source[key]) for key in keys if isinstance(source.get(key), str))
