"""What is asked of the music is what its notes show: more of it the more is asked."""

from itertools import pairwise
from statistics import fmean

import numpy as np
import pytest
from scipy.stats import spearmanr

from generator.composition.composer import Composer
from generator.composition.notation import BarScore
from generator.state import LAYERS, Mode, MusicState, Piece

GRID = [i / 8 for i in range(9)]
CONTEXTS = [
    {"density": 0.1, "register": 0.2, "articulation": 0.7, "layers": 3, "mode": 0.0},
    {"density": 0.5, "register": 0.5, "articulation": 0.0, "layers": 5, "mode": 0.4},
    {"density": 0.9, "register": 0.9, "articulation": 0.3, "layers": 8, "mode": 1.0},
]


def compose(bars: int, seed: int = 3, **asked: float) -> list[BarScore]:
    composer = Composer(Piece(seed=seed))
    return [composer.bar(MusicState(**asked)) for _ in range(bars)]  # type: ignore[arg-type]


def onsets(bars: list[BarScore]) -> float:
    return fmean(len(bar.notes) for bar in bars)


def height(bars: list[BarScore]) -> float:
    return fmean(note.pitch for bar in bars for note in bar.notes)


def shortness(bars: list[BarScore]) -> float:
    """Share of the time to a layer's next note that a note leaves silent."""
    gaps = []
    for layer in LAYERS:
        notes = [(4 * b.index + n.offset, n.duration) for b in bars for n in b.notes if n.layer == layer]
        following = dict(pairwise(sorted({at for at, _ in notes})))
        gaps += [max(0.0, 1 - held / (following[at] - at)) for at, held in notes if at in following]
    return fmean(gaps)


def parts(bars: list[BarScore]) -> float:
    return fmean(
        len({note.layer for bar in bars[i : i + 4] for note in bar.notes}) for i in range(len(bars) - 3)
    )


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(
    ("name", "measure", "grid"),
    [
        ("density", onsets, GRID),
        ("register", height, GRID),
        ("articulation", shortness, GRID),
        ("layers", parts, list(range(1, 9))),
    ],
)
def test_more_asked_is_more_written(name, measure, grid, context) -> None:
    written = [measure(compose(36, **{**context, name: value})[12:]) for value in grid]
    assert spearmanr(grid, written).statistic >= 0.95


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("layers", "density"), [(1, 0.0), (2, 0.4), (8, 1.0)])
def test_the_mode_can_be_told_from_the_notes_of_a_minute(mode: Mode, layers: int, density: float) -> None:
    sounding = np.zeros(12)
    for bar in compose(12, mode=mode.openness, layers=layers, density=density):
        for note in bar.notes:
            sounding[note.pitch % 12] += note.duration
    told = {other: np.corrcoef(sounding, np.isin(np.arange(12), other.steps))[0, 1] for other in Mode}
    assert max(Mode, key=lambda other: told[other]) is mode


def alike(one: list[tuple[float, int]], other: list[tuple[float, int]]) -> bool:
    """Whether two lines begin with the same rhythm, and nearly always move the same way."""
    if [at for at, _ in one] != [at for at, _ in other]:
        return False
    turns = [[np.sign(b - a) for (_, a), (_, b) in pairwise(line)] for line in (one, other)]
    return sum(a != b for a, b in zip(*turns, strict=True)) <= 1


@pytest.mark.parametrize("seed", range(4))
def test_a_theme_comes_back_within_twenty_bars(seed: int) -> None:
    score = compose(128, seed=seed, density=0.6, layers=2)
    openings = []
    for bars in pairwise(score):
        if bars[0].place == 0:
            line = [
                (4 * i + n.offset, n.pitch)
                for i, bar in enumerate(bars)
                for n in bar.notes
                if n.layer == "melody"
            ]
            openings.append((bars[0].index, line[:4]))
    for start in range(0, 108, 4):
        window = [line for at, line in openings if start <= at < start + 20]
        assert any(alike(a, b) for i, a in enumerate(window) for b in window[:i])


def test_dynamics_rise_and_fall_with_the_phrase() -> None:
    score = compose(64, density=0.5, layers=4)

    def loud(place: int) -> float:
        return fmean(n.velocity for bar in score if bar.place == place for n in bar.notes)

    assert loud(0) < loud(1) > loud(3)
