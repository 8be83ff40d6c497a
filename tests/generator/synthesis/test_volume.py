"""The master volume: smooth, never above what was set up, and heard by whoever hears the music."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import StateError
from generator.render import VirtualPlayer
from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.state import MasterVolume, MusicState, Piece
from generator.synthesis.mastering import VolumeFader, amplitude

ONES = np.ones((BLOCK_FRAMES, 2), dtype=np.float32)
STATE = MusicState(layers=3, tempo_bpm=100.0, density=0.8)


@given(asked=st.lists(st.tuples(st.floats(-80, 0), st.integers(1, 90)), min_size=1, max_size=6))
def test_the_gain_never_jumps_and_never_exceeds_one(asked):
    volume = VolumeFader()
    volume.apply(ONES)
    parts = [np.ones(1)]
    for db, blocks in asked:
        volume.set(db)
        parts += [volume.apply(ONES)[:, 0] for _ in range(blocks)]
    gains = np.concatenate(parts)
    assert gains.max() <= 1.0
    # 20 dB a second is a factor of 10 a second: 1/20000 of the way in a sample
    assert np.abs(np.diff(gains)).max() <= 2.4 / SAMPLE_RATE * 1.1


@pytest.mark.parametrize(("db", "seconds"), [(-1.0, 0.3), (-6.0, 0.3), (-40.0, 2.0)])
def test_a_change_takes_its_time(db, seconds):
    volume = VolumeFader()
    volume.apply(ONES)
    volume.set(db)
    blocks = [volume.apply(ONES) for _ in range(round(seconds * 60))]
    assert blocks[-2][-1, 0] > amplitude(db) * 1.0001
    assert blocks[-1][-1, 0] == pytest.approx(amplitude(db), rel=1e-5)


def test_silence_is_four_seconds_away_and_ten_back():
    volume = VolumeFader()
    volume.apply(ONES)
    volume.set(-80.0)
    down = [volume.apply(ONES)[-1, 0] for _ in range(241)]
    volume.set(0.0)
    up = [volume.apply(ONES)[-1, 0] for _ in range(601)]
    assert down[234] > down[-1] == pytest.approx(amplitude(-80.0), rel=1e-5)
    assert up[590] < up[-1] == 1.0


def test_before_anything_sounds_it_is_there_at_once():
    volume = VolumeFader()
    volume.set(-12.0)
    assert volume.apply(ONES) == pytest.approx(amplitude(-12.0), rel=1e-6)


@pytest.mark.parametrize("db", [0.1, -40.1, float("nan")])
def test_a_volume_out_of_range_is_refused(db):
    for field in ("db", "comfort_db"):
        with pytest.raises(StateError, match="it must lie between -40 and 0"):
            MasterVolume(**{field: db})


def test_a_muted_volume_is_silent_and_keeps_its_level():
    volume = MasterVolume(comfort_db=-10.0, db=-6.0, muted=True)
    assert volume.gain_db == -80.0
    assert replace(volume, muted=False).gain_db == -16.0


@given(st.floats(-80, 0))
def test_every_recorded_gain_is_rebuilt_exactly(gain_db):
    assert MasterVolume.of_gain(gain_db).gain_db == gain_db


@pytest.mark.parametrize("gain_db", [0.1, -80.1, float("nan")])
def test_a_gain_out_of_range_is_refused(gain_db):
    with pytest.raises(StateError, match="it must lie between -80 and 0"):
        MasterVolume.of_gain(gain_db)


def test_a_player_s_sound_follows_it_and_its_score_does_not():
    with (
        VirtualPlayer(Piece(), sound=True, fade_in_s=0.1) as quiet,
        VirtualPlayer(Piece(), sound=True, fade_in_s=0.1) as loud,
    ):
        for number in range(40):
            if number == 10:
                quiet.set_volume(MasterVolume(db=-20.0))
            a, b = quiet.step(STATE), loud.step(STATE)
            assert a.notes == b.notes
        assert a.audio == pytest.approx(0.1 * b.audio, rel=1e-4, abs=1e-9)
        assert a.heard.level_db == b.heard.level_db - 20.0
