"""The parts around melody and bass: held chords, broken chords, bells, air; each on a period of its own."""

from __future__ import annotations

from math import floor, inf

from generator.ground import Ground, bars, held, part
from generator.melody import centre
from generator.notation import ScoreNote, chance, pick
from generator.state import MusicState

BELL_EVERY_EIGHTHS = 23
LATE_BEATS = 2.0
NEAR_MELODY, HUSH = 5, 8
"""Semitones below the middle of the melody from which on the pad makes room, and by how much (velocity)."""


_ARPEGGIO_GAIT = (0, 4, 2, 6, 3, 7, 1, 5)
_ARPEGGIO_WALKS = (
    (0, 2, 4, 5, 4, 3, 1),
    (0, 3, 1, 4, 2, 5, 3),
    (0, 1, 2, 4, 6, 5, 3),
    (2, 4, 3, 5, 1, 3, 0),
    (0, 4, 2, 5, 3, 6, 2),
)
"""Seven steps against eight eighths: the figure returns to the same place every seventh bar."""

_BELL_DEGREES = (0, 4, 1, 2, 4, 5)


def pad(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return the chord, sung when it changes and held while it lasts; now and then one voice moves on.

    What of it comes near a melody is sung softly, unless the melody rests.
    """
    near = centre(state.register) - NEAR_MELODY if ground.led and not ground.breathing else inf

    def sung(offset: float, beats: float, pitch: int, loud: int) -> list[ScoreNote]:
        return part("pad", [(offset, beats, pitch)], loud - HUSH * (pitch >= near))

    loud = 44 + round(8 * state.density + 5 * ground.swell)
    # However detached, the others still sound when one moves on in the last quarter of the chord.
    sound = bars(ground.left) * (1.0 - 0.24 * state.articulation)
    moving = ground.ornament
    notes: list[ScoreNote] = []
    if ground.fresh:
        held = {pitch for i, pitch in enumerate(ground.pad) if moving is None or i != moving.voice}
        for pitch in sorted(held):
            notes += sung(0.0, sound, pitch, loud)
        if moving is not None and moving.first not in held:
            notes += sung(0.0, moving.beats, moving.first, loud - 2)
    if moving is not None and 0.0 <= (offset := moving.beats - bars(ground.past)) < bars(1):
        notes += sung(offset, max(1.0, sound - offset), moving.then, loud - 2)
    return notes


def strings(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return two high voices of the chord, softer than the pad; over long chords they come later."""
    if not ground.fresh:
        return []
    beats = bars(ground.left)
    # where the bass has a note on the third beat, the two could run in parallels
    late = LATE_BEATS if ground.left > 1 and state.density < 0.5 else 0.0
    loud = 34 + round(8 * state.density + 6 * ground.swell)
    sound = (beats - late) * (1.0 - 0.25 * state.articulation)
    return part("strings", [(late, sound, pitch) for pitch in sorted(set(ground.strings))], loud)


def arpeggio(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return broken chord tones: two in a bar at density 0, seven at 1, at the same places of each bar."""
    lowest = 60 + round(10 * state.register)
    # without the fifth the figure spans an octave and a half: root, third, colour
    open_tones = (*ground.chord.degrees[:2], *ground.chord.degrees[3:])
    tones = ground.scale.pitches(open_tones, lowest, lowest + 24)
    count = 2 + floor(5.0 * state.density + 0.5)
    walk = pick(chance(ground.seed, "walk", ground.phrase.theme), _ARPEGGIO_WALKS)
    eighths = sorted(_ARPEGGIO_GAIT[:count])
    loud = 32 + round(8 * state.density + 5 * ground.swell)
    notes = []
    for at, until in zip(eighths, [*eighths[1:], 8], strict=True):
        step = walk[(8 * ground.bar + at) % len(walk)]
        line = [(at / 2, (until - at) / 2, tones[min(step, len(tones) - 1)])]
        accent = 4 if at == 0 else 2 if at == 4 else 0
        notes += part("arpeggio", line, loud + accent, state.articulation)
    return notes


def bells(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return a bell every 23 eighths, so that it never falls twice on the same place of a phrase."""
    first = 8 * ground.bar
    strokes = [at for at in range(first, first + 8) if at % BELL_EVERY_EIGHTHS == BELL_EVERY_EIGHTHS // 2]
    notes = []
    for at in strokes:
        wanted = _BELL_DEGREES[at // BELL_EVERY_EIGHTHS % len(_BELL_DEGREES)]
        degree = wanted if wanted in ground.chord.degrees else ground.chord.degrees[2]
        pitch = ground.scale.pitches((degree,), 79, 90)[0]
        line = [((at - first) / 2, (8 - (at - first)) / 2, pitch)]
        notes += part("bells", line, 34 + round(8 * state.brightness))
    return notes


def air(ground: Ground, state: MusicState) -> list[ScoreNote]:
    """Return the tonic, or its fifth, very softly, through each phrase."""
    if ground.place:
        return []
    degree = 0 if ground.phrase.number % 2 == 0 or ground.scale.mode.steps[4] != 7 else 4
    pitch = ground.scale.pitches((degree,), 67, 78)[0]
    return held((pitch,), "air", 30 + round(6 * state.brightness), bars(min(4, ground.phrase.bars)))
