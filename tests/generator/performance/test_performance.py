"""The performance: when notes sound, and how the controls move."""

from itertools import pairwise
from math import log10, pi, sqrt
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.composition.composer import Composer
from generator.composition.harmony import Scale
from generator.composition.notation import BarScore
from generator.errors import StateError
from generator.performance.controls import BLOCK_S, SILENCE_FADE_S
from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, BeatEvent, Block, NoteEvent
from generator.state import LAYERS, RANGES, Mode, MusicState, Piece
from generator.trajectory import Trajectory

STATES = st.builds(
    MusicState,
    mode=st.sampled_from([mode.openness for mode in Mode]),
    layers=st.integers(1, len(LAYERS)),
    sounding=st.booleans(),
    **{name: st.floats(low, high) for name, (low, high) in RANGES.items() if name != "layers"},
)
QUIET = MusicState(sounding=False)

LATEST_S, EARLIEST_S = 0.085, 0.03
"""How much later and earlier than its beat a note is played at most; the tempo may change in its bar."""


def blocks_of(seconds: float) -> int:
    return round(seconds / BLOCK_S)


def play(performance: Performance, state: MusicState, seconds: float) -> list[Block]:
    return [performance.block(state) for _ in range(blocks_of(seconds))]


def performance_and_score(seed: int = 0) -> tuple[Performance, list[BarScore]]:
    """Return a performance, and the list to which its bars are added as they are composed."""
    score: list[BarScore] = []

    class RecordingComposer(Composer):
        def bar(self, state: MusicState) -> BarScore:
            score.append(super().bar(state))
            return score[-1]

    with patch("generator.performance.performance.Composer", RecordingComposer):
        return Performance(Piece(seed=seed)), score


def notes_of(blocks: list[Block]) -> list[NoteEvent]:
    return [note for block in blocks for note in block.notes]


def beats_of(blocks: list[Block]) -> list[BeatEvent]:
    return [beat for block in blocks for beat in block.beats]


def ranks(values: list[float]) -> np.ndarray:
    return np.argsort(np.argsort(values))


# --- time -------------------------------------------------------------------------------------------------


def assert_on_time(blocks: list[Block], seconds_at: object) -> None:
    """Every beat lies within a sample of the analytic map, every note within its nudge."""
    for beat in beats_of(blocks):
        assert abs(beat.frame - seconds_at(beat.beat) * SAMPLE_RATE) <= 1  # type: ignore[operator]
    for note in notes_of(blocks):
        assert -EARLIEST_S <= note.time_s - seconds_at(note.beat) <= LATEST_S  # type: ignore[operator]


@pytest.mark.parametrize("tempo", [30.0, 61.7, 140.0])
def test_a_constant_tempo_is_exact_for_ten_minutes(tempo: float) -> None:
    blocks = play(Performance(Piece()), MusicState(tempo_bpm=tempo, layers=8), 600)
    assert len(beats_of(blocks)) == pytest.approx(10 * tempo, abs=1)
    assert_on_time(blocks, lambda beat: beat * 60 / tempo)


@pytest.mark.parametrize(("start", "end"), [(40.0, 120.0), (120.0, 40.0)])
def test_a_ramp_is_exact_for_ten_minutes(start: float, end: float) -> None:
    trajectory = Trajectory((0.0, 600.0), (MusicState(tempo_bpm=start), MusicState(tempo_bpm=end)))
    performance = Performance(Piece())
    blocks = [performance.block(trajectory.at((i + 1) * BLOCK_S)) for i in range(blocks_of(600))]

    def seconds_at(beat: float) -> float:
        # start·t + growth·t²/2 = 60·beat
        growth = (end - start) / 600
        return 120 * beat / (start + sqrt(start * start + 120 * growth * beat))

    assert len(beats_of(blocks)) == pytest.approx(800, abs=1)
    assert_on_time(blocks, seconds_at)


