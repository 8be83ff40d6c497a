"""Whether a session reached the goals of its protocol. A goal reached is never called an effect of music."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ValidationError

from biofeedback.analysis.measures import PhaseMeasures, analyse, mean_feature, number
from biofeedback.analysis.phases import numeric
from biofeedback.analysis.ratings_commands import RecordedRating, ratings
from biofeedback.recording.reader import Recording
from protocols.outline import Goal, span_of
from protocols.schema import Protocol

LEAST_USABLE = 0.5
"""Share of a phase's seconds that must be valid before its mean is compared. A convention."""

REST_TOO = (
    "Mere rest lowers heart rate and activation too: that a goal was reached does not show that the music "
    "did it."
)

Outcome = Literal["reached", "not reached", "cannot be told"]

_ANALYSED = {
    "hr_bpm": "hr_mean",
    "rmssd_ms": "rmssd",
    "breathing_rate": "breathing",
    "scl_uS": "scl",
    "scr_rate_per_min": "scr_rate",
}
_NAMES: Mapping[str, tuple[str, str, int]] = {
    "hr_bpm": ("heart rate", "bpm", 1),
    "activation": ("activation", "z", 2),
    "rmssd_ms": ("RMSSD", "ms", 1),
    "breathing_rate": ("breathing rate", "per min", 1),
    "scl_uS": ("skin conductance level", "µS", 2),
    "scr_rate_per_min": ("rate of skin conductance responses", "per min", 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSide:
    """One of the two values that a goal compares.

    Attributes
    ----------
    phase : str
        Where it is from; empty where the protocol has no such phase.
    value : float or None
        The mean over that phase, or the answer given for it; None where there is none.
    window_s : float or None
        Seconds of valid signal it stands on; None for ratings and for what is 0 by definition.
    usable_share : float or None
        0 to 1: those seconds over the phase's.
    reason : str
        Why there is no value; else empty.
    """

    phase: str
    value: float | None
    window_s: float | None = None
    usable_share: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """What became of one goal.

    Attributes
    ----------
    goal : Goal
        As the protocol has it.
    outcome : str
        ``reached``, ``not reached`` or ``cannot be told``.
    before, after : GoalSide
        The two values.
    change : float or None
        After minus before.
    sentence : str
        All of it in words.
    """

    goal: Goal
    outcome: Outcome
    before: GoalSide
    after: GoalSide
    change: float | None
    sentence: str

    @property
    def measure(self) -> tuple[str, str, int]:
        """What is measured in words, its unit, and the decimals worth showing."""
        return _measure(self.goal, self.before, self.after)


def evaluate(protocol: Protocol, recording: Recording) -> tuple[GoalResult, ...]:
    """Return for each goal of a protocol whether the session reached it.

    Values are those of the report: means over the whole phase, withheld there for the same reasons. A goal
    cannot be told where one of them is withheld or stands on less than half of its phase, where a phase did
    not take place, or where a rating was not given. Activation in the baseline is 0 by definition.

    Parameters
    ----------
    protocol : Protocol
        Whose goals; usually that of the recording.
    recording : Recording
        Complete or cut off.
    """
    if not protocol.goals:
        return ()
    stretches, rated = {each.phase.name: each for each in analyse(recording)}, ratings(recording)
    return tuple(_result(goal, protocol, recording, stretches, rated) for goal in protocol.goals)


def recorded_goals(recording: Recording) -> tuple[GoalResult, ...]:
    """Return the same for the protocol that the recording holds; nothing where it holds no valid one."""
    try:
        protocol = Protocol.model_validate_json(json.dumps(recording.meta.get("protocol")))
    except ValidationError:
        return ()
    return evaluate(protocol, recording)


def _result(
    goal: Goal,
    protocol: Protocol,
    recording: Recording,
    stretches: Mapping[str, PhaseMeasures],
    rated: tuple[RecordedRating, ...],
) -> GoalResult:
    start, end = span_of(goal, protocol.stretches)
    if goal.scale is not None:
        before, after = _answers(goal.scale, start, end, rated)
    else:
        before, after = (_side(goal, name, recording, stretches) for name in (start, end))
    change = None if before.value is None or after.value is None else after.value - before.value
    outcome: Outcome = "cannot be told"
    if change is not None:
        enough = change <= goal.change if goal.change < 0 else change >= goal.change
        outcome = "reached" if enough else "not reached"
    return GoalResult(
        goal=goal,
        outcome=outcome,
        before=before,
        after=after,
        change=change,
        sentence=_sentence(goal, outcome, before, after, change),
    )


def _side(
    goal: Goal, name: str | None, recording: Recording, stretches: Mapping[str, PhaseMeasures]
) -> GoalSide:
    if name is None:
        return GoalSide(phase="", value=None, reason="the protocol has no such phase")
    stretch = stretches.get(name)
    if stretch is None:
        return GoalSide(phase=name, value=None, reason=f"“{name}” did not take place")
    if goal.measure == "activation":
        return _activation(recording, stretch)
    measure = stretch[_ANALYSED[goal.measure]]
    return _judged(name, measure.value.number, measure.value.reason, measure.window_s, measure.usable_share)


def _activation(recording: Recording, stretch: PhaseMeasures) -> GoalSide:
    phase = stretch.phase
    if phase.kind == "baseline":
        return GoalSide(phase=phase.name, value=0.0)
    value = mean_feature(recording, phase, "activation", "activation")
    times, values = numeric(recording, "features", "activation")
    valid_s = float(np.count_nonzero(phase.holds(times) & np.isfinite(values)))
    return _judged(phase.name, value.number, value.reason, valid_s, min(1.0, valid_s / phase.duration_s))


def _judged(name: str, value: float | None, reason: str, window_s: float, usable: float) -> GoalSide:
    if value is None:
        reason = f"in “{name}”: {reason}"
    elif usable < LEAST_USABLE:
        share = f"only {100 * usable:.0f} % of “{name}” is usable"
        value, reason = None, f"{share}; {100 * LEAST_USABLE:.0f} % are needed"
    return GoalSide(phase=name, value=value, window_s=window_s, usable_share=usable, reason=reason)


def _answers(
    scale: str, start: str | None, end: str | None, rated: tuple[RecordedRating, ...]
) -> tuple[GoalSide, GoalSide]:
    """Return the first answer for the one phase and the last for the other; never the same one twice."""
    about = [each for each in rated if each.scale == scale]
    first = next((each for each in about if each.phase == start), None)
    last = next((each for each in reversed(about) if each.phase == end and each is not first), None)
    return _answer(scale, start, first), _answer(scale, end, last)


def _answer(scale: str, phase: str | None, rated: RecordedRating | None) -> GoalSide:
    if phase is None:
        return GoalSide(phase="", value=None, reason="the protocol has no such phase")
    if rated is None:
        return GoalSide(phase=phase, value=None, reason=f"{scale} was not asked for in “{phase}”")
    reason = "" if rated.value is not None else f"{scale} in “{phase}” was {rated.how}"
    return GoalSide(phase=phase, value=rated.value, reason=reason)


def _sentence(goal: Goal, outcome: Outcome, before: GoalSide, after: GoalSide, change: float | None) -> str:
    name, unit, digits = _measure(goal, before, after)
    way = "fall" if goal.change < 0 else "rise"
    asked = f"a {way} of {abs(goal.change):g} {unit}".strip()
    if before.value is None or after.value is None or change is None:
        why = "; ".join(dict.fromkeys(side.reason for side in (before, after) if side.reason))
        return f"“{goal.name}” ({name}, {asked}) cannot be told: {why}."
    values = (
        f"{number(before.value, digits)} in “{before.phase}”, {number(after.value, digits)} in "
        f"“{after.phase}”, a change of {number(change, digits, signed=True)} {unit}".strip()
    )
    return f"“{goal.name}” was {outcome}: {name} {values}; {asked} or more was asked for."


def _measure(goal: Goal, before: GoalSide, after: GoalSide) -> tuple[str, str, int]:
    if goal.scale is None:
        return _NAMES[goal.measure]
    whole = all(side.value is None or side.value == int(side.value) for side in (before, after))
    return goal.scale, "", 0 if whole else 1
