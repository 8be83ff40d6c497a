"""The proof that an export identifies nobody, as far as texts and dates can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from biofeedback.exports.contents import Extremes, Fault, contents
from biofeedback.exports.search import Hit, Search
from biofeedback.exports.secrets import Secret

NEUTRAL_TIME_S = 946_684_800
"""The date every file of an export bears: the beginning of the year 2000, UTC."""

_SHIFT_S = 86_400
"""File systems and archives that keep local times may shift a file's date by the time zone."""


@dataclass(frozen=True, slots=True)
class Finding:
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


def deidentified(folder: Path, secrets: Iterable[Secret]) -> tuple[Finding, ...]:
    """Search every file of a folder for what identifies: names, contents, metadata and dates.

    Looks into gzip, Parquet, EDF, MIDI, FLAC, WAV and XDF files, for the secrets however they are written,
    and besides for dates, addresses of devices, unique ids, paths of users, and numbers that are the Unix
    time of a session. What no text tells (a heartbeat is as personal as a fingerprint) it cannot find.

    Parameters
    ----------
    folder : Path
        What is to leave.
    secrets : iterable of Secret
        What the source knows, see `biofeedback.exports.secrets.secrets_of`.

    Returns
    -------
    tuple of Finding
        None where nothing was found. A file that cannot be read is a finding.
    """
    search = Search(secrets)
    findings: dict[Finding, None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        for what in _of_file(path, name, search):
            findings[Finding(name, what)] = None
    return tuple(findings)


def _of_file(path: Path, name: str, search: Search) -> Iterator[str]:
    yield from (_said(hit, "the file's name") for hit in search.in_text(name))
    if abs(path.stat().st_mtime - NEUTRAL_TIME_S) > _SHIFT_S:
        yield "the file's date is that of its making"
    if not path.is_file():
        return
    try:
        for piece in contents(path):
            if isinstance(piece, Fault):
                yield piece.what
            elif isinstance(piece, Extremes):
                if search.of_moment(piece.low) or search.of_moment(piece.high):
                    yield f"the wall clock in {piece.where}"
            else:
                yield from (_said(hit, piece.where) for hit in search.in_text(piece.text))
    except Exception as error:  # noqa: BLE001 - each library raises its own for what it cannot read
        yield f"it cannot be searched ({type(error).__name__}: {error})"


def _said(hit: Hit, where: str) -> str:
    return f"{hit.what} {hit.text!r} in {where}"
