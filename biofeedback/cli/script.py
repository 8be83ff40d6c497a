"""How a script of commands is given on the command line."""

from __future__ import annotations

import json
import math

import click
from pydantic import ValidationError

from biofeedback.commands import COMMAND, Command
from biofeedback.errors import UsageError


def parse_command(text: str) -> tuple[float, Command]:
    """Read ``AT:JSON``: the seconds from the session's start, and the command.

    Raises
    ------
    UsageError
        In one line, saying what would be right.
    """
    at, _, body = text.partition(":")
    try:
        seconds = float(at)
    except ValueError:
        seconds = math.nan
    if not (0.0 <= seconds < math.inf):
        raise UsageError(
            f"--command {text}: {at!r} is no time; give seconds from the session's start and the command, "
            """such as '300:{"name": "pause"}'"""
        )
    try:
        given = json.loads(body)
    except json.JSONDecodeError as error:
        raise UsageError(f"--command {text}: no JSON after the time ({error})") from None
    try:
        return seconds, COMMAND.validate_python(given)
    except ValidationError as error:
        raise UsageError(f"--command {text}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    """Return the first complaint in one line, with the field it is about."""
    complaint = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in complaint["loc"][1:])
    message = complaint["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _parse_all(
    _context: object, _option: object, texts: tuple[str, ...]
) -> tuple[tuple[float, Command], ...]:
    return tuple(parse_command(text) for text in texts)


command_option = click.option(
    "--command",
    "script",
    multiple=True,
    metavar="AT:JSON",
    callback=_parse_all,
    help="Give a command so many seconds into the session, as "
    """'300:{"name": "pause"}'; repeat for more. docs/control.md lists them.""",
)
