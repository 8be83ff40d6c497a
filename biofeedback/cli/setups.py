"""``biofeedback setups``: sensor set-ups, kept by name."""

from __future__ import annotations

import click

from acquisition import open_sources
from biofeedback.cli.options import inputs_option, is_live
from biofeedback.setups import Setup, keep_setup, load_setup, setup_file
from biofeedback.setups import setups as names

reference = click.argument("setup", metavar="NAME|FILE")


@click.group()
def setups() -> None:
    """Keep, show and check sensor set-ups, for run --setup NAME.

    A set-up is a YAML file: title, inputs (a list of KIND=WHERE), and where it matters expect (by stream:
    rate_hz, unit) and note.
    """


@setups.command("list")
def list_() -> None:
    """List the kept set-ups."""
    for name in names():
        click.echo(f"{name:<26} {load_setup(name).title}")
    if not names():
        click.echo("none yet; make one with: biofeedback setups save NAME --title TITLE --input KIND=WHERE")


@setups.command()
@reference
def show(setup: str) -> None:
    """Print a set-up's file."""
    load_setup(setup)
    click.echo(setup_file(setup).read_text(encoding="utf-8-sig"), nl=False)


@setups.command()
@reference
@click.option("--devices", is_flag=True, help="Open the devices too, and see whether they are as expected.")
def validate(setup: str, *, devices: bool) -> None:
    """Check a set-up: a fault is one line with file, line, field and remedy."""
    checked = load_setup(setup)
    if devices:
        sources = open_sources(checked.inputs, seed=0, live=any(is_live(text) for text in checked.inputs))
        try:
            checked.require(sources)
        finally:
            for source in sources:
                source.close()
    click.echo(f"{checked.title}: {', '.join(checked.inputs)}: valid")


@setups.command()
@click.option("--name", required=True, help="Small letters, digits and hyphens, such as room-1.")
@click.option("--title", required=True, help="For people.")
@inputs_option
@click.option("--note", default="", help="Where the sensors go, who to ask.")
@click.option("--replace", is_flag=True, help="Write over a set-up of that name.")
def save(name: str, title: str, inputs: tuple[str, ...], note: str, *, replace: bool) -> None:
    """Keep inputs as a set-up; what is to be expected of them can be added in its file."""
    data = {"title": title, "inputs": inputs, "note": note}
    click.echo(keep_setup(name, Setup.model_validate(data), replace=replace))
