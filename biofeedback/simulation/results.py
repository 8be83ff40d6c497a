"""Results of simulated sessions as CSV, as a Markdown table and as plots."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from biofeedback.analysis.measures import WITHHELD, clock, number
from biofeedback.models import EndReason
from biofeedback.recording.storage import atomic_path
from biofeedback.simulation.runs import Simulated

INK, FAINT = "#22303c", "#8a97a3"
HEART, ACTIVATION, TEMPO, HELD = "#b5473c", "#4d7c57", "#2a6f97", "#ecd9e8"
SHADES = ("#f4f7f9", "#e9f0f4")
COLUMNS = 2


def write_csv(runs: Iterable[Simulated], path: Path) -> None:
    """Write one row for each session: what was simulated, its figures, and its cost; None is empty."""
    rows = [
        {
            "protocol": run.trial.protocol.id,
            "persona": run.trial.persona,
            "seed": run.trial.seed,
            "kappa": run.trial.kappa,
            **asdict(run.outcome),
            "fault": run.fault,
            "cpu_s": round(run.cpu_s, 2),
        }
        for run in runs
    ]
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
            for row in rows
        )


def markdown(runs: Sequence[Simulated]) -> str:
    """Return a table for each protocol, a row for each session."""
    by_protocol: dict[str, list[Simulated]] = {}
    for run in runs:
        by_protocol.setdefault(run.trial.protocol.id, []).append(run)
    return "\n\n".join(
        f"**{name}** – {rows[0].trial.protocol.title}\n\n{_table(rows)}" for name, rows in by_protocol.items()
    )


def _table(runs: Sequence[Simulated]) -> str:
    seeded = len({run.trial.seed for run in runs}) > 1
    rows = [_cells(run, seeded=seeded) for run in runs]
    lines = [rows[0], ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(run: Simulated, *, seeded: bool) -> dict[str, str]:
    of = run.outcome
    return {
        "persona": _listener(run) + (f", seed {run.trial.seed}" if seeded else ""),
        "length": clock(of.duration_s),
        "in target": WITHHELD if of.in_target is None else f"{100 * of.in_target:.0f} %",
        "holds": str(of.holds),
        "steps back": str(of.step_backs),
        "plateaus": str(of.plateaus),
        "tempo limited": str(of.limited),
        "HR, start → end": f"{number(of.hr_start_bpm, 1)} → {number(of.hr_end_bpm, 1)}",
        "change": number(of.hr_change_bpm, 1, signed=True),
        "activation, end": number(of.activation_end, 2, signed=True),
        "questions": str(of.questions),
        "goals": f"{of.goals_reached} of {of.goals}" if of.goals else WITHHELD,
        "ended": run.fault or ("complete" if of.ended == EndReason.COMPLETE else of.ended),
    }


def _listener(run: Simulated) -> str:
    """Return the persona, and how strongly music acts on it where this is not as usual."""
    trial = run.trial
    return trial.persona if trial.kappa == 1.0 else f"{trial.persona}, κ {trial.kappa:g}"


def draw(runs: Sequence[Simulated], path: Path) -> None:
    """Draw sessions of one protocol into a PNG file: tempo asked and heart rate above, activation below.

    Parameters
    ----------
    runs : sequence of Simulated
        All of one protocol.
    path : Path
        The file to write.

    Raises
    ------
    OSError
        Where the file cannot be written.
    """
    rows = -(-len(runs) // COLUMNS)
    figure = Figure(figsize=(11, 0.9 + 2.0 * rows), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        2 * rows, COLUMNS, sharex=True, squeeze=False, gridspec_kw={"height_ratios": [1.7, 1.0] * rows}
    )
    ends = _range(runs)
    pairs = [pair for row in range(rows) for pair in zip(grid[2 * row], grid[2 * row + 1], strict=True)]
    for run, (rates, activation) in zip(runs, pairs, strict=False):
        _draw_rates(rates, run, ends)
        _draw_activation(activation, run)
        for axes in (rates, activation):
            _dress(axes, run)
    for axes in chain(*pairs[len(runs) :]):
        axes.set_axis_off()
    for _, lowest in pairs[: len(runs)][-COLUMNS:]:
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("minutes", color=INK, fontsize=8)
        lowest.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    protocol = runs[0].trial.protocol
    figure.suptitle(
        f"{protocol.title}  ·  {protocol.id} v{protocol.version}, {protocol.arm}, on virtual listeners",
        x=0.012,
        ha="left",
        color=INK,
        fontsize=11,
    )
    _explain(figure)
    with atomic_path(path) as part:
        figure.savefig(part, dpi=100, format="png")


def _draw_rates(axes: Axes, run: Simulated, ends: tuple[float, float]) -> None:
    traces = run.traces
    axes.step(traces.asked_s / 60, traces.tempo_bpm, where="post", color=TEMPO, linewidth=1.8)
    axes.plot(traces.times_s / 60, traces.hr_bpm, color=HEART, linewidth=1.1)
    axes.set_ylim(*ends)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set_title(_picture_title(run), loc="left", fontsize=9, color=INK, pad=3)


def _picture_title(run: Simulated) -> str:
    of = run.outcome
    told = [_listener(run)]
    if of.in_target is not None:
        told.append(f"{100 * of.in_target:.0f} % in target")
    for count, one, more in (
        (of.holds, "hold", "holds"),
        (of.step_backs, "step back", "steps back"),
        (of.plateaus, "plateau", "plateaus"),
    ):
        if count:
            told.append(f"{count} {one if count == 1 else more}")
    return " · ".join(told)


def _draw_activation(axes: Axes, run: Simulated) -> None:
    axes.axhline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.plot(run.traces.times_s / 60, run.traces.activation, color=ACTIVATION, linewidth=1.1)
    axes.set_ylim(-3.1, 3.1)
    axes.set_yticks([-2, 0, 2])


def _dress(axes: Axes, run: Simulated) -> None:
    for index, phase in enumerate(run.traces.phases):
        axes.axvspan(phase.begin_s / 60, phase.end_s / 60, color=SHADES[index % 2], linewidth=0, zorder=0)
    for begin_s, end_s in run.traces.held:
        axes.axvspan(begin_s / 60, end_s / 60, color=HELD, linewidth=0, zorder=0.5)
    axes.set_xlim(0, run.outcome.duration_s / 60)
    axes.grid(axis="y", color="white", linewidth=0.8)
    axes.tick_params(colors=INK, labelsize=7.5, length=0)
    axes.spines[:].set_visible(False)


def _range(runs: Sequence[Simulated]) -> tuple[float, float]:
    """Return the range of heart rate and tempo that all the pictures share."""
    every = np.concatenate([[60.0, 80.0], *(np.r_[run.traces.hr_bpm, run.traces.tempo_bpm] for run in runs)])
    known = every[np.isfinite(every)]
    return float(known.min()) - 2.0, float(known.max()) + 2.0


def _explain(figure: Figure) -> None:
    parts = (
        ("tempo asked, bpm", TEMPO),
        ("heart rate, bpm", HEART),
        ("activation, z (0: own baseline)", ACTIVATION),
    )
    lines = [Line2D([], [], color=colour, linewidth=2, label=name) for name, colour in parts]
    figure.legend(
        handles=[*lines, Patch(color=HELD, label="held")],
        loc="outside lower left",
        ncols=4,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
    )
