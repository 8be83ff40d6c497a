"""Bars written by hand, as they are performed: metre, lengths of notes, timing of single notes, form."""

from dataclasses import replace
from itertools import pairwise
from math import sqrt
from unittest.mock import patch

import pytest

from generator.composition.harmony import Chord
from generator.composition.notation import BarScore, FormArc, ScoreNote, SectionKind
from generator.performance.controls import BLOCK_S, SILENCE_FADE_S
from generator.performance.performance import Performance
from generator.score import (
    BLOCK_FRAMES,
    SAMPLE_RATE,
    BeatEvent,
    Block,
    NoteEnd,
    NoteEvent,
    SectionEvent,
    with_ends,
)
from generator.state import LAYERS, Metre, Mode, MusicState, Piece
from generator.trajectory import Trajectory

QUIET = MusicState(sounding=False)
A_SAMPLE_S = 1.01 / SAMPLE_RATE


def blocks_of(seconds: float) -> int:
    return round(seconds / BLOCK_S)


def play(performance: Performance, state: MusicState, seconds: float) -> list[Block]:
    return [performance.block(state) for _ in range(blocks_of(seconds))]


def notes_of(blocks: list[Block]) -> list[NoteEvent]:
    return [note for block in blocks for note in block.notes]


def beats_of(blocks: list[Block]) -> list[BeatEvent]:
    return [beat for block in blocks for beat in block.beats]


def ends_of(blocks: list[Block]) -> list[NoteEnd]:
    return [end for block in blocks for end in block.note_ends]


def sections_of(blocks: list[Block]) -> list[SectionEvent]:
    return [section for block in blocks for section in block.sections]


def written(*notes: ScoreNote, layers: tuple[str, ...] = ("pad",), **about: object) -> BarScore:
    """Return a bar of these notes."""
    first = {"index": 0, "phrase": 0, "place": 0, "mode": Mode.IONIAN, "chord": Chord.parse("I9")}
    return BarScore(**{**first, "layers": layers, "notes": notes, **about})  # type: ignore[arg-type]


def pad(offset: float, duration: float, nudge_s: float = 0.0) -> ScoreNote:
    return ScoreNote(offset=offset, duration=duration, pitch=60, velocity=50, layer="pad", nudge_s=nudge_s)


def performance_of(*bars: BarScore, **settings: float) -> tuple[Performance, list[float]]:
    """Return a performance of these bars, the last for ever, and where its cadences land."""
    lands: list[float] = []

    class FixedComposer:
        def __init__(self, piece: Piece) -> None:
            self._bars = list(bars)

        def begin_anew(self) -> None:
            pass

        def bar(self, state: MusicState) -> BarScore:
            return self._bars.pop(0) if len(self._bars) > 1 else self._bars[0]

        def cadence(self, state: MusicState, *, land: float, beats: float) -> BarScore:
            lands.append(land)
            return self.bar(state)

    with patch("generator.performance.performance.Composer", FixedComposer):
        return Performance(Piece(), **settings), lands


