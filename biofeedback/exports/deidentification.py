"""What identifies the person in a session, and the search of an export for it."""

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

from biofeedback.exports.identifier_search import CLIENT, MAC, UUID, Hit, Identifier, IdentifierSearch
from biofeedback.exports.text_extraction import ColumnRange, FormatLeak, extract_texts
from biofeedback.recording.recorder import META_NAME
from biofeedback.recording.streams import JSON_STREAMS

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

_NOBODY = {"root", "user", "admin", "administrator", "localhost"}
_OPTION = re.compile(r"(?:^|[?&,;:])(?:name|uid|source_id|hostname|session_id|id)=([^&,;]+)")


def identifiers_of(
    directory: Path, meta: Mapping[str, Any], *, client: str | None = None, told: Iterable[str] = ()
) -> tuple[Identifier, ...]:
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
        *(Identifier(f"{META_NAME}: {name}", text) for name, text in _leaves(meta, "")),
        *(Identifier("free text", text) for text in told if len(text.strip()) >= LEAST_TEXT),
    ]
    if client:
        found.append(Identifier(CLIENT, client))
    distinct = {(secret.text.strip(), secret.what): secret for secret in found}
    return tuple(secret for secret in distinct.values() if len(secret.text.strip()) >= _least(secret))


def _least(secret: Identifier) -> int:
    return 2 if secret.what == CLIENT else LEAST_LETTERS


def _place(directory: Path) -> Iterator[Identifier]:
    absolute = directory.resolve()
    yield Identifier("path", str(absolute))
    yield Identifier("name of the session's folder", absolute.name)
    yield Identifier("name of the computer", platform.node())
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a process whose user has no name
        return
    if name.lower() not in _NOBODY:
        yield Identifier("name of the user", name)


def _moment(wall: object) -> Iterator[Identifier]:
    try:
        moment = datetime.fromisoformat(str(wall))
    except ValueError:
        return
    yield Identifier("wall clock", moment.isoformat())
    for pattern in ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d-%b-%Y"):
        yield Identifier("date", moment.strftime(pattern))
    yield Identifier("time of day", moment.strftime("%H:%M:%S"))
    yield Identifier("wall clock", str(int(moment.timestamp())))


def _inputs(meta: Mapping[str, Any]) -> Iterator[Identifier]:
    for entry in meta.get("inputs", []):
        labels = [str(label) for label in entry.get("labels", ())]
        for text in (str(entry.get("stream_id", "")), str(entry.get("name", "")), *labels):
            yield from _parts(text)
    arguments = meta.get("arguments") or {}
    for spec in arguments.get("inputs", []):
        yield from _parts(str(spec))
    output = arguments.get("output") or {}
    if output.get("kind") not in {None, "paced"}:
        yield Identifier("sound device", str(output.get("name", "")))
    for fault in (meta.get("end") or {}).get("faults", []):
        yield Identifier("fault", str(fault))


def _parts(spec: str) -> Iterator[Identifier]:
    """Yield an input's specification or id, and the parts of it that name a device, a file or a person."""
    what = "device or input"
    if "virtual:" in spec or USUAL_LABELS.fullmatch(spec):
        return
    yield Identifier(what, spec)
    where = spec.partition("=")[2] or spec
    for pattern in (MAC, UUID):
        yield from (Identifier(what, match[0]) for match in pattern.finditer(spec))
    for match in _OPTION.finditer(where):
        yield Identifier(what, match[1])
        yield Identifier(what, unquote(match[1]))
    if where.startswith("ble:"):
        yield Identifier(what, where.split(":", 1)[1].rpartition(":")[0])
    path = re.split(r"[?]|(?<=\w):(?![\\/])", where.removeprefix("serial:"))[0]
    if "." in path or "/" in path or "\\" in path:
        name = re.split(r"[\\/]", path)[-1]
        yield from (Identifier("file", text) for text in (path, name, name.partition(".")[0]))


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


def free_texts(stream: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person, or another program, wrote into an object of one of the streams of JSON."""
    if stream not in JSON_STREAMS or stream == "decisions":
        return
    if stream == "markers" and entry.get("type") in PROGRAMS_OWN:
        return
    for source in (entry, entry.get("args")):
        if isinstance(source, Mapping):
            keys = TEXT_KEYS if source is not entry or stream != "commands" else TEXT_KEYS[:-2]
            yield from (str(source[key]) for key in keys if isinstance(source.get(key), str))


NEUTRAL_TIME_S = 946_684_800
"""The date every file of an export bears: the beginning of the year 2000, UTC."""

_SHIFT_S = 86_400
"""File systems and archives that keep local times may shift a file's date by the time zone."""


@dataclass(frozen=True, slots=True)
class IdentifierFinding:
    """Something that identifies.

    Attributes
    ----------
    file : str
        Path within the folder.
    what : str
        What it is, in words.
    """

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def find_identifiers(folder: Path, secrets: Iterable[Identifier]) -> tuple[IdentifierFinding, ...]:
    """Search every file of a folder for what identifies: names, contents, metadata and dates.

    Looks into gzip, Parquet, EDF, MIDI, FLAC, WAV and XDF files, for the secrets however they are written,
    and besides for dates, addresses of devices, unique ids, paths of users, and numbers that are the Unix
    time of a session. What no text tells (a heartbeat is as personal as a fingerprint) it cannot find.

    Parameters
    ----------
    folder : Path
        What is to leave.
    secrets : iterable of Identifier
        What the source knows, see `biofeedback.exports.secrets.identifiers_of`.

    Returns
    -------
    tuple of IdentifierFinding
        None where nothing was found. A file that cannot be read is a finding.
    """
    search = IdentifierSearch(secrets)
    findings: dict[IdentifierFinding, None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        for what in _of_file(path, name, search):
            findings[IdentifierFinding(name, what)] = None
    return tuple(findings)


def _of_file(path: Path, name: str, search: IdentifierSearch) -> Iterator[str]:
    yield from (_said(hit, "the file's name") for hit in search.in_text(name))
    if abs(path.stat().st_mtime - NEUTRAL_TIME_S) > _SHIFT_S:
        yield "the file's date is that of its making"
    if not path.is_file():
        return
    try:
        for piece in extract_texts(path):
            if isinstance(piece, FormatLeak):
                yield piece.what
            elif isinstance(piece, ColumnRange):
                if search.of_moment(piece.low) or search.of_moment(piece.high):
                    yield f"the wall clock in {piece.where}"
            else:
                yield from (_said(hit, piece.where) for hit in search.in_text(piece.text))
    except Exception as error:  # noqa: BLE001 - each library raises its own for what it cannot read
        yield f"it cannot be searched ({type(error).__name__}: {error})"


def _said(hit: Hit, where: str) -> str:
    return f"{hit.what} {hit.text!r} in {where}"
