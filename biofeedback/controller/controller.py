"""The controller: it runs one protocol, decision by decision. It is given the time and reads no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biofeedback.commands import Answer, Command
from biofeedback.controller.commands import STEERING, carry_out
from biofeedback.controller.explanations import (
    Acceptance,
    Message,
    Refusal,
    answer,
    explain,
    explain_end,
)
from biofeedback.controller.lifecycle import COMMANDS, EVENTS, LifecycleEvent
from biofeedback.controller.overrides import INTENSITY_STEP
from biofeedback.controller.state import ControllerState, Terms, terms_of
from biofeedback.events import QuestionMarker, RatingRecord
from biofeedback.models import (
    ControllerView,
    Decision,
    EndReason,
    Lifecycle,
    Moment,
    OpenQuestion,
    QuestionKind,
)
from generator.state import MusicState
from physiology.baseline import Baseline, Verdict
from physiology.resonance import Assessment
from physiology.state import Beat, PhysiologyState
from protocols.course import Segment
from protocols.feasibility import END
from protocols.fields import DECISION_S, clip
from protocols.phases import BreathePhase
from protocols.schema import Protocol

ESTIMATE_S = 1.0
"""Seconds between two estimates."""

CUE_QUESTION_S = 60.0
"""Seconds before a phase that waits for a cue ends by itself, at which people are asked for the cue. [C]"""

BASELINE_QUESTION_S = 20.0
"""Seconds before its end at which a baseline is judged, while it can still be extended. [C]"""

_TINY = 1e-9
"""Seconds; smaller than any step and larger than any rounding of sums of steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChange:
    """The begin or end of a phase, or of a section of an arc.

    Attributes
    ----------
    t : float
        Engine seconds of the step in which it happened.
    name, kind : str
        As in the protocol; both are ``end`` for the closing fade, and a section's kind is ``arc``.
    event : str
        ``begin`` or ``end``. What ends comes before what begins.
    marker : str
        The protocol's own marker for this moment; empty where it has none.
    """

    t: float
    name: str
    kind: str
    event: Moment
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStep:
    """The result of one step; most steps bring nothing.

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
        One for each step of a breathing assessment that ended.
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


class Controller:
    """Runs a protocol: matches the listener, leads them, holds while they do not follow.

    The session begins with the first step. Estimates are taken every second and decisions every 5 s from
    there, and both at each change of phase; commands that steer bring a decision at once. See
    ``docs/control.md`` for every rule and number.

    Parameters
    ----------
    protocol : Protocol
        The protocol to run.

    Attributes
    ----------
    protocol : Protocol
        As given.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self._state = ControllerState.for_protocol(protocol)
        self._t0: float | None = None
        self._at = 0.0
        self._ticks = dict.fromkeys((ESTIMATE_S, DECISION_S), 0)
        self._fade_from = 0.0
        self._judged_for: float | None = None
        self._assessments: list[Assessment] = []
        self._seen: PhysiologyState | None = None
        self._terms: Terms = {}

    @property
    def lifecycle(self) -> Lifecycle:
        """The state of the session."""
        return self._state.lifecycle

    @property
    def end_reason(self) -> EndReason | None:
        """Why the session ended; None before the closing fade."""
        return self._state.end_reason if self._state.ending else None

    @property
    def ended(self) -> bool:
        """Whether the closing fade is over; steps then bring nothing."""
        return self._state.lifecycle is Lifecycle.ENDED

    @property
    def fade_s(self) -> float:
        """Seconds of the closing fade: none where nothing sounds."""
        return self.protocol.end_fade_s if self._state.overrides.music.sounding else 0.0

    def view(self) -> ControllerView:
        """Return the controller as it stands."""
        state, timeline, at = self._state, self._state.timeline, self._at
        fade_left_s = max(0.0, self._fade_from + self.fade_s - at)
        return ControllerView(
            lifecycle=state.lifecycle,
            phase=state.phase_name,
            progress=self._progress(),
            left_s=fade_left_s if state.ending else timeline.left_s(at),
            plan=timeline.plan(at),
            asks=state.questions.open,
            overrides=dict(state.overrides.values),
            energy=None if state.ending else state.course.energy,
            terms=self._terms,
        )

    def _progress(self) -> float:
        if not self._state.ending:
            return self._state.adaptation.progress
        return clip((self._at - self._fade_from) / self.fade_s, 0.0, 1.0) if self.fade_s else 1.0

    def calibrate(self, sigma: float) -> None:
        """Set the standard deviation of smoothed activation at baseline; 0.2 is used where it is smaller."""
        self._state.adaptation.sigma = sigma

    def judge(self, baseline: Baseline) -> None:
        """Ask whether to extend the baseline where it would not be usable if it ended as planned."""
        if baseline.verdict is not Verdict.GOOD:
            self._state.questions.ask(QuestionKind.BASELINE, self._at, verdict=baseline.verdict)

    def silence(self) -> Answer:
        """End the session with the next step because the music was silenced; return the answer."""
        state = self._state
        outcome = COMMANDS["emergency stop"][state.lifecycle]
        if isinstance(outcome, Refusal):
            return answer(Message(outcome))
        if not state.ending:
            state.end_reason = EndReason.SILENCED
        return answer(Message(Acceptance.SILENCED))

    def end(self, reason: EndReason) -> None:
        """End the session with the next step, unless it ends already."""
        self._state.end_reason = self._state.end_reason or reason

    def finish(self) -> None:
        """Enter the state ``ended`` because the last sound has faded; harmless before the closing fade."""
        self._enter_state(LifecycleEvent.FADED)

    def _enter_state(self, event: LifecycleEvent) -> None:
        self._state.lifecycle = EVENTS[event].get(self._state.lifecycle, self._state.lifecycle)

    def step(
        self,
        t: float,
        physiology: PhysiologyState | None,
        commands: Sequence[Command] = (),
        beats: Sequence[Beat] = (),
    ) -> ControllerStep:
        """Advance to engine time `t`.

        Parameters
        ----------
        t : float
            Engine seconds, rising from call to call; 20 calls a second.
        physiology : PhysiologyState or None
            The newest; None where there is none.
        commands : sequence of Command
            Commands since the last step.
        beats : sequence of Beat
            Lines of the beat log since the last step.

        Returns
        -------
        ControllerStep
            Decisions and changes of phase, both empty most of the time.
        """
        state = self._state
        first = self._t0 is None
        self._t0 = t if self._t0 is None else self._t0
        self._at = at = t - self._t0
        changes: list[PhaseChange] = []
        if first:
            self._enter_state(LifecycleEvent.FIRST_STEP)
            self._change_phase(t, changes, physiology)
        answers = tuple(answer(carry_out(state, command, at)) for command in commands)
        if self.ended:
            return ControllerStep(answers=answers)
        state.breathing.accumulate(beats)
        estimated = self._is_due(ESTIMATE_S)
        if estimated:
            self._estimate(physiology)
        self._change_phase(t, changes, physiology)
        if estimated or changes:
            self._update_questions()
        due = self._is_due(DECISION_S)
        steered = any(
            each.accepted and command.name in STEERING
            for command, each in zip(commands, answers, strict=True)
        )
        decisions: tuple[Decision, ...] = ()
        if state.ending and at >= self._fade_from + self.fade_s - _TINY and not changes:
            self._enter_state(LifecycleEvent.FADED)
        elif changes or due or steered:
            decisions = (self._decide(t),)
            self._terms = decisions[0].terms
        return ControllerStep(
            decisions=decisions,
            phase_changes=tuple(changes),
            answers=answers,
            questions=tuple(map(self._question_marker, state.questions.take_new())),
            ratings=state.questions.take_ratings(),
            assessments=self._take_assessments(),
            baseline_ends_s=self._baseline_to_judge(),
        )

    def _is_due(self, every_s: float) -> bool:
        """Return whether a tick of this clock was reached, and wait for the next."""
        if self._at < self._ticks[every_s] * every_s - _TINY:
            return False
        self._ticks[every_s] = int((self._at + _TINY) // every_s) + 1
        return True

    def _estimate(self, physiology: PhysiologyState | None) -> None:
        state, self._seen = self._state, physiology
        segment = state.timeline.segment
        if segment is None or state.ending:
            return
        state.adaptation.estimate(self._at, physiology, standing=state.stands)
        phase = segment.phase
        if segment.kind == "baseline" or (isinstance(phase, BreathePhase) and phase.assess):
            state.breathing.observe(physiology)

    def _change_phase(self, t: float, changes: list[PhaseChange], physiology: PhysiologyState | None) -> None:
        """Leave what is over and begin what is due; late steps may pass through several phases."""
        state, timeline = self._state, self._state.timeline
        while not state.ending and (state.end_reason or timeline.is_over(self._at)):
            if timeline.segment is not None:
                changes.append(self._leave(t, timeline.segment))
            segment = None if state.end_reason else timeline.begin_next(self._at)
            if segment is None:
                state.end_reason = state.end_reason or EndReason.COMPLETE
                self._fade_from = self._at
                self._enter_state(LifecycleEvent.END)
                changes.append(PhaseChange(t=t, name=END, kind=END, event="begin"))
            else:
                changes.append(self._enter(t, segment, physiology))

    def _leave(self, t: float, segment: Segment) -> PhaseChange:
        state, phase = self._state, segment.phase
        if state.end_reason:
            state.timeline.end()
        self._ask_ratings(segment, "end")
        state.timeline.leave(self._at)
        state.questions.leave_phase()
        state.lead_progress = state.adaptation.progress if segment.kind == "lead" else None
        if segment.kind == "baseline":
            state.breathing.close_baseline()
        if isinstance(phase, BreathePhase) and phase.assess:
            self._assessments.append(state.breathing.end_step(t, phase.breath_rate or phase.fallback_rate))
        return _change(t, segment, "end", phase.markers.end)

    def _enter(self, t: float, segment: Segment, physiology: PhysiologyState | None) -> PhaseChange:
        state, phase = self._state, segment.phase
        engaged, self._seen = state.engaging, physiology
        rate = state.breathing.rate_for(phase, physiology) if isinstance(phase, BreathePhase) else None
        state.course.enter(segment, rate)
        state.overrides.set_limits(state.course.limits)
        if engaged is not state.engaging and state.overrides.steps:
            state.overrides.start_glide(*INTENSITY_STEP)  # steps of intensity do not count where energy does
        state.adaptation.enter(segment, self._at)
        state.adaptation.estimate(self._at, physiology, standing=state.stands)
        if isinstance(phase, BreathePhase) and phase.assess:
            state.breathing.begin_step(t)
        self._judged_for = None
        self._ask_ratings(segment, "begin")
        return _change(t, segment, "begin", phase.markers.begin)

    def _ask_ratings(self, segment: Segment, when: Moment) -> None:
        for asked in segment.phase.ratings:
            if asked.at == when:
                self._state.questions.ask_rating(asked.scale, segment.name, when, self._at)

    def _update_questions(self) -> None:
        """Ask what is due, and close the questions that no longer apply."""
        state, questions, at = self._state, self._state.questions, self._at
        segment = state.timeline.segment
        if segment is None:
            questions.close(QuestionKind.RESUME)
            return
        questions.ask_while(state.adaptation.on_plateau, QuestionKind.PLATEAU, at)
        questions.ask_while(state.adaptation.signal_is_back, QuestionKind.RESUME, at)
        until, left_s = segment.phase.until, state.timeline.left_s(at)
        if until is not None and left_s <= min(CUE_QUESTION_S, state.timeline.duration_s / 2) + _TINY:
            values = {"left_s": left_s, "name": segment.name, "cue": until.cue}
            questions.ask(QuestionKind.CUE, at, until.cue, **values)

    def _question_marker(self, question: OpenQuestion) -> QuestionMarker:
        return QuestionMarker(
            kind=question.kind,
            about=question.about,
            text=question.text,
            phase=question.phase or self._state.phase_name,
            at=question.at,
        )

    def _take_assessments(self) -> tuple[Assessment, ...]:
        assessments, self._assessments = tuple(self._assessments), []
        return assessments

    def _baseline_to_judge(self) -> float | None:
        """Return when the present baseline ends, once for each end that is foreseen."""
        timeline = self._state.timeline
        if timeline.segment is None or timeline.segment.kind != "baseline":
            return None
        left_s = timeline.left_s(self._at)
        if left_s > min(BASELINE_QUESTION_S, timeline.duration_s / 2) + _TINY:
            return None
        if self._judged_for == timeline.duration_s or self._state.stands:
            return None
        self._judged_for = timeline.duration_s
        return (self._t0 or 0.0) + self._at + left_s

    def _decide(self, t: float) -> Decision:
        """Decide from what was known at the newest estimate."""
        state, at = self._state, self._at
        segment = state.timeline.segment
        if state.ending or segment is None:
            return self._fading(t)
        before = state.overrides.music
        music = self._music(t)
        wanted = self._overridden(state.course.music if state.stands else state.course.wanted)
        terms = terms_of(state, self._seen, wanted=wanted, before=before, music=music)
        why = str(explain(state, segment, music, terms, at))
        state.adaptation.event = None
        progress = state.adaptation.progress
        return Decision(t=t, phase=segment.name, progress=progress, music=music, terms=terms, why=why)

    def _music(self, t: float) -> MusicState:
        """Return what is asked for: the course with the overrides of people, within the limits."""
        state, adaptation = self._state, self._state.adaptation
        if not state.stands:
            state.course.ask(
                t,
                elapsed_s=adaptation.elapsed_s,
                progress=adaptation.progress,
                matched_bpm=adaptation.matched_bpm,
            )
        return state.overrides.request(t, self._overridden(state.course.music))

    def _overridden(self, base: MusicState) -> MusicState:
        state = self._state
        return state.overrides.wanted(
            base, steps=not state.engaging, silent=state.lifecycle is Lifecycle.HELD
        )

    def _fading(self, t: float) -> Decision:
        """Return the decision during the closing fade: the music asked for last."""
        music = self._state.overrides.music
        terms = terms_of(self._state, self._seen, wanted=music, before=music, music=music)
        why = str(explain_end(self._state.end_reason or EndReason.COMPLETE, self.fade_s))
        return Decision(t=t, phase=END, progress=self._progress(), music=music, terms=terms, why=why)


def _change(t: float, segment: Segment, event: Moment, marker: str | None) -> PhaseChange:
    return PhaseChange(t=t, name=segment.name, kind=segment.kind, event=event, marker=marker or "")
