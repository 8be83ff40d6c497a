"""Scales, chords, and the chords typical of each mode. Nothing here is random.

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
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

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


@cache
def related_pivot(before: Scale, after: Scale) -> Chord:
    """Return a chord of the new scale whose tones belong to both: that on its tonic, if it is one."""
    common = before.classes(tuple(range(7)))
    names = (
        f"{numeral}{quality}" for numeral in _PIVOT_ROOTS for quality in ("add9", "6/9", "7", "9", "9sus")
    )
    return next(chord for chord in map(Chord.parse, names) if after.classes(chord.degrees) <= common)


_PIVOT_ROOTS = ("I", "IV", "II", "VI", "V", "VII", "III")
"""Roots of chords that lead to another tonic, the best first."""
