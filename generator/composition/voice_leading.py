"""Voice leading: the nearest good position of the next chord."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise, product

from generator.composition.harmony import Chord, Scale, characteristic_degrees

FLOOR = 54
"""No choir goes lower, if it can: it would stand too close to a bass on B2."""

MAX_STEP = 2
"""Semitones a voice of a choir may move from one chord to the next."""

MAX_TOP_STEP = 4
"""Semitones the highest voice of a choir may move to keep away from parallels."""


@dataclass(frozen=True, slots=True)
class BassMotion:
    """The lowest voice before and now, from which the others keep parallel fifths and octaves away."""

    before: int | None
    now: int | None

    def parallel(self, top_before: int | None, top: int) -> bool:
        """Return whether a voice and the lowest one go from one fifth or octave to another."""
        if self.before is None or self.now is None or top_before is None:
            return False
        interval = (top - self.now) % 12
        return (
            interval in (0, 7)
            and (top_before - self.before) % 12 == interval
            and top != top_before
            and self.now != self.before
        )


@dataclass(frozen=True, slots=True)
class VoiceGroup:
    """Some voices that move together: how many, and where they may sing.

    Attributes
    ----------
    voices : int
        Two or more.
    low, high : int
        The range they return to, MIDI pitches.
    gap : float
        Semitones from pitch to pitch that sound best.
    pitches : int
        How many they sing together: with fewer than voices, some sing in unison, for what lies low beats
        the more, the closer it is together (Plomp and Levelt 1965, doi 10.1121/1.1909741).
    """

    voices: int
    low: int
    high: int
    gap: float
    pitches: int

    def lead(
        self,
        before: tuple[int, ...] | None,
        chord: Chord,
        scale: Scale,
        outer: BassMotion = BassMotion(None, None),
        shift: float = 0.0,
    ) -> tuple[int, ...]:
        """Return the chord's pitches, ascending: common tones held, the rest moved least.

        No voice moves more than `MAX_STEP` semitones (the highest `MAX_TOP_STEP`, if it must) or crosses
        another, and the highest makes no parallel fifths or octaves with the lowest voice of all. What tells
        the mode is sung wherever it can be. Without a position before, the best spread one in the middle of
        the range, moved by `shift` semitones.
        """
        cost = _Cost(self, before, chord, scale, shift)
        if before is None:
            ways = [*combinations(scale.pitches(chord.degrees, self.low, self.high), self.voices)]
        else:
            ways = self._ways(before, chord, scale, MAX_STEP, outer)
            # Now and then the highest voice has nowhere to go but in parallels, or none reaches what tells
            # the mode: then the highest may take a third.
            if not any(cost.tells(way) for way in ways):
                ways = self._ways(before, chord, scale, MAX_TOP_STEP, outer)
        return min(ways, key=lambda way: (cost.of(way), way))

    def _ways(
        self, before: tuple[int, ...], chord: Chord, scale: Scale, top_step: int, outer: BassMotion
    ) -> list[tuple[int, ...]]:
        # Voices may meet, at a price; as no chord has a gap of more than five semitones, each has a way.
        steps = (*(MAX_STEP,) * (self.voices - 1), top_step)
        reach = (
            scale.pitches(chord.degrees, voice - step, voice + step)
            for voice, step in zip(before, steps, strict=True)
        )
        return [
            way
            for way in product(*reach)
            if all(a <= b for a, b in pairwise(way)) and not outer.parallel(before[-1], way[-1])
        ]


@dataclass(frozen=True, slots=True)
class Ornament:
    """An inner voice that moves by step while the others hold: where to, when, and whether it came late.

    Attributes
    ----------
    voice : int
        Counted from the lowest.
    first, then : int
        Its two pitches: a suspension falls to its chord tone, a change leaves it for another.
    beats : float
        From the chord's beginning to the move.
    """

    voice: int
    first: int
    then: int
    beats: float

    def after(self, chord: tuple[int, ...]) -> tuple[int, ...]:
        """Return where the voices are when it is done."""
        return (*chord[: self.voice], self.then, *chord[self.voice + 1 :])


def ornaments(
    before: tuple[int, ...] | None, now: tuple[int, ...], chord: Chord, scale: Scale, beats: float
) -> list[Ornament]:
    """Return what the inner voices may do in a chord of so many beats that follows `before`.

    They move to tones of the chord; where none is in reach, to others of the scale.
    """
    late = [
        Ornament(i, before[i], now[i], min(2.0, beats / 4))
        for i in range(1, len(now) - 1)
        if before is not None
        and 0 < before[i] - now[i] <= MAX_STEP
        and now[i - 1] + 1 < before[i] < now[i + 1] - 1
    ]
    return late + (_changes(now, chord.degrees, scale, beats) or _changes(now, tuple(range(7)), scale, beats))


def _changes(now: tuple[int, ...], degrees: tuple[int, ...], scale: Scale, beats: float) -> list[Ornament]:
    ways = []
    for i in range(1, len(now) - 1):
        below, here, above = now[i - 1 : i + 2]
        reach = scale.pitches(degrees, here - MAX_STEP, here + MAX_STEP)
        ways += [
            Ornament(i, here, there, beats * share)
            for share in (0.25, 0.5, 0.75)
            for there in reach
            if there != here and max(below + 1, above - 7) < there < min(above - 1, below + 7)
        ]
    return ways


_NARROW = {1: 8.0, 2: 2.0}
"""What it costs two voices to rub against each other."""

_MEETING = 10.0
"""What each pitch costs by which a choir sings fewer, or more, than it would."""


class _Cost:
    """What a position of a choir costs."""

    def __init__(
        self, choir: VoiceGroup, before: tuple[int, ...] | None, chord: Chord, scale: Scale, shift: float
    ) -> None:
        self._before = before
        self._low, self._high = choir.low + shift / 2, choir.high + shift / 2
        self._gap, self._pitches = choir.gap, choir.pitches
        self._pull = 2.0 if shift else 1.0
        self._middle = choir.voices * ((choir.low + choir.high) / 2 + shift)
        self._third = scale.classes(chord.degrees[1:2])
        self._colour = scale.classes(chord.degrees[3:])
        told = characteristic_degrees(scale.mode).intersection(chord.degrees)
        self._telling = [(scale.tonic + scale.mode.steps[degree]) % 12 for degree in sorted(told)]

    def tells(self, way: tuple[int, ...]) -> bool:
        """Return whether a position holds what tells the mode, as far as its chord does."""
        return {pitch % 12 for pitch in way}.issuperset(self._telling)

    def of(self, way: tuple[int, ...]) -> float:
        classes = {pitch % 12 for pitch in way}
        pitches = sorted({*way})
        cost = 5.0 * max(0, self._pitches - len(classes)) + _MEETING * abs(self._pitches - len(pitches))
        if self._before:
            cost += sum(abs(a - b) for a, b in zip(way, self._before, strict=True))
        cost += sum(20.0 for each in self._telling if each not in classes)
        if self._third.isdisjoint(classes):
            cost += 6.0
        if self._colour.isdisjoint(classes):
            cost += 2.0
        for below, pitch in pairwise(pitches):
            apart = pitch - below
            cost += 0.4 * abs(apart - self._gap) + _NARROW.get(apart, 2.0 * max(0, apart - 7))
        outside = max(0.0, self._low - way[0]) + max(0.0, way[-1] - self._high)
        outside += 8.0 * max(0, FLOOR - way[0])
        return cost + 8.0 * outside + self._pull * abs(sum(way) - self._middle) / len(way)
