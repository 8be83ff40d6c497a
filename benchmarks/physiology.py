"""Accuracy, delay and cost of the live physiology on real recordings, next to what else could be used.

Usage: ``python benchmarks/physiology.py DATA [--only NAME...]``. DATA is a folder of public recordings:
``mitbih/``, ``nstdb/``, ``neurokit/`` and others, as each part below says. Prints one JSON; exits with 1 if
what was reached once is lost.

A part is a module of this folder with ``figures(data) -> dict``; ``goals_not_reached(figures)`` (which may
be left out) and ``missed(figures)``, both lists of words, compare them with the goals and with the ratchet
of what was reached, which only rises.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

# Run as a script, this file would hide the package whose name it bears.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

PARTS = {
    "beats": "beat_figures",
    "breathing": "breathing_figures",
    "cost": "cost_figures",
    "formats": "format_figures",
    "memory": "memory_figures",
    "peer": "peer_figures",
    "skin": "skin_figures",
}
"""What ``--only`` takes, and the module that measures it."""

ONLY_IF_ASKED = {"memory", "peer"}
"""Eight hours of input take minutes, and so does another program's pipeline."""


def main() -> int:
    """Run the parts asked for and print their figures."""
    parser = argparse.ArgumentParser(description="Accuracy, delay and cost of the live physiology.")
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with mitbih/, neurokit/ ...")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=[name for name in PARTS if name not in ONLY_IF_ASKED],
        metavar="NAME",
    )
    asked = parser.parse_args()
    if not (asked.data / "mitbih").is_dir():
        parser.error(f"{asked.data} holds no folder mitbih/")
    warnings.simplefilter("ignore")
    results: dict[str, Any] = {}
    goals_not_reached: list[str] = []
    missed: list[str] = []
    for name in asked.only:
        part = importlib.import_module(f"benchmarks.{PARTS[name]}")
        results[name] = part.figures(asked.data)
        # A part whose goals are all reached has nothing but its ratchet.
        goals_not_reached += getattr(part, "goals_not_reached", part.missed)(results[name])
        missed += part.missed(results[name])
    print(json.dumps({**results, "goals_not_reached": goals_not_reached, "missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
