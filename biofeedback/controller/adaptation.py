"""What the listener's physiology does to the course: which tempo meets it, and how progress goes on."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from statistics import median

from biofeedback.controller.gate import Gate, GateState
from biofeedback.controller.signal import LEAST_CONFIDENCE, Signal, SignalState
from biofeedback.controller.timeline import Timeline
from physiology.state import PhysiologyState
from protocols.course import Segment
from protocols.fields import clip
from protocols.limits import DECISION_S
from protocols.schema import LeadPhase

REFERENCE_S = 60.0
LEAST_REFERENCE = 30
"""Seconds of usable activation that a reference takes."""


class Event(StrEnum):
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
    signal : Signal
        How far the signal can be trusted.
    gate : Gate or None
        Of the present lead; None before a reference is known, in other segments and where leads do not wait.
    event : Event or None
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
        self.signal = Signal()
        self.gate: Gate | None = None
        self.event: Event | None = None
        self.adapts = self.waits = False
        self.sigma = 0.0
        self._activations: deque[tuple[float, float]] = deque()
        self._estimated_s = 0.0

    def enter(self, segment: Segment, at: float) -> None:
        """Begin a segment at `at` seconds of the session."""
        self.waits = isinstance(segment.phase, LeadPhase) and _waits(segment.phase, self._closed_loop)
        adapts = self.waits or (segment.reads_heart_rate and self._closed_loop)
        if adapts and not self.adapts:
            self.signal = Signal()
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
        plateau = self.gate is not None and self.gate.state is GateState.PLATEAU
        return plateau or self.signal_is_back

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
            self._trust(at, physiology)
        if standing:
            return
        now = self._timeline.course_s(at)
        dt = clip(now - self._estimated_s, 0.0, DECISION_S)
        self._estimated_s = now
        self.elapsed_s = self._timeline.elapsed_s(at)
        segment = self._segment
        if self.adapts:
            self._listen(now, physiology)
        else:
            if segment.reads_heart_rate and self.matched_bpm is None:
                self._match(physiology)
            if segment.kind == "match":
                self._gauge(now, physiology)
        if segment.kind != "lead":
            self.progress = self._timeline.progress(at)
        elif self._goes_on():
            self.progress = min(1.0, self.progress + dt * self._timeline.rate)

    def _trust(self, at: float, physiology: PhysiologyState | None) -> None:
        before = self.signal.state
        trust = _heart_trust(physiology) if self._segment.reads_heart_rate else _trust(physiology)
        self.signal.update(at, trust, physiology)
        if before not in (SignalState.GOOD, SignalState.WEAK) and self.signal.state is SignalState.GOOD:
            self.event = Event.RECOVERED

    def _listen(self, now: float, physiology: PhysiologyState | None) -> None:
        if not self.signal.adapting:
            self.matched_bpm = None
            if self.gate is not None:
                self.gate.restart()
        elif self._segment.reads_heart_rate:
            self._match(physiology)
        self._gauge(now, physiology)

    def _match(self, physiology: PhysiologyState | None) -> None:
        if physiology is None or physiology.hr_bpm.value is None:
            return
        if physiology.hr_bpm.quality >= LEAST_CONFIDENCE:
            self.matched_bpm = self._segment.matching_tempo(physiology.hr_bpm.value)
            self.has_met = True

    def _gauge(self, now: float, physiology: PhysiologyState | None) -> None:
        """Compare activation with the reference, or gather it where there is none yet."""
        if self.signal.state is not SignalState.GOOD or _trust(physiology) < LEAST_CONFIDENCE:
            return
        if physiology is None or physiology.activation is None:
            return
        if self.gate is not None:
            if self.gate.update(now, physiology.activation):
                self.progress *= 1 - self.gate.rules.step_back_share
                self.event = Event.STEPPED_BACK
        else:
            self._activations.append((now, physiology.activation))
            self._find_reference(now)

    def _find_reference(self, now: float) -> None:
        while self._activations and self._activations[0][0] <= now - REFERENCE_S:
            self._activations.popleft()
        lead = self._segment.phase
        if isinstance(lead, LeadPhase) and self.waits and len(self._activations) >= LEAST_REFERENCE:
            a_ref = median(activation for _, activation in self._activations)
            self.gate = Gate(a_ref, self.sigma, lead.gate, lead.direction)

    def _goes_on(self) -> bool:
        if not self.waits:
            return True
        if self.gate is not None and self.gate.state is not GateState.FOLLOWING:
            return False
        return self.signal.state is not SignalState.FROZEN


def _waits(lead: LeadPhase, closed_loop: bool) -> bool:
    return closed_loop if lead.gating is None else lead.gating == "listener"


def _heart_trust(physiology: PhysiologyState | None) -> float:
    if physiology is None or physiology.hr_bpm.value is None:
        return 0.0
    return physiology.hr_bpm.quality


def _trust(physiology: PhysiologyState | None) -> float:
    if physiology is None or physiology.activation is None:
        return 0.0
    return physiology.confidence
