"""What the sound costs and whether it repeats itself to the sample: each figure from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from generator.state import NATURES, PALETTES

ROOT = Path(__file__).resolve().parent.parent

TIMES_REAL = 15.0
"""The goal on a laptop of today, alone on a core. It is not judged: machines differ in speed by the hour."""

TO_TRANSFORM = 5.5
"""A second of the richest state costs at most so many times 100 transforms of a second of sound by NumPy in
the same process (median). Measured on a machine that rendered only 6 to 8 times real time: 2.9 to 3.9."""

GROWTH_MB_PER_HOUR = 5.0
WARM_MINUTES = 4
"""Until then the allocator's arenas fill: .09 MB a minute after two minutes, .03 from six on."""


def measured(palette: str, nature: str, seconds: int) -> dict[str, Any]:
    """Render the richest state in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine_child", palette, nature, str(seconds)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "", "PYO_GUI_WX": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def figures(*, long: bool = False) -> dict[str, Any]:
    """Return cost, memory and determinism; `long`: memory over two hours in place of eight minutes."""
    found: dict[str, Any] = {}
    for palette in PALETTES:
        runs = [measured(palette, NATURES[-1], 10) for _ in range(2)]
        # On a busy machine the fastest stretch tells least of other work; a ratio has it on both sides.
        times_real = [stretch for run in runs for stretch in run["times_real"]]
        found[palette] = {
            "times_real": round(max(times_real), 1),
            "times_real_median": round(median(times_real), 1),
            "to_transform": round(median(ratio for run in runs for ratio in run["to_transform"]), 2),
            "same_samples": runs[0]["sha256"] == runs[1]["sha256"],
        }
    minutes = 120 if long else 8
    resident = measured(PALETTES[0], NATURES[0], minutes * 60)["resident_mb"]
    hours = (minutes - WARM_MINUTES) / 60
    return {
        "richest_state": found,
        "memory": {
            "minutes": minutes,
            "warm_mb": round(resident[WARM_MINUTES], 1),
            "at_the_end_mb": round(resident[-1], 1),
            "growth_mb_per_hour": round((resident[-1] - resident[WARM_MINUTES]) / hours, 2),
        },
    }


def goals_not_reached(found: dict[str, Any]) -> list[str]:
    """Return the goals that are not reached on this machine, in words."""
    runs = found["richest_state"].items()
    return [
        f"{name} {run['times_real']} times real time" for name, run in runs if run["times_real"] < TIMES_REAL
    ]


def missed(found: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    lines = []
    for palette, run in found["richest_state"].items():
        if run["to_transform"] > TO_TRANSFORM:
            lines.append(f"{palette} costs {run['to_transform']} times the transforms")
        if not run["same_samples"]:
            lines.append(f"{palette} does not repeat itself to the sample")
    growth = found["memory"]["growth_mb_per_hour"]
    return lines + ([f"memory grows by {growth} MB an hour"] if growth > GROWTH_MB_PER_HOUR else [])
