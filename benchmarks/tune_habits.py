"""Habits of tunes, measured on what is played and on tunes made by people with the same code.

Usage: ``python benchmarks/tune_habits.py EVENTS.csv...`` prints each habit of the melodies in event tables
(``biofeedback render --events``), the range of people and whether the mean lies within it; it exits with 1 if
one does not. ``--json`` prints the values of each file. ``--learn`` measures the people again and writes
``tune_habits.json``.

A habit is measured in windows of 40 notes, every 20 notes, and its value for a melody is the median over the
windows; of a kind of tunes the median counts. Surprise is that of a listener who knows 1,000 folk songs
(`PatternModel`): of each interval, after the four intervals before it at most.

A new machine reads the tunes of people first, which takes some minutes; they are kept in the cache folder.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

if __name__ == "__main__":  # run as a script, this file would hide the packages beside its folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.human_tunes import Tune, measured_tunes, training_songs
from benchmarks.pattern_model import PatternModel

REFERENCES = Path(__file__).with_name("tune_habits.json")
KINDS = ("folk", "dance", "chorale", "vocal")

WINDOW, HOP = 40, 20
STEP, THIRD = 2, 4
"""The widest step and the widest third, in semitones."""

TURN = 4
GRID = 4
LONGEST = 8.0
"""Note lengths are rounded to a quarter of a beat; a wait of more than eight beats counts as eight."""

WIDENED, LEAST_SHARE, LEAST_BITS = 0.15, 0.03, 0.15
"""By how much the range of people is widened: a share of it, and at least so much."""

WIDEST = 12
"""An interval beyond an octave counts as an octave in the model."""

ALPHABET = 2 * WIDEST + 1


@cache
def folk_listener() -> PatternModel:
    """Return the model that has learnt the training songs."""
    model = PatternModel(ALPHABET)
    for song in training_songs():
        model.learn(clipped(intervals(song)))
    return model


def clipped(moves: Sequence[int]) -> list[int]:
    """Return intervals as the model knows them: none is wider than an octave."""
    return [max(-WIDEST, min(WIDEST, move)) for move in moves]


def intervals(tune: Tune) -> list[int]:
    """Return the semitones from note to note."""
    return [after - before for before, after in pairwise(tune.pitches)]


def lengths(tune: Tune) -> list[float]:
    """Return the beats from each note to the next, rounded to a quarter of a beat, eight at most."""
    return [min(LONGEST, round(GRID * (after - before)) / GRID) for before, after in pairwise(tune.onsets)]


def entropy(values: Iterable[object]) -> float:
    """Return the entropy of what is counted, in bits."""
    counts = Counter(values)
    return -sum(n / counts.total() * math.log2(n / counts.total()) for n in counts.values())


def turning_share(moves: Sequence[int]) -> float:
    """Return how often the melody changes its direction, as a share of its moves but the first.

    A repeated note is no move: what comes before it and after it follow each other.
    """
    going = [move for move in moves if move]
    return sum(a * b < 0 for a, b in pairwise(going)) / max(1, len(going) - 1)


def returning_share(moves: Sequence[int], size: int = TURN) -> float:
    """Return the share of turns, each of so many intervals, that occur more than once."""
    counts = Counter(tuple(moves[i : i + size]) for i in range(len(moves) - size + 1))
    return sum(n for n in counts.values() if n > 1) / counts.total()


def window_habits(moves: Sequence[int], waits: Sequence[float], bits: Sequence[float]) -> dict[str, float]:
    """Return the habits within one window, from its intervals, note lengths and surprises."""
    return {
        "surprise_bits": fmean(bits),
        "same_note": moves.count(0) / len(moves),
        "steps_and_repeats": sum(abs(move) <= STEP for move in moves) / len(moves),
        "thirds": sum(STEP < abs(move) <= THIRD for move in moves) / len(moves),
        "direction_changes": turning_share(moves),
        "commonest_length": max(Counter(waits).values()) / len(waits),
        "length_entropy_bits": entropy(waits),
        "returning_turns": returning_share(moves),
    }


def habits(tune: Tune) -> dict[str, float]:
    """Return the habits of a melody: for each the median over its windows.

    Raises
    ------
    ValueError
        If the melody has fewer notes than a window.
    """
    if len(tune.pitches) < WINDOW:
        raise ValueError(f"a melody of {len(tune.pitches)} notes; habits need {WINDOW}")
    moves, waits = intervals(tune), lengths(tune)
    bits = folk_listener().surprise(clipped(moves))
    windows = [slice(start, start + WINDOW - 1) for start in range(0, len(tune.pitches) - WINDOW + 1, HOP)]
    return medians([window_habits(moves[each], waits[each], bits[each]) for each in windows])


def medians(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: median(row[name] for row in rows) for name in rows[0]}


# --- people -----------------------------------------------------------------------------------------------


def learn() -> dict[str, dict[str, float]]:
    """Return the habits of each kind of tune made by people."""
    found = {}
    for kind in KINDS:
        each = [habits(tune) for tune in measured_tunes(kind)]
        found[kind] = {"tunes": len(each), **{name: round(at, 4) for name, at in medians(each).items()}}
    return found


def people() -> dict[str, dict[str, float]]:
    """Return the habits of each kind of tune as they are kept."""
    kept: dict[str, dict[str, float]] = json.loads(REFERENCES.read_text(encoding="utf-8"))
    return kept


@cache
def ranges() -> dict[str, tuple[float, float]]:
    """Return for each habit the range a tune is accepted in: that of people, widened.

    From the lowest to the highest of the kinds of tunes; each end lies further out by 15 % of their
    distance, and by .03 or .15 bit at least.
    """
    kinds = people()
    found = {}
    for name in kinds[KINDS[0]]:
        if name == "tunes":
            continue
        low, high = (f(kinds[kind][name] for kind in KINDS) for f in (min, max))
        wider = max(WIDENED * (high - low), LEAST_BITS if name.endswith("_bits") else LEAST_SHARE)
        found[name] = (low - wider, high + wider)
    return found


def missed(measured: dict[str, float]) -> list[str]:
    """Return which habits lie outside the range of people, in words."""
    return [
        f"{name} {measured[name]:.3g}, not {low:.3g} to {high:.3g}"
        for name, (low, high) in ranges().items()
        if not low <= measured[name] <= high
    ]


# --- command line -----------------------------------------------------------------------------------------


def read_tune(path: Path) -> Tune:
    """Return the melody of an event table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        notes = [(float(row["beat"]), int(row["pitch"])) for row in csv.DictReader(file) if is_melody(row)]
    notes.sort()
    return Tune(tuple(beat for beat, _ in notes), tuple(pitch for _, pitch in notes))


