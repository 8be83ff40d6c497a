"""``biofeedback dashboard``: the therapist's pages in a browser."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click

from biofeedback.settings import data_folder

PORT = 8610


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder. [default: $BIOFEEDBACK_DATA, else the user's]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="To listen on; 0: any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def dashboard(data: Path | None, port: int, no_browser: bool) -> int:
    """Set up, run, watch and steer sessions in a browser; Ctrl-C ends the pages.

    An engine is started where none runs. It goes on when the pages end, and a session with it: STOP is in
    the pages and at the engine's own address.
    """
    folder = (data or data_folder()).absolute()
    command = [sys.executable, "-P", "-m", "dashboard", "--data", str(folder), "--port", str(port)]
    pages = subprocess.Popen([*command, *(["--no-browser"] if no_browser else [])])  # noqa: S603 - our own
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return pages.wait()
    except KeyboardInterrupt:
        pages.terminate()
        with suppress(KeyboardInterrupt):
            pages.wait()
        return 0
