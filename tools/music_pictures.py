"""Draw the music of whole sessions: piano rolls and what comes back, three seeds each.

    .venv/bin/python tools/music_pictures.py                     all four sessions: about half an hour
    .venv/bin/python tools/music_pictures.py --only held         one of them
    .venv/bin/python tools/music_pictures.py --sessions DIR      keep the sessions there; draw those it has

Writes ``docs/pictures/SESSION.png``. The sessions are carried out on a virtual listener in virtual time,
without sound; their music is rebuilt from the recording.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":  # run as a script, this file would hide the packages beside its folder
    sys.path[0] = str(ROOT)
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator
from PIL import Image

from benchmarks.note_measures import Move, Notes, notes_of
from biofeedback.analysis.phases import RecordedPhase, phases
from biofeedback.recording.reader import open_streams, read_recording, recorded_score
from biofeedback.session import SessionConfig, run_session
from generator.score import SectionEvent
from generator.state import LAYERS, Metre
from protocols.loading import load, override

PICTURES = ROOT / "docs" / "pictures"
SEEDS = (1, 2, 3)

COLOURS = ("#7fa6c4", "#c8553d", "#5c4d3c", "#d99a2b", "#7b5ea7", "#5b8e7d", "#e07a9a", "#9aa5b1")
INK, FAINT, PHASE = "#22303c", "#c3ccd3", "#eef1f4"
LOWEST, PHASES_UP_TO = 27, 32
"""Lowest pitch of the roll; the names of the phases stand below the lowest note of the bass."""

MOST_IN_A_ROW = 8
"""Sections whose names fit side by side; of more, every second name stands higher."""

LEAST_NAMED = 0.05
"""Share of a session that a phase needs for its name to fit."""

WINDOW_BARS = 8
"""Bars that are compared with one another: in sparse music four have two notes."""

SAME_MOVES, SAME_TONES = 0.35, 0.6
"""What is less alike is left white: any two stretches of a piece share some moves and tones."""

TUNE = LinearSegmentedColormap.from_list("tune", ["white", "#c8553d"])
TONES = LinearSegmentedColormap.from_list("tones", ["white", "#5b93bd"])


@dataclass(frozen=True)
class Session:
    """A session to draw: title, protocol of the library, what is changed in it."""

    title: str
    protocol: str
    changes: tuple[str, ...] = ()


SESSIONS = {
    "relaxation": Session(
        "Relaxation: two minutes of silence, then eighteen from the listener's heart rate down to rest",
        "isoprinciple-relaxation",
        ("match.duration_s=120", "lead.duration_s=720", "sustain.duration_s=240"),
    ),
    "held": Session(
        "A state held for fifteen minutes: nothing is asked for but that the music goes on",
        "comfort-listening",
        ("comfort.duration_s=900",),
    ),
    "pain-distraction": Session(
        "Distraction during a painful procedure: eighteen minutes of livelier music, two of silence",
        "pain-distraction",
        ("before.duration_s=240", "procedure.duration_s=600", "after.duration_s=240"),
    ),
    "sleep-onset": Session(
        "Falling asleep: down to 50 bpm in a quarter of an hour, then thinner for half an hour", "sleep-onset"
    ),
}


@dataclass(frozen=True)
class PlayedSession:
    """What a session played: metre, notes, sections of its music, phases of its protocol."""

    metre: Metre
    notes: Notes
    sections: tuple[SectionEvent, ...]
    phases: tuple[RecordedPhase, ...]

    @property
    def last_min(self) -> float:
        """Where the session ends, in minutes."""
        return self.phases[-1].end_s / 60.0


def carry_out(session: Session, seed: int, directory: Path) -> None:
    """Carry out a session on a virtual listener who responds to music."""
    config = SessionConfig(
        protocol=reduce(override, session.changes, load(session.protocol)),
        inputs=("listener=virtual:responder",),
        directory=directory,
        seed=seed,
        keep_sound=False,
    )
    run_session(config, watch=lambda _: None)


def played(directory: Path) -> PlayedSession:
    """Return what a recorded session played."""
    recording = read_recording(directory)
    score = recorded_score(open_streams(directory), recording.t0_s)
    rows = [
        (note.time_s, note.duration_s, note.beat, note.pitch, note.velocity, note.layer)
        for note in score.notes
    ]
    sections = {event.number: event for event in reversed(score.sections)}  # the first event of each
    return PlayedSession(
        metre=score.metre,
        notes=notes_of(rows, score.metre.bar),
        sections=tuple(sections[number] for number in sorted(sections)),
        phases=tuple(phases(recording)),
    )


# --- what comes back --------------------------------------------------------------------------------------

FloatArray = npt.NDArray[np.float64]

_SCALE_STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
"""Steps of a scale that an interval of so many semitones is, whatever the mode."""


def scale_move(semitones: int) -> int:
    """Return an interval in steps of the scale."""
    octaves, rest = divmod(abs(semitones), 12)
    steps = 7 * octaves + _SCALE_STEPS[rest]
    return steps if semitones >= 0 else -steps


def same_tune(notes: Notes) -> FloatArray:
    """Return how alike the tunes of any two stretches of eight bars are, shape (bars, bars), 0 to 1.

    The share of pairs of moves (steps of the scale, with the wait) that both have. 0 where there are none.
    """
    melody, bars = notes.melody, int(notes.bar.max()) + 1
    moves: list[Move] = [
        (scale_move(int(up)), round(4 * wait))
        for up, wait in zip(np.diff(melody.pitch), np.diff(melody.beat), strict=True)
    ]
    pairs: list[Counter[tuple[Move, Move]]] = [Counter() for _ in range(bars + WINDOW_BARS)]
    for bar, first, second in zip(melody.bar[2:], moves, moves[1:], strict=False):
        pairs[bar][first, second] += 1
    windows = [sum(pairs[bar : bar + WINDOW_BARS], Counter()) for bar in range(bars)]
    alike = np.zeros((bars, bars))
    for i, ours in enumerate(windows):
        for j, theirs in enumerate(windows[:i]):
            alike[i, j] = (ours & theirs).total() / max(1, ours.total(), theirs.total())
    return alike + alike.T


def same_tones(notes: Notes) -> FloatArray:
    """Return how alike the tones of any two stretches of eight bars are, shape (bars, bars), 0 to 1.

    Correlation of how long each pitch class sounds in the accompaniment: stretches in one key and mode are
    alike, above all where their chords are the same.
    """
    others, bars = notes.accompaniment, int(notes.bar.max()) + 1
    chroma = np.zeros((bars + WINDOW_BARS, 12))
    np.add.at(chroma, (others.bar, others.pitch % 12), others.duration_s)
    windows = np.stack([chroma[bar : bar + WINDOW_BARS].sum(axis=0) for bar in range(bars)])
    windows -= windows.mean(axis=1, keepdims=True)
    windows /= np.linalg.norm(windows, axis=1, keepdims=True).clip(min=1e-9)  # silence has no tones
    alike: FloatArray = (windows @ windows.T).clip(0.0, 1.0)
    return alike


# --- drawing ----------------------------------------------------------------------------------------------


def draw(session: Session, runs: Sequence[tuple[int, PlayedSession]], path: Path) -> None:
    """Draw the seeds of a session below each other into a PNG file."""
    figure = Figure(figsize=(13.0, 3.5 * len(runs) + 0.8), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(runs), 2, squeeze=False, gridspec_kw={"width_ratios": [2.9, 1]})
    highest = max(int(run.notes.pitch.max()) for _, run in runs) + 3
    for (roll, returns), (seed, run) in zip(grid, runs, strict=True):
        draw_roll(roll, run, highest)
        roll.set_title(
            f"Seed {seed}, {run.metre.text}",
            loc="left",
            fontsize=10,
            color=INK,
            pad=24,
        )
        draw_returns(returns, run)
    grid[0][1].set_title("orange: the same tune\nblue: the same tones", fontsize=9, color=INK, loc="left")
    for axes, words in zip(grid[-1], ("minutes", "bars"), strict=True):
        axes.set_xlabel(words, color=INK, fontsize=9)
    present = [layer for layer in LAYERS if any((run.notes.layer == layer).any() for _, run in runs)]
    handles = [Line2D([], [], color=COLOURS[LAYERS.index(layer)], linewidth=4) for layer in present]
    figure.legend(handles, present, loc="outside lower center", ncols=len(present), frameon=False, fontsize=9)
    figure.suptitle(session.title, x=0.01, ha="left", color=INK, fontsize=12)
    figure.savefig(path, dpi=80, format="png")
    # 192 colours, spread over all that there are, make a small file and look like all of them.
    fewer = (
        Image.open(path)
        .convert("RGB")
        .quantize(192, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    fewer.save(path, optimize=True)


def draw_roll(axes: Axes, run: PlayedSession, highest: int) -> None:
    """Draw the notes of a session by minute and pitch; sections above, phases below."""
    notes = run.notes
    for layer in sorted(LAYERS, key=lambda name: name == "melody"):  # the tune lies on top
        mine = notes.select(notes.layer == layer)
        begins, ends = mine.time_s / 60.0, (mine.time_s + mine.duration_s) / 60.0
        lines = [
            ((a, pitch), (b, pitch)) for a, b, pitch in zip(begins, ends, mine.pitch.tolist(), strict=True)
        ]
        colour = COLOURS[LAYERS.index(layer)]
        strengths = [to_rgba(colour, 0.3 + 0.6 * loud / 100.0) for loud in mine.velocity.clip(0, 100)]
        axes.add_collection(
            LineCollection(
                lines, colors=strengths, linewidths=2.4 if layer == "melody" else 1.6, capstyle="projecting"
            )
        )
    crowded = len(run.sections) > MOST_IN_A_ROW
    for section in run.sections:
        axes.axvline(section.time_s / 60.0, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(
            section.kind,
            (section.time_s / 60.0, highest),
            (2.0, 12.0 if crowded and section.number % 2 else 3.0),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    for index, phase in enumerate(run.phases):
        axes.axvspan(
            phase.begin_s / 60.0,
            phase.end_s / 60.0,
            ymax=(PHASES_UP_TO - LOWEST) / (highest - LOWEST),
            color=PHASE if index % 2 else FAINT,
            zorder=0,
        )
        if phase.duration_s < LEAST_NAMED * run.phases[-1].end_s:
            continue
        axes.text(
            phase.begin_s / 60.0,
            LOWEST + 3,
            f" {phase.name}",
            fontsize=7,
            color=INK,
            va="center",
            clip_on=True,
        )
    axes.set_xlim(0.0, run.last_min)
    axes.set_ylim(LOWEST, highest)
    axes.xaxis.set_major_locator(MultipleLocator(5.0))
    axes.set_yticks([36, 48, 60, 72, 84], ["C2", "C3", "C4", "C5", "C6"])
    dress(axes)


def draw_returns(axes: Axes, run: PlayedSession) -> None:
    """Draw which bars have the same tune (below the diagonal) and the same tones (above)."""
    tune, tones = same_tune(run.notes), same_tones(run.notes)
    bars = len(tune)
    below = np.tri(bars, k=-1, dtype=bool)
    for alike, shown, colours, least in (
        (tune, below, TUNE, SAME_MOVES),
        (tones, below.T, TONES, SAME_TONES),
    ):
        axes.imshow(
            np.ma.masked_where(~shown, alike),
            cmap=colours,
            vmin=least,
            vmax=1.0,
            extent=(0, bars, bars, 0),
            interpolation="nearest",
        )
    for section in run.sections[1:]:
        axes.axvline(section.bar, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
        axes.axhline(section.bar, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    axes.set_xlim(0, bars)
    axes.set_ylim(bars, 0)
    dress(axes)


def dress(axes: Axes) -> None:
    """Take away what does not say anything."""
    axes.tick_params(colors=INK, labelsize=8, length=0)
    axes.spines[:].set_visible(False)


def main() -> None:
    """Carry out the sessions asked for and draw them."""
    parser = argparse.ArgumentParser(description="Pictures of the music of whole sessions.")
    parser.add_argument("--only", choices=SESSIONS, nargs="+", default=tuple(SESSIONS))
    parser.add_argument("--sessions", type=Path, metavar="DIR", help="keep sessions; draw those it has")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        kept = asked.sessions or Path(scratch)
        for name in asked.only:
            runs = []
            for seed in SEEDS:
                directory = kept / f"{name}-{seed}"
                if not directory.exists():
                    carry_out(SESSIONS[name], seed, directory)
                runs.append((seed, played(directory)))
            draw(SESSIONS[name], runs, PICTURES / f"{name}.png")
            print(PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
