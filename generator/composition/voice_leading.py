"""Voice leading: the position of the next chord that is nearest to the present one and sounds well.

Voices rub where one stands a semitone, or an octave and more and a semitone, above another. Nothing is
random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise, product
from typing import NamedTuple

from generator.composition.harmony import Chord, Scale, characteristic_degrees

OCTAVE = 12


class SoundingNote(NamedTuple):
    """What sounds besides: a MIDI pitch, and for how many beats."""

    pitch: int
    beats: float


def rubs(one: int, other: int) -> bool:
    """Return whether the higher of two pitches stands a semitone, or octaves and a semitone, above the other.

    >>> rubs(60, 61), rubs(73, 60), rubs(60, 71), rubs(60, 60)
    (True, True, False, False)
    """
    return one != other and abs(one - other) % OCTAVE == 1


@cache
def _rubbing(pitch: int) -> tuple[int, ...]:
    """Return all pitches that rub against a pitch."""
    return tuple(other for other in range(128) if rubs(pitch, other))


FLOOR = 54
"""Lowest pitch of a voice group, where it can be avoided: lower is too close to a bass on B2."""

MAX_STEP = 2
"""Semitones that a voice may move from one chord to the next."""

MAX_TOP_STEP = 4
"""Semitones that the highest voice of a group may move to avoid parallels."""


@dataclass(frozen=True, slots=True)
class BassMotion:
    """The pitch of the lowest voice before and now, to avoid parallel fifths and octaves with it."""

    before: int | None
    now: int | None

    def parallel(self, top_before: int | None, top: int) -> bool:
        """Return whether a voice and the lowest one move from one fifth or octave to another."""
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
    """Voices that move together: how many, and in which range.

    Attributes
    ----------
    voices : int
        Two or more.
    low, high : int
        The range to which they return, MIDI pitches.
    gap : float
        Preferred distance from pitch to pitch, semitones.
    pitches : int
        How many different pitches they have. If there are fewer than voices, some are in unison: low pitches
        close together beat (Plomp and Levelt 1965, doi 10.1121/1.1909741).
    tells_mode : bool
        Whether it has the characteristic degrees of the mode where it can, leaving its height for them.
    """

    voices: int
    low: int
    high: int
    gap: float
    pitches: int
    tells_mode: bool = True

    def lead(
        self,
        before: tuple[int, ...] | None,
        chord: Chord,
        scale: Scale,
        *,
        bass_motion: BassMotion = BassMotion(None, None),
        shift: float = 0.0,
        heard: Sequence[SoundingNote] = (),
    ) -> tuple[int, ...]:
        """Return the pitches of the chord, ascending: common tones are held, the others move least.

        No voice moves more than `MAX_STEP` semitones (the highest `MAX_TOP_STEP`, if necessary) or crosses
        another, and the highest makes no parallel fifths or octaves with the bass. The characteristic degrees
        of the mode are included where possible. Without a position before, the position is the best spread
        one in the middle of the range, moved by `shift` semitones. `heard` is what sounds besides while the
        chord lasts: no voice rubs against it where it can be helped.
        """
        cost = _Cost(self, before, chord, scale)
        cost.place(shift)
        cost.avoid(heard, bass_motion.now)
        if before is None:
            ways = [*combinations(scale.pitches(chord.degrees, self.low, self.high), self.voices)]
        else:
            ways = self._ways(before, chord, scale, MAX_STEP, bass_motion)
            # Sometimes the highest voice can only move in parallels, or no voice reaches the characteristic
            # degrees: then the highest may move by a third.
            if not any(cost.is_characteristic(way) for way in ways):
                ways = self._ways(before, chord, scale, MAX_TOP_STEP, bass_motion)
        return min(ways, key=lambda way: (cost.of(way), way))

    def _ways(
        self, before: tuple[int, ...], chord: Chord, scale: Scale, top_step: int, bass_motion: BassMotion
    ) -> list[tuple[int, ...]]:
        # Voices may meet, at a cost. No chord has a gap of more than five semitones, so each voice can move.
        steps = (*(MAX_STEP,) * (self.voices - 1), top_step)
        reach = (
            scale.pitches(chord.degrees, voice - step, voice + step)
            for voice, step in zip(before, steps, strict=True)
        )
        return [
            way
            for way in product(*reach)
            if all(a <= b for a, b in pairwise(way)) and not bass_motion.parallel(before[-1], way[-1])
        ]


@dataclass(frozen=True, slots=True)
class Ornament:
    """An inner voice that moves by step while the others hold.

    Attributes
    ----------
    voice : int
        Counted from the lowest.
    first, then : int
        Its two pitches: a suspension falls to the chord tone, a change leaves the chord tone for another.
    beats : float
        From the beginning of the chord to the move.
    """

    voice: int
    first: int
    then: int
    beats: float

    def after(self, chord: tuple[int, ...]) -> tuple[int, ...]:
        """Return the pitches of the voices afterwards."""
        return (*chord[: self.voice], self.then, *chord[self.voice + 1 :])


def ornaments(
    before: tuple[int, ...] | None, now: tuple[int, ...], chord: Chord, scale: Scale, beats: float
) -> list[Ornament]:
    """Return the possible ornaments of a chord of so many beats that follows `before`.

    Voices move to tones of the chord; where none is in reach, to others of the scale.
    """
    late = [
        Ornament(i, before[i], now[i], min(2.0, beats / 4))
        for i in range(1, len(now) - 1)
        if before is not None
        and 0 < before[i] - now[i] <= MAX_STEP
        and now[i - 1] + 1 < before[i] < now[i + 1] - 1
    ]
    return late + (_changes(now, chord.degrees, scale, beats) or _changes(now, tuple(range(7)), scale, beats))


_SHORT_BEATS = 4.0
"""A longer chord changes in its second half, so that something moves in each of its bars."""


def _changes(now: tuple[int, ...], degrees: tuple[int, ...], scale: Scale, beats: float) -> list[Ornament]:
    ways = []
    for i in range(1, len(now) - 1):
        below, here, above = now[i - 1 : i + 2]
        reach = scale.pitches(degrees, here - MAX_STEP, here + MAX_STEP)
        ways += [
            Ornament(i, here, there, beats * share)
            for share in ((0.5, 0.75) if beats > _SHORT_BEATS else (0.25, 0.5, 0.75))
            for there in reach
            if there != here and max(below + 1, above - 7) < there < min(above - 1, below + 7)
        ]
    return ways


# Costs of a position. They are our convention: what is never wanted costs more than all that is only better.
_NARROW = {1: 8.0, 2: 2.5}
"""Cost of two neighbouring pitches a semitone, or a whole tone, apart."""

_RUB = 45.0
"""Cost of a semitone or a minor ninth between two voices for a beat or more: more than all else wanted."""

_PITCH_COUNT = 10.0
"""Cost of each pitch more or fewer than the group should have."""

_MISSING_CLASS = 5.0
"""Cost of each chord tone fewer than the group has pitches."""

_MISSING_CHARACTERISTIC = 20.0
_MISSING_THIRD = 6.0
_MISSING_COLOUR = 2.0

_OUTSIDE = 8.0
"""Cost of each semitone outside the range; below `FLOOR`, each counts for eight."""

_PULL = 3.0
"""Cost of each semitone between the mean of the voices and the middle of their range."""


class _Cost:
    """The cost of a position of a voice group."""

    def __init__(self, group: VoiceGroup, before: tuple[int, ...] | None, chord: Chord, scale: Scale) -> None:
        self._group, self._before = group, before
        self._gap, self._pitches = group.gap, group.pitches
        self._rubs: dict[int, float] = {}
        self._third = scale.classes(chord.degrees[1:2])
        self._colour = scale.classes(chord.degrees[3:])
        characteristic = characteristic_degrees(scale.mode).intersection(chord.degrees)
        self._characteristic = scale.classes(tuple(characteristic) if group.tells_mode else ())
        self.place(0.0)

    def place(self, shift: float) -> None:
        """Move the range, and the middle to which the group returns, by so many semitones."""
        group = self._group
        self._low, self._high = group.low + shift / 2, group.high + shift / 2
        self._middle = group.voices * ((group.low + group.high) / 2 + shift)

    def avoid(self, heard: Sequence[SoundingNote], bass: int | None) -> None:
        """Let pitches cost that would rub against what is heard besides."""
        others = [*heard, *([] if bass is None else [SoundingNote(bass, 1.0)])]
        for pitch, beats in others:
            for near in _rubbing(pitch):
                self._rubs[near] = self._rubs.get(near, 0.0) + _RUB * min(1.0, beats)

    def is_characteristic(self, way: tuple[int, ...]) -> bool:
        """Return whether a position has the characteristic degrees that its chord has."""
        return {pitch % 12 for pitch in way}.issuperset(self._characteristic)

    def of(self, way: tuple[int, ...]) -> float:
        classes = {pitch % 12 for pitch in way}
        pitches = sorted({*way})
        cost = _MISSING_CLASS * max(0, self._pitches - len(classes))
        cost += _PITCH_COUNT * abs(self._pitches - len(pitches))
        if self._before:
            cost += sum(abs(a - b) for a, b in zip(way, self._before, strict=True))
        cost += sum(self._rubs.get(pitch, 0.0) for pitch in pitches) if self._rubs else 0.0
        cost += _MISSING_CHARACTERISTIC * len(self._characteristic - classes)
        if self._third.isdisjoint(classes):
            cost += _MISSING_THIRD
        if self._colour.isdisjoint(classes):
            cost += _MISSING_COLOUR
        for below, pitch in pairwise(pitches):
            apart = pitch - below
            cost += _RUB * (apart > 1 and apart % OCTAVE == 1)
            cost += 0.4 * abs(apart - self._gap) + _NARROW.get(apart, 2.0 * max(0, apart - 7))
        outside = max(0.0, self._low - way[0]) + max(0.0, way[-1] - self._high)
        outside += 8.0 * max(0, FLOOR - way[0])
        return cost + _OUTSIDE * outside + _PULL * abs(sum(way) - self._middle) / len(way)
