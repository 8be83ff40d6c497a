"""Measure our music, music made by people and that of two other generators; write the tables of a document.

    .venv/bin/python tools/comparison_tables.py                  our music as it is now: about five minutes
    .venv/bin/python tools/comparison_tables.py --others         people and other generators, too
    .venv/bin/python tools/comparison_tables.py --before 6af26d0 our music at an earlier revision, too

Figures are kept in ``benchmarks/comparison.json``; the tables go between the marks in ``docs/comparison.md``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":  # run as a script, this file would hide the packages beside its folder
    sys.path[0] = str(ROOT)
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks import tune_habits
from benchmarks.human_scores import scores
from benchmarks.human_tunes import Tune, measured_tunes
from benchmarks.note_measures import (
    FEWEST_MELODY_NOTES,
    MELODY_NOTES,
    Notes,
    compression_gain,
    measures,
    melody_moves,
    melody_return,
    notes_of,
    tune_distances,
)
from benchmarks.played_notes import SECONDS, SEEDS, STATES, mean_measures, played
from benchmarks.tune_figures import HABIT_SECONDS, HABIT_SEEDS, HABIT_STATES, habits
from generator.state import FORMS, MusicState, Piece

DOCUMENT, FIGURES = ROOT / "docs" / "comparison.md", ROOT / "benchmarks" / "comparison.json"
PLAYER = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from generator.render import render
from generator.state import MusicState, Piece
from generator.trajectory import Trajectory
for line in sys.stdin:
    state, seed, seconds = json.loads(line)
    notes = render(Trajectory((0.0,), (MusicState(**state),)), Piece(seed=seed), seconds)
    rows = [(n.time_s, n.duration_s, n.beat, n.pitch, n.velocity, n.layer) for n in notes]
    print(json.dumps(rows), flush=True)
"""
"""Plays states that it reads, one a line; the interface is public and as old as the revisions compared."""

NOTE_ROWS = {
    "melody_return": "notes of the tune in a turn of eight that comes back",
    "compression_gain": "how much the tune's order helps to guess its next note",
    "melody_bars_returning": "bars of the tune that come again, in 72",
    "accompaniment_bars_returning": "bars of the accompaniment that come again, in 72",
    "seed_distance": "how unlike two tunes (two seeds) are",
    "seed_distance_within": "how unlike two halves of one tune are",
    "rub_share": "time of the tune a semitone or minor ninth over a held note",
    "tonic_bars": "bars on the tonic",
    "chord_phrases_in_16": "different progressions in 16 groups of four bars",
    "form_share": "texture that depends on the eighth of the piece",
    "form_share_same_loudness": "the same without loudness",
    "form_share_by_chance": "the same with the bars shuffled",
    "melody_velocity_sd": "spread of the tune's velocities",
    "chords_exactly_together": "chords struck exactly together",
    "chord_spread_ms": "spread of a chord's notes, ms",
}
HABIT_ROWS = {
    "surprise_bits": "surprise, bits a note",
    "same_note": "the same note again",
    "steps_and_repeats": "steps and repeats",
    "thirds": "thirds",
    "direction_changes": "direction changes",
    "commonest_length": "the commonest note length",
    "length_entropy_bits": "entropy of note lengths, bits",
    "returning_turns": "turns of four intervals that occur more than once",
}
OF_SHORT_PIECES = ("rub_share", "tonic_bars")
"""Measures that a piece of twenty bars is long enough for."""

SHOWN = 0.0005
"""Smaller figures round to 0."""

PERFORMANCE_ONLY = ("melody_velocity_sd", "chords_exactly_together", "chord_spread_ms", "form_share")
"""Measures that say nothing of a score without loudness and touch."""

PLAYED_BY_PEOPLE = {
    "melody_velocity_sd": "14.6 (11.6–18.1)*",
    "chords_exactly_together": ".015 (.004–.027)*",
    "chord_spread_ms": "25 (20–30)*",
}
"""Median and 10 to 90 % of 39 performances of 14 piano pieces (data set ASAP), by the same definitions."""


# --- measuring --------------------------------------------------------------------------------------------


def distances(tunes: Iterable[Notes]) -> dict[str, float]:
    """Return how unlike tunes are, and how unlike their halves."""
    moves = [melody_moves(tune) for tune in tunes if len(tune) >= MELODY_NOTES]
    between, within = tune_distances(moves)
    return {"seed_distance": round(between, 4), "seed_distance_within": round(within, 4)}


def generated(pieces: Sequence[Notes]) -> dict[str, float]:
    """Return the mean measures of the pieces of a generator, and how unlike they are."""
    return mean_measures(measures, pieces) | distances(piece.melody for piece in pieces)


def tune_measures(tune: Tune) -> dict[str, float]:
    """Return the measures of a tune alone."""
    notes = zip(tune.onsets[:MELODY_NOTES], tune.pitches, strict=False)
    moves = melody_moves(notes_of([(onset, 1.0, onset, pitch, 64, "melody") for onset, pitch in notes]))
    return {"melody_return": melody_return(moves), "compression_gain": compression_gain(moves)}


def quartiles(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Return the median and the quartiles of each measure."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: np.percentile([row[name] for row in rows if name in row], (50, 25, 75)).round(4).tolist()
        for name in names
    }


def people() -> dict[str, Any]:
    """Return the measures of scores, chorales and tunes made by people."""
    found: dict[str, Any] = {}
    for kind in ("works", "chorales"):
        every = scores(kind)
        found[kind] = quartiles([measures(each.notes, each.tonic) for each in every])
        found[kind]["pieces"] = len(every)
    found["works"] |= distances(each.notes.melody for each in scores("works"))
    tunes = [tune for kind in ("folk", "dance", "vocal") for tune in measured_tunes(kind)]
    rows = [tune_measures(tune) for tune in tunes if len(tune.pitches) >= FEWEST_MELODY_NOTES]
    found["tunes"] = quartiles(rows) | {"pieces": len(rows)}
    return found


