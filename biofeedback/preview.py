"""What a protocol plans, as a picture of its phases and as music in fast motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from biofeedback.errors import UsageError
from generator.state import LAYERS, Mode
from generator.trajectory import Trajectory
from protocols.arcs import PlannedPoint, planned_arc
from protocols.course import segments
from protocols.schema import Protocol

INK = "#22303c"
FAINT = "#8a97a3"
SILENT = "#e9ecef"
SHADES = ("#f4f7f9", "#e9f0f4")
TEMPO, MODE, LEVEL = "#2a6f97", "#7b5ea7", "#4d7c57"
TEXTURE = {"density": "#c8553d", "register": "#d99a2b", "brightness": "#5b8e7d", "articulation": "#9aa5b1"}
SHORTEST_NAMED = 0.035
"""Share of the session from which a phase has room for its name written flat."""


def fast_forward(protocol: Protocol, seconds: float, *, hr_bpm: float | None = 72.0) -> Trajectory:
    """Return what a protocol plans, in less time: tempi as they are, their course compressed.

    Silences are left out. Level and modes go no faster than the music allows (1 dB in 5 s, a rung at a
    phrase), so a short preview does not reach all of them.

    Parameters
    ----------
    protocol : Protocol
        What to carry out.
    seconds : float
        Length of the whole.
    hr_bpm : float or None
        Steady heart rate of the listener who follows; None where none is known.
    """
    music = [point.music for point in planned_arc(protocol, hr_bpm) if point.music.sounding]
    if not music:
        raise UsageError(f"{protocol.id} plans no music: there is nothing to hear")
    step_s = seconds / len(music)
    return Trajectory(tuple(number * step_s for number in range(len(music))), tuple(music))


def draw_arc(protocol: Protocol, path: Path, *, hr_bpm: float | None = 72.0) -> None:
    """Draw the planned arc of a protocol into a PNG file.

    Parameters
    ----------
    protocol : Protocol
        What to draw.
    path : Path
        The file to write.
    hr_bpm : float or None
        Steady heart rate of the listener who follows; None where none is known.

    Raises
    ------
    OSError
        Where the file cannot be written.
    """
    points = planned_arc(protocol, hr_bpm)
    figure = Figure(figsize=(11, 8.2), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    tempo, mode, texture, layers, level = figure.subplots(
        5, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.6, 2.2, 1.3, 1.3]}
    )
    _draw_tempo(tempo, protocol, points, hr_bpm)
    _draw_mode(mode, points)
    _draw_texture(texture, points)
    _draw_layers(layers, points)
    _draw_level(level, points)
    for axes in (tempo, mode, texture, layers, level):
        _dress(axes, protocol)
    _name_phases(tempo, protocol)
    level.set_xlabel("minutes", color=INK)
    level.xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True, steps=[1, 2, 5, 10]))
    figure.align_ylabels()
    listener = "no heart rate known" if hr_bpm is None else f"heart rate {hr_bpm:g} per minute"
    figure.suptitle(
        f"{protocol.title}  ·  {protocol.id} v{protocol.version}, {protocol.arm}\n"
        f"as planned for a listener who follows, {listener}",
        x=0.012,
        ha="left",
        color=INK,
        fontsize=12,
    )
    figure.savefig(path, dpi=130, format="png")


def _minutes(points: list[PlannedPoint]) -> np.ndarray:
    return np.array([point.t for point in points]) / 60


def _values(points: list[PlannedPoint], name: str) -> np.ndarray:
    """Return a field second by second, NaN in silence: nothing is asked for there."""
    return np.array(
        [float(getattr(point.music, name)) if point.music.sounding else np.nan for point in points]
    )


def _draw_tempo(axes: Axes, protocol: Protocol, points: list[PlannedPoint], hr_bpm: float | None) -> None:
    tempi = _values(points, "tempo_bpm")
    axes.plot(_minutes(points), tempi, color=TEMPO, linewidth=2.4)
    known = tempi[np.isfinite(tempi)]
    if hr_bpm is not None:
        axes.axhline(hr_bpm, color=FAINT, linewidth=1, linestyle=(0, (2, 3)))
        axes.annotate(
            "heart rate",
            (0, hr_bpm),
            xycoords=("axes fraction", "data"),
            xytext=(4, -4),
            textcoords="offset points",
            va="top",
            color=FAINT,
            fontsize=8,
        )
    shown = [*known, *([] if hr_bpm is None else [hr_bpm]), protocol.default_tempo_bpm]
    axes.set_ylim(min(shown) - 4, max(shown) + 6)
    for index in (0, -1):
        if known.size:
            at = np.flatnonzero(np.isfinite(tempi))[index]
            axes.annotate(
                f"{tempi[at]:.0f}",
                (points[at].t / 60, tempi[at]),
                xytext=(0, 6),
                textcoords="offset points",
                ha="left" if index == 0 else "right",
                color=TEMPO,
                fontsize=10,
                fontweight="bold",
            )
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, steps=[1, 2, 5, 10]))
    axes.set_ylabel("tempo, bpm", color=INK)


def _draw_mode(axes: Axes, points: list[PlannedPoint]) -> None:
    modes = list(Mode)
    axes.step(_minutes(points), _values(points, "mode"), where="post", color=MODE, linewidth=2.4)
    axes.set_ylim(-0.12, 1.12)
    axes.set_yticks([mode.openness for mode in modes], [mode.name.lower() for mode in modes])
    axes.set_ylabel("mode", color=INK)


def _draw_texture(axes: Axes, points: list[PlannedPoint]) -> None:
    for name, colour in TEXTURE.items():
        axes.plot(_minutes(points), _values(points, name), color=colour, linewidth=1.9, label=name)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("texture", color=INK)
    axes.legend(
        ncols=len(TEXTURE), loc="upper left", frameon=False, fontsize=8.5, labelcolor=INK, handlelength=1.4
    )


def _draw_layers(axes: Axes, points: list[PlannedPoint]) -> None:
    axes.fill_between(
        _minutes(points), 0, _values(points, "layers"), step="post", color=TEMPO, alpha=0.35, linewidth=0
    )
    axes.set_ylim(0, len(LAYERS) + 0.4)
    axes.set_yticks([0, 2, 4, 6, 8])
    axes.set_ylabel("layers", color=INK)


def _draw_level(axes: Axes, points: list[PlannedPoint]) -> None:
    levels = _values(points, "level_db")
    axes.plot(_minutes(points), levels, color=LEVEL, linewidth=2.2)
    lowest = float(np.nanmin(levels)) if np.isfinite(levels).any() else 0.0
    axes.set_ylim(min(-6.0, lowest - 1.0), 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set_ylabel("level, dB", color=INK)


def _dress(axes: Axes, protocol: Protocol) -> None:
    for index, segment in enumerate(segments(protocol)):
        shade = SHADES[index % 2] if segment.target.sounding else SILENT
        axes.axvspan(segment.start_s / 60, segment.end_s / 60, color=shade, linewidth=0, zorder=0)
    axes.set_xlim(0, protocol.duration_s / 60)
    axes.grid(axis="y", color="white", linewidth=1)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.spines[:].set_visible(False)


def _name_phases(axes: Axes, protocol: Protocol) -> None:
    for segment in segments(protocol):
        narrow = segment.duration_s < SHORTEST_NAMED * protocol.duration_s
        silent = "" if segment.target.sounding else "\n(silence)"
        axes.annotate(
            segment.name + ("" if narrow else silent),
            ((segment.start_s + segment.duration_s / 2) / 60, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            rotation=90 if narrow else 0,
            color=INK,
            fontsize=9,
        )
