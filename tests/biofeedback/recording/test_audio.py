"""The sound of a session: WAV that opens after a cut at any byte, kept as FLAC; half FLAC files of before."""

import errno
import shutil
import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from biofeedback.errors import RecordingError
from biofeedback.recording import audio
from biofeedback.recording.audio import (
    FLAC_NAME,
    FRAME_BYTES,
    HEADER_BYTES,
    LONGEST_RIFF,
    WAV_NAME,
    GrowingWav,
    keep_as_flac,
    open_sound,
    sound_blocks,
    wav_header,
)
from biofeedback.recording.recovery import recover
from generator.errors import SoundError
from generator.render import SoundFile

HALF = Path(__file__).parents[2] / "fixtures" / "version-0.1" / "killed"
AT = datetime(2026, 12, 1, tzinfo=UTC)


def noise(frames, seed=1):
    return (np.random.default_rng(seed).integers(-(2**23), 2**23, (frames, 2)) << 8).astype(np.int32)


def written(path, *parts, write=None):
    file = GrowingWav(path) if write is None else GrowingWav(path, write=write)
    for part in parts:
        file.write(part)
    file.close()
    return path


def test_samples_are_read_as_they_were_written(tmp_path):
    parts = [noise(frames, seed) for seed, frames in enumerate((1, 800, 2399, 0, 7))]
    path = written(tmp_path / WAV_NAME, *parts)
    samples, rate = soundfile.read(path, dtype="int32")
    assert rate == 48_000
    assert np.array_equal(samples, np.concatenate(parts))
    assert path.stat().st_size == HEADER_BYTES + FRAME_BYTES * len(samples)


def test_it_opens_after_each_addition_and_after_a_cut_at_any_byte(tmp_path):
    first, second = noise(40), noise(60, 2)
    file = GrowingWav(tmp_path / WAV_NAME)
    file.write(first)
    before = (tmp_path / WAV_NAME).read_bytes()
    assert soundfile.info(tmp_path / WAV_NAME).frames == 40
    file.write(second)
    file.close()
    whole = (tmp_path / WAV_NAME).read_bytes()
    both = np.concatenate([first, second])
    # The addition is there in part, and the header is still the one of before.
    for cut in range(len(before), len(whole)):
        (tmp_path / "cut.wav").write_bytes(before + whole[len(before) : cut])
        assert np.array_equal(soundfile.read(tmp_path / "cut.wav", dtype="int32")[0], first)
    # The machine lost power: the header is there, and the end of the samples is not.
    for cut in range(HEADER_BYTES + FRAME_BYTES, len(whole)):
        (tmp_path / "cut.wav").write_bytes(whole[:cut])
        samples, _ = soundfile.read(tmp_path / "cut.wav", dtype="int32")
        assert len(samples) == (cut - HEADER_BYTES) // FRAME_BYTES
        assert np.array_equal(samples, both[: len(samples)])


def test_the_header_of_a_short_file_is_riff():
    header = wav_header(600)
    assert len(header) == HEADER_BYTES
    assert (header[:4], header[8:16], header[48:52], header[72:76]) == (
        b"RIFF",
        b"WAVEJUNK",
        b"fmt ",
        b"data",
    )
    assert struct.unpack("<I", header[4:8]) == (672,)
    assert struct.unpack("<I", header[76:80]) == (600,)


@pytest.mark.parametrize("seconds", [8 * 3600, 24 * 3600])
def test_the_header_of_eight_hours_is_rf64(seconds):
    data_bytes = seconds * 48_000 * FRAME_BYTES
    assert data_bytes > LONGEST_RIFF
    header = wav_header(data_bytes)
    assert len(header) == HEADER_BYTES
    assert (header[:4], header[8:16], header[72:76]) == (b"RF64", b"WAVEds64", b"data")
    assert struct.unpack("<I", header[4:8]) == struct.unpack("<I", header[76:80]) == (LONGEST_RIFF,)
    assert struct.unpack("<IQQQI", header[16:48]) == (28, data_bytes + 72, data_bytes, seconds * 48_000, 0)


def test_it_becomes_rf64_with_the_sample_that_riff_cannot_count(tmp_path):
    longest = (LONGEST_RIFF - 72) // FRAME_BYTES * FRAME_BYTES
    assert wav_header(longest)[:4] == b"RIFF"
    assert wav_header(longest + FRAME_BYTES)[:4] == b"RF64"


def test_more_than_four_gigabytes_can_be_read(tmp_path):
    path = tmp_path / WAV_NAME
    frames = 8 * 3600 * 48_000
    with path.open("wb") as file:  # sparse
        file.write(wav_header(frames * FRAME_BYTES))
        file.truncate(HEADER_BYTES + frames * FRAME_BYTES)
    with soundfile.SoundFile(path) as sound:
        assert sound.frames == frames
        sound.seek(frames - 10)
        assert sound.read(20).shape == (10, 2)


