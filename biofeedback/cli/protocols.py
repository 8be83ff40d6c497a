"""``biofeedback protocols``: list, show, validate, preview."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from biofeedback.cli.options import progress_bar
from biofeedback.cli.preferences import PreferenceOptions, preference_options
from biofeedback.preview import draw_arc, fast_forward
from biofeedback.recording.storage import atomic_path
from generator.preferences import Preferences
from generator.render import render
from generator.state import Piece
from protocols import library, load
from protocols.hashing import protocol_sha256
from protocols.reference import reference as language
from protocols.schema import Protocol

PREVIEW_S = 30.0
PREVIEW_FADES_S = (1.0, 4.0)


def _length(protocol: Protocol) -> str:
    """Return a protocol's length, at most where a cue may end it before."""
    cues = any(phase.until for phase in protocol.stretches)
    return f"{'≤ ' if cues else ''}{protocol.duration_s / 60:.1f} min"


reference = click.argument("protocol", metavar="ID|FILE")


@click.group()
def protocols() -> None:
    """Show, check and draw protocols: the built-in ones and your own files."""


@protocols.command("list")
def list_() -> None:
    """List the built-in protocols."""
    for name in library():
        protocol = load(name)
        click.echo(f"{name:<25} {_length(protocol):>10}  {protocol.arm:<11}  {protocol.title}")


@protocols.command("reference")
def reference_() -> None:
    """Print the reference of the language: every key, what it means, its values, its default."""
    click.echo(language(), nl=False)


@protocols.command()
@reference
def show(protocol: str) -> None:
    """Print a protocol's file, with its rationale and sources."""
    load(protocol)
    built_in = resources.files("protocols.library").joinpath(f"{protocol}.yaml")
    file = built_in if protocol in library() else Path(protocol)
    click.echo(file.read_text(encoding="utf-8"))


@protocols.command()
@reference
def validate(protocol: str) -> None:
    """Check a protocol; each fault is one line with file, line, field and remedy."""
    checked = load(protocol)
    click.echo(f"{checked.id} version {checked.version} is valid, {_length(checked)}, {checked.arm}")
    click.echo(f"SHA-256 {protocol_sha256(checked)}")


@protocols.command()
@reference
@click.option("--hr", type=click.FloatRange(30, 200), default=72.0, show_default=True, help="Heart rate.")
@click.option(
    "--png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A .svg too. [default: ID.png, unless --wav is given]",
)
@click.option("--wav", type=click.Path(path_type=Path, dir_okay=False), help="The music in fast motion.")
@click.option(
    "--seconds",
    type=click.FloatRange(10, 600),
    default=PREVIEW_S,
    show_default=True,
    help="Length of the music; silences are left out.",
)
@preference_options
def preview(
    protocol: str,
    hr: float,
    png: Path | None,
    wav: Path | None,
    seconds: float,
    preferences: PreferenceOptions,
) -> None:
    """Draw the planned course of tempo, mode, texture and level for a listener who follows, or hear it."""
    checked = load(protocol)
    if png is not None or wav is None:
        path = png or Path(f"{checked.id}.png")
        with atomic_path(path) as part:
            draw_arc(checked, part, hr_bpm=hr, form="svg" if path.suffix.lower() == ".svg" else "png")
        click.echo(f"picture    {path}")
    if wav is not None:
        trajectory = fast_forward(checked, seconds, hr_bpm=hr)
        piece = preferences.applied_to(Preferences()).applied_to(Piece(**checked.piece.model_dump()))
        with progress_bar("preview") as progress, atomic_path(wav) as part:
            render(
                trajectory,
                piece,
                seconds,
                wav=part,
                fades_s=PREVIEW_FADES_S,
                progress=lambda fraction: progress(fraction, ""),
            )
        click.echo(f"sound      {wav}")
