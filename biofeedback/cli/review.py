"""``biofeedback report``."""

from __future__ import annotations

from pathlib import Path

import click

from biofeedback.recording.reader import read_recording
from biofeedback.report import write_report


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
    path = out or directory / "report.html"
    write_report(read_recording(directory), path)
    click.echo(f"report     {path}")
