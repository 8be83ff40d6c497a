"""A bar of the score, in beats; and the seeded random choices that the composition is made with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

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


class LineNote(NamedTuple):
    """A note of a part before it has a velocity: offset from the bar line and length in beats, MIDI pitch."""

    offset: float
    beats: float
    pitch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BarScore:
    """One bar of the score.

    Attributes
    ----------
    index : int
        Its number from 0.
    phrase, place : int, int
        Number of its phrase, and which bar of the phrase it is, both from 0.
    mode, chord : Mode, Chord
        The mode, and the chord with which the bar begins.
    layers : tuple of str
        The layers that play.
    notes : tuple of ScoreNote
        Sorted by offset.
    """

    index: int
    phrase: int
    place: int
    mode: Mode
    chord: Chord
    layers: tuple[str, ...]
    notes: tuple[ScoreNote, ...]


def seeded_rng(*key: object) -> random.Random:
    """Return a random generator seeded by its key alone, so that parts do not depend on one another."""
    return random.Random("/".join(map(str, key)))  # noqa: S311 - music, not cryptography


def pick(rng: random.Random, choices: Sequence[_T]) -> _T:
    """Return one of the choices. It uses ``random()``, the only stream that Python keeps between versions."""
    return choices[int(rng.random() * len(choices))]
