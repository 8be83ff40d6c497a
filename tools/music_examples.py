"""Excerpts of a minute, all palettes in four states: their pictures and what they measure.

Usage: ``python tools/music_examples.py [--wav DIR] [--only PALETTE] [--state NAME]``. Writes
``docs/examples/PALETTE-STATE.png`` (piano roll above, spectrogram below) and ``docs/examples.md``; the sound
itself only with ``--wav``, for it would outweigh everything else here.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

# Run as a script, this file would hide the packages beside its folder.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)
os.environ.setdefault("OMP_NUM_THREADS", "1")

import librosa
import numpy as np
import numpy.typing as npt
import soundfile
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from benchmarks import ears
from benchmarks.levels import loudness_lufs, mono
from benchmarks.rendering import Rendered, render
from generator.score import NoteEvent
from generator.state import LAYERS, PALETTES, MusicState, Piece

RATE, SKIPPED_S, MINUTE_S = 48_000, 12.0, 60.0
SEED = 4
TOGETHER_S = 0.05
"""What begins within so short a time begins together."""

STATES = {
    "lively": MusicState(
        tempo_bpm=92.0, mode=0.8, density=0.8, register=0.6, brightness=0.7, articulation=0.6, layers=7
    ),
    "match": MusicState(
        tempo_bpm=74.0, mode=0.6, density=0.55, register=0.5, brightness=0.5, articulation=0.35, layers=5
    ),
    "lead": MusicState(
        tempo_bpm=60.0,
        mode=0.4,
        density=0.35,
        register=0.45,
        brightness=0.4,
        articulation=0.2,
        layers=4,
        breath_rate=8.0,
        breath_depth=0.6,
        level_db=-3.0,
    ),
    "rest": MusicState(
        tempo_bpm=48.0,
        mode=1.0,
        density=0.15,
        register=0.35,
        brightness=0.25,
        articulation=0.0,
        layers=2,
        breath_rate=6.0,
        breath_depth=1.0,
        level_db=-8.0,
    ),
}
MEASURES = {
    "notes_per_s": "notes/s",
    "moments_per_s": "moments/s",
    "onsets_per_s": "onsets/s heard",
    "pitch_entropy_bits": "pitch entropy, bit",
    "roughness": "roughness",
    "roughness_variance": "its variance",
    "centroid_hz": "centroid, Hz",
    "loudness_lufs": "loudness, LUFS",
    "loudness_range_lu": "range, LU",
    "self_similarity": "self-similarity",
}
Table = list[tuple[float, float, float, float]]
"""Begin, duration, pitch, velocity of each note."""

COLOURS = ("#2a6f97", "#c8553d", "#5c4d3c", "#d99a2b", "#7b5ea7", "#5b8e7d", "#e07a9a", "#9aa5b1")
INK = "#22303c"
INTRODUCTION = f"""# The music, minute by minute

