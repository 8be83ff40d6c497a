"""Themes: the tunes of a piece, each with a gesture of its own, and the ways in which they return.

A theme is a question and an answer of four bars each, written in steps of the scale, so that it is the
same tune in every mode, on every tonic and at every height. Every note says from which density on it
sounds: sparse music has the notes that carry the tune, dense music adds repeats, passing and neighbouring
notes.

Tunes walk as people's do: the step after a step is drawn from how often it follows in 8,545 folk songs
(Essen collection, as shipped with music21); the rhythms of a bar are the commonest of the same songs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from math import log2
from typing import NamedTuple

from generator.composition.notation import pick, seeded_rng
from generator.state import Metre

EIGHTHS = {Metre.COMMON: 8, Metre.WALTZ: 6, Metre.COMPOUND: 6}
"""Eighths in a bar."""

STRENGTHS = {
    Metre.COMMON: (4, 0, 2, 0, 3, 0, 2, 0),
    Metre.WALTZ: (4, 0, 2, 0, 2, 0),
    Metre.COMPOUND: (4, 0, 1, 3, 0, 1),
}
"""How strong each eighth of a bar is."""


def strength(metre: Metre, at: float) -> int:
    """Return how strong a place is, in eighths from a bar line; between the eighths it is weak."""
    place = at % EIGHTHS[metre]
    return STRENGTHS[metre][int(place)] if place == int(place) else 0


STRONG = 3
"""Strength from which a place is strong."""

WIDEST_STEP = 5
THIRD, LEAP = 2, 3
"""Steps of a third, and from which a move is a leap."""

QUARTER = 2  # eighths
ALWAYS = 2
"""Notes of a phrase that sound at any density: the first, and the one on which it rests."""

# Of 1,000 steps after a step of −5 … 5 (rows), so many are −5 … 5 (columns): 441,316 steps of the Essen folk
# songs; wider ones count as 5.
_FOLLOWING = (
    (1, 3, 2, 15, 85, 169, 169, 219, 146, 29, 162),
    (1, 3, 7, 20, 38, 242, 211, 177, 121, 76, 104),
    (1, 4, 6, 77, 119, 221, 182, 123, 183, 22, 62),
    (3, 5, 16, 85, 254, 171, 159, 189, 54, 31, 34),
    (5, 9, 17, 91, 414, 169, 175, 56, 32, 15, 16),
    (8, 12, 24, 76, 233, 303, 162, 90, 57, 15, 20),
    (11, 17, 28, 108, 243, 145, 333, 83, 22, 4, 5),
    (24, 23, 46, 165, 251, 211, 133, 97, 42, 5, 4),
    (36, 16, 96, 119, 229, 283, 128, 79, 8, 4, 1),
    (19, 48, 28, 133, 235, 352, 111, 43, 27, 1, 1),
    (85, 18, 41, 201, 283, 283, 61, 24, 4, 1, 1),
)

# Onsets within a bar, in eighths, by kind of motion: even, dotted, long and short, in waves, in threes, off
# the beat. They are the commonest bars of the same songs. A piece has one kind.
_RHYTHMS = {
    Metre.COMMON: (
        ((0, 2, 4, 6), (0, 2, 4, 6), (0, 2, 4)),
        ((0, 3, 4, 7), (0, 3, 4, 6), (0, 3, 4)),
        ((0, 4, 6), (0, 2, 6), (0, 4)),
        ((0, 1, 2, 4, 5, 6), (0, 1, 2, 4), (0, 4, 5, 6)),
        ((0, 3, 6), (0, 3, 6), (0, 3, 5, 6)),
        ((1, 2, 4, 6), (1, 4, 6), (1, 3, 4, 6)),
        ((0, 2, 3, 4, 6), (0, 2, 3, 4), (0, 2, 6, 7)),
        ((2, 3, 4), (2, 4, 6), (2, 3, 4, 6)),
        ((0, 4), (0, 4), (0, 4)),
        ((0, 6), (0, 6, 7), (0, 6)),
        ((0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4), (0, 1, 2, 3)),
    ),
    Metre.WALTZ: (
        ((0, 2, 4), (0, 2, 4), (0, 2)),
        ((0, 3, 4), (0, 3, 4, 5), (0, 3)),
        ((0, 4), (0, 4), (0, 4, 5)),
        ((0, 1, 2, 4), (0, 1, 2), (0, 2, 3, 4)),
        ((0, 3), (0, 3, 4), (0, 3)),
        ((2, 4), (2, 3, 4), (2, 4, 5)),
    ),
    Metre.COMPOUND: (
        ((0, 2, 3, 5), (0, 2, 3, 5), (0, 2, 3)),
        ((0, 1, 2, 3, 5), (0, 1, 2, 3), (0, 3, 4, 5)),
        ((0, 3), (0, 3, 5), (0, 3)),
        ((2, 3, 5), (2, 3), (2, 3, 5)),
        ((0, 2, 4), (0, 2, 4), (0, 4)),
    ),
}
# Onsets before the arrival, and the arrival, in eighths of its bar.
_ARRIVALS = {
    Metre.COMMON: (((), 0), ((0,), 2), ((0, 2), 4), ((0,), 4), ((0, 3), 4), ((0, 2, 3), 4)),
    Metre.WALTZ: (((), 0), ((0,), 2), ((0,), 4), ((0, 2), 4)),
    Metre.COMPOUND: (((), 0), ((0, 2), 3), ((0,), 3), ((0, 1, 2), 3)),
}

# How a piece moves: how much more often than in folk songs a step of −5 … 5 comes, and a step on in the same
# direction. In scales, in broken chords, calling (repeats and fourths), falling after leaps up, rising
# after leaps down, to and fro, and as folk songs do. Our convention: two pieces are to be unlike each other.
_CHARACTERS = (
    ((0.3, 0.3, 0.3, 0.4, 2.0, 0.2, 2.0, 0.4, 0.3, 0.3, 0.3), 2.4),
    ((0.3, 0.4, 0.4, 2.2, 0.9, 0.4, 0.9, 2.2, 0.4, 0.4, 0.3), 1.2),
    ((0.3, 0.6, 1.4, 0.6, 1.0, 3.2, 1.0, 0.6, 1.4, 0.6, 0.3), 1.0),
    ((0.2, 0.2, 0.3, 0.7, 2.2, 0.6, 0.5, 0.9, 2.0, 2.0, 1.2), 1.3),
    ((1.2, 2.0, 2.0, 0.9, 0.5, 0.6, 2.2, 0.7, 0.3, 0.2, 0.2), 1.3),
    ((0.4, 0.4, 0.5, 0.9, 1.6, 0.5, 1.6, 0.9, 0.5, 0.4, 0.4), 0.25),
    ((1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0), 1.0),
)


class Figure(Enum):
    """How dense music adorns the tune of a piece: where a note comes between two, and which."""

    EIGHTHS = auto()
    """An eighth before the next note that leads to it."""

    ECHO = auto()
    """The note again, an eighth later, and the neighbour a sixteenth before the next."""

    SNAP = auto()
    """A sixteenth before the next note, from above or below."""

    TURN = auto()
    """Two sixteenths, the neighbour and the note."""

    NEIGHBOUR = auto()
    """The neighbour, a sixteenth after the note."""

    REPEAT = auto()
    """The note again, a sixteenth before the next."""


_CANDIDATES = 48
"""Lines of which the best becomes the theme."""

_WIDEST_RANGE = 7
"""Steps of the scale between the lowest and the highest note of a phrase."""

_CORE = 0.46
"""Density from which on every note of the tune sounds; from there to 1 ornaments are added one by one."""


class LineTone(NamedTuple):
    """A note of a line: eighths from the beginning of the phrase, step of the scale, density it needs."""

    at: float
    tone: int
    needed: float


@dataclass(frozen=True, slots=True)
class Style:
    """What the themes of a piece have in common, and two pieces have not.

    Attributes
    ----------
    rhythms : tuple of (tuple of int)
        Its rhythms of a bar.
    arrivals : tuple of (tuple of int, int)
        How its phrases arrive: onsets before, and the arrival, in eighths of the bar.
    habits : tuple of float
        How much more often than in folk songs a step of −5 … 5 comes.
    momentum : float
        How much more often it goes on in the direction in which it goes.
    sequences : float
        How often the second bar of a theme repeats the first one, higher or lower.
    figure : Figure
        How dense music adorns it.
    evenness : float
        1 where ornaments are added evenly as the music becomes denser, 0 where all wait for the densest.
    pace : float
        By which factor its notes need denser music than other pieces'.
    """

    rhythms: tuple[tuple[int, ...], ...]
    arrivals: tuple[tuple[tuple[int, ...], int], ...]
    habits: tuple[float, ...]
    momentum: float
    sequences: float
    figure: Figure
    evenness: float
    pace: float

    @classmethod
    def of(cls, seed: int, metre: Metre) -> Style:
        """Return the style of a piece."""
        rng = seeded_rng(seed, "style", metre.text)
        first = int(rng.random() * len(_ARRIVALS[metre]))
        habits, momentum = pick(rng, _CHARACTERS)
        return cls(
            pick(rng, _RHYTHMS[metre]),
            arrivals=(_ARRIVALS[metre][first], _ARRIVALS[metre][first - 1]),
            habits=habits,
            momentum=momentum,
            sequences=0.35 + 0.5 * rng.random(),
            figure=pick(rng, tuple(Figure)),
            evenness=pick(rng, (0.2, 0.5, 0.9)),
            pace=pick(rng, (0.6, 1.0, 1.35)) * (1.4 if metre is Metre.COMPOUND else 1.0),
        )

    def weights(self, before: int) -> list[float]:
        """Return the weights of the steps −5 … 5 after a step."""
        row = _FOLLOWING[before + WIDEST_STEP]
        return [
            count * habit * (self.momentum if step * before > 0 else 1.0)
            for step, count, habit in zip(range(-WIDEST_STEP, WIDEST_STEP + 1), row, self.habits, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Theme:
    """A tune: a question and its answer.

    Attributes
    ----------
    name : str
        ``A`` … ``D``.
    question, answer : tuple of LineTone
        In order of time. Step 0 is the tonic.
    answer_goal : int
        The step on which the answer arrives.
    """

    name: str
    question: tuple[LineTone, ...]
    answer: tuple[LineTone, ...]

    @property
    def answer_goal(self) -> int:
        """The step of the scale on which the answer arrives."""
        return max(tone for tone in self.answer if tone.needed == 0.0).tone

    @property
    def height(self) -> float:
        """The mean step of its notes."""
        core = [tone.tone for tone in (*self.question, *self.answer) if tone.needed <= _CORE]
        return sum(core) / len(core)


class Variation(Enum):
    """How a theme returns."""

    PLAIN = auto()
    ORNAMENTED = auto()
    """Notes of denser music sound early."""

    INVERTED = auto()
    """Up is down, until it arrives."""

    HIGHER = auto()
    """Two steps of the scale higher."""

    AUGMENTED = auto()
    """Its first bar takes two."""

    TURNED = auto()
    """Its second bar is new."""


class _Walker:
    """Writes the lines of one theme."""

    def __init__(self, rng: random.Random, style: Style, metre: Metre) -> None:
        self._rng = rng
        self._style = style
        self._metre = metre
        self._bar = EIGHTHS[metre]

    def step(self, before: int) -> int:
        """Return a step after a step."""
        weights = self._style.weights(before)
        at = self._rng.random() * sum(weights)
        for i, weight in enumerate(weights):
            at -= weight
            if at < 0:
                return i - WIDEST_STEP
        return 0

    def line(self, start: int, count: int, before: int = 0) -> list[int]:
        """Return so many steps of the scale, the first of them `start`."""
        tones = [start]
        for _ in range(count - 1):
            before = self.step(before)
            tones.append(tones[-1] + before)
        return tones

    @staticmethod
    def unlikeliness(tones: list[int]) -> float:
        """Return how unlikely its steps are in folk songs, in bits a step."""
        steps = [max(-WIDEST_STEP, min(WIDEST_STEP, b - a)) for a, b in pairwise(tones)]
        bits = 0.0
        for before, step in pairwise([0, *steps]):
            bits -= log2(_FOLLOWING[before + WIDEST_STEP][step + WIDEST_STEP] / 1000)
        return bits / max(1, len(steps))


_SEQUENCES = (-2, -1, -1, 1, 1, 2)
"""Steps by which a second bar repeats the first one higher or lower."""


_WHOLE_ANSWER, _SEQUENCE_ANSWER = 0.65, 0.2
"""How often the answer is the whole question until it arrives, and how often it is so higher or lower."""


class _Gesture(NamedTuple):
    """The rhythm of a phrase: onsets of its two bars, onsets before the arrival, and the arrival."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    lead: tuple[int, ...]
    arrival: int

    def onsets(self, bar: int) -> list[int]:
        """Return all onsets in eighths from the beginning of the phrase, the arrival last."""
        last = 2 * bar
        return [
            *self.first,
            *(bar + at for at in self.second),
            *(last + at for at in self.lead),
            last + self.arrival,
        ]


