"""The music, measured from outside: with tools that share no code with what makes it.

Usage: ``python benchmarks/music.py [--only NAME...] [--long]``. Prints one JSON; exits with 1 if what was
reached once is lost. ``--long`` renders hours where minutes are rendered otherwise.

A part is a module of this folder with ``figures() -> dict`` (with ``long`` or ``quick`` where it matters) and
``missed(figures)``, a list of words; where a goal lies above the ratchet of what was reached, also
``goals_not_reached(figures)``.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

# Run as a script, this file would hide the packages beside its folder.
sys.path[0] = str(Path(__file__).resolve().parent.parent)
os.environ.setdefault("OMP_NUM_THREADS", "1")

PARTS = {
    "composition": "composition_figures",
    "sound": "sound_figures",
    "melody": "melody_figures",
    "tempo": "tempo_figures",
    "safety": "safety_figures",
    "engine": "engine_figures",
    "tunes": "tune_figures",
    "form": "form_figures",
    "room": "room_figures",
    "timbre": "timbre_figures",
}
"""What ``--only`` takes, and the module that measures it."""


def cpu_s() -> float:
    """Return the processor time of this process and of those it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> int:
    """Run the parts asked for and print their figures."""
    parser = argparse.ArgumentParser(description="The music, measured from outside.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME")
    parser.add_argument("--long", action="store_true", help="hours in place of minutes")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    results: dict[str, Any] = {}
    goals_not_reached: list[str] = []
    missed: list[str] = []
    for name in asked.only:
        part = importlib.import_module(f"benchmarks.{PARTS[name]}")
        began = cpu_s()
        lengths = {"long": asked.long, "quick": not asked.long}
        taken = inspect.signature(part.figures).parameters
        results[name] = part.figures(**{key: value for key, value in lengths.items() if key in taken})
        missed += [f"{name}: {what}" for what in part.missed(results[name])]
        if hasattr(part, "goals_not_reached"):
            goals_not_reached += [f"{name}: {what}" for what in part.goals_not_reached(results[name])]
        results[name]["cpu_s"] = round(cpu_s() - began, 1)
    print(json.dumps({**results, "goals_not_reached": goals_not_reached, "missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
