"""``biofeedback setups``: sensor set-ups, saved by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biofeedback.cli.options import (
    FILE,
    clear_option,
    complete_setup,
    data_option,
    is_live,
    open_catalog,
    print_lines,
)
from biofeedback.errors import UsageError

if TYPE_CHECKING:
    from biofeedback.setups import Setup

reference = click.argument("setup", metavar="NAME|FILE", shell_complete=complete_setup)

OPTIONAL = {"note": "note", "expect": "expect"}
"""The fields of `Setup` that may be empty, by the names that ``--clear`` takes."""


@click.group()
def setups() -> None:
    """Save, show, check and remove sensor set-ups, for run --setup NAME.

    A set-up has a title, inputs (a list of KIND=WHERE) and, where needed, expect (by stream: rate_hz, unit)
    and note. Set-ups are saved in the data folder; the dashboard offers the same ones.
    """


@setups.command("list")
@data_option
def list_(data: Path | None) -> None:
    """List the saved set-ups."""
    with open_catalog(data) as catalog:
        saved = catalog.setups()
    print_lines(
        [f"{name:<26} {setup.title}" for name, setup in saved.items()],
        none="none yet; save one with: biofeedback setups save --name NAME --title TITLE --input KIND=WHERE",
    )


@setups.command()
@reference
@data_option
def show(setup: str, data: Path | None) -> None:
    """Print a set-up as YAML."""
    from biofeedback.setups import setup_text

    with open_catalog(data) as catalog:
        click.echo(setup_text(catalog.setup(setup)), nl=False)


@setups.command()
@reference
@click.option("--devices", is_flag=True, help="Open the devices too, and check them against expect.")
@data_option
def validate(setup: str, data: Path | None, *, devices: bool) -> None:
    """Check a set-up: a fault is one line with file, line, field and remedy."""
    with open_catalog(data) as catalog:
        checked = catalog.setup(setup)
    if devices:
        from biofeedback.intake import open_inputs

        live = any(is_live(text) for text in checked.inputs)
        open_inputs(checked.inputs, seed=0, live=live, setup=checked).close()
    click.echo(f"{checked.title}: {', '.join(checked.inputs)}: valid")


@setups.command()
@click.option("--name", required=True, help="Small letters, digits and hyphens, such as room-1.")
@click.option("--title", help="Title shown to people.")
@click.option(
    "--input", "inputs", multiple=True, metavar="SPEC", help="An input, KIND=WHERE; repeat for more."
)
@click.argument("more_inputs", nargs=-1, metavar="")
@click.option("--note", help="Where the sensors go, whom to ask.")
@click.option("--file", type=FILE, help="YAML file with the whole set-up, as setups show prints it.")
@click.option(
    "--replace", is_flag=True, help="Change a set-up of that name; a field that is not given stays."
)
@clear_option(OPTIONAL, "With --replace: empty this field")
@data_option
def save(
    name: str,
    title: str | None,
    inputs: tuple[str, ...],
    more_inputs: tuple[str, ...],
    note: str | None,
    file: Path | None,
    cleared: tuple[str, ...],
    data: Path | None,
    *,
    replace: bool,
) -> None:
    """Save inputs, or a file, as a set-up."""
    from biofeedback.setups import load_setup

    values = {"title": title, "inputs": (*inputs, *more_inputs), "note": note}
    given = {field: value for field, value in values.items() if value not in (None, ())}
    if "note" in cleared and note:
        raise UsageError("give --note or --clear note, not both")
    with open_catalog(data, writes=True) as catalog:
        before = catalog.setups().get(name) if replace else None
        setup = _changed(before, given, cleared) if file is None else load_setup(file)
        if file is not None and (given or cleared):
            raise UsageError("give --file or single fields, not both")
        catalog.save_setup(name, setup, replace=replace)
    click.echo(f"{name}: {setup.title}: saved")


@setups.command()
@click.argument("name", shell_complete=complete_setup)
@data_option
def remove(name: str, data: Path | None) -> None:
    """Remove a saved set-up."""
    with open_catalog(data) as catalog:
        catalog.remove_setup(name)
    click.echo(f"set-up {name} was removed")


def _changed(before: Setup | None, given: dict[str, Any], cleared: tuple[str, ...]) -> Setup:
    """Return a new set-up, or `before` with the given fields changed and others emptied."""
    from biofeedback.setups import Setup

    if before is None and not {"title", "inputs"} <= given.keys():
        raise UsageError("a new set-up needs --title and --input, or --file")
    kept = {} if before is None else before.model_dump(exclude_defaults=True)
    values = {field: value for field, value in {**kept, **given}.items() if field not in cleared}
    return Setup.model_validate(values)