def theme(seed: int, name: str, style: Style, metre: Metre) -> Theme:
    """Return a theme of a piece."""
    rng = seeded_rng(seed, "theme", name, metre.text)
    walker = _Walker(rng, style, metre)
    first, second = pick(rng, style.rhythms), pick(rng, style.rhythms)
    sequence = rng.random() < style.sequences
    if sequence:
        second = first
    lead, arrival = pick(rng, style.arrivals)
    gesture = _Gesture(first, second, lead, arrival)
    question = _best_line(walker, rng, gesture, goals=(1, 4, 6, 2), sequence=sequence, head=None)
    lead, arrival = pick(rng, style.arrivals)
    reply = _Gesture(first, second, lead, arrival)
    # The answer begins as the question does, up to the middle of its second bar.
    same = len(first) + (len(second) + 1) // 2
    shift = 0
    way = rng.random()
    if way < _WHOLE_ANSWER:
        same = len(first) + len(second)
        shift = pick(rng, _SEQUENCES) if way < _SEQUENCE_ANSWER else 0
    head = [tone + shift for tone in question[:same]]
    answer = _best_line(walker, rng, reply, goals=(0, 0, 2), sequence=False, head=head)
    bar = EIGHTHS[metre]
    asked = _with_needs(rng, gesture.onsets(bar), question, metre, style)
    replied = _with_needs(rng, reply.onsets(bar), answer, metre, style)
    # What is the same tune is adorned alike.
    until = reply.onsets(bar)[same - 1]
    alike = [note._replace(tone=note.tone + shift) for note in asked if note.at <= until]
    return Theme(name, asked, (*alike, *(note for note in replied if note.at > until)))


