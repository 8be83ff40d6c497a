"""The melody: the tune of a phrase, sung at the height asked for and fitted to its chords.

A phrase comes with its tune in steps of the scale. The cheapest line near it is searched: near to the tune
and to its moves, in the chords, without a semitone over what sounds. The prices below are our convention.
A hard rule (range, parallels, rubs) costs more than all soft ones of a note together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from generator.composition.bar_context import BarContext
from generator.composition.form import LONGEST_BEATS, Form, Phrase, melody_centre
from generator.composition.harmonisation import rubs_chord
from generator.composition.harmony import Chord, Scale
from generator.composition.notation import ScoreNote
from generator.composition.themes import EIGHTHS, STRONG, LineTone, strength
from generator.composition.touch import arch, wander
from generator.composition.voice_leading import SoundingNote, rubs
from generator.state import MusicState

WIDEST = 5
"""Steps of the scale from a note to the next, at most: a sixth."""

WIDEST_SEMITONES = 9
LOWEST = 60
_NEAR = 2
"""Steps around the tune within which the line is searched."""

_BELOW_RANGE = 40.0
_TOO_WIDE = 30.0
_RUB = 12.0
_PARALLEL = 8.0
_TRITONE, _TRITONE_SEMITONES = 3.0, 6
_OFF_TUNE = 2.4
"""Cost of each step from the tune, and of each step by which a move differs from the tune's."""

_OUTSIDE_CHORD = 0.3
_OUTSIDE_LONG, _LONG_BEATS = 0.9, 1.5
_OUTSIDE_STRONG = 0.35
_ARRIVAL_OUTSIDE = 4.0
_TOLERABLE = 0.5
"""Below this cost a note is sung as planned."""

SOFTEST, LOUDEST = 22, 104


class _Sung(NamedTuple):
    """A note of the line: eighths from the beginning of the phrase, tone of the scale, length in beats."""

    at: float
    tone: int
    beats: float


class _Moment(NamedTuple):
    """A note to be fitted: its place, the tone of the tune, its chord, its length, and its kind."""

    at: float
    tone: int
    chord: Chord
    begins_chord: bool
    beats: float
    strong: bool
    arrives: bool


class MelodyWriter:
    """Writes the melody bar by bar; the same piece and states give the same melody."""

    def __init__(self, seed: int, form: Form) -> None:
        self._seed = seed
        self._form = form
        self._tone: int | None = None
        self._pitch: int | None = None
        self._phrase: Phrase | None = None
        self._sung: list[_Sung] = []
        self._planned_for: tuple[float, int] | None = None

    def begin(self, phrase: Phrase) -> None:
        """Begin a phrase."""
        self._phrase = phrase
        self._planned_for = None

    def plan(self, place: int, state: MusicState) -> None:
        """Fit the tune from a bar of the phrase on, where the state is another than it was fitted for."""
        phrase = self._phrase
        if phrase is None:
            raise ValueError("begin(phrase) must be called before the first bar of a phrase")
        shift = phrase.shift if place == 0 else self._form.shift(phrase, state.register)
        if self._planned_for == (state.density, shift):
            return
        start = EIGHTHS[phrase.metre] * place
        moments = [m for m in _moments(phrase, state.density, shift) if m.at >= start]
        kept = [note for note in self._sung if note.at < start] if place else []
        tones = self._fit(moments, phrase)
        self._sung = kept + [_Sung(m.at, tone, m.beats) for m, tone in zip(moments, tones, strict=True)]
        self._planned_for = state.density, shift

    def heard(self, place: int, bars: int) -> list[SoundingNote]:
        """Return what the melody will sing in so many bars from a bar of the phrase on."""
        phrase = self._phrase
        if phrase is None:
            return []
        bar = EIGHTHS[phrase.metre]
        scale = phrase.scale
        return [
            SoundingNote(scale.pitch(note.tone), note.beats)
            for note in self._sung
            if bar * place <= note.at < bar * (place + bars)
        ]

    def bar(self, context: BarContext, state: MusicState) -> list[ScoreNote]:
        """Return the melody of a bar; it may be empty."""
        bar = EIGHTHS[context.phrase.metre]
        start = bar * context.place
        notes = []
        for i, sung in enumerate(self._sung):
            if start <= sung.at < start + bar:
                offset = (sung.at - start) / 2
                tone = self._settle(sung, offset, context)
                if tone != sung.tone:
                    self._sung[i] = sung._replace(tone=tone)
                self._tone, self._pitch = tone, context.scale.pitch(tone)
                notes.append(self._note(sung, offset, self._pitch, context, state))
        return notes

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
        held = (*context.pad, *context.strings)

        def cost(tone: int) -> tuple[float, int]:
            pitch = context.scale.pitch(tone)
            far = abs(tone - here) + 0.5 * (tone == here) + _BELOW_RANGE * (pitch < LOWEST)
            far += _RUB * any(rubs(pitch, other) for other in held)
            return far + _BELOW_RANGE * low.parallel(self._pitch, pitch), tone

        self._tone = min(tones, key=cost)
        self._pitch = context.scale.pitch(self._tone)
        return self._pitch

    def _fit(self, moments: Sequence[_Moment], phrase: Phrase) -> list[int]:
        """Return the cheapest tones for the notes of a tune, by dynamic programming."""
        scale = phrase.scale
        # For each tone of the last note: its cost, the tones so far.
        best: dict[int, tuple[float, tuple[int, ...]]] = {}
        before: _Moment | None = None
        for moment in moments:
            longer: dict[int, tuple[float, tuple[int, ...]]] = {}
            for tone in range(moment.tone - _NEAR, moment.tone + _NEAR + 1):
                own = _fitness(tone, moment, scale)
                if before is None:
                    longer[tone] = own + self._entry(tone, scale), (tone,)
                    continue
                longer[tone] = min(
                    (
                        past + own + _move(was, before, tone, moment, scale),
                        (*path, tone),
                    )
                    for was, (past, path) in best.items()
                )
            best, before = longer, moment
        return list(min(best.values())[1]) if best else []

    def _entry(self, tone: int, scale: Scale) -> float:
        """Return the cost of the first note of a phrase after the last one of the phrase before."""
        if self._pitch is None:
            return 0.0
        leap = abs(scale.pitch(tone) - self._pitch)
        return _TOO_WIDE * (leap > WIDEST_SEMITONES) + 0.05 * leap + _TRITONE * (leap == _TRITONE_SEMITONES)

    def _settle(self, sung: _Sung, offset: float, context: BarContext) -> int:
        """Return the tone as it can be sung over what really sounds: the tune's, or one near it."""
        if self._clash(sung.tone, sung, offset, context) < _TOLERABLE:
            return sung.tone
        here = sung.tone if self._tone is None else self._tone
        tones = range(min(here, sung.tone) - WIDEST, max(here, sung.tone) + WIDEST + 1)
        return min(tones, key=lambda tone: (self._clash(tone, sung, offset, context), tone))

    def _clash(self, tone: int, sung: _Sung, offset: float, context: BarContext) -> float:
        pitch = context.scale.pitch(tone)
        leap = 0 if self._pitch is None else abs(pitch - self._pitch)
        cost = (
            1.0 * abs(tone - sung.tone) + _BELOW_RANGE * (pitch < LOWEST) + 60.0 * (leap > WIDEST_SEMITONES)
        )
        cost += _TRITONE * (leap == _TRITONE_SEMITONES)
        cost += 60.0 * context.low.at(offset).parallel(self._pitch, pitch)
        cost += 12.0 * context.rubbing_beats(pitch, offset, sung.beats)
        if tone != sung.tone:
            cost += 0.8 * (tone % 7 not in context.chord.degrees)
        return cost

    def _note(
        self, sung: _Sung, offset: float, pitch: int, context: BarContext, state: MusicState
    ) -> ScoreNote:
        return ScoreNote(
            offset=offset,
            duration=sung.beats * (1.0 - 0.5 * state.articulation),
            pitch=pitch,
            velocity=self._velocity(sung, pitch, context, state),
            layer="melody",
        )

    def _velocity(self, sung: _Sung, pitch: int, context: BarContext, state: MusicState) -> int:
        """Return how loud a note is: with the phrase, its height, the metre, and a slow movement."""
        phrase = context.phrase
        bar = EIGHTHS[phrase.metre]
        # Arriving, a phrase is soft; its peak lies before the middle.
        position = sung.at / max(1, bar * (phrase.arrival + 1))
        loud = 44.0 + 14.0 * state.density + 28.0 * (arch(position) - 0.5)
        loud += 1.6 * strength(phrase.metre, sung.at)
        loud += 0.9 * (pitch - melody_centre(state.register))
        loud += 14.0 * wander(self._seed, "loud", context.bar * phrase.metre.bar + sung.at % bar / 2)
        loud += 3.0 * (sung.beats >= _LONG_BEATS)
        return min(LOUDEST, max(SOFTEST, round(loud)))


