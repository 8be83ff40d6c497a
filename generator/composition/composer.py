"""The composer: one bar of music at a time, from a MusicState and a seed; and the chords of the ending.

>>> composer = Composer(Piece(seed=1))
>>> bar = composer.bar(MusicState(tempo_bpm=60, layers=2, density=0.4))
>>> bar.mode.name, bar.chord.name, bar.layers
('MIXOLYDIAN', 'I9', ('pad', 'melody'))
>>> [(note.offset, note.pitch) for note in bar.notes if note.layer == "melody"]
[(0.0, 72), (2.0, 74)]
"""

from __future__ import annotations

from dataclasses import replace

from generator.composition.accompaniment import Accompaniment, arpeggio_part, texture
from generator.composition.bar_context import BarContext, held_chord, notes_of
from generator.composition.counter_melody import CounterMelody
from generator.composition.form import BarPosition, Form, Phrase
from generator.composition.harmony import Chord, chord_vocabulary, resting_chord
from generator.composition.melody import MelodyWriter
from generator.composition.notation import BarScore, LineNote, ScoreNote
from generator.composition.sections import shaped
from generator.composition.touch import touched
from generator.state import LAYERS, Mode, MusicState, Piece

_ROLL = (0.0, 0.5, 1.0, 1.75)
"""Beats at which the tones of the last chord begin, from the lowest upwards."""

BELL_BEATS = 2.0


def leading_chord(context: BarContext, *, pitch: int, beats: float, articulation: float) -> list[ScoreNote]:
    """Return so many beats of the chord before the last; tones held from the chord before it go on."""
    line = [LineNote(offset, beats, root) for offset, _, root in context.low.line]
    notes = notes_of("melody", [LineNote(beats / 2, beats / 2, pitch)], 46, articulation)
    notes += notes_of(context.lowest, line, 50)
    if context.chord_begins:
        notes += held_chord(context.pad, "pad", 46, beats)
        notes += held_chord(context.strings, "strings", 36, beats)
    return notes


def final_chord(context: BarContext, *, land: float, beats: float, pitch: int) -> list[ScoreNote]:
    """Return the tonic chord from beat `land` on, ringing until `beats` after the bar line."""
    rest = beats - land

    def ring(layer: str, pitches: tuple[int, ...], velocity: int) -> list[ScoreNote]:
        return held_chord(pitches, layer, velocity, rest, land)

    low = context.low.line[0].pitch
    bottom = context.pad[0] + 5
    rolled = context.scale.pitches(context.chord.degrees, bottom, bottom + 24)[: len(_ROLL)]
    tonic = context.scale.pitches((0,), 79, 90)[0]
    notes = ring(context.lowest, (low,), 50)
    notes += ring("pad", context.pad, 46)
    notes += ring("melody", (pitch,), 48)
    notes += ring("strings", context.strings, 36)
    notes += ring("air", (context.scale.pitches((0,), 67, 78)[0],), 32)
    notes += ring("counter", (context.scale.pitches((4, 2), max(52, low + 7), 66)[0],), 38)
    for late, tone in zip(_ROLL, rolled, strict=False):
        if land + late < context.beats:
            notes += notes_of("arpeggio", [LineNote(land + late, rest - late, tone)], 36)
    if land + BELL_BEATS < context.beats:
        notes += notes_of("bells", [LineNote(land + BELL_BEATS, rest - BELL_BEATS, tonic)], 36)
    return notes


VELOCITY_PER_DB = 4.5
"""Velocity by which the notes of a softer section are softer, beside its level: people play softer so."""

FIRST_LAYERS = 2
"""Layers with which the music begins; then one enters or leaves with every bar."""


