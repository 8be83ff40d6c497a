"""Themes and their returns: the same tune in every mode, two pieces unlike, nothing that rubs."""

from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.composition.composer import Composer
from generator.composition.harmony import Scale
from generator.composition.notation import BarScore
from generator.composition.themes import (
    EIGHTHS,
    Style,
    Theme,
    Variation,
    theme,
    varied,
)
from generator.composition.voice_leading import rubs
from generator.state import PALETTES, Metre, Mode, MusicState, Piece

SEEDS = range(12)


def themes(seed: int, metre: Metre = Metre.COMMON) -> list[Theme]:
    style = Style.of(seed, metre)
    return [theme(seed, name, style, metre) for name in "ABCD"]


@pytest.mark.parametrize("metre", Metre)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_theme_asks_and_answers(seed: int, metre: Metre) -> None:
    bar = EIGHTHS[metre]
    for tune in themes(seed, metre):
        for line in (tune.question, tune.answer):
            assert all(0 <= note.at < 3 * bar for note in line)
            assert len({note.at for note in line}) == len(line)
            assert sum(note.needed == 0.0 for note in line) == 2  # the first, and the one on which it rests
            assert list(line) == sorted(line)
        assert tune.answer_goal % 7 in (0, 2)
        first = [(n.at, n.needed) for n in tune.question if n.at < bar]
        assert [(n.at, n.needed) for n in tune.answer if n.at < bar] == first


@pytest.mark.parametrize("way", Variation)
def test_every_variation_comes_to_the_same_end(way: Variation) -> None:
    for seed in SEEDS:
        for tune in themes(seed):
            line = varied(tune.answer, way, Metre.COMMON, "key")
            assert max(line)[:2] == max(tune.answer)[:2]
            assert way is Variation.PLAIN or line != tune.answer or len(tune.answer) < 4


def sung(piece: Piece, state: MusicState, bars: int) -> list[tuple[float, int]]:
    """Return beat and step of the scale of the melody's notes."""
    composer = Composer(piece)
    line = []
    for _ in range(bars):
        bar = composer.bar(state)
        scale = Scale(bar.tonic, bar.mode)
        tones = {scale.pitch(tone): tone for tone in range(28, 64)}
        line += [(4 * bar.index + n.offset, tones[n.pitch]) for n in bar.notes if n.layer == "melody"]
    return line


def test_a_tune_survives_the_change_of_mode() -> None:
    kept = []
    for seed in SEEDS:
        lines = [
            sung(Piece(seed=seed), MusicState(mode=mode.openness, density=0.5, layers=3), 64)
            for mode in (Mode.DORIAN, Mode.IONIAN)
        ]
        assert [at for at, _ in lines[0]] == [at for at, _ in lines[1]]
        moves = [[y - x for (_, x), (_, y) in pairwise(line)] for line in lines]
        kept.append(fmean(one == other for one, other in zip(*moves, strict=True)))
    assert fmean(kept) > 0.75
    assert min(kept) > 0.55


def test_two_seeds_are_two_pieces() -> None:
    rhythms = set()
    for seed in SEEDS:
        line = sung(Piece(seed=seed), MusicState(density=0.5, layers=3), 16)
        rhythms.add(tuple(at for at, _ in line))
    assert len(rhythms) == len(SEEDS)


def rubbing_share(score: list[BarScore]) -> float:
    """Return the share of the melody's time in which it stands a semitone over what is held."""
    held, tune = [], []
    for bar in score:
        start = bar.metre.bar * bar.index
        for note in bar.notes:
            entry = (start + note.offset, start + note.offset + note.duration, note.pitch)
            if note.layer == "melody":
                tune.append(entry)
            elif note.layer in ("pad", "bass", "strings", "counter"):
                held.append(entry)
    rubbing = 0.0
    for begin, end, pitch in tune:
        below = [h for h in held if h[0] < end and h[1] > begin and h[2] < pitch and rubs(h[2], pitch)]
        rubbing += max((min(end, h[1]) - max(begin, h[0]) for h in below), default=0.0)
    return rubbing / sum(end - begin for begin, end, _ in tune)


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("mode", Mode)
def test_the_melody_does_not_rub(mode: Mode, palette: str) -> None:
    for density, layers in ((0.2, 2), (0.5, 4), (0.7, 6), (0.9, 8)):
        composer = Composer(Piece(seed=5, palette=palette))
        state = MusicState(mode=mode.openness, density=density, layers=layers)
        assert rubbing_share([composer.bar(state) for _ in range(96)]) <= 0.01


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    metre=st.sampled_from(["3/4", "6/8"]),
    density=st.floats(0, 1),
    layers=st.integers(1, 8),
)
def test_every_metre_keeps_its_bars(seed: int, metre: str, density: float, layers: int) -> None:
    piece = Piece(seed=seed, metre=metre)
    composer = Composer(piece)
    bars = [composer.bar(MusicState(density=density, layers=layers)) for _ in range(24)]
    for bar in bars:
        assert bar.metre is Metre.of(metre)
        assert all(0 <= note.offset < bar.metre.bar for note in bar.notes)
        assert all(0 < note.duration <= 4 * bar.metre.bar for note in bar.notes)
        assert {n.pitch % 12 for n in bar.notes} <= Scale(bar.tonic, bar.mode).classes(tuple(range(7)))
