"""The state of a running protocol, and the numbers recorded with each decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biofeedback.controller.adaptation import Adaptation
from biofeedback.controller.breathing import Breathing
from biofeedback.controller.gate import GateState
from biofeedback.controller.overrides import MusicOverrides
from biofeedback.controller.questions import Questions
from biofeedback.controller.timeline import Timeline
from biofeedback.models import EndReason, Lifecycle
from generator.state import STATE_COLUMNS, MusicState
from physiology.state import PhysiologyState
from protocols.course import Course, segments
from protocols.feasibility import END
from protocols.schema import Protocol

Terms = Mapping[str, float | str | bool | None]

_TINY_BPM = 1e-6
"""Difference of tempo below which the limits have changed nothing."""


@dataclass(slots=True)
class ControllerState:
    """Everything that commands change and decisions depend on.

    Attributes
    ----------
    protocol : Protocol
        The protocol being run.
    timeline, adaptation, course, overrides, questions, breathing
        See their classes.
    lifecycle : Lifecycle
        The state of the session.
    end_reason : EndReason or None
        Why the session ends, with the next step or since the fade began; None while nothing ends it.
    lead_progress : float or None
        Progress reached by the lead directly before the present segment.
    """

    protocol: Protocol
    timeline: Timeline
    adaptation: Adaptation
    course: Course
    overrides: MusicOverrides
    questions: Questions = field(default_factory=Questions)
    breathing: Breathing = field(default_factory=Breathing)
    lifecycle: Lifecycle = Lifecycle.WAITING
    end_reason: EndReason | None = None
    lead_progress: float | None = None

    @classmethod
    def for_protocol(cls, protocol: Protocol) -> ControllerState:
        """Return the state before the first step."""
        timeline = Timeline(segments(protocol))
        return cls(
            protocol=protocol,
            timeline=timeline,
            adaptation=Adaptation(closed_loop=protocol.arm == "closed-loop", timeline=timeline),
            course=Course(protocol),
            overrides=MusicOverrides(protocol.limits),
        )

    @property
    def stands(self) -> bool:
        """Whether the course waits: the session is paused or held."""
        return self.lifecycle in (Lifecycle.PAUSED, Lifecycle.HELD)

    @property
    def ending(self) -> bool:
        """Whether the closing fade has begun."""
        return self.lifecycle in (Lifecycle.ENDING, Lifecycle.ENDED)

    @property
    def phase_name(self) -> str:
        """Name of the present segment; ``end`` from the closing fade on, empty before the first step."""
        segment = self.timeline.segment
        return (END if self.ending else "") if segment is None else segment.name

    @property
    def engaging(self) -> bool:
        """Whether the present segment is one of pain distraction."""
        return self.course.energy is not None

    @property
    def sounding(self) -> bool:
        """Whether the present segment has music."""
        segment = self.timeline.segment
        return segment is not None and segment.target.sounding


def terms_of(
    state: ControllerState,
    physiology: PhysiologyState | None,
    *,
    wanted: MusicState,
    before: MusicState,
    music: MusicState,
) -> Terms:
    """Return the numbers behind a decision by name; None for what does not apply.

    Parameters
    ----------
    state : ControllerState
        After the decision.
    physiology : PhysiologyState or None
        The newest.
    wanted, before, music : MusicState
        What was wanted before the limits, what was asked for last, and what is asked for now.
    """
    adaptation, course, overrides = state.adaptation, state.course, state.overrides
    gate, signal = adaptation.gate, adaptation.signal
    aims = course.goal_bpm != course.t0_bpm
    return {
        "hr": None if physiology is None else physiology.hr_bpm.value,
        "activation": None if physiology is None else physiology.activation,
        "confidence": None if physiology is None else physiology.confidence,
        "a_ref": None if gate is None else gate.a_ref,
        "sigma": None if gate is None else gate.sigma,
        "gate": None if gate is None else str(gate.state),
        "held": gate is not None and gate.state is not GateState.FOLLOWING,
        "step_backs": None if gate is None else gate.step_backs,
        "signal": str(signal.state) if adaptation.adapts else None,
        "needs_resume": adaptation.adapts and signal.needs_resume,
        "t0": course.t0_bpm if aims else adaptation.matched_bpm,
        "goal": course.goal_bpm if aims else None,
        "shortened": course.shortened_from_bpm is not None,
        "wanted_bpm": wanted.tempo_bpm,
        "limited": abs(wanted.tempo_bpm - music.tempo_bpm) > _TINY_BPM,
        "progress": adaptation.progress,
        "lifecycle": str(state.lifecycle),
        "energy": course.energy,
        "steps": overrides.steps,
        "in_hand": ", ".join(sorted(overrides.values)) or None,
        "gliding": ", ".join(overrides.gliding) or None,
        "waits_for": _differing(wanted, music) if music.sounding else None,
        "changed": _differing(before, music),
    }


def _differing(one: MusicState, other: MusicState) -> str | None:
    """Return the names of the parameters that differ, or None."""
    names = [name for name in STATE_COLUMNS if getattr(one, name) != getattr(other, name)]
    return ", ".join(names) or None