# --- metre ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metre", Metre)
def test_the_tempo_counts_the_pulses_of_every_metre(metre: Metre) -> None:
    performance, _ = performance_of(written(pad(0.0, 0.5), pad(metre.bar - 0.5, 0.5), metre=metre))
    blocks = play(performance, MusicState(tempo_bpm=50), 60)
    pulse_s, bar_s = 60 / 50, metre.pulses * 60 / 50
    beats = beats_of(blocks)
    assert [beat.beat for beat in beats] == list(range(50))
    assert [beat.bar for beat in beats] == [number // metre.pulses for number in range(50)]
    assert {beat.tempo_bpm for beat in beats} == {50}
    assert [beat.time_s for beat in beats] == pytest.approx([n * pulse_s for n in range(50)], abs=A_SAMPLE_S)
    for note in notes_of(blocks):
        bars, offset = divmod(note.beat, metre.bar)
        assert note.bar == bars
        assert note.time_s == pytest.approx(bars * bar_s + offset / metre.pulse * pulse_s, abs=A_SAMPLE_S)
        assert note.duration_s == pytest.approx(0.5 / metre.pulse * pulse_s)
    assert {note.beat % metre.bar for note in notes_of(blocks)} == {0.0, metre.bar - 0.5}


def test_in_six_eight_a_ramp_is_exact() -> None:
    performance, _ = performance_of(written(metre=Metre.COMPOUND))
    trajectory = Trajectory((0.0, 60.0), (MusicState(tempo_bpm=40), MusicState(tempo_bpm=100)))
    beats = beats_of([performance.block(trajectory.at((i + 1) * BLOCK_S)) for i in range(blocks_of(60))])
    # 40·t + t²/2 = 60·beat
    wanted = [120 * beat / (40 + sqrt(1600 + 120 * beat)) for beat in range(len(beats))]
    assert len(beats) >= 70
    assert [beat.time_s for beat in beats] == pytest.approx(wanted, abs=A_SAMPLE_S)


def test_in_six_eight_layers_enter_over_three_bars() -> None:
    metre = Metre.COMPOUND
    performance, _ = performance_of(written(metre=metre), written(metre=metre, layers=("pad", "melody")))
    gains = [block.shape.layer_gains[1] for block in play(performance, MusicState(tempo_bpm=60), 9)]
    assert gains[blocks_of(2) - 1] == 0
    assert gains[blocks_of(5)] == pytest.approx(0.5, abs=0.01)
    assert gains[blocks_of(8)] == 1


@pytest.mark.parametrize(
    ("metre", "fade_s", "lands"),
    [
        (Metre.COMMON, 20, [4.0, 0.0]),
        (Metre.COMMON, 6, [2.0]),
        (Metre.WALTZ, 20, [3.0, 0.0]),
        (Metre.WALTZ, 4, [0.0]),
        (Metre.COMPOUND, 20, [3.0, 0.0]),
        (Metre.COMPOUND, 3, [1.5]),
    ],
)
def test_the_tonic_of_the_ending_lands_on_a_pulse(metre: Metre, fade_s: float, lands: list[float]) -> None:
    performance, landed = performance_of(written(metre=metre), fade_in_s=0.5)
    play(performance, MusicState(), metre.pulses - 0.05)  # until shortly before a bar line
    performance.end(fade_s)
    play(performance, MusicState(), fade_s + 1)
    assert landed == lands


# --- lengths of notes -------------------------------------------------------------------------------------


def test_at_a_steady_tempo_a_note_is_as_long_as_it_began() -> None:
    blocks = play(Performance(Piece(seed=3)), MusicState(tempo_bpm=71, layers=8, density=0.7), 120)
    notes, ends = notes_of(blocks), ends_of(blocks)
    assert [note.number for note in notes] == list(range(len(notes)))
    assert len(ends) > 0.9 * len(notes)
    for end in ends:
        # either end lies within a sample of its place
        assert end.duration_s == pytest.approx(notes[end.note].duration_s, abs=2 * A_SAMPLE_S)
        assert end.frame - notes[end.note].frame == pytest.approx(end.duration_s * SAMPLE_RATE)


@pytest.mark.parametrize("ramp_s", [0.0, 5.0, 60.0])
def test_when_the_tempo_falls_one_chord_of_the_pad_lasts_until_the_next(ramp_s: float) -> None:
    performance = Performance(Piece(seed=2))
    fast, slow = (MusicState(tempo_bpm=tempo, layers=1, articulation=0) for tempo in (140, 30))
    blocks = play(performance, fast, 20)
    trajectory = Trajectory((0.0, max(ramp_s, BLOCK_S)), (fast, slow))
    blocks += [performance.block(trajectory.at((i + 1) * BLOCK_S)) for i in range(blocks_of(ramp_s + 60))]
    notes = with_ends(notes_of(blocks), ends_of(blocks))
    onsets = sorted({note.frame for note in notes})
    assert len(onsets) > 12
    for onset in onsets[1:]:
        until_s = max(note.time_s + note.duration_s for note in notes if note.frame < onset)
        assert until_s >= onset / SAMPLE_RATE - BLOCK_S


def test_a_note_ends_at_the_sample_at_which_its_beats_are_over() -> None:
    performance, _ = performance_of(written(pad(0.0, 10.0)), written())
    blocks = play(performance, MusicState(tempo_bpm=120), 1.0)
    blocks += play(performance, MusicState(tempo_bpm=40), 14.0)
    (note,), (end,) = notes_of(blocks), ends_of(blocks)
    # 2 beats in the first second, within a block the mean of both tempos, then 40 a minute
    left = 10 - 2 - 80 / 60 * BLOCK_S
    assert note.duration_s == 5.0
    assert end.duration_s == pytest.approx(1 + BLOCK_S + left * 60 / 40, abs=A_SAMPLE_S)
    assert with_ends([note], [end])[0].duration_s == end.duration_s


@pytest.mark.parametrize("way", ["silence", "end", "stop"])
def test_silence_ends_what_still_sounds(way: str) -> None:
    performance = Performance(Piece(seed=4), fade_in_s=1.0)
    state = MusicState(layers=5, tempo_bpm=40)
    blocks = play(performance, state, 13)
    if way == "end":
        performance.end(8)
    if way == "stop":
        performance.stop(0.5)
    blocks += play(performance, QUIET if way == "silence" else state, SILENCE_FADE_S + 1)
    notes, ends = notes_of(blocks), ends_of(blocks)
    assert sorted(end.note for end in ends) == [note.number for note in notes]
    silent = next(block.start_frame for block in blocks if block.shape.fade == 0) + 2 * BLOCK_FRAMES
    assert max(end.frame for end in ends) <= silent
    if way == "silence":
        again = play(performance, state, 30)
        assert {end.note for end in ends_of(again)} <= {note.number for note in notes_of(again)}


# --- timing of single notes -------------------------------------------------------------------------------


def test_a_note_nudged_beyond_its_bar_sounds_and_belongs_to_its_bar() -> None:
    late, long = pad(3.95, 0.25, nudge_s=0.08), pad(1.0, 0.5)
    performance, _ = performance_of(written(late, long), written(pad(0.0, 1.0, nudge_s=0.0)))
    notes = notes_of(play(performance, MusicState(tempo_bpm=60), 8))
    assert [(note.bar, note.beat) for note in notes] == [(0, 1.0), (1, 4.0), (0, 3.95)]
    assert [note.time_s for note in notes] == pytest.approx([1.0, 4.0, 4.03], abs=A_SAMPLE_S)
    assert [note.number for note in notes] == [0, 1, 2]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("tempo", [30.0, 140.0])
def test_a_nudge_lasts_as_long_at_any_tempo_in_every_layer(layer: str, tempo: float) -> None:
    nudges = [0.08, -0.025, 0.025]
    notes = [replace(pad(float(at), 1.0, nudge_s), layer=layer) for at, nudge_s in enumerate(nudges)]
    performance, _ = performance_of(written(*notes, layers=LAYERS), written())
    beat_s = 60 / tempo
    played = notes_of(play(performance, MusicState(tempo_bpm=tempo), 4 * beat_s))
    wanted = [at * beat_s + nudge_s for at, nudge_s in enumerate(nudges)]
    assert [note.time_s for note in played] == pytest.approx(wanted, abs=A_SAMPLE_S)
    assert [note.beat for note in played] == [0.0, 1.0, 2.0]


# --- the form ---------------------------------------------------------------------------------------------

HUSHED = FormArc(density=-0.3, brightness=-0.25, level_db=-2.0)


def test_the_form_adds_to_the_state_within_its_limits() -> None:
    state = MusicState(density=0.2, brightness=0.5, level_db=-17.0)
    performance, _ = performance_of(written(arc=HUSHED), fade_in_s=1.0)
    settled = play(performance, state, 20)[-1]
    assert settled.arc == HUSHED
    assert (settled.shape.density, settled.shape.brightness) == pytest.approx((0.0, 0.25))
    assert settled.shape.level_db == -18.0
    heard = performance.heard()
    assert heard is not None
    assert (heard.density, heard.brightness, heard.level_db) == pytest.approx((0.0, 0.25, -18.0))


def test_the_form_never_plays_louder_than_asked_for() -> None:
    performance, _ = performance_of(written(arc=FormArc(brightness=0.9, density=0.9, level_db=3.0)))
    shape = play(performance, MusicState(density=0.5, brightness=0.5, level_db=-6), 20)[-1].shape
    assert (shape.level_db, shape.brightness, shape.density) == pytest.approx((-6, 1, 1))


def test_a_new_section_changes_nothing_at_once() -> None:
    state = MusicState(density=0.5, brightness=0.5, level_db=-1, tempo_bpm=60)
    performance, _ = performance_of(written(), written(section=1, arc=HUSHED))
    blocks = play(performance, state, 18)
    change = blocks_of(4)
    shapes = [block.shape for block in blocks]
    assert shapes[change - 1].level_db == -1
    assert shapes[change + blocks_of(5)].level_db == pytest.approx(-2, abs=0.01)
    assert shapes[-1].level_db == pytest.approx(-3)
    for before, after in pairwise(shapes):
        assert abs(after.level_db - before.level_db) <= 0.2 * BLOCK_S + 1e-9
        assert abs(after.brightness - before.brightness) <= 0.35 * BLOCK_S + 1e-9
        assert abs(after.density - before.density) <= 0.3 * BLOCK_S + 1e-9


def test_layers_that_the_form_takes_away_and_gives_back_are_withheld() -> None:
    thin = FormArc(layers=-2)
    bars = [written(layers=LAYERS[:4])] * 4 + [written(layers=LAYERS[:3], arc=thin)]
    bars += [written(layers=LAYERS[:2], arc=thin)] * 3
    bars += [written(layers=LAYERS[:3]), written(layers=LAYERS[:4])]
    performance, _ = performance_of(*bars)
    shapes = [block.shape for block in play(performance, MusicState(layers=4), 60)]
    for shape in shapes:
        both = zip(shape.layer_gains, shape.withheld_gains, strict=True)
        assert [gain + withheld for gain, withheld in both] == pytest.approx([1] * 4 + [0] * 4)
    assert shapes[blocks_of(15)].withheld_gains == (0.0,) * 8
    assert shapes[blocks_of(31)].withheld_gains == pytest.approx((0, 0, 1, 1, 0, 0, 0, 0), abs=0.1)
    assert shapes[-1].withheld_gains == (0.0,) * 8


def test_layers_that_nobody_asks_for_any_more_are_not_withheld() -> None:
    performance, _ = performance_of(written(layers=LAYERS[:4]), written(layers=LAYERS[:2]))
    play(performance, MusicState(layers=4), 4)
    shapes = [block.shape for block in play(performance, MusicState(layers=2), 30)]
    assert not any(any(shape.withheld_gains) for shape in shapes)


def test_an_event_says_when_a_section_adds_something_else() -> None:
    performance, _ = performance_of(written(), written(arc=HUSHED), written(arc=HUSHED), written())
    events = sections_of(play(performance, MusicState(tempo_bpm=60), 16))
    assert [(event.bar, event.number, event.arc) for event in events] == [
        (0, 0, FormArc()),
        (1, 0, HUSHED),
        (3, 0, FormArc()),
    ]


def test_a_section_is_an_event_at_its_first_bar_line() -> None:
    contrast = {"section": 1, "section_kind": SectionKind.CONTRAST, "arc": HUSHED}
    performance, _ = performance_of(
        written(), written(), written(**contrast), written(**contrast), written(section=2)
    )
    blocks = play(performance, MusicState(tempo_bpm=67), 25)
    bar_s = 4 * 60 / 67
    events = sections_of(blocks)
    assert [(event.bar, event.number, event.kind) for event in events] == [
        (0, 0, SectionKind.STATEMENT),
        (2, 1, SectionKind.CONTRAST),
        (4, 2, SectionKind.STATEMENT),
    ]
    assert [event.time_s for event in events] == pytest.approx([0, 2 * bar_s, 4 * bar_s], abs=A_SAMPLE_S)
    assert [event.arc for event in events] == [FormArc(), HUSHED, FormArc()]
    block = blocks[blocks_of(2.5 * bar_s)]
    assert (block.section, block.section_kind, block.arc) == (1, SectionKind.CONTRAST, HUSHED)
