"""Specifications of LSL streams, ``ecg=lsl:…``, and what specifications of live inputs share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from acquisition.errors import SpecError
from acquisition.series import UNKNOWN_UNIT, known_unit
from acquisition.streams import Kind

LSL_PROPERTIES = ("name", "type", "source_id")
"""What an LSL stream can be asked for by."""

WAIT_S = 5.0
"""How long a stream is looked for, unless it is said."""

LONGEST_WAIT_S = 3600.0

_RIGHT_LSL = "ecg=lsl:name=PolarECG"


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
    wait_s : float
        For how long it is looked for, where it is not there yet.
    """

    text: str
    kind: Kind
    query: tuple[tuple[str, str], ...]
    channel: str | None
    unit: str | None
    wait_s: float = WAIT_S


def parse_lsl(text: str, kind: Kind, query: str) -> LslSpec:
    """Understand what follows ``lsl:``.

    Raises
    ------
    SpecError
        In one line that shows a right specification.
    """
    options = parse_options(text, query, (*LSL_PROPERTIES, "channel", "unit", "wait"), _RIGHT_LSL)
    wanted = tuple((name, options[name]) for name in LSL_PROPERTIES if name in options)
    if not wanted:
        raise SpecError(
            f"{text!r}: an LSL stream is asked for by {', '.join(LSL_PROPERTIES)}; "
            f"write for example {_RIGHT_LSL}"
        )
    wait_s = finite_number(options.get("wait", f"{WAIT_S:g}"))
    if wait_s is None or not 0 <= wait_s <= LONGEST_WAIT_S:
        raise SpecError(
            f"{text!r}: wait={options['wait']} is wrong, it is a number of seconds up to {LONGEST_WAIT_S:g}; "
            f"write for example {_RIGHT_LSL}&wait=60"
        )
    return LslSpec(
        text=text,
        kind=kind,
        wait_s=wait_s,
        query=wanted,
        channel=options.get("channel"),
        unit=parse_unit(text, options["unit"], _RIGHT_LSL) if "unit" in options else None,
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