@pytest.mark.parametrize("beat", range(4))
def test_a_tempo_step_neither_drops_nor_repeats_a_beat(beat: int) -> None:
    performance = Performance(Piece())
    blocks = play(performance, MusicState(tempo_bpm=60), 8 + beat + 0.4)
    blocks += play(performance, MusicState(tempo_bpm=120), 10)
    numbers = [event.beat for event in beats_of(blocks)]
    assert numbers == list(range(len(numbers)))
    intervals = [(b.frame - a.frame) / SAMPLE_RATE for a, b in pairwise(beats_of(blocks))]
    assert intervals[:8] == [1.0] * 8
    assert intervals[-8:] == pytest.approx([0.5] * 8, abs=1e-4)


@settings(max_examples=60)
@given(
    changes=st.lists(st.tuples(STATES, st.integers(1, 400)), min_size=1, max_size=6), seed=st.integers(0, 99)
)
def test_whatever_is_asked_the_limits_hold(changes: list[tuple[MusicState, int]], seed: int) -> None:
    performance, score = performance_and_score(seed)
    blocks: list[Block] = []
    for state, count in changes:
        for _ in range(count):
            block = performance.block(state)
            blocks.append(block)
            for note in block.notes:
                bar = score[note.bar]
                assert block.start_frame <= note.frame < block.start_frame + BLOCK_FRAMES
                assert note.layer in bar.layers == LAYERS[: len(bar.layers)]
                assert note.pitch % 12 in Scale(0, bar.mode).classes(tuple(range(7)))
                assert 0 < note.duration_s < 40
            for end in block.note_ends:
                assert block.start_frame <= end.frame < block.start_frame + BLOCK_FRAMES
    assert [block.start_frame for block in blocks] == [BLOCK_FRAMES * i for i in range(len(blocks))]
    frames = [note.frame for note in notes_of(blocks)]
    assert frames == sorted(frames)
    ends = [end for block in blocks for end in block.note_ends]
    assert len({end.note for end in ends}) == len(ends)
    assert all(end.duration_s >= 0 for end in ends)
    if blocks[-1].shape.fade == 0:
        assert len(ends) == len(frames)
    sounded = [block.shape for block in blocks if block.shape.fade > 0]
    for shape in sounded:
        assert np.all(np.isfinite([shape.level_db, shape.breath_db, shape.fade, *shape.layer_gains]))
        assert -18 <= shape.level_db <= 0
        assert abs(shape.breath_db) <= 2
        assert all(0 <= value <= 1 for value in (shape.brightness, shape.articulation, shape.density))
        assert all(0 <= gain <= 1 for gain in shape.layer_gains)
        assert not any(shape.withheld_gains)  # for the piece has no form
    for before, after in pairwise(blocks):
        assert (
            abs(after.shape.fade - before.shape.fade) <= pi / 2 * BLOCK_S / min(10.0, SILENCE_FADE_S) + 1e-9
        )
        if before.shape.fade > 0:
            assert abs(after.shape.level_db - before.shape.level_db) <= 0.2 * BLOCK_S + 1e-9
            # at 140 beats a minute three bars last 5.14 s
            gains = zip(before.shape.layer_gains, after.shape.layer_gains, strict=True)
            assert all(abs(b - a) <= BLOCK_S / 5.1 for a, b in gains)


# --- controls ---------------------------------------------------------------------------------------------


def test_more_density_is_more_notes_a_second_and_more_register_a_higher_melody() -> None:
    settings_ = [i / 10 for i in range(11)]
    rates = [
        float(len(notes_of(play(Performance(Piece(seed=2)), MusicState(density=value, layers=4), 60))))
        for value in settings_
    ]
    heights = [
        float(np.mean([
            note.pitch
            for note in notes_of(play(Performance(Piece(seed=2)), MusicState(register=value), 60))
            if note.layer == "melody"
        ]))
        for value in settings_
    ]  # fmt: skip
    for measured in (rates, heights):
        assert np.corrcoef(ranks(settings_), ranks(measured))[0, 1] >= 0.95


