"""Recorded notes are played as they sounded, with the controls that a performance had."""

from collections.abc import Iterable
from dataclasses import replace
from unittest.mock import patch

import pytest

from generator.composition.harmony import Chord
from generator.composition.notation import BarScore, FormArc, ScoreNote, SectionKind
from generator.performance.controls import BLOCK_S
from generator.performance.performance import Performance
from generator.performance.recorded import RecordedPerformance
from generator.score import Block, PlayedScore, with_ends
from generator.state import LAYERS, Metre, Mode, MusicState, Piece

PIECE = Piece(seed=5, unwanted=("bass",))
BUSY = MusicState(tempo_bpm=84, layers=5, density=0.7, articulation=0.5, breath_rate=6, breath_depth=0.8)
CALM = MusicState(tempo_bpm=58, mode=0.4, layers=2, density=0.2, brightness=0.1, level_db=-8)
QUIET = replace(CALM, sounding=False)
COURSE = ((BUSY, 18.0), (CALM, 12.0), (QUIET, 20.0), (BUSY, 14.0))


class FixedComposer:
    """Writes bars that thin out and come back, whatever it is asked for."""

    def __init__(self, piece: Piece) -> None:
        self._bars = 0
        self._last: BarScore | None = None

    def begin_anew(self) -> None:
        pass

    def bar(self, state: MusicState) -> BarScore:
        self._bars += 1
        thin = self._bars % 4 > 1
        layers = LAYERS[: 2 if thin else 3]
        notes = tuple(
            ScoreNote(offset=place, duration=1.5, pitch=60 + place, velocity=60, layer=layer)
            for place, layer in enumerate(layers)
        )
        self._last = BarScore(
            index=self._bars,
            phrase=0,
            place=0,
            mode=Mode.IONIAN,
            chord=Chord.parse("I9"),
            layers=layers,
            notes=notes,
            metre=Metre.WALTZ,
            section=self._bars // 4,
            section_kind=SectionKind.THINNING if thin else SectionKind.STATEMENT,
            arc=FormArc(density=-0.2, brightness=-0.3, layers=-1, level_db=-3.0) if thin else FormArc(),
        )
        return self._last

    def cadence(self, state: MusicState, *, land: float, beats: float) -> BarScore:
        return self._last or self.bar(state)


def played(
    performance: Performance | RecordedPerformance, course: Iterable[tuple[MusicState, float]] = COURSE
) -> list[Block]:
    """Play a course of states, then the end, and a little of the silence after it."""
    blocks = [performance.block(state) for state, seconds in course for _ in range(round(seconds / BLOCK_S))]
    performance.end(8.0)
    return [*blocks, *(performance.block(BUSY) for _ in range(round(9.0 / BLOCK_S)))]


def score_of(blocks: list[Block], metre: Metre = Metre.COMMON) -> PlayedScore:
    notes = [note for block in blocks for note in block.notes]
    ends = [end for block in blocks for end in block.note_ends]
    return PlayedScore(
        notes=tuple(with_ends(notes, ends)),
        beats=tuple(beat for block in blocks for beat in block.beats),
        sections=tuple(section for block in blocks for section in block.sections),
        metre=metre,
    )


def same_music(ours: list[Block], theirs: list[Block]) -> None:
    """Check that all that sounds is the same, but for the lengths that notes had when they began."""
    again, before = score_of(ours), score_of(theirs)
    assert again.notes == before.notes
    assert again.beats == before.beats
    assert again.sections == before.sections
    for mine, other in zip(ours, theirs, strict=True):
        assert {*mine.note_ends} == {*other.note_ends}
        assert mine.shape == other.shape
        assert (mine.section, mine.section_kind, mine.arc) == (other.section, other.section_kind, other.arc)


def test_a_recorded_performance_is_the_performance() -> None:
    original = played(Performance(PIECE, fade_in_s=3.0))
    again = RecordedPerformance(PIECE, score_of(original), fade_in_s=3.0)
    same_music(played(again), original)
    assert again.finished


def test_a_recorded_performance_with_a_form_is_the_performance() -> None:
    piece = Piece(seed=3, metre="6/8", form="full", tonal_plan="related")
    course = ((BUSY, 250.0), (replace(CALM, layers=3), 200.0))
    original = played(Performance(piece, fade_in_s=3.0), course)
    assert len({block.section_kind for block in original}) >= 3
    recorded = score_of(original, Metre.COMPOUND)
    same_music(played(RecordedPerformance(piece, recorded, fade_in_s=3.0), course), original)


def test_the_form_is_that_of_the_recording() -> None:
    course = [(replace(CALM, layers=3, level_db=-1.0, brightness=0.6), 40.0)]
    with patch("generator.performance.performance.Composer", FixedComposer):
        original = played(Performance(Piece(), fade_in_s=3.0), course)
    assert len({block.arc for block in original}) == 2
    recorded = score_of(original, Metre.WALTZ)
    same_music(played(RecordedPerformance(Piece(), recorded, fade_in_s=3.0), course), original)


def test_notes_sound_in_layers_that_are_not_asked_for() -> None:
    original = played(Performance(PIECE, fade_in_s=3.0))
    sparse = [(replace(state, layers=1), seconds) for state, seconds in COURSE]
    blocks = played(RecordedPerformance(PIECE, score_of(original), fade_in_s=3.0), sparse)
    assert score_of(blocks).notes == score_of(original).notes
    gains = [block.shape.layer_gains for block in blocks]
    for note in score_of(blocks).notes:
        bar = [beat.frame for beat in score_of(blocks).beats if beat.bar == note.bar]
        assert max(gain[LAYERS.index(note.layer)] for gain in gains[bar[0] // 800 :]) > 0.3, note


def test_a_stop_fades_out_at_once() -> None:
    original = played(Performance(PIECE, fade_in_s=3.0))
    again = RecordedPerformance(PIECE, score_of(original), fade_in_s=3.0)
    for _ in range(round(6.0 / BLOCK_S)):
        again.block(BUSY)
    again.stop(0.5)
    fades = [again.block(BUSY).shape.fade for _ in range(round(0.6 / BLOCK_S))]
    assert fades == sorted(fades, reverse=True)
    assert fades[-1] == 0.0
    assert again.finished
    assert again.heard() is None


def test_an_empty_recording_is_silent_and_plays_on() -> None:
    blocks = played(RecordedPerformance(PIECE, PlayedScore(), fade_in_s=3.0))
    assert not any(block.notes or block.beats or block.note_ends for block in blocks)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_lengths_of_fades_are_checked(seconds: float) -> None:
    with pytest.raises(ValueError, match="positive number of seconds"):
        RecordedPerformance(PIECE, PlayedScore(), fade_in_s=seconds)
