"""A bar of the score: notes in beats, before the tempo turns them into samples."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from generator.composition.harmony import Chord
from generator.state import Mode

_T = TypeVar("_T")


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
    """One bar of the score.

    Attributes
    ----------
    index : int
        Its number from 0.
    phrase, place : int, int
        Number of its phrase, and its place in it, both from 0.
    mode, chord : Mode, Chord
        In force; the chord as the bar begins.
    layers : tuple of str
        The layers that play.
    notes : tuple of ScoreNote
        By offset.
    """

    index: int
    phrase: int
    place: int
    mode: Mode
    chord: Chord
    layers: tuple[str, ...]
    notes: tuple[ScoreNote, ...]


def seeded_rng(*key: object) -> random.Random:
    """Return a generator that follows from its key alone, so that layers never disturb one another."""
    return random.Random("/".join(map(str, key)))  # noqa: S311 - music, not cryptography


def pick(rng: random.Random, choices: Sequence[_T]) -> _T:
    """Return one of the choices; built on ``random()``, the one stream Python promises to keep."""
    return choices[int(rng.random() * len(choices))]
