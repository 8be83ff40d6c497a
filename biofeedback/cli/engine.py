"""``biofeedback engine`` and ``biofeedback dashboard``."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biofeedback.cli.options import Option, data_option, open_catalog
from biofeedback.settings import data_folder

if TYPE_CHECKING:
    from biofeedback.service.auth import Page


def port_option(default: int) -> Option:
    """Return the option ``--port``."""
    ports = click.IntRange(0, 65535)
    return click.option(
        "--port", type=ports, default=default, show_default=True, help="To listen on; 0: any that is free."
    )


@click.command()
@port_option(0)
@data_option
def engine(port: int, data: Path | None) -> None:
    """Serve sessions on 127.0.0.1, for the dashboard and for programs; Ctrl-C ends it.

    Its address and token stand in engine.json in the data folder, readable by this user only. A session
    goes on whatever becomes of its clients.
    """
    from biofeedback.service.server import log_to_stderr, serve

    log_to_stderr()
    folder = (data or data_folder()).absolute()
    with open_catalog(folder):  # copies set-up files of an earlier version, and says so
        pass
    serve(folder, port, announce)


def announce(url: str, link: Callable[[Page], str]) -> None:
    """Print where the engine is, and a link to each of its pages; a link opens its page once."""
    click.echo(f"engine     {url}")
    click.echo(f"stop page  {link('stop')}")
    click.echo(f"listener   {link('listener')}")


@click.command()
@data_option
@port_option(8610)
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
