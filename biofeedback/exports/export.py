"""Exporting sessions as one data set: formats, notes and sound, README, search for identifiers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from biofeedback.errors import IdentifyingContent, UsageError
from biofeedback.exports import Format, bids
from biofeedback.exports.consent import StoreEntry, number_participants, permission, refusal
from biofeedback.exports.deidentification import NEUTRAL_TIME_S, find_identifiers, free_texts, identifiers_of
from biofeedback.exports.edf import EdfChannel, write_edf
from biofeedback.exports.identifier_search import Identifier, IdentifierSearch
from biofeedback.exports.source import DisclosurePolicy, SessionSource, parsed, protocols_words
from biofeedback.exports.tables import Column, tables, write_csv, write_parquet
from biofeedback.exports.wording import ABOUT, CUT, DEIDENTIFIED, IDENTIFIED, TITLES, USE, WITH_TEXT
from biofeedback.recording.audio import open_sound, sound_blocks, sound_path, write_sound_file
from biofeedback.recording.reader import StoredStream, open_streams, recorded_score
from biofeedback.recording.storage import META_NAME, atomic_folder, checksums, file_sha256, read_meta
from biofeedback.recording.streams import JSON_STREAMS
from generator.events import write_midi


@dataclass(slots=True, kw_only=True)
class WrittenFiles:
    """What was written of a session.

    Attributes
    ----------
    files : dict of str to str
        What each file is, by its path in the export.
    columns : dict of str to tuple of Column
        The columns of tables, by stream.
    channels : tuple of EdfChannel
        The signals of its EDF file.
    left_out : list of str
        What could not be written, and why.
    """

    files: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    channels: tuple[EdfChannel, ...] = ()
    left_out: list[str] = field(default_factory=list)


def provenance(source: SessionSource, written: WrittenFiles, checksums: Mapping[str, str]) -> dict[str, Any]:
    """Return where the contents of a session's files come from."""
    meta, end = source.meta, source.meta.get("end") or {}
    protocol = meta.get("protocol") or {}
    told: dict[str, Any] = {
        "session": source.name,
        "recorded_by": meta.get("versions", {}),
        "protocol": {
            "id": source.protocol_id,
            "version": protocol.get("version"),
            "sha256": meta.get("protocol_sha256"),
            "arm": protocol.get("arm"),
        },
        "seed": meta.get("seed"),
        "music": meta.get("piece"),
        "composer_version": meta.get("composer_version", 1),
        "samples_version": meta.get("samples_version"),
        "duration_s": source.duration_s,
        "complete": source.complete,
        "ended": source.policy.text(str(end.get("reason", "not recorded"))),
        "source_sha256": dict(checksums),
        "streams": {
            stream.header.name: {
                "kind": stream.header.kind,
                "nominal_rate_hz": stream.header.rate_hz,
                "units": list(stream.header.units),
            }
            for stream in source.inputs()
        },
        "left_out": written.left_out,
    }
    if source.policy.identified:
        told["identified"] = {
            "client": source.client,
            "directory": str(source.directory),
            **{key: meta.get(key) for key in ("t0_wall", "arguments", "inputs", "protocol", "end")},
        }
    return told


def readme(kind: str, sources: Sequence[SessionSource], written: Sequence[WrittenFiles], version: str) -> str:
    """Return the README of a folder, Markdown."""
    policy = sources[0].policy
    lines = [f"# {TITLES[kind]}", "", USE, ""]
    stated = DEIDENTIFIED.format(text=WITH_TEXT if policy.with_text else "")
    lines += [IDENTIFIED if policy.identified else stated, "", ABOUT[kind], ""]
    lines += ["## Files", "", "| file | what it is |", "| --- | --- |"]
    lines += [f"| `{path}` | {what} |" for one in written for path, what in one.files.items()]
    columns = {name: columns for one in written for name, columns in one.columns.items()}
    if columns:
        lines += ["", "## Columns", "", "| stream | column | unit | meaning |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {name} | `{column.name}` | {column.unit} | {column.meaning} |"
            for name, of_stream in columns.items()
            for column in of_stream
        ]
    lines += _channels(sources, written)
    missing = [
        f"- {source.name}: {what}"
        for source, one in zip(sources, written, strict=True)
        for what in one.left_out
    ]
    if missing:
        lines += ["", "## Not here", "", *missing]
    lines += ["", "## Where it comes from", "", f"Exported by biofeedback-music {version}.", ""]
    lines += [_origin(source) for source in sources]
    return "\n".join(lines) + "\n"


