"""Options, numbers and units in input specifications."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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


class OptionReader:
    """Reads the options ``name=value&name=value`` of one specification.

    Parameters
    ----------
    text : str
        The specification as written.
    query : str
        The part with the options.
    names : tuple of str
        Known options.
    right : str
        A correct specification, for messages.

    Raises
    ------
    SpecError
        See `parse_options`.
    """

    def __init__(self, text: str, query: str, names: tuple[str, ...], right: str) -> None:
        self._text = text
        self.right = right
        self.given = parse_options(text, query, names, right)

    def wrong(self, what: str) -> SpecError:
        """Return an error that shows a correct specification."""
        return SpecError(f"{self._text!r}: {what}; write for example {self.right}")

    def number(
        self, name: str, default: float | None, is_right: Callable[[float], bool], words: str
    ) -> float:
        """Return a number; `words` says what it must be."""
        given = self.given.get(name)
        value = default if given is None else finite_number(given)
        if value is None or not is_right(value):
            what = f"{name} is missing" if given is None else f"{name}={given} is wrong"
            raise self.wrong(f"{what}, it is {words}")
        return value

    def value(self, name: str, default: float | str, choices: tuple[str, ...]) -> float | str:
        """Return a number above 0, if the default is one, or one of the choices."""
        if isinstance(default, float):
            return self.number(name, default, lambda x: x > 0, "a number above 0")
        value = self.given.get(name, default)
        if value not in choices:
            raise self.wrong(f"{name}={value} is wrong, it is one of {', '.join(choices)}")
        return value
