"""The parts around melody and bass: pad, strings, arpeggio, bells, air and the counter-melody."""

from __future__ import annotations

from math import floor, inf

from generator.composition.bar_context import BarContext, beats_of_bars, held_chord, notes_of
from generator.composition.melody import melody_centre
from generator.composition.motif import theme_motif
from generator.composition.notation import ScoreNote, pick, seeded_rng
from generator.state import BEATS_PER_BAR, MusicState

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


def pad_part(ground: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the chord, sung when it changes and held while it lasts; now and then one voice moves on.

    What of it comes near a melody is sung softly, unless the melody rests.
    """
    near = melody_centre(state.register) - NEAR_MELODY if ground.led and not ground.breathing else inf

    def sung(offset: float, beats: float, pitch: int, loud: int) -> list[ScoreNote]:
        return notes_of("pad", [(offset, beats, pitch)], loud - HUSH * (pitch >= near))

    loud = 44 + round(8 * state.density + 5 * ground.swell)
    # However detached, the others still sound when one moves on in the last quarter of the chord.
    sound = beats_of_bars(ground.left) * (1.0 - 0.24 * state.articulation)
    moving = ground.ornament
    notes: list[ScoreNote] = []
    if ground.fresh:
        sung_together = {pitch for i, pitch in enumerate(ground.pad) if moving is None or i != moving.voice}
        for pitch in sorted(sung_together):
            notes += sung(0.0, sound, pitch, loud)
        if moving is not None and moving.first not in sung_together:
            notes += sung(0.0, moving.beats, moving.first, loud - 2)
    if moving is not None and 0.0 <= (offset := moving.beats - beats_of_bars(ground.past)) < beats_of_bars(1):
        notes += sung(offset, max(1.0, sound - offset), moving.then, loud - 2)
    return notes


def strings_part(ground: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return two high voices of the chord, softer than the pad; over long chords they come later."""
    if not ground.fresh:
        return []
    beats = beats_of_bars(ground.left)
    # where the bass has a note on the third beat, the two could run in parallels
    late = LATE_BEATS if ground.left > 1 and state.density < 0.5 else 0.0
    loud = 34 + round(8 * state.density + 6 * ground.swell)
    sound = (beats - late) * (1.0 - 0.25 * state.articulation)
    return notes_of("strings", [(late, sound, pitch) for pitch in sorted(set(ground.strings))], loud)


def arpeggio_part(ground: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return broken chord tones: two in a bar at density 0, seven at 1, at the same places of each bar."""
    lowest = 60 + round(10 * state.register)
    # without the fifth the figure spans an octave and a half: root, third, colour
    open_tones = (*ground.chord.degrees[:2], *ground.chord.degrees[3:])
    tones = ground.scale.pitches(open_tones, lowest, lowest + 24)
    count = 2 + floor(5.0 * state.density + 0.5)
    walk = pick(seeded_rng(ground.seed, "walk", ground.phrase.theme), _ARPEGGIO_WALKS)
    eighths = sorted(_ARPEGGIO_GAIT[:count])
    loud = 32 + round(8 * state.density + 5 * ground.swell)
    notes = []
    for at, until in zip(eighths, [*eighths[1:], 8], strict=True):
        step = walk[(8 * ground.bar + at) % len(walk)]
        line = [(at / 2, (until - at) / 2, tones[min(step, len(tones) - 1)])]
        accent = 4 if at == 0 else 2 if at == 4 else 0
        notes += notes_of("arpeggio", line, loud + accent, state.articulation)
    return notes


def bells_part(ground: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return a bell every 23 eighths, so that it never falls twice on the same place of a phrase."""
    first = 8 * ground.bar
    strokes = [at for at in range(first, first + 8) if at % BELL_EVERY_EIGHTHS == BELL_EVERY_EIGHTHS // 2]
    notes = []
    for at in strokes:
        wanted = _BELL_DEGREES[at // BELL_EVERY_EIGHTHS % len(_BELL_DEGREES)]
        degree = wanted if wanted in ground.chord.degrees else ground.chord.degrees[2]
        pitch = ground.scale.pitches((degree,), 79, 90)[0]
        line = [((at - first) / 2, (8 - (at - first)) / 2, pitch)]
        notes += notes_of("bells", line, 34 + round(8 * state.brightness))
    return notes


def air_part(ground: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the tonic, or its fifth, very softly, through each phrase."""
    if ground.place:
        return []
    degree = 0 if ground.phrase.number % 2 == 0 or ground.scale.mode.steps[4] != 7 else 4
    pitch = ground.scale.pitches((degree,), 67, 78)[0]
    return held_chord(
        (pitch,), "air", 30 + round(6 * state.brightness), beats_of_bars(min(4, ground.phrase.bars))
    )


COUNTER_LOWEST, COUNTER_HIGHEST = 52, 66
ABOVE_BASS = 7
UNDER_MELODY = 3


class CounterMelody:
    """Writes the second voice bar by bar, each note near the one before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pitch = 60
        self._above: tuple[float, int] | None = None  # until when the melody's last note sounds, its pitch

    def bar(self, ground: BarContext, melody: list[ScoreNote], state: MusicState) -> list[ScoreNote]:
        """Return the second voice of a bar whose melody is known; none where it finds no room."""
        start = float(BEATS_PER_BAR * ground.bar)
        above = [note.pitch for note in melody]
        if self._above is not None and self._above[0] > start:
            above.append(self._above[1])
        if melody:
            self._above = (start + melody[-1].offset + melody[-1].duration, melody[-1].pitch)
        ceiling = min([COUNTER_HIGHEST + UNDER_MELODY, *above]) - UNDER_MELODY
        floor = max([COUNTER_LOWEST, *(pitch + ABOVE_BASS for _, pitch in ground.low.moves)])
        if ground.low.last is not None:
            floor = max(floor, ground.low.last + ABOVE_BASS)
        guides = (ground.chord.degrees[1], ground.chord.degrees[-1], *ground.chord.degrees)
        room = ground.scale.pitches(guides, floor, ceiling)
        if not room:
            return []
        answer = theme_motif(self._seed, ground.phrase.theme).figure if ground.breathing else (0, -1, 1)
        offsets = _counter_rhythm(ground, state.density)
        line = []
        for i, offset in enumerate(offsets):
            until = offsets[i + 1] if i + 1 < len(offsets) else float(BEATS_PER_BAR)
            goal = self._pitch + (2 * answer[i - 1] if i else 0)
            self._pitch = min(room, key=lambda pitch: (abs(pitch - goal) + 2 * (pitch == self._pitch), pitch))
            line.append((offset, until - offset, self._pitch))
        return notes_of(
            "counter", line, 38 + round(8 * state.density + 4 * ground.swell), 0.8 * state.articulation
        )


def _counter_rhythm(ground: BarContext, density: float) -> tuple[float, ...]:
    """Return where its notes begin: between the melody's at first, on the beats where it answers."""
    if ground.breathing:
        return (0.0, 1.0, 2.0) if density >= 0.6 else (0.0, 2.0) if density >= 0.2 else (1.0,)
    if density >= 0.7:
        return (1.0, 2.5)
    return (1.0,) if ground.place % 2 == 0 or density >= 0.35 else (0.0,)