def test_a_full_disk_leaves_what_was_written(tmp_path):
    def write(descriptor, view):
        if full:
            half = audio.os.write(descriptor, view[:100])
            full.append(half)
            if len(full) > 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return half
        return audio.os.write(descriptor, view)

    full: list[int] = []
    file = GrowingWav(tmp_path / WAV_NAME, write=write)
    file.write(noise(100))
    full.append(0)
    with pytest.raises(OSError, match="No space"):
        file.write(noise(500, 2))
    file.close()
    assert np.array_equal(soundfile.read(tmp_path / WAV_NAME, dtype="int32")[0], noise(100))


def test_a_full_disk_is_an_error_of_the_sound(tmp_path):
    def refuse(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SoundError, match="No space"):
        SoundFile(tmp_path / WAV_NAME, latency_frames=0, open_file=refuse)


def test_it_is_kept_as_flac_sample_for_sample(tmp_path):
    samples = noise(10_000)
    seconds = keep_as_flac(written(tmp_path / WAV_NAME, samples))
    assert seconds == 10_000 / 48_000
    assert [path.name for path in tmp_path.iterdir()] == [FLAC_NAME]
    assert np.array_equal(soundfile.read(tmp_path / FLAC_NAME, dtype="int32")[0], samples)


def test_where_no_flac_can_be_written_the_wav_file_stays(tmp_path, monkeypatch):
    path = written(tmp_path / WAV_NAME, noise(100))
    monkeypatch.setattr(audio.soundfile, "info", lambda _: type("Info", (), {"frames": 99}))
    with pytest.raises(RecordingError, match="holds 99 of 100 samples"):
        keep_as_flac(path)
    assert [path.name for path in tmp_path.iterdir()] == [WAV_NAME]


def test_live_and_offline_files_hold_the_same_samples(tmp_path):
    sound = np.random.default_rng(1).normal(scale=0.4, size=(4800, 2)).astype(np.float32)
    for name, options in (("a.wav", {}), ("b.wav", {"open_file": GrowingWav})):
        with SoundFile(tmp_path / name, latency_frames=100, **options) as file:
            file.write(sound[:1000])
            file.write(sound[1000:])
    first, second = (soundfile.read(tmp_path / name, dtype="int32")[0] for name in ("a.wav", "b.wav"))
    assert np.array_equal(first, second)


def test_a_half_flac_file_of_before_is_read_to_its_last_whole_block():
    with open_sound(HALF / FLAC_NAME) as sound:
        blocks = list(sound_blocks(sound))
    assert all(len(block) == audio.BLOCK_FRAMES for block in blocks)
    assert sum(map(len, blocks)) == 966_656  # as many as the frames that the file holds


def test_a_half_flac_file_of_before_is_recovered(tmp_path):
    with open_sound(HALF / FLAC_NAME) as sound:
        expected = np.concatenate(list(sound_blocks(sound)))
    directory = shutil.copytree(HALF, tmp_path / "killed")
    did = recover(directory, at=AT)
    assert f"{len(expected) / 48_000:.1f} s of sound were saved" in did
    assert np.array_equal(soundfile.read(directory / FLAC_NAME, dtype="int32")[0], expected)
    assert recover(directory, at=AT) is None


@pytest.mark.parametrize("kept", [0, 30, 42, 100])
def test_a_flac_file_without_a_whole_block_is_left_as_it_is(tmp_path, kept):
    directory = shutil.copytree(HALF, tmp_path / "killed")
    data = (HALF / FLAC_NAME).read_bytes()[:kept]
    (directory / FLAC_NAME).write_bytes(data)
    did = recover(directory, at=AT)
    assert (directory / FLAC_NAME).read_bytes() == data
    assert not any("were saved" in line for line in did)


def test_recovery_keeps_a_growing_wav_file_as_flac(tmp_path):
    directory = shutil.copytree(HALF, tmp_path / "killed")
    (directory / FLAC_NAME).unlink()
    samples = noise(48_000)
    path = written(directory / WAV_NAME, samples)
    with path.open("ab") as file:
        file.write(b"\x01" * 1001)  # an addition that was cut off
    assert "1.0 s of sound were saved" in recover(directory, at=AT)
    assert not path.exists()
    assert np.array_equal(soundfile.read(directory / FLAC_NAME, dtype="int32")[0], samples)


def test_a_recovery_goes_on_where_the_sound_cannot_be_kept(tmp_path, monkeypatch):
    def refuse(_):
        raise RecordingError("audio.flac cannot be written: No space left on device")

    directory = shutil.copytree(HALF, tmp_path / "killed")
    (directory / FLAC_NAME).unlink()
    written(directory / WAV_NAME, noise(100))
    monkeypatch.setattr("biofeedback.recording.recovery.keep_as_flac", refuse)
    assert any("audio.wav was left as it is" in line for line in recover(directory, at=AT))
    assert (directory / WAV_NAME).exists()
