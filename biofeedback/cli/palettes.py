"""``biofeedback palettes``: list them, build the samples of their instruments, and listen to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biofeedback.cli.options import (
    FILE,
    Command,
    json_option,
    options,
    palette_argument,
    print_json,
    progress_bar,
    seed_option,
    sound_path,
)
from biofeedback.cli.playback import play_live
from biofeedback.errors import UsageError
from biofeedback.palette_files import recorded_name
from generator.state import NATURES, PALETTE_SUFFIXES, PALETTES, PlayedSound, is_palette_file

if TYPE_CHECKING:
    from generator.audition import Audition
    from generator.synthesis.resolved_palette import ResolvedPalette

DESCRIPTIONS = {
    "warm-pads": "warm pads, nylon guitar and celesta",
    "harp-bells": "harp and bells over a drone of glass",
    "soft-strings": "bowed strings and a distant choir",
    "felt-piano": "felt piano with strings",
    "choir-strings": "low choir and strings",
    "kalimba-bells": "kalimba, marimba and bells",
    "deep-drone": "a deep drone for sleep",
}
"""What each palette sounds like, in a line."""

WHAT = "preparing the instruments"

palettes_argument = click.argument(
    "names", metavar="[PALETTE]...", nargs=-1, type=click.Choice(PALETTES), default=PALETTES
)


@click.group()
def palettes() -> None:
    """List the palettes, build the samples of their instruments, and listen to them.

    The instruments are rendered once on each computer, into the user's cache folder ($BIOFEEDBACK_CACHE
    names another), when something first plays them, or by palettes build.
    """


@palettes.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List all palettes, and whether the samples of their instruments are there."""
    from generator.synthesis.palettes import instruments_of
    from generator.synthesis.sample_cache import kept_bytes

    rows: list[dict[str, Any]] = []
    for name in PALETTES:
        sizes = [kept_bytes(instrument) for instrument in instruments_of(name)]
        rows.append(
            {
                "name": name,
                "description": DESCRIPTIONS[name],
                "samples": None not in sizes,
                "bytes": sum(size or 0 for size in sizes),
            }
        )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        size = f"{row['bytes'] / 1e6:.0f} MB" if row["samples"] else "samples not built"
        click.echo(f"{row['name']:<14} {row['description']:<40} {size}")


@palettes.command()
@palettes_argument
@click.option("--force", is_flag=True, help="Render samples anew that are there.")
def build(names: tuple[str, ...], *, force: bool) -> None:
    """Render the samples of palettes, of all by default, that are not in the cache yet.

    Palettes share instruments; these are rendered once.
    """
    from generator.synthesis.palettes import instruments_of
    from generator.synthesis.sample_cache import kept_bytes, load, samples_folder, why_not_kept

    instruments = tuple(dict.fromkeys(each for name in names for each in instruments_of(name)))
    if reason := why_not_kept():
        raise UsageError(reason)
    with progress_bar(WHAT) as progress:
        library = load(instruments, progress=progress, again=force)
    if library.not_kept:
        raise UsageError(library.not_kept)
    size = sum(kept_bytes(each) or 0 for each in instruments)
    click.echo(f"samples    {samples_folder()} ({len(instruments)} instruments, {size / 1e6:.0f} MB)")


@palettes.command()
@click.argument("file")
def check(file: str) -> None:
    """Say what is right or wrong with a palette file: its path, or its name in the settings folder.

    docs/palettes.md describes the format.
    """
    from biofeedback.palette_files import located

    if not is_palette_file(file):
        raise UsageError(f"{file} is no palette file; its name must end in {' or '.join(PALETTE_SUFFIXES)}")
    resolved = faultless(located(file))
    if resolved.description:
        click.echo(resolved.description)
    for layer, sound in resolved.palette.sounds.items():
        own = resolved.instruments.get(sound.instrument)
        what = f"SoundFont, notes {own.lowest - 1} to {own.highest + 1}" if own else sound.instrument
        click.echo(f"{layer:<9} {what}")
    click.echo(f"{file} can be used: --palette {file}")


def faultless(palette: str) -> ResolvedPalette:
    """Return what a palette's name or file stands for.

    Raises
    ------
    UsageError
        With all that is wrong with the file, a line each.
    """
    from biofeedback.palette_faults import fault_text
    from generator.synthesis.palette_resolution import resolve_palette

    resolved = resolve_palette(palette)
    if resolved.faults:
        raise UsageError("\n".join(map(fault_text, resolved.faults)))
    return resolved


