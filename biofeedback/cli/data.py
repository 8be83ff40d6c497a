"""Opening the store and the catalogue of protocols and sensor set-ups, with the options for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from biofeedback.catalog import Catalog
from biofeedback.errors import BiofeedbackError
from biofeedback.settings import STORE_NAME, data_folder
from biofeedback.setups import setup_files
from biofeedback.store.store import Store

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


@contextmanager
def open_catalog(data: Path | None = None, *, writes: bool = False) -> Iterator[Catalog]:
    """Open the catalogue of protocols and sensor set-ups.

    A data folder is made only to save something in it: with `writes`, or where there are set-up files of an
    earlier version to be copied into the store. What was copied is said on standard error.
    """
    folder, paths = data or data_folder(), setup_files()
    if not (writes or paths or (folder / STORE_NAME).exists()):
        yield Catalog(None)
        return
    with Store.open(folder, now=now, recover=False) as store:
        catalog = Catalog(store)
        done = catalog.migrate_setup_files(paths)
        for setup in done.migrated:
            click.echo(f"biofeedback: set-up {setup.saved_as} was copied from {setup.path}", err=True)
        for reason in done.refused:
            click.echo(f"biofeedback: a set-up file was not copied: {reason}", err=True)
        yield catalog


def complete_protocol(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a protocol, or a path."""
    try:
        with open_catalog(context.params.get("data")) as catalog:
            titles = {each.protocol.id: each.protocol.title for each in catalog.protocols()}
    except BiofeedbackError:
        return []
    return _completions(titles, incomplete)


def complete_setup(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a sensor set-up, or a path."""
    try:
        with open_catalog(context.params.get("data")) as catalog:
            titles = {name: setup.title for name, setup in catalog.setups().items()}
    except BiofeedbackError:
        return []
    return _completions(titles, incomplete)


def _completions(titles: dict[str, str], incomplete: str) -> list[CompletionItem]:
    named = [
        CompletionItem(name, help=title) for name, title in titles.items() if name.startswith(incomplete)
    ]
    return [*named, CompletionItem(incomplete, type="file")]


def tell_recovered(store: Store) -> None:
    """Say on standard error what was recovered when a store was opened."""
    for recovered in store.recovered:
        click.echo(f"biofeedback: recovered {recovered}", err=True)
