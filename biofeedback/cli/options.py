"""What several commands share: the way inputs are given, and how long work shows its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from biofeedback.errors import UsageError

INPUT_HELP = (
    "A signal, as KIND=WHERE: ecg=rec.csv:ecg_mV@360 (column, rate), eda=session.xdf:Stream, "
    "rr=rr.csv:rr_ms, listener=virtual:responder. Several may follow, or repeat the option."
)

USUAL_SCR_US, LEAST_SCR_US = 0.05, 0.01
"""Usual for sensors that cost little; the least that is called a response (Boucsein 2012)."""

Command = Callable[..., Any]


def inputs_option(command: Command) -> Command:
    """Add ``--input SPEC...``: the option may be repeated, and one option may take several."""

    @click.option("--input", "first_inputs", metavar="SPEC...", multiple=True, help=INPUT_HELP)
    @click.argument("more_inputs", nargs=-1, metavar="")
    @wraps(command)
    def with_inputs(
        *args: Any, first_inputs: tuple[str, ...], more_inputs: tuple[str, ...], **kwargs: Any
    ) -> Any:
        if not first_inputs and not kwargs.get("setup"):
            raise UsageError("no input: give --input KIND=WHERE, such as --input ecg=rec.csv:ecg_mV@360")
        return command(*args, inputs=(*first_inputs, *more_inputs), **kwargs)

    return with_inputs


scr_threshold_option = click.option(
    "--scr-threshold",
    "scr_threshold_us",
    type=click.FloatRange(LEAST_SCR_US, 10.0),
    default=USUAL_SCR_US,
    show_default=True,
    metavar="US",
    help="Least amplitude of a skin conductance response in µS; 0.01 for a laboratory's amplifier.",
)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float, str], None]]:
    """Show a bar on standard error; yields a function that takes the fraction done and a word."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    task = progress.add_task(what, total=1.0)

    def advance(fraction: float, word: str = "") -> None:
        # Nothing is shown before there is progress: what is refused at once is refused in one line.
        progress.start()
        description = f"{what} · {word}" if word else what
        progress.update(task, completed=fraction, description=description)

    try:
        yield advance
    finally:
        progress.stop()


def is_live(spec: str) -> bool:
    """Return whether an input specification names a device."""
    return spec.partition("=")[2].strip().startswith(("lsl:", "serial:", "ble:"))


def refuse_gaps(inputs: Sequence[str]) -> None:
    """Refuse recordings with long stretches of missing signal.

    Raises
    ------
    UsageError
        Naming the stretches and the way round.
    """
    # Imported here: NeuroKit2 takes seconds, and most commands need no signals.
    from acquisition import open_sources
    from biofeedback.intake import LONG_GAP_S, long_gaps

    recordings = [text for text in inputs if not is_live(text)]
    if not recordings:
        return
    if lines := long_gaps(open_sources(recordings, seed=0), LONG_GAP_S):
        more = f" (and {len(lines) - 3} more)" if len(lines) > 3 else ""
        raise UsageError(
            f"{'; '.join(lines[:3])}{more}; a session needs a signal without gaps of more than "
            f"{LONG_GAP_S:g} s: choose another recording, or accept the gaps with --allow-gaps"
        )
