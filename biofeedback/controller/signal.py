"""Whether the signal can be trusted enough to adapt to it."""

from __future__ import annotations

from enum import StrEnum

from physiology.state import PhysiologyState, Reading

LEAST_CONFIDENCE = 0.4
FREEZE_AFTER_S = 20.0
PLAN_AFTER_S = 60.0
RESUME_AFTER_S = 30.0
"""A signal that was lost for longer is adapted to again only after Resume."""

STALE_S = 5.0
"""A signal whose newest sample is older than this is lost."""


class SignalState(StrEnum):
    """What the signal lets the controller do."""

    GOOD = "good"
    WEAK = "weak"
    FROZEN = "frozen"
    PLAN = "plan"
    """Progress is time: the planned arc from where it stands."""


class Signal:
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


def _silent_for(physiology: PhysiologyState | None) -> float | None:
    """Return for how long there has been no signal at all as far as can be told; None where there is one."""
    readings = () if physiology is None else _readings(physiology)
    if not any(reading.value is not None for reading in readings):
        return 0.0
    youngest_s = min((reading.age_s for reading in readings if reading.age_s is not None), default=0.0)
    return youngest_s if youngest_s > STALE_S else None


def _readings(physiology: PhysiologyState) -> tuple[Reading, ...]:
    return (
        physiology.hr_bpm,
        physiology.rmssd_ms,
        physiology.scl_us,
        physiology.scr_rate_per_min,
        physiology.phasic_auc,
        physiology.breathing_rate,
    )
