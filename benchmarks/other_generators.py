"""Pieces by two other ways of generating music, to be measured by the same code as ours.

isobar (github.com/ideoforms/isobar, MIT): a calm piece for four voices of its pattern classes. markovify
(github.com/jsvine/markovify, MIT): a Markov chain of the first order over the chords of Bach's chorales.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import isobar
import markovify
import numpy as np

from benchmarks.human_scores import HumanScore, scores
from benchmarks.note_measures import Notes, Row, notes_of

TEMPO_BPM, BEATS_PER_BAR = 72.0, 4.0
BEAT_S = 60.0 / TEMPO_BPM

# --- isobar -----------------------------------------------------------------------------------------------

FOLLOWING = {0: (3, 4, 5, 5), 1: (4,), 2: (5, 3), 3: (0, 1, 4), 4: (0, 0, 5), 5: (3, 1, 2)}
"""Degrees of the scale on which a chord may follow another."""


def isobar_piece(seed: int, seconds: float) -> Notes:
    """Return a piece of isobar's patterns: chords by a Markov chain, a melody that walks, bass, arpeggio."""
    key = isobar.Key("C", "major")
    bars = round(seconds / BEAT_S / BEATS_PER_BAR)
    roots = _seeded(isobar.PMarkov(FOLLOWING), seed).nextn(bars)
    chords = [(root, root + 2, root + 4) for root in roots]
    voices = [
        ("pad", 48, isobar.PSequence(chords), isobar.PConstant(4.0), isobar.PConstant(1)),
        ("bass", 36, isobar.PSequence(roots), isobar.PConstant(4.0), isobar.PConstant(1)),
        (
            "melody",
            60,
            isobar.PBrown(7, 2, 2, 12),
            isobar.PChoice([0.5, 1.0, 1.5, 2.0], [4, 6, 1, 3]),
            isobar.PCoin(0.8),
        ),
        (
            "arpeggio",
            60,
            isobar.PSequence([chord[i] for chord in chords for i in (0, 1, 2, 1, 0, 1, 2, 1)]),
            isobar.PConstant(0.5),
            isobar.PCoin(0.6),
        ),
    ]
    rows: list[Row] = []
    for layer, octave, degrees, lengths, sounding in voices:
        loudness = isobar.PBrown(56, 3, 44, 68)
        seeded = [_seeded(each, f"{seed} {layer}") for each in (degrees, lengths, sounding, loudness)]
        events = zip(isobar.PDegree(seeded[0], key), *seeded[1:], strict=False)
        rows += _voice(layer, octave, events, beats=bars * BEATS_PER_BAR)
    return notes_of(rows)


def _seeded(pattern: Any, seed: object) -> Any:
    """Return a pattern whose random choices, if it makes any, follow from a seed."""
    return pattern.seed(str(seed)) if isinstance(pattern, isobar.PStochasticPattern) else pattern


def _voice(
    layer: str, octave: int, events: Iterable[tuple[Any, float, int, int]], *, beats: float
) -> list[Row]:
    """Return the notes of a voice until so many beats have passed.

    An event is a pitch or chord above the octave, its length in beats, whether it sounds, its velocity.
    """
    rows: list[Row] = []
    beat = 0.0
    for pitch, length, sounds, velocity in events:
        if beat >= beats:
            break
        if sounds:
            together = pitch if isinstance(pitch, tuple) else (pitch,)
            rows += [
                (beat * BEAT_S, length * BEAT_S, beat, octave + each, velocity, layer) for each in together
            ]
        beat += length
    return rows


# --- Markov chain -----------------------------------------------------------------------------------------

Chord = tuple[float, tuple[tuple[int, bool], ...]]
"""Beats until the next chord, and its pitches from the lowest: whether each is struck or held."""


def markov_piece(seed: int, seconds: float) -> Notes:
    """Return chorales drawn from the chain one after the other, each from the next bar line on."""
    random.seed(seed)  # markovify draws from the global generator
    end = seconds / BEAT_S
    piece = _Harmony()
    while piece.beat < end:
        for length, pitches in chorale_chain().gen():
            piece.add(length, pitches)
        piece.beat = np.ceil(piece.beat / BEATS_PER_BAR) * BEATS_PER_BAR
        piece.sounding.clear()
    return notes_of([row for row in piece.rows() if row[2] < end])


@cache
def chorale_chain() -> markovify.Chain:
    """Return the chain that has learnt Bach's chorales, all transposed to C."""
    return markovify.Chain([chords_of(score) for score in scores("chorales")], state_size=1)


def chords_of(score: HumanScore) -> list[Chord]:
    """Return a score as chords, one for each moment at which a note begins; its tonic becomes C."""
    notes = score.notes
    down = (score.tonic + 5) % 12 - 5  # by a tritone at most
    ends = np.round(notes.beat + notes.duration_s, 6)
    moments = np.unique(notes.beat)
    chords = []
    for moment, following in zip(moments, [*moments[1:], ends.max()], strict=True):
        sounding = (notes.beat <= moment) & (ends > moment)
        pitches = {
            int(pitch) - down: bool(begin == moment)
            for pitch, begin in zip(notes.pitch[sounding], notes.beat[sounding], strict=True)
        }
        chords.append((float(following - moment), tuple(sorted(pitches.items()))))
    return chords


@dataclass
class _Harmony:
    """Notes of chords that follow each other; a tone that is held goes on where the last chord has it."""

    beat: float = 0.0
    notes: list[list[Any]] = field(default_factory=list)
    sounding: dict[int, list[Any]] = field(default_factory=dict)

    def add(self, length: float, pitches: Sequence[tuple[int, bool]]) -> None:
        """Add a chord of so many beats."""
        now: dict[int, list[Any]] = {}
        for pitch, struck in pitches:
            note = None if struck else self.sounding.get(pitch)
            if note is None:
                note = [self.beat, 0.0, pitch, "melody" if pitch == pitches[-1][0] else "pad"]
                self.notes.append(note)
            note[1] += length
            now[pitch] = note
        self.sounding = now
        self.beat += length

    def rows(self) -> list[Row]:
        """Return the notes."""
        return [
            (beat * BEAT_S, length * BEAT_S, beat, pitch, 64, layer)
            for beat, length, pitch, layer in self.notes
        ]