def _best_line(
    walker: _Walker,
    rng: random.Random,
    gesture: _Gesture,
    *,
    goals: tuple[int, ...],
    sequence: bool,
    head: list[int] | None,
) -> list[int]:
    """Return the best of some lines that end on one of the goals in any octave."""
    shift = pick(rng, _SEQUENCES)
    count = len(gesture.first) + len(gesture.second) + len(gesture.lead)
    ways = []
    for _ in range(_CANDIDATES):
        if head is None:
            start = pick(rng, (0, 2, 4, 4, 5, 7))
            line = walker.line(start, count)
            if sequence:
                n = len(gesture.first)
                line[n : 2 * n] = [tone + shift for tone in line[:n]]
                rest = walker.line(line[2 * n - 1], len(gesture.lead) + 1)
                line[2 * n :] = rest[1:]
        else:
            rest = walker.line(head[-1], count - len(head) + 1)
            line = [*head, *rest[1:]]
        goal = pick(rng, goals)
        goal = min((goal - 7, goal, goal + 7), key=lambda tone: abs(tone - line[-1]))
        line.append(goal)
        # What follows begins as this phrase does: it should not have to leap there.
        ways.append((_line_cost(walker, line) + 0.5 * max(0, abs(goal - line[0]) - 2), line))
    return min(ways)[1]


