"""Scales, chords, the chords typical of each mode, and voice leading. Nothing here is random.

>>> scale = Scale(tonic=2, mode=Mode.DORIAN)
>>> [scale.pitch(tone) for tone in range(35, 42)]
[62, 64, 65, 67, 69, 71, 72]
>>> chord = Chord.parse("IV9")
>>> chord.degrees
(3, 5, 0, 2, 4)
>>> scale.pitches(chord.degrees, low=60, high=72)
[62, 65, 67, 69, 71]
>>> sorted(characteristic_degrees(Mode.IONIAN))
[3, 6]

Voice leading finds the position of the next chord that is nearest to the present one and sounds well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise, product

from generator.state import Mode

MODE_ORDER = tuple(Mode)
"""The modes from phrygian to lydian; neighbours differ by one pitch class."""

_WHOLE_TONE = 2  # semitones
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_QUALITIES = {
    # Steps of the scale above the root; the mode decides whether a third is major or minor.
    "7": (0, 2, 4, 6),
    "9": (0, 2, 4, 6, 8),
    "11": (0, 2, 4, 6, 10),
    "add9": (0, 2, 4, 8),
    "6/9": (0, 2, 4, 5, 8),
    "9sus": (0, 3, 4, 6, 8),
}

# Typical chords of each mode, in pairs: the first carries the harmony, the second sounds only where chords
# change fast. Within two pairs every mode shows the degrees that distinguish it from its neighbours. A ninth
# or an eleventh is used only where it is at least a whole tone above the chord tone below it.
_IDIOMS = {
    Mode.LYDIAN: (
        "I9 IIadd9/I, I9 III7, Iadd9 VI9",
        "IIadd9/I V9, V9 IIadd9/I, VII7 V9, II9 VII7",
        "IIadd9/I VI9, V9 III7, VII7 IIadd9/I, II9 V9, VI9 IIadd9/I",
        "I9 I6/9, Iadd9 I9",
    ),
    Mode.IONIAN: (
        "I9 III7, I9 VI9, I9 IV9",
        "IV9 II9, V9sus II9, II9 VI9, VII7 VI9",
        "V9sus IV9, IV9 V9sus, II9 V9sus, VI9 IV9, III7 V9sus",
        "I9 I6/9, I9 Iadd9",
    ),
    Mode.MIXOLYDIAN: (
        "I9 IV9, I9 V9, I7 II9",
        "VII9 IV9, IV9 VII9, V9 IV9, II9 V9",
        "VII9 IV9, IV9 V9, V9 VII9, II9 VII9, VI7 IV9",
        "I9 I6/9, Iadd9 I9",
    ),
    Mode.DORIAN: (
        "I9 V9, I6/9 III9, I9 III9",
        "IV9 V9, IV9 VII9, VII9 III9, II7 V9",
        "IV9 VII9, VII9 IV9, II7 IV9, III9 IV9, V9 IV9",
        "I9 I6/9, I6/9 I9",
    ),
    Mode.AEOLIAN: (
        "I9 V7, I9 III9, I9 VIIadd9",
        "VI9 IV9, IV9 VI9, VII9 VI9, II7 V7",
        "IV9 VIIadd9, VI9 VIIadd9, VII9 V7, II7 IV9, III9 IV9",
        "Iadd9 I9, I9 V7",
    ),
    Mode.PHRYGIAN: (
        "I11 II9, I11 VII9, I7 III9",
        "II9 VI9, VII9 II9, II9 IV9, V7 VII9, III9 II9",
        "II9 VII9, VII9 IV9, III9 II9, V7 II9, VI9 VII9",
        "I11 I7, I7 I11",
    ),
}
# By degree: tonic chords without that degree. Over them a mode can change to its neighbour unnoticed.
_PIVOTS = {1: "I7", 2: "I9sus", 3: "I9", 5: "I9", 6: "I6/9"}


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord of the scale.

    Attributes
    ----------
    name : str
        Roman numeral and quality, such as ``IV9``, ``IIadd9/I``.
    root, bass : int
        Degrees of the scale, 0 (tonic) to 6.
    degrees : tuple of int
        Degrees of its tones, 0 to 6, in the order root, third or fourth, fifth, then colour.
    """

    name: str
    root: int
    bass: int
    degrees: tuple[int, ...]

    @classmethod
    def parse(cls, name: str) -> Chord:
        """Return the chord of a Roman numeral, such as ``V9sus`` or ``IIadd9/I``."""
        match = re.fullmatch(r"([IV]+)(11|7|9sus|9|add9|6/9)(?:/([IV]+))?", name)
        if match is None:
            raise ValueError(f"{name!r} is not a chord")
        root = _NUMERALS.index(match[1])
        degrees = tuple((root + step) % 7 for step in _QUALITIES[match[2]])
        return cls(name, root, _NUMERALS.index(match[3]) if match[3] else root, degrees)


Pair = tuple[Chord, Chord]


@dataclass(frozen=True, slots=True)
class Scale:
    """A mode on a tonic. Its tones are numbered: 35 is the tonic at or above middle C, 36 the next tone."""

    tonic: int
    mode: Mode

    def pitch(self, tone: int) -> int:
        """Return the MIDI pitch of a tone."""
        octave, degree = divmod(tone, 7)
        return self.tonic + 12 * octave + self.mode.steps[degree]

    def nearest(self, pitch: float, degrees: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)) -> int:
        """Return the tone of those degrees that is nearest to a pitch; of two equally near, the lower."""
        guess = int((pitch - self.tonic) // 12 * 7)
        tones = (tone for tone in range(guess - 7, guess + 15) if tone % 7 in degrees)
        return min(tones, key=lambda tone: abs(self.pitch(tone) - pitch))

    def pitches(self, degrees: tuple[int, ...], low: int, high: int) -> list[int]:
        """Return the pitches of those degrees from low to high, both included, ascending."""
        classes = self.classes(degrees)
        return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]

    def classes(self, degrees: tuple[int, ...]) -> frozenset[int]:
        """Return the pitch classes of those degrees."""
        return frozenset((self.tonic + self.mode.steps[degree]) % 12 for degree in degrees)


