"""The composer: one bar of music at a time, from what is asked for and a seed."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from generator import bass, ending, texture
from generator.counter import Second
from generator.form import Form, Phrase
from generator.ground import Ground, Low
from generator.harmony import Chord, Scale, idiom, resting_chord
from generator.melody import Melodist
from generator.notation import BarScore, ScoreNote, chance, pick
from generator.state import BEATS_PER_BAR, LAYERS, Mode, MusicState, Piece
from generator.voicing import Choir, Ornament, ornaments

FIRST_LAYERS = 2
"""Layers with which music begins; then one more enters with every bar, or one leaves."""

_PAD = Choir(voices=4, low=59, high=75, gap=5.0)
_STRINGS = Choir(voices=2, low=72, high=86, gap=5.0)
_TEXTURES = (texture.pad, texture.arpeggio, texture.strings, texture.bells, texture.air)


class Composer:
    """Writes the score bar by bar.

    The mode moves one rung of the ladder where a phrase begins, over a chord that both modes have; the pace
    of the harmony follows the density where a phrase begins; all else follows the state at each bar line.
    Every random choice follows from the seed of the piece.
    """

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._tonic = piece.tonic
        self._register_range = piece.register_range
        self._form = Form(piece.seed)
        self._melodist = Melodist(piece.seed)
        self._second = Second(piece.seed)
        self._bar = 0
        self._phrase: Phrase | None = None
        self._place = 0
        self._layers: tuple[str, ...] = ()
        self._pad: tuple[int, ...] | None = None
        self._strings: tuple[int, ...] | None = None
        self._ornament: Ornament | None = None
        self._low: int | None = None
        self._held = 0  # bars for which the lowest voice still holds its note

    def begin_anew(self) -> None:
        """Begin a new phrase with the next bar, as after a silence."""
        self._phrase = None
        self._form.begin_anew()

    def bar(self, state: MusicState) -> BarScore:
        """Return the next bar, composed for the state at its bar line."""
        state = self._within_bounds(state)
        phrase = self._latch_phrase(state)
        layers = self._latch_layers(state.layers)
        span, past = phrase.place(self._place)
        line, ground = self._stand(phrase, span.chord, past, span.bars - past, state)
        melody = self._melodist.bar(ground, state)
        notes = [
            *melody,
            *bass.bass(line, self._lowest_layer, ground.swell, state),
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
        scale = Scale(self._tonic, phrase.mode)
        notes: list[ScoreNote] = []
        going_on = self._place < phrase.bars and phrase.place(self._place)[1] > 0
        span, past = phrase.place(min(self._place, phrase.bars - 1))
        if land > 0:
            chord = span.chord if going_on else idiom(phrase.mode).ways_home[0][0]
            line, ground = self._stand(phrase, chord, past if going_on else 0, 1, replace(state, density=0.0))
            line = [(offset, land, pitch) for offset, _, pitch in line]
            pitch = self._melodist.step_home(scale, ground.low.at(land / 2), state)
            notes += ending.way_home(
                ground, line, lowest=self._lowest_layer, pitch=pitch, beats=land, state=state
            )
            notes += [note for note in texture.arpeggio(ground, state) if note.offset < land]
            self._held = 0
        if land < BEATS_PER_BAR:
            chord = resting_chord(phrase.mode)
            line, ground = self._stand(phrase, chord, 0, 1, replace(state, density=0.0))
            pitch = self._melodist.come_home(scale, ground.low.at(0.0), state)
            notes += ending.home(
                ground, land=land, beats=beats, pitch=pitch, low=line[0][2], lowest=self._lowest_layer
            )
        self._place = phrase.bars
        return self._score(ground, notes)

    def _within_bounds(self, state: MusicState) -> MusicState:
        low, high = self._register_range
        return replace(state, register=min(max(state.register, low), high))

    def _latch_phrase(self, state: MusicState) -> Phrase:
        if self._phrase is None or self._place == self._phrase.bars:
            self._phrase = self._form.next(Mode.of(state.mode), state.density)
            self._melodist.begin(self._phrase)
            self._place = 0
        return self._phrase

    def _latch_layers(self, asked: int) -> tuple[str, ...]:
        wanted = min(int(asked), len(self._piece.layers))
        if not self._layers:
            self._layers = self._piece.layers[: min(wanted, FIRST_LAYERS)]
        elif wanted != (now := len(self._layers)):
            self._layers = self._piece.layers[: now + (1 if wanted > now else -1)]
        return self._layers

    @property
    def _lowest_layer(self) -> str:
        return "bass" if "bass" in self._layers else "pad"

    def _stand(
        self, phrase: Phrase, chord: Chord, past: int, left: int, state: MusicState
    ) -> tuple[bass.Line, Ground]:
        """Return the lowest voice of a bar and what all parts of it stand on."""
        scale = Scale(self._tonic, phrase.mode)
        following = phrase.place(min(self._place + 1, phrase.bars - 1))[0].chord
        line: bass.Line = []
        if self._held == 0 and self._lowest_layer == "bass":
            third = chance(self._piece.seed, "bass", self._bar).random() < 0.3
            line = bass.line(
                scale, chord, following, past=past, left=left, density=state.density, third=third
            )
        elif self._held == 0:  # the pad stands on its own root
            line = bass.foundation(scale, chord, left)
        if line:
            self._held = ceil(line[0][1] / BEATS_PER_BAR)
        self._held -= 1
        low = Low(self._low, tuple((offset, pitch) for offset, _, pitch in line))
        before = self._pad
        if past == 0 or self._pad is None:
            outer = low.at(0.0)
            shift = 6.0 * (state.register - 0.5)
            self._pad = _PAD.lead(self._pad, chord, scale, outer, shift)
            self._ornament = self._adorn(before, self._pad, chord, scale, left)
            self._strings = _STRINGS.lead(self._strings, chord, scale, outer, shift)
        self._low = low.last
        ground = Ground(
            seed=self._piece.seed,
            bar=self._bar,
            phrase=phrase,
            place=self._place,
            scale=scale,
            chord=chord,
            past=past,
            left=left,
            low=low,
            pad=self._pad,
            strings=self._strings or (),
            ornament=self._ornament,
        )
        if self._ornament is not None and left == 1:  # the next chord begins where this one ends
            self._pad = self._ornament.after(self._pad)
        return line, ground

    def _adorn(
        self, before: tuple[int, ...] | None, now: tuple[int, ...], chord: Chord, scale: Scale, left: int
    ) -> Ornament | None:
        """Return what the pad does within a chord: most often nothing in a short one, something in a long."""
        rng = chance(self._piece.seed, "ornament", self._bar)
        if rng.random() > (0.4 if left == 1 else 0.85):
            return None
        # a chord tone of the mode before would be foreign in the first bar of a new one
        ways = ornaments(before if self._place else None, now, chord, scale, float(BEATS_PER_BAR * left))
        return pick(rng, ways) if ways else None

    def _score(self, ground: Ground, notes: list[ScoreNote]) -> BarScore:
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
