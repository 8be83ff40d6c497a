"""``biofeedback engine``: sessions as a service on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biofeedback.cli.data import open_catalog
from biofeedback.settings import data_folder

if TYPE_CHECKING:
    from biofeedback.service.auth import Page


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="To listen on; 0: any free."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder. [default: $BIOFEEDBACK_DATA, else the user's]",
)
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
