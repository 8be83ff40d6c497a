"""All layers but the melody: each simple, each on a period of its own."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from generator.harmony import Chord, Scale
from generator.notation import ScoreNote
from generator.state import BEATS_PER_BAR, MusicState

BELL_EVERY_EIGHTHS = 23
AIR_EVERY_BARS = 4

_ARPEGGIO_GAIT = (0, 4, 2, 6, 3, 7, 1, 5)
_ARPEGGIO_WALK = (0, 2, 1, 3, 2, 4, 1)
"""Seven steps against eight eighths: the figure returns to the same place every seventh bar."""

_BELL_DEGREES = (0, 4, 1, 2, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the layers of a bar stand on.

    Attributes
    ----------
    bar : int
        Number of the bar from 0.
    place : int
        0 to 7 in its period.
    scale, chord : Scale, Chord
        In force.
    fresh : bool
        Whether the chord begins in this bar.
    bars : int
        How many bars the chord has left, this one included.
    pad, strings : tuple of int
        The chord as the two choirs sing it.
    """

    bar: int
    place: int
    scale: Scale
    chord: Chord
    fresh: bool
    bars: int
    pad: tuple[int, ...]
    strings: tuple[int, ...]


def held(pitches: tuple[int, ...], layer: str, velocity: int, bars: int) -> list[ScoreNote]:
    """Return a chord held for some bars."""
    return [
        ScoreNote(
            offset=0.0, duration=float(BEATS_PER_BAR * bars), pitch=pitch, velocity=velocity, layer=layer
        )
        for pitch in sorted(set(pitches))
    ]


def pad(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return the chord, struck when it changes and held while it lasts."""
    return held(ground.pad, "pad", 48 + round(8 * state.density), ground.bars) if ground.fresh else []


def strings(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return two high voices of the chord, softer than the pad."""
    return held(ground.strings, "strings", 36 + round(8 * state.density), ground.bars) if ground.fresh else []


def bass_pitch(degree: int, scale: Scale) -> int:
    """Return the one pitch of a degree from C2 to B2, an octave and a fourth below the pad at most."""
    return next(iter(scale.pitches((degree,), 36, 47)))


def bass(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return the chord's bass: long; from density .4 its fifth answers late in the bar."""
    root = ground.chord.bass
    pitch = bass_pitch(root, ground.scale)
    answer = bass_pitch((root + 4) % 7, ground.scale)
    velocity = 54 + round(8 * state.density)

    def note(offset: float, duration: float, pitch: int, softer: int) -> ScoreNote:
        return ScoreNote(
            offset=offset, duration=duration, pitch=pitch, velocity=velocity - softer, layer="bass"
        )

    if state.density < 0.4:
        return [note(0.0, 4.0 * ground.bars, pitch, 0)] if ground.fresh else []
    if abs(answer - pitch) not in (5, 7):  # the fifth would be a tritone: stay
        return [note(0.0, 4.0, pitch, 0 if ground.fresh else 4)]
    return [note(0.0, 2.5, pitch, 0 if ground.fresh else 4), note(2.5, 1.5, answer, 8)]


def arpeggio(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return broken chord tones above the pad: two in a bar at density 0, all eight eighths at 1."""
    tones = ground.scale.pitches(ground.chord.degrees, 62, 81)
    count = 2 + floor(6.0 * state.density + 0.5)
    eighths = sorted(_ARPEGGIO_GAIT[:count])
    length = 1.0 - 0.5 * state.articulation
    notes = []
    for at, until in zip(eighths, [*eighths[1:], 8], strict=True):
        step = _ARPEGGIO_WALK[(8 * ground.bar + at) % len(_ARPEGGIO_WALK)]
        notes.append(
            ScoreNote(
                offset=at / 2,
                duration=(until - at) / 2 * length,
                pitch=tones[min(step, len(tones) - 1)],
                velocity=34 + round(8 * state.density) + (3 if at == 0 else 0),
                layer="arpeggio",
            )
        )
    return notes


def counter(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return the second voice: a guide tone while the melody moves, an answer where it pauses."""
    third, seventh = ground.chord.degrees[1], ground.chord.degrees[-1]
    low = ground.scale.nearest(58, (third,))
    velocity = 40 + round(8 * state.density)
    line: tuple[tuple[float, float, int], ...]
    if ground.place in (3, 7):  # the melody rests: three steps down to the guide tone
        line = ((0.0, 1.0, low + 2), (1.0, 1.0, low + 1), (2.0, 2.0, low))
    elif ground.place % 2 == 0:
        line = ((1.0, 3.0, low),)
    else:
        line = ((0.0, 4.0, ground.scale.nearest(58, (seventh,))),)
    return [
        ScoreNote(
            offset=offset,
            duration=duration * (1.0 - 0.4 * state.articulation),
            pitch=ground.scale.pitch(tone),
            velocity=velocity,
            layer="counter",
        )
        for offset, duration, tone in line
    ]


def bells(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return a bell every 23 eighths, so that it never falls twice on the same place of a phrase."""
    first = 8 * ground.bar
    strokes = [at for at in range(first, first + 8) if at % BELL_EVERY_EIGHTHS == BELL_EVERY_EIGHTHS // 2]
    notes = []
    for at in strokes:
        wanted = _BELL_DEGREES[at // BELL_EVERY_EIGHTHS % len(_BELL_DEGREES)]
        degree = wanted if wanted in ground.chord.degrees else ground.chord.degrees[2]
        notes.append(
            ScoreNote(
                offset=(at - first) / 2,
                duration=(8 - (at - first)) / 2,
                pitch=ground.scale.pitches((degree,), 79, 90)[0],
                velocity=34 + round(8 * state.brightness),
                layer="bells",
            )
        )
    return notes


def air(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return the tonic, or its fifth, very softly, through each phrase."""
    if ground.place % AIR_EVERY_BARS:
        return []
    degree = 0 if ground.place == 0 or 4 not in _perfect(ground.scale) else 4
    pitch = ground.scale.pitches((degree,), 67, 78)[0]
    return held((pitch,), "air", 30 + round(6 * state.brightness), AIR_EVERY_BARS)


def _perfect(scale: Scale) -> tuple[int, ...]:
    """Return the degrees a perfect fifth above the tonic: none or the fifth."""
    return tuple(degree for degree in range(7) if scale.mode.steps[degree] == 7)