def _moments(phrase: Phrase, density: float, shift: int) -> list[_Moment]:
    """Return the notes of a phrase that sound at a density, with what they must fit."""
    bar = EIGHTHS[phrase.metre]
    sung: list[LineTone] = [note for note in phrase.line if note.needed <= density]
    arrival = max((note.at for note in phrase.line if note.needed == 0.0), default=-1)
    moments = []
    for i, note in enumerate(sung):
        span, past = phrase.place(int(note.at // bar))
        begins = note.at % bar == 0 and past == 0
        ends = (int(note.at // bar) - past + span.bars) * bar
        until = min(sung[i + 1].at if i + 1 < len(sung) else ends, ends)
        moments.append(
            _Moment(
                note.at,
                note.tone + shift,
                span.chord,
                begins,
                min((until - note.at) / 2, LONGEST_BEATS),
                strength(phrase.metre, note.at) >= STRONG,
                note.at == arrival,
            )
        )
    return moments


def _fitness(tone: int, moment: _Moment, scale: Scale) -> float:
    """Return the cost of a tone over its chord: the longer and stronger a note, the better it must fit."""
    degree = tone % 7
    cost = _OFF_TUNE * abs(tone - moment.tone) + _BELOW_RANGE * (scale.pitch(tone) < LOWEST)
    if rubs_chord(degree, moment.chord, scale.mode):
        cost += _RUB
    if degree not in moment.chord.degrees:
        cost += _OUTSIDE_CHORD + _OUTSIDE_LONG * (moment.beats >= _LONG_BEATS)
        cost += _OUTSIDE_STRONG * moment.strong + _ARRIVAL_OUTSIDE * moment.arrives
    return cost


def _move(was: int, before: _Moment, tone: int, moment: _Moment, scale: Scale) -> float:
    """Return the cost of a move: how unlike the tune's it is, and whether it can be sung."""
    move = tone - was
    here, there = scale.pitch(was), scale.pitch(tone)
    cost = _OFF_TUNE * abs(move - (moment.tone - before.tone))
    cost += _TOO_WIDE * (abs(move) > WIDEST or abs(there - here) > WIDEST_SEMITONES)
    cost += _TRITONE * (abs(there - here) == _TRITONE_SEMITONES)
    if moment.begins_chord and move and before.chord.bass != moment.chord.bass:
        above = (there - scale.pitch(moment.chord.bass)) % 12
        cost += _PARALLEL * (above in (0, 7) and (here - scale.pitch(before.chord.bass)) % 12 == above)
    return cost
