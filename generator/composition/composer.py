"""The composer: one bar of music at a time, from a MusicState and a seed; and the chords of the ending."""

from __future__ import annotations

from dataclasses import replace

from generator.composition.accompaniment import Accompaniment, BassLine, bass_part, lowest_layer
from generator.composition.bar_context import BarContext, notes_of
from generator.composition.form import BarPosition, Form, Phrase
from generator.composition.harmony import Chord, chord_vocabulary, resting_chord
from generator.composition.melody import MelodyWriter
from generator.composition.notation import BarScore, ScoreNote
from generator.composition.texture import (
    CounterMelody,
    air_part,
    arpeggio_part,
    bells_part,
    pad_part,
    strings_part,
)
from generator.state import BEATS_PER_BAR, LAYERS, Mode, MusicState, Piece

_ROLL = (0.0, 0.5, 1.0, 1.75)
"""Beats at which the last chord is rolled upwards."""

BELL_BEATS = 2.0


def leading_chord(
    ground: BarContext, line: BassLine, *, lowest: str, pitch: int, beats: float, state: MusicState
) -> list[ScoreNote]:
    """Return so many beats of the chord before the last, or of what of its predecessor still sounds."""
    notes = notes_of("melody", [(beats / 2, beats / 2, pitch)], 46, state.articulation)
    notes += notes_of(lowest, line, 50)
    if ground.fresh:
        notes += notes_of("pad", [(0.0, beats, tone) for tone in sorted(set(ground.pad))], 46)
        notes += notes_of("strings", [(0.0, beats, tone) for tone in sorted(set(ground.strings))], 36)
    return notes


def final_chord(
    ground: BarContext, *, land: float, beats: float, pitch: int, low: int, lowest: str
) -> list[ScoreNote]:
    """Return the tonic chord from beat `land` on, ringing until `beats` after the bar line."""
    rest = beats - land

    def ring(layer: str, pitches: tuple[int, ...], velocity: int) -> list[ScoreNote]:
        return notes_of(layer, [(land, rest, tone) for tone in sorted(set(pitches))], velocity)

    bottom = ground.pad[0] + 5
    rolled = ground.scale.pitches(ground.chord.degrees, bottom, bottom + 24)[: len(_ROLL)]
    tonic = ground.scale.pitches((0,), 79, 90)[0]
    notes = ring(lowest, (low,), 50)
    notes += ring("pad", ground.pad, 46)
    notes += ring("melody", (pitch,), 48)
    notes += ring("strings", ground.strings, 36)
    notes += ring("air", (ground.scale.pitches((0,), 67, 78)[0],), 32)
    notes += ring("counter", (ground.scale.pitches((4, 2), max(52, low + 7), 66)[0],), 38)
    for late, tone in zip(_ROLL, rolled, strict=False):
        if land + late < BEATS_PER_BAR:
            notes += notes_of("arpeggio", [(land + late, rest - late, tone)], 36)
    if land + BELL_BEATS < BEATS_PER_BAR:
        notes += notes_of("bells", [(land + BELL_BEATS, rest - BELL_BEATS, tonic)], 36)
    return notes


FIRST_LAYERS = 2
"""Layers with which music begins; then one more enters with every bar, or one leaves."""

_TEXTURES = (pad_part, arpeggio_part, strings_part, bells_part, air_part)


