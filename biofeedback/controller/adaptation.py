"""How the course follows the listener: trust in the signal, the matching tempo, and the progress of leads."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from statistics import median

from biofeedback.controller.gate import GateState, LeadGate
from biofeedback.controller.timeline import Timeline
from physiology.state import PhysiologyState
from protocols.course import Segment
from protocols.fields import DECISION_S, clip
from protocols.phases import LeadPhase

REFERENCE_S = 60.0
LEAST_REFERENCE = 30
"""Seconds of usable activation that a reference takes."""

LEAST_CONFIDENCE = 0.4
FREEZE_AFTER_S = 20.0
PLAN_AFTER_S = 60.0
RESUME_AFTER_S = 30.0
"""A signal that was lost for longer is adapted to again only after Resume."""

MEASURED = ("hr_bpm", "rmssd_ms", "scl_us", "scr_rate_per_min", "phasic_auc", "breathing_rate")
"""Readings of `PhysiologyState`: without a value of any of them there is no signal."""

STALE_S = 5.0
"""A signal whose newest sample is older than this is lost."""


class SignalState(StrEnum):
    """What the signal lets the controller do."""

    GOOD = "good"
    WEAK = "weak"
    FROZEN = "frozen"
    PLAN = "plan"
    """Progress is time: the planned arc from where it stands."""


class SignalTrust:
    """Times how long the signal has been weak or lost.

    Attributes
    ----------
    state : SignalState
        Good; weak for up to 20 s (the controller goes on as before), frozen up to 60 s, then on plan.
    needs_resume : bool
        Whether it was lost for more than 30 s, so that it takes a command to adapt to it again.
    weak : bool
        Whether it is weak or lost at this moment.
    """

    def __init__(self) -> None:
        self.state = SignalState.GOOD
        self.needs_resume = False
        self.weak = False
        self._idle_since: float | None = None
        self._lost_since: float | None = None
        self._was_there = False

    @property
    def adapting(self) -> bool:
        """Whether the music may adapt to what was last estimated."""
        return self.state in (SignalState.GOOD, SignalState.WEAK)

    def idle_for(self, t: float) -> float:
        """Return for how many seconds it has been weak, or waiting for Resume."""
        return 0.0 if self._idle_since is None else t - self._idle_since

    def update(self, t: float, trust: float, physiology: PhysiologyState | None) -> None:
        """Take in one estimate: how far it can be trusted, 0 to 1, and what there is of it."""
        self._time_loss(t, physiology)
        self.weak = trust < LEAST_CONFIDENCE or self._lost_since is not None
        if self.weak or self.needs_resume:
            self._idle_since = t if self._idle_since is None else self._idle_since
        else:
            self._idle_since = None
        self.state = self._judge(t)

    def resume(self) -> None:
        """Adapt again from the next estimate that can be trusted."""
        self.needs_resume = False

    def _time_loss(self, t: float, physiology: PhysiologyState | None) -> None:
        silent_s = _silent_for(physiology)
        if silent_s is None:
            self._lost_since = None
            self._was_there = True
        elif self._was_there:
            if self._lost_since is None:
                self._lost_since = t - silent_s
            if t - self._lost_since > RESUME_AFTER_S:
                self.needs_resume = True

    def _judge(self, t: float) -> SignalState:
        if self._idle_since is None:
            return SignalState.GOOD
        idle_s = self.idle_for(t)
        if idle_s > PLAN_AFTER_S:
            return SignalState.PLAN
        if idle_s > FREEZE_AFTER_S or (self.needs_resume and not self.weak):
            return SignalState.FROZEN
        return SignalState.WEAK


class AdaptationEvent(StrEnum):
    """What happened since the last decision and is worth a sentence of its own."""

    STEPPED_BACK = "stepped back"
    RECOVERED = "recovered"


class Adaptation:
    """Turns estimates, one a second, into the tempo that meets the listener and into progress.

    Parameters
    ----------
    closed_loop : bool
        Whether tempo follows the heart rate, and leads wait for the listener where the protocol says
        nothing else. Otherwise the heart rate is taken once.
    timeline : Timeline
        The clock of the course.

    Attributes
    ----------
    progress : float
        0 to 1 through the present segment, at the newest estimate.
    elapsed_s : float
        Seconds of the course in the present segment, at the newest estimate.
    matched_bpm : float or None
        Tempo that meets the heart rate; None where none is known or to be followed.
    has_met : bool
        Whether a heart rate has been known in the present segment.
    signal : SignalTrust
        How far the signal can be trusted.
    gate : LeadGate or None
        Of the present lead; None before a reference is known, in other segments and where leads do not wait.
    event : AdaptationEvent or None
        What happened last; whoever tells of it clears it.
    adapts : bool
        Whether the present segment listens to the listener at all.
    waits : bool
        Whether the present segment is a lead that waits for the listener.
    sigma : float
        Standard deviation of smoothed activation at baseline.
    """

    def __init__(self, *, closed_loop: bool, timeline: Timeline) -> None:
        self._closed_loop = closed_loop
        self._timeline = timeline
        self.progress = self.elapsed_s = 0.0
        self.matched_bpm: float | None = None
        self.has_met = False
        self.signal = SignalTrust()
        self.gate: LeadGate | None = None
        self.event: AdaptationEvent | None = None
        self.adapts = self.waits = False
        self.sigma = 0.0
        self._activations: deque[tuple[float, float]] = deque()
        self._estimated_s = 0.0

    def enter(self, segment: Segment, at: float) -> None:
        """Begin a segment at `at` seconds of the session."""
        self.waits = isinstance(segment.phase, LeadPhase) and _waits(segment.phase, self._closed_loop)
        adapts = self.waits or (segment.reads_heart_rate and self._closed_loop)
        if adapts and not self.adapts:
            self.signal = SignalTrust()
        if segment.kind != "lead":
            self._activations.clear()
        self._segment, self.adapts = segment, adapts
        self.progress, self.elapsed_s = 0.0, self._timeline.elapsed_s(at)
        self.matched_bpm, self.has_met = None, False
        self.gate, self.event = None, None
        self._estimated_s = self._timeline.course_s(at) - self._timeline.elapsed_s(at)
        self._find_reference(self._timeline.course_s(at))

    @property
    def can_resume(self) -> bool:
        """Whether there is a plateau to leave, or a signal that is back after a loss."""
        return self.on_plateau or self.signal_is_back

    @property
    def on_plateau(self) -> bool:
        """Whether the gate has led to the plateau, which only a person leaves."""
        return self.gate is not None and self.gate.state is GateState.PLATEAU

    @property
    def signal_is_back(self) -> bool:
        """Whether the signal is there again after a loss, and adaptation waits for Resume."""
        return self.adapts and self.signal.needs_resume and not self.signal.weak

    def resume(self) -> None:
        """Adapt again: the listener has been looked at."""
        self.signal.resume()
        if self.gate is not None:
            self.gate.release()

    def estimate(self, at: float, physiology: PhysiologyState | None, *, standing: bool) -> None:
        """Take in the physiology at `at` seconds of the session.

        While the course stands, only the signal is timed. An estimate that comes late counts for one decision
        interval at most.
        """
        if self.adapts:
            self._update_trust(at, physiology)
        if standing:
            return
        now = self._timeline.course_s(at)
        dt = clip(now - self._estimated_s, 0.0, DECISION_S)
        self._estimated_s = now
        self.elapsed_s = self._timeline.elapsed_s(at)
        segment = self._segment
        if self.adapts:
            self._follow(now, physiology)
        else:
            if segment.reads_heart_rate and self.matched_bpm is None:
                self._match(physiology)
            if segment.kind == "match":
                self._update_gate(now, physiology)
        if segment.kind != "lead":
            self.progress = self._timeline.progress(at)
        elif self._goes_on():
            self.progress = min(1.0, self.progress + dt * self._timeline.rate)

    def _update_trust(self, at: float, physiology: PhysiologyState | None) -> None:
        adapted = self.signal.adapting
        trust = _trust(physiology, in_heart_rate=self._segment.reads_heart_rate)
        self.signal.update(at, trust, physiology)
        if not adapted and self.signal.state is SignalState.GOOD:
            self.event = AdaptationEvent.RECOVERED

    def _follow(self, now: float, physiology: PhysiologyState | None) -> None:
        if not self.signal.adapting:
            self.matched_bpm = None
            if self.gate is not None:
                self.gate.restart()
        elif self._segment.reads_heart_rate:
            self._match(physiology)
        self._update_gate(now, physiology)

    def _match(self, physiology: PhysiologyState | None) -> None:
        if physiology is None or physiology.hr_bpm.value is None:
            return
        if physiology.hr_bpm.quality >= LEAST_CONFIDENCE:
            self.matched_bpm = self._segment.matching_tempo(physiology.hr_bpm.value)
            self.has_met = True

    def _update_gate(self, now: float, physiology: PhysiologyState | None) -> None:
        """Compare activation with the reference, or gather it where there is none yet."""
        if physiology is None or physiology.activation is None:
            return
        if self.signal.state is not SignalState.GOOD or physiology.confidence < LEAST_CONFIDENCE:
            return
        if self.gate is not None:
            if self.gate.update(now, physiology.activation):
                self.progress *= 1 - self.gate.rules.step_back_share
                self.event = AdaptationEvent.STEPPED_BACK
        else:
            self._activations.append((now, physiology.activation))
            self._find_reference(now)

    def _find_reference(self, now: float) -> None:
        while self._activations and self._activations[0][0] <= now - REFERENCE_S:
            self._activations.popleft()
        lead = self._segment.phase
        if isinstance(lead, LeadPhase) and self.waits and len(self._activations) >= LEAST_REFERENCE:
            a_ref = median(activation for _, activation in self._activations)
            self.gate = LeadGate(a_ref, self.sigma, lead.gate, lead.direction)

    def _goes_on(self) -> bool:
        if not self.waits:
            return True
        if self.gate is not None and self.gate.state is not GateState.FOLLOWING:
            return False
        return self.signal.state is not SignalState.FROZEN


def _waits(lead: LeadPhase, closed_loop: bool) -> bool:
    return closed_loop if lead.gating is None else lead.gating == "listener"


def _trust(physiology: PhysiologyState | None, *, in_heart_rate: bool) -> float:
    """Return how far the heart rate, or else the activation, can be trusted; 0 where it is not known."""
    if physiology is None:
        return 0.0
    hr, activation = physiology.hr_bpm, physiology.activation
    value, trust = (hr.value, hr.quality) if in_heart_rate else (activation, physiology.confidence)
    return 0.0 if value is None else trust


def _silent_for(physiology: PhysiologyState | None) -> float | None:
    """Return for how long there has been no signal at all as far as can be told; None where there is one."""
    readings = [] if physiology is None else [getattr(physiology, name) for name in MEASURED]
    if all(reading.value is None for reading in readings):
        return 0.0
    youngest_s = min((reading.age_s for reading in readings if reading.age_s is not None), default=0.0)
    return youngest_s if youngest_s > STALE_S else None