def _channels(sources: Sequence[SessionSource], written: Sequence[WrittenFiles]) -> list[str]:
    lines = []
    for source, one in zip(sources, written, strict=True):
        for channel in one.channels:
            off = (
                f", {channel.repeated} repeated and {channel.left_out} left out"
                if channel.repeated + channel.left_out
                else ""
            )
            lines.append(
                f"| {source.name} | `{channel.label}` | {channel.unit} | {channel.rate_hz:g} | "
                f"{channel.physical[0]:g} to {channel.physical[1]:g} | ±{channel.error:.2g} | "
                f"{1000 * channel.deviation_s:.2f} ms{off} |"
            )
    if not lines:
        return []
    head = "| session | signal | unit | Hz | physical range | error | farthest from its stamp |"
    return ["", "## Signals", "", head, "| --- | --- | --- | --- | --- | --- | --- |", *lines]


def _origin(source: SessionSource) -> str:
    meta = source.meta
    protocol = meta.get("protocol") or {}
    cut = "" if source.complete else f" {CUT}"
    by = (meta.get("versions") or {}).get("biofeedback-music", "an unknown version")
    return (
        f"- {source.name}: recorded by biofeedback-music {by}, {source.duration_s:.1f} s; protocol "
        f"{source.protocol_id}, version {protocol.get('version', 'unknown')}, SHA-256 "
        f"`{meta.get('protocol_sha256') or 'unknown'}`; seed {meta.get('seed')}.{cut} Checksums of the "
        "source: `provenance.json`."
    )


Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is to be exported, and how.

    Attributes
    ----------
    formats : tuple of Format
        One is written into the folder itself, several into a folder each.
    out : Path
        The folder; must not exist, or be empty.
    key : bytes
        Of the participants' numbers.
    identified, with_text : bool
        Whether what identifies stays; whether what people wrote stays.
    consent_stated : bool
        Whether somebody vouches that the clients have agreed to research, where nothing tells.
    sound : str
        ``flac`` or ``wav``.
    """

    formats: tuple[Format, ...]
    out: Path
    key: bytes
    identified: bool = False
    with_text: bool = False
    consent_stated: bool = False
    sound: Literal["flac", "wav"] = "flac"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """What came of it: the folder, its files, and a line for everything that is not in it."""

    folder: Path
    files: int
    left_out: tuple[str, ...] = field(default=())


def export(
    directories: Sequence[Path],
    order: ExportRequest,
    *,
    know: Callable[[Path], StoreEntry | None] = lambda _: None,
    progress: Progress = lambda _, __: None,
) -> ExportResult:
    """Export sessions as one data set.

    All is written beside the folder first and takes its name when it is whole and, unless it is to stay
    identified, was searched for what identifies.

    Parameters
    ----------
    directories : sequence of Path
        The sessions.
    order : ExportRequest
        What is wanted.
    know : callable
        Returns what the store knows of a session; None where it does not know it.
    progress : callable
        Told the share done, 0 to 1, and what is being done.

    Raises
    ------
    UsageError
        If the folder holds something, a session is given twice, or one is not known to be for research.
    RecordingError
        If a session cannot be read or the export not be written.
    IdentifyingContent
        If something that identifies was found in the export, which is then removed.
    """
    _refuse(directories, order.out)
    sources, secrets = _sources(directories, order, know)
    with atomic_folder(order.out) as part:
        left_out = _write(sources, order, part, progress)
        if not order.identified:
            progress(0.95, "searching for what identifies")
            if findings := find_identifiers(part, secrets):
                raise IdentifyingContent(findings)
        files = sum(path.is_file() for path in part.rglob("*"))
    progress(1.0, "")
    return ExportResult(folder=order.out, files=files, left_out=tuple(left_out))


def _refuse(directories: Sequence[Path], out: Path) -> None:
    places = [directory.resolve() for directory in directories]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise UsageError(f"{directories[number]} is given twice")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists already; nothing is overwritten: choose another folder")
    if any(out.resolve() == place or out.resolve().is_relative_to(place) for place in places):
        raise UsageError(f"{out} lies in a session; choose another folder")


def _sources(
    directories: Sequence[Path], order: ExportRequest, know: Callable[[Path], StoreEntry | None]
) -> tuple[list[SessionSource], tuple[Identifier, ...]]:
    opened: list[tuple[Path, dict[str, Any], Mapping[str, StoredStream], str | None]] = []
    secrets: dict[Identifier, None] = {}
    for directory in directories:
        meta, streams, entry = read_meta(directory), open_streams(directory), know(directory)
        allowed = permission(meta, entry, stated=order.consent_stated)
        if not (allowed.allowed or order.identified):
            raise UsageError(refusal(allowed, directory))
        known = entry or StoreEntry()
        told = () if order.with_text else _told(streams, known)
        secrets |= dict.fromkeys(identifiers_of(directory, meta, client=known.client, told=told))
        secrets |= dict.fromkeys(Identifier("id in the store", text) for text in known.ids)
        opened.append((directory, meta, streams, known.client))
    search = IdentifierSearch(() if order.identified else secrets)
    starts = [(client, str(meta.get("t0_wall"))) for _, meta, _, client in opened]
    sources = [
        SessionSource(
            directory=directory,
            meta=meta,
            streams=streams,
            subject=number.subject,
            session=number.session,
            client=client,
            policy=DisclosurePolicy(
                identified=order.identified,
                with_text=order.with_text,
                words=protocols_words(meta.get("protocol")),
                search=search,
            ),
        )
        for (directory, meta, streams, client), number in zip(
            opened, number_participants(starts, order.key), strict=True
        )
    ]
    return sorted(sources, key=lambda source: source.name), tuple(secrets)


def _told(streams: Mapping[str, StoredStream], known: StoreEntry) -> Iterator[str]:
    yield from known.texts
    for name in JSON_STREAMS:
        if name in streams:
            for text in streams[name].texts()[1]:
                yield from free_texts(name, parsed(text, name))


def _write(
    sources: Sequence[SessionSource], order: ExportRequest, part: Path, progress: Progress
) -> list[str]:
    version = metadata.version("biofeedback-music")
    sources_sha256 = [
        {**checksums(source.directory), META_NAME: file_sha256(source.directory / META_NAME)}
        for source in sources
    ]
    left_out: list[str] = []
    steps = len(order.formats) * len(sources)
    for place, kind in enumerate(order.formats):
        folder = part if len(order.formats) == 1 else part / kind
        folder.mkdir(exist_ok=True)
        written = []
        for number, source in enumerate(sources):
            progress(0.9 * (place * len(sources) + number) / steps, f"{kind}, {source.name}")
            one = _write_session(kind, source, folder, order)
            written.append(one)
            left_out += [f"{kind}, {source.name}: {what}" for what in one.left_out]
        told = [provenance(*both) for both in zip(sources, written, sources_sha256, strict=True)]
        where = folder
        if kind == "bids":
            bids.write_dataset(folder, sources, version=version)
            where = folder / "sourcedata"
            where.mkdir()
        bids.write_json(where / "provenance.json", {"software": version, "sessions": told})
        (folder / "README.md").write_text(readme(kind, sources, written, version), encoding="utf-8")
    for path in (part, *part.rglob("*")):
        os.utime(path, (NEUTRAL_TIME_S, NEUTRAL_TIME_S))
    return left_out


def _write_session(kind: Format, source: SessionSource, folder: Path, order: ExportRequest) -> WrittenFiles:
    written = WrittenFiles()
    if kind == "bids":
        bids.write_session(source, folder)
        written.files[f"{source.place.as_posix()}/beh/"] = "the session"
        return written
    place = folder / source.place
    place.mkdir(parents=True)
    if kind in {"csv", "parquet"}:
        write = write_csv if kind == "csv" else write_parquet
        for table in tables(source):
            path = place / f"{table.name}.{kind}"
            write(table, path)
            rate = f", {table.rate_hz:g} Hz" if table.rate_hz else ""
            written.files[path.relative_to(folder).as_posix()] = f"stream {table.name}{rate}"
            written.columns[table.name] = table.columns
        return written
    ending = {"edf": "edf", "midi": "mid", "audio": order.sound}[kind]
    path = place / f"{source.name}.{ending}"
    if kind == "edf":
        result = write_edf(source, path)
        written.channels, written.left_out = result.channels, [*result.left_out]
        if not written.channels:
            written.left_out.append("no signal with a rate was recorded")
    elif kind == "midi":
        if not write_notes(source, path):
            written.left_out.append("no note sounded")
    elif not write_sound(source, path):
        written.left_out.append("no sound was kept")
    if path.exists():
        written.files[path.relative_to(folder).as_posix()] = "the session"
    return written


LARGEST_WAV = 4_000_000_000


def write_notes(source: SessionSource, path: Path) -> int:
    """Write the notes that sounded as a Standard MIDI File; return how many there are.

    Times are those from the session's start, as they sounded. Nothing is written where there are none.

    Raises
    ------
    RecordingError
        If the recording names a layer that this program does not have.
    """
    score = recorded_score(source.streams, source.t0_s)
    if score.notes:
        write_midi(path, score.notes, score.beats, score.metre)
    return len(score.notes)


def write_sound(source: SessionSource, path: Path) -> int:
    """Write the sound anew, sample for sample, without tags; return how many frames there are.

    Nothing is written where no sound was kept. A sound file that was not closed is read up to its last whole
    block.

    Parameters
    ----------
    source : SessionSource
        The session.
    path : Path
        Ends in ``.flac`` or ``.wav``. A WAV file above 4 GB becomes RF64, as the EBU recommends.

    Raises
    ------
    RecordingError
        If the sound cannot be read or written.
    """
    kept = sound_path(source.directory)
    if kept is None:
        return 0
    kind = path.suffix[1:].upper()
    if kind == "WAV" and kept.stat().st_size * 2 > LARGEST_WAV:
        kind = "RF64"
    with open_sound(kept) as sound:
        return write_sound_file(path, sound, sound_blocks(sound), form=kind, name=path)
