"""Whether a tune is heard above its accompaniment: melody and rest rendered apart, compared at every note.

For each note of the melody, over its first half second at most, the energy of the melody and of all the rest
within a third of an octave about the note's fundamental and its next three harmonics. A note is covered where
the rest is the stronger one about the fundamental; it is masked where the melody lies more than 4 dB below
the rest at all four (what a band of noise needs to hide a tone in it: Zwicker and Fastl, Psychoacoustics).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.levels import loudness_lufs
from benchmarks.stems import performed, stem
from generator.score import SAMPLE_RATE, NoteEvent
from generator.state import LAYERS, PALETTES, MusicState, Piece

FloatArray = npt.NDArray[np.float64]

FIRST_S, LENGTH_S, LONGEST_S = 12.0, 40.0, 0.5
HARMONICS = np.arange(1, 5)
THIRD_OCTAVE = 2.0 ** (1 / 6)
MASKED_DB = -4.0
MOST_WITHIN, MOST_COVERED, MOST_MASKED = 0.25, 0.1, 0.02

STATES = {
    "lively": MusicState(
        tempo_bpm=92.0, density=0.8, register=0.6, brightness=0.7, articulation=0.6, layers=7
    ),
    "match": MusicState(tempo_bpm=74.0, mode=0.6, density=0.55, articulation=0.35, layers=5),
    "lead": MusicState(tempo_bpm=60.0, mode=0.4, density=0.35, register=0.45, brightness=0.4, layers=4),
    "low": MusicState(tempo_bpm=60.0, mode=0.2, density=0.4, register=0.0, brightness=0.3, layers=3),
    "rest": MusicState(
        tempo_bpm=48.0, mode=1.0, density=0.15, register=0.35, brightness=0.25, articulation=0.0, layers=2
    ),
}


def band_energy(sound: FloatArray, begin: int, length: int, hz: FloatArray) -> FloatArray:
    """Return the energy of a stretch of sound within a third of an octave about each frequency."""
    taken = sound[begin : begin + length].mean(axis=1)
    taken = taken * np.hanning(taken.size)
    size = 2 ** max(16, taken.size.bit_length())  # padded, so that low bands have bins enough
    power = np.abs(np.fft.rfft(taken, size)) ** 2
    at = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    bounds = np.searchsorted(at, np.outer(hz, (1 / THIRD_OCTAVE, THIRD_OCTAVE)))
    return np.array([power[low:high].sum() for low, high in bounds])


def above_rest_db(
    tune: FloatArray, rest: FloatArray, notes: Sequence[NoteEvent], longest_s: float
) -> FloatArray:
    """Return how far the melody lies above the rest at each note and harmonic, in dB, shape (n, 4)."""
    found = []
    for note in notes:
        length = round(min(note.duration_s, longest_s) * SAMPLE_RATE)
        hz = 440.0 * 2.0 ** ((note.pitch - 69) / 12) * HARMONICS
        own, other = (band_energy(sound, note.frame, length, hz) for sound in (tune, rest))
        found.append(10.0 * np.log10((own + 1e-15) / (other + 1e-15)))
    return np.array(found)


def within_pad(notes: Sequence[NoteEvent], pad: Sequence[NoteEvent]) -> float:
    """Return the share of notes at which a voice of the pad as high or higher sounds."""
    return float(
        np.mean(
            [
                any(
                    each.pitch >= note.pitch and each.time_s <= note.time_s < each.time_s + each.duration_s
                    for each in pad
                )
                for note in notes
            ]
        )
    )


def loudness(sound: FloatArray) -> float:
    """Return the integrated loudness of what comes after the first seconds."""
    return loudness_lufs(sound[round(FIRST_S * SAMPLE_RATE) :], SAMPLE_RATE)


def compared(palette: str, state: MusicState, seed: int = 4) -> dict[str, float]:
    """Return how the melody of a state stands against the rest."""
    piece = Piece(palette=palette, seed=seed)
    blocks = performed(state, piece, FIRST_S + LENGTH_S)
    tune = stem(blocks, piece, ("melody",))
    rest = stem(blocks, piece, [layer for layer in LAYERS if layer != "melody"])
    every = [note for block in blocks for note in block.notes]
    last = FIRST_S + LENGTH_S - LONGEST_S
    notes = [note for note in every if note.layer == "melody" and FIRST_S <= note.time_s < last]
    onset = above_rest_db(tune, rest, notes, LONGEST_S)
    whole = above_rest_db(tune, rest, notes, LENGTH_S)
    return {
        "notes": len(notes),
        "within_pad": round(within_pad(notes, [note for note in every if note.layer == "pad"]), 3),
        "median_db": round(float(np.median(onset[:, 0])), 1),
        "whole_note_db": round(float(np.median(whole[:, 0])), 1),
        "covered": round(float((onset[:, 0] < 0.0).mean()), 3),
        "masked": round(float((onset < MASKED_DB).all(axis=1).mean()), 3),
        "louder_than_rest_lu": round(loudness(tune) - loudness(rest), 1),
    }


def figures() -> dict[str, Any]:
    """Return for each palette and state how the melody stands against the rest."""
    found: dict[str, Any] = {
        f"{palette}, {name}": compared(palette, state)
        for palette in PALETTES
        for name, state in STATES.items()
    }
    each = list(found.values())
    for key in ("within_pad", "covered", "masked"):
        found[key] = round(
            float(np.average([one[key] for one in each], weights=[one["notes"] for one in each])), 3
        )
    return found


def missed(found: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    limits = {"within_pad": MOST_WITHIN, "covered": MOST_COVERED, "masked": MOST_MASKED}
    return [
        f"{found[key]:.1%} of the melody's notes {key}" for key, most in limits.items() if found[key] > most
    ]