def test_the_level_moves_one_decibel_in_five_seconds() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(level_db=0), 1)
    levels = [block.shape.level_db for block in play(performance, MusicState(level_db=-18), 100)]
    assert levels[blocks_of(5) - 1] == pytest.approx(-1.0)
    assert levels[blocks_of(89)] > -18
    assert levels[blocks_of(91)] == -18


def test_brightness_arrives_in_three_seconds() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(brightness=0), 1)
    values = [block.shape.brightness for block in play(performance, MusicState(brightness=1), 4)]
    assert values[blocks_of(0.5)] < 0.5
    assert values[blocks_of(2)] < 0.9
    assert values[blocks_of(4) - 1] > 0.95


def test_the_breath_swings_two_decibels_either_way_at_its_rate() -> None:
    state = MusicState(breath_rate=6, breath_depth=1)
    breath = np.array([block.shape.breath_db for block in play(Performance(Piece()), state, 80)])
    settled = breath[blocks_of(30) :]
    assert settled.max() == pytest.approx(2, abs=0.01)
    assert settled.min() == pytest.approx(-2, abs=0.01)
    rising = np.flatnonzero((settled[:-1] < 0) & (settled[1:] >= 0))
    assert np.diff(rising) * BLOCK_S == pytest.approx(10, abs=0.05)


def test_the_filter_breathes_with_the_loudness() -> None:
    state = MusicState(breath_rate=6, breath_depth=1)
    shapes = [block.shape for block in play(Performance(Piece()), state, 60)][blocks_of(30) :]
    brightness = [shape.brightness for shape in shapes]
    assert np.corrcoef(brightness, [shape.breath_db for shape in shapes])[0, 1] > 0.999
    assert max(brightness) - min(brightness) == pytest.approx(0.12, abs=0.005)


def test_a_new_breathing_rate_never_makes_the_envelope_jump() -> None:
    performance = Performance(Piece())
    asked = [(6, 1), (12, 0.5), (0, 1), (4.5, 1), (30, 1)]
    blocks = [
        block
        for rate, depth in asked
        for block in play(performance, MusicState(breath_rate=rate, breath_depth=depth), 7)
    ]
    steps = np.abs(np.diff([block.shape.breath_db for block in blocks]))
    assert steps.max() <= (2 * 2 * pi * 30 / 60 + 2 / 3) * BLOCK_S


def test_layers_enter_over_three_bars_and_leave_without_new_notes() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(layers=2), 8)
    blocks = play(performance, MusicState(layers=3), 16)
    gains = [block.shape.layer_gains[2] for block in blocks]
    assert gains[0] == pytest.approx(0, abs=0.01)
    assert gains[blocks_of(6)] == pytest.approx(0.5, abs=0.01)
    assert gains[blocks_of(12)] == 1
    leaving = play(performance, MusicState(layers=2), 16)
    assert "bass" not in {note.layer for note in notes_of(leaving)}
    assert leaving[blocks_of(6)].shape.layer_gains[2] == pytest.approx(0.5, abs=0.01)


def test_density_follows_at_the_bar_line_and_the_mode_at_the_next_phrase() -> None:
    performance, score = performance_and_score()
    play(performance, MusicState(mode=0.8, density=0.2, level_db=0), 1)
    now = play(performance, MusicState(mode=0.2, density=0.9, level_db=-6, tempo_bpm=61), 1)[-1].shape
    heard = performance.heard()
    assert heard is not None
    assert (heard.tempo_bpm, heard.density) == (61, 0.2)
    assert (now.density, now.level_db) == (0.2, pytest.approx(-0.2))
    now = play(performance, MusicState(mode=0.2, density=0.9), 4)[-1].shape
    assert (len(score), score[-1].mode) == (2, Mode.IONIAN)
    assert now.density > 0.5
    play(performance, MusicState(mode=0.2, density=0.9), 12)
    assert score[-1].mode is Mode.MIXOLYDIAN


# --- fades ------------------------------------------------------------------------------------------------


