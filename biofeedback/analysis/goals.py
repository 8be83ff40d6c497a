"""Whether a session reached the goals of its protocol. A goal reached is never called an effect of music."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from biofeedback.analysis.measures import PhaseMeasures, Quantity, Value, analyse, mean_feature, number
from biofeedback.analysis.phases import valid_feature
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

_QUANTITIES: Mapping[str, tuple[str, Quantity]] = {
    "hr_bpm": ("hr_mean", Quantity("heart rate", "bpm", 1)),
    "activation": ("", Quantity("activation", "z", 2)),
    "rmssd_ms": ("rmssd", Quantity("RMSSD", "ms", 1)),
    "breathing_rate": ("breathing", Quantity("breathing rate", "per min", 1)),
    "scl_uS": ("scl", Quantity("skin conductance level", "µS", 2)),
    "scr_rate_per_min": ("scr_rate", Quantity("rate of skin conductance responses", "per min", 1)),
}
"""For each measure of a goal the key of the analysed one (activation is none of them), and what it is."""


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
    value: float | None = None
    window_s: float | None = None
    usable_share: float | None = None
    reason: str = ""

    @property
    def footing(self) -> str:
        """What the value stands on in words; empty for ratings and for what is 0 by definition."""
        if self.window_s is None or self.usable_share is None:
            return ""
        return f"{self.window_s:.0f} s, {100 * self.usable_share:.0f} % usable"


NO_PHASE = GoalSide(phase="", reason="the protocol has no such phase")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """What became of one goal.

    Attributes
    ----------
    goal : Goal
        As the protocol has it.
    before, after : GoalSide
        The two values.
    """

    goal: Goal
    before: GoalSide
    after: GoalSide

    @property
    def change(self) -> float | None:
        """After minus before; None where one of them is missing."""
        if self.before.value is None or self.after.value is None:
            return None
        return self.after.value - self.before.value

    @property
    def outcome(self) -> Outcome:
        """Whether the change is at least as large as the goal asks, in its direction."""
        if self.change is None:
            return "cannot be told"
        least = self.goal.change
        enough = self.change <= least if least < 0 else self.change >= least
        return "reached" if enough else "not reached"

    @property
    def measure(self) -> Quantity:
        """What is measured; answers of whole numbers have no decimals."""
        if self.goal.scale is None:
            return _QUANTITIES[self.goal.measure][1]
        answers = (self.before.value, self.after.value)
        whole = all(value is None or value == int(value) for value in answers)
        return Quantity(self.goal.scale, "", 0 if whole else 1)

    @property
    def sentence(self) -> str:
        """All of it in words."""
        before, after, asked = self.before, self.after, self.goal.change
        name, unit, digits = self.measure
        change = f"a {'fall' if asked < 0 else 'rise'} of {abs(asked):g} {unit}".strip()
        if self.change is None:
            why = "; ".join(dict.fromkeys(side.reason for side in (before, after) if side.reason))
            return f"“{self.goal.name}” ({name}, {change}) cannot be told: {why}."
        values = (
            f"{number(before.value, digits)} in “{before.phase}”, {number(after.value, digits)} in "
            f"“{after.phase}”, a change of {number(self.change, digits, signed=True)} {unit}".strip()
        )
        return f"“{self.goal.name}” was {self.outcome}: {name} {values}; {change} or more was asked for."


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
    results = []
    for goal in protocol.goals:
        start, end = span_of(goal, protocol.stretches)
        if goal.scale is not None:
            before, after = _answers(goal.scale, start, end, rated)
        else:
            before, after = (_side(goal, name, recording, stretches) for name in (start, end))
        results.append(GoalResult(goal=goal, before=before, after=after))
    return tuple(results)


def recorded_goals(recording: Recording) -> tuple[GoalResult, ...]:
    """Return the same for the protocol that the recording holds; nothing where it holds no valid one."""
    try:
        protocol = Protocol.model_validate_json(json.dumps(recording.meta.get("protocol")))
    except ValidationError:
        return ()
    return evaluate(protocol, recording)


def _side(
    goal: Goal, name: str | None, recording: Recording, stretches: Mapping[str, PhaseMeasures]
) -> GoalSide:
    if name is None:
        return NO_PHASE
    stretch = stretches.get(name)
    if stretch is None:
        return GoalSide(phase=name, reason=f"“{name}” did not take place")
    if goal.measure != "activation":
        measure = stretch[_QUANTITIES[goal.measure][0]]
        return _judged(name, measure.value, measure.window_s, measure.usable_share)
    phase = stretch.phase
    if phase.kind == "baseline":
        return GoalSide(phase=name, value=0.0)
    valid_s = float(valid_feature(recording, "activation", phase).times.size)
    mean = mean_feature(recording, phase, "activation", "activation")
    return _judged(name, mean, valid_s, min(1.0, valid_s / phase.duration_s))


def _judged(name: str, found: Value, window_s: float, usable: float) -> GoalSide:
    value, reason = found.number, ""
    if value is None:
        reason = f"in “{name}”: {found.reason}"
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
        return NO_PHASE
    if rated is None:
        return GoalSide(phase=phase, reason=f"{scale} was not asked for in “{phase}”")
    reason = "" if rated.value is not None else f"{scale} in “{phase}” was {rated.how}"
    return GoalSide(phase=phase, value=rated.value, reason=reason)
