"""The player: steps of three blocks, with sound or without, that end when they should."""

import numpy as np
import pyloudnorm
import pytest

from generator.render import VirtualPlayer
from generator.score import BLOCK_FRAMES, BLOCKS_PER_STEP
from generator.state import MusicState, Piece, PlayedSound

STATE = MusicState(layers=3, tempo_bpm=100.0, density=0.8)


def test_a_step_is_a_twentieth_of_a_second():
    with VirtualPlayer(Piece(), sound=True, fade_in_s=0.2) as player:
        steps = [player.step(STATE) for _ in range(40)]
    for number, step in enumerate(steps):
        assert step.audio is not None
        assert step.audio.shape == (BLOCK_FRAMES * BLOCKS_PER_STEP, 2)
        assert step.audio.dtype == np.float32
        first, after = (n * BLOCK_FRAMES * BLOCKS_PER_STEP for n in (number, number + 1))
        assert all(first <= event.frame < after for event in (*step.notes, *step.beats))
    assert steps[-1].heard is not None
    assert steps[-1].heard.tempo_bpm == 100.0
    assert [beat.beat for step in steps for beat in step.beats] == [0, 1, 2, 3]


def test_the_score_is_the_same_without_sound():
    with (
        VirtualPlayer(Piece(seed=3), sound=True) as sounding,
        VirtualPlayer(Piece(seed=3), sound=False) as silent,
    ):
        for _ in range(60):
            with_sound, without = sounding.step(STATE), silent.step(STATE)
            assert with_sound.notes == without.notes
            assert with_sound.beats == without.beats
            assert without.audio is None
        assert silent.latency_frames == 0


def test_states_known_ahead_can_be_played_block_by_block():
    with VirtualPlayer(Piece(), sound=False) as steps, VirtualPlayer(Piece(), sound=False) as single:
        together = [steps.step(STATE) for _ in range(40)]
        apart = [single.play([STATE]) for _ in range(120)]
    for name in ("notes", "note_ends", "beats", "sections"):
        once, again = (
            [event for step in steps for event in getattr(step, name)] for steps in (together, apart)
        )
        assert once == again != []


@pytest.mark.parametrize("way", ["end", "stop"])
def test_it_ends_in_digital_silence(way):
    with VirtualPlayer(Piece(), sound=True, fade_in_s=0.2) as player:
        for _ in range(20):
            player.step(STATE)
        assert not player.finished
        player.end(1.0) if way == "end" else player.stop(0.5)
        steps = 0
        while not player.finished:
            player.step(STATE)
            steps += 1
        assert steps <= (20 if way == "end" else 11)
        last = player.step(STATE)
    assert last.audio is not None
    assert not last.audio.any()
    assert last.heard is None


def test_a_sound_engine_that_had_to_be_built_anew_is_an_incident(monkeypatch):
    with VirtualPlayer(Piece(), sound=True, fade_in_s=0.2) as player:
        process, count = player._synth._graph.process, iter(range(1000))
        monkeypatch.setattr(
            player._synth._graph,
            "process",
            lambda *of: process(*of) * (np.nan if next(count) == 20 else 1.0),
        )
        steps = [player.step(STATE) for _ in range(20)]
        (incident,) = player.incidents()
        assert player.incidents() == ()
    assert incident.kind == "rebuilt"
    assert incident.time_s == pytest.approx(7 / 20)
    assert all(np.isfinite(step.audio).all() for step in steps)


def test_reference_noise_takes_the_place_of_the_music():
    with VirtualPlayer(Piece(), sound=True, fade_in_s=0.2, plays=PlayedSound.REFERENCE_NOISE) as player:
        audio = np.concatenate([player.step(STATE).audio for _ in range(60)])[BLOCK_FRAMES * 30 :]
    assert 20 * np.log10(np.std(audio)) == pytest.approx(-23.0, abs=4.0)
    assert abs(np.corrcoef(audio.T)[0, 1]) < 0.1


@pytest.mark.parametrize("level_db", [0.0, -12.0])
def test_music_that_follows_a_silence_is_as_loud_as_asked(level_db):
    state = MusicState(layers=4, level_db=level_db)
    with VirtualPlayer(Piece(), sound=True, fade_in_s=0.5) as player:
        for _ in range(40):
            player.step(MusicState(sounding=False))
        audio = np.concatenate([player.step(state).audio for _ in range(200)])
    loudness = [pyloudnorm.Meter(48_000).integrated_loudness(part) for part in np.split(audio, 5)[1:]]
    assert loudness == pytest.approx([-23.0 + level_db] * 4, abs=4.0)