class Composer:
    """Writes the score bar by bar.

    The mode moves one rung of the ladder where a phrase begins, over a chord that both modes have; the pace
    of the harmony follows the density where a phrase begins; all else follows the state at each bar line.
    Every random choice follows from the seed of the piece.
    """

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._register_range = piece.register_range
        self._form = Form(piece.seed)
        self._accompaniment = Accompaniment(piece.seed, piece.tonic)
        self._melodist = MelodyWriter(piece.seed)
        self._second = CounterMelody(piece.seed)
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
        state = self._within_bounds(state)
        phrase = self._latch_phrase(state)
        layers = self._latch_layers(state.layers)
        line, ground = self._accompaniment.bar(
            BarPosition.of(self._bar, phrase, self._place), state, layers=layers
        )
        melody = self._melodist.bar(ground, state)
        notes = [
            *melody,
            *bass_part(line, lowest_layer(self._layers), ground.swell, state),
            *self._second.bar(ground, melody if "melody" in layers else [], state),
        ]
        for layer in _TEXTURES:
            notes += layer(ground, state)
        self._place += 1
        return self._score(ground, notes)

    def cadence(self, state: MusicState, *, land: float, beats: float) -> BarScore:
        """Return a bar of the ending.

        Parameters
        ----------
        state : MusicState
            In force.
        land : float
            Beat of this bar on which the tonic chord lands: 0 to 4. Up to there a chord leads to it, or what
            still sounds of the one before. At 4 the tonic is left to the next bar.
        beats : float
            For how long the tonic chord rings, counted from this bar line.
        """
        state = self._within_bounds(state)
        phrase = self._phrase or self._latch_phrase(state)
        sparse = replace(state, density=0.0)
        going_on = self._place < phrase.bars and phrase.place(self._place)[1] > 0
        notes: list[ScoreNote] = []
        if land > 0:
            way = chord_vocabulary(phrase.mode).ways_home[0][0]
            place = BarPosition.of(self._bar, phrase, self._place) if going_on else self._alone(phrase, way)
            line, ground = self._accompaniment.bar(place, sparse, layers=self._layers)
            pitch = self._melodist.step_home(ground, state)
            line = [(offset, land, root) for offset, _, root in line]
            notes += leading_chord(
                ground, line, lowest=lowest_layer(self._layers), pitch=pitch, beats=land, state=state
            )
            notes += [note for note in arpeggio_part(ground, state) if note.offset < land]
        # The lowest voice sings the tonic, whatever it still holds.
        self._accompaniment.release()
        if land < BEATS_PER_BAR:
            place = self._alone(phrase, resting_chord(phrase.mode))
            line, ground = self._accompaniment.bar(place, sparse, layers=self._layers)
            pitch = self._melodist.come_home(ground, state)
            notes += final_chord(
                ground, land=land, beats=beats, pitch=pitch, low=line[0][2], lowest=lowest_layer(self._layers)
            )
        self._place = phrase.bars
        return self._score(ground, notes)

    def _alone(self, phrase: Phrase, chord: Chord) -> BarPosition:
        """Return a bar with a chord of its own after a phrase that was broken off."""
        return BarPosition(
            bar=self._bar, phrase=phrase, place=phrase.bars, chord=chord, following=chord, past=0, left=1
        )

    def _within_bounds(self, state: MusicState) -> MusicState:
        low, high = self._register_range
        return replace(state, register=min(max(state.register, low), high))

    def _latch_phrase(self, state: MusicState) -> Phrase:
        if self._phrase is None or self._place == self._phrase.bars:
            self._phrase = self._form.next(Mode.of(state.mode), state.density)
            self._melodist.begin(self._phrase)
            self._accompaniment.begin()
            self._place = 0
        return self._phrase

    def _latch_layers(self, asked: int) -> tuple[str, ...]:
        wanted = min(int(asked), len(self._piece.layers))
        if not self._layers:
            self._layers = self._piece.layers[: min(wanted, FIRST_LAYERS)]
        elif wanted != (now := len(self._layers)):
            self._layers = self._piece.layers[: now + (1 if wanted > now else -1)]
        return self._layers

    def _score(self, ground: BarContext, notes: list[ScoreNote]) -> BarScore:
        played = [note for note in notes if note.layer in self._layers]
        played.sort(key=lambda note: (note.offset, LAYERS.index(note.layer), note.pitch))
        self._bar += 1
        return BarScore(
            index=ground.bar,
            phrase=ground.phrase.number,
            place=ground.place,
            mode=ground.scale.mode,
            chord=ground.chord,
            layers=self._layers,
            notes=tuple(played),
        )
