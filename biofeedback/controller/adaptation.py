"""What the listener's physiology does to the course: which tempo meets it, and how progress goes on."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from statistics import median

from biofeedback.controller.gate import STEP_BACK_SHARE, Gate, GateState
from biofeedback.controller.signal import LEAST_CONFIDENCE, Signal, SignalState
from physiology.state import PhysiologyState
from protocols.course import Segment
from protocols.limits import DECISION_S, clip

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
        Whether progress waits for the listener. Otherwise it is time, and the heart rate is taken once.

    Attributes
    ----------
    progress : float
        0 to 1 through the present segment.
    matched_bpm : float or None
        Tempo that meets the heart rate; None where none is known or to be followed.
    has_met : bool
        Whether a heart rate has been known in the present segment.
    signal : Signal
        How far the signal can be trusted.
    gate : Gate or None
        Of the present lead; None before a reference is known, in other segments and in an open loop.
    event : Event or None
        What happened last; whoever tells of it clears it.
    sigma : float
        Standard deviation of smoothed activation at baseline.
    """

    def __init__(self, *, closed_loop: bool) -> None:
        self.closed_loop = closed_loop
        self.progress = 0.0
        self.matched_bpm: float | None = None
        self.has_met = False
        self.signal = Signal()
        self.gate: Gate | None = None
        self.event: Event | None = None
        self.sigma = 0.0
        self._adapted = False
        self._activations: deque[tuple[float, float]] = deque()

    @property
    def adapts(self) -> bool:
        """Whether the present segment listens to the listener at all."""
        return self._adapted and self.closed_loop

    def enter(self, segment: Segment, at: float) -> None:
        """Begin a segment at `at` seconds of the session."""
        adapts = segment.kind == "lead" or segment.reads_heart_rate
        if adapts and not self._adapted:
            self.signal = Signal()
        if segment.kind != "lead":
            self._activations.clear()
        self._segment, self._adapted = segment, adapts
        self.progress, self.matched_bpm, self.has_met = 0.0, None, False
        self.gate, self.event = None, None
        self._find_reference(at)

    def resume(self) -> None:
        """Adapt again: the listener has been looked at."""
        self.signal.resume()
        if self.gate is not None:
            self.gate.release()

    def estimate(self, at: float, dt: float, physiology: PhysiologyState | None) -> None:
        """Take in the physiology at `at`, `dt` seconds of the segment after the estimate before.

        An estimate that comes late counts for one decision interval at most.
        """
        segment = self._segment
        if self.adapts:
            self._listen(at, physiology)
        elif segment.reads_heart_rate and self.matched_bpm is None:
            self._match(physiology)
        if segment.kind != "lead":
            self.progress = clip((at - segment.start_s) / segment.duration_s, 0.0, 1.0)
        elif self._goes_on():
            self.progress = min(1.0, self.progress + clip(dt, 0.0, DECISION_S) / segment.duration_s)

    def _listen(self, at: float, physiology: PhysiologyState | None) -> None:
        before = self.signal.state
        trust = _heart_trust(physiology) if self._segment.reads_heart_rate else _trust(physiology)
        self.signal.update(at, trust, physiology)
        if before not in (SignalState.GOOD, SignalState.WEAK) and self.signal.state is SignalState.GOOD:
            self.event = Event.RECOVERED
        if not self.signal.adapting:
            self.matched_bpm = None
            if self.gate is not None:
                self.gate.restart()
        elif self._segment.reads_heart_rate:
            self._match(physiology)
        self._gauge(at, physiology)

    def _match(self, physiology: PhysiologyState | None) -> None:
        if physiology is None or physiology.hr_bpm.value is None:
            return
        if physiology.hr_bpm.quality >= LEAST_CONFIDENCE:
            self.matched_bpm = self._segment.matching_tempo(physiology.hr_bpm.value)
            self.has_met = True

    def _gauge(self, at: float, physiology: PhysiologyState | None) -> None:
        """Compare activation with the reference, or gather it where there is none yet."""
        if self.signal.state is not SignalState.GOOD or _trust(physiology) < LEAST_CONFIDENCE:
            return
        if physiology is None or physiology.activation is None:
            return
        if self.gate is not None:
            if self.gate.update(at, physiology.activation):
                self.progress *= 1 - STEP_BACK_SHARE
                self.event = Event.STEPPED_BACK
        else:
            self._activations.append((at, physiology.activation))
            self._find_reference(at)

    def _find_reference(self, at: float) -> None:
        while self._activations and self._activations[0][0] <= at - REFERENCE_S:
            self._activations.popleft()
        if self._segment.kind == "lead" and self.closed_loop and len(self._activations) >= LEAST_REFERENCE:
            self.gate = Gate(median(activation for _, activation in self._activations), self.sigma)

    def _goes_on(self) -> bool:
        if not self.closed_loop:
            return True
        if self.gate is not None and self.gate.state is not GateState.FOLLOWING:
            return False
        return self.signal.state is not SignalState.FROZEN


def _heart_trust(physiology: PhysiologyState | None) -> float:
    if physiology is None or physiology.hr_bpm.value is None:
        return 0.0
    return physiology.hr_bpm.quality


def _trust(physiology: PhysiologyState | None) -> float:
    if physiology is None or physiology.activation is None:
        return 0.0
    return physiology.confidence
