"""A bar of the score: notes in beats, before the tempo turns them into samples."""

from __future__ import annotations

import random
from dataclasses import dataclass

from generator.harmony import Chord
from generator.state import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreNote:
    """A note of a bar.

    Attributes
    ----------
    offset : float
        Beats from the bar line.
    duration : float
        Beats.
    pitch, velocity : int
        MIDI numbers.
    layer : str
        One of ``generator.state.LAYERS``.
    nudge_s : float
        Seconds by which it is played late (negative: early); 0 for all layers but the melody.
    """

    offset: float
    duration: float
    pitch: int
    velocity: int
    layer: str
    nudge_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BarScore:
    """One bar: its number from 0, the mode and the chord in force, the notes by offset."""

    index: int
    mode: Mode
    chord: Chord
    notes: tuple[ScoreNote, ...]


def chance(*key: object) -> random.Random:
    """Return a generator that follows from its key alone, so that layers never disturb one another."""
    return random.Random("/".join(map(str, key)))  # noqa: S311 - music, not cryptography


def pick(rng: random.Random, choices: tuple[int, ...]) -> int:
    """Return one of the choices; built on ``random()``, the one stream Python promises to keep."""
    return choices[int(rng.random() * len(choices))]
