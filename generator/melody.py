"""The melody: a motif that is stated, answered, varied, and comes to rest."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import accumulate
from math import floor

from generator.harmony import Chord, Scale
from generator.notation import ScoreNote, chance, pick
from generator.state import BEATS_PER_BAR, MusicState

EIGHTHS = 8
SECTION_BARS = 32
"""Four periods, A A' B A. Each section has a new B, every fourth a new A."""

REACH = 6
"""Steps of the scale from the middle of the melody to its highest and lowest note."""

LONGEST_RUN = 7
"""Bars in a row with melody, at most: one bar in eight is silent."""

NUDGE_S = 0.02

# Which eighths of the bar matter most: the first n of a row are the rhythm of a bar of n notes, so that a
# motif keeps its gait at any density.
_GAITS = (
    (0, 3, 4, 6, 2, 7, 5, 1),
    (0, 4, 6, 3, 2, 7, 5, 1),
    (2, 4, 6, 0, 7, 3, 5, 1),
    (0, 2, 4, 6, 7, 3, 5, 1),
    (0, 3, 6, 4, 2, 7, 5, 1),
)
# Figures: steps of the scale from each note to the next; a bar of n notes sings the first n - 1 of them.
_FIGURES = (
    (2, -1, -1, -1, 2, -1, -1),
    (1, 1, 2, -1, -1, -1, -1),
    (-1, -1, 2, 1, -1, -1, -1),
    (2, 1, -1, -1, -1, -1, 1),
    (-1, 1, 1, 1, -1, -2, 1),
    (1, -2, -1, 2, 1, -1, -1),
    (-1, 2, -1, -1, -1, 2, -1),
    (1, -1, -1, 2, -1, -1, 1),
)
_COMING_DOWN = (0, 2, 4, 1, 3, 5, 6, 7)


class Role(Enum):
    """What a bar does in its period."""

    STATE = auto()
    ANSWER = auto()
    VARY = auto()
    PAUSE = auto()
    CLOSE = auto()
    REST = auto()


@dataclass(frozen=True, slots=True)
class _Place:
    """A bar of the period: its role, its share of the notes, how far the line has risen (in steps)."""

    role: Role
    share: float
    rise: int


# The shares sum to eight, so that over a period an eighth sounds with exactly the probability asked for.
_PERIOD = (
    _Place(Role.STATE, 1.4, 0),
    _Place(Role.ANSWER, 1.1, 1),
    _Place(Role.VARY, 1.4, 2),
    _Place(Role.PAUSE, 0.6, 1),
    _Place(Role.STATE, 1.4, 1),
    _Place(Role.ANSWER, 1.1, 0),
    _Place(Role.CLOSE, 1.0, -1),
    _Place(Role.REST, 0.0, 0),
)


@dataclass(frozen=True, slots=True)
class Motif:
    """A gait (the eighths of a bar by importance) and a figure (steps of the scale from note to note)."""

    gait: tuple[int, ...]
    figure: tuple[int, ...]

    def inverted(self) -> Motif:
        """Return it upside down."""
        return replace(self, figure=tuple(-step for step in self.figure))

    def turned(self) -> Motif:
        """Return it beginning as it was and going on the other way."""
        return replace(self, figure=self.figure[:1] + tuple(-step for step in self.figure[1:]))

    def later(self) -> Motif:
        """Return it a beat later, after a breath."""
        return replace(self, gait=tuple((at + 2) % EIGHTHS for at in self.gait))


def new_motif(rng: random.Random) -> Motif:
    """Return a motif: one of the gaits with one of the figures."""
    return Motif(*(options[pick(rng, tuple(range(len(options))))] for options in (_GAITS, _FIGURES)))


def centre(register: float) -> float:
    """Return the pitch around which the melody lies: A3 at register 0, F5 at 1, G4 between."""
    return 67.0 + 20.0 * (register - 0.5)


def note_probability(density: float) -> float:
    """Return the probability that an eighth brings a note."""
    return 0.05 + 0.45 * density


