"""The values a protocol's fields may take, what each means, and how fast the music may change.

The limits of change hold for plans and for live decisions.
"""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from generator.state import BEATS_PER_BAR, RANGES, Mode, MusicState

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


def described(means: str, right: str | None = None, *, since: int = 1, **constraints: Any) -> Any:
    """Return a field that says what it means, what would be right, and which version of the language has it.

    The first is for the reference of the language, the second is quoted where a value is wrong; where it is
    left out, it is that of the field's type. What a later version added is left out of a protocol's
    fingerprint while it says no more than its default.
    """
    if right is not None:
        constraints["description"] = right
    return Field(title=means, json_schema_extra={"since": since}, **constraints)


def ranged(
    means: str, ends: tuple[float, float], unit: str = "", *, kind: str = "a number", **options: Any
) -> Any:
    """Return a `described` field for a number that is one of the two ends or lies between them."""
    low, high = ends
    return described(means, f"{kind} from {low:g} to {high:g}{unit}", ge=low, le=high, **options)


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


def one_of(names: Collection[str], *, earlier: Collection[str] = ()) -> BeforeValidator:
    """Return a check that a value is one of these names, which suggests the nearest where it is not.

    Earlier names are accepted, too, and stay as they are: the fingerprint of a protocol must not change.
    """

    def check(value: Any) -> Any:
        if isinstance(value, str) and (value in names or value in earlier):
            return value
        raise _none_of(names, value, ", ".join(names))

    return BeforeValidator(check)


def _none_of(names: Collection[str], value: Any, known: str) -> ValueError:
    hint = suggestion(value, names) if isinstance(value, str) else ""
    return ValueError(f"one of {known}" + (f"; {hint}" if hint else ""))


def _mode(value: Any) -> Any:
    names = [mode.name.lower() for mode in Mode]
    if isinstance(value, str) and value.strip().lower() in names:
        return Mode.of(value).openness
    if is_number(value) and any(abs(value - mode.openness) <= MODE_TOLERANCE for mode in Mode):
        return Mode.of(value).openness
    raise _none_of(names, value, ", ".join(f"{mode.openness:g} {mode.name.lower()}" for mode in Mode))


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


DECISION_S = 5.0
"""Seconds from one decision to the next."""

PEAK_OF_MEAN = 1.875
"""Highest speed of a minimum-jerk course, as a multiple of its mean speed."""

OVERRIDE_BPM_PER_MIN = 8.0
"""Fastest change of a tempo that the therapist sets."""

LEVEL_DB_PER_S = 0.2
"""Fastest change of level: 1 dB in 5 s."""

RUNG = 0.2
"""Distance from one mode to the next, as a number."""

_TINY = 1e-9
"""Tolerance for rounding."""


class Limits(ProtocolPart):
    """How fast the music may change."""

    tempo_bpm_per_min: float = ranged(
        "fastest change of tempo; more than 3 only in a protocol without a lead", (0.5, 8), default=3.0
    )
    tempo_percent_per_bar: float = ranged("largest change of tempo from bar to bar", (0.1, 1), default=1.0)
    mode_seconds: float = ranged(
        "shortest time between two changes of mode, each to the neighbouring mode",
        (30, 600),
        kind="a number of seconds",
        default=30.0,
    )


def limits_in(phase: object, limits: Limits) -> Limits:
    """Return the limits in a phase: the protocol's, but for what the phase says of its own pace."""
    own = {name: getattr(phase, name, None) for name in ("tempo_bpm_per_min", "mode_seconds")}
    return limits.model_copy(update={name: value for name, value in own.items() if value is not None})


class RateLimiter:
    """Moves the music toward what is wanted as far as the limits allow.

    The first state of a sounding stretch is free. After it, with `dt` the time since the state before, but
    never more than one decision interval (so that a pause saves up no credit):

    - tempo moves at most ``tempo_bpm_per_min · dt / 60``;
    - tempo lies within ``tempo_percent_per_bar`` of the state before and of every tempo asked for during the
      last bar and decision interval. The player takes up what was last asked for when a bar begins, so that
      from bar to bar no larger step can sound;
    - level moves at most 0.2 dB a second;
    - mode moves one rung, at least ``mode_seconds`` after it last moved or began to sound.

    Parameters
    ----------
    limits : Limits
        Of the protocol; they may be replaced by others at any time.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._asked: deque[tuple[float, float]] = deque()
        self._last: MusicState | None = None
        self._mode_t = 0.0

    def grant(self, t: float, wanted: MusicState, *, tempo_bpm_per_min: float | None = None) -> MusicState:
        """Return the state to ask for at `t`; times rise from call to call.

        Where given, `tempo_bpm_per_min` stands in for the protocol's limit.
        """
        last = self._last
        if not wanted.sounding:
            self._asked.clear()
            self._last = None
            return wanted
        if last is None:
            granted, self._mode_t = wanted, t
        else:
            dt = min(t - self._asked[-1][0], DECISION_S)
            most_db = LEVEL_DB_PER_S * dt
            granted = replace(
                wanted,
                tempo_bpm=self._tempo(
                    t, dt, wanted.tempo_bpm, tempo_bpm_per_min or self.limits.tempo_bpm_per_min
                ),
                level_db=clip(wanted.level_db, last.level_db - most_db, last.level_db + most_db),
                mode=self._mode(t, last.mode, wanted.mode),
            )
        self._asked.append((t, granted.tempo_bpm))
        self._last = granted
        return granted

    def _tempo(self, t: float, dt: float, wanted: float, bpm_per_min: float) -> float:
        last = self._asked[-1][1]
        window_s = 60 * BEATS_PER_BAR / last + DECISION_S
        while len(self._asked) > 1 and self._asked[0][0] <= t - window_s + _TINY:
            self._asked.popleft()
        share = self.limits.tempo_percent_per_bar / 100
        most = bpm_per_min * dt / 60
        low = max(last - most, *(tempo * (1 - share) for _, tempo in self._asked))
        high = min(last + most, *(tempo * (1 + share) for _, tempo in self._asked))
        # To stay is always allowed, whatever the window holds.
        return clip(wanted, min(low, last), max(high, last))

    def _mode(self, t: float, last: float, wanted: float) -> float:
        if abs(wanted - last) < RUNG / 2 or t - self._mode_t < self.limits.mode_seconds - _TINY:
            return last
        self._mode_t = t
        return round(last + RUNG if wanted > last else last - RUNG, 1)


def travel_s(limits: Limits, start_bpm: float, target_bpm: float) -> float:
    """Return the seconds within which the tempo gets from one value to another, decision by decision."""
    limiter = RateLimiter(limits)
    t = 0.0
    tempo = limiter.grant(t, MusicState(tempo_bpm=start_bpm)).tempo_bpm
    while abs(tempo - target_bpm) > _TINY:
        t += DECISION_S
        tempo = limiter.grant(t, MusicState(tempo_bpm=target_bpm)).tempo_bpm
    return t
