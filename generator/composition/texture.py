"""The parts around melody and bass: pad, strings, arpeggio, bells, air and the counter-melody."""

from __future__ import annotations

from math import floor, inf

from generator.composition.bar_context import BarContext, beats_of_bars, held_chord, notes_of
from generator.composition.melody import melody_centre
from generator.composition.motif import theme_motif
from generator.composition.notation import LineNote, ScoreNote, pick, seeded_rng
from generator.state import BEATS_PER_BAR, MusicState

BELL_EVERY_EIGHTHS = 23
LATE_BEATS = 2.0
NEAR_MELODY, HUSH = 5, 8
"""Pad tones nearer than so many semitones below the melody's centre are softer by `HUSH` (velocity)."""

STRINGS_LATE_BELOW = 0.5
"""Density up to which the strings enter late over long chords."""

_ARPEGGIO_GAIT = (0, 4, 2, 6, 3, 7, 1, 5)
_ARPEGGIO_WALKS = (
    (0, 2, 4, 5, 4, 3, 1),
    (0, 3, 1, 4, 2, 5, 3),
    (0, 1, 2, 4, 6, 5, 3),
    (2, 4, 3, 5, 1, 3, 0),
    (0, 4, 2, 5, 3, 6, 2),
)
"""Seven steps against eight eighths: a walk returns to the same place of the bar every seventh bar."""

_BELL_DEGREES = (0, 4, 1, 2, 4, 5)

_MID_BAR = 4  # eighths
_PERFECT_FIFTH = 7  # semitones


def pad_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the chord, struck when it changes and held while it lasts; sometimes one voice moves on.

    Tones near the melody are softer, unless the melody rests.
    """
    near = (
        melody_centre(state.register) - NEAR_MELODY
        if context.has_melody and not context.melody_rests
        else inf
    )

    def struck(offset: float, beats: float, pitch: int, loud: int) -> list[ScoreNote]:
        return notes_of("pad", [LineNote(offset, beats, pitch)], loud - HUSH * (pitch >= near))

    loud = 44 + round(8 * state.density + 5 * context.swell)
    # Even when detached, the other voices still sound when one moves in the last quarter of the chord.
    sound = beats_of_bars(context.left) * (1.0 - 0.24 * state.articulation)
    moving = context.ornament
    notes: list[ScoreNote] = []
    if context.chord_begins:
        pitches = {pitch for i, pitch in enumerate(context.pad) if moving is None or i != moving.voice}
        for pitch in sorted(pitches):
            notes += struck(0.0, sound, pitch, loud)
        if moving is not None and moving.first not in pitches:
            notes += struck(0.0, moving.beats, moving.first, loud - 2)
    if moving is not None and 0.0 <= (offset := moving.beats - beats_of_bars(context.past)) < beats_of_bars(
        1
    ):
        notes += struck(offset, max(1.0, sound - offset), moving.then, loud - 2)
    return notes


def strings_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return two high voices of the chord, softer than the pad; over long chords they enter later."""
    if not context.chord_begins:
        return []
    beats = beats_of_bars(context.left)
    # where the bass has a note on the third beat, the two could run in parallels
    late = LATE_BEATS if context.left > 1 and state.density < STRINGS_LATE_BELOW else 0.0
    loud = 34 + round(8 * state.density + 6 * context.swell)
    sound = (beats - late) * (1.0 - 0.25 * state.articulation)
    return notes_of("strings", [LineNote(late, sound, pitch) for pitch in sorted(set(context.strings))], loud)


