"""What a step of the controller brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from biofeedback.commands import Answer
from biofeedback.events import QuestionMarker, RatingRecord
from biofeedback.models import Decision
from physiology.resonance import Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChange:
    """The begin or end of a phase, or of an arc's section.

    Attributes
    ----------
    t : float
        Engine seconds of the step in which it happened.
    name, kind : str
        As in the protocol; both are ``end`` for the closing fade, and a section's kind is ``arc``.
    event : str
        ``begin`` or ``end``. What ends comes before what begins.
    marker : str
        The protocol's own mark for this moment; empty where it has none.
    """

    t: float
    name: str
    kind: str
    event: Literal["begin", "end"]
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStep:
    """What one step brought: mostly nothing.

    Attributes
    ----------
    decisions, phase_changes : tuple
        In order.
    answers : tuple of Answer
        One for each command, in order.
    questions : tuple of QuestionMarker
        Questions asked.
    ratings : tuple of RatingRecord
        Ratings given.
    assessments : tuple of Assessment
        What the steps of an assessment say, after each of them.
    baseline_ends_s : float or None
        Engine time at which a baseline will end that is to be judged now; None where there is none.
    """

    decisions: tuple[Decision, ...] = ()
    phase_changes: tuple[PhaseChange, ...] = ()
    answers: tuple[Answer, ...] = ()
    questions: tuple[QuestionMarker, ...] = ()
    ratings: tuple[RatingRecord, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    baseline_ends_s: float | None = None
