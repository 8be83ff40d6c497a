"""Options, numbers and units in input specifications."""

from __future__ import annotations

import math
from collections.abc import Mapping
from urllib.parse import unquote

from acquisition.errors import SpecError
from acquisition.streams import UNKNOWN_UNIT, known_unit


def finite_number(text: str) -> float | None:
    """Return a text as a number; None for infinity, NaN and anything that is not a number.

    >>> finite_number("2.5"), finite_number("nan"), finite_number("x")
    (2.5, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_options(text: str, query: str, names: tuple[str, ...], right: str) -> Mapping[str, str]:
    """Return ``name=value&name=value`` as a mapping; ``%26`` in a value is decoded to ``&``.

    Raises
    ------
    SpecError
        If a name is not in `names`, is given twice or has no value.
    """
    options: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name not in names:
            raise SpecError(
                f"{text!r}: {name!r} is not an option; there are {', '.join(names)}; "
                f"write for example {right}"
            )
        if name in options or not value:
            raise SpecError(f"{text!r}: {name} must be given once, with a value; write for example {right}")
        options[name] = unquote(value)
    return options


def parse_unit(text: str, given: str, right: str, mark: str = "&") -> str:
    """Return the project's spelling of a unit.

    Raises
    ------
    SpecError
        If the unit is unknown; the message shows a correct specification: `right`, `mark` and a unit.
    """
    unit = known_unit(given)
    if unit == UNKNOWN_UNIT != given:
        raise SpecError(
            f"{text!r}: {given!r} is not a unit; there are V, mV, uV, uS, ms, s, bpm and a.u.; "
            f"write for example {right}{mark}unit=mV"
        )
    return unit
