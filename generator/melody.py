"""The melody: a motif that is stated, answered, varied, and comes to rest."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import floor

from generator.harmony import Chord, Scale
from generator.notation import ScoreNote, chance, pick
from generator.state import MusicState

EIGHTHS = 8
SECTION_BARS = 32
"""Four periods, A A' B A; then a new B, and A has drifted."""

LONGEST_RUN = 7
"""Bars in a row with melody, at most: one bar in eight is silent."""

NUDGE_S = 0.02

# Which eighths of the bar matter most: the first n of a row are the rhythm of a bar of n notes, so that a
# motif keeps its gait whatever the density.
_GAITS = (
    (0, 3, 4, 6, 2, 7, 5, 1),
    (0, 4, 6, 3, 2, 7, 5, 1),
    (2, 4, 6, 0, 7, 3, 5, 1),
    (0, 2, 4, 6, 7, 3, 5, 1),
    (0, 3, 6, 4, 2, 7, 5, 1),
    (1, 4, 6, 2, 0, 7, 3, 5),
)
# How the line bends over the eighths of a bar, in steps of the scale.
_CURVES = (
    (0, 1, 1, 2, 2, 1, 1, 0),
    (2, 2, 1, 1, 0, 0, -1, 0),
    (0, 0, 1, 1, 2, 2, 3, 2),
    (1, 0, 0, -1, -1, 0, 1, 1),
    (0, 1, 2, 2, 1, 0, 0, -1),
    (2, 1, 0, 0, 1, 2, 2, 1),
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
    """A gait (eighths of a bar by importance) and a curve (steps of the scale at each eighth)."""

    gait: tuple[int, ...]
    curve: tuple[int, ...]

    def inverted(self) -> Motif:
        """Return it upside down."""
        return replace(self, curve=tuple(-step for step in self.curve))

    def turned(self) -> Motif:
        """Return it with its second half bent the other way."""
        pivot = self.curve[4]
        return replace(self, curve=self.curve[:4] + tuple(2 * pivot - step for step in self.curve[4:]))

    def later(self) -> Motif:
        """Return it a beat later, after a breath."""
        return replace(
            self, gait=tuple((at + 2) % EIGHTHS for at in self.gait), curve=self.curve[-2:] + self.curve[:-2]
        )


def new_motif(rng: random.Random) -> Motif:
    """Return a motif: one of the gaits with one of the curves, now and then one step bolder."""
    gait = _GAITS[pick(rng, tuple(range(len(_GAITS))))]
    curve = _CURVES[pick(rng, tuple(range(len(_CURVES))))]
    boldness = pick(rng, (1, 1, 2))
    return Motif(gait, tuple(step * boldness for step in curve))


def centre(register: float) -> float:
    """Return the pitch around which the melody lies: G3 at register 0, D#5 at 1, F4 in the middle."""
    return 65.0 + 20.0 * (register - 0.5)


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

    def last_word(self, chord: Chord, scale: Scale, state: MusicState) -> list[ScoreNote]:
        """Return the one note on which a piece ends: tonic or third, near where the line was."""
        near = centre(state.register) if self._tone is None else scale.pitch(self._tone)
        pitch = scale.pitch(scale.nearest(near, chord.degrees[:2]))
        return [ScoreNote(offset=0.0, duration=8.0, pitch=pitch, velocity=48, layer="melody")]

    def _count(self, density: float, share: float) -> int:
        # Fractions of a note are carried over, never drawn: the texture stays even.
        self._owed += EIGHTHS * note_probability(density) * share
        count = min(EIGHTHS, floor(self._owed))
        self._owed -= count
        return count

    def _motif(self, bar: int, role: Role, rng: random.Random) -> Motif:
        if role is Role.PAUSE or role is Role.CLOSE:
            return Motif(_COMING_DOWN, (0,) * EIGHTHS)
        section, within = divmod(bar, SECTION_BARS)
        quarter = within // 8
        name = f"B{section}" if quarter == 2 else "A"
        motif = new_motif(chance(self._seed, "motif", name))
        if role is Role.ANSWER:
            return motif.inverted().later()
        if role is Role.VARY or quarter == 1:
            # Never the same variation twice running, so that no phrase is repeated as it was.
            self._variation = (self._variation + pick(rng, (1, 2))) % 3
            return (motif.turned(), motif.later(), motif.inverted())[self._variation]
        return motif

    def _line(self, eighths: list[int], motif: Motif, aim: int, chord: Chord, scale: Scale) -> list[int]:
        base = aim - round(sum(motif.curve) / EIGHTHS)
        tones: list[int] = []
        before = self._tone
        for i, at in enumerate(eighths):
            long = (eighths[i + 1] if i + 1 < len(eighths) else EIGHTHS) - at >= 3
            tone = base + motif.curve[at]
            if before is not None:
                tone = max(before - 4, min(before + 4, tone))
            if long or at in (0, 4) or i == 0:
                tone = _settle(tone, before, chord, scale)
            tones.append(tone)
            before = tone
        return tones

    def _descent(self, count: int, aim: int, role: Role, chord: Chord, scale: Scale) -> list[int]:
        # A phrase comes to rest by step on a plain tone of the chord: home at its close, open before.
        goals = chord.degrees[:2] if role is Role.CLOSE else chord.degrees[1:3]
        goal = scale.nearest(scale.pitch(aim), goals)
        steps = range(count - 1, -1, -1)
        below = self._tone is not None and self._tone < goal
        return [goal - step if below else goal + step for step in steps]


def _settle(tone: int, before: int | None, chord: Chord, scale: Scale) -> int:
    """Return the chord tone nearest to a tone; of two as near, the one that moves."""
    offsets = sorted(range(-2, 3), key=lambda offset: (abs(offset), tone + offset == before, offset))
    nearest = (tone + offset for offset in offsets if (tone + offset) % 7 in chord.degrees)
    return next(nearest, scale.nearest(scale.pitch(tone), chord.degrees))


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
