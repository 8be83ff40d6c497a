"""Rendering: files as long as asked, sound and notes on one clock."""

import csv

import mido
import numpy as np
import pytest
import soundfile

from generator.errors import SoundError, StateError
from generator.render import SoundFile, render
from generator.score import SAMPLE_RATE
from generator.state import MusicState, Piece
from generator.trajectory import Trajectory

SLOWING = Trajectory(
    (0.0, 8.0), (MusicState(tempo_bpm=100.0, density=0.8), MusicState(tempo_bpm=60.0, density=0.8))
)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_note_stands_in_the_file_where_it_began(tmp_path, suffix):
    path = tmp_path / f"sound{suffix}"
    late = np.zeros((4800, 2), dtype=np.float32)
    late[1000 + 1600] = 0.5
    with SoundFile(path, latency_frames=1600) as file:
        for part in np.split(late, 6):
            file.write(part)
    samples, rate = soundfile.read(path)
    assert rate == SAMPLE_RATE
    assert samples.shape == late.shape
    assert np.flatnonzero(samples[:, 0]).tolist() == [1000]
    assert soundfile.info(path).subtype == "PCM_24"


def test_both_formats_hold_the_same_samples_to_the_nearest_step(tmp_path):
    audio = np.random.default_rng(1).uniform(-1.0, 1.0, (4800, 2)).astype(np.float32)
    audio[0], audio[1] = (1.5, -1.5), (1.0, -1.0)
    read = []
    for path in (tmp_path / "s.wav", tmp_path / "s.flac"):
        with SoundFile(path, latency_frames=0) as file:
            file.write(audio)
        read.append(soundfile.read(path, dtype="int32")[0] >> 8)
    assert np.array_equal(*read)
    top = 2**23
    assert read[0][:2].tolist() == [[top - 1, -top], [top - 1, -top]]
    assert np.abs(read[0][2:] - audio[2:].astype(float) * top).max() <= 0.5


def test_a_trajectory_becomes_sound_midi_and_a_table(tmp_path):
    done = []
    paths = {"wav": tmp_path / "s.wav", "midi": tmp_path / "s.mid", "events": tmp_path / "s.csv"}
    notes = render(SLOWING, Piece(seed=1), 8.0, progress=done.append, **paths)
    samples, _ = soundfile.read(paths["wav"])
    assert samples.shape == (8 * SAMPLE_RATE, 2)
    first = notes[0].frame
    assert not samples[: first + 1].any()
    assert samples[first : first + SAMPLE_RATE].any()
    assert not samples[-100:].any()
    with paths["events"].open(encoding="utf-8", newline="") as file:
        rows = [
            (round(float(row["time_s"]) * SAMPLE_RATE), int(row["pitch"]), row["layer"])
            for row in csv.DictReader(file)
        ]
    assert rows == [(note.frame, note.pitch, note.layer) for note in notes]
    assert mido.MidiFile(paths["midi"]).length > 5.0
    assert done[-1] == 1.0
    assert done == sorted(done)


def test_table_and_midi_have_the_lengths_that_the_notes_had(tmp_path):
    falling = Trajectory(
        (0.0, 20.0, 21.0),
        tuple(MusicState(tempo_bpm=tempo, layers=1, articulation=0.0) for tempo in (140.0, 140.0, 30.0)),
    )
    paths = {"midi": tmp_path / "s.mid", "events": tmp_path / "s.csv"}
    notes = render(falling, Piece(seed=2), 60.0, **paths)
    across = [note for note in notes if note.time_s < 20.0 < note.time_s + note.duration_s]
    nexts_s = min(note.time_s for note in notes if note.time_s > 20.0)
    assert nexts_s > 20.5
    assert max(note.time_s + note.duration_s for note in across) >= nexts_s - 1 / 60
    with paths["events"].open(encoding="utf-8", newline="") as file:
        lengths = [float(row["duration_s"]) for row in csv.DictReader(file)]
    assert lengths == pytest.approx([note.duration_s for note in notes], abs=1e-6)
    now, ends = 0.0, []
    for message in mido.MidiFile(paths["midi"]):
        now += message.time
        ends += [now] if message.type == "note_on" and message.velocity == 0 else []
    again = {
        note.number: [n.time_s for n in notes if n.pitch == note.pitch and n.frame > note.frame]
        for note in notes
    }
    wanted = [min([note.time_s + note.duration_s, *again[note.number]]) for note in notes]
    assert ends == pytest.approx(sorted(wanted), abs=2e-3)


def test_the_same_is_rendered_twice(tmp_path):
    for name in ("a.wav", "b.wav"):
        render(SLOWING, Piece(seed=1), 3.0, wav=tmp_path / name)
    one, two = (soundfile.read(tmp_path / name)[0] for name in ("a.wav", "b.wav"))
    assert np.array_equal(one, two)


def test_without_a_sound_file_the_notes_are_the_same(tmp_path):
    assert render(SLOWING, Piece(), 6.0) == render(SLOWING, Piece(), 6.0, wav=tmp_path / "s.wav")


def test_what_cannot_be_done_is_said_in_one_line(tmp_path):
    with pytest.raises(SoundError, match=r"s\.mp3 must end in \.wav or \.flac"):
        render(SLOWING, Piece(), 1.0, wav=tmp_path / "s.mp3")
    with pytest.raises(SoundError, match="cannot be written"):
        render(SLOWING, Piece(), 1.0, wav=tmp_path / "missing" / "s.wav")
    with pytest.raises(StateError, match="seconds is -1"):
        render(SLOWING, Piece(), -1.0)
