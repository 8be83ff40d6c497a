"""``biofeedback report`` and ``biofeedback analyse``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from biofeedback.analysis.measures import PhaseMeasures


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page. [default: DIRECTORY/report.html]",
)
def report(directory: Path, out: Path | None) -> None:
    """Make a self-contained HTML page to review a session.

    Works on recordings that were cut off, too.
    """
    from biofeedback.recording.reader import read_recording
    from biofeedback.report.page import write_report

    path = out or directory / "report.html"
    write_report(read_recording(directory), path)
    click.echo(f"report     {path}")


@click.command("analyse")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; a withheld value is null and has a reason."
)
def analyse_command(directory: Path, *, as_json: bool) -> None:
    """Print rates, variability, breathing and skin conductance of a recorded session.

    For each phase and for the whole session, each number with the seconds it stands on, how much of the phase
    they are and how many beats were corrected, or the reason why it is withheld. Beats are corrected by the
    whole series (Lipponen and Tarvainen 2019). Spectral power needs 60 s (HF) or 120 s (LF) without a gap,
    better 5 min, and is no measure of arousal. What comes from a pulse sensor is pulse-rate variability.

    Works on recordings that were cut off, too.
    """
    from biofeedback.analysis.measures import analyse, as_dict
    from biofeedback.recording.reader import read_recording

    recording = read_recording(directory)
    if as_json:
        click.echo(json.dumps(as_dict(recording), indent=2, ensure_ascii=False))
        return
    for stretch in analyse(recording):
        _print(stretch)


def _print(stretch: PhaseMeasures) -> None:
    from biofeedback.analysis.formatting import clock, number
    from biofeedback.analysis.measures import footing

    phase = stretch.phase
    cut = ", cut off" if phase.cut else ""
    click.echo(f"{phase.name}  {clock(phase.begin_s)}–{clock(phase.end_s)}{cut}")
    for measure in stretch.measures:
        value = measure.value
        if value.number is None:
            said = f"{'–':>9}  withheld: {value.reason}"
        else:
            said = f"{number(value.number, measure.digits):>9} {measure.unit:<13} {footing(measure)}"
        click.echo(f"  {measure.label:<40}{said}")
    click.echo()
