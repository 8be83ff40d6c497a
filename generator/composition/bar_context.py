"""The context in which the parts of a bar are written: place in the phrase, chord, bass and held voices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from generator.composition.form import BarPosition
from generator.composition.harmony import Scale
from generator.composition.notation import LineNote, ScoreNote
from generator.composition.touch import arch
from generator.composition.voice_leading import BassMotion, Ornament, SoundingNote, rubs


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
    layers : tuple of str
        The layers that play.
    melody : tuple of SoundingNote
        What the melody sings in this bar; empty where there is none.
    palette : str
        The palette of the piece.
    """

    seed: int
    scale: Scale
    lowest: str
    low: BassVoice
    pad: tuple[int, ...]
    strings: tuple[int, ...]
    ornament: Ornament | None
    layers: tuple[str, ...]
    melody: tuple[SoundingNote, ...]
    palette: str

    @property
    def has_melody(self) -> bool:
        """Whether there is a melody above the parts."""
        return "melody" in self.layers

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
        """The dynamics of the phrase, 0 to 1, at this bar."""
        return arch((self.place + 0.5) / self.phrase.bars)

    def _holds(self, *, strings: bool) -> list[LineNote]:
        """Return what the pad, the lowest voice and, if asked for, the strings hold through this bar."""
        beats = self.chord_beats
        line = [note._replace(beats=min(note.beats, self.chord_beats)) for note in self.low.line]
        if self.low.before is not None and (not line or line[0].offset > 0.0):
            line.insert(0, LineNote(0.0, line[0].offset if line else beats, self.low.before))
        line += [LineNote(0.0, beats, pitch) for pitch in set(self.strings) if strings]
        if "pad" not in self.layers:
            return line
        still = [pitch for i, pitch in enumerate(self.pad) if not self.ornament or i != self.ornament.voice]
        line += [LineNote(0.0, beats, pitch) for pitch in set(still)]
        if self.ornament is not None:
            move = self.ornament.beats - self.beats * self.past
            if move > 0.0:
                line.append(LineNote(0.0, move, self.ornament.first))
            line.append(LineNote(max(0.0, move), beats - max(0.0, move), self.ornament.then))
        return line

    @cached_property
    def _held(self) -> list[LineNote]:
        return self._holds(strings=False)

    @cached_property
    def _held_with_strings(self) -> list[LineNote]:
        return self._holds(strings=True)

    def rubbing_beats(self, pitch: int, offset: float, beats: float, *, strings: bool = False) -> float:
        """Return for how many beats a note from an offset on would rub against what is held.

        The strings make way for the melody, so that it does not depend on whether they play.
        """
        return sum(
            max(0.0, min(offset + beats, note.offset + note.beats) - max(offset, note.offset))
            for note in (self._held_with_strings if strings else self._held)
            if rubs(pitch, note.pitch)
        )


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
    pitches: Iterable[int], layer: str, velocity: int, beats: float, offset: float = 0.0
) -> list[ScoreNote]:
    """Return a chord that is held from an offset in beats on."""
    return notes_of(layer, [LineNote(offset, beats, pitch) for pitch in sorted(set(pitches))], velocity)
