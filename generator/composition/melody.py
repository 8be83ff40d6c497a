"""The melody: a gesture that rises, comes to rest and leaves a silence; never the same phrase twice."""

from __future__ import annotations

import random
from dataclasses import dataclass

from generator.composition.bar_context import BarContext
from generator.composition.form import Phrase, PhraseHistory
from generator.composition.motif import EIGHTHS, PhrasePlan, phrase_plan
from generator.composition.notation import ScoreNote, pick, seeded_rng
from generator.state import MusicState

REACH = 6
"""Steps of the scale from the middle of the melody to its highest and lowest note."""

WIDEST = 5
"""Steps of the scale from a note to the next, at most: a sixth."""

LOWEST = 60
LONGEST_BEATS = 6.0
NUDGE_S = 0.02

_MOVES = (1.0, 0.0, 0.3, 0.7, 1.0, 2.0)
"""What a move of so many steps costs a singer."""

_BEAM = 6


def melody_centre(register: float) -> float:
    """Return the pitch around which the melody lies: F4 at register 0, A5 at 1."""
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

    def bar(self, ground: BarContext, state: MusicState) -> list[ScoreNote]:
        """Return the melody of a bar; it may be empty."""
        plan = self._gesture
        if plan is None:
            raise ValueError("the melody of a bar is asked for before its phrase has begun")
        slots = _slots(plan, state.density, ground)
        if not slots:
            return []
        here = plan.arrival[0] == ground.place
        aim = ground.scale.nearest(melody_centre(state.register))
        if here:
            tones = self._come_to_rest(slots, aim, ground)
        else:
            treated = plan.bars[min(ground.place, len(plan.bars) - 1)]
            tones = self._sing(slots, treated.figure, aim + plan.rises[ground.place % 5], ground)
        self._tone = tones[-1]
        pitches = [ground.scale.pitch(tone) for tone in tones]
        self._pitch = pitches[-1]
        self._memory.add(_marks(slots, tones, ground))
        rng = seeded_rng(self._seed, "melody", ground.bar)
        return [_note(slot, pitch, ground, state, rng) for slot, pitch in zip(slots, pitches, strict=True)]

    def step_home(self, ground: BarContext, state: MusicState) -> int:
        """Return the pitch of the last note but one: a step from the tonic or the third."""
        here = self._at(ground, state)
        homes = [tone for tone in range(here - 3, here + 4) if tone % 7 in (0, 2)]
        return self._choose([tone + side for tone in homes for side in (1, -1)], ground, state)

    def come_home(self, ground: BarContext, state: MusicState) -> int:
        """Return the pitch of the last note: the nearest tonic or third."""
        here = self._at(ground, state)
        return self._choose([tone for tone in range(here - 4, here + 5) if tone % 7 in (0, 2)], ground, state)

    def _at(self, ground: BarContext, state: MusicState) -> int:
        return ground.scale.nearest(melody_centre(state.register)) if self._tone is None else self._tone

    def _choose(self, tones: list[int], ground: BarContext, state: MusicState) -> int:
        here = self._at(ground, state)
        low = ground.low.at(0.0)

        def cost(tone: int) -> tuple[float, int]:
            pitch = ground.scale.pitch(tone)
            far = abs(tone - here) + 0.5 * (tone == here) + 40 * (pitch < LOWEST)
            return far + 60 * low.parallel(self._pitch, pitch), tone

        self._tone = min(tones, key=cost)
        self._pitch = ground.scale.pitch(self._tone)
        return self._pitch

    def _sing(self, slots: list[_Slot], figure: tuple[int, ...], aim: int, ground: BarContext) -> list[int]:
        """Return the most singable line that follows a figure: the cheapest of the paths looked at."""
        steps = (0, *figure[: len(slots) - 1])
        heights = [sum(steps[: i + 1]) for i in range(len(steps))]
        middle = aim - round(sum(heights) / len(heights))
        paths: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        for slot, step, height in zip(slots, steps, heights, strict=True):
            longer = []
            for past, path in paths:
                before = path[-1] if path else self._tone
                for tone in _near(path, before, step, middle):
                    cost = past + _strangeness(tone, slot, ground) + 0.3 * abs(tone - middle - height)
                    if before is not None:
                        cost += _MOVES[min(WIDEST, abs(tone - before))]
                        was = ground.scale.pitch(before) if path else self._pitch
                        cost += _clash(was, ground.scale.pitch(tone), slot, ground)
                    if path:
                        move = tone - path[-1]
                        cost += abs(move - step) + (15.0 if move * step <= 0 else 0.0)
                    longer.append((cost, (*path, tone)))
            paths = sorted(longer)[:_BEAM]
        return list(paths[0][1])

    def _come_to_rest(self, slots: list[_Slot], aim: int, ground: BarContext) -> list[int]:
        """Return a line that comes by step to a plain tone of the chord, as no phrase before has."""
        count = len(slots)
        degrees = (*ground.chord.degrees[:3], ground.chord.degrees[-1])
        wanted = degrees[:2] if ground.chord.root == 0 else degrees[1:3]
        before = aim if self._tone is None else self._tone
        aim = min(max(aim, before - WIDEST + 1), before + WIDEST - 1)
        ways = []
        for goal in range(aim - REACH, aim + REACH + 1):
            if goal % 7 not in degrees or ground.scale.pitch(goal) < LOWEST:
                continue
            for direction in (1, -1):
                line = [goal + direction * step for step in range(count - 1, -1, -1)]
                if ground.scale.pitch(min(line)) < LOWEST:
                    continue
                leap = abs(line[0] - before)
                cost = (1.5 if leap == 0 else 0.8 * (leap - 1)) + 0.6 * abs(goal - aim)
                cost += (0.0 if goal % 7 in wanted else 1.5) + (0.0 if direction > 0 else 0.7)
                cost += 30.0 * (leap > WIDEST) + 10.0 * self._memory.knows(_marks(slots, line, ground))
                previous = self._pitch
                for slot, tone in zip(slots, line, strict=True):
                    pitch = ground.scale.pitch(tone)
                    cost += _clash(previous, pitch, slot, ground)
                    previous = pitch
                ways.append((cost, line))
        return min(ways)[1]


