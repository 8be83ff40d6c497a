"""All that a running protocol consists of, in one place: what commands reach and decisions look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from biofeedback.controller.adaptation import Adaptation
from biofeedback.controller.breathing import Breathing
from biofeedback.controller.hands import Hands
from biofeedback.controller.questions import Questions
from biofeedback.controller.timeline import Timeline
from biofeedback.models import Lifecycle
from protocols.course import Course, segments
from protocols.schema import Protocol


@dataclass(slots=True)
class Desk:
    """The parts of a controller.

    Attributes
    ----------
    protocol : Protocol
        What is carried out.
    timeline, adaptation, course, hands, questions, breathing
        Each does its part; see their classes.
    lifecycle : str
        Where the session stands; see `biofeedback.controller.lifecycle`.
    asked_to_end : str or None
        Why the session is to come to its end with the next step; None while it is not.
    lead_progress : float or None
        How far the lead got that came directly before the present segment.
    """

    protocol: Protocol
    timeline: Timeline
    adaptation: Adaptation
    course: Course
    hands: Hands
    questions: Questions = field(default_factory=Questions)
    breathing: Breathing = field(default_factory=Breathing)
    lifecycle: Lifecycle = Lifecycle.WAITING
    asked_to_end: str | None = None
    lead_progress: float | None = None

    @classmethod
    def for_protocol(cls, protocol: Protocol) -> Desk:
        """Return the parts as they stand before the first step."""
        timeline = Timeline(segments(protocol))
        return cls(
            protocol=protocol,
            timeline=timeline,
            adaptation=Adaptation(closed_loop=protocol.arm == "closed-loop", timeline=timeline),
            course=Course(protocol),
            hands=Hands(protocol.limits),
        )

    @property
    def phase_name(self) -> str:
        """Name of the present segment; empty where there is none."""
        return "" if self.timeline.segment is None else self.timeline.segment.name

    @property
    def engaging(self) -> bool:
        """Whether the present segment is one of pain distraction."""
        return self.course.energy is not None

    @property
    def sounding(self) -> bool:
        """Whether the present segment has music."""
        segment = self.timeline.segment
        return segment is not None and segment.target.sounding
