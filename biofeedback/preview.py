"""Previews of a protocol: a plot of what it plans, and its course compressed in time."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from biofeedback.errors import UsageError
from generator.state import LAYERS, Mode
from generator.trajectory import Trajectory
from protocols.course import PlannedPoint, planned_arc, segments
from protocols.outline import span_of
from protocols.schema import Protocol

INK = "#22303c"
FAINT = "#8a97a3"
SILENT = "#e9ecef"
SHADES = ("#f4f7f9", "#e9f0f4")
TEMPO, MODE, LEVEL, BREATH = "#2a6f97", "#7b5ea7", "#4d7c57", "#b0653a"
TEXTURE = {"density": "#c8553d", "register": "#d99a2b", "brightness": "#5b8e7d", "articulation": "#9aa5b1"}
WIDTHS = (4.2, 3.2, 2.2, 1.3)
"""Line widths of the texture panel; they differ so that coinciding lines stay visible."""

KINDS = {
    "match": "#bcd5e6",
    "lead": "#8fb9d4",
    "sustain": "#c9dde9",
    "breathe": "#e8cdb8",
    "arc": "#cfd9ee",
    "engage": "#f0c9b5",
    "return": "#d3e3c8",
}
LETTER = 0.0085
"""Width of a letter as a share of the width of the plot."""


class _Plan(NamedTuple):
    """What is drawn: a protocol, its planned seconds, and the heart rate they assume."""

    protocol: Protocol
    points: list[PlannedPoint]
    hr_bpm: float | None

    @property
    def minutes(self) -> np.ndarray:
        """The time of each point."""
        return np.array([point.t for point in self.points]) / 60

    def values(self, name: str) -> np.ndarray:
        """Return a field of the music for each point; NaN in silence."""
        return np.array(
            [float(getattr(point.music, name)) if point.music.sounding else np.nan for point in self.points]
        )


def fast_forward(protocol: Protocol, seconds: float, *, hr_bpm: float | None = 72.0) -> Trajectory:
    """Return the planned trajectory of a protocol, compressed in time; tempi stay as they are.

    Silences are left out. Level and mode change no faster than the music allows (1 dB in 5 s, one mode per
    phrase), so a short preview does not reach all of them.

    Parameters
    ----------
    protocol : Protocol
        The protocol.
    seconds : float
        Length of the result.
    hr_bpm : float or None
        Constant heart rate of an assumed listener who follows; None if no heart rate is known.
    """
    music = [point.music for point in planned_arc(protocol, hr_bpm) if point.music.sounding]
    if not music:
        raise UsageError(f"{protocol.id} plans no music: there is nothing to hear")
    step_s = seconds / len(music)
    return Trajectory(tuple(number * step_s for number in range(len(music))), tuple(music))


def draw_arc(
    protocol: Protocol,
    target: Path | BinaryIO,
    *,
    hr_bpm: float | None = 72.0,
    form: Literal["png", "svg"] = "png",
) -> None:
    """Draw the planned arc of a protocol.

    Parameters
    ----------
    protocol : Protocol
        The protocol.
    target : Path or binary file
        File to write.
    hr_bpm : float or None
        Constant heart rate of an assumed listener who follows; None if no heart rate is known.
    form : str
        ``png`` or ``svg``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    plan = _Plan(protocol, planned_arc(protocol, hr_bpm), hr_bpm)
    words = list(_words(protocol))
    panels = _panels(plan)
    heights = [*(panel.height for panel in panels), 0.2 + 0.17 * len(words)]
    figure = Figure(figsize=(11, sum(heights) + 1.1), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    *drawn, text = figure.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights})
    for panel, axes in zip(panels, drawn, strict=True):
        panel.draw(axes, plan)
        axes.spines[:].set_visible(False)
        if panel.label:
            axes.set_ylabel(panel.label, color=INK)
            _shade(axes, protocol)
        axes.set_xlim(0, protocol.duration_s / 60)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True, steps=[1, 2, 5, 10]))
        axes.tick_params(colors=INK, labelsize=9, length=0, labelbottom=axes is drawn[-1])
    drawn[-1].set_xlabel("minutes", color=INK)
    figure.align_ylabels(drawn)
    text.set_axis_off()
    told = text.text(0, 1, "\n".join(words), va="top", color=INK, fontsize=9, linespacing=1.35)
    told.set_in_layout(False)
    figure.suptitle(_title(protocol, hr_bpm), x=0.012, ha="left", color=INK, fontsize=12)
    figure.savefig(target, dpi=130, format=form)