@cache
def characteristic_degrees(mode: Mode) -> frozenset[int]:
    """Return the degrees by which a mode differs from its neighbours."""
    at = MODE_ORDER.index(mode)
    near = MODE_ORDER[max(0, at - 1) : at] + MODE_ORDER[at + 1 : at + 2]
    return frozenset(i for i in range(7) if any(mode.steps[i] != other.steps[i] for other in near))


def step_towards(mode: Mode, target: Mode) -> Mode:
    """Return the mode next to `mode` in the direction of the target."""
    here, there = MODE_ORDER.index(mode), MODE_ORDER.index(target)
    return MODE_ORDER[here + (there > here) - (there < here)]


@dataclass(frozen=True, slots=True)
class ChordVocabulary:
    """The typical chords of a mode: pairs of chords, by their function in a phrase.

    Attributes
    ----------
    openings : tuple of (Chord, Chord)
        The beginning of a phrase, on the tonic.
    questions : tuple of (Chord, Chord)
        An open end, away from the tonic.
    ways_home : tuple of (Chord, Chord)
        What leads to the tonic; the first pair is also used in the last cadence.
    homes : tuple of (Chord, Chord)
        A closed end, on the tonic.
    """

    openings: tuple[Pair, ...]
    questions: tuple[Pair, ...]
    ways_home: tuple[Pair, ...]
    homes: tuple[Pair, ...]


@cache
def chord_vocabulary(mode: Mode) -> ChordVocabulary:
    """Return the typical chords of a mode."""
    return ChordVocabulary(*(tuple(_pair(pair) for pair in pairs.split(", ")) for pairs in _IDIOMS[mode]))


def _pair(names: str) -> Pair:
    first, second = names.split()
    return Chord.parse(first), Chord.parse(second)


@cache
def pivot_chord(before: Mode, after: Mode) -> Chord:
    """Return a tonic chord common to two neighbouring modes."""
    moved = next(degree for degree in range(7) if before.steps[degree] != after.steps[degree])
    return Chord.parse(_PIVOTS[moved])


@cache
def resting_chord(mode: Mode) -> Chord:
    """Return the tonic chord on which a piece ends; it has a ninth only where that is a whole tone."""
    return Chord.parse("Iadd9" if mode.steps[1] == _WHOLE_TONE else "I7")


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
        bass_motion: BassMotion = BassMotion(None, None),
        shift: float = 0.0,
    ) -> tuple[int, ...]:
        """Return the pitches of the chord, ascending: common tones are held, the others move least.

        No voice moves more than `MAX_STEP` semitones (the highest `MAX_TOP_STEP`, if necessary) or crosses
        another, and the highest makes no parallel fifths or octaves with the bass. The characteristic degrees
        of the mode are included where possible. Without a position before, the position is the best spread
        one in the middle of the range, moved by `shift` semitones.
        """
        cost = _Cost(self, before, chord, scale, shift)
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


# Costs of a position. They are our convention: what is never wanted costs more than all that is only better.
_NARROW = {1: 8.0, 2: 2.0}
"""Cost of two neighbouring pitches a semitone, or a whole tone, apart."""

_PITCH_COUNT = 10.0
"""Cost of each pitch more or fewer than the group should have."""

_MISSING_CLASS = 5.0
"""Cost of each chord tone fewer than the group has pitches."""

_MISSING_CHARACTERISTIC = 20.0
_MISSING_THIRD = 6.0
_MISSING_COLOUR = 2.0

_OUTSIDE = 8.0
"""Cost of each semitone outside the range; below `FLOOR`, each counts for eight."""


class _Cost:
    """The cost of a position of a voice group."""

    def __init__(
        self, group: VoiceGroup, before: tuple[int, ...] | None, chord: Chord, scale: Scale, shift: float
    ) -> None:
        self._before = before
        self._low, self._high = group.low + shift / 2, group.high + shift / 2
        self._gap, self._pitches = group.gap, group.pitches
        self._pull = 2.0 if shift else 1.0
        self._middle = group.voices * ((group.low + group.high) / 2 + shift)
        self._third = scale.classes(chord.degrees[1:2])
        self._colour = scale.classes(chord.degrees[3:])
        characteristic = characteristic_degrees(scale.mode).intersection(chord.degrees)
        self._characteristic = scale.classes(tuple(characteristic))

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
        cost += _MISSING_CHARACTERISTIC * len(self._characteristic - classes)
        if self._third.isdisjoint(classes):
            cost += _MISSING_THIRD
        if self._colour.isdisjoint(classes):
            cost += _MISSING_COLOUR
        for below, pitch in pairwise(pitches):
            apart = pitch - below
            cost += 0.4 * abs(apart - self._gap) + _NARROW.get(apart, 2.0 * max(0, apart - 7))
        outside = max(0.0, self._low - way[0]) + max(0.0, way[-1] - self._high)
        outside += 8.0 * max(0, FLOOR - way[0])
        return cost + _OUTSIDE * outside + self._pull * abs(sum(way) - self._middle) / len(way)