def _line_cost(walker: _Walker, line: list[int]) -> float:
    """Return how ill a line sings: our convention, in bits."""
    steps = [b - a for a, b in pairwise(line)]
    cost = 3.4 * walker.unlikeliness(line)
    cost += 1.5 * max(0, max(line) - min(line) - _WIDEST_RANGE)
    cost += 1.0 * max(0, 3 - (max(line) - min(line)))
    cost += 2.0 * max(0, abs(steps[-1]) - 1) + 0.5 * (steps[-1] == 0)
    cost += sum(0.7 for a, b in pairwise(steps) if abs(a) >= LEAP and a * b >= 0)
    return cost + 0.7 * sum(a == b == 0 for a, b in pairwise(steps))


def _with_needs(
    rng: random.Random, onsets: list[int], tones: list[int], metre: Metre, style: Style
) -> tuple[LineTone, ...]:
    """Return the notes of a phrase with the density each needs, and the ornaments between them."""
    bar = EIGHTHS[metre]
    strengths = STRENGTHS[metre]
    last = len(onsets) - 1

    def order(i: int) -> tuple[bool, bool, float]:
        # The arrival and the first note always sound; then strong beats, then notes that move on.
        moves = 0.5 if i and tones[i] != tones[i - 1] else 0.0
        return i != last, i != 0, -strengths[onsets[i] % bar] - moves - 0.6 * rng.random()

    core = _CORE * style.pace
    notes = []
    for rank, i in enumerate(sorted(range(len(onsets)), key=order)):
        needed = 0.0 if rank < ALWAYS else core * (rank - 1 - 0.3 * rng.random()) / max(1, last - 1)
        notes.append(LineTone(onsets[i], tones[i], min(1.0, needed)))
    notes.sort()
    return tuple(sorted(notes + _ornaments(rng, notes, core, style)))


