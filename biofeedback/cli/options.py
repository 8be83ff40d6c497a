"""Options that several commands share: inputs, data folder, preferences; and progress bars."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from biofeedback.errors import BiofeedbackError, UsageError
from biofeedback.settings import STORE_NAME, data_folder
from generator.preferences import Preferences
from generator.state import (
    EARLIER_NATURES,
    LAYERS,
    METRES,
    NATURES,
    PALETTES,
    PLAYBACKS,
    is_palette_file,
)

if TYPE_CHECKING:
    from biofeedback.catalog import Catalog
    from biofeedback.store.store import Store


INPUT_HELP = (
    "A signal, as KIND=WHERE: ecg=rec.csv:ecg_mV@360 (column, rate), eda=session.xdf:Stream, "
    "rr=rr.csv:rr_ms, listener=virtual:responder. Several may follow, or repeat the option."
)

USUAL_SCR_US, LEAST_SCR_US = 0.05, 0.01
"""Usual for sensors that cost little; the least that is called a response (Boucsein 2012)."""

Command = Callable[..., Any]
Option = Callable[[Command], Command]

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def sound_path(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Refuse the name of a sound file that does not say its format; for an option's `callback`."""
    if path is not None and path.suffix.lower() not in {".wav", ".flac"}:
        raise click.BadParameter(f"{path} must end in .wav or .flac")
    return path


def options(*given: Option) -> Option:
    """Return one decorator that adds several options, in this order."""

    def add(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return add


def seed_option(default: int = 0, help_text: str = "Determines every random choice.") -> Option:
    """Return the option ``--seed``."""
    seeds = click.IntRange(0, 2**31 - 1)
    return click.option("--seed", type=seeds, default=default, show_default=True, help=help_text)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: object) -> None:
    """Print a value as JSON that people can read."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_lines(lines: Iterable[str], none: str) -> None:
    """Print lines; `none` if there are none."""
    click.echo("\n".join(lines) or none)


def inputs_option(command: Command) -> Command:
    """Add ``--input SPEC...``: the option may be repeated, and one option may take several."""

    @click.option("--input", "first_inputs", metavar="SPEC...", multiple=True, help=INPUT_HELP)
    @click.argument("more_inputs", nargs=-1, metavar="")
    @wraps(command)
    def with_inputs(
        *args: Any, first_inputs: tuple[str, ...], more_inputs: tuple[str, ...], **kwargs: Any
    ) -> Any:
        if not first_inputs and not kwargs.get("setup"):
            raise UsageError("no input: give --input KIND=WHERE, such as --input ecg=rec.csv:ecg_mV@360")
        return command(*args, inputs=(*first_inputs, *more_inputs), **kwargs)

    return with_inputs


scr_threshold_option = click.option(
    "--scr-threshold",
    "scr_threshold_us",
    type=click.FloatRange(LEAST_SCR_US, 10.0),
    default=USUAL_SCR_US,
    show_default=True,
    metavar="US",
    help="Least amplitude of a skin conductance response in µS; 0.01 for a laboratory's amplifier.",
)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[..., None]]:
    """Show a bar on standard error; yields a function that takes the fraction done and, if given, a word."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    task = progress.add_task(what, total=1.0)

    def advance(fraction: float, word: str = "") -> None:
        # Nothing is shown before there is progress: what is refused at once is refused in one line.
        progress.start()
        description = f"{what} · {word}" if word else what
        progress.update(task, completed=fraction, description=description)

    try:
        yield advance
    finally:
        progress.stop()


def is_live(spec: str) -> bool:
    """Return whether an input specification names a device."""
    return spec.partition("=")[2].strip().startswith(("lsl:", "serial:", "ble:"))


def refuse_gaps(inputs: Sequence[str]) -> None:
    """Refuse recordings with long stretches of missing signal.

    Raises
    ------
    UsageError
        Naming the stretches and the way round.
    """
    # Imported here: NeuroKit2 takes seconds, and most commands need no signals.
    from acquisition.sources import open_sources
    from biofeedback.intake import LONG_GAP_S, long_gaps

    recordings = [text for text in inputs if not is_live(text)]
    if not recordings:
        return
    if lines := long_gaps(open_sources(recordings, seed=0)):
        more = f" (and {len(lines) - 3} more)" if len(lines) > 3 else ""
        raise UsageError(
            f"{'; '.join(lines[:3])}{more}; a session needs a signal without gaps of more than "
            f"{LONG_GAP_S:g} s: choose another recording, or accept the gaps with --allow-gaps"
        )


Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

