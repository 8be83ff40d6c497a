"""Scales, chords and the chord loops of each mode; no sound and no chance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from generator.state import Mode

LADDER = tuple(Mode)
"""Phrygian to lydian: neighbours differ by one pitch class."""

SLOTS = 8
"""Slots of a period, one a bar. Even ones carry the harmony; odd ones sound only where chords change fast."""

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

# Two strains of eight bars for each mode: the first stays open, the second comes home. A ninth or an
# eleventh stands only where the mode has it a whole tone (or more) away from a chord tone below it.
_STRAINS = {
    Mode.LYDIAN: (
        "I9 V9 IIadd9/I III7 VI9 I9 IIadd9/I V9",
        "I9 VI9 III7 V9 IIadd9/I VII7 I6/9 I9",
    ),
    Mode.IONIAN: (
        "I9 III7 IV9 II9 VI9 IV9 V9sus II9",
        "I9 III7 VI9 V9sus IV9 II9 Iadd9 I6/9",
    ),
    Mode.MIXOLYDIAN: (
        "Iadd9 IV9 VII9 II9 IV9 Iadd9 V9 VII9",
        "I9sus V9 IV9 II9 VII9 IV9 Iadd9 I6/9",
    ),
    Mode.DORIAN: (
        "I9 V9 IV9 III9 VII9 III9 IV9 V9",
        "I9 III9 VII9 V9 IV9 VII9 I9 I6/9",
    ),
    Mode.AEOLIAN: (
        "I9 V7 VI9 IV9 III9 I9 VIIadd9 V7",
        "I9 III9 IV9 VIIadd9 VI9 IV9 Iadd9 I9",
    ),
    Mode.PHRYGIAN: (
        "I11 IV9 II9 VI9 I11 III9 VII9 II9",
        "I11 VI9 VII9 IV9 II9 VII9 I11 I7",
    ),
}


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord of the scale.

    Attributes
    ----------
    name : str
        Roman numeral and quality, as in the strains: ``IV9``, ``IIadd9/I``.
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
        """Return the chord a Roman numeral names, e.g. ``V9sus`` or ``IIadd9/I``."""
        match = re.fullmatch(r"([IV]+)(11|7|9sus|9|add9|6/9)(?:/([IV]+))?", name)
        if match is None:
            raise ValueError(f"{name!r} is not a chord")
        root = _NUMERALS.index(match[1])
        degrees = tuple((root + step) % 7 for step in _QUALITIES[match[2]])
        return cls(name, root, _NUMERALS.index(match[3]) if match[3] else root, degrees)


@dataclass(frozen=True, slots=True)
class Scale:
    """A mode on a tonic. Its tones are numbered: tone 35 is the tonic at or above middle C, 36 the next."""

    tonic: int
    mode: Mode

    def pitch(self, tone: int) -> int:
        """Return the MIDI pitch of a tone."""
        octave, degree = divmod(tone, 7)
        return self.tonic + 12 * octave + self.mode.steps[degree]

    def nearest(self, pitch: float, degrees: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)) -> int:
        """Return the tone of those degrees nearest to a pitch; the lower of two equally near."""
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


def step_towards(mode: Mode, target: Mode) -> Mode:
    """Return the mode one rung nearer to the target on the ladder."""
    here, there = LADDER.index(mode), LADDER.index(target)
    return LADDER[here + (there > here) - (there < here)]


@cache
def strain(mode: Mode, *, closed: bool) -> tuple[Chord, ...]:
    """Return the eight chords of a period: an open strain, or one that closes on the tonic."""
    return tuple(Chord.parse(name) for name in _STRAINS[mode][int(closed)].split())


def tonic_chord(mode: Mode) -> Chord:
    """Return the chord of rest on which a piece may end."""
    return strain(mode, closed=True)[SLOTS - 2]
