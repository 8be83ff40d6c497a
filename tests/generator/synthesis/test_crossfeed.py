"""Crossfeed: the other ear hears low tones later and softer, high ones hardly; a mono signal stays itself."""

import numpy as np
import pytest

from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.synthesis.crossfeed import Crossfeed


def crossfed(sound):
    crossfeed = Crossfeed()
    blocks = np.split(sound, sound.shape[1] // BLOCK_FRAMES, axis=1)
    return np.concatenate([crossfeed.process(block) for block in blocks], axis=1)


def tone(hertz, *gains):
    at = np.arange(40 * BLOCK_FRAMES) / SAMPLE_RATE
    return np.array(gains)[:, None] * np.sin(2 * np.pi * hertz * at)


def level_db(side):
    return 20 * np.log10(np.std(side[SAMPLE_RATE // 10 :]) * 2**0.5)


@pytest.mark.parametrize(("hertz", "own_db", "other_db"), [(100, -3.5, -9.6), (6000, 0.0, -28.0)])
def test_a_tone_on_one_side_reaches_the_other(hertz, own_db, other_db):
    own, other = crossfed(tone(hertz, 1.0, 0.0))
    assert level_db(own) == pytest.approx(own_db, abs=0.5)
    assert level_db(other) == pytest.approx(other_db, abs=1.5)


def test_the_other_ear_hears_it_a_third_of_a_millisecond_later():
    impulse = np.zeros((2, 40 * BLOCK_FRAMES))
    impulse[0, 100] = 1.0
    own, other = crossfed(impulse)
    assert np.flatnonzero(own)[0] == 100
    assert np.flatnonzero(other)[0] - 100 == round(0.0003 * SAMPLE_RATE)


def test_the_sum_of_both_sides_stays_the_same():
    sound = np.random.default_rng(2).standard_normal((2, 8 * BLOCK_FRAMES))
    assert np.allclose(crossfed(sound).sum(axis=0), sound.sum(axis=0))
    mono = np.stack((sound[0], sound[0]))
    assert np.allclose(crossfed(mono), mono)


def test_blocks_do_not_matter():
    rng = np.random.default_rng(1)
    sound = rng.standard_normal((2, 8 * BLOCK_FRAMES))
    assert np.allclose(crossfed(sound), Crossfeed().process(sound))
