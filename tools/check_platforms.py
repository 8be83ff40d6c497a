"""Resolve what the product needs from wheels alone, for the machines that therapists have.

    .venv/bin/python tools/check_platforms.py

For Windows x64, macOS arm64 and Linux x86-64 on every Python that pyproject.toml admits. A package without
a wheel for one of them would ask for a compiler. Needs the network; without it the check is left out, and
says so.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = ("windows", "aarch64-apple-darwin", "x86_64-unknown-linux-gnu")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
NO_NETWORK = (
    "Failed to fetch",
    "error sending request",
    "dns error",
    "Could not connect",
    "Connection refused",
)


def resolve(system: str, python: str) -> str:
    """Return why the requirements cannot be met from wheels; empty where they can."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:"),
            *("--python-platform", system, "--python-version", python),
            *("--constraints", "constraints.txt", "pyproject.toml"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def main() -> int:
    """Resolve for every system and Python; return the exit status."""
    pairs = list(product(SYSTEMS, PYTHONS))
    with ThreadPoolExecutor(4) as pool:
        faults = list(pool.map(lambda pair: resolve(*pair), pairs))
    failed = False
    for (system, python), fault in zip(pairs, faults, strict=True):
        if any(sign in fault for sign in NO_NETWORK):
            print("platforms: not checked, for there is no network")
            return 0
        if fault:
            failed = True
            print(f"platforms: {system}, Python {python}:\n{fault}")
    if not failed:
        print(f"platforms: wheels for {', '.join(SYSTEMS)} on Python {', '.join(PYTHONS)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
