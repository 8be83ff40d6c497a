"""Voice leading: the nearest good position of the next chord."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise, product

from generator.harmony import Chord, Scale

MAX_STEP = 2
"""Semitones a voice may move from one chord to the next."""


@dataclass(frozen=True, slots=True)
class Choir:
    """Some voices that move together: how many, and where they may sing.

    Attributes
    ----------
    voices : int
        Two or more.
    low, high : int
        The range they return to, MIDI pitches; well above C3, so that nothing muddies the bass.
    gap : float
        Semitones from voice to voice that sound best.
    """

    voices: int
    low: int
    high: int
    gap: float

    def lead(self, before: tuple[int, ...] | None, chord: Chord, scale: Scale) -> tuple[int, ...]:
        """Return the chord's pitches, ascending: common tones held, the rest moved least.

        No voice moves more than `MAX_STEP` semitones or crosses another. Without a position before, the
        best spread one in the middle of the range.
        """
        ways: Iterable[tuple[int, ...]]
        if before is None:
            ways = combinations(scale.pitches(chord.degrees, self.low, self.high), self.voices)
        else:
            reach = (scale.pitches(chord.degrees, voice - MAX_STEP, voice + MAX_STEP) for voice in before)
            ways = product(*reach)
        # Voices may meet, at a price; as no chord has a gap of more than five semitones, there is a way.
        ascending = (way for way in ways if all(a <= b for a, b in pairwise(way)))
        return min(ascending, key=lambda way: (self._cost(way, before, chord, scale), way))

    def _cost(
        self, way: tuple[int, ...], before: tuple[int, ...] | None, chord: Chord, scale: Scale
    ) -> float:
        classes = {pitch % 12 for pitch in way}
        moved = sum(abs(a - b) for a, b in zip(way, before, strict=True)) if before else 0
        third_missing = scale.classes(chord.degrees[1:2]).isdisjoint(classes)
        colour_missing = scale.classes(chord.degrees[3:]).isdisjoint(classes)
        doubled = len(way) - len(classes)
        rubbing = sum(b - a <= 1 for a, b in pairwise(way))
        outside = max(0, self.low - way[0]) + max(0, way[-1] - self.high)
        spread = sum(abs(b - a - self.gap) for a, b in pairwise(way))
        drift = abs(sum(way) / len(way) - (self.low + self.high) / 2)
        faults = 6.0 * third_missing + 2.0 * colour_missing + 3.0 * doubled + 8.0 * rubbing + 5.0 * outside
        return moved + faults + 0.4 * spread + 0.6 * drift