def prepare_instruments(palette: str) -> str:
    """Render what the cache lacks of a palette's instruments, with a progress bar; return what will play.

    Where a palette file cannot be used, a note says why and what plays instead. Otherwise nothing is shown
    where all are there. Where the cache cannot be written, a note says so; then whatever plays them renders
    them for itself.
    """
    from biofeedback.palette_faults import instead_text
    from generator.synthesis.palette_resolution import load_samples, resolve_palette
    from generator.synthesis.sample_cache import missing, why_not_kept

    resolved = resolve_palette(palette)
    if note := instead_text(resolved):
        click.echo(f"biofeedback: note: {note}", err=True)
    if not missing(resolved.palette.instruments, verify=True):
        return resolved.instead or palette
    if (reason := why_not_kept()) is None:
        with progress_bar(WHAT) as progress:
            reason = load_samples(resolved, progress=progress).not_kept
    if reason:
        click.echo(f"biofeedback: note: {reason}", err=True)
    return resolved.instead or palette


def audition_options(command: Command) -> Command:
    """Add ``--seconds``, ``--seed``, ``--wav`` and ``--device``."""
    return options(
        click.option(
            "--seconds", type=click.FloatRange(8, 600), default=20.0, show_default=True, help="Length."
        ),
        seed_option(1),
        click.option("--wav", type=FILE, callback=sound_path, help="Write it (.wav or .flac), not play it."),
        click.option(
            "--device", metavar="NAME", help="Sound device, by part of its name; see biofeedback sources."
        ),
    )(command)


@palettes.command()
@palette_argument
@click.option(
    "--nature",
    type=click.Choice(NATURES),
    default=NATURES[0],
    show_default=True,
    help="Nature sound under the music.",
)
@audition_options
def play(palette: str, nature: str, seconds: float, seed: int, wav: Path | None, device: str | None) -> None:
    """Listen to a palette: calm at first, then with six layers and a little brighter.

    It is as loud as a session at level 0.
    """
    from generator.audition import palette_audition

    faultless(palette)
    what = recorded_name(palette)
    _hear(palette_audition(palette, nature=nature, seed=seed), what, seconds, wav, device)


@palettes.command()
@click.argument("name", metavar="NATURE", type=click.Choice(NATURES[1:]))
@audition_options
def bed(name: str, seconds: float, seed: int, wav: Path | None, device: str | None) -> None:
    """Listen to a nature sound alone, as loud as it is under the music: 12 dB below it."""
    from generator.audition import bed_audition

    _hear(bed_audition(name, seed=seed), name, seconds, wav, device)


def _hear(audition: Audition, what: str, seconds: float, wav: Path | None, device: str | None) -> None:
    """Write an audition to a file or play it."""
    from biofeedback.recording.storage import atomic_path
    from generator.audition import FADES_S, audition_states, render_audition
    from generator.live.devices import find_back_end

    if wav is not None and device is not None:
        raise UsageError("give --wav or --device, not both")
    piece, plays = audition
    back_end = (
        find_back_end(device, required=True, instead="write a file with --wav") if wav is None else None
    )
    if plays is PlayedSound.MUSIC:
        prepare_instruments(piece.palette)
    if back_end is not None:
        play_live(what, audition_states(seconds), piece, seconds, back_end, fades_s=FADES_S, plays=plays)
    if wav is not None:
        with progress_bar("rendering") as progress, atomic_path(wav) as part:
            render_audition(audition, part, seconds=seconds, progress=progress)
        click.echo(f"sound      {wav}")


@palettes.command()
@palette_argument
@click.option("--wav", type=FILE, required=True, help="The file to write (.wav): 8 s, 48 kHz, 32 bit float.")
@click.option(
    "--articulation",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="0 is the palette's longer room, 1 the shorter.",
)
def impulse(palette: str, wav: Path, articulation: float) -> None:
    """Record the impulse response of a palette's room, through its filters at brightness 1."""
    import soundfile

    from biofeedback.recording.storage import atomic_path
    from generator.score import SAMPLE_RATE
    from generator.synthesis.impulse import record_impulse

    if wav.suffix.lower() != ".wav":
        raise click.BadParameter(f"{wav} must end in .wav", param_hint="'--wav'")
    response = record_impulse(faultless(palette).palette, articulation)
    with atomic_path(wav) as part:
        soundfile.write(part, response, SAMPLE_RATE, subtype="FLOAT")
    click.echo(f"impulse    {wav}")