def _marks(slots: list[_Slot], tones: list[int], ground: BarContext) -> list[tuple[int, int, int]]:
    """Return bar, eighth and pitch of each note."""
    return [
        (ground.place, slot.at, ground.scale.pitch(tone)) for slot, tone in zip(slots, tones, strict=True)
    ]


def _slots(plan: PhrasePlan, density: float, ground: BarContext) -> list[_Slot]:
    """Return where the notes of a bar begin; each lasts to the next, as long as its chord does."""
    rhythm = plan.rhythm(density)
    slots = []
    ends = EIGHTHS * ground.left
    for (bar, at), follower in zip(rhythm, [*rhythm[1:], None], strict=True):
        if bar == ground.place:
            until = ends if follower is None else EIGHTHS * (follower[0] - bar) + follower[1]
            slots.append(_Slot(at, min((min(until, ends) - at) / 2, LONGEST_BEATS)))
    return slots


def _near(path: tuple[int, ...], before: int | None, step: int, middle: int) -> range:
    """Return the tones to try: near the figure's, within a sixth of the one before."""
    if path:
        wanted = path[-1] + step
        return range(max(wanted - 2, path[-1] - WIDEST), min(wanted + 2, path[-1] + WIDEST) + 1)
    if before is None:
        return range(middle - 3, middle + 4)
    wanted = min(max(middle, before - WIDEST + 1), before + WIDEST - 1)
    return range(max(wanted - 3, before - WIDEST), min(wanted + 3, before + WIDEST) + 1)


def _strangeness(tone: int, slot: _Slot, ground: BarContext) -> float:
    """Return the cost of a tone on its chord: the longer and the stronger, the more of the chord it must be.

    A tone that rubs from a semitone above one of the chord's costs double; one below the range, any price.
    """
    pitch = ground.scale.pitch(tone)
    cost = 40.0 * (pitch < LOWEST)
    if tone % 7 in ground.chord.degrees:
        return cost
    weight = 0.3 + 1.1 * (slot.beats >= 1.5) + 0.4 * (slot.at in (0, 4))
    rubs = (tone - 1) % 7 in ground.chord.degrees and pitch - ground.scale.pitch(tone - 1) == 1
    return cost + weight * (2.0 if rubs else 1.0)


def _clash(was: int | None, now: int, slot: _Slot, ground: BarContext) -> float:
    """Return the cost of a move: a tritone is hard to sing, parallels with the lowest voice are not done."""
    parallel = ground.low.at(slot.at / 2).parallel(was, now)
    return 60.0 * parallel + 2.0 * (was is not None and abs(now - was) == 6)


def _note(slot: _Slot, pitch: int, ground: BarContext, state: MusicState, rng: random.Random) -> ScoreNote:
    accent = 3 if slot.at == 0 else 1 if slot.at == 4 else 0
    # The steadier the pulse is meant to be, the less the melody leans on it.
    nudge = (2.0 * rng.random() - 1.0) * NUDGE_S * (1.0 - state.density)
    return ScoreNote(
        offset=slot.at / 2,
        duration=slot.beats * (1.0 - 0.5 * state.articulation),
        pitch=pitch,
        velocity=46 + round(12 * state.density + 7 * ground.swell) + accent + pick(rng, (-2, -1, 0, 1, 2)),
        layer="melody",
        # Nothing sounds before its own bar line.
        nudge_s=abs(nudge) if slot.at == 0 else nudge,
    )
