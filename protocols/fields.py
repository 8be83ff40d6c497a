"""The values a protocol's fields may take, and how a field says what it means and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from generator.state import RANGES, Mode

MATCH_RANGE_BPM = (50.0, 100.0)
"""Heart rates that music can match; outside, the tempo stays at the nearer end."""

LOWEST_GOAL_BPM = 42.0
GOAL_SHARE = 0.85
"""A goal is at most this share of the tempo the lead starts from."""

HIGHEST_GOAL_BPM = 120.0
GOAL_SHARE_UP = 1.15
"""The goal of a lead upward is at least this share of the tempo it starts from."""


def clip(value: float, low: float, high: float) -> float:
    """Return the value, or the nearer end of the range where it lies outside."""
    return min(max(value, low), high)


HR_FACTORS = (0.5, 1.5)
"""Factors that a tempo relative to the heart rate may have."""

HR_OFFSETS_BPM = (-40.0, 40.0)
"""Offsets that a tempo relative to the heart rate may have."""

MODE_TOLERANCE = 1e-3
"""A mode may be written as its number, rounded to this."""

_HR = re.compile(r"hr\s*(?:(?P<operator>[*+-])\s*(?P<number>\d+(?:\.\d+)?))?")


class ProtocolPart(BaseModel):
    """A part of a protocol: frozen, without guesses about types, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def described(means: str, right: str, *, since: int = 1, **constraints: Any) -> Any:
    """Return a field that says what it means, what would be right, and which version of the language has it.

    The first is for the reference of the language, the second is quoted where a value is wrong. What a later
    version added is left out of a protocol's fingerprint while it says no more than its default.
    """
    return Field(title=means, description=right, json_schema_extra={"since": since}, **constraints)


def is_number(value: Any) -> bool:
    """Return whether a value read from YAML is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def nearest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that may have been meant, None where none is near."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.65)), None)


def suggestion(word: str, known: Collection[str]) -> str:
    """Return the question whether that was meant, empty where no known word is near."""
    close = nearest(word, known)
    return "" if close is None else f"did you mean {close!r}?"


def one_of(names: Collection[str]) -> BeforeValidator:
    """Return a check that a value is one of these names, which suggests the nearest where it is not."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in names:
            return value
        hint = suggestion(value, names) if isinstance(value, str) else ""
        raise ValueError(f"one of {', '.join(names)}" + (f"; {hint}" if hint else ""))

    return BeforeValidator(check)


def _mode(value: Any) -> Any:
    names = [mode.name.lower() for mode in Mode]
    if isinstance(value, str) and value.strip().lower() in names:
        return Mode.of(value).openness
    if is_number(value) and any(abs(value - mode.openness) <= MODE_TOLERANCE for mode in Mode):
        return Mode.of(value).openness
    known = ", ".join(f"{mode.openness:g} {mode.name.lower()}" for mode in Mode)
    hint = suggestion(value, names) if isinstance(value, str) else ""
    raise ValueError(f"one of {known}" + (f"; {hint}" if hint else ""))


def _tempo(low: float, high: float) -> BeforeValidator:
    def check(value: Any) -> Any:
        if is_number(value) and low <= value <= high:
            return value
        if isinstance(value, str) and (found := _HR.fullmatch(value.strip())):
            return _relative(found["operator"], found["number"])
        raise ValueError(
            f"hr (the listener's heart rate), hr*0.9, hr-5, hr+5 or a number from {low:g} to {high:g} bpm"
        )

    return BeforeValidator(check)


def _relative(operator: str | None, number: str | None) -> str:
    """Return a tempo relative to the heart rate as it is always written."""
    if operator is None or number is None:
        return "hr"
    low, high = HR_FACTORS if operator == "*" else HR_OFFSETS_BPM
    if not low <= (-float(number) if operator == "-" else float(number)) <= high:
        raise ValueError(
            f"hr* with a factor from {low:g} to {high:g}"
            if operator == "*"
            else f"hr- or hr+ with at most {high:g} bpm"
        )
    return f"hr{operator}{float(number):g}"


def tempo_for(tempo: float | str, hr_bpm: float, lowest_bpm: float, highest_bpm: float) -> float:
    """Return the tempo that a tempo as written (``hr``, ``hr*0.9``, ``hr-5``, a number) is at a heart rate.

    Where it depends on the heart rate it is kept between the two bounds.
    """
    if not isinstance(tempo, str):
        return tempo
    relative = tempo.removeprefix("hr")
    if relative.startswith("*"):
        hr_bpm *= float(relative[1:])
    elif relative:
        hr_bpm += float(relative)
    return clip(hr_bpm, lowest_bpm, highest_bpm)


Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=60,
        description="a name of small letters and digits, words joined by hyphens",
    ),
]
Text = Annotated[str, Field(min_length=1, pattern=r"\S", description="a text")]
Short = Annotated[
    str, Field(min_length=1, max_length=120, pattern=r"\S", description="a text of at most 120 characters")
]
Texts = Annotated[tuple[Text, ...], Field(description="a list of texts")]
Seconds = Annotated[float, Field(ge=5, le=7200, description="a number of seconds from 5 to 7200")]
MatchedBpm = Annotated[
    float, Field(ge=MATCH_RANGE_BPM[0], le=MATCH_RANGE_BPM[1], description="a number from 50 to 100 bpm")
]
MatchedTempo = Annotated[float | str, _tempo(*MATCH_RANGE_BPM)]
Tempo = Annotated[float | str, _tempo(*RANGES["tempo_bpm"])]
ModeOf = Annotated[float, BeforeValidator(_mode)]
