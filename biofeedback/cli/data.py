"""What the commands that open the store share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from biofeedback.settings import data_folder
from biofeedback.store import Store

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder. [default: $BIOFEEDBACK_DATA, or the user's own]",
)

yes_option = click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


def open_store(data: Path | None, *, recover: bool = True) -> Store:
    """Open the store, and say on standard error what was found cut off and what was done about it."""
    store = Store.open(data or data_folder(), now=now, recover=recover)
    tell_recovered(store)
    return store


def tell_recovered(store: Store) -> None:
    """Say on standard error what was recovered when a store was opened."""
    for recovered in store.recovered:
        click.echo(f"biofeedback: recovered {recovered}", err=True)
