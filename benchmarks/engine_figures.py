"""What the sound costs and whether it repeats itself to the sample: each figure from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from generator.state import NATURES, PALETTES

ROOT = Path(__file__).resolve().parent.parent

TIMES_REAL = 15.0
TIMES_REAL_REACHED = 9.0
"""With a bed of rain and on a machine that is busy besides; alone on a core the goal is for all palettes."""

GROWTH_MB_PER_HOUR = 5.0

SETTING = """
import hashlib, json, os, resource, sys, time
import numpy as np
from generator.render import VirtualPlayer
from generator.state import MusicState, Piece

STATE = MusicState(tempo_bpm=120.0, density=1.0, layers=8, brightness=1.0, articulation=0.5, breath_rate=6.0,
                   breath_depth=1.0)
PIECE = Piece(palette=sys.argv[1], nature=sys.argv[2], seed=11)
SECONDS = int(sys.argv[3])

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
"""

COST = """
digest, resident = hashlib.sha256(), []
with VirtualPlayer(PIECE, sound=True) as player:
    for _ in range(100):
        player.step(STATE)
    stretches = []
    for second in range(SECONDS):
        if second % 5 == 0:
            began = time.process_time()
        for _ in range(20):
            digest.update(player.step(STATE).audio.tobytes())
        if second % 5 == 4:
            stretches.append(5 / (time.process_time() - began))
        if second % 60 == 0:
            resident.append(resident_mb())
    resident.append(resident_mb())
print(json.dumps({"sha256": digest.hexdigest(), "times_real": stretches, "resident_mb": resident}))
"""


def measured(palette: str, nature: str, seconds: int) -> dict[str, Any]:
    """Render the richest state in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", SETTING + COST, palette, nature, str(seconds)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "", "PYO_GUI_WX": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def figures(*, long: bool = False) -> dict[str, Any]:
    """Return cost, memory and determinism; `long`: memory over two hours in place of four minutes."""
    found: dict[str, Any] = {}
    for palette in PALETTES:
        runs = [measured(palette, NATURES[-1], 10) for _ in range(2)]
        # On a busy machine all stretches but the fastest tell of its other work.
        stretches = sorted(runs[0]["times_real"] + runs[1]["times_real"])
        found[palette] = {
            "times_real": round(stretches[-1], 1),
            "times_real_median": round(stretches[len(stretches) // 2], 1),
            "same_samples": runs[0]["sha256"] == runs[1]["sha256"],
        }
    minutes = 120 if long else 4
    resident = measured(PALETTES[0], NATURES[0], minutes * 60)["resident_mb"]
    hours = (minutes - 2) / 60
    return {
        "richest_state": found,
        "memory": {
            "minutes": minutes,
            "after_2_min_mb": round(resident[2], 1),
            "at_the_end_mb": round(resident[-1], 1),
            "growth_mb_per_hour": round((resident[-1] - resident[2]) / hours, 2),
        },
    }


def slower_than(found: dict[str, Any], times: float) -> list[str]:
    """Return which palettes are slower, in words."""
    runs = found["richest_state"].items()
    return [f"{name} {run['times_real']} times real time" for name, run in runs if run["times_real"] < times]


def goals_not_reached(found: dict[str, Any]) -> list[str]:
    """Return the goals that are not reached yet, in words."""
    return slower_than(found, TIMES_REAL)


def missed(found: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    lines = slower_than(found, TIMES_REAL_REACHED)
    for palette, run in found["richest_state"].items():
        if not run["same_samples"]:
            lines.append(f"{palette} does not repeat itself to the sample")
    growth = found["memory"]["growth_mb_per_hour"]
    return lines + ([f"memory grows by {growth} MB an hour"] if growth > GROWTH_MB_PER_HOUR else [])
