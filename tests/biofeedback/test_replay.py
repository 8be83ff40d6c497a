"""Music is composed anew by the composer that made it; music of another one is played as it was recorded."""

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from biofeedback.cli import exit_status
from biofeedback.errors import RecordingError
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.recording.storage import META_NAME, XDF_NAME
from biofeedback.replay import Replay, replay
from generator.composition import COMPOSER_VERSION
from generator.errors import StateError
from generator.score import SAMPLE_RATE, NoteEvent
from generator.state import LAYERS

FIXTURES = Path(__file__).parents[1] / "fixtures"
BEFORE = {
    "virtual": FIXTURES / "composer-1" / "virtual",
    "live": FIXTURES / "composer-1" / "live",
    "0.1": FIXTURES / "version-0.1" / "silent",
    "killed": FIXTURES / "version-0.1" / "killed",
}


def recorded_notes(recording: Recording) -> list[tuple[float, ...]]:
    stream = recording.streams["notes"]
    columns = ("frame", "pitch", "velocity", "layer", "duration_s", "beat", "bar")
    return list(zip(*(stream.column(name) for name in columns), strict=True))


def as_recorded(note: NoteEvent) -> tuple[float, ...]:
    layer = LAYERS.index(note.layer)
    return (note.frame, note.pitch, note.velocity, layer, note.duration_s, note.beat, note.bar)


@pytest.fixture
def copied(tmp_path):
    """Return a function that copies a recording of before, its metadata changed."""

    def copy(name: str = "virtual", **changes: object) -> Path:
        folder = tmp_path / "copy"
        shutil.copytree(BEFORE[name], folder)
        meta = json.loads((folder / META_NAME).read_text(encoding="utf-8"))
        (folder / META_NAME).write_text(json.dumps(meta | changes), encoding="utf-8")
        return folder

    return copy


@pytest.mark.parametrize("name", BEFORE)
def test_another_composers_music_is_played_with_exactly_its_recorded_notes(name):
    recording = read_recording(BEFORE[name])
    assert recording.composer_version == 1 != COMPOSER_VERSION
    again = Replay(recording)
    assert not again.composed
    steps = list(again.play(sound=False))
    played = [as_recorded(note) for step in steps for note in step.notes]
    assert played == recorded_notes(recording)
    score = recording.streams["score"]
    beats = [(beat.frame, beat.beat, beat.bar, beat.tempo_bpm) for step in steps for beat in step.beats]
    columns = (score.column(name) for name in ("frame", "beat", "bar", "tempo_bpm"))
    assert beats == list(zip(*columns, strict=True))


def test_one_sentence_says_that_the_recorded_notes_are_played(tmp_path, capsys):
    assert exit_status(["replay", str(BEFORE["virtual"]), "--midi", str(tmp_path / "again.mid")]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == (
        f"version 1 of the composer made this music and this program has version {COMPOSER_VERSION}: "
        "431 of 431 recorded notes were played as they sounded; "
        "the instruments have changed since, so they sound different"
    )


def test_files_of_recorded_notes_are_those_of_the_session(tmp_path):
    replay(read_recording(BEFORE["virtual"]), midi=tmp_path / "again.mid", events=tmp_path / "again.csv")
    again, before = mido.MidiFile(tmp_path / "again.mid"), mido.MidiFile(BEFORE["virtual"] / "score.mid")
    assert [[*track] for track in again.tracks] == [[*track] for track in before.tracks]
    rows = (tmp_path / "again.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == 431


def test_the_sound_follows_the_recorded_states_and_volume():
    """At 20 s the volume went to -9 dB, and at 34 s the music was held."""
    steps = itertools.islice(Replay(read_recording(BEFORE["virtual"])).play(sound=True), 38 * 60)
    sound = np.concatenate([step.audio for step in steps])

    def loudness(begin: float, end: float) -> float:
        part = sound[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        return 20 * np.log10(max(1e-9, np.sqrt(np.mean(part**2))))

    assert loudness(12, 19.9) - loudness(22, 33) == pytest.approx(9, abs=2)
    assert loudness(36, 38) < loudness(22, 33) - 50


def test_notes_that_a_lost_process_composed_and_did_not_play_do_not_count():
    again = Replay(read_recording(BEFORE["virtual"]))
    notes = [note for step in again.play(sound=False) for note in step.notes]
    unheard = replace(notes[7], frame=notes[7].frame + 1)
    assert again.compare([*notes[:7], unheard, *notes[7:]]).equal == len(notes)
    assert again.compare([*notes[:7], unheard, *notes[8:]]).equal == len(notes) - 1


def test_a_recording_of_this_composer_is_composed_anew(copied):
    again = Replay(read_recording(copied(composer_version=COMPOSER_VERSION)))
    assert again.composed


def test_a_recording_of_a_later_composer_is_played_as_it_was_recorded(copied):
    recording = read_recording(copied(composer_version=COMPOSER_VERSION + 1))
    played = [as_recorded(note) for step in Replay(recording).play(sound=False) for note in step.notes]
    assert played == recorded_notes(recording)


@pytest.mark.parametrize("missing", [("notes",), ("notes", "score")])
def test_without_recorded_notes_another_composers_music_is_refused_with_what_to_do(missing):
    recording = read_recording(BEFORE["virtual"])
    streams = {name: stream for name, stream in recording.streams.items() if name not in missing}
    with pytest.raises(RecordingError, match=r"no stream notes.* with the program's version 0\.1\.0"):
        Replay(replace(recording, streams=streams))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b"<palette>harp-bells<", b"<palette>harp-bellz<", "palette 'harp-bellz' does not exist"),
        (b"<nature>rain<", b"<nature>hail<", "nature 'hail' does not exist"),
        (b"<layers>pad,", b"<layers>pod,", "unknown layers: pod"),
    ],
)
def test_what_is_no_longer_there_is_named(copied, tmp_path, before, after, message):
    folder = copied()
    data = (folder / XDF_NAME).read_bytes()
    assert data.count(before) == 1
    (folder / XDF_NAME).write_bytes(data.replace(before, after))
    with pytest.raises((RecordingError, StateError), match=message):
        replay(read_recording(folder), midi=tmp_path / "x.mid")
    assert not (tmp_path / "x.mid").exists()
