"""The bass: the roots, long where the music is sparse, walking where it is dense."""

from __future__ import annotations

from generator.ground import part
from generator.harmony import Chord, Scale
from generator.notation import ScoreNote
from generator.state import BEATS_PER_BAR, MusicState

LOWEST = 36
FOUNDATION = 41
"""Lowest pitch of the pad's own root, where no bass sounds."""

Line = list[tuple[float, float, int]]
"""Offset, slot and pitch of each note, in beats."""


def pitch(degree: int, scale: Scale, lowest: int = LOWEST) -> int:
    """Return the one pitch of a degree in the octave from `lowest` upwards."""
    return scale.pitches((degree,), lowest, lowest + 11)[0]


def line(
    scale: Scale, chord: Chord, following: Chord, *, past: int, left: int, density: float, third: bool
) -> Line:
    """Return the bass of a bar, `past` bars into a chord that lasts for `left` more.

    Below density .25 a note lasts as long as its chord; from there on each bar has one, from .5 two, the
    second on the fifth or, where `third` says so, on the third; from .75 one more leads by step to the next
    root.
    """
    if density < 0.25:
        return foundation(scale, chord, left, LOWEST)
    beats = float(BEATS_PER_BAR)
    root = pitch(chord.bass, scale)
    above, below = (pitch((chord.bass + step) % 7, scale) for step in (4, 2))
    fifth = below if third or abs(above - root) not in (5, 7) else above
    if density < 0.5:
        return [(0.0, beats, fifth if past % 2 else root)]
    if density < 0.75 or following == chord:
        return [(0.0, 2.0, root), (2.0, 2.0, fifth)]
    goal = pitch(following.bass, scale)
    steps = [pitch((following.bass + step) % 7, scale) for step in (1, 6)]
    leading = min(steps, key=lambda step: (abs(step - goal) + abs(step - fifth) / 4, step))
    return [(0.0, 2.0, root), (2.0, 1.0, fifth), (3.0, 1.0, leading)]


def foundation(scale: Scale, chord: Chord, left: int, lowest: int = FOUNDATION) -> Line:
    """Return the chord's root alone, for as long as the chord lasts."""
    return [(0.0, float(BEATS_PER_BAR * left), pitch(chord.bass, scale, lowest))]


def bass(notes: Line, layer: str, swell: float, state: MusicState) -> list[ScoreNote]:
    """Return the line as its layer plays it, the first note of a bar strongest."""
    loud = 50 + round(8 * state.density + 4 * swell)
    played: list[ScoreNote] = []
    for i, note in enumerate(notes):
        played += part(layer, [note], loud - (6 if i else 0), 0.9 * state.articulation)
    return played
