"""The table of notes: written, read back, refused."""

from pathlib import Path

import pytest

from generator.errors import EventsError
from generator.events import read_events, write_events
from generator.performance.performance import BLOCK_S, Performance
from generator.score import NoteEvent
from generator.state import MusicState, Piece

HEADER = "time_s,duration_s,beat,bar,pitch,velocity,layer\n"


def test_what_is_written_is_read_back_to_the_sample(tmp_path: Path) -> None:
    performance = Performance(Piece())
    state = MusicState(layers=8, tempo_bpm=67.3)
    notes = [note for _ in range(round(120 / BLOCK_S)) for note in performance.block(state).notes]
    write_events(tmp_path / "events.csv", notes)
    again = read_events(tmp_path / "events.csv")
    assert [(n.frame, n.beat, n.bar, n.pitch, n.velocity, n.layer) for n in again] == [
        (n.frame, n.beat, n.bar, n.pitch, n.velocity, n.layer) for n in notes
    ]
    assert [n.duration_s for n in again] == pytest.approx([n.duration_s for n in notes], abs=1e-6)


def test_the_table_looks_like_this(tmp_path: Path) -> None:
    note = NoteEvent(frame=48_001, duration_s=1.25, beat=1.5, bar=0, pitch=62, velocity=54, layer="melody")
    write_events(tmp_path / "events.csv", [note])
    assert (
        tmp_path / "events.csv"
    ).read_bytes() == HEADER.encode() + b"1.000021,1.250000,1.5,0,62,54,melody\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_s,pitch\n", r"events\.csv, line 1: the columns must be time_s,duration_s,"),
        ("", r"events\.csv, line 1: the columns must be"),
        (HEADER + "0,1,0,0,sixty,50,pad\n", r"events\.csv, line 2: '0,1,0,0,sixty,50,pad' is not a note"),
        (HEADER + "0,1,0,0,60,50\n", r"line 2: '0,1,0,0,60,50' is not a note"),
        (HEADER + "0,1,0,0,60,50,pad\ninf,1,0,0,60,50,pad\n", r"line 3: 'inf,.*' is not a note"),
        (HEADER + "0,1,0,0,60,50,tuba\n", r"line 2: .*the layer is one of pad, melody,"),
        (HEADER + "0,1,0,0,60,0,pad\n", r"line 2: .*velocity between 1 and 127"),
    ],
)
def test_what_is_no_table_of_notes_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(text, encoding="utf-8")
    with pytest.raises(EventsError, match=message):
        read_events(tmp_path / "events.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EventsError, match=r"missing\.csv cannot be read"):
        read_events(tmp_path / "missing.csv")
