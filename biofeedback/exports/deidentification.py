"""What identifies the person in a session, all texts of an export, and their search."""

from __future__ import annotations

import getpass
import gzip
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import edfio
import mido
import pyarrow as pa
import pyarrow.parquet as pq

from biofeedback.exports.identifier_search import CLIENT, MAC, UUID, Identifier, IdentifierSearch
from biofeedback.recording import xdf
from biofeedback.recording.storage import META_NAME
from biofeedback.recording.streams import JSON_STREAMS

LEAST_LETTERS = 3
"""Shorter texts occur by chance everywhere."""

LEAST_TEXT = 8
"""Of free text: shorter notes are words such as ``calm``, which protocols use too."""

UNREVEALING = (
    *("protocol.", "piece.", "seed.", "protocol_sha256.", "versions.", "samples_version."),
    *("streams.", "inputs.", "end."),
    *("t0_wall.", "consent.scopes.", "consent.sha256."),
    *("arguments.time.", "arguments.output.", "arguments.faults.", "arguments.inputs."),
)
"""What `session.json` says that identifies nobody, or that is looked at by name; all below it too."""

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
        *(
            Identifier(f"{META_NAME}: {name}", text)
            for name, text in named_texts(meta)
            if not f"{name}.".startswith(UNREVEALING)
        ),
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


def named_texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a JSON value with its name: ``consent.session``."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from named_texts(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from named_texts(item, name)


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


def _said(hit: Identifier, where: str) -> str:
    return f"{hit.what} {hit.text!r} in {where}"


BLOCK_BYTES = 4_000_000

GZIP_NAME = 0x08
EDF_START = b"01.01.8500.00.00"
"""What stands for an unknown start in an EDF header (clause 2.1.3.3 of EDF+)."""

