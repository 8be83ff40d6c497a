"""What the product plays in steady states, without sound; measured over seeds and judged by bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from statistics import fmean
from typing import NamedTuple

from benchmarks.note_measures import Notes, notes_of
from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.state import Mode, MusicState, Piece

SECONDS = 1200.0
SEEDS = range(1, 13)
REST = MusicState(
    tempo_bpm=52.0,
    mode=Mode.IONIAN.openness,
    density=0.2,
    layers=2,
    register=0.4,
    brightness=0.25,
    articulation=0.1,
)
MATCH = MusicState(
    tempo_bpm=72.0,
    mode=Mode.DORIAN.openness,
    density=0.5,
    layers=4,
    register=0.55,
    brightness=0.5,
    articulation=0.3,
)
LIVELY = MusicState(
    tempo_bpm=96.0,
    mode=Mode.MIXOLYDIAN.openness,
    density=0.7,
    layers=6,
    register=0.6,
    brightness=0.6,
    articulation=0.5,
)
STATES = {"rest": REST, "match": MATCH, "lively": LIVELY}
"""The states in which the music is judged: at rest, matched to a listener, and lively."""

AT_REST, IN_MOTION, ALL = ("rest",), ("match", "lively"), tuple(STATES)


@cache
def played(state: MusicState, piece: Piece, seconds: float = SECONDS) -> Notes:
    """Return the notes of a piece held in one state."""
    performance = Performance(piece)
    blocks = (performance.block(state) for _ in range(round(seconds * SAMPLE_RATE / BLOCK_FRAMES)))
    rows = [
        (note.time_s, note.duration_s, note.beat, note.pitch, note.velocity, note.layer)
        for block in blocks
        for note in block.notes
    ]
    return notes_of(rows, piece.bar_metre.bar)


def mean_measures(measure: Callable[[Notes], dict[str, float]], pieces: Iterable[Notes]) -> dict[str, float]:
    """Return the mean of each measure over the pieces that have it."""
    rows = [measure(notes) for notes in pieces]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: round(fmean(row[name] for row in rows if name in row), 4) for name in names}


class Bound(NamedTuple):
    """The range of a figure in some of the states."""

    name: str
    states: tuple[str, ...]
    low: float = -math.inf
    high: float = math.inf

    def describe(self) -> str:
        """Return the range in words."""
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if math.isinf(self.low) else f"{self.low:g} to {self.high:g}"


def out_of_bounds(found: dict[str, dict[str, float]], bounds: Sequence[Bound]) -> list[str]:
    """Return which figures of the states lie outside their bounds, in words.

    Raises
    ------
    KeyError
        If a figure that is bound was not measured.
    """
    return [
        f"{bound.name} at {state}: {found[state][bound.name]:.3g}, not {bound.describe()}"
        for bound in bounds
        for state in bound.states
        if not bound.low <= found[state][bound.name] <= bound.high
    ]
