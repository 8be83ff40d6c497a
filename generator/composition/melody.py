"""The melody: motifs, the phrase planned from one, and phrases that rise, rest and leave a silence.

A motif says which eighths sound, in which order of importance. Each bar takes the cheapest line. A line costs
what its notes and moves cost; the prices below are our convention. A hard rule (range, parallels, direction)
costs more than all soft ones of a note together.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum, auto

from generator.composition.bar_context import BarContext
from generator.composition.form import Phrase, PhraseHistory
from generator.composition.notation import ScoreNote, pick, seeded_rng
from generator.state import MusicState

EIGHTHS = 8
MOST_IN_BAR = 7
FIRST, SLOPE = 0.34, 3.4
"""At density 0 a phrase has two notes, its first and the one on which it rests; at 1, about sixteen."""

LATE_ARRIVAL_PROBABILITY = 0.5
"""How often a phrase that leads into the next comes to rest on the bar line instead of before it."""

# Eighths of the bar by importance: the first n of a row are the rhythm of a bar of n notes, so that a motif
# keeps its rhythm at any density.
_ONSET_ORDERS = (
    (0, 3, 4, 6, 2, 7, 5, 1),
    (0, 4, 6, 3, 2, 7, 5, 1),
    (2, 4, 6, 0, 7, 3, 5, 1),
    (0, 2, 4, 6, 7, 3, 5, 1),
    (0, 3, 6, 4, 2, 7, 5, 1),
    (0, 4, 2, 7, 6, 5, 3, 1),
    (1, 4, 2, 6, 0, 7, 3, 5),
)
# Steps of the scale from each note to the next; a bar of n notes uses the first n - 1 of them.
_INTERVALS = (
    (2, -1, -1, -1, 2, -1, -1),
    (1, 1, 2, -1, -1, -1, -1),
    (-1, -1, 2, 1, -1, -1, -1),
    (2, 1, -1, -1, -1, -1, 1),
    (-1, 1, 1, 1, -1, -2, 1),
    (1, -2, -1, 2, 1, -1, -1),
    (-1, 2, -1, -1, -1, 2, -1),
    (1, -1, -1, 2, -1, -1, 1),
    (3, -1, -1, 1, -1, -1, 1),
    (-2, 1, 1, 1, -2, 1, 1),
)
_ARCHES = (
    (0, 2, 3, 1, 0),
    (2, 0, 1, -1, -2),
    (-1, 2, 1, 0, 1),
    (-2, 0, 2, 1, 0),
    (1, -1, 1, 2, 0),
    (0, -2, 0, 1, -1),
    (3, 1, 2, 0, 1),
)
"""Height of each bar of a phrase above the middle of the line, in steps of the scale."""


class Variation(Enum):
    """How a bar varies the motif: not, upside down, upside down after its first step, a beat later."""

    PLAIN = auto()
    INVERTED = auto()
    TURNED = auto()
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Motif:
    """A rhythm (the eighths of a bar by importance) and intervals (steps of the scale from note to note)."""

    onset_order: tuple[int, ...]
    intervals: tuple[int, ...]

    def varied(self, variation: Variation) -> Motif:
        """Return the motif in a variation."""
        match variation:
            case Variation.PLAIN:
                return self
            case Variation.INVERTED:
                return Motif(self.onset_order, tuple(-step for step in self.intervals))
            case Variation.TURNED:
                return Motif(self.onset_order, (self.intervals[0], *(-step for step in self.intervals[1:])))
            case Variation.LATER:
                return Motif(tuple((at + 2) % EIGHTHS for at in self.onset_order), self.intervals)


def theme_motif(seed: int, theme: str) -> Motif:
    """Return the motif of a theme: one of the rhythms with one of the rows of intervals."""
    rng = seeded_rng(seed, "motif", theme)
    return Motif(pick(rng, _ONSET_ORDERS), pick(rng, _INTERVALS))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhrasePlan:
    """The melody of a phrase before it has pitches.

    Attributes
    ----------
    bars : tuple of Motif
        The variation of the motif in each bar up to the arrival.
    rises : tuple of int
        Height of each bar above the middle of the line, in steps of the scale.
    arrival : tuple of (int, int)
        Bar and eighth of the note on which the melody comes to rest.
    notes : tuple of (float, int, int)
        Every possible note: the density from which it sounds, its bar and its eighth.
    """

    bars: tuple[Motif, ...]
    rises: tuple[int, ...]
    arrival: tuple[int, int]
    notes: tuple[tuple[float, int, int], ...]

    def rhythm(self, density: float) -> list[tuple[int, int]]:
        """Return bar and eighth of the notes that sound at a density, in order of time."""
        return [(bar, at) for needed, bar, at in self.notes if needed <= density]


def phrase_plan(seed: int, phrase: Phrase) -> PhrasePlan:
    """Return the plan of a phrase: the motif is stated, then varied, then the melody comes to rest."""
    rng = seeded_rng(seed, "gesture", phrase.number)
    theme = theme_motif(seed, phrase.theme)
    late = phrase.linked and rng.random() < LATE_ARRIVAL_PROBABILITY
    arrival = (phrase.arrival + 1, 0) if late else (phrase.arrival, pick(rng, (0, 2, 4, 4)))
    variations = [Variation.PLAIN] + [pick(rng, tuple(Variation)) for _ in range(arrival[0])]
    bars = tuple(theme.varied(variation) for variation in variations)
    keys: dict[tuple[int, int], float] = {}
    for bar, varied in enumerate(bars[: arrival[0]]):
        later = 0.0 if bar == 0 else 1.1 if bar % 2 else 0.8
        keys |= {(bar, at): 0.7 * rank + later for rank, at in enumerate(varied.onset_order[:MOST_IN_BAR])}
    before_rest = (at for at in bars[-1].onset_order if at < arrival[1])
    keys |= {(arrival[0], at): 0.7 * rank + 1.6 for rank, at in enumerate(before_rest)}
    keys[arrival] = 0.2
    if phrase.linked and not late:  # a pickup leads on
        keys |= {(phrase.bars - 1, at): 0.7 * rank + 1.9 for rank, at in enumerate((6, 7, 4, 5))}
    return PhrasePlan(
        bars=bars,
        rises=pick(rng, _ARCHES),
        arrival=arrival,
        notes=tuple(((key - FIRST) / SLOPE, bar, at) for (bar, at), key in sorted(keys.items())),
    )


REACH = 6
"""Steps of the scale from the centre of the melody to its highest and lowest note."""

WIDEST = 5
"""Steps of the scale from a note to the next, at most: a sixth."""

LOWEST = 60
LONGEST_BEATS = 6.0
NUDGE_S = 0.02

_MOVES = (1.0, 0.0, 0.3, 0.7, 1.0, 2.0)
"""Cost of a move by 0, 1 … 5 steps: small moves are easy to sing, repeats and leaps less so."""

_BELOW_RANGE = 40.0
"""Cost of a note below `LOWEST`."""

_PARALLEL = 60.0
"""Cost of a parallel fifth or octave with the bass."""

_TRITONE, _TRITONE_SEMITONES = 2.0, 6
"""Cost of a leap by a tritone, which is hard to sing."""

_WRONG_DIRECTION = 15.0
"""Cost of a move against the direction of the motif."""

_TOO_WIDE, _HEARD_BEFORE = 30.0, 10.0
"""Cost of a leap wider than `WIDEST`, and of an ending that an earlier phrase had."""

_LONG_BEATS = 1.5
"""Length from which a note must fit the chord better."""

_MID_BAR = EIGHTHS // 2

_BEAM_WIDTH = 6
"""How many partial lines are followed at once."""


def melody_centre(register: float) -> float:
    """Return the central pitch of the melody: F4 at register 0, A5 at 1."""
    return 65.0 + 16.0 * register


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a note begins in its bar, in eighths, and how long it may last, in beats."""

    at: int
    beats: float


