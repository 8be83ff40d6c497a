"""The tunes that the product plays: whether they return, hang together, have the habits of people's tunes.

Bounds are the quartiles of 25 melodies made by people (11 sung or bowed, 14 top lines of piano scores),
measured by the same code; at rest a tune has too few notes for them. Habits: `benchmarks.tune_habits`.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

import numpy as np

from benchmarks import tune_habits
from benchmarks.human_tunes import Tune
from benchmarks.note_measures import (
    MELODY_NOTES,
    REPETITION_BARS,
    Notes,
    bars_returning,
    compression_gain,
    melody_moves,
    melody_return,
    tune_distances,
)
from benchmarks.played_notes import (
    AT_REST,
    IN_MOTION,
    SEEDS,
    STATES,
    Bound,
    mean_measures,
    out_of_bounds,
    played,
)
from generator.state import Mode, MusicState, Piece

BOUNDS = (
    Bound("melody_return", IN_MOTION, low=0.267),
    Bound("compression_gain", IN_MOTION, low=0.167),
    Bound("melody_bars_returning", IN_MOTION, low=0.212, high=0.54),
    Bound("seed_distance", IN_MOTION, low=0.361),
    # At rest two halves of a tune of few notes differ by chance, so the distance of seeds is held against it.
    Bound("seed_distance_above_within", AT_REST, low=0.12),
    Bound("velocity_sd", IN_MOTION, low=11.6),
    Bound("velocity_sd", AT_REST, low=8.0),
)

HABIT_STATES = tuple(
    MusicState(tempo_bpm=66.0, density=0.5, mode=mode.openness, layers=4)
    for mode in (Mode.LYDIAN, Mode.IONIAN, Mode.MIXOLYDIAN, Mode.DORIAN, Mode.AEOLIAN)
)
HABIT_SEEDS, HABIT_SECONDS = range(1, 9), 600.0


def tune_measures(notes: Notes) -> dict[str, float]:
    """Return the measures of a piece's tune."""
    melody = notes.melody
    moves = melody_moves(melody.select(np.arange(len(melody)) < MELODY_NOTES))
    return {
        "melody_return": melody_return(moves),
        "compression_gain": compression_gain(moves),
        "melody_bars_returning": bars_returning(melody.first_bars(REPETITION_BARS)),
        "velocity_sd": float(melody.velocity.std()),
    }


def habits(notes: Notes) -> dict[str, float]:
    """Return the habits of a piece's tune."""
    melody = notes.melody
    return tune_habits.habits(Tune(tuple(melody.beat.tolist()), tuple(melody.pitch.tolist())))


def in_state(state: MusicState) -> dict[str, float]:
    """Return the measures of the tunes of all seeds in a state."""
    pieces = [played(state, Piece(seed=seed)) for seed in SEEDS]
    between, within = tune_distances([melody_moves(notes.melody) for notes in pieces])
    return mean_measures(tune_measures, pieces) | {
        "seed_distance": round(between, 4),
        "seed_distance_within": round(within, 4),
        "seed_distance_above_within": round(between - within, 4),
    }


def habits_by_state() -> dict[str, dict[str, float]]:
    """Return the habits in motion, and at 66 bpm and density .5 over five modes."""
    found = {
        name: mean_measures(habits, [played(STATES[name], Piece(seed=seed)) for seed in SEEDS])
        for name in IN_MOTION
    }
    modes = [
        mean_measures(habits, [played(state, Piece(seed=seed), HABIT_SECONDS) for seed in HABIT_SEEDS])
        for state in HABIT_STATES
    ]
    found["five modes"] = {name: round(fmean(row[name] for row in modes), 4) for name in modes[0]}
    return found


def figures() -> dict[str, Any]:
    """Return the measures of the tunes in each state, and their habits."""
    return {name: in_state(state) for name, state in STATES.items()} | {"habits": habits_by_state()}


def missed(found: dict[str, Any]) -> list[str]:
    """Return what lies outside the bounds, in words."""
    return out_of_bounds(found, BOUNDS) + [
        f"{habit} at {name}"
        for name, values in found["habits"].items()
        for habit in tune_habits.missed(values)
    ]