_SOUND_ITSELF = {b"fmt ", b"data", b"fact", b"ds64"}
_FLAC_SOUND = {0, 3}  # STREAMINFO, SEEKTABLE


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...

    def readline(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class TextPassage:
    """Some text of a file and where it stands there."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class FormatLeak:
    """What a file gives away by its form: a date in a header, a file's name."""

    what: str


@dataclass(frozen=True, slots=True)
class ColumnRange:
    """Least and greatest value of a column of numbers."""

    where: str
    low: float
    high: float


def extract_texts(path: Path) -> Iterator[TextPassage | FormatLeak | ColumnRange]:
    """Yield what can tell something in a file.

    Raises
    ------
    OSError, ValueError
        If it is not what its name says, or damaged.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is not None:
        yield from reader(path)
        return
    with path.open("rb") as file:
        yield from _texts(file, "text")


def _texts(file: _Readable, where: str) -> Iterator[TextPassage]:
    """Yield a file's text in blocks of whole lines; what is not UTF-8 is read as other encodings too."""
    yield from _decoded(file.readline(), where)  # names of columns, apart from the numbers below them
    rest = b""
    while block := file.read(BLOCK_BYTES):
        block = rest + block
        end = block.rfind(b"\n") + 1 or len(block)
        rest = block[end:]
        yield from _decoded(block[:end], where)
    yield from _decoded(rest, where)


def _decoded(data: bytes, where: str) -> Iterator[TextPassage]:
    try:
        yield TextPassage(where, data.decode("utf-8"))
    except UnicodeDecodeError:
        yield TextPassage(where, data.decode("utf-8", errors="replace"))
        yield TextPassage(where, data.decode("latin-1"))
    if b"\0" in data:
        for encoding in ("utf-16-le", "utf-16-be"):
            yield TextPassage(where, data.decode(encoding, errors="replace"))


def _gzip(path: Path) -> Iterator[TextPassage | FormatLeak]:
    with path.open("rb") as file:
        header = file.read(10)
    if len(header) < 10 or header[3] & GZIP_NAME:
        yield FormatLeak("the gzip header names a file")
    if any(header[4:8]):
        yield FormatLeak("the gzip header holds a time")
    with gzip.open(path, "rb") as file:
        yield from _texts(file, "compressed text")


def _parquet(path: Path) -> Iterator[TextPassage | ColumnRange]:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        for key, value in (schema.metadata or {}).items():
            yield from _decoded(key + b" " + value, "metadata")
        for index, field in enumerate(schema):
            yield TextPassage("names of columns", field.name)
            for key, value in (field.metadata or {}).items():
                yield from _decoded(key + b" " + value, f"metadata of column {field.name}")
            for group in range(file.metadata.num_row_groups):
                figures = file.metadata.row_group(group).column(index).statistics
                if figures is not None and figures.has_min_max and isinstance(figures.max, float | int):
                    yield ColumnRange(f"column {field.name}", float(figures.min), float(figures.max))
        words = [field.name for field in schema if pa.types.is_string(field.type)]
        for batch in file.iter_batches(columns=words) if words else ():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                yield TextPassage(
                    f"column {name}", "\n".join(f'"{text}"' for text in column.to_pylist() if text)
                )


def _edf(path: Path) -> Iterator[TextPassage | FormatLeak]:
    with path.open("rb") as file:
        header = file.read(256)
        if header[168:184] != EDF_START:
            yield FormatLeak("the header holds a date or a time of day")
        yield from _decoded(header[:168], "header")
        yield from _decoded(file.read(int(header[184:192]) - 256), "header")
    for annotation in edfio.read_edf(path).annotations:
        yield TextPassage("annotations", annotation.text)


def _midi(path: Path) -> Iterator[TextPassage]:
    for track in mido.MidiFile(path).tracks:
        for message in track:
            for value in message.dict().values():
                if isinstance(value, str):
                    # mido reads bytes as Latin-1
                    yield from _decoded(value.encode("latin-1", errors="replace"), "text events")
                elif isinstance(value, tuple) and message.type in {"sysex", "sequencer_specific"}:
                    yield from _decoded(bytes(value), "events of a maker")


def _flac(path: Path) -> Iterator[TextPassage]:
    with path.open("rb") as file:
        if file.read(4) != b"fLaC":
            raise ValueError("it is not a FLAC file")
        last = False
        while not last:
            head = file.read(4)
            if len(head) < 4:
                raise ValueError("its metadata is cut off")
            last, kind = head[0] >= 0x80, head[0] & 0x7F
            data = file.read(int.from_bytes(head[1:], "big"))
            if kind not in _FLAC_SOUND:
                yield from _decoded(data, "tags")


def _wav(path: Path) -> Iterator[TextPassage]:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(12)
        while file.tell() + 8 <= size:
            head = file.read(8)
            length = int.from_bytes(head[4:], "little")
            if head[:4] in _SOUND_ITSELF:
                if length == 0xFFFFFFFF:  # RF64: the data are the rest
                    return
                file.seek(length + length % 2, 1)
            else:
                yield from _decoded(head[:4] + b" " + file.read(length + length % 2), "tags")


def _xdf(path: Path) -> Iterator[TextPassage]:
    text_streams: set[bytes] = set()
    file = path.read_bytes()
    for tag, start, stop in xdf.chunk_places(memoryview(file)):
        data = file[start:stop]
        if tag == xdf.Tag.FILE_HEADER:
            yield from _decoded(data, "file header")
        elif tag in (xdf.Tag.STREAM_HEADER, xdf.Tag.STREAM_FOOTER):
            if ET.fromstring(data[4:]).findtext("channel_format") == "string":  # noqa: S314 - see xdf.py
                text_streams.add(data[:4])
            yield from _decoded(data[4:], "headers")
        elif tag == xdf.Tag.SAMPLES and data[:4] in text_streams:
            yield from _decoded(data[4:], "samples")


_READERS = {
    ".gz": _gzip,
    ".parquet": _parquet,
    ".edf": _edf,
    ".mid": _midi,
    ".flac": _flac,
    ".wav": _wav,
    ".xdf": _xdf,
}
