"""Sections: slow bounded arcs around what is asked for, none without a form, and related tonics."""

from itertools import pairwise

import pytest

from generator.composition.composer import Composer
from generator.composition.harmony import Scale
from generator.composition.notation import NO_ARC, BarScore, SectionKind
from generator.composition.sections import FEWEST_LAYERS, related_tonic, shaped
from generator.state import Mode, MusicState, Piece

MATCH = MusicState(tempo_bpm=72, mode=0.4, density=0.5, layers=4)


def compose(bars: int, state: MusicState = MATCH, **constants: object) -> list[BarScore]:
    composer = Composer(Piece(**constants))  # type: ignore[arg-type]
    return [composer.bar(state) for _ in range(bars)]


def test_without_a_form_nothing_is_added() -> None:
    assert {bar.arc for bar in compose(360, seed=3)} == {NO_ARC}


@pytest.mark.parametrize("form", ["gentle", "full"])
def test_sections_last_two_to_four_minutes_and_take_their_turns(form: str) -> None:
    bars = compose(720, seed=3, form=form)
    starts = [bar.index for before, bar in pairwise(bars) if bar.section != before.section]
    lengths = [(b - a) * 4 * 60 / 72 for a, b in pairwise([0, *starts])]
    assert all(120 <= length <= 240 for length in lengths)
    kinds = [bars[start].section_kind for start in [0, *starts]]
    assert kinds[:5] == list(SectionKind)
    # A section begins with a phrase.
    assert all(bars[start].place == 0 for start in starts)


def test_arcs_are_bounded_slow_and_never_louder() -> None:
    bars = compose(720, seed=3, form="full")
    for bar in bars:
        assert abs(bar.arc.density) <= 0.36
        assert abs(bar.arc.register) <= 0.5
        assert abs(bar.arc.brightness) <= 0.25
        assert -4.0 <= bar.arc.level_db <= 0.0
    for before, bar in pairwise(bars):
        assert abs(bar.arc.density - before.arc.density) < 0.08
        assert abs(bar.arc.register - before.arc.register) < 0.1
        assert abs(bar.arc.level_db - before.arc.level_db) < 0.8
    gentle = compose(720, seed=3, form="gentle")
    assert max(abs(b.arc.density) for b in gentle) < 0.6 * max(abs(b.arc.density) for b in bars)


def test_the_form_stays_within_the_ranges_and_leaves_two_layers() -> None:
    for bar in compose(720, seed=4, form="full"):
        for asked in (MusicState(density=0.0, layers=1), MusicState(density=1.0, register=1.0, layers=8)):
            given = shaped(asked, bar.arc)
            assert 0 <= given.density <= 1
            assert given.layers >= min(asked.layers, FEWEST_LAYERS)


@pytest.mark.parametrize("mode", Mode)
def test_related_tonics_share_their_chord(mode: Mode) -> None:
    for turn in (1, 2):
        tonic = related_tonic(0, mode, turn)
        assert tonic in (5, 7)
        triad = Scale(tonic, mode).classes((0, 2, 4))
        assert triad <= Scale(0, mode).classes(tuple(range(7)))


@pytest.mark.parametrize("mode", Mode)
def test_a_tonal_plan_visits_another_tonic_and_returns(mode: Mode) -> None:
    state = MusicState(tempo_bpm=72, mode=mode.openness, density=0.5, layers=4)
    bars = compose(400, state, seed=2, tonal_plan="related")
    tonics = [bar.tonic for bar in bars]
    visited = [a for a, b in pairwise([*tonics, None]) if a != b]
    assert len(visited) >= 3
    assert visited[0] == visited[2] == 0
    assert {bar.tonic for bar in compose(400, state, seed=2)} == {0}
    for before, bar in pairwise(bars):
        if bar.tonic != before.tonic:
            common = Scale(before.tonic, mode).classes(tuple(range(7)))
            assert Scale(bar.tonic, mode).classes(bar.chord.degrees) <= common
            assert bar.place == 0