def is_melody(row: dict[str, str]) -> bool:
    """Return whether a row of an event table is a note of the melody."""
    return row["layer"] == "melody"


def print_table(files: dict[str, dict[str, float]], means: dict[str, float]) -> None:
    """Print each habit: mean and extremes of the files, the range of people, whether the mean is in it."""
    print(f"{'habit':20} {'mean':>6} {'files':>15} {'people, widened':>17}")
    for name, (low, high) in ranges().items():
        values = [each[name] for each in files.values()]
        extremes = f"{min(values):.3f} to {max(values):.3f}"
        met = "met" if low <= means[name] <= high else "MISSED"
        print(f"{name:20} {means[name]:6.3f} {extremes:>15} {f'{low:.3f} to {high:.3f}':>17}   {met}")


def main() -> int:
    """Measure the files of the command line, or the people."""
    parser = argparse.ArgumentParser(description="Habits of tunes, beside those of people.")
    parser.add_argument("files", nargs="*", type=Path, metavar="EVENTS.csv")
    parser.add_argument("--json", action="store_true", help="print the values of each file")
    parser.add_argument("--learn", action="store_true", help="measure the tunes of people again")
    asked = parser.parse_args()
    if asked.learn:
        REFERENCES.write_text(json.dumps(learn(), indent=1) + "\n", encoding="utf-8")
    if not asked.files:
        return 0
    files = {str(path): habits(read_tune(path)) for path in asked.files}
    means = {name: fmean(each[name] for each in files.values()) for name in ranges()}
    if asked.json:
        print(json.dumps({"mean": means, "files": files, "missed": missed(means)}, indent=1))
    else:
        print_table(files, means)
    return 1 if missed(means) else 0


if __name__ == "__main__":
    sys.exit(main())
