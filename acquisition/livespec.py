"""Specifications of live inputs: ``ecg=lsl:…`` and ``ecg=serial:…``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from acquisition.errors import SpecError
from acquisition.series import UNKNOWN_UNIT, known_unit
from acquisition.streams import Kind

LSL_PROPERTIES = ("name", "type", "source_id")
"""What an LSL stream can be asked for by."""

_RIGHT_LSL = "ecg=lsl:name=PolarECG"
_RIGHT_LINES = "ecg=serial:/dev/ttyUSB0?profile=lines&rate=250"
_SEPARATOR_NAMES = {"tab": "\t", "space": " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class LslSpec:
    """One channel of an LSL stream.

    Attributes
    ----------
    text : str
        As it was written.
    kind : Kind
        What it measures.
    query : tuple of (str, str)
        Property (of `LSL_PROPERTIES`) and the value it must have.
    channel : str or None
        Label or number from 0; None for the only one.
    unit : str or None
        Unit, where the stream does not state it or is wrong.
    """

    text: str
    kind: Kind
    query: tuple[tuple[str, str], ...]
    channel: str | None
    unit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesSpec:
    """One column of the lines that a serial device sends.

    Attributes
    ----------
    text : str
        As it was written.
    kind : Kind
        What it measures.
    port : str
        ``/dev/ttyUSB0``, ``COM3``.
    baud : int
        Bits per second.
    separator : str
        Between the numbers of a line; a blank stands for any run of them.
    rate_hz : float
        Nominal lines per second.
    column : int
        From 0.
    unit : str
        Of the values as delivered.
    scale, offset : float
        Delivered is number × scale + offset.
    """

    text: str
    kind: Kind
    port: str
    baud: int
    separator: str
    rate_hz: float
    column: int
    unit: str
    scale: float
    offset: float


def parse_lsl(text: str, kind: Kind, query: str) -> LslSpec:
    """Understand what follows ``lsl:``.

    Raises
    ------
    SpecError
        In one line that shows a right specification.
    """
    options = parse_options(text, query, (*LSL_PROPERTIES, "channel", "unit"), _RIGHT_LSL)
    wanted = tuple((name, options[name]) for name in LSL_PROPERTIES if name in options)
    if not wanted:
        raise SpecError(
            f"{text!r}: an LSL stream is asked for by {', '.join(LSL_PROPERTIES)}; "
            f"write for example {_RIGHT_LSL}"
        )
    return LslSpec(
        text=text,
        kind=kind,
        query=wanted,
        channel=options.get("channel"),
        unit=parse_unit(text, options["unit"], _RIGHT_LSL) if "unit" in options else None,
    )


def parse_serial(text: str, kind: Kind, where: str) -> LinesSpec:
    """Understand what follows ``serial:``.

    Raises
    ------
    SpecError
        In one line that shows a right specification.
    """
    port, _, query = where.partition("?")
    profile = dict(part.partition("=")[::2] for part in query.split("&")).get("profile")
    if not port or profile is None:
        raise SpecError(
            f"{text!r}: a serial input has a port and a profile; write for example {_RIGHT_LINES}"
        )
    if profile != "lines":
        raise SpecError(f"{text!r}: there is no profile {profile!r}, only lines; write {_RIGHT_LINES}")
    if kind is Kind.RR:
        raise SpecError(
            f"{text!r}: lines come at a fixed rate, RR intervals do not; give ECG, as in {_RIGHT_LINES}"
        )
    names = ("profile", "column", "rate", "unit", "scale", "offset", "baud", "separator")
    options = parse_options(text, query, names, _RIGHT_LINES)

    def number(name: str, default: str | None, right: Callable[[float], bool], words: str) -> float:
        given = options.get(name, default)
        value = finite_number(given) if given is not None else None
        if value is None or not right(value):
            is_wrong = f"{name} is missing" if given is None else f"{name}={given} is wrong"
            raise SpecError(f"{text!r}: {is_wrong}, it is {words}; write for example {_RIGHT_LINES}")
        return value

    def whole(value: float) -> bool:
        return value >= 0 and value == int(value)

    return LinesSpec(
        text=text,
        kind=kind,
        port=port,
        baud=int(number("baud", "115200", lambda x: whole(x) and x > 0, "bits per second")),
        separator=_separator(text, options.get("separator", ",")),
        rate_hz=number("rate", None, lambda x: x > 0, "the number of lines per second"),
        column=int(number("column", "0", whole, "a number from 0")),
        unit=parse_unit(text, options.get("unit", "bpm" if kind is Kind.HR else UNKNOWN_UNIT), _RIGHT_LINES),
        scale=number("scale", "1", lambda x: x != 0, "a factor other than 0"),
        offset=number("offset", "0", math.isfinite, "a number"),
    )


def finite_number(text: str) -> float | None:
    """Return the number a text stands for; None for anything else, infinity and NaN."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_options(text: str, query: str, names: tuple[str, ...], right: str) -> Mapping[str, str]:
    """Return ``name=value&name=value`` as a mapping; ``%26`` in a value stands for ``&``.

    Raises
    ------
    SpecError
        For a name that is not among `names`, is given twice or has no value.
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
    """Return our spelling of a unit.

    Raises
    ------
    SpecError
        Showing a right specification: `right`, `mark` and a unit.
    """
    unit = known_unit(given)
    if unit == UNKNOWN_UNIT != given:
        raise SpecError(
            f"{text!r}: {given!r} is not a unit; there are V, mV, uV, uS, ms, s, bpm and a.u.; "
            f"write for example {right}{mark}unit=mV"
        )
    return unit


def _separator(text: str, given: str) -> str:
    separator = _SEPARATOR_NAMES.get(given, given)
    if len(separator) != 1 or separator.isalnum() or separator in "+-._\r\n" or not separator.isascii():
        raise SpecError(
            f"{text!r}: separator={given} is wrong, it is tab, space or one character that numbers do not "
            f"have; write for example {_RIGHT_LINES}&separator=tab"
        )
    return separator
