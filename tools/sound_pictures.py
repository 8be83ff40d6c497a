"""Draw how the palettes sound: spectrograms, and long-term spectra over those of people's recordings.

Usage: ``python tools/sound_pictures.py [--only PALETTE...]``. Writes ``docs/sound/PALETTE.png``, 30 s at
match, and, unless only some palettes are drawn, ``docs/sound/spectra.png``: all palettes at match and lively.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":  # run as a script, this file would hide the packages beside its folder
    sys.path[0] = str(ROOT)
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.levels import mono
from benchmarks.played_notes import STATES
from benchmarks.rendering import render
from benchmarks.timbre_measures import (
    BANDS_HZ,
    CALM_RECORDINGS,
    SAMPLE_RATE,
    FloatArray,
    hann_spectra,
    long_term_spectrum,
    third_octaves_db,
)
from generator.state import PALETTES, Piece

PICTURES = ROOT / "docs" / "sound"
SEED, SETTLED_S = 1, 20.0
SPECTROGRAM_S, SPECTRUM_S = 30.0, 90.0
SPECTRA_OF = ("match", "lively")

FRAMES = 8192
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
ROWS, COLUMNS = 240, 700
RANGE_DB = 60.0
GREYS = 40
"""Steps of colour of a spectrogram: a file of so few is small, and each is 1.5 dB."""

INK, RANGE_COLOUR = "#22303c", "#dfe5ea"
COLOURS = ("#2a6f97", "#c8553d", "#d99a2b", "#7b5ea7", "#5b8e7d", "#e07a9a", "#5c4d3c")
FREQUENCIES_HZ = {
    50.0: "50 Hz",
    100.0: "100 Hz",
    200.0: "200 Hz",
    500.0: "500 Hz",
    1000.0: "1 kHz",
    2000.0: "2 kHz",
    5000.0: "5 kHz",
    10_000.0: "10 kHz",
}


def settled(palette: str, state: str, seconds: float) -> npt.NDArray[Any]:
    """Return so many seconds of a palette after its layers have entered."""
    audio = render(STATES[state], Piece(palette=palette, seed=SEED), SETTLED_S + seconds).audio
    return audio[round(SETTLED_S * SAMPLE_RATE) :]


def log_spectrogram(sound: npt.NDArray[Any]) -> FloatArray:
    """Return the spectrum over time in dB, from −`RANGE_DB` to 0, the loudest.

    Shape (`ROWS`, `COLUMNS`): rows are equal steps of log frequency from `LOWEST_HZ` to `HIGHEST_HZ`, columns
    equal steps of time. A row has the strongest line within its step, or lies between two lines.
    """
    power = np.square(hann_spectra(mono(sound), FRAMES))
    hz = np.fft.rfftfreq(FRAMES, 1.0 / SAMPLE_RATE)
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, ROWS + 1)
    middles = np.sqrt(edges[1:] * edges[:-1])
    rows = []
    for low, middle, high in zip(edges, middles, edges[1:], strict=False):
        lines = np.flatnonzero((hz >= low) & (hz < high))
        if lines.size:
            rows.append(power[:, lines].max(axis=1))
        else:
            above = int(np.searchsorted(hz, middle))
            share = (middle - hz[above - 1]) / (hz[above] - hz[above - 1])
            rows.append((1.0 - share) * power[:, above - 1] + share * power[:, above])
    times = np.linspace(0, len(power) - 1, COLUMNS).round().astype(int)
    level = 10.0 * np.log10(np.array(rows)[:, times] + 1e-20)
    return np.asarray(np.clip(level - level.max(), -RANGE_DB, 0.0))


def figure_of(width: float, height: float) -> Figure:
    """Return an empty figure, its size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, colours: int) -> None:
    """Save a figure as a PNG file of few colours."""
    figure.savefig(path, dpi=90, format="png")
    fewer = (
        Image.open(path)
        .convert("RGB")
        .quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    fewer.save(path, optimize=True)


def draw_spectrogram(palette: str, level: FloatArray, path: Path) -> None:
    """Draw a spectrogram, log frequency upward, into a PNG file."""
    figure = figure_of(9.6, 4.2)
    axes = figure.subplots()
    steps = np.round(level / RANGE_DB * GREYS) * RANGE_DB / GREYS
    image = axes.imshow(
        steps,
        origin="lower",
        aspect="auto",
        extent=(0.0, SPECTROGRAM_S, 0.0, ROWS),
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0.0,
        interpolation="nearest",
    )
    octaves = np.log(np.array(list(FREQUENCIES_HZ)) / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ)
    axes.set_yticks((ROWS * octaves).tolist(), list(FREQUENCIES_HZ.values()))
    axes.set_xlabel("seconds", color=INK)
    bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=[-60, -40, -20, 0])
    bar.set_label("dB below the loudest", color=INK)
    bar.ax.tick_params(colors=INK, length=0)
    bar.outline.set_visible(False)
    axes.set_title(f"{palette} at match", loc="left", color=INK, fontsize=11)
    dress(axes)
    save(figure, path, 160)