class MelodyWriter:
    """Writes the melody bar by bar; the same seed and states give the same melody."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._tone: int | None = None
        self._pitch: int | None = None
        self._gesture: PhrasePlan | None = None
        self._memory = PhraseHistory()

    def begin(self, phrase: Phrase) -> None:
        """Begin a phrase."""
        self._memory.begin()
        self._gesture = phrase_plan(self._seed, phrase)

    def bar(self, context: BarContext, state: MusicState) -> list[ScoreNote]:
        """Return the melody of a bar; it may be empty."""
        plan = self._gesture
        if plan is None:
            raise ValueError("begin(phrase) must be called before the first bar of a phrase")
        slots = _slots(plan, state.density, context)
        if not slots:
            return []
        here = plan.arrival[0] == context.place
        aim = context.scale.nearest(melody_centre(state.register))
        if here:
            tones = self._come_to_rest(slots, aim, context)
        else:
            varied = plan.bars[min(context.place, len(plan.bars) - 1)]
            tones = self._sing(slots, varied.intervals, aim + plan.rises[context.place % 5], context)
        self._tone = tones[-1]
        pitches = [context.scale.pitch(tone) for tone in tones]
        self._pitch = pitches[-1]
        self._memory.add(_marks(slots, tones, context))
        rng = seeded_rng(self._seed, "melody", context.bar)
        return [_note(slot, pitch, context, state, rng) for slot, pitch in zip(slots, pitches, strict=True)]

    def step_home(self, context: BarContext, state: MusicState) -> int:
        """Return the pitch of the last note but one: a step from the tonic or the third."""
        here = self._at(context, state)
        homes = [tone for tone in range(here - 3, here + 4) if tone % 7 in (0, 2)]
        return self._choose([tone + side for tone in homes for side in (1, -1)], context, state)

    def come_home(self, context: BarContext, state: MusicState) -> int:
        """Return the pitch of the last note: the nearest tonic or third."""
        here = self._at(context, state)
        homes = [tone for tone in range(here - 4, here + 5) if tone % 7 in (0, 2)]
        return self._choose(homes, context, state)

    def _at(self, context: BarContext, state: MusicState) -> int:
        return context.scale.nearest(melody_centre(state.register)) if self._tone is None else self._tone

    def _choose(self, tones: list[int], context: BarContext, state: MusicState) -> int:
        here = self._at(context, state)
        low = context.low.at(0.0)

        def cost(tone: int) -> tuple[float, int]:
            pitch = context.scale.pitch(tone)
            far = abs(tone - here) + 0.5 * (tone == here) + _BELOW_RANGE * (pitch < LOWEST)
            return far + _PARALLEL * low.parallel(self._pitch, pitch), tone

        self._tone = min(tones, key=cost)
        self._pitch = context.scale.pitch(self._tone)
        return self._pitch

    def _sing(
        self, slots: list[_Slot], intervals: tuple[int, ...], aim: int, context: BarContext
    ) -> list[int]:
        """Return the cheapest line that follows the intervals of a motif (a beam search)."""
        steps = (0, *intervals[: len(slots) - 1])
        heights = [sum(steps[: i + 1]) for i in range(len(steps))]
        middle = aim - round(sum(heights) / len(heights))
        paths: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        for slot, step, height in zip(slots, steps, heights, strict=True):
            longer = []
            for past, path in paths:
                before = path[-1] if path else self._tone
                for tone in _near(path, before, step, middle):
                    cost = past + _dissonance(tone, slot, context) + 0.3 * abs(tone - middle - height)
                    if before is not None:
                        cost += _MOVES[min(WIDEST, abs(tone - before))]
                        was = context.scale.pitch(before) if path else self._pitch
                        cost += _move_cost(was, context.scale.pitch(tone), slot, context)
                    if path:
                        move = tone - path[-1]
                        cost += abs(move - step) + (_WRONG_DIRECTION if move * step <= 0 else 0.0)
                    longer.append((cost, (*path, tone)))
            paths = sorted(longer)[:_BEAM_WIDTH]
        return list(paths[0][1])

    def _come_to_rest(self, slots: list[_Slot], aim: int, context: BarContext) -> list[int]:
        """Return the cheapest line that comes by step to a tone of the chord."""
        count = len(slots)
        degrees = (*context.chord.degrees[:3], context.chord.degrees[-1])
        wanted = degrees[:2] if context.chord.root == 0 else degrees[1:3]
        before = aim if self._tone is None else self._tone
        aim = min(max(aim, before - WIDEST + 1), before + WIDEST - 1)
        ways = []
        for goal in range(aim - REACH, aim + REACH + 1):
            if goal % 7 not in degrees or context.scale.pitch(goal) < LOWEST:
                continue
            for direction in (1, -1):
                line = [goal + direction * step for step in range(count - 1, -1, -1)]
                if context.scale.pitch(min(line)) < LOWEST:
                    continue
                leap = abs(line[0] - before)
                cost = (1.5 if leap == 0 else 0.8 * (leap - 1)) + 0.6 * abs(goal - aim)
                cost += (0.0 if goal % 7 in wanted else 1.5) + (0.0 if direction > 0 else 0.7)
                cost += _TOO_WIDE * (leap > WIDEST) + _HEARD_BEFORE * self._memory.knows(
                    _marks(slots, line, context)
                )
                previous = self._pitch
                for slot, tone in zip(slots, line, strict=True):
                    pitch = context.scale.pitch(tone)
                    cost += _move_cost(previous, pitch, slot, context)
                    previous = pitch
                ways.append((cost, line))
        return min(ways)[1]


def _marks(slots: list[_Slot], tones: list[int], context: BarContext) -> list[tuple[int, int, int]]:
    """Return bar, eighth and pitch of each note."""
    return [
        (context.place, slot.at, context.scale.pitch(tone)) for slot, tone in zip(slots, tones, strict=True)
    ]


def _slots(plan: PhrasePlan, density: float, context: BarContext) -> list[_Slot]:
    """Return where the notes of a bar begin; each lasts until the next, or as long as its chord."""
    rhythm = plan.rhythm(density)
    slots = []
    ends = EIGHTHS * context.left
    for (bar, at), follower in zip(rhythm, [*rhythm[1:], None], strict=True):
        if bar == context.place:
            until = ends if follower is None else EIGHTHS * (follower[0] - bar) + follower[1]
            slots.append(_Slot(at, min((min(until, ends) - at) / 2, LONGEST_BEATS)))
    return slots


def _near(path: tuple[int, ...], before: int | None, step: int, middle: int) -> range:
    """Return the tones to try: near the tone that the motif asks for, within a sixth of the one before."""
    if path:
        wanted = path[-1] + step
        return range(max(wanted - 2, path[-1] - WIDEST), min(wanted + 2, path[-1] + WIDEST) + 1)
    if before is None:
        return range(middle - 3, middle + 4)
    wanted = min(max(middle, before - WIDEST + 1), before + WIDEST - 1)
    return range(max(wanted - 3, before - WIDEST), min(wanted + 3, before + WIDEST) + 1)


def _dissonance(tone: int, slot: _Slot, context: BarContext) -> float:
    """Return the cost of a tone over its chord: the longer and stronger a note, the better it must fit.

    A tone a semitone above a tone of the chord costs double.
    """
    pitch = context.scale.pitch(tone)
    cost = _BELOW_RANGE * (pitch < LOWEST)
    if tone % 7 in context.chord.degrees:
        return cost
    weight = 0.3 + 1.1 * (slot.beats >= _LONG_BEATS) + 0.4 * (slot.at in (0, _MID_BAR))
    rubs = (tone - 1) % 7 in context.chord.degrees and pitch - context.scale.pitch(tone - 1) == 1
    return cost + weight * (2.0 if rubs else 1.0)


def _move_cost(was: int | None, now: int, slot: _Slot, context: BarContext) -> float:
    """Return the cost of a move by a tritone, or in parallel with the lowest voice."""
    parallel = context.low.at(slot.at / 2).parallel(was, now)
    return _PARALLEL * parallel + _TRITONE * (was is not None and abs(now - was) == _TRITONE_SEMITONES)


def _note(slot: _Slot, pitch: int, context: BarContext, state: MusicState, rng: random.Random) -> ScoreNote:
    accent = 3 if slot.at == 0 else 1 if slot.at == _MID_BAR else 0
    # Dense music has a steadier pulse, so its melody deviates less from it.
    nudge = (2.0 * rng.random() - 1.0) * NUDGE_S * (1.0 - state.density)
    return ScoreNote(
        offset=slot.at / 2,
        duration=slot.beats * (1.0 - 0.5 * state.articulation),
        pitch=pitch,
        velocity=46 + round(12 * state.density + 7 * context.swell) + accent + pick(rng, (-2, -1, 0, 1, 2)),
        layer="melody",
        # No note begins before its own bar line.
        nudge_s=abs(nudge) if slot.at == 0 else nudge,
    )
