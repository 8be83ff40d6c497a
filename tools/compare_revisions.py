"""Run the same virtual sessions with two revisions and compare what they recorded.

    .venv/bin/python tools/compare_revisions.py BEFORE AFTER

A virtual run follows from its arguments alone, so a change that is not meant to change the product leaves
every numeric stream, every note and every sample of sound as it was. Streams of text (decisions, markers,
commands) may change their words: their differences are printed, and do not count as a failure. Exit status 1
if numbers differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyxdf
import soundfile

ROOT = Path(__file__).resolve().parents[1]
RECORDING = ROOT / "tests" / "fixtures" / "version-0.1" / "silent" / "session.xdf"
SHOWN = 5
"""Differences of text that are printed for each stream."""

COMMANDS = (
    '40:{"name": "marker", "text": "a cough"}',
    '60:{"name": "volume", "db": -6}',
    '80:{"name": "hold"}',
    '100:{"name": "resume"}',
    '120:{"name": "intensify"}',
    '140:{"name": "note", "text": "eyes closed"}',
)


@dataclass(frozen=True, slots=True)
class Case:
    """A session that both revisions carry out.

    Attributes
    ----------
    name : str
        What it is called in the output.
    protocol : str
        Of the library of the first revision: both carry out the same version of it.
    arguments : tuple of str
        Of ``biofeedback run``, but its protocol and directory.
    """

    name: str
    protocol: str
    arguments: tuple[str, ...]


def _listener(persona: str, *arguments: str, seed: int) -> tuple[str, ...]:
    return ("--input", f"listener=virtual:{persona}", "--seed", str(seed), *arguments)


CASES = (
    Case(
        "relaxation, with sound and commands",
        "isoprinciple-relaxation",
        (
            *_listener("responder", "--audio", "file", seed=1),
            *(part for command in COMMANDS for part in ("--command", command)),
        ),
    ),
    Case("U-arc", "u-arc", _listener("nonresponder", "--audio", "none", "--palette", "harp-bells", seed=2)),
    Case("research", "isoprinciple-research", _listener("startle", "--audio", "none", seed=3)),
    Case(
        "breathing",
        "resonance-breathing",
        _listener("population", "--audio", "none", "--nature", "wind", seed=4),
    ),
    Case(
        "faults on purpose",
        "isoprinciple-relaxation",
        _listener(
            "habituating",
            *("--audio", "none", "--palette", "soft-strings"),
            *(
                "--inject",
                "ecg:gap@120+40",
                "--inject",
                "eda:lead-off@200+60",
                "--inject",
                "ecg:ectopic@300+60",
            ),
            seed=5,
        ),
    ),
    Case(
        "a recording",
        "open-loop-relaxation",
        (
            *("--input", f"ecg={RECORDING}:ecg", f"eda={RECORDING}:eda"),
            *("--audio", "none", "--seed", "6"),
        ),
    ),
)


@dataclass(slots=True)
class Differences:
    """What two recordings of one case do not share.

    Attributes
    ----------
    numbers : list of str
        Streams, notes or samples that differ; none may.
    texts : list of str
        A line before and after for each text that differs.
    """

    numbers: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def main() -> int:
    """Compare the two revisions and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", help="revision, or the folder of a checkout")
    parser.add_argument("after", help="revision, or the folder of a checkout", nargs="?", default=str(ROOT))
    parser.add_argument("--only", help="cases whose name contains this", default="")
    given = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before, after = (
            _checkout(revision, folder / side)
            for revision, side in ((given.before, "before"), (given.after, "after"))
        )
        for number, case in enumerate(case for case in CASES if given.only in case.name):
            protocol = before / "protocols" / "library" / f"{case.protocol}.yaml"
            recorded = [
                _run(case, protocol, checkout, folder / f"{side}-{number}")
                for checkout, side in ((before, "old"), (after, "new"))
            ]
            found = compare(*recorded)
            failed |= bool(found.numbers)
            print(f"{case.name}: {'; '.join(found.numbers) or 'the same numbers, notes and samples'}")
            for line in found.texts:
                print(f"    {line}")
        for side in ("before", "after"):
            if (folder / side).exists():
                _git("worktree", "remove", "--force", str(folder / side))
    return int(failed)


def _checkout(revision: str, folder: Path) -> Path:
    if Path(revision).is_dir():
        return Path(revision).resolve()
    _git("worktree", "add", "--detach", "--quiet", str(folder), revision)
    return folder


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(ROOT), *arguments], check=True)


def _run(case: Case, protocol: Path, checkout: Path, directory: Path) -> Path:
    """Carry out a session with the code of a checkout; return its directory."""
    command = [
        "run",
        "--protocol",
        str(protocol),
        *case.arguments,
        "--out",
        str(directory),
        "--cautions-confirmed",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "biofeedback", *command],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{case.name}: {checkout} exited with {done.returncode}\n{done.stderr}")
    return directory


def compare(before: Path, after: Path) -> Differences:
    """Return what the sessions in two directories do not share."""
    found = Differences()
    old, new = _streams(before), _streams(after)
    if missing := old.keys() - new.keys():
        found.numbers.append(f"streams are missing: {sorted(missing)}")
    for name in sorted(old.keys() & new.keys()):
        if isinstance(old[name]["time_series"], np.ndarray):
            _compare_numbers(name, old[name], new[name], found)
        else:
            found.texts += _text_differences(name, old[name], new[name])
    midi = [(directory / "score.mid").read_bytes() for directory in (before, after)]
    if midi[0] != midi[1]:
        found.numbers.append("score.mid differs")
    if (before / "audio.flac").exists():
        sound = [soundfile.read(directory / "audio.flac", dtype="int32")[0] for directory in (before, after)]
        if not np.array_equal(*sound):
            found.numbers.append("samples of sound differ")
    return found


def _streams(directory: Path) -> dict[str, dict[str, Any]]:
    streams, _ = pyxdf.load_xdf(
        directory / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False, verbose=False
    )
    return {stream["info"]["name"][0]: stream for stream in streams}


def _compare_numbers(name: str, old: dict[str, Any], new: dict[str, Any], found: Differences) -> None:
    same_times = np.array_equal(old["time_stamps"], new["time_stamps"])
    if not same_times or not np.array_equal(old["time_series"], new["time_series"], equal_nan=True):
        found.numbers.append(f"stream {name} differs")


def _text_differences(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    lines = [
        [
            f"{t:.3f} {json.dumps(json.loads(row[0]), sort_keys=True, ensure_ascii=False)}"
            for t, row in zip(stream["time_stamps"], stream["time_series"], strict=True)
        ]
        for stream in (old, new)
    ]
    gone = [line for line in lines[0] if line not in set(lines[1])]
    come = [line for line in lines[1] if line not in set(lines[0])]
    if gone or come:
        yield f"{name}: {len(gone)} lines of {len(lines[0])} are gone, {len(come)} of {len(lines[1])} are new"
    for before, after in list(zip(gone, come, strict=False))[:SHOWN]:
        yield f"  - {before}"
        yield f"  + {after}"


if __name__ == "__main__":
    sys.exit(main())
