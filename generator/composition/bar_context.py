"""What the parts of a bar stand on: its place in the phrase, its chord, and the lowest voice."""

from __future__ import annotations

from dataclasses import dataclass

from generator.composition.form import Phrase
from generator.composition.harmony import Chord, Scale
from generator.composition.notation import ScoreNote
from generator.composition.voice_leading import BassMotion, Ornament
from generator.state import BEATS_PER_BAR


@dataclass(frozen=True, slots=True)
class BassVoice:
    """The lowest voice through a bar.

    Attributes
    ----------
    before : int or None
        Its pitch at the end of the bar before.
    moves : tuple of (float, int)
        Where in the bar it begins notes, in beats, and their pitches.
    """

    before: int | None
    moves: tuple[tuple[float, int], ...]

    def at(self, offset: float) -> BassMotion:
        """Return how it moves at a moment: from a pitch to itself where no note of it begins."""
        was = self.before
        for beat, pitch in self.moves:
            if beat == offset:
                return BassMotion(was, pitch)
            if beat > offset:
                break
            was = pitch
        return BassMotion(was, was)

    @property
    def last(self) -> int | None:
        """Its pitch at the end of the bar."""
        return self.moves[-1][1] if self.moves else self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class BarContext:
    """What the parts of a bar stand on.

    Attributes
    ----------
    seed : int
        Of the piece.
    bar : int
        Number of the bar from 0.
    phrase : Phrase
        It belongs to.
    place : int
        Its place in the phrase, from 0.
    scale : Scale
        In force.
    chord : Chord
        As the bar begins.
    past : int
        How many bars of the chord are past.
    left : int
        How many bars the chord has left, this one included.
    low : Low
        The lowest voice.
    pad, strings : tuple of int
        The chord as the two choirs sing it.
    ornament : Ornament or None
        The voice of the pad that moves by itself while the chord lasts.
    led : bool
        Whether a melody leads.
    """

    seed: int
    bar: int
    phrase: Phrase
    place: int
    scale: Scale
    chord: Chord
    past: int
    left: int
    low: BassVoice
    pad: tuple[int, ...]
    strings: tuple[int, ...]
    ornament: Ornament | None
    led: bool

    @property
    def fresh(self) -> bool:
        """Whether the chord begins in this bar."""
        return self.past == 0

    @property
    def breathing(self) -> bool:
        """Whether the melody has come to rest."""
        return self.place > self.phrase.arrival

    @property
    def swell(self) -> float:
        """How far the phrase has risen, 0 at its ends to 1 in its second bar: its dynamics."""
        peak = 1
        if self.place <= peak:
            return 0.5 + 0.5 * self.place
        return max(0.0, 1.0 - (self.place - peak) / max(1, self.phrase.bars - 1 - peak))


def notes_of(
    layer: str, line: list[tuple[float, float, int]], velocity: int, articulation: float = 0.0
) -> list[ScoreNote]:
    """Return a line of (offset, slot, pitch) as notes that fill their slots less, the more detached."""
    return [
        ScoreNote(
            offset=offset,
            duration=slot * (1.0 - 0.5 * articulation),
            pitch=pitch,
            velocity=velocity,
            layer=layer,
        )
        for offset, slot, pitch in line
    ]


def held_chord(pitches: tuple[int, ...], layer: str, velocity: int, beats: float) -> list[ScoreNote]:
    """Return a chord held from the bar line on."""
    return notes_of(layer, [(0.0, beats, pitch) for pitch in sorted(set(pitches))], velocity)


def beats_of_bars(count: int) -> float:
    """Return the beats of so many bars."""
    return float(BEATS_PER_BAR * count)