def third_octave_range_db(band: str) -> tuple[float, float]:
    """Return the range of a band in people's recordings as levels of one of its third octaves, in dB."""
    low, high = BANDS_HZ[band]
    spread = 10.0 * np.log10(3.0 * np.log2(high / low))
    lowest, highest = CALM_RECORDINGS[f"band_{band}_db"]
    return lowest - float(spread), highest - float(spread)


def draw_spectra(sounds: Mapping[str, Mapping[str, npt.NDArray[Any]]], path: Path) -> None:
    """Draw the long-term spectra of palettes by state, over the ranges of people's recordings."""
    figure = figure_of(9.6, 4.0 * len(sounds) + 0.6)
    rows = figure.subplots(len(sounds), 1, sharex=True, squeeze=False)[:, 0]
    styles = [(colour, dash) for dash in ("-", "--") for colour in COLOURS]
    for axes, (state, palettes) in zip(rows, sounds.items(), strict=True):
        for band, (low, high) in BANDS_HZ.items():
            bottom, top = third_octave_range_db(band)
            axes.fill_between((low, high), bottom, top, color=RANGE_COLOUR, linewidth=0, zorder=0)
        for (palette, sound), (colour, dash) in zip(palettes.items(), cycle(styles), strict=False):
            middles, level = third_octaves_db(long_term_spectrum(sound))
            axes.plot(middles, level, color=colour, linestyle=dash, linewidth=1.6, label=palette)
        axes.set_xscale("log")
        axes.set_xlim(20.0, HIGHEST_HZ)
        axes.set_ylim(-75.0, 0.0)
        axes.set_xticks(list(FREQUENCIES_HZ), list(FREQUENCIES_HZ.values()))
        axes.set_xticks([], minor=True)
        axes.set_ylabel("dB of the whole, a third octave", color=INK, fontsize=9)
        axes.set_title(state, loc="left", color=INK, fontsize=11)
        axes.grid(axis="y", color="#eef1f4", linewidth=0.8)
        axes.set_axisbelow(True)
        dress(axes)
    handles, names = rows[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(
        "Long-term spectra; grey: 10 to 90 % of 22 calm recordings by people, band by band",
        x=0.01,
        ha="left",
        color=INK,
        fontsize=10,
    )
    save(figure, path, 64)


def dress(axes: Axes) -> None:
    """Take away what does not say anything."""
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.spines[:].set_visible(False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the palettes asked for and draw them."""
    parser = argparse.ArgumentParser(description="Spectrograms and long-term spectra of the palettes.")
    parser.add_argument("--only", choices=PALETTES, nargs="+", default=PALETTES, metavar="PALETTE")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    PICTURES.mkdir(exist_ok=True)
    sounds: dict[str, dict[str, npt.NDArray[Any]]] = {state: {} for state in SPECTRA_OF}
    whole = tuple(asked.only) == PALETTES
    for palette in asked.only:
        for state in SPECTRA_OF if whole else ("match",):
            sounds[state][palette] = settled(palette, state, SPECTRUM_S if whole else SPECTROGRAM_S)
        excerpt = sounds["match"][palette][: round(SPECTROGRAM_S * SAMPLE_RATE)]
        draw_spectrogram(palette, log_spectrogram(excerpt), PICTURES / f"{palette}.png")
        print(PICTURES / f"{palette}.png")
    if whole:
        draw_spectra(sounds, PICTURES / "spectra.png")
        print(PICTURES / "spectra.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
