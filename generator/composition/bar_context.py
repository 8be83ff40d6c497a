"""The context in which the parts of a bar are written: place in the phrase, chord, bass and held voices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from generator.composition.form import BarPosition
from generator.composition.harmony import BassMotion, Ornament, Scale
from generator.composition.notation import LineNote, ScoreNote
from generator.state import BEATS_PER_BAR


@dataclass(frozen=True, slots=True)
class BassVoice:
    """The lowest voice through a bar.

    Attributes
    ----------
    before : int or None
        Its pitch at the end of the bar before.
    line : tuple of LineNote
        The notes that it begins in the bar.
    """

    before: int | None
    line: tuple[LineNote, ...]

    def at(self, offset: float) -> BassMotion:
        """Return how it moves at an offset in beats: from a pitch to itself where it begins no note."""
        before = self.before
        for note in self.line:
            if note.offset == offset:
                return BassMotion(before, note.pitch)
            if note.offset > offset:
                break
            before = note.pitch
        return BassMotion(before, before)

    @property
    def last(self) -> int | None:
        """Its pitch at the end of the bar."""
        return self.line[-1].pitch if self.line else self.before


@dataclass(frozen=True, kw_only=True)
class BarContext(BarPosition):
    """The context in which the parts of a bar are written: its position, and what all parts share.

    Attributes
    ----------
    seed : int
        The seed of the piece.
    scale : Scale
        The scale of the phrase.
    lowest : str
        The layer that has the lowest voice: the bass, or the pad on the root of its chord.
    low : BassVoice
        The lowest voice.
    pad, strings : tuple of int
        Pitches of the chord in the two voice groups.
    ornament : Ornament or None
        The pad voice that moves on its own while the chord lasts.
    has_melody : bool
        Whether there is a melody above the parts.
    """

    seed: int
    scale: Scale
    lowest: str
    low: BassVoice
    pad: tuple[int, ...]
    strings: tuple[int, ...]
    ornament: Ornament | None
    has_melody: bool

    @property
    def chord_begins(self) -> bool:
        """Whether the chord begins in this bar."""
        return self.past == 0

    @property
    def melody_rests(self) -> bool:
        """Whether the melody has come to rest."""
        return self.place > self.phrase.arrival

    @property
    def swell(self) -> float:
        """The dynamics of the phrase: 1 in its second bar, falling to 0 at its end."""
        peak = 1
        if self.place <= peak:
            return 0.5 + 0.5 * self.place
        return max(0.0, 1.0 - (self.place - peak) / max(1, self.phrase.bars - 1 - peak))


def notes_of(
    layer: str, line: Iterable[LineNote], velocity: int, articulation: float = 0.0
) -> list[ScoreNote]:
    """Return a line as notes of a layer; the more detached, the shorter they are than their beats."""
    return [
        ScoreNote(
            offset=offset,
            duration=beats * (1.0 - 0.5 * articulation),
            pitch=pitch,
            velocity=velocity,
            layer=layer,
        )
        for offset, beats, pitch in line
    ]


def held_chord(
    pitches: tuple[int, ...], layer: str, velocity: int, beats: float, offset: float = 0.0
) -> list[ScoreNote]:
    """Return a chord that is held from an offset in beats on."""
    return notes_of(layer, [LineNote(offset, beats, pitch) for pitch in sorted(set(pitches))], velocity)


def beats_of_bars(count: int) -> float:
    """Return how many beats so many bars have."""
    return float(BEATS_PER_BAR * count)
