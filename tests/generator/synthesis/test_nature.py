"""Wind, water and rain: steady, seeded, without clicks, and gone when silence is asked for."""

from contextlib import closing

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import butter, sosfiltfilt

from generator.errors import StateError
from generator.performance.controls import SILENCE_FADE_S
from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.state import NATURES, MusicState, Piece
from generator.synthesis.nature import NATURE_SOUNDS, NaturePlayer, room_db
from generator.synthesis.synth import Synth


def bed(name, seconds, level_db=-12.0, seed=0):
    nature = NaturePlayer(name, level_db, seed)
    return np.concatenate([nature.step(i * BLOCK_FRAMES) for i in range(round(seconds * 60))], axis=1).T


def music(seconds, piece, state=None, silent_from_s=1e9):
    state = state or MusicState(layers=3)
    quiet = MusicState(layers=3, sounding=False)
    performance = Performance(piece, fade_in_s=1.0)
    with closing(Synth(piece)) as synth:
        return np.concatenate(
            [
                synth.render(performance.block(state if i < silent_from_s * 60 else quiet))
                for i in range(round(seconds * 60))
            ]
        )


def loudness(audio):
    return pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio.astype(float))


def test_every_bed_but_none_can_be_made():
    assert set(NATURES) == {"none", *NATURE_SOUNDS}


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_is_as_loud_as_set_in_every_half_minute(name):
    audio = bed(name, 60, level_db=-10.0)
    halves = [loudness(half) for half in np.split(audio, 2)]
    assert halves == pytest.approx([-33.0, -33.0], abs=1.5)
    assert 20 * np.log10(np.abs(audio.mean(axis=0)).max()) < -80.0


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_the_same_seed_gives_the_same_samples_and_no_other_does(name):
    once = bed(name, 1, seed=4)
    assert np.array_equal(bed(name, 1, seed=4), once)
    assert not np.allclose(bed(name, 1, seed=5), once)


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_has_width_and_no_seams(name):
    audio = bed(name, 8)
    assert abs(np.corrcoef(audio.T)[0, 1]) < 0.5
    seams = audio[BLOCK_FRAMES - 1 :: BLOCK_FRAMES][:-1] - audio[BLOCK_FRAMES::BLOCK_FRAMES]
    steps = np.diff(audio, axis=0)
    assert np.sqrt(np.mean(seams**2)) < 1.3 * np.sqrt(np.mean(steps**2))


@pytest.mark.parametrize("name", ["wind", "water"])
def test_a_bed_has_nothing_sharp_in_it(name):
    audio = bed(name, 8)
    high = sosfiltfilt(butter(6, 9000, "highpass", fs=SAMPLE_RATE, output="sos"), audio, axis=0)
    assert 20 * np.log10(np.abs(high).max() / np.abs(audio).max()) < -40.0


def test_music_and_bed_together_are_as_loud_as_the_music_alone():
    pieces = [Piece(), Piece(nature="water", nature_db=-6.0)]
    alone, with_bed = (loudness(music(14, piece)[6 * SAMPLE_RATE :]) for piece in pieces)
    assert with_bed == pytest.approx(alone, abs=0.5)
    assert room_db(-6.0) == pytest.approx(0.97, abs=0.01)


def test_silence_is_digital_zero_under_a_bed_too():
    audio = music(2 + SILENCE_FADE_S + 2, Piece(nature="wind"), silent_from_s=2.0).reshape(
        -1, BLOCK_FRAMES, 2
    )
    assert audio[1:300].any(axis=(1, 2)).all()
    assert not audio[-60:].any()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"nature": "traffic"}, "there are none, wind, water, rain"),
        ({"nature_db": 0.0}, "between -30 and -6"),
        ({"nature_db": float("nan")}, "between -30 and -6"),
    ],
)
def test_what_there_is_not_is_refused_by_name(wrong, says):
    with pytest.raises(StateError, match=says):
        Piece(**wrong)