def arpeggio_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return broken chord tones: two in a bar at density 0, seven at 1, at the same places of each bar."""
    lowest = 60 + round(10 * state.register)
    # without the fifth the intervals spans an octave and a half: root, third, colour
    open_tones = (*context.chord.degrees[:2], *context.chord.degrees[3:])
    tones = context.scale.pitches(open_tones, lowest, lowest + 24)
    count = 2 + floor(5.0 * state.density + 0.5)
    walk = pick(seeded_rng(context.seed, "walk", context.phrase.theme), _ARPEGGIO_WALKS)
    eighths = sorted(_ARPEGGIO_GAIT[:count])
    loud = 32 + round(8 * state.density + 5 * context.swell)
    notes = []
    for at, until in zip(eighths, [*eighths[1:], 8], strict=True):
        step = walk[(8 * context.bar + at) % len(walk)]
        line = [LineNote(at / 2, (until - at) / 2, tones[min(step, len(tones) - 1)])]
        accent = 4 if at == 0 else 2 if at == _MID_BAR else 0
        notes += notes_of("arpeggio", line, loud + accent, state.articulation)
    return notes


def bells_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return a bell every 23 eighths, so that it never falls twice on the same place of a phrase."""
    first = 8 * context.bar
    strokes = [at for at in range(first, first + 8) if at % BELL_EVERY_EIGHTHS == BELL_EVERY_EIGHTHS // 2]
    notes = []
    for at in strokes:
        wanted = _BELL_DEGREES[at // BELL_EVERY_EIGHTHS % len(_BELL_DEGREES)]
        degree = wanted if wanted in context.chord.degrees else context.chord.degrees[2]
        pitch = context.scale.pitches((degree,), 79, 90)[0]
        line = [LineNote((at - first) / 2, (8 - (at - first)) / 2, pitch)]
        notes += notes_of("bells", line, 34 + round(8 * state.brightness))
    return notes


def air_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the tonic or its fifth, very soft, through each phrase."""
    if context.place:
        return []
    degree = 0 if context.phrase.number % 2 == 0 or context.scale.mode.steps[4] != _PERFECT_FIFTH else 4
    pitch = context.scale.pitches((degree,), 67, 78)[0]
    return held_chord(
        (pitch,), "air", 30 + round(6 * state.brightness), beats_of_bars(min(4, context.phrase.bars))
    )


COUNTER_LOWEST, COUNTER_HIGHEST = 52, 66
ABOVE_BASS = 7
UNDER_MELODY = 3

# Densities from which the counter-melody answers a resting melody with two and three notes, and from which it
# has a note on the second beat of every bar, and a further one, while the melody plays (our convention).
_ANSWER_TWO, _ANSWER_THREE = 0.2, 0.6
_EVERY_BAR, _TWO_TO_A_BAR = 0.35, 0.7


class CounterMelody:
    """Writes the counter-melody bar by bar, each note near the one before.

    It is a quiet line below the melody. Where the melody rests, it answers with the melody's motif.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pitch = 60
        self._above: tuple[float, int] | None = None  # end and pitch of the melody's last note

    def bar(self, context: BarContext, melody: list[ScoreNote], state: MusicState) -> list[ScoreNote]:
        """Return the counter-melody of a bar, given its melody; empty where there is no room for it."""
        start = float(BEATS_PER_BAR * context.bar)
        above = [note.pitch for note in melody]
        if self._above is not None and self._above[0] > start:
            above.append(self._above[1])
        if melody:
            self._above = (start + melody[-1].offset + melody[-1].duration, melody[-1].pitch)
        ceiling = min([COUNTER_HIGHEST + UNDER_MELODY, *above]) - UNDER_MELODY
        floor = max([COUNTER_LOWEST, *(note.pitch + ABOVE_BASS for note in context.low.line)])
        if context.low.last is not None:
            floor = max(floor, context.low.last + ABOVE_BASS)
        guides = (context.chord.degrees[1], context.chord.degrees[-1], *context.chord.degrees)
        room = context.scale.pitches(guides, floor, ceiling)
        if not room:
            return []
        answer = (
            theme_motif(self._seed, context.phrase.theme).intervals if context.melody_rests else (0, -1, 1)
        )
        offsets = _counter_rhythm(context, state.density)
        line = []
        for i, offset in enumerate(offsets):
            until = offsets[i + 1] if i + 1 < len(offsets) else float(BEATS_PER_BAR)
            goal = self._pitch + (2 * answer[i - 1] if i else 0)
            self._pitch = min(room, key=lambda pitch: (abs(pitch - goal) + 2 * (pitch == self._pitch), pitch))
            line.append(LineNote(offset, until - offset, self._pitch))
        return notes_of(
            "counter", line, 38 + round(8 * state.density + 4 * context.swell), 0.8 * state.articulation
        )


def _counter_rhythm(context: BarContext, density: float) -> tuple[float, ...]:
    """Return where its notes begin: on the beats where it answers, else between the melody's notes."""
    if context.melody_rests:
        return (
            (0.0, 1.0, 2.0) if density >= _ANSWER_THREE else (0.0, 2.0) if density >= _ANSWER_TWO else (1.0,)
        )
    if density >= _TWO_TO_A_BAR:
        return (1.0, 2.5)
    return (1.0,) if context.place % 2 == 0 or density >= _EVERY_BAR else (0.0,)
