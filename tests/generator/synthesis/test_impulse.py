"""The palettes' rooms, heard through the sound graph: they do not ring and are as long as asked."""

import numpy as np
import pytest

from benchmarks.reverb_measures import decay_s, semitone_range_db, tail_spectrum_sd_db
from generator.score import SAMPLE_RATE
from generator.synthesis.impulse import record_impulse
from generator.synthesis.palettes import BY_NAME


@pytest.mark.parametrize("name", BY_NAME)
def test_the_room_of_a_palette_does_not_ring_and_decays_as_asked(name):
    palette = BY_NAME[name]
    impulse = record_impulse(palette, 0.0)
    assert impulse.shape == (8 * SAMPLE_RATE, 2)
    assert tail_spectrum_sd_db(impulse) <= 7.0
    assert semitone_range_db(impulse) <= 15.0
    assert decay_s(impulse, 1000.0) == pytest.approx(palette.rooms[0].decay_s(1000.0), rel=0.05)


def test_the_direct_sound_comes_first_and_alone_and_the_same_on_both_sides():
    palette = BY_NAME["choir-strings"]
    impulse = record_impulse(palette, 0.0, seconds=0.1)
    first = round(palette.rooms[0].pre_delay_s * SAMPLE_RATE)
    assert np.abs(impulse[0]).min() > 0.1
    assert impulse[:first, 0] == pytest.approx(impulse[:first, 1], abs=1e-6)
    assert np.abs(impulse[first // 2 : first]).max() < 1e-3
    assert np.abs(impulse[first : first + SAMPLE_RATE // 20]).max() > 1e-2


def test_articulation_mixes_the_long_room_and_the_short():
    palette = BY_NAME["felt-piano"]
    long, half, short = (record_impulse(palette, articulation, 2.0) for articulation in (0.0, 0.5, 1.0))
    assert half == pytest.approx((long + short) / 2, abs=1e-5)
    assert decay_s(short, 1000.0) == pytest.approx(palette.rooms[1].decay_s(1000.0), rel=0.05)
