"""What a listener likes to hear, as options of the commands that make music."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from biofeedback.errors import UsageError
from generator.preferences import Preferences
from generator.state import LAYERS, NATURES, PALETTES

Command = Callable[..., Any]

_OPTIONS = (
    click.option("--palette", type=click.Choice(PALETTES), help="The sounds that play."),
    click.option("--nature", type=click.Choice(NATURES), help="A bed of sound under the music."),
    click.option("--tonic", type=click.IntRange(0, 11), help="0 is C, 11 is B."),
    click.option(
        "--without",
        multiple=True,
        metavar="SOUND",
        type=click.Choice((*LAYERS, *NATURES[1:])),
        help=f"A sound never to be heard; repeat for more: {', '.join((*LAYERS, *NATURES[1:]))}.",
    ),
    click.option("--register", "register_", metavar="LOW:HIGH", help="Bounds, 0 (low) to 1 (high)."),
)


def preference_options(command: Command) -> Command:
    """Add the options; the command gets them as ``preferences``."""

    @wraps(command)
    def with_preferences(
        *args: Any,
        palette: str | None,
        nature: str | None,
        tonic: int | None,
        without: tuple[str, ...],
        register_: str | None,
        **kwargs: Any,
    ) -> Any:
        preferences = Preferences(
            palette=palette,
            nature=nature,
            tonic=tonic,
            unwanted=without,
            register_range=_bounds(register_) if register_ is not None else (0.0, 1.0),
        )
        return command(*args, preferences=preferences, **kwargs)

    decorated: Command = with_preferences
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _bounds(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(f"--register {text!r} is not LOW:HIGH, such as 0.2:0.6") from None
