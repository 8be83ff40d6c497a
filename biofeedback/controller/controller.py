"""The controller: one protocol, carried out decision by decision. Time comes in; it reads no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from biofeedback.commands import Answer, Command, Resume, Stop
from biofeedback.controller import reasons
from biofeedback.controller.adaptation import Adaptation
from biofeedback.controller.gate import GateState
from biofeedback.models import Decision
from physiology.state import PhysiologyState
from protocols.course import Course, Segment, segments
from protocols.feasibility import END
from protocols.limits import DECISION_S, clip
from protocols.schema import Protocol

ESTIMATE_S = 1.0
_TINY = 1e-9
"""Seconds; smaller than any step and larger than any rounding of sums of steps."""


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
    """

    t: float
    name: str
    kind: str
    event: Literal["begin", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStep:
    """What one step brought: mostly nothing; `answers` has one for each command, in order."""

    decisions: tuple[Decision, ...] = ()
    phase_changes: tuple[PhaseChange, ...] = ()
    answers: tuple[Answer, ...] = ()


class Controller:
    """Carries out a protocol: meets the listener, leads them, waits for them, and says why.

    The session begins with the first step. Estimates are taken every second and decisions every 5 s, both
    counted from there, and at each change of phase. ``docs/control.md`` has every rule and number.

    Parameters
    ----------
    protocol : Protocol
        What to carry out.

    Attributes
    ----------
    protocol : Protocol
        As given.
    ended : bool
        Whether the closing fade is over; steps then bring nothing.
    end_reason : str or None
        Why the session came to its end; None before.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.ended = False
        self.end_reason: str | None = None
        self._segments = segments(protocol)
        self._next = 0
        self._course = Course(protocol)
        self._adaptation = Adaptation(closed_loop=protocol.arm == "closed-loop")
        self._segment: Segment | None = None
        self._asked_to_end: str | None = None
        self._lead_progress: float | None = None
        self._t0: float | None = None
        self._estimated = 0.0
        self._ticks = dict.fromkeys((ESTIMATE_S, DECISION_S), 0)
        self._fade_from = 0.0

    @property
    def phase(self) -> str:
        """Name of the present phase or section; empty before the first step, ``end`` from the fade on."""
        if self.end_reason is not None:
            return END
        return "" if self._segment is None else self._segment.name

    @property
    def fade_s(self) -> float:
        """Seconds of the closing fade: none where nothing sounds."""
        return self.protocol.end_fade_s if self._course.music.sounding else 0.0

    def calibrate(self, sigma: float) -> None:
        """Take over the standard deviation of smoothed activation at baseline, once that is frozen.

        Without it, or where it is smaller, 0.2 is used.
        """
        self._adaptation.sigma = sigma

    def end(self, t: float, reason: str) -> None:  # noqa: ARG002 - it takes effect with the next step, whose time counts
        """Have the next step, which may be at `t` itself, lead to the end for this reason."""
        self._asked_to_end = self._asked_to_end or reason

    def step(
        self, t: float, physiology: PhysiologyState | None, commands: Sequence[Command] = ()
    ) -> ControllerStep:
        """Advance to engine time `t`.

        Parameters
        ----------
        t : float
            Engine seconds, rising from call to call; 20 calls a second.
        physiology : PhysiologyState or None
            The newest; None where there is none.
        commands : sequence of Command
            What was said since the last step.

        Returns
        -------
        ControllerStep
            Decisions and changes of phase, both empty most of the time.
        """
        if self.ended:
            return ControllerStep(answers=tuple(Answer(False, "The session is over.") for _ in commands))
        self._t0 = t if self._t0 is None else self._t0
        at = t - self._t0
        answers = tuple(self._obey(command) for command in commands)
        if self._is_due(ESTIMATE_S, at):
            self._estimate(at, physiology)
        changes = self._change_phase(t, at, physiology)
        due = self._is_due(DECISION_S, at)
        if self.end_reason is not None and at >= self._fade_from + self.fade_s - _TINY and not changes:
            self.ended = True
            return ControllerStep(answers=answers)
        decisions = (self._decide(t, at, physiology),) if changes or due else ()
        return ControllerStep(decisions=decisions, phase_changes=changes, answers=answers)

    def _obey(self, command: Command) -> Answer:
        match command:
            case Stop():
                self._asked_to_end = self._asked_to_end or "it was stopped"
                return Answer(True, "The music comes to its end now.")
            case Resume():
                self._adaptation.resume()
                return Answer(True, "Adaptation goes on.")
        return Answer(False, f"{command.name!r} does not apply here.")

    def _is_due(self, every_s: float, at: float) -> bool:
        """Return whether a tick of this clock was reached, and wait for the next."""
        if at < self._ticks[every_s] * every_s - _TINY:
            return False
        self._ticks[every_s] = int((at + _TINY) // every_s) + 1
        return True

    def _estimate(self, at: float, physiology: PhysiologyState | None) -> None:
        if self._segment is not None and self.end_reason is None:
            dt = at - max(self._estimated, self._segment.start_s)
            self._adaptation.estimate(at, dt, physiology)
        self._estimated = at

    def _change_phase(
        self, t: float, at: float, physiology: PhysiologyState | None
    ) -> tuple[PhaseChange, ...]:
        """Leave what is over and begin what is due; late steps may pass through several phases."""
        if self.end_reason is not None:
            return ()
        changes: list[PhaseChange] = []
        while self.end_reason is None and (self._asked_to_end or self._is_over(at)):
            if self._segment is not None:
                changes.append(_change(t, self._segment, "end"))
                leads = self._segment.kind == "lead"
                self._lead_progress = self._adaptation.progress if leads else None
            if self._asked_to_end or self._next == len(self._segments):
                self.end_reason = self._asked_to_end or "the protocol is complete"
                self._fade_from = at
                changes.append(PhaseChange(t=t, name=END, kind=END, event="begin"))
            else:
                self._begin(self._segments[self._next], at, physiology)
                changes.append(_change(t, self._segments[self._next - 1], "begin"))
        return tuple(changes)

    def _is_over(self, at: float) -> bool:
        return self._segment is None or at >= self._segment.end_s - _TINY

    def _begin(self, segment: Segment, at: float, physiology: PhysiologyState | None) -> None:
        self._segment = segment
        self._next += 1
        self._course.enter(segment)
        self._adaptation.enter(segment, at)
        self._adaptation.estimate(at, 0.0, physiology)

    def _decide(self, t: float, at: float, physiology: PhysiologyState | None) -> Decision:
        segment, adaptation, course = self._segment, self._adaptation, self._course
        if self.end_reason is not None or segment is None:
            return self._fading(t, at, physiology)
        music = course.ask(at, adaptation.progress, adaptation.matched_bpm)
        terms = self._terms(physiology)
        why = reasons.explain(
            segment,
            course,
            adaptation,
            terms,
            at=at,
            limit=self.protocol.limits.tempo_bpm_per_min,
            lead_progress=self._lead_progress,
        )
        adaptation.event = None
        return Decision(
            t=t, phase=segment.name, progress=adaptation.progress, music=music, terms=terms, why=why
        )

    def _fading(self, t: float, at: float, physiology: PhysiologyState | None) -> Decision:
        """Decide nothing more: what was asked for last goes on while it fades."""
        progress = clip((at - self._fade_from) / self.fade_s, 0.0, 1.0) if self.fade_s else 1.0
        why = reasons.ending(self.end_reason or "", self.fade_s)
        return Decision(
            t=t,
            phase=END,
            progress=progress,
            music=self._course.music,
            terms=self._terms(physiology),
            why=why,
        )

    def _terms(self, physiology: PhysiologyState | None) -> Mapping[str, float | str | bool | None]:
        adaptation, course = self._adaptation, self._course
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
            "wanted_bpm": course.wanted_bpm,
            "limited": abs(course.wanted_bpm - course.music.tempo_bpm) > 1e-6,
            "progress": adaptation.progress,
        }


def _change(t: float, segment: Segment, event: Literal["begin", "end"]) -> PhaseChange:
    return PhaseChange(t=t, name=segment.name, kind=segment.kind, event=event)
