"""Options, numbers and units in input specifications."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


class OptionReader:
    """Reads the options ``name=value&name=value`` of one specification; ``%26`` in a value means ``&``.

    Parameters
    ----------
    text : str
        The specification as written.
    query : str or None
        The part with the options; None where the specification has none.
    names : sequence of str
        Known options.
    right : str
        A correct specification, for messages.

    Attributes
    ----------
    given : dict of str to str
        The options that were given.

    Raises
    ------
    SpecError
        If a name is not in `names`, is given twice or has no value.
    """

    def __init__(self, text: str, query: str | None, names: Sequence[str], right: str) -> None:
        self._text = text
        self.right = right
        self.given: dict[str, str] = {}
        for part in [] if query is None else query.split("&"):
            name, _, value = part.partition("=")
            if name not in names:
                raise self.wrong(f"{name!r} is not an option; there are {', '.join(names)}")
            if name in self.given or not value:
                raise self.wrong(f"{name} must be given once, with a value")
            self.given[name] = unquote(value)

    def wrong(self, what: str, more: str = "") -> SpecError:
        """Return an error that shows a correct specification, with `more` added to it."""
        return SpecError(f"{self._text!r}: {what}; write for example {self.right}{more}")

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

    def unit(self, default: str) -> str:
        """Return the project's spelling of the unit that is given."""
        given = self.given.get("unit", default)
        unit = known_unit(given)
        if unit == UNKNOWN_UNIT != given:
            more = "" if "unit=" in self.right else "&unit=mV"
            raise self.wrong(f"{given!r} is not a unit; there are V, mV, uV, uS, ms, s, bpm and a.u.", more)
        return unit