def _title(protocol: Protocol, hr_bpm: float | None) -> str:
    cues = any(phase.until for phase in protocol.stretches)
    parts = [f"{'at most ' if cues else ''}{protocol.duration_s / 60:g} min", protocol.arm]
    if any(segment.reads_heart_rate for segment in segments(protocol)):
        heart = "no heart rate known" if hr_bpm is None else f"heart rate {hr_bpm:g} per minute"
        parts.append(f"as planned for a listener who follows, {heart}")
    return f"{protocol.title}  ·  {protocol.id} v{protocol.version}\n" + "  ·  ".join(parts)


def _panels(plan: _Plan) -> list[_Panel]:
    """Return the panels that show something: without music the strip alone, without swells no breathing."""
    music = [point.music for point in plan.points if point.music.sounding]
    swells = any(state.breath_rate and state.breath_depth for state in music)
    without = set() if swells else {"breath"}
    return [panel for name, panel in _PANELS.items() if name not in without] if music else [_PANELS["strip"]]


def _words(protocol: Protocol) -> Iterator[str]:
    """Yield lines of text about cues, questions, marks and goals."""
    stretches = protocol.stretches
    asked = [
        f"{phase.name}: " + ", ".join(f"{asked.scale} ({asked.at})" for asked in phase.ratings)
        for phase in stretches
        if phase.ratings
    ]
    marks = [
        f"{phase.name}: {text} ({end})"
        for phase in stretches
        for end, text in (("begin", phase.markers.begin), ("end", phase.markers.end))
        if text
    ]
    cues = [f"{phase.name} ends at {phase.until.cue}" for phase in stretches if phase.until]
    goals = [
        f"{goal.name} ({goal.measure} {goal.change:+g}, from {start} to {end})"
        for goal in protocol.goals
        for start, end in [span_of(goal, protocol.stretches)]
    ]
    for head, items in (("Cues", cues), ("◆ Asked", asked), ("▼ Marked", marks), ("Goals", goals)):
        if items:
            yield from textwrap.wrap(f"{head}  {' · '.join(items)}", 150, subsequent_indent="     ")


def _draw_strip(axes: Axes, plan: _Plan) -> None:
    """Draw the phases as a strip, with their cues, ratings and marks."""
    for segment in segments(plan.protocol):
        start, end = segment.start_s / 60, segment.end_s / 60
        axes.axvspan(start, end, 0, 0.65, color=KINDS.get(segment.kind, "#dde1e5"), linewidth=0)
        axes.plot([end, end], [0, 0.68], color="white", linewidth=2)
        share = segment.duration_s / plan.protocol.duration_s
        narrow = share < LETTER * len(segment.name)
        kind = segment.kind if segment.target.sounding else "silence"
        until = segment.phase.until
        below = f"until {until.cue}" if until else ("" if segment.name.startswith(kind) else kind)
        axes.annotate(
            f"{segment.name}\n({below})" if below and share > LETTER * len(below) else segment.name,
            ((start + end) / 2, 0.35),
            ha="center",
            va="center",
            rotation=90 if narrow else 0,
            color=INK,
            fontsize=7.5 if narrow else 9,
        )
        for asked in segment.phase.ratings:
            axes.plot(start if asked.at == "begin" else end, 0.8, "D", color=BREATH, clip_on=False)
        for at, text in ((start, segment.phase.markers.begin), (end, segment.phase.markers.end)):
            if text:
                axes.plot(at, 1.0, "v", color=MODE, clip_on=False)
    axes.set_ylim(0, 1.05)
    axes.set_yticks([])


