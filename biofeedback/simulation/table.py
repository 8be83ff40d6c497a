"""Simulated sessions as rows: a CSV for programs, a table in Markdown for people."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from biofeedback.analysis.formatting import WITHHELD, clock, number
from biofeedback.models import EndReason
from biofeedback.recording.storage import atomic_path
from biofeedback.simulation.runs import Simulated

HEADINGS = (
    "persona",
    "length",
    "in target",
    "holds",
    "steps back",
    "plateaus",
    "tempo limited",
    "HR, start → end",
    "change",
    "activation, end",
    "questions",
    "goals",
    "ended",
)


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
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(_cells(run, seeded=seeded) for run in runs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(run: Simulated, *, seeded: bool) -> tuple[str, ...]:
    of, trial = run.outcome, run.trial
    who = trial.persona
    who += "" if trial.kappa == 1.0 else f", κ {trial.kappa:g}"
    who += f", seed {trial.seed}" if seeded else ""
    span = f"{_told(of.hr_start_bpm, 1)} → {_told(of.hr_end_bpm, 1)}"
    return (
        who,
        clock(of.duration_s),
        WITHHELD if of.in_target is None else f"{100 * of.in_target:.0f} %",
        str(of.holds),
        str(of.step_backs),
        str(of.plateaus),
        str(of.limited),
        span,
        _told(of.hr_change_bpm, 1, signed=True),
        _told(of.activation_end, 2, signed=True),
        str(of.questions),
        f"{of.goals_reached} of {of.goals}" if of.goals else WITHHELD,
        run.fault or ("complete" if of.ended == EndReason.COMPLETE else of.ended),
    )


def _told(value: float | None, digits: int, *, signed: bool = False) -> str:
    return WITHHELD if value is None else number(value, digits, signed=signed)
