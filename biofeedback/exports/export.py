"""Sessions out of the house: in open formats, without what identifies, and checked."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal, get_args

from biofeedback.errors import IdentifyingContent, UsageError
from biofeedback.exports import bids, readme
from biofeedback.exports.check import NEUTRAL_TIME_S, deidentified
from biofeedback.exports.consent import StoreEntry, permission, refusal
from biofeedback.exports.edf import write_edf
from biofeedback.exports.identity import numbered
from biofeedback.exports.policy import Policy, protocols_words
from biofeedback.exports.readme import Written
from biofeedback.exports.search import Search
from biofeedback.exports.secrets import Secret, secrets_of, told_by_people
from biofeedback.exports.sound import write_notes, write_sound
from biofeedback.exports.source import Source, parsed
from biofeedback.exports.tables import tables
from biofeedback.exports.tabular import write_csv, write_parquet
from biofeedback.recording.blocks import StoredStream, open_streams
from biofeedback.recording.reader import read_meta
from biofeedback.recording.recorder import FILES, META_NAME
from biofeedback.recording.storage import atomic_folder
from biofeedback.recording.streams import JSON_STREAMS

Format = Literal["csv", "parquet", "bids", "edf", "midi", "audio"]
FORMATS: tuple[Format, ...] = get_args(Format)

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
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
class Exported:
    """What came of it: the folder, its files, and a line for everything that is not in it."""

    folder: Path
    files: int
    left_out: tuple[str, ...] = field(default=())


def export(
    directories: Sequence[Path],
    order: Order,
    *,
    know: Callable[[Path], StoreEntry | None] = lambda _: None,
    progress: Progress = lambda _, __: None,
) -> Exported:
    """Export sessions as one data set.

    All is written beside the folder first and takes its name when it is whole and, unless it is to stay
    identified, was searched for what identifies.

    Parameters
    ----------
    directories : sequence of Path
        The sessions.
    order : Order
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
            if findings := deidentified(part, secrets):
                raise IdentifyingContent(findings)
        files = sum(path.is_file() for path in part.rglob("*"))
    progress(1.0, "")
    return Exported(folder=order.out, files=files, left_out=tuple(left_out))


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
    directories: Sequence[Path], order: Order, know: Callable[[Path], StoreEntry | None]
) -> tuple[list[Source], tuple[Secret, ...]]:
    metas = [read_meta(directory) for directory in directories]
    streams = [open_streams(directory) for directory in directories]
    entries = [know(directory) for directory in directories]
    for directory, meta, entry in zip(directories, metas, entries, strict=True):
        allowed = permission(meta, entry, stated=order.consent_stated)
        if not (allowed.allowed or order.identified):
            raise UsageError(refusal(allowed, directory))
    known = [entry or StoreEntry() for entry in entries]
    secrets = [
        secret
        for directory, meta, of_session, one in zip(directories, metas, streams, known, strict=True)
        for secret in (
            *secrets_of(
                directory, meta, client=one.client, told=() if order.with_text else _told(of_session, one)
            ),
            *(Secret("id in the store", text) for text in one.ids),
        )
    ]
    search = Search(() if order.identified else secrets)
    clients = [one.client for one in known]
    starts = [str(meta.get("t0_wall")) for meta in metas]
    sources = [
        Source(
            directory=directory,
            meta=meta,
            streams=of_session,
            subject=number.subject,
            session=number.session,
            client=client,
            policy=Policy(
                identified=order.identified,
                with_text=order.with_text,
                words=protocols_words(meta.get("protocol")),
                search=search,
            ),
        )
        for directory, meta, of_session, client, number in zip(
            directories,
            metas,
            streams,
            clients,
            numbered(list(zip(clients, starts, strict=True)), order.key),
            strict=True,
        )
    ]
    return sorted(sources, key=lambda source: source.name), tuple(dict.fromkeys(secrets))


def _told(streams: Mapping[str, StoredStream], known: StoreEntry) -> Iterator[str]:
    yield from known.texts
    for name in JSON_STREAMS:
        if name in streams:
            for text in streams[name].texts()[1]:
                yield from told_by_people(name, parsed(text, name))


def _write(sources: Sequence[Source], order: Order, part: Path, progress: Progress) -> list[str]:
    version = metadata.version("biofeedback-music")
    checksums = [_checksums(source.directory) for source in sources]
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
        told = [readme.provenance(*both) for both in zip(sources, written, checksums, strict=True)]
        where = folder
        if kind == "bids":
            bids.write_dataset(folder, sources, version=version)
            where = folder / "sourcedata"
            where.mkdir()
        text = json.dumps({"software": version, "sessions": told}, indent=2, ensure_ascii=False)
        (where / "provenance.json").write_text(text + "\n", encoding="utf-8")
        (folder / "README.md").write_text(readme.readme(kind, sources, written, version), encoding="utf-8")
    for path in (part, *part.rglob("*")):
        os.utime(path, (NEUTRAL_TIME_S, NEUTRAL_TIME_S))
    return left_out


def _write_session(kind: Format, source: Source, folder: Path, order: Order) -> Written:
    written = Written()
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
        written.channels, written.left_out = write_edf(source, path)
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


def _checksums(directory: Path) -> dict[str, str]:
    found = {}
    for name in (*FILES, META_NAME):
        if (directory / name).exists():
            with (directory / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
