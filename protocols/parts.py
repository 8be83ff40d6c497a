"""What phases are made of besides music: what ends them, what is asked and marked, when a lead waits."""

from __future__ import annotations

from typing import Annotated, Literal

from protocols.fields import Model, Name, Short, described, one_of
from protocols.scales import SCALES


class Until(Model):
    """What ends a phase before its longest time is over."""

    cue: Name = described(
        "name of the cue that ends the phase", "a name of small letters and digits, words joined by hyphens"
    )


class Asked(Model):
    """A rating to ask the listener for."""

    scale: Annotated[str, one_of(SCALES)] = described("the scale", "one of " + ", ".join(SCALES))
    at: Literal["begin", "end"] = described("when in the phase", "begin or end", default="end")


class Markers(Model):
    """Marks that the recording gets, and whoever listens to its markers."""

    begin: Short | None = described(
        "mark at the phase's begin", "a text of at most 120 characters", default=None
    )
    end: Short | None = described("mark at its end", "a text of at most 120 characters", default=None)


class Gate(Model):
    """When a lead waits for the listener, in standard deviations (σ) of their activation at baseline."""

    hold_sigma: float = described(
        "σ above the activation while matching (in a lead upward: below) beyond which the lead is held",
        "a number from 0.25 to 5",
        default=1.0,
        ge=0.25,
        le=5,
    )
    hold_after_s: float = described(
        "after so long", "a number of seconds from 5 to 300", default=15.0, ge=5, le=300
    )
    release_sigma: float = described(
        "σ below which it goes on; less than hold_sigma",
        "a number from 0 to 5",
        default=0.5,
        ge=0,
        le=5,
    )
    step_back_after_s: float = described(
        "each time it was held so long it goes back",
        "a number of seconds from 30 to 1800",
        default=150.0,
        ge=30,
        le=1800,
    )
    step_back_share: float = described(
        "by this share of its progress", "a number from 0 to 0.5", default=0.25, ge=0, le=0.5
    )
    plateau_step_backs: int = described(
        "the step back with which it stays where it is and asks the therapist",
        "a whole number from 1 to 10",
        default=2,
        ge=1,
        le=10,
    )
    plateau_sigma: float | None = described(
        "σ above which it asks at once; where left out, 2 in a lead downward and 3 in one upward",
        "a number from 0.5 to 6",
        default=None,
        ge=0.5,
        le=6,
    )
    plateau_after_s: float = described(
        "after so long", "a number of seconds from 15 to 600", default=60.0, ge=15, le=600
    )