class Composer:
    """Writes the score bar by bar.

    Where a phrase begins, the mode moves to the neighbouring one, over a chord that both modes have, and the
    pace of the harmony follows the density. Everything else follows the state at each bar line. Every random
    choice follows from the seed of the piece.

    Parameters
    ----------
    piece : Piece
        Tonic, layers, register and seed.
    """

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._form = Form(piece)
        self._accompaniment = Accompaniment(piece.seed, piece.palette)
        self._melody = MelodyWriter(piece.seed, self._form)
        self._counter_melody = CounterMelody()
        self._bar = 0
        self._phrase: Phrase | None = None
        self._place = 0
        self._layers: tuple[str, ...] = ()

    def begin_anew(self) -> None:
        """Begin a new phrase with the next bar, as after a silence."""
        self._phrase = None
        self._form.begin_anew()

    def bar(self, state: MusicState) -> BarScore:
        """Return the next bar, composed for the state at its bar line."""
        asked = state
        state = self._within_bounds(shaped(state, self._form.sections.arc))
        phrase = self._latch_phrase(state)
        layers = self._latch_layers(state.layers)
        place = BarPosition.of(self._bar, phrase, self._place)
        self._melody.plan(self._place, state)
        context = self._accompaniment.bar(
            place,
            state,
            layers=layers,
            melody=self._melody.heard(self._place, 1),
            ahead=self._melody.heard(self._place, place.left),
        )
        melody = self._melody.bar(context, state)
        notes = melody + texture(context, state)
        notes += self._counter_melody.bar(context, melody if context.has_melody else [], state)
        self._place += 1
        score = self._score(context, notes, state)
        self._form.sections.advance(phrase.metre.pulses * 60.0 / asked.tempo_bpm)
        return score

    def cadence(self, state: MusicState, *, land: float, beats: float) -> BarScore:
        """Return a bar of the ending.

        Parameters
        ----------
        state : MusicState
            The state at the bar line.
        land : float
            Beat of this bar on which the tonic chord begins, 0 to 4. Before it a chord leads to the tonic, or
            the chord before still sounds. With 4, the tonic begins in the next bar.
        beats : float
            How long the tonic chord rings, counted from this bar line.
        """
        state = self._within_bounds(state)
        phrase = self._phrase or self._latch_phrase(state)
        sparse = replace(state, density=0.0)
        going_on = self._place < phrase.bars and phrase.place(self._place)[1] > 0
        notes: list[ScoreNote] = []
        if land > 0:
            way = chord_vocabulary(phrase.mode).ways_home[0][0]
            place = BarPosition.of(self._bar, phrase, self._place) if going_on else self._alone(phrase, way)
            context = self._accompaniment.bar(place, sparse, layers=self._layers)
            pitch = self._melody.step_home(context, state)
            notes += leading_chord(context, pitch=pitch, beats=land, articulation=state.articulation)
            notes += [note for note in arpeggio_part(context, state) if note.offset < land]
        # The lowest voice begins the tonic even where it still holds another note.
        self._accompaniment.release()
        if land < self._piece.bar_metre.bar:
            place = self._alone(phrase, resting_chord(phrase.mode))
            context = self._accompaniment.bar(place, sparse, layers=self._layers)
            pitch = self._melody.come_home(context, state)
            notes += final_chord(context, land=land, beats=beats, pitch=pitch)
        self._place = phrase.bars
        return self._score(context, notes, state)

    def _alone(self, phrase: Phrase, chord: Chord) -> BarPosition:
        """Return a bar with a chord of its own, after a phrase that was cut short."""
        return BarPosition(
            bar=self._bar, phrase=phrase, place=phrase.bars, chord=chord, following=chord, past=0, left=1
        )

    def _within_bounds(self, state: MusicState) -> MusicState:
        low, high = self._piece.register_range
        return replace(state, register=min(max(state.register, low), high))

    def _latch_phrase(self, state: MusicState) -> Phrase:
        if self._phrase is None or self._place == self._phrase.bars:
            self._phrase = self._form.next(Mode.of(state.mode), state)
            self._melody.begin(self._phrase)
            self._place = 0
        return self._phrase

    def _latch_layers(self, asked: int) -> tuple[str, ...]:
        wanted = min(int(asked), len(self._piece.layers))
        if not self._layers:
            self._layers = self._piece.layers[: min(wanted, FIRST_LAYERS)]
        elif wanted != (now := len(self._layers)):
            self._layers = self._piece.layers[: now + (1 if wanted > now else -1)]
        return self._layers

    def _score(self, context: BarContext, notes: list[ScoreNote], state: MusicState) -> BarScore:
        played = [note for note in notes if note.layer in self._layers]
        played.sort(key=lambda note: (note.offset, LAYERS.index(note.layer), note.pitch))
        phrase, beat = context.phrase, context.bar * context.beats
        arc = self._form.sections.arc
        played = touched(
            played,
            seed=self._piece.seed,
            beat=beat,
            strict=state.density,
            softer=-VELOCITY_PER_DB * arc.level_db,
        )
        self._bar += 1
        return BarScore(
            index=context.bar,
            phrase=phrase.number,
            place=context.place,
            mode=phrase.mode,
            chord=context.chord,
            layers=self._layers,
            notes=tuple(played),
            tonic=phrase.tonic,
            metre=phrase.metre,
            section=phrase.section.number,
            section_kind=phrase.section.kind,
            arc=arc,
        )