class Melodist:
    """Writes the melody bar by bar; the same seed and states give the same melody."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._tone: int | None = None
        self._owed = 0.5
        self._run = 0
        self._variation = 0

    def bar(self, bar: int, place: int, chord: Chord, scale: Scale, state: MusicState) -> list[ScoreNote]:
        """Return the melody of bar number `bar`, at `place` (0 to 7) in its period; it may be empty."""
        here = _PERIOD[place]
        silent = here.role is Role.REST or self._run >= LONGEST_RUN
        count = 0 if silent else self._count(state.density, here.share)
        self._run = 0 if silent else self._run + 1
        if count == 0:
            return []
        rng = chance(self._seed, "melody", bar)
        motif = self._motif(bar, here.role, rng)
        eighths = sorted(motif.gait[:count])
        aim = scale.nearest(centre(state.register)) + here.rise
        if here.role is Role.PAUSE or here.role is Role.CLOSE:
            tones = self._descent(len(eighths), aim, here.role, chord, scale)
        else:
            tones = self._line(eighths, motif, aim, chord, scale)
        self._tone = tones[-1]
        ends = [*eighths[1:], EIGHTHS]
        return [
            _note(at, until, scale.pitch(tone), state, rng)
            for at, until, tone in zip(eighths, ends, tones, strict=True)
        ]

    def last_word(self, chord: Chord, scale: Scale, state: MusicState, bars: int) -> list[ScoreNote]:
        """Return the one note on which a piece ends: tonic or third, near where the line was."""
        near = centre(state.register) if self._tone is None else scale.pitch(self._tone)
        pitch = scale.pitch(scale.nearest(near, chord.degrees[:2]))
        length = float(BEATS_PER_BAR * bars)
        return [ScoreNote(offset=0.0, duration=length, pitch=pitch, velocity=48, layer="melody")]

    def _count(self, density: float, share: float) -> int:
        # Fractions of a note are carried over, never drawn: the texture stays even.
        self._owed += EIGHTHS * note_probability(density) * share
        count = min(EIGHTHS, floor(self._owed))
        self._owed -= count
        return count

    def _motif(self, bar: int, role: Role, rng: random.Random) -> Motif:
        if role is Role.PAUSE or role is Role.CLOSE:
            return Motif(_COMING_DOWN, ())
        section, within = divmod(bar, SECTION_BARS)
        quarter = within // 8
        name = f"B{section}" if quarter == 2 else f"A{section // 4}"
        motif = new_motif(chance(self._seed, "motif", name))
        if role is Role.ANSWER:
            return motif.inverted().later()
        if role is Role.VARY or quarter == 1:
            # Never the same variation twice running, so that no phrase is repeated as it was.
            self._variation = (self._variation + pick(rng, (1, 2))) % 3
            return (motif.turned(), motif.later(), motif.inverted())[self._variation]
        return motif

    def _line(self, eighths: list[int], motif: Motif, aim: int, chord: Chord, scale: Scale) -> list[int]:
        """Return the most singable line that follows the motif's figure: the cheapest path through it."""
        steps = (0, *motif.figure[: len(eighths) - 1])
        wanted = [*accumulate(steps)]
        middle = aim - round(sum(wanted) / len(wanted))
        ends = [*eighths[1:], EIGHTHS]
        paths: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        for at, until, step, height in zip(eighths, ends, steps, wanted, strict=True):
            weight = 0.3 + 1.1 * (until - at >= 3) + 0.4 * (at in (0, 4))
            longer = []
            for tone in range(aim - REACH, aim + REACH + 1):
                cost = weight * _strangeness(tone, chord, scale) + 0.3 * abs(tone - middle - height)
                ways = (
                    (past + cost + self._effort(path, tone, step, scale), (*path, tone))
                    for past, path in paths
                )
                longer.append(min(ways))
            paths = longer
        return list(min(paths)[1])

    def _effort(self, path: tuple[int, ...], tone: int, step: int, scale: Scale) -> float:
        """Return what the step to a tone costs a singer, and how far it is from the motif's."""
        if not path:
            return 0.6 * max(0, abs(tone - (self._tone or tone)) - 1)
        move = tone - path[-1]
        tritone = abs(scale.pitch(tone) - scale.pitch(path[-1])) == 6
        return (1.2, 0.0, 0.3, 0.7, 1.0, 2.0)[min(5, abs(move))] + 2.0 * tritone + abs(move - step)

    def _descent(self, count: int, aim: int, role: Role, chord: Chord, scale: Scale) -> list[int]:
        # A phrase comes to rest by step on a plain tone of the chord: home at its close, open before.
        goals = chord.degrees[:2] if role is Role.CLOSE else chord.degrees[1:3]
        goal = scale.nearest(scale.pitch(aim), goals)
        steps = range(count - 1, -1, -1)
        below = self._tone is not None and self._tone < goal
        return [goal - step if below else goal + step for step in steps]


def _strangeness(tone: int, chord: Chord, scale: Scale) -> float:
    """Return 0 for a tone of the chord, 1 for one beside it, 2 for one that rubs from a semitone above."""
    if tone % 7 in chord.degrees:
        return 0.0
    rubs = (tone - 1) % 7 in chord.degrees and scale.pitch(tone) - scale.pitch(tone - 1) == 1
    return 2.0 if rubs else 1.0


def _note(at: int, until: int, pitch: int, state: MusicState, rng: random.Random) -> ScoreNote:
    length = (until - at) / 2 * (1.0 - 0.5 * state.articulation)
    accent = 3 if at == 0 else 1 if at == 4 else 0
    nudge = (2.0 * rng.random() - 1.0) * NUDGE_S
    return ScoreNote(
        offset=at / 2,
        duration=length,
        pitch=pitch,
        velocity=50 + round(12 * state.density) + accent + pick(rng, (-2, -1, 0, 1, 2)),
        layer="melody",
        # Nothing sounds before its own bar line.
        nudge_s=abs(nudge) if at == 0 else nudge,
    )