def test_the_first_sound_is_beat_0_in_the_block_that_asks_for_it() -> None:
    performance = Performance(Piece())
    waiting = play(performance, QUIET, 3)
    assert notes_of(waiting) == []
    assert beats_of(waiting) == []
    assert performance.heard() is None
    block = performance.block(MusicState(layers=3))
    assert [(beat.frame, beat.beat, beat.bar) for beat in block.beats] == [(3 * SAMPLE_RATE, 0, 0)]
    notes = notes_of([block, *play(performance, MusicState(layers=3), LATEST_S)])
    assert notes
    assert all(3 <= note.time_s <= 3 + LATEST_S for note in notes)


def test_the_first_beat_has_the_tempo_asked_for_whatever_was_asked_in_silence() -> None:
    performance = Performance(Piece(seed=1))
    play(performance, MusicState(sounding=False, tempo_bpm=70), 1)
    first = beats_of(play(performance, MusicState(tempo_bpm=58), 3))[0]
    assert first.tempo_bpm == 58


def test_the_fade_in_takes_ten_seconds_from_silence() -> None:
    fades = [block.shape.fade for block in play(Performance(Piece()), MusicState(), 11)]
    assert 0 < fades[0] < 1e-4
    assert fades[blocks_of(5) - 1] == pytest.approx(0.5)
    assert fades[blocks_of(9.9)] < 1
    assert fades[blocks_of(10)] == 1


def test_in_a_silence_the_performance_stands_still_and_goes_on_with_the_next_bar() -> None:
    performance = Performance(Piece())
    before = play(performance, MusicState(), 21)
    leaving = play(performance, QUIET, SILENCE_FADE_S + 0.1)
    assert leaving[-1].shape.fade == 0
    still = play(performance, QUIET, 30)
    assert beats_of(still) == []
    assert notes_of(still) == []
    assert not performance.finished
    again = play(performance, MusicState(), 12)
    first = beats_of(again)[0]
    assert first.frame == again[0].start_frame
    assert first.beat == 4 * first.bar
    assert first.bar == beats_of(before + leaving)[-1].bar + 1
    assert again[0].shape.fade < 1e-4
    assert again[blocks_of(10)].shape.fade == 1


@pytest.mark.parametrize("played", [14, 18, 22, 26])
def test_after_a_silence_the_music_begins_a_new_phrase_on_the_tonic(played: float) -> None:
    performance = Performance(Piece(tonic=2))
    play(performance, MusicState(), played)
    play(performance, QUIET, SILENCE_FADE_S + 2)
    again = play(performance, MusicState(), 1)
    assert min(note.pitch for note in notes_of(again)) % 12 == 2


def test_called_back_in_mid_fade_it_turns_round_without_a_jump() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(), 12)
    falling = play(performance, QUIET, SILENCE_FADE_S / 2)
    rising = play(performance, MusicState(), 6)
    assert 0.3 < falling[-1].shape.fade < 0.7
    assert abs(rising[0].shape.fade - falling[-1].shape.fade) < 0.01
    assert rising[-1].shape.fade == 1
    numbers = [beat.beat for beat in beats_of(falling + rising)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize(("tempo", "lands"), [(60, 28.0), (40, 30.0), (120, 24.0)])
def test_the_end_turns_home_lands_on_the_tonic_and_rings(tempo: float, lands: float) -> None:
    performance = Performance(Piece(tonic=5))
    state = MusicState(layers=5, tempo_bpm=tempo)
    play(performance, state, 21)
    performance.end(20)
    blocks = play(performance, state, 30)
    landed = [note for note in notes_of(blocks) if note.time_s >= lands and note.layer != "arpeggio"]
    assert all(note.time_s <= lands + LATEST_S for note in landed)
    assert min(note.pitch for note in landed) % 12 == 5
    assert [note.time_s + note.duration_s for note in landed] == pytest.approx(
        [41] * len(landed), abs=0.02 + LATEST_S
    )
    assert performance.finished
    silent = [block for block in blocks if block.shape.fade == 0]
    assert len(silent) == pytest.approx(blocks_of(10), abs=1)
    assert beats_of(silent[1:]) == []
    assert notes_of(silent) == []


def test_a_short_end_lands_at_once() -> None:
    performance = Performance(Piece(tonic=5))
    state = MusicState(layers=3, tempo_bpm=30)
    play(performance, state, 17)
    performance.end(15)
    notes = [note for note in notes_of(play(performance, state, 16)) if note.bar >= 3]
    assert all(24.0 <= note.time_s <= 24.0 + LATEST_S for note in notes)
    assert min(note.pitch for note in notes) % 12 == 5


def test_an_end_asked_twice_and_a_stop_asked_twice_are_asked_once() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(), 12)
    performance.end(20)
    play(performance, MusicState(), 10)
    performance.end(30)
    assert performance.block(MusicState()).shape.fade == pytest.approx(0.5, abs=0.01)
    performance.stop(0.5)
    play(performance, MusicState(), 0.1)
    performance.stop(10)
    performance.end(30)
    blocks = play(performance, MusicState(), 0.5)
    assert notes_of(blocks) == []
    assert performance.finished
    assert notes_of(play(performance, MusicState(), 20)) == []
    assert performance.heard() is None


