"""What a session is meant to reach, in numbers, and where in it those are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from protocols.fields import Model, Name, Short, described, is_number, one_of
from protocols.phases import Stretch
from protocols.scales import SCALES

RATING = "rating:"
MEASURES = {
    "hr_bpm": "heart rate, beats a minute",
    "activation": "physiological activation, in standard deviations of the listener's own baseline",
    "rmssd_ms": "variability of heart rate (of pulse rate where that is measured) from beat to beat, ms",
    "breathing_rate": "breaths a minute",
    "scl_uS": "skin conductance level, microsiemens",
    "scr_rate_per_min": "skin conductance responses a minute",
    **{RATING + scale.id: f"answers to: {scale.question}" for scale in SCALES.values()},
}
"""What a goal may be about and what that is: columns of the features table, or answers on a scale."""


def _change(value: Any) -> Any:
    if is_number(value) and value != 0 and abs(value) <= 1000:
        return value
    raise ValueError("a number other than 0, such as -3 (a fall by 3 at least) or 2 (a rise by 2 at least)")


class Goal(Model):
    """A change that a session is meant to bring, from one phase to another. Not an effect of the music."""

    name: Short = described("the goal in words", "a text of at most 120 characters")
    measure: Annotated[str, one_of(MEASURES)] = described("what is measured", "one of " + ", ".join(MEASURES))
    change: Annotated[float, BeforeValidator(_change)] = described(
        "the least change, in the measure's own unit; negative is a fall",
        "a number other than 0, such as -3 (a fall by 3 at least) or 2 (a rise by 2 at least)",
    )
    # Called plain `from` in files: a word that Python keeps for itself.
    from_: Name | None = described(
        "phase it is measured from; where left out, the baseline, and for a rating the phase that asks first",
        "the name of a phase",
        default=None,
        alias="from",
    )
    at: Name | None = described(
        "phase it is measured at; where left out, the last with music, and for a rating the last to ask",
        "the name of a phase",
        default=None,
    )

    @property
    def scale(self) -> str | None:
        """The scale of a goal about a rating, else None."""
        return self.measure.removeprefix(RATING) if self.measure.startswith(RATING) else None


class Span(NamedTuple):
    """The names of the phases, or sections, that a goal compares; None where the protocol has no such."""

    start: str | None
    end: str | None


def span_of(goal: Goal, phases: Sequence[Stretch]) -> Span:
    """Return which of a protocol's phases, arcs opened up, a goal compares; defaults filled in."""
    if goal.scale is None:
        baselines = [phase.name for phase in phases if phase.kind == "baseline"]
        starts, ends = baselines, [phase.name for phase in phases if phase.sounds]
    else:
        starts = ends = [
            phase.name for phase in phases if any(rating.scale == goal.scale for rating in phase.ratings)
        ]
    return Span(goal.from_ or (starts[0] if starts else None), goal.at or (ends[-1] if ends else None))