def _draw_tempo(axes: Axes, plan: _Plan) -> None:
    tempi, hr_bpm = plan.values("tempo_bpm"), plan.hr_bpm
    axes.plot(plan.minutes, tempi, color=TEMPO, linewidth=2.4)
    shown = [*tempi[np.isfinite(tempi)], plan.protocol.default_tempo_bpm]
    if hr_bpm is not None and any(segment.reads_heart_rate for segment in segments(plan.protocol)):
        shown.append(hr_bpm)
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
    middle, half = (max(shown) + min(shown)) / 2, max((max(shown) - min(shown)) / 2, 6)
    axes.set_ylim(middle - half - 4, middle + half + 6)
    for index in (0, -1):
        at = np.flatnonzero(np.isfinite(tempi))[index]
        axes.annotate(
            f"{tempi[at]:.0f}",
            (plan.minutes[at], tempi[at]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="left" if index == 0 else "right",
            color=TEMPO,
            fontsize=10,
            fontweight="bold",
        )
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, steps=[1, 2, 5, 10]))


def _draw_mode(axes: Axes, plan: _Plan) -> None:
    modes = list(Mode)
    axes.step(plan.minutes, plan.values("mode"), where="post", color=MODE, linewidth=2.4)
    axes.set_ylim(-0.12, 1.12)
    axes.set_yticks([mode.openness for mode in modes], [mode.name.lower() for mode in modes])


def _draw_texture(axes: Axes, plan: _Plan) -> None:
    for (name, colour), width in zip(TEXTURE.items(), WIDTHS, strict=True):
        axes.plot(plan.minutes, plan.values(name), color=colour, linewidth=width, label=name)
    axes.set_ylim(-0.03, 1.03)
    axes.legend(
        ncols=len(TEXTURE), loc="upper left", frameon=False, fontsize=8.5, labelcolor=INK, handlelength=1.4
    )


def _draw_layers(axes: Axes, plan: _Plan) -> None:
    axes.fill_between(
        plan.minutes, 0, plan.values("layers"), step="post", color=TEMPO, alpha=0.35, linewidth=0
    )
    axes.set_ylim(0, len(LAYERS) + 0.4)
    axes.set_yticks([0, 2, 4, 6, 8])


def _draw_level(axes: Axes, plan: _Plan) -> None:
    levels = plan.values("level_db")
    axes.plot(plan.minutes, levels, color=LEVEL, linewidth=2.2)
    axes.set_ylim(min(-6.0, float(np.nanmin(levels)) - 1.0), 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def _draw_breath(axes: Axes, plan: _Plan) -> None:
    rates, depths = plan.values("breath_rate"), plan.values("breath_depth")
    rates = np.where(depths > 0, rates, np.nan)
    for sign in (-1, 1):  # the line is as thick as the swells are deep
        axes.fill_between(
            plan.minutes, rates, rates + sign * depths / 2, step="post", color=BREATH, linewidth=0
        )
    axes.set_ylim(0, max(8.0, float(np.nanmax(rates)) + 2))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def _shade(axes: Axes, protocol: Protocol) -> None:
    for index, segment in enumerate(segments(protocol)):
        shade = SHADES[index % 2] if segment.target.sounding else SILENT
        axes.axvspan(segment.start_s / 60, segment.end_s / 60, color=shade, linewidth=0, zorder=0)
    axes.grid(axis="y", color="white", linewidth=1)
    axes.set_axisbelow(True)


class _Panel(NamedTuple):
    """A panel of the plot: its height in inches, the label of its axis, and what draws it."""

    height: float
    label: str
    draw: Callable[[Axes, _Plan], None]


_PANELS = {
    "strip": _Panel(1.2, "", _draw_strip),
    "tempo": _Panel(2.1, "tempo, bpm", _draw_tempo),
    "mode": _Panel(1.3, "mode", _draw_mode),
    "texture": _Panel(1.7, "texture", _draw_texture),
    "layers": _Panel(0.9, "layers", _draw_layers),
    "level": _Panel(0.9, "level, dB", _draw_level),
    "breath": _Panel(0.9, "swells / min", _draw_breath),
}
