"""The notes of a performance as a table: ``time_s,duration_s,beat,bar,pitch,velocity,layer``."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from generator.errors import EventsError
from generator.score import SAMPLE_RATE, NoteEvent
from generator.state import LAYERS

COLUMNS = ("time_s", "duration_s", "beat", "bar", "pitch", "velocity", "layer")


def write_events(path: Path, notes: Iterable[NoteEvent]) -> None:
    """Write notes, one a line, in the order given.

    Times have six decimals, enough to tell every sample from its neighbours.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(
            (
                f"{note.time_s:.6f}",
                f"{note.duration_s:.6f}",
                note.beat,
                note.bar,
                note.pitch,
                note.velocity,
                note.layer,
            )
            for note in notes
        )


def read_events(path: Path) -> list[NoteEvent]:
    """Read notes written by `write_events`.

    Raises
    ------
    EventsError
        Where the file cannot be read, or a line is not a note; file and line are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != COLUMNS:
                raise EventsError(f"{path}, line 1: the columns must be {','.join(COLUMNS)}")
            return [_note(row, f"{path}, line {rows.line_num}") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EventsError(f"{path} cannot be read: {error}") from error


def _note(row: list[str], where: str) -> NoteEvent:
    try:
        time_s, duration_s, beat, bar, pitch, velocity, layer = row
        note = NoteEvent(
            frame=round(float(time_s) * SAMPLE_RATE),
            duration_s=float(duration_s),
            beat=float(beat),
            bar=int(bar),
            pitch=int(pitch),
            velocity=int(velocity),
            layer=layer,
        )
    except (ValueError, OverflowError) as error:
        raise EventsError(f"{where}: {','.join(row)!r} is not a note ({','.join(COLUMNS)})") from error
    if not (note.frame >= 0 and 0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 and layer in LAYERS):
        raise EventsError(
            f"{where}: time must not be negative, pitch lies between 0 and 127, velocity between 1 and 127, "
            f"and the layer is one of {', '.join(LAYERS)}; this is {','.join(row)}"
        )
    return note
