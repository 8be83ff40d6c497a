"""Pictures of sound, on sounds whose pictures are known."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.timbre_measures import SAMPLE_RATE
from tools import sound_pictures as pictures


def tone(hz, seconds):
    """Return a sine on both sides."""
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.repeat(np.sin(2 * np.pi * hz * time_s)[:, None], 2, axis=1)


def row_of(hz):
    """Return the row of a spectrogram in which a frequency lies."""
    return int(
        pictures.ROWS * np.log(hz / pictures.LOWEST_HZ) / np.log(pictures.HIGHEST_HZ / pictures.LOWEST_HZ)
    )


@pytest.mark.parametrize("hz", [60.0, 440.0, 6000.0])
def test_a_tone_lies_at_its_frequency_and_time(hz):
    level = pictures.log_spectrogram(np.concatenate((tone(hz, 2.0), 0.01 * tone(hz, 2.0))))
    assert level.shape == (pictures.ROWS, pictures.COLUMNS)
    first, later = level[:, pictures.COLUMNS // 4], level[:, -pictures.COLUMNS // 4]
    assert abs(int(first.argmax()) - row_of(hz)) <= 2
    assert first.max() == pytest.approx(0.0, abs=1.0)
    assert later.max() == pytest.approx(-40.0, abs=1.0)
    assert level.min() == -pictures.RANGE_DB


def test_the_range_of_a_band_is_shared_by_its_third_octaves():
    # From 5 to 10 kHz there are three: each has 4.8 dB less than all.
    assert pictures.third_octave_range_db("5000_10000") == pytest.approx(
        (-38.6 - 4.77, -18.8 - 4.77), abs=0.01
    )


def test_pictures_are_small_files(tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal((30 * SAMPLE_RATE, 2))
    path = tmp_path / "noise.png"
    pictures.draw_spectrogram("warm-pads", pictures.log_spectrogram(noise + tone(440.0, 30.0)), path)
    with Image.open(path) as picture:
        assert picture.width > 800
    assert path.stat().st_size < 150_000
    path = tmp_path / "spectra.png"
    names = [f"palette {number}" for number in range(7)]
    pictures.draw_spectra({state: dict.fromkeys(names, noise) for state in pictures.SPECTRA_OF}, path)
    assert 5_000 < path.stat().st_size < 150_000
