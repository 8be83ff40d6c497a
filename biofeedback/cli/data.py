"""Opening the store and the catalogue of protocols and sensor set-ups, with the options for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from biofeedback.errors import BiofeedbackError
from biofeedback.settings import STORE_NAME, data_folder

if TYPE_CHECKING:
    from biofeedback.catalog import Catalog
    from biofeedback.store.store import Store

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

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
    from biofeedback.store.store import Store

    store = Store.open(data or data_folder(), now=now, recover=recover)
    tell_recovered(store)
    return store


@contextmanager
def open_catalog(data: Path | None = None, *, writes: bool = False) -> Iterator[Catalog]:
    """Open the catalogue of protocols and sensor set-ups.

    A data folder is made only to save something in it: with `writes`, or where there are set-up files of an
    earlier version to be copied into the store. What was copied is said on standard error.
    """
    from biofeedback.catalog import Catalog
    from biofeedback.setups import setup_files

    folder, paths = data or data_folder(), setup_files()
    if not (writes or paths or (folder / STORE_NAME).exists()):
        yield Catalog(None)
        return
    from biofeedback.store.store import Store

    with Store.open(folder, now=now, recover=False) as store:
        catalog = Catalog(store)
        done = catalog.migrate_setup_files(paths)
        for setup in done.migrated:
            click.echo(f"biofeedback: set-up {setup.saved_as} was copied from {setup.path}", err=True)
        for reason in done.refused:
            click.echo(f"biofeedback: a set-up file was not copied: {reason}", err=True)
        yield catalog


def completing(titles_of: Callable[[Catalog], Mapping[str, str]]) -> Completion:
    """Return a function that completes names of the catalogue, with their titles, or a path.

    Parameters
    ----------
    titles_of : callable
        Returns the titles by name.
    """

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            with open_catalog(context.params.get("data")) as catalog:
                titles = titles_of(catalog)
        except BiofeedbackError:
            titles = {}
        named = [CompletionItem(name, help=titles[name]) for name in titles if name.startswith(incomplete)]
        return [*named, CompletionItem(incomplete, type="file")]

    return complete


complete_protocol = completing(
    lambda catalog: {each.protocol.id: each.protocol.title for each in catalog.protocols()}
)
complete_setup = completing(lambda catalog: {name: each.title for name, each in catalog.setups().items()})


def tell_recovered(store: Store) -> None:
    """Say on standard error what was recovered when a store was opened."""
    for recovered in store.recovered:
        click.echo(f"biofeedback: recovered {recovered}", err=True)
