import numpy as np
import pytest
import soundfile as sf

from biofeedback.errors import RecordingError
from biofeedback.recording.audio import AudioFile


def test_sound_reads_back_within_half_a_step_of_24_bits(tmp_path):
    rng = np.random.default_rng(1)
    blocks = rng.uniform(-0.999, 0.999, (30, 800, 2)).astype(np.float32)
    with AudioFile(tmp_path / "Töne.flac") as audio:
        for block in blocks:
            audio.write(block)
    samples, rate = sf.read(tmp_path / "Töne.flac", dtype="float64")
    assert rate == 48_000
    assert sf.info(tmp_path / "Töne.flac").subtype == "PCM_24"
    assert samples.shape == (24_000, 2)
    assert np.max(np.abs(samples - blocks.reshape(-1, 2))) <= 2**-24


def test_two_runs_give_the_same_bytes(tmp_path):
    block = np.sin(np.arange(1600, dtype=np.float32)).reshape(800, 2)
    for name in ("a", "b"):
        with AudioFile(tmp_path / name) as audio:
            audio.write(block)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("value", [1.01, -1.01, np.nan, np.inf])
def test_sound_that_would_be_clipped_is_refused(tmp_path, value):
    block = np.zeros((800, 2), dtype=np.float32)
    block[400, 1] = value
    with AudioFile(tmp_path / "a.flac") as audio, pytest.raises(RecordingError, match="-1 to 1"):
        audio.write(block)


def test_sound_that_is_not_stereo_is_refused(tmp_path):
    with AudioFile(tmp_path / "a.flac") as audio, pytest.raises(RecordingError, match="shape"):
        audio.write(np.zeros((800, 1), dtype=np.float32))


def test_sound_is_not_written_over(tmp_path):
    (tmp_path / "a.flac").write_bytes(b"kept")
    with pytest.raises(RecordingError, match="exists already"):
        AudioFile(tmp_path / "a.flac")
    assert (tmp_path / "a.flac").read_bytes() == b"kept"


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path):
    with pytest.raises(RecordingError, match="cannot be written"):
        AudioFile(tmp_path / "nowhere" / "a.flac")


def test_closing_twice_is_harmless(tmp_path):
    audio = AudioFile(tmp_path / "a.flac")
    audio.write(np.zeros((800, 2), dtype=np.float32))
    audio.close()
    audio.close()
    assert sf.info(tmp_path / "a.flac").frames == 800
