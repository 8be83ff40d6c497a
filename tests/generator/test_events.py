"""The table of notes."""

import csv
from pathlib import Path

import pytest

from generator.events import write_events
from generator.performance.controls import BLOCK_S
from generator.performance.performance import Performance
from generator.score import SAMPLE_RATE, NoteEvent
from generator.state import MusicState, Piece

HEADER = "time_s,duration_s,beat,bar,pitch,velocity,layer\n"


def test_what_is_written_is_read_back_to_the_sample(tmp_path: Path) -> None:
    performance = Performance(Piece())
    state = MusicState(layers=8, tempo_bpm=67.3)
    notes = [note for _ in range(round(120 / BLOCK_S)) for note in performance.block(state).notes]
    write_events(tmp_path / "events.csv", notes)
    with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as file:
        again = list(csv.DictReader(file))
    for row, note in zip(again, notes, strict=True):
        assert round(float(row["time_s"]) * SAMPLE_RATE) == note.frame
        assert float(row["duration_s"]) == pytest.approx(note.duration_s, abs=1e-6)
        assert float(row["beat"]) == note.beat
        assert (int(row["bar"]), int(row["pitch"])) == (note.bar, note.pitch)
        assert (int(row["velocity"]), row["layer"]) == (note.velocity, note.layer)


def test_the_table_looks_like_this(tmp_path: Path) -> None:
    note = NoteEvent(
        frame=48_001, number=0, duration_s=1.25, beat=1.5, bar=0, pitch=62, velocity=54, layer="melody"
    )
    write_events(tmp_path / "events.csv", [note])
    assert (
        tmp_path / "events.csv"
    ).read_bytes() == HEADER.encode() + b"1.000021,1.250000,1.5,0,62,54,melody\n"
