"""The counter-melody: a quiet line below the melody, which answers where the melody rests."""

from __future__ import annotations

from itertools import pairwise

from generator.composition.bar_context import BarContext, notes_of
from generator.composition.notation import LineNote, ScoreNote
from generator.composition.voice_leading import rubs
from generator.state import Metre, MusicState

COUNTER_LOWEST, COUNTER_HIGHEST = 52, 66
ABOVE_BASS = 7
UNDER_MELODY = 3

# Densities from which the counter-melody answers a resting melody with two and three notes, and from which it
# has a note on the second beat of every bar, and a further one, while the melody plays (our convention).
_ANSWER_TWO, _ANSWER_THREE = 0.2, 0.6
_EVERY_BAR, _TWO_TO_A_BAR = 0.35, 0.7


class CounterMelody:
    """Writes the counter-melody bar by bar, each note near the one before.

    Where the melody rests, it answers with the first moves of the theme.
    """

    def __init__(self) -> None:
        self._pitch = 60
        self._above: tuple[float, int] | None = None  # end and pitch of the melody's last note

    def bar(self, context: BarContext, melody: list[ScoreNote], state: MusicState) -> list[ScoreNote]:
        """Return the counter-melody of a bar, given its melody; empty where there is no room for it."""
        start = context.beats * context.bar
        above = [note.pitch for note in melody]
        ringing = [LineNote(note.offset, note.duration, note.pitch) for note in melody]
        if self._above is not None and self._above[0] > start:
            above.append(self._above[1])
            ringing.append(LineNote(0.0, self._above[0] - start, self._above[1]))
        if melody:
            self._above = (start + melody[-1].offset + melody[-1].duration, melody[-1].pitch)
        ceiling = min([COUNTER_HIGHEST + UNDER_MELODY, *above]) - UNDER_MELODY
        lows: list[int | None] = [note.pitch for note in context.low.line] or [context.low.before]
        floor = max(COUNTER_LOWEST, *(low + ABOVE_BASS for low in lows if low is not None))
        guides = (context.chord.degrees[1], context.chord.degrees[-1], *context.chord.degrees)
        room = context.scale.pitches(guides, floor, ceiling)
        if not room:
            return []
        answer = _answer(context) if context.melody_rests else (0, -1, 1)
        offsets = _counter_rhythm(context, state.density)
        line: list[LineNote] = []
        for i, offset in enumerate(offsets):
            beats = (offsets[i + 1] if i + 1 < len(offsets) else context.beats) - offset
            clean = [pitch for pitch in room if not _rubs_in(pitch, offset, beats, context, ringing)]
            if not clean:
                continue
            goal = self._pitch + (2 * answer[i - 1] if i else 0)
            self._pitch = min(
                clean, key=lambda pitch: (abs(pitch - goal) + 2 * (pitch == self._pitch), pitch)
            )
            line.append(LineNote(offset, beats, self._pitch))
        return notes_of(
            "counter", line, 36 + round(8 * state.density + 9 * context.swell), 0.8 * state.articulation
        )


def _rubs_in(pitch: int, offset: float, beats: float, context: BarContext, ringing: list[LineNote]) -> bool:
    """Return whether a note would rub against the melody, or what is held, while it sounds."""
    return context.rubbing_beats(pitch, offset, beats, strings="strings" in context.layers) > 0.0 or any(
        rubs(pitch, note.pitch) and note.offset < offset + beats and offset < note.offset + note.beats
        for note in ringing
    )


def _answer(context: BarContext) -> tuple[int, ...]:
    """Return the first moves of the theme, in steps of the scale."""
    tones = [note.tone for note in context.phrase.line if note.needed < 1.0][:4]
    return tuple(b - a for a, b in pairwise(tones)) or (0,)


# Offsets of its notes in beats: one, two and three that answer a resting melody; between the melody's notes.
_ANSWERS = {
    Metre.COMMON: ((1.0,), (0.0, 2.0), (0.0, 1.0, 2.0)),
    Metre.WALTZ: ((1.0,), (0.0, 2.0), (0.0, 1.0, 2.0)),
    Metre.COMPOUND: ((1.5,), (0.0, 1.5), (0.0, 1.0, 1.5)),
}
_BETWEEN = {Metre.COMMON: (1.0, 2.5), Metre.WALTZ: (1.0, 2.5), Metre.COMPOUND: (1.0, 2.0)}


def _counter_rhythm(context: BarContext, density: float) -> tuple[float, ...]:
    """Return where its notes begin: on the beats where it answers, else between the melody's notes."""
    metre = context.phrase.metre
    if context.melody_rests:
        return _ANSWERS[metre][(density >= _ANSWER_TWO) + (density >= _ANSWER_THREE)]
    one, two = _BETWEEN[metre]
    if density >= _TWO_TO_A_BAR:
        return (one, two)
    return (one,) if context.place % 2 == 0 or density >= _EVERY_BAR else (0.0,)