All palettes in four states, a minute each, rendered and measured by
`python tools/music_examples.py` (seed {SEED}, tonic C, no nature sound; with `--wav DIR` it also writes
the sound). Upper picture: the notes, a colour for each layer, bar lines grey. Lower picture: the
spectrum of the sound, 70 dB deep. All share one seed: it is the same piece in different states.
"""
EXPLANATION = """\
Measured with librosa and pyloudnorm (`benchmarks/ears.py`). A *moment* is a time at which something
begins (plucked or swelling), an *onset* a moment that stands out of the sound. Roughness is that of
beating partials (Sethares 1993), self-similarity the mean similarity of any two seconds (chroma).
The loudness asked for is −23 LUFS plus the level. For the melody against its accompaniment see
`benchmarks/music.py --only melody`.
"""


def table_of(notes: Sequence[NoteEvent]) -> Table:
    """Return our notes as a table."""
    return [(note.time_s, note.duration_s, note.pitch, note.velocity) for note in notes]


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
    lower = librosa.resample(mono(audio).astype(np.float32), orig_sr=RATE, target_sr=16_000)
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


def minute(palette: str, state: MusicState) -> Rendered:
    """Render a minute, the first 12 s left out: the layers have come in by then."""
    whole = render(state, Piece(palette=palette, seed=SEED), SKIPPED_S + MINUTE_S)
    first = round(SKIPPED_S * RATE)
    notes = tuple(note for note in whole.notes if note.frame >= first - 4 * RATE)
    return Rendered(whole.audio[first:], notes, whole.beats)


def draw(rendered: Rendered, title: str, path: Path) -> None:
    """Draw piano roll and spectrogram into a PNG file."""
    figure = Figure(figsize=(9.6, 5.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    roll, spectrum = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1.15, 1]})
    draw_roll(roll, rendered)
    draw_spectrum(spectrum, rendered)
    spectrum.set_xlabel("seconds", color=INK)
    figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=9)
    figure.savefig(path, dpi=90, format="png")
    # 256 colours make a third of the file and cannot be told from all.
    fewer = Image.open(path).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
    fewer.save(path, optimize=True)


def draw_roll(axes: Axes, rendered: Rendered) -> None:
    """Draw the notes as bars, the colour their layer, bars of the music as lines."""
    for beat in rendered.beats:
        if beat.beat % 4 == 0:
            axes.axvline(beat.time_s - SKIPPED_S, color="#e3e8ec", linewidth=0.8, zorder=0)
    for layer, colour in zip(LAYERS, COLOURS, strict=True):
        mine: list[NoteEvent] = [note for note in rendered.notes if note.layer == layer]
        for note in mine:
            axes.plot(
                (note.time_s - SKIPPED_S, note.time_s - SKIPPED_S + note.duration_s),
                (note.pitch, note.pitch),
                color=colour,
                linewidth=2.6,
                alpha=0.35 + 0.5 * note.velocity / 127.0,
                solid_capstyle="butt",
                zorder=4 if layer == "melody" else 2,
            )
    present = [layer for layer in LAYERS if any(note.layer == layer for note in rendered.notes)]
    handles = [Line2D([], [], color=COLOURS[LAYERS.index(layer)], linewidth=2.6) for layer in present]
    axes.legend(
        handles, present, loc="upper left", ncols=len(present), frameon=False, fontsize=8, handlelength=1.2
    )
    axes.set_ylim(31, 98)
    axes.set_yticks([36, 48, 60, 72, 84], ["C2", "C3", "C4", "C5", "C6"])
    axes.set_xlim(0, MINUTE_S)
    dress(axes)


def draw_spectrum(axes: Axes, rendered: Rendered) -> None:
    """Draw a mel spectrogram, 70 dB deep."""
    mel = librosa.feature.melspectrogram(
        y=rendered.audio.mean(axis=1), sr=RATE, n_fft=8192, hop_length=4800, n_mels=110, fmin=40, fmax=12_000
    )
    level = librosa.power_to_db(mel, ref=np.max, top_db=70.0)
    hz = librosa.mel_frequencies(110, fmin=40, fmax=12_000)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0, MINUTE_S, 0, 110),
        cmap="magma",
        interpolation="nearest",
    )
    marks = (100, 300, 1000, 3000, 10_000)
    axes.set_yticks(
        [float(np.interp(mark, hz, range(110))) for mark in marks], [f"{mark} Hz" for mark in marks]
    )
    dress(axes)


def dress(axes: Axes) -> None:
    """Take away what does not say anything."""
    axes.tick_params(colors=INK, labelsize=8, length=0)
    axes.spines[:].set_visible(False)


def measures(rendered: Rendered) -> dict[str, float]:
    """Return what the minute measures, by its notes and by its sound."""
    table = [(begin - SKIPPED_S, *rest) for begin, *rest in table_of(rendered.notes) if begin >= SKIPPED_S]
    others = {
        "moments_per_s": round(len({round(begin / TOGETHER_S) for begin, *_ in table}) / MINUTE_S, 2),
        "loudness_lufs": round(loudness_lufs(rendered.audio, RATE), 1),
    }
    return {**of_events(table, MINUTE_S), **of_sound(rendered.audio), **others}  # type: ignore[arg-type]


def say(state: MusicState) -> str:
    """Return a state in a line."""
    breath = f", {state.breath_rate:g} breaths/min" if state.breath_rate else ""
    return (
        f"{state.tempo_bpm:g} bpm, mode {state.mode:g}, density {state.density:g}, "
        f"register {state.register:g}, brightness {state.brightness:g}, "
        f"articulation {state.articulation:g}, {state.layers} layers, {state.level_db:g} dB{breath}"
    )


def page(found: dict[tuple[str, str], dict[str, float]]) -> str:
    """Return the page that shows the pictures and what they measure."""
    lines = [
        INTRODUCTION,
        "| state | what is asked for |",
        "|---|---|",
        *(f"| {name} | {say(state)} |" for name, state in STATES.items()),
        "",
        EXPLANATION,
        f"| palette, state | {' | '.join(MEASURES.values())} |",
        f"|---|{'---|' * len(MEASURES)}",
    ]
    for (palette, name), values in found.items():
        cells = " | ".join(f"{values[key]:g}" for key in MEASURES)
        lines.append(f"| [{palette}, {name}](examples/{palette}-{name}.png) | {cells} |")
    for palette, name in found:
        lines += ["", f"## {palette}, {name}", "", f"![{palette}, {name}](examples/{palette}-{name}.png)"]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, draw, measure and write the page."""
    parser = argparse.ArgumentParser(description="Excerpts of a minute: palettes in four states.")
    parser.add_argument("--wav", type=Path, metavar="DIR", help="write the sound there (FLAC)")
    parser.add_argument("--only", choices=PALETTES, nargs="+", default=PALETTES)
    parser.add_argument("--state", choices=STATES, nargs="+", default=tuple(STATES))
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    pictures = ROOT / "docs" / "examples"
    pictures.mkdir(exist_ok=True)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for palette in asked.only:
        for name in asked.state:
            rendered = minute(palette, STATES[name])
            draw(rendered, f"{palette}, {name}: {say(STATES[name])}", pictures / f"{palette}-{name}.png")
            found[palette, name] = measures(rendered)
            print(palette, name, {key: found[palette, name][key] for key in MEASURES})
            if asked.wav is not None:
                asked.wav.mkdir(parents=True, exist_ok=True)
                soundfile.write(asked.wav / f"{palette}-{name}.flac", rendered.audio, RATE, subtype="PCM_24")
    if len(found) == len(PALETTES) * len(STATES):
        (ROOT / "docs" / "examples.md").write_text(page(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