def _ornaments(rng: random.Random, notes: list[LineTone], core: float, style: Style) -> list[LineTone]:
    """Return notes between those of the tune; each needs dense music, the first of them the least dense."""
    groups = [
        group
        for note, following in pairwise(notes)
        if following.at - note.at >= QUARTER
        for group in [_figure(style.figure, note, following)]
    ]
    rng.shuffle(groups)
    return [
        LineTone(at, tone, min(0.99, core + (0.99 - core) * ((i + 0.7) / len(groups)) ** style.evenness))
        for i, group in enumerate(groups)
        for at, tone in group
    ]


def _figure(figure: Figure, note: LineTone, following: LineTone) -> list[tuple[float, int]]:
    """Return the places and tones of the ornaments between two notes."""
    gap = following.tone - note.tone
    side = 1 if gap <= 0 else -1
    match figure:
        case Figure.EIGHTHS:
            between = note.tone + round(gap / 2) if abs(gap) >= THIRD else following.tone + side
            return [(following.at - 1, between)]
        case Figure.ECHO:
            return [(note.at + 1, note.tone), (following.at - 0.5, following.tone + side)]
        case Figure.SNAP:
            return [(following.at - 0.5, following.tone + side)]
        case Figure.TURN:
            return [(following.at - 1, note.tone + side), (following.at - 0.5, note.tone)]
        case Figure.NEIGHBOUR:
            return [(note.at + 0.5, note.tone - side)]
        case Figure.REPEAT:
            return [(following.at - 0.5, note.tone)]


def varied(line: tuple[LineTone, ...], way: Variation, metre: Metre, seed_key: str) -> tuple[LineTone, ...]:
    """Return a line as it returns."""
    bar = EIGHTHS[metre]
    arrival = max(note for note in line if note.needed == 0.0)
    match way:
        case Variation.PLAIN:
            return line
        case Variation.ORNAMENTED:
            return tuple(
                note._replace(needed=note.needed * 0.62) if note.needed > _CORE else note for note in line
            )
        case Variation.HIGHER:
            return tuple(
                note if note.at >= arrival.at - 1 else note._replace(tone=note.tone + 2) for note in line
            )
        case Variation.INVERTED:
            return _inverted(line, arrival)
        case Variation.AUGMENTED:
            return _augmented(line, bar)
        case Variation.TURNED:
            return _turned(line, bar, seed_key)


def _inverted(line: tuple[LineTone, ...], arrival: LineTone) -> tuple[LineTone, ...]:
    """Return the line upside down about its first note, shifted so that it still comes to its end by step."""
    first = line[0].tone
    turned = [note._replace(tone=2 * first - note.tone) for note in line if note.at < arrival.at]
    if not turned:
        return line
    off = arrival.tone - turned[-1].tone
    shift = off - (1 if off > 0 else -1) if abs(off) > 1 else 0
    return (
        *(note._replace(tone=note.tone + shift) for note in turned),
        *(note for note in line if note.at >= arrival.at),
    )


def _augmented(line: tuple[LineTone, ...], bar: int) -> tuple[LineTone, ...]:
    """Return the first bar of the line in twice the time, then the arrival."""
    slow = [note._replace(at=2 * note.at) for note in line if note.at < bar]
    return (*slow, *(note for note in line if note.at >= 2 * bar))


def _turned(line: tuple[LineTone, ...], bar: int, seed_key: str) -> tuple[LineTone, ...]:
    """Return the line with its second bar mirrored in time: the same notes the other way round."""
    second = [note for note in line if bar <= note.at < 2 * bar]
    tones = [note.tone for note in reversed(second)]
    higher = pick(seeded_rng(seed_key), (0, 1))
    tones = [tone + higher for tone in tones]
    new = {note.at: note._replace(tone=tone) for note, tone in zip(second, tones, strict=True)}
    return tuple(new.get(note.at, note) for note in line)
