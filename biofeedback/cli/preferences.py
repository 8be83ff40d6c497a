"""Options for a listener's musical preferences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import click

from biofeedback.errors import UsageError
from generator.preferences import Preferences
from generator.state import LAYERS, NATURES, PALETTES

Command = Callable[..., Any]

_SOUNDS = (*LAYERS, *NATURES[1:])

_OPTIONS = (
    click.option("--palette", type=click.Choice(PALETTES), help="Set of sounds that plays."),
    click.option("--nature", type=click.Choice(NATURES), help="Nature sound under the music."),
    click.option("--tonic", type=click.IntRange(0, 11), help="Pitch class of the tonic: 0 is C, 11 is B."),
    click.option(
        "--without",
        multiple=True,
        metavar="SOUND",
        type=click.Choice(_SOUNDS),
        help=f"Sound that is never played; repeat for more: {', '.join(_SOUNDS)}.",
    ),
    click.option("--register", metavar="LOW:HIGH", help="Range of the register, 0 (low) to 1 (high)."),
)

PREFERENCE_FIELDS = {
    "palette": "palette",
    "nature": "nature",
    "tonic": "tonic",
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

    decorated: Command = with_preferences
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def clear_option(fields: Mapping[str, str], help_text: str) -> Callable[[Command], Command]:
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