data_option = click.option(
    "--data", type=FOLDER, help="The data folder. [default: $BIOFEEDBACK_DATA, or the user's own]"
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


_SOUNDS = (*LAYERS, *NATURES[1:])


def _palette(context: click.Context, option: click.Parameter, given: str | None) -> str | None:
    """Return a palette's name, or the path of its file."""
    from biofeedback.palette_files import located

    if given is None or given in PALETTES:
        return given
    if not is_palette_file(given):
        raise click.BadParameter(
            f"{given!r} is none of {', '.join(PALETTES)}, and no palette file (.yaml)", context, option
        )
    return located(given)


def _complete_palette(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    names = [CompletionItem(name) for name in PALETTES if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


palette_argument = click.argument(
    "palette", metavar="NAME|FILE", callback=_palette, shell_complete=_complete_palette
)

_preference_options = options(
    click.option(
        "--palette",
        metavar="NAME|FILE",
        callback=_palette,
        shell_complete=_complete_palette,
        help=f"Set of sounds that plays: {', '.join(PALETTES)}, or a palette file (.yaml).",
    ),
    click.option(
        "--nature",
        type=click.Choice((*NATURES, *EARLIER_NATURES)),
        help="Nature sound under the music; water is the earlier name of stream.",
    ),
    click.option("--tonic", type=click.IntRange(0, 11), help="Pitch class of the tonic: 0 is C, 11 is B."),
    click.option(
        "--metre", type=click.Choice(METRES), help="Beats of a bar; any: one of the three, by the seed."
    ),
    click.option(
        "--playback",
        type=click.Choice(PLAYBACKS),
        help="What the music is heard by. headphones: each ear hears a little of the other side too.",
    ),
    click.option(
        "--without",
        multiple=True,
        metavar="SOUND",
        type=click.Choice((*_SOUNDS, *EARLIER_NATURES)),
        help=f"Sound that is never played; repeat for more: {', '.join(_SOUNDS)}.",
    ),
    click.option("--register", metavar="LOW:HIGH", help="Range of the register, 0 (low) to 1 (high)."),
)

PREFERENCE_FIELDS = {
    "palette": "palette",
    "nature": "nature",
    "tonic": "tonic",
    "metre": "metre",
    "playback": "playback",
    "without": "unwanted",
    "register": "register_range",
}
"""The field of `Preferences` that each option sets."""


@dataclass(frozen=True, slots=True)
class PreferenceOptions:
    """The preferences that were given on the command line.

    Attributes
    ----------
    given : mapping of str to object
        Values of the fields of `Preferences` for which an option was given, and of those only.
    """

    given: Mapping[str, Any] = field(default_factory=dict)

    def applied_to(self, preferences: Preferences) -> Preferences:
        """Return `preferences` with the given fields replaced; every other field stays.

        Raises
        ------
        StateError
            If a value is out of range.
        """
        return replace(preferences, **self.given)

    def cleared(self, fields: tuple[str, ...]) -> PreferenceOptions:
        """Return these options with some fields of `Preferences` set back to their defaults.

        Raises
        ------
        UsageError
            If one of the fields was given a value too.
        """
        for option, name in PREFERENCE_FIELDS.items():
            if name in fields and name in self.given:
                raise UsageError(f"give --{option} or --clear {option}, not both")
        defaults = Preferences()
        return PreferenceOptions({**self.given, **{name: getattr(defaults, name) for name in fields}})

    def within_session(self, preferences: Preferences) -> Preferences:
        """Return a client's preferences for one session: as `applied_to`, but ``--without`` adds sounds.

        A sound that the client does not want stays away unless the field was cleared.
        """
        if not (added := self.given.get("unwanted")):
            return self.applied_to(preferences)
        unwanted = tuple(dict.fromkeys((*preferences.unwanted, *added)))
        return replace(preferences, **{**self.given, "unwanted": unwanted})


def preference_options(command: Command) -> Command:
    """Add the options; the command receives them as ``preferences``, a `PreferenceOptions`."""

    @wraps(command)
    def with_preferences(*args: Any, **kwargs: Any) -> Any:
        values = {name: kwargs.pop(option) for option, name in PREFERENCE_FIELDS.items()}
        given = {name: value for name, value in values.items() if value not in (None, ())}
        if (register := given.get("register_range")) is not None:
            given["register_range"] = _bounds(register)
        return command(*args, preferences=PreferenceOptions(given), **kwargs)

    return _preference_options(with_preferences)


def clear_option(fields: Mapping[str, str], help_text: str) -> Option:
    """Return the option ``--clear OPTION``; the command receives the names of fields as ``cleared``.

    Parameters
    ----------
    fields : mapping of str to str
        The field that each option sets.
    help_text : str
        What clearing does.
    """
    return click.option(
        "--clear",
        "cleared",
        multiple=True,
        metavar="OPTION",
        type=click.Choice(list(fields)),
        callback=lambda _context, _option, names: tuple(fields[name] for name in names),
        help=f"{help_text}; repeat for more: {', '.join(fields)}.",
    )


def _bounds(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(f"--register {text!r} is not LOW:HIGH, such as 0.2:0.6") from None
