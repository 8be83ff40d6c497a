"""A bar of the score, in beats; and the seeded random choices that the composition is made with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from generator.composition.harmony import Chord
from generator.state import Metre, Mode

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


class SectionKind(StrEnum):
    """What a section of the piece does."""

    STATEMENT = "statement"
    CONTRAST = "contrast"
    THINNING = "thinning"
    RETURN = "return"
    CLOSE = "close"


class FormArc(NamedTuple):
    """What the form adds to the state asked for; all 0 where the piece has no form.

    `level_db` is never above 0: the form plays softer than asked for, not louder.
    """

    density: float = 0.0
    register: float = 0.0
    brightness: float = 0.0
    layers: int = 0
    level_db: float = 0.0


NO_ARC = FormArc()


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
    tonic : int
        Pitch class of the tonic, 0 (C) to 11 (B).
    metre : Metre
        The metre; its `bar` is the length of the bar in beats (quarters).
    section : int
        Number of the section, from 0.
    section_kind : SectionKind
        What the section does.
    arc : FormArc
        What the form has added to the state asked for.
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
    tonic: int = 0
    metre: Metre = Metre.COMMON
    section: int = 0
    section_kind: SectionKind = SectionKind.STATEMENT
    arc: FormArc = NO_ARC


def seeded_rng(*key: object) -> random.Random:
    """Return a random generator seeded by its key alone, so that parts do not depend on one another."""
    return random.Random("/".join(map(str, key)))  # noqa: S311 - music, not cryptography


def pick(rng: random.Random, choices: Sequence[_T]) -> _T:
    """Return one of the choices. It uses ``random()``, the only stream that Python keeps between versions."""
    return choices[int(rng.random() * len(choices))]
