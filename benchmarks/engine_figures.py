"""What the sound costs and whether it repeats itself to the sample: each figure from a process of its own."""

from __future__ import annotations

import json
import os
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

RESIDENT_MB = 500.0
"""The most that the process holds in the richest state."""

COLD_START_S = 3.0
"""From the first import of a fresh process to the first sound, samples in the cache; best of three. It is CPU
time: what else the machine does is not judged."""

GROWTH_MB_PER_HOUR = 5.0
WARM_MINUTES = 4
"""Until then the allocator's arenas fill: .09 MB a minute after two minutes, .03 from six on."""


def measured(module: str, *arguments: str) -> dict[str, Any]:
    """Return what a module of this folder measures in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYO_GUI_WX": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def figures(*, long: bool = False) -> dict[str, Any]:
    """Return cost, memory and determinism; `long`: memory over two hours in place of eight minutes."""
    found: dict[str, Any] = {}
    for palette in PALETTES:
        runs = [measured("engine_child", palette, NATURES[-1], "5") for _ in range(2)]
        # On a busy machine the fastest stretch tells least of other work; a ratio has it on both sides.
        times_real = [stretch for run in runs for stretch in run["times_real"]]
        found[palette] = {
            "times_real": round(max(times_real), 1),
            "times_real_median": round(median(times_real), 1),
            "to_transform": round(median(ratio for run in runs for ratio in run["to_transform"]), 2),
            "resident_mb": round(max(max(run["resident_mb"]) for run in runs)),
            "same_samples": runs[0]["sha256"] == runs[1]["sha256"],
        }
    minutes = 120 if long else 8
    own = measured("engine_child", PALETTES[0], NATURES[0], str(minutes * 60))["own_mb"]
    starts = [measured("cold_start", PALETTES[0]) for _ in range(3)]
    hours = (minutes - WARM_MINUTES) / 60
    return {
        "richest_state": found,
        "cold_start": {
            "cpu_s": round(min(start["cpu_s"] for start in starts), 2),
            "wall_s": round(min(start["wall_s"] for start in starts), 2),
            "sounded": all(start["sounded"] for start in starts),
        },
        "memory": {
            "minutes": minutes,
            "warm_mb": round(own[WARM_MINUTES], 1),
            "at_the_end_mb": round(own[-1], 1),
            "growth_mb_per_hour": round((own[-1] - own[WARM_MINUTES]) / hours, 2),
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
        if run["resident_mb"] > RESIDENT_MB:
            lines.append(f"{palette} holds {run['resident_mb']} MB")
        if not run["same_samples"]:
            lines.append(f"{palette} does not repeat itself to the sample")
    start = found["cold_start"]
    if not start["sounded"]:
        lines.append("no sound after a cold start")
    if start["cpu_s"] > COLD_START_S:
        lines.append(f"a cold start takes {start['cpu_s']} s")
    growth = found["memory"]["growth_mb_per_hour"]
    return lines + ([f"memory grows by {growth} MB an hour"] if growth > GROWTH_MB_PER_HOUR else [])
