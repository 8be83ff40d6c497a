"""Notes as mido reads them, sound as soundfile reads it."""

import mido
import numpy as np
import pytest
import soundfile

from biofeedback.exports.export import export
from biofeedback.recording.reader import read_recording
from generator.state import LAYERS


def file_of(exported, ending):
    (path,) = exported.folder.rglob(f"*.{ending}")
    return path


def sounding_notes(path):
    """Return onset in seconds, pitch, velocity and track of each note, read by mido alone."""
    file = mido.MidiFile(path)
    tempos, found = [(0, 500_000)], []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempos.append((tick, message.tempo))
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                found.append(
                    (
                        seconds(tick, sorted(tempos), file.ticks_per_beat),
                        message.note,
                        message.velocity,
                        track.name,
                    )
                )
    return sorted(found)


def seconds(tick, tempos, per_beat):
    total = 0.0
    for number, (start, tempo) in enumerate(tempos):
        end = tempos[number + 1][0] if number + 1 < len(tempos) else tick
        total += max(0, min(tick, end) - start) * tempo / per_beat / 1e6
    return total


def test_notes_are_those_that_sounded(session_directory, order):
    found = sounding_notes(file_of(export([session_directory], order("midi")), "mid"))
    recording = read_recording(session_directory)
    notes = recording.streams["notes"]
    expected = sorted(
        (time - recording.t0_s, pitch, velocity, LAYERS[int(layer)])
        for time, pitch, velocity, layer in zip(
            notes.times, *(notes.column(name) for name in ("pitch", "velocity", "layer")), strict=True
        )
    )
    assert [note[1:] for note in found] == [note[1:] for note in expected]
    assert np.abs([a[0] - b[0] for a, b in zip(found, expected, strict=True)]).max() < 0.0006


@pytest.mark.parametrize("sound", ["flac", "wav"])
def test_sound_is_the_same_sample_for_sample(session_directory, order, sound):
    path = file_of(export([session_directory], order("audio", sound=sound)), sound)
    original, rate = soundfile.read(session_directory / "audio.flac", dtype="int32")
    copy, copied_rate = soundfile.read(path, dtype="int32")
    assert (rate, soundfile.info(path).subtype) == (copied_rate, "PCM_24")
    assert np.array_equal(original, copy)


def test_sound_that_was_not_closed_is_read_up_to_its_last_block(tmp_path, recorded, order):
    directory = recorded.record(tmp_path / "open", until_s=2.0)
    noise = (np.random.default_rng(2).normal(scale=0.05, size=(100_000, 2)) * 2**23).astype(np.int32) * 256
    soundfile.write(directory / "audio.flac", noise, 48_000, subtype="PCM_24", format="FLAC")
    data = bytearray((directory / "audio.flac").read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])  # as libsndfile leaves it before it is closed
    data[26:42] = bytes(16)
    (directory / "audio.flac").write_bytes(data[: len(data) * 3 // 4])
    copy, _ = soundfile.read(file_of(export([directory], order("audio")), "flac"), dtype="int32")
    assert 68_000 < len(copy) <= 75_000
    assert np.array_equal(copy, noise[: len(copy)])


def test_what_did_not_sound_is_said(tmp_path, recorded, order):
    directory = recorded.record(tmp_path / "silent", sound=False, until_s=5.0)
    exported = export([directory], order("midi", "audio"))
    assert exported.left_out == (
        "midi, sub-001_ses-001: no note sounded",
        "audio, sub-001_ses-001: no sound was kept",
    )
    assert "no sound was kept" in (exported.folder / "audio" / "README.md").read_text(encoding="utf-8")
