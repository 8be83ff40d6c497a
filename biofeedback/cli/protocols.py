"""``biofeedback protocols``: list, show, validate, save, remove, preview."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biofeedback.cli.options import (
    FILE,
    PreferenceOptions,
    complete_protocol,
    data_option,
    open_catalog,
    preference_options,
    progress_bar,
)
from biofeedback.cli.palettes import prepare_instruments
from biofeedback.errors import NotFoundError
from generator.preferences import Preferences
from generator.state import Piece

if TYPE_CHECKING:
    from protocols.schema import Protocol

PREVIEW_S = 30.0
PREVIEW_FADES_S = (1.0, 4.0)


def _length(protocol: Protocol) -> str:
    """Return a protocol's length, at most where a cue may end it before."""
    cues = any(phase.until for phase in protocol.stretches)
    return f"{'≤ ' if cues else ''}{protocol.duration_s / 60:.1f} min"


reference = click.argument("protocol", metavar="ID|FILE", shell_complete=complete_protocol)


@click.group()
def protocols() -> None:
    """List, show, check, save and draw protocols: built-in ones, saved ones and files.

    A protocol can also be named in one version, as NAME@VERSION. The dashboard offers the same ones.
    """


@protocols.command("list")
@data_option
def list_(data: Path | None) -> None:
    """List the built-in and the saved protocols; of each name, first the version that the name stands for."""
    with open_catalog(data) as catalog:
        listed = catalog.protocols()
    for each in listed:
        protocol = each.protocol
        where = f" ({'' if each.built_in else 'saved, '}version {protocol.version})"
        click.echo(f"{protocol.id:<25} {_length(protocol):>10}  {protocol.arm:<11}  {protocol.title}{where}")


@protocols.command("reference")
def reference_() -> None:
    """Print the reference of the language: every key, what it means, its values, its default."""
    from protocols.reference import reference as language

    click.echo(language(), nl=False)


@protocols.command()
@reference
@data_option
def show(protocol: str, data: Path | None) -> None:
    """Print a protocol's YAML, with its rationale and sources."""
    with open_catalog(data) as catalog:
        try:
            text = catalog.protocol_listing(protocol).text
        except NotFoundError:
            catalog.protocol(protocol)
            text = Path(protocol).read_text(encoding="utf-8-sig")
    click.echo(text)


@protocols.command()
@reference
@data_option
def validate(protocol: str, data: Path | None) -> None:
    """Check a protocol; each fault is one line with file, line, field and remedy."""
    from protocols.schema import protocol_sha256

    with open_catalog(data) as catalog:
        checked = catalog.protocol(protocol)
    click.echo(f"{checked.id} version {checked.version} is valid, {_length(checked)}, {checked.arm}")
    click.echo(f"SHA-256 {protocol_sha256(checked)}")


@protocols.command()
@click.argument("file", type=FILE)
@data_option
def save(file: Path, data: Path | None) -> None:
    """Save a protocol file under its own id and version, for run --protocol ID and for the dashboard."""
    from protocols.loading import load

    load(file)
    with open_catalog(data, writes=True) as catalog:
        saved = catalog.save_protocol(file.read_text(encoding="utf-8-sig")).protocol
    click.echo(f"{saved.id}, version {saved.version}: saved")


@protocols.command()
@click.argument("name", shell_complete=complete_protocol)
@click.argument("version", type=click.IntRange(1))
@data_option
def remove(name: str, version: int, data: Path | None) -> None:
    """Remove a saved version of a protocol; a version that a session used stays."""
    with open_catalog(data) as catalog:
        catalog.remove_protocol(name, version)
    click.echo(f"{name}, version {version}: removed")


@protocols.command()
@reference
@click.option("--hr", type=click.FloatRange(30, 200), default=72.0, show_default=True, help="Heart rate.")
@click.option("--png", type=FILE, help="A .svg too. [default: ID.png, unless --wav is given]")
@click.option("--wav", type=FILE, help="The music in fast motion.")
@click.option(
    "--seconds",
    type=click.FloatRange(10, 600),
    default=PREVIEW_S,
    show_default=True,
    help="Length of the music; silences are left out.",
)
@preference_options
@data_option
def preview(
    protocol: str,
    hr: float,
    png: Path | None,
    wav: Path | None,
    seconds: float,
    preferences: PreferenceOptions,
    data: Path | None,
) -> None:
    """Draw the planned course of tempo, mode, texture and level for a listener who follows, or hear it."""
    # Imported here: the synthesis takes long to import, and the other commands do without.
    from biofeedback.preview import draw_arc, fast_forward
    from biofeedback.recording.storage import atomic_path
    from generator.render import render

    with open_catalog(data) as catalog:
        checked = catalog.protocol(protocol)
    if png is not None or wav is None:
        path = png or Path(f"{checked.id}.png")
        with atomic_path(path) as part:
            draw_arc(checked, part, hr_bpm=hr, form="svg" if path.suffix.lower() == ".svg" else "png")
        click.echo(f"picture    {path}")
    if wav is not None:
        trajectory = fast_forward(checked, seconds, hr_bpm=hr)
        piece = preferences.applied_to(Preferences()).applied_to(Piece(**checked.piece.model_dump()))
        prepare_instruments(piece.palette)
        with progress_bar("preview") as progress, atomic_path(wav) as part:
            render(trajectory, piece, seconds, wav=part, fades_s=PREVIEW_FADES_S, progress=progress)
        click.echo(f"sound      {wav}")
