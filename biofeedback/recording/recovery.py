"""Sessions that were cut off by a crash, a kill or a power cut: closed as well as can be, nothing lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.audio import FLAC_NAME, WAV_NAME, is_unfinished, keep_as_flac
from biofeedback.recording.reader import StoredStream, open_streams, recorded_score, recorded_seconds
from biofeedback.recording.storage import (
    META_NAME,
    XDF_NAME,
    atomic_path,
    checksums,
    held_by_us,
    read_meta,
    write_meta,
    write_whole,
)
from generator.events import write_midi

REASON = "cut off"

_BEGINNING = timedelta(minutes=1)
"""So long after ``session.json`` was written, a recording may yet be about to begin."""

_MIDI = "score.mid"


def recover(
    directory: Path, *, at: datetime, about: Mapping[str, Any] | None = None
) -> tuple[str, ...] | None:
    """Close a session that was cut off.

    What follows the last whole chunk of ``session.xdf`` is moved to ``session.xdf.rest``; ``audio.flac`` is
    made of the sound recorded so far, ``score.mid`` of the recorded notes, and ``session.json`` gets an `end`
    with the reason ``cut off`` and checksums.
    A recovery that is itself cut off can be done again.

    Parameters
    ----------
    directory : Path
        The session's.
    at : datetime
        The moment, on the wall clock.
    about : mapping, optional
        What else `end` is to say.

    Returns
    -------
    tuple of str, or None
        What was done, one sentence each; None where there was nothing to do: the session was closed, or is
        being recorded.

    Raises
    ------
    RecordingError
        If the directory holds no session, or cannot be written.
    """
    meta = read_meta(directory)
    if "end" in meta:
        return None
    path = directory / XDF_NAME
    try:
        if not path.exists():
            written = datetime.fromtimestamp((directory / META_NAME).stat().st_mtime, UTC)
            if abs(at - written) < _BEGINNING:
                return None
            write_whole(path, xdf.file_header())
        with held_by_us(path) as free:
            return _close(directory, at, about or {}) if free else None
    except OSError as error:
        raise RecordingError(f"{directory} cannot be recovered: {error.strerror or error}") from None


def _close(directory: Path, at: datetime, about: Mapping[str, Any]) -> tuple[str, ...] | None:
    meta = read_meta(directory)
    if "end" in meta:  # it was closed while we waited
        return None
    said = [*_cut(directory / XDF_NAME), *_sound(directory)]
    streams, t0_s = open_streams(directory), float(meta["t0_s"])
    duration_s = recorded_seconds(streams, t0_s)
    said.insert(0, f"{duration_s:.1f} s of recording are there")
    said += _score(directory / _MIDI, streams, t0_s)
    meta["end"] = {
        "reason": REASON,
        "duration_s": duration_s,
        "faults": ["the session was cut off; its last second may be missing"],
        "recovered": {"at": at.isoformat(), "did": said},
        **about,
        "checksums": checksums(directory),
    }
    write_meta(directory, meta)
    return tuple(said)


def _cut(path: Path) -> list[str]:
    """Move what follows the last whole chunk to a file beside it."""
    data = path.read_bytes()
    if not data.startswith(xdf.MAGIC):
        raise RecordingError(f"{path} is not an XDF file; it was left as it is")
    places = [stop for _, _, stop in xdf.chunk_places(memoryview(data))]
    end = places[-1] if places else len(xdf.MAGIC)
    rest = data[end:]
    if not rest:
        return []
    if first := _lacking(rest):
        with path.open("r+b") as file:
            file.seek(end)
            file.write(first)
        return [f"the last write of {len(rest)} bytes was completed"]
    if xdf.BOUNDARY_UUID in rest:
        return [f"{path.name} is damaged at byte {end}; it was left as it is"]
    write_whole(path.with_name(f"{path.name}.rest"), rest)
    with path.open("r+b") as file:
        file.truncate(end)
    return [f"{len(rest)} bytes of an unfinished chunk were moved to {path.name}.rest"]


def _lacking(rest: bytes) -> bytes:
    """Return the first byte, written last, of an append that is whole but for it; else nothing."""
    for first in (b"\x01", b"\x04", b"\x08"):  # how a chunk begins
        whole = xdf.MAGIC + first + rest[1:]
        places = [stop for _, _, stop in xdf.chunk_places(memoryview(whole))]
        if rest[0] == 0 and places and places[-1] == len(whole):
            return first
    return b""


def _sound(directory: Path) -> list[str]:
    """Keep a sound that was cut off as FLAC."""
    path = next((path for name in (WAV_NAME, FLAC_NAME) if (path := directory / name).exists()), None)
    if path is None or not is_unfinished(path):
        return []
    try:
        seconds = keep_as_flac(path)
    except RecordingError as error:  # on a disk that is still full, say; the rest can be recovered
        return [f"{path.name} was left as it is: {error}"]
    if not seconds:
        return [f"{path.name} holds no sound that can be saved; it was left as it is"]
    return [f"{seconds:.1f} s of sound were saved"]


def _score(path: Path, streams: Mapping[str, StoredStream], t0_s: float) -> list[str]:
    """Make the MIDI file from what is recorded."""
    try:
        score = recorded_score(streams, t0_s)
    except RecordingError:  # of notes that this version cannot play
        return []
    if not score.notes:
        return []
    with atomic_path(path) as part:
        write_midi(part, score.notes, score.beats, score.metre)
    return [f"{path.name} was made from {len(score.notes)} recorded notes"]
