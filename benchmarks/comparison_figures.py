"""Our music next to that of an open generative system, by the same measures.

The system is isobar, as its own examples use it. Set ``ISOBAR`` to a checkout of github.com/ideoforms/isobar
and ``ISOBAR_PYTHON`` to a Python that has it (``pip install isobar``); without them only ours is measured.
isobar makes events and no sound, so both are also played by the same plain synthesizer (decaying harmonics).
Ours is measured at the same tempo scale as it stands: calm and lively states of each palette.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt

from benchmarks import ears
from benchmarks.rendering import render
from generator.score import NoteEvent
from generator.state import PALETTES, MusicState, Piece

FloatArray = npt.NDArray[np.float64]
Table = list[tuple[float, float, float, float]]
"""Begin and duration in s, MIDI pitch, velocity."""

RATE = 48_000
MINUTE_S = 60.0
EXAMPLES = ("02.ex-subsequence", "05.ex-piano-phase", "06.ex-walk", "10.ex-lsystem-stochastic")
STATES = {
    "calm": MusicState(tempo_bpm=55.0, density=0.25, layers=3, brightness=0.3, articulation=0.1),
    "lively": MusicState(tempo_bpm=90.0, density=0.8, layers=6, brightness=0.6, articulation=0.6),
}
LONG_STATE = MusicState(tempo_bpm=60.0, density=0.45, layers=5)


def table_of(notes: Sequence[NoteEvent]) -> Table:
    """Return our notes as a table."""
    return [(note.time_s, note.duration_s, note.pitch, note.velocity) for note in notes]


def isobar_table(example: str, seconds: float) -> Table | None:
    """Return the notes of one of isobar's examples; None without isobar."""
    checkout = os.environ.get("ISOBAR")
    if not checkout:
        return None
    done = subprocess.run(
        [
            os.environ.get("ISOBAR_PYTHON", sys.executable),
            str(Path(__file__).with_name("isobar_piece.py")),
            str(Path(checkout, "examples", f"{example}.py")),
            str(seconds),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]  # type: ignore[misc]


def of_events(table: Table, seconds: float) -> dict[str, float]:
    """Return what the notes alone tell."""
    ordered = sorted(table)
    pitches = [round(pitch) for _, _, pitch, _ in ordered]
    begins = np.array([begin for begin, *_ in ordered])
    gaps = np.diff(np.unique(np.round(begins, 2)))
    return {
        "notes_per_s": round(len(ordered) / seconds, 2),
        "pitch_entropy_bits": entropy_bits(pitches),
        "pitch_class_entropy_bits": entropy_bits([pitch % 12 for pitch in pitches]),
        "rhythm_entropy_bits": entropy_bits([round(gap, 1) for gap in gaps.tolist()]),
        "mean_leap_semitones": round(float(np.mean([abs(b - a) for a, b in pairwise(pitches)])), 2),
        "voices": round(sum(min(length, seconds - begin) for begin, length, *_ in ordered) / seconds, 2),
    }


def entropy_bits(things: Sequence[float]) -> float:
    """Return the entropy of how often each of them comes."""
    share = np.array(list(Counter(things).values())) / max(1, len(things))
    return round(float(-(share * np.log2(share)).sum()), 2)


def of_sound(audio: npt.NDArray[Any]) -> dict[str, float]:
    """Return what can be told from the sound."""
    mean, variance = ears.roughness(audible(audio), RATE)
    similar, returns = self_similarity(audio)
    return {
        "onsets_per_s": round(ears.onset_rate_hz(audio, RATE), 2),
        "roughness": round(mean, 3),
        "roughness_variance": round(variance, 5),
        "centroid_hz": round(ears.centroid_hz(audio, RATE)),
        "loudness_range_lu": round(ears.loudness_range_lu(audio, RATE), 1),
        "self_similarity": similar,
        "best_return": returns,
    }


def audible(audio: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sound without the stretches of 0.17 s that lie 40 dB below it: nothing is rough there."""
    frames = audio[: len(audio) // 8192 * 8192].reshape(-1, 8192, *audio.shape[1:])
    power = (frames**2).reshape(len(frames), -1).mean(axis=1)
    return np.asarray(frames[power > 1e-4 * power.mean()].reshape(-1, *audio.shape[1:]))


def self_similarity(audio: npt.NDArray[Any]) -> tuple[float, float]:
    """Return how alike any two seconds are on the average, and any two stretches of 8 s at most.

    Cosine of chroma (a second each, means taken away) by librosa; stretches begin at least 16 s apart. 1
    means that a stretch comes back as it was.
    """
    lower = librosa.resample(ears.mono(audio).astype(np.float32), orig_sr=RATE, target_sr=16_000)
    chroma = librosa.feature.chroma_stft(y=lower, sr=16_000, n_fft=4096, hop_length=16_000, norm=None)
    features = chroma / (np.linalg.norm(chroma, axis=0) + 1e-9)
    features -= features.mean(axis=1, keepdims=True)
    features /= np.linalg.norm(features, axis=0) + 1e-9
    alike = features.T @ features
    seconds = len(alike)
    together = float(np.mean(np.abs(alike[~np.eye(seconds, dtype=bool)])))
    best = max(
        float(np.convolve(np.diagonal(alike, lag), np.ones(8) / 8, "valid").max())
        for lag in range(16, seconds - 8)
    )
    return round(together, 3), round(best, 3)


def played_plainly(table: Table, seconds: float) -> FloatArray:
    """Play a table with a plain synthesizer: five harmonics that decay, an attack of 10 ms; -23 LUFS."""
    sound = np.zeros(round((seconds + 4.0) * RATE))
    for begin, length, pitch, velocity in table:
        at = np.arange(round((min(length, 8.0) + 0.4) * RATE)) / RATE
        hz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
        body = np.zeros(at.size)
        for harmonic in range(1, 6):
            if harmonic * hz < 12_000.0:
                body += 0.5**harmonic * np.sin(2 * np.pi * harmonic * hz * at) * np.exp(-at * harmonic / 1.5)
        body *= np.minimum(1.0, at / 0.01) * np.clip((at[-1] - at) / 0.4, 0.0, 1.0)
        start = round(begin * RATE)
        stop = min(start + body.size, sound.size)
        sound[start:stop] += (velocity / 127.0) ** 1.5 * body[: stop - start]
    sound = sound[: round(seconds * RATE)]
    return np.asarray(sound * 10.0 ** ((-23.0 - ears.loudness_lufs(sound, RATE)) / 20.0))


def ours(palette: str, state: MusicState) -> tuple[dict[str, Any], Table]:
    """Measure a minute of ours by its own sound; return its notes too, which are those of every palette."""
    rendered = render(state, Piece(palette=palette, seed=3), MINUTE_S + 12.0)
    notes = [note for note in rendered.notes if note.time_s >= 12.0]
    table = [(begin - 12.0, *rest) for begin, *rest in table_of(notes)]
    return of_sound(rendered.audio[12 * RATE : 72 * RATE]), table  # type: ignore[return-value]


def of_notes(table: Table) -> dict[str, Any]:
    """Measure a minute of notes, as they are and played plainly."""
    return {**of_events(table, MINUTE_S), "played_plainly": of_sound(played_plainly(table, MINUTE_S))}


def figures(*, long: bool = False) -> dict[str, Any]:
    """Return all figures side by side; `long`: self-similarity over 20 minutes in place of 4."""
    found: dict[str, Any] = {}
    for name, state in STATES.items():
        for palette in PALETTES:
            found[f"ours, {name}, {palette}"], table = ours(palette, state)
        found[f"ours, {name}"] = of_notes(table)
    for example in EXAMPLES:
        theirs = isobar_table(example, MINUTE_S)
        if theirs is None:
            found["isobar"] = "not measured: set ISOBAR to a checkout of github.com/ideoforms/isobar"
            break
        found[f"isobar, {example}"] = of_notes(theirs)
    minutes = 20 if long else 4
    palettes = PALETTES if long else PALETTES[:1]
    similar = {
        palette: self_similarity(render(LONG_STATE, Piece(palette=palette, seed=9), 60.0 * minutes).audio)
        for palette in palettes
    }
    return {"minute": found, f"self_similarity_of_{minutes}_min": similar}


def missed(found: dict[str, Any]) -> list[str]:
    """Return what is lost: nothing may come back as it was."""
    name = next(name for name in found if name.startswith("self_similarity"))
    return [f"{palette} repeats itself" for palette, (_, best) in found[name].items() if best > 0.995]
