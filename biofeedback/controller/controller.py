"""The controller: one protocol, carried out decision by decision. Time comes in; it reads no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from biofeedback.commands import Answer, Command
from biofeedback.controller import reasons
from biofeedback.controller.catalogue import say
from biofeedback.controller.desk import Desk
from biofeedback.controller.gate import GateState
from biofeedback.controller.hands import STEP
from biofeedback.controller.lifecycle import COMMANDS, EVENTS, Refused, standing
from biofeedback.controller.orders import STEERING, obey
from biofeedback.controller.outcome import ControllerStep, PhaseChange
from biofeedback.controller.terms import Terms, terms_of
from biofeedback.events import QuestionMarker
from biofeedback.models import ControllerView, Decision, Lifecycle, OpenQuestion, QuestionKind
from generator.state import MusicState
from physiology.baseline import Baseline, Verdict
from physiology.resonance import Assessment
from physiology.state import Beat, PhysiologyState
from protocols.course import Segment
from protocols.feasibility import END
from protocols.fields import clip
from protocols.limits import DECISION_S
from protocols.schema import BreathePhase, Protocol

ESTIMATE_S = 1.0
CUE_QUESTION_S = 60.0
"""So long before a phase that waits for a cue would end by itself it is asked whether the cue has come."""

BASELINE_QUESTION_S = 20.0
"""So long before its end a baseline is judged, while it can still be extended."""

_TINY = 1e-9
"""Seconds; smaller than any step and larger than any rounding of sums of steps."""


class Controller:
    """Carries out a protocol: meets the listener, leads them, waits for them, and says why.

    The session begins with the first step. Estimates are taken every second and decisions every 5 s, both
    counted from there, and at each change of phase; commands that steer bring a decision at once.
    ``docs/control.md`` has every rule and number.

    Parameters
    ----------
    protocol : Protocol
        What to carry out.

    Attributes
    ----------
    protocol : Protocol
        As given.
    end_reason : str or None
        Why the session came to its end; None before.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.end_reason: str | None = None
        self._desk = Desk.for_protocol(protocol)
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
        return self._desk.lifecycle

    @property
    def ended(self) -> bool:
        """Whether the closing fade is over; steps then bring nothing."""
        return self._desk.lifecycle is Lifecycle.ENDED

    @property
    def fade_s(self) -> float:
        """Seconds of the closing fade: none where nothing sounds."""
        return self.protocol.end_fade_s if self._desk.hands.music.sounding else 0.0

    def view(self) -> ControllerView:
        """Return the controller as it stands."""
        desk, timeline, at = self._desk, self._desk.timeline, self._at
        ending = self.end_reason is not None
        fade_left_s = max(0.0, self._fade_from + self.fade_s - at)
        return ControllerView(
            lifecycle=desk.lifecycle,
            phase=END if ending else desk.phase_name,
            progress=self._progress(),
            left_s=fade_left_s if ending else timeline.left_s(at),
            plan=timeline.plan(at),
            asks=desk.questions.open,
            overrides=dict(desk.hands.overrides),
            energy=None if ending else desk.course.energy,
            terms=self._terms,
        )

    def _progress(self) -> float:
        if self.end_reason is None:
            return self._desk.adaptation.progress
        return clip((self._at - self._fade_from) / self.fade_s, 0.0, 1.0) if self.fade_s else 1.0

    def calibrate(self, sigma: float) -> None:
        """Take over the standard deviation of smoothed activation at baseline, once that is frozen.

        Without it, or where it is smaller, 0.2 is used.
        """
        self._desk.adaptation.sigma = sigma

    def judge(self, baseline: Baseline) -> None:
        """Take in what the baseline would be worth if it ended as planned; ask where it would not do."""
        if baseline.verdict is not Verdict.GOOD:
            self._desk.questions.put(
                QuestionKind.BASELINE, say("ask baseline", verdict=baseline.verdict), self._at
            )

    def silence(self) -> Answer:
        """Have the next step lead to the end because the music was silenced at once; return the answer."""
        outcome = COMMANDS["emergency stop"][self._desk.lifecycle]
        if isinstance(outcome, Refused):
            return Answer(False, say(outcome.key))
        self._desk.asked_to_end = say("reason silenced")
        return Answer(True, say("silences"))

    def end(self, reason: str) -> None:
        """Have the next step lead to the end for this reason."""
        self._desk.asked_to_end = self._desk.asked_to_end or reason

    def finish(self) -> None:
        """Enter the state after the end, where the last sound has faded; harmless before the end began."""
        if self._desk.lifecycle is Lifecycle.ENDING:
            self._desk.lifecycle = Lifecycle.ENDED

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
            What was said since the last step.
        beats : sequence of Beat
            Lines of the beat log since the last step.

        Returns
        -------
        ControllerStep
            Decisions and changes of phase, both empty most of the time.
        """
        desk = self._desk
        first = self._t0 is None
        self._t0 = t if self._t0 is None else self._t0
        self._at = at = t - self._t0
        changes: list[PhaseChange] = []
        if first:
            desk.lifecycle = EVENTS["first step"][Lifecycle.WAITING]
            self._change_phase(t, changes, physiology)
        answers = tuple(obey(desk, command, at) for command in commands)
        if self.ended:
            return ControllerStep(answers=answers)
        desk.breathing.hear(beats)
        estimated = self._is_due(ESTIMATE_S)
        if estimated:
            self._estimate(physiology)
        self._change_phase(t, changes, physiology)
        if estimated or changes:
            self._ask()
        due = self._is_due(DECISION_S)
        steered = any(
            answer.accepted and isinstance(command, STEERING)
            for command, answer in zip(commands, answers, strict=True)
        )
        decisions: tuple[Decision, ...] = ()
        if self.end_reason is not None and at >= self._fade_from + self.fade_s - _TINY and not changes:
            desk.lifecycle = EVENTS["faded"][Lifecycle.ENDING]
        elif changes or due or steered:
            decisions = (self._decide(t),)
        return ControllerStep(
            decisions=decisions,
            phase_changes=tuple(changes),
            answers=answers,
            questions=tuple(map(self._question_marker, desk.questions.new())),
            ratings=desk.questions.given(),
            assessments=self._assessed(),
            baseline_ends_s=self._baseline_to_judge(),
        )

    def _is_due(self, every_s: float) -> bool:
        """Return whether a tick of this clock was reached, and wait for the next."""
        if self._at < self._ticks[every_s] * every_s - _TINY:
            return False
        self._ticks[every_s] = int((self._at + _TINY) // every_s) + 1
        return True

    def _estimate(self, physiology: PhysiologyState | None) -> None:
        desk, self._seen = self._desk, physiology
        segment = desk.timeline.segment
        if segment is None or self.end_reason is not None:
            return
        desk.adaptation.estimate(self._at, physiology, standing=standing(desk.lifecycle))
        phase = segment.phase
        if segment.kind == "baseline" or (isinstance(phase, BreathePhase) and phase.assess):
            desk.breathing.observe(physiology)

    def _change_phase(self, t: float, changes: list[PhaseChange], physiology: PhysiologyState | None) -> None:
        """Leave what is over and begin what is due; late steps may pass through several phases."""
        desk, timeline = self._desk, self._desk.timeline
        while self.end_reason is None and (desk.asked_to_end or timeline.is_over(self._at)):
            if timeline.segment is not None:
                changes.append(self._leave(t, timeline.segment))
            segment = None if desk.asked_to_end else timeline.begin_next(self._at)
            if segment is None:
                self.end_reason = desk.asked_to_end or say("reason complete")
                self._fade_from = self._at
                desk.lifecycle = EVENTS["end"][desk.lifecycle]
                changes.append(PhaseChange(t=t, name=END, kind=END, event="begin"))
            else:
                changes.append(self._enter(t, segment, physiology))

    def _leave(self, t: float, segment: Segment) -> PhaseChange:
        desk, phase = self._desk, segment.phase
        if desk.asked_to_end:
            desk.timeline.end()
        self._ask_ratings(segment, "end")
        desk.timeline.leave(self._at)
        desk.questions.leave_phase()
        desk.lead_progress = desk.adaptation.progress if segment.kind == "lead" else None
        if segment.kind == "baseline":
            desk.breathing.close_baseline()
        if isinstance(phase, BreathePhase) and phase.assess:
            self._assessments.append(desk.breathing.end_step(t, phase.breath_rate or phase.fallback_rate))
        return _change(t, segment, "end", phase.markers.end)

    def _enter(self, t: float, segment: Segment, physiology: PhysiologyState | None) -> PhaseChange:
        desk, phase = self._desk, segment.phase
        engaged, self._seen = desk.engaging, physiology
        rate = desk.breathing.rate_for(phase, physiology) if isinstance(phase, BreathePhase) else None
        desk.course.enter(segment, rate)
        desk.hands.obey(desk.course.limits)
        if engaged is not desk.engaging and desk.hands.steps:
            desk.hands.touch(*STEP)  # steps of intensity do not count where energy does
        desk.adaptation.enter(segment, self._at)
        desk.adaptation.estimate(self._at, physiology, standing=standing(desk.lifecycle))
        if isinstance(phase, BreathePhase) and phase.assess:
            desk.breathing.begin_step(t)
        self._judged_for = None
        self._ask_ratings(segment, "begin")
        return _change(t, segment, "begin", phase.markers.begin)

    def _ask_ratings(self, segment: Segment, when: Literal["begin", "end"]) -> None:
        for asked in segment.phase.ratings:
            if asked.at == when:
                self._desk.questions.ask_rating(asked.scale, segment.name, when, self._at)

    def _ask(self) -> None:
        """Put the questions that are due, and take back those that are answered by events."""
        desk, questions, at = self._desk, self._desk.questions, self._at
        segment, gate = desk.timeline.segment, desk.adaptation.gate
        if segment is None:
            questions.leave_phase()
            questions.close(QuestionKind.RESUME)
            return
        if gate is not None and gate.state is GateState.PLATEAU:
            questions.put(QuestionKind.PLATEAU, say("ask plateau"), at)
        else:
            questions.close(QuestionKind.PLATEAU)
        if desk.adaptation.signal_is_back:
            questions.put(QuestionKind.RESUME, say("ask resume"), at)
        else:
            questions.close(QuestionKind.RESUME)
        until, left_s = segment.phase.until, desk.timeline.left_s(at)
        if until is not None and left_s <= min(CUE_QUESTION_S, desk.timeline.duration_s / 2) + _TINY:
            text = say("ask cue", left_s=left_s, name=segment.name, cue=until.cue)
            questions.put(QuestionKind.CUE, text, at, until.cue)

    def _question_marker(self, ask: OpenQuestion) -> QuestionMarker:
        phase, when = self._desk.phase_name if self.end_reason is None else END, None
        if ask.kind is QuestionKind.RATING:
            phase, when = self._desk.questions.asked_of.get(ask.about, (phase, None))
        return QuestionMarker(kind=ask.kind, about=ask.about, text=ask.text, phase=phase, at=when)

    def _assessed(self) -> tuple[Assessment, ...]:
        found, self._assessments = tuple(self._assessments), []
        return found

    def _baseline_to_judge(self) -> float | None:
        """Return when the present baseline ends, once for each end that is foreseen."""
        timeline = self._desk.timeline
        if timeline.segment is None or timeline.segment.kind != "baseline":
            return None
        left_s = timeline.left_s(self._at)
        if left_s > min(BASELINE_QUESTION_S, timeline.duration_s / 2) + _TINY:
            return None
        if self._judged_for == timeline.duration_s or standing(self._desk.lifecycle):
            return None
        self._judged_for = timeline.duration_s
        return (self._t0 or 0.0) + self._at + left_s

    def _decide(self, t: float) -> Decision:
        """Decide on what the newest estimate saw."""
        desk, at = self._desk, self._at
        segment = desk.timeline.segment
        if self.end_reason is not None or segment is None:
            return self._fading(t)
        before = desk.hands.music
        music = self._music(t)
        wanted = self._laid_over(desk.course.music if standing(desk.lifecycle) else desk.course.wanted)
        terms = terms_of(desk, self._seen, wanted=wanted, before=before, music=music)
        why = reasons.explain(desk, segment, music, terms, at)
        desk.adaptation.event = None
        self._terms = terms
        progress = desk.adaptation.progress
        return Decision(t=t, phase=segment.name, progress=progress, music=music, terms=terms, why=why)

    def _music(self, t: float) -> MusicState:
        """Return what is asked for: the course, with what people have laid over it, within the limits."""
        desk, adaptation = self._desk, self._desk.adaptation
        if not standing(desk.lifecycle):
            desk.course.ask(
                t,
                elapsed_s=adaptation.elapsed_s,
                progress=adaptation.progress,
                matched_bpm=adaptation.matched_bpm,
            )
        return desk.hands.grant(t, self._laid_over(desk.course.music))

    def _laid_over(self, base: MusicState) -> MusicState:
        desk = self._desk
        return desk.hands.wanted(base, steps=not desk.engaging, silent=desk.lifecycle is Lifecycle.HELD)

    def _fading(self, t: float) -> Decision:
        """Decide nothing more: what was asked for last goes on while it fades."""
        music = self._desk.hands.music
        terms = terms_of(self._desk, self._seen, wanted=music, before=music, music=music)
        self._terms = terms
        why = reasons.ending(self.end_reason or "", self.fade_s)
        return Decision(t=t, phase=END, progress=self._progress(), music=music, terms=terms, why=why)


def _change(t: float, segment: Segment, event: Literal["begin", "end"], marker: str | None) -> PhaseChange:
    return PhaseChange(t=t, name=segment.name, kind=segment.kind, event=event, marker=marker or "")
