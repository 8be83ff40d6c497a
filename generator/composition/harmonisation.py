"""Harmonisation: the chords of a phrase, chosen for its tune from those typical of the mode.

The cheapest sequence is searched bar by bar. What a chord costs is our convention: notes that do not
belong to it, roots that do not lead on, the tonic where it was heard too often, and sequences that were
heard lately.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from generator.composition.harmony import Chord, Pair, characteristic_degrees, chord_vocabulary
from generator.composition.notation import seeded_rng
from generator.state import Mode

RECENT = 48
"""How many phrases back a sequence of roots counts as heard."""

_BEAM_WIDTH = 14
_HEARD_LATELY = 2.2
"""Cost of a sequence of roots heard within the last `RECENT` phrases; twice as much within the last four."""

_JITTER = 0.5
"""Greatest random cost of a chord, by which pieces differ."""

_TONIC_WANTED = 0.15
_TONIC_WEIGHT = 16.0
"""Cost of a tonic chord for each share of bars above `_TONIC_WANTED` that lately stood on it."""

_LATELY = 32
"""Bars over which the share of the tonic is judged."""

_FEWEST_BARS = 8
"""Bars from which on it is judged."""

_JUST_HEARD = 4
"""Phrases within which a sequence of roots was just heard."""

_THREE_CHORDS = 3

_PARALLEL = 1.8
_UNTOLD, _UNTOLD_BARS = 2.0, 4.0
"""Cost of each degree that tells the mode and is not heard; more where that many bars were without it."""

LONG_UNTOLD = 8
"""Bars after which a degree that tells the mode is missed; at first none was heard."""

_SEMITONE = 1


class PhraseEnding(Enum):
    """How a phrase ends."""

    OPEN = auto()
    """Away from the tonic."""

    DECEPTIVE = auto()
    """With a tune that comes home over a chord that does not."""

    HOME = auto()
    """On the tonic."""


class SlotTone(NamedTuple):
    """A note of the tune within a chord: its degree 0 to 6, its length in beats, whether it is strong."""

    degree: int
    beats: float
    strong: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """What a chord must carry: its bars, the tune above it, and whether a note begins with it."""

    bars: int
    tones: tuple[SlotTone, ...]
    begins: bool


@cache
def _semitone_below(mode: Mode) -> frozenset[int]:
    """Return the degrees that stand a semitone above the degree below them."""
    steps = mode.steps
    return frozenset(d for d in range(7) if (steps[d] - steps[d - 1]) % 12 == _SEMITONE)


def rubs_chord(degree: int, chord: Chord, mode: Mode) -> bool:
    """Return whether a degree stands a semitone above the bass, the root or the third of a chord."""
    if degree not in _semitone_below(mode):
        return False
    below = (degree - 1) % 7
    return below in chord.degrees[:2] or below == chord.bass


def can_tell(degree: int, sung: AbstractSet[int], mode: Mode) -> bool:
    """Return whether a degree can sound below a tune: the tune has no note a semitone from it."""
    above, below, rubbing = (degree + 1) % 7, (degree - 1) % 7, _semitone_below(mode)
    return not ((above in sung and above in rubbing) or (below in sung and degree in rubbing))


def _told(slot: Slot, chord: Chord, mode: Mode) -> frozenset[int]:
    """Return the degrees that tell the mode and are heard: in the tune, or in the chord below it."""
    sung = {tone.degree for tone in slot.tones}
    return frozenset(
        degree
        for degree in characteristic_degrees(mode)
        if degree in sung or (degree in chord.degrees and can_tell(degree, sung, mode))
    )


def _misfit(slot: Slot, chord: Chord, mode: Mode) -> float:
    cost = 0.0
    for tone in slot.tones:
        if rubs_chord(tone.degree, chord, mode):
            cost += 0.6 + 1.6 * min(1.5, tone.beats)
        elif tone.degree not in chord.degrees:
            cost += 0.35 * min(2.0, tone.beats) + 0.35 * tone.strong
        elif tone.degree not in chord.degrees[:3]:
            cost += 0.08 * min(2.0, tone.beats)
    return cost


@cache
def _known_pairs(mode: Mode) -> frozenset[tuple[int, int]]:
    says = chord_vocabulary(mode)
    pairs: tuple[Pair, ...] = (*says.openings, *says.questions, *says.ways_home, *says.homes)
    known = {(first.root, second.root) for first, second in pairs}
    # A phrase may go from any opening to any question, and home from any way home.
    known |= {(pair[0].root, other[0].root) for pair in says.openings for other in says.questions}
    known |= {(pair[0].root, 0) for pair in says.ways_home}
    return frozenset(known)


_FALLING_FIFTH, _RISING_STEP, _FALLING_THIRD = 3, 1, 5


def _motion(before: Chord, chord: Chord, mode: Mode) -> float:
    """Return the cost of going from one chord to another."""
    rise = (chord.root - before.root) % 7
    if rise == 0:
        return 1.2
    cost = 0.0 if (before.root, chord.root) in _known_pairs(mode) else 0.45
    return cost + (0.0 if rise in (_FALLING_FIFTH, _RISING_STEP, _FALLING_THIRD) else 0.2)


class _Choices(NamedTuple):
    """All chords of a mode, and those with which it opens, asks and leads home."""

    every: tuple[Chord, ...]
    openings: tuple[Chord, ...]
    questions: tuple[Chord, ...]
    ways_home: tuple[Chord, ...]


@cache
def _choices(mode: Mode) -> _Choices:
    """Return the chords of a mode; of each root and bass there is one."""
    says = chord_vocabulary(mode)

    def unlike(pairs: Sequence[Pair], *, both: bool) -> tuple[Chord, ...]:
        chords = [chord for pair in pairs for chord in (pair if both else pair[:1])]
        return tuple({(chord.root, chord.bass): chord for chord in reversed(chords)}.values())

    every = unlike((*says.openings, *says.questions, *says.ways_home, *says.homes), both=True)
    openings = (*unlike(says.openings, both=False), *(c for c in every if c.root in (2, 3, 5)))
    questions = tuple(c for c in unlike(says.questions, both=True) if c.root)
    ways = tuple(c for c in unlike(says.ways_home, both=False) if c.root)
    return _Choices(every, openings, questions, ways)


def _parallel(chord: Chord, slot: Slot, before: Chord, earlier: Slot) -> float:
    """Return the cost of a tune that moves with the bass from a fifth or octave to another."""
    if not (slot.begins and earlier.tones) or before.bass == chord.bass:
        return 0.0
    was, now = earlier.tones[-1].degree, slot.tones[0].degree
    interval = (now - chord.bass) % 7
    return _PARALLEL * (was != now and interval in (0, 4) and (was - before.bass) % 7 == interval)


class _Path(NamedTuple):
    """The chords of a phrase so far, what they cost, and which degrees told the mode."""

    cost: float
    chords: tuple[Chord, ...]
    told: frozenset[int]

    def longer(self, chord: Chord, cost: float, tells: frozenset[int], untold: Mapping[int, float]) -> _Path:
        """Return the path with one more chord at its cost, less that of the degrees it is first to tell."""
        cost -= sum(untold[degree] for degree in tells - self.told)
        return _Path(self.cost + cost, (*self.chords, chord), self.told | tells)


def _joined(chords: Sequence[Chord], chord: Chord, slots: Sequence[Slot], mode: Mode) -> float:
    """Return the cost of going on to a chord; the slots are those of the last chord and of this one."""
    if not chords:
        return 0.0
    earlier, slot = slots
    return _motion(chords[-1], chord, mode) + _parallel(chord, slot, chords[-1], earlier)


def _last(slots: Sequence[Slot], close: PhraseEnding) -> int:
    """Return the slot in which a phrase closes: the last, or the one before among fast chords."""
    last = len(slots) - 1
    turns = (
        close is not PhraseEnding.OPEN
        and len(slots) >= _THREE_CHORDS
        and slots[-1].bars == slots[-2].bars == 1
    )
    return last - 1 if turns else last


def _allowed(i: int, last: int, close: PhraseEnding, mode: Mode) -> tuple[Chord, ...]:
    """Return the chords that a slot may have, by its place before or after the one that closes."""
    choices, home = _choices(mode), chord_vocabulary(mode).homes[0][0]
    if i > last:
        return (*choices.questions, home)
    if i == last and close is PhraseEnding.HOME:
        return (home,)
    if i == last:
        return choices.questions if close is PhraseEnding.OPEN else tuple(c for c in choices.every if c.root)
    if i == last - 1 and close is PhraseEnding.HOME:
        return choices.ways_home
    return choices.openings if i == 0 else choices.every


class Harmoniser:
    """Chooses the chords of phrase after phrase, and remembers which it chose."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._recent: deque[tuple[int, ...]] = deque(maxlen=RECENT)
        self._bars: deque[bool] = deque(maxlen=_LATELY)
        self._untold = dict.fromkeys(range(7), LONG_UNTOLD)  # bars since a degree told the mode

    def untold(self, mode: Mode) -> frozenset[int]:
        """Return the degrees that tell the mode and were not heard for `LONG_UNTOLD` bars."""
        return frozenset(d for d in characteristic_degrees(mode) if self._untold[d] >= LONG_UNTOLD)

    def chords(
        self,
        slots: Sequence[Slot],
        mode: Mode,
        *,
        key: str,
        close: PhraseEnding,
        first: Chord | None = None,
        fresh: float = 1.0,
    ) -> tuple[Chord, ...]:
        """Return a chord for each slot.

        Parameters
        ----------
        slots : sequence of Slot
            The chords' lengths and the tune above them.
        mode : Mode
            The mode.
        key : str
            What the small preferences of the phrase follow from: those of a theme stay the same.
        close : PhraseEnding
            How the phrase ends.
        first : Chord, optional
            The chord it must begin with.
        fresh : float
            How much sequences of roots are avoided that were heard lately.
        """
        rng = seeded_rng(self._seed, "chords", key)
        every = _choices(mode).every
        jitter = {(chord.name, i): _JITTER * rng.random() for i in range(len(slots)) for chord in every}
        tonic_cost = self._tonic_cost()
        untold = {
            degree: _UNTOLD * max(1.0, self._untold[degree] / _UNTOLD_BARS)
            for degree in characteristic_degrees(mode)
        }
        last = _last(slots, close)
        paths = [_Path(0.0, (), frozenset())]
        for i, slot in enumerate(slots):
            longer = []
            for chord in (first,) if i == 0 and first is not None else _allowed(i, last, close, mode):
                cost = _misfit(slot, chord, mode) + jitter.get((chord.name, i), 0.0)
                if 0 in (chord.root, chord.bass) and i != last:
                    cost += slot.bars * tonic_cost / 2
                tells = _told(slot, chord, mode)
                for path in paths:
                    joined = cost + _joined(path.chords, chord, slots[i - 1 : i + 1], mode)
                    longer.append(path.longer(chord, joined, tells, untold))
            paths = sorted(longer, key=lambda path: (path.cost, [c.name for c in path.chords]))[:_BEAM_WIDTH]
        best = min(paths, key=lambda path: (path.cost + self._staleness(path.chords, fresh), path.cost))
        self._remember(best.chords, slots, mode)
        return best.chords

    def _tonic_cost(self) -> float:
        """Return what a tonic chord costs: the more, the longer it was heard lately."""
        known = len(self._bars) >= _FEWEST_BARS
        share = sum(self._bars) / len(self._bars) if known else _TONIC_WANTED
        return _TONIC_WEIGHT * (share - _TONIC_WANTED)

    def _remember(self, chords: Sequence[Chord], slots: Sequence[Slot], mode: Mode) -> None:
        """Note what was heard: the roots, the bars on the tonic, how long no degree told the mode."""
        self._recent.append(tuple(chord.root for chord in chords))
        for chord, slot in zip(chords, slots, strict=True):
            self._bars.extend([0 in (chord.root, chord.bass)] * slot.bars)
            tells = _told(slot, chord, mode)
            for degree in range(7):
                self._untold[degree] = 0 if degree in tells else self._untold[degree] + slot.bars

    def _staleness(self, chords: tuple[Chord, ...], fresh: float) -> float:
        roots = tuple(chord.root for chord in chords)
        heard = [i for i, past in enumerate(reversed(self._recent)) if past == roots]
        return fresh * sum(_HEARD_LATELY * (2.0 if i < _JUST_HEARD else 1.0) for i in heard[:3])