def others() -> dict[str, Any]:
    """Return the measures of other generators."""
    from benchmarks import other_generators  # noqa: PLC0415 - isobar is not there on every Python

    found: dict[str, Any] = {}
    for name, play in (("isobar", other_generators.isobar_piece), ("markov", other_generators.markov_piece)):
        pieces = [play(seed, SECONDS) for seed in SEEDS]
        found[name] = generated(pieces) | {"habits": mean_measures(habits, pieces)}
    for name in PERFORMANCE_ONLY:
        del found["markov"][name]  # it knows neither loudness nor touch
    return found


Play = Callable[[MusicState, Piece, float], Notes]


def ours(play: Play, form: str) -> dict[str, Any]:
    """Return the measures of our music in each state, and the habits of its tunes."""
    found: dict[str, Any] = {
        name: generated([play(state, Piece(seed=seed, form=form), SECONDS) for seed in SEEDS])
        for name, state in STATES.items()
    }
    modes = [
        mean_measures(
            habits, [play(state, Piece(seed=seed, form=form), HABIT_SECONDS) for seed in HABIT_SEEDS]
        )
        for state in HABIT_STATES
    ]
    found["habits"] = {name: round(fmean(mode[name] for mode in modes), 4) for name in modes[0]}
    return found


def earlier(revision: str) -> dict[str, Any]:
    """Return the measures of our music at an earlier revision, played by its own `generator.render`."""
    archived = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
            archive.extractall(folder, filter="data")
        program = [sys.executable, "-P", "-c", PLAYER, folder]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as player:

            def play(state: MusicState, piece: Piece, seconds: float) -> Notes:
                player.stdin.write(json.dumps([asdict(state), piece.seed, seconds]) + "\n")
                player.stdin.flush()
                return notes_of([tuple(row) for row in json.loads(player.stdout.readline())])

            found = ours(play, FORMS[0])
            player.stdin.close()
    return found


# --- tables -----------------------------------------------------------------------------------------------


def number(value: float | Sequence[float] | None) -> str:
    """Return a figure for a table: a number, or a median with its quartiles."""
    if value is None:
        return "–"
    if not isinstance(value, float | int):
        median, low, high = (number(each) for each in value)
        return f"{median} ({low}–{high})"
    if abs(value) < SHOWN:
        return "0"
    text = f"{value:.1f}" if abs(value) >= 2.0 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
    return re.sub(r"^(-?)0\.", r"\1.", text).replace("-", "−")


def table(
    rows: dict[str, str], columns: dict[str, dict[str, Any]], cells: dict[str, str] | None = None
) -> str:
    """Return a table of measures; `cells` are those of the first column that are no figures of ours."""
    lines = [f"| measure | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, words in rows.items():
        values = [number(column.get(name)) for column in columns.values()]
        if cells and name in cells:
            values[0] = cells[name]
        lines.append(f"| {words} | {' | '.join(values)} |")
    return "\n".join(lines)


def without(figures: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return figures but some."""
    return {name: value for name, value in figures.items() if name not in names}


def tables(figures: dict[str, Any]) -> dict[str, str]:
    """Return the text of each table by its mark."""
    made = figures["people"]
    by_form = {
        "before": figures["before"],
        "now": figures["now"]["none"],
        "now, with form": figures["now"]["full"],
    }
    scored = {
        f"{made['works']['pieces']} works": without(made["works"], PERFORMANCE_ONLY),
        f"{made['chorales']['pieces']} chorales": {name: made["chorales"][name] for name in OF_SHORT_PIECES},
        f"{made['tunes']['pieces']} tunes": made["tunes"],
    }
    rivals = {"isobar": figures["others"]["isobar"], "Markov chain": figures["others"]["markov"]}
    kinds = tune_habits.people()
    return {
        "match": table(
            NOTE_ROWS,
            scored | {name: each["match"] for name, each in by_form.items()} | rivals,
            PLAYED_BY_PEOPLE,
        ),
        "states": table(
            NOTE_ROWS,
            dict(
                chain.from_iterable(
                    [(f"{state}, {name}", each[state]) for name, each in by_form.items()]
                    for state in ("rest", "lively")
                )
            ),
        ),
        "habits": table(
            HABIT_ROWS,
            kinds
            | {name: each["habits"] for name, each in by_form.items()}
            | {name: each["habits"] for name, each in rivals.items()},
        ),
    }


def write_tables(text: str, found: dict[str, str]) -> str:
    """Return a document with each table between its marks replaced."""
    for name, content in found.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not closed:
            raise SystemExit(f"{DOCUMENT}: no marks {begin} … {end}")
        text = f"{before}{begin}\n\n{content}\n\n{end}{after}"
    return text


def main() -> None:
    """Measure what was asked for and write figures and tables."""
    parser = argparse.ArgumentParser(description="Tables of docs/comparison.md.")
    parser.add_argument("--others", action="store_true", help="measure people and other generators, too")
    parser.add_argument("--before", metavar="REVISION", help="measure our music at a revision, too")
    parser.add_argument("--tables-only", action="store_true", help="measure nothing, write the tables")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    if asked.others:
        figures |= {"people": people(), "others": others()}
    if asked.before:
        figures["before"] = earlier(asked.before)
    if not asked.tables_only:
        figures["now"] = {form: ours(played, form) for form in (FORMS[0], FORMS[-1])}
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    DOCUMENT.write_text(write_tables(DOCUMENT.read_text(encoding="utf-8"), tables(figures)), encoding="utf-8")


if __name__ == "__main__":
    main()