def test_a_stop_from_full_sound_takes_its_half_second() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(), 12)
    performance.stop()
    fades = [block.shape.fade for block in play(performance, MusicState(), 0.6)]
    assert fades[blocks_of(0.4)] > 0
    assert fades[blocks_of(0.5)] == 0
    assert max(abs(b - a) for a, b in pairwise(fades)) <= pi / 2 * BLOCK_S / 0.5 + 1e-9


def test_ended_before_it_began_it_is_finished() -> None:
    performance = Performance(Piece())
    performance.end(20)
    block = performance.block(MusicState())
    assert performance.finished
    assert (block.notes, block.beats, block.shape.fade) == ((), (), 0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_fade_takes_a_positive_time(seconds: float) -> None:
    with pytest.raises(StateError, match=r"fade_s is .*; it must be a positive number of seconds"):
        Performance(Piece()).end(seconds)


# --- what is heard ----------------------------------------------------------------------------------------


def test_what_is_heard_is_what_sounds() -> None:
    performance = Performance(Piece())
    performance.block(MusicState())
    first = performance.heard()
    assert first is not None
    assert first.novelty == 0.5
    assert first.level_db == -40
    asked = {"tempo_bpm": 70.0, "density": 0.3, "level_db": -3.0, "brightness": 0.6}
    swells = {"breath_rate": 6.0, "breath_depth": 0.5}
    play(performance, MusicState(**asked, **swells), 60)
    heard = performance.heard()
    assert heard is not None
    assert heard._asdict() == pytest.approx({**asked, **swells, "novelty": 0})


def test_half_way_through_a_fade_the_level_heard_is_6_db_lower() -> None:
    performance = Performance(Piece())
    play(performance, MusicState(), 5)
    heard = performance.heard()
    assert heard is not None
    assert heard.level_db == pytest.approx(20 * log10(0.5))


@pytest.mark.parametrize(
    ("change", "novelty"),
    [
        (MusicState(mode=0.4), 0.4),
        (MusicState(layers=4), 0.3),
        (MusicState(tempo_bpm=60.5), 0.0),
        (MusicState(tempo_bpm=90), 1.0),
    ],
)
def test_novelty_is_heard_for_one_step_when_a_change_begins(change: MusicState, novelty: float) -> None:
    performance = Performance(Piece())
    play(performance, MusicState(), 15)
    values = []
    for _ in range(20 * 2):
        play(performance, change, 0.05)
        heard = performance.heard()
        assert heard is not None
        values.append(heard.novelty)
    assert [value for value in values if value > 0] == [novelty] * (novelty > 0)


def test_the_same_piece_and_states_give_the_same_blocks() -> None:
    def perform() -> list[Block]:
        return play(Performance(Piece(seed=9)), MusicState(layers=8, density=0.7, breath_rate=6), 40)

    assert perform() == perform()
