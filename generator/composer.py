"""The composer: one bar of music at a time, from what is asked for and a seed."""

from __future__ import annotations

from dataclasses import replace

from generator import texture
from generator.harmony import Chord, Scale, step_towards, strain, tonic_chord
from generator.melody import Melodist
from generator.notation import BarScore, ScoreNote
from generator.state import LAYERS, Mode, MusicState, Piece
from generator.texture import Ground
from generator.voicing import Choir

PHRASE_BARS = 4
PERIOD_BARS = 8
FAST_HARMONY = 0.5
"""Density from which chords may change every bar; below it they stay for two."""

_PAD = Choir(voices=4, low=54, high=72, gap=5.0)
_STRINGS = Choir(voices=2, low=72, high=86, gap=5.0)
_TEXTURES = (
    texture.pad,
    texture.bass,
    texture.arpeggio,
    texture.counter,
    texture.strings,
    texture.bells,
    texture.air,
)


class Composer:
    """Writes the score bar by bar.

    The mode moves one rung of the ladder at a phrase (four bars), and then a new period of eight bars
    begins on the tonic chord, whose tones are common to neighbouring modes; all else follows the state at
    each bar line. Every random choice follows from the seed of the piece.
    """

    def __init__(self, piece: Piece) -> None:
        self._tonic = piece.tonic
        self._melodist = Melodist(piece.seed)
        self._bar = 0
        self._period = 0
        self._place = 0
        self._mode: Mode | None = None
        self._chord: Chord | None = None
        self._chord_left = 0
        self._pad: tuple[int, ...] | None = None
        self._strings: tuple[int, ...] | None = None

    def bar(self, state: MusicState) -> BarScore:
        """Return the next bar, composed for the state at its bar line."""
        mode = self._latch_mode(Mode.of(state.mode))
        scale = Scale(self._tonic, mode)
        chord, fresh = self._latch_chord(mode, state.density)
        ground = self._ground(scale, chord, fresh=fresh)
        melody = self._melodist.bar(self._bar, self._place, chord, scale, state)
        score = self._score(mode, chord, [melody, *(layer(ground, state) for layer in _TEXTURES)], state)
        self._chord_left -= 1
        self._place += 1
        if self._place == PERIOD_BARS:
            self._place, self._period = 0, self._period + 1
        return score

    def cadence(self, state: MusicState, bars: int) -> BarScore:
        """Return the last bar: the tonic chord in the mode in force, held for so many bars."""
        mode = self._mode or Mode.of(state.mode)
        scale = Scale(self._tonic, mode)
        chord = tonic_chord(mode)
        ground = self._ground(scale, chord, fresh=True)
        bass = texture.held((texture.bass_pitch(0, scale),), "bass", 50, bars)
        upper = [layer(replace(ground, bars=bars), state) for layer in (texture.pad, texture.strings)]
        return self._score(
            mode, chord, [self._melodist.last_word(chord, scale, state, bars), bass, *upper], state
        )

    def _latch_mode(self, asked: Mode) -> Mode:
        if self._mode is None:
            self._mode = asked
        elif asked is not self._mode and self._place % PHRASE_BARS == 0:
            self._mode = step_towards(self._mode, asked)
            self._place, self._chord_left = 0, 0
        return self._mode

    def _latch_chord(self, mode: Mode, density: float) -> tuple[Chord, bool]:
        fast = density >= FAST_HARMONY
        downbeat = self._place % 2 == 0
        if self._chord is not None and not downbeat and (self._chord_left or not fast):
            fresh = self._chord_left == 0  # a chord meant for one bar is struck again for another
            self._chord_left = max(1, self._chord_left)
            return self._chord, fresh
        self._chord = strain(mode, closed=self._period % 2 == 1)[self._place]
        self._chord_left = 1 if fast or not downbeat else 2
        return self._chord, True

    def _ground(self, scale: Scale, chord: Chord, *, fresh: bool) -> Ground:
        if fresh or self._pad is None or self._strings is None:
            self._pad = _PAD.lead(self._pad, chord, scale)
            self._strings = _STRINGS.lead(self._strings, chord, scale)
        return Ground(
            bar=self._bar,
            place=self._place,
            scale=scale,
            chord=chord,
            fresh=fresh,
            bars=self._chord_left,
            pad=self._pad,
            strings=self._strings,
        )

    def _score(self, mode: Mode, chord: Chord, layers: list[list[ScoreNote]], state: MusicState) -> BarScore:
        sounding = LAYERS[: int(state.layers)]
        notes = [note for layer in layers for note in layer if note.layer in sounding]
        notes.sort(key=lambda note: (note.offset, LAYERS.index(note.layer), note.pitch))
        score = BarScore(index=self._bar, mode=mode, chord=chord, notes=tuple(notes))
        self._bar += 1
        return score
