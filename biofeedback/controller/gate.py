"""The gate of a lead: on while the listener follows, waiting while they do not."""

from __future__ import annotations

from enum import StrEnum

HOLD_AFTER_S = 15.0
STEP_BACK_AFTER_S = 150.0
PLATEAU_AFTER_S = 60.0
STEP_BACK_SHARE = 0.25
MOST_STEP_BACKS = 2
LEAST_SIGMA = 0.2


class GateState(StrEnum):
    """What the gate lets the lead do."""

    FOLLOWING = "following"
    HOLDING = "holding"
    PLATEAU = "plateau"


class Gate:
    """Compares activation with what it was while matching.

    It holds once activation has lain above ``a_ref + sigma`` for 15 s and lets go below
    ``a_ref + 0.5 sigma``. Each 150 s of holding are a step back. The second step back, or 60 s above
    ``a_ref + 2 sigma``, is the plateau, which only the therapist ends.

    Parameters
    ----------
    a_ref : float
        Median activation at the end of matching.
    sigma : float
        Standard deviation of smoothed activation at baseline, at least 0.2.
    """

    def __init__(self, a_ref: float, sigma: float) -> None:
        self.a_ref = a_ref
        self.sigma = max(sigma, LEAST_SIGMA)
        self.state = GateState.FOLLOWING
        self.step_backs = 0
        self._above_since: float | None = None
        self._far_since: float | None = None
        self._held_since = 0.0

    @property
    def hold_above(self) -> float:
        """Activation above which the lead comes to be held."""
        return self.a_ref + self.sigma

    @property
    def release_below(self) -> float:
        """Activation below which it goes on."""
        return self.a_ref + 0.5 * self.sigma

    def above_for(self, t: float) -> float:
        """Return for how many seconds activation has lain above `hold_above`."""
        return 0.0 if self._above_since is None else t - self._above_since

    def update(self, t: float, activation: float) -> bool:
        """Take in one estimate of activation; return whether the lead is to step back now."""
        self._above_since = _since(self._above_since, t, holds=activation > self.hold_above)
        far_above = activation > self.a_ref + 2 * self.sigma
        self._far_since = _since(self._far_since, t, holds=far_above)
        if self.state is GateState.PLATEAU:
            return False
        if self._far_since is not None and t - self._far_since >= PLATEAU_AFTER_S:
            self.state = GateState.PLATEAU
        elif self.state is GateState.HOLDING:
            return self._held(t, activation)
        elif self.above_for(t) >= HOLD_AFTER_S:
            self.state, self._held_since = GateState.HOLDING, t
        return False

    def _held(self, t: float, activation: float) -> bool:
        if activation < self.release_below:
            self.state = GateState.FOLLOWING
            return False
        if t - self._held_since < STEP_BACK_AFTER_S:
            return False
        self._held_since = t
        self.step_backs += 1
        if self.step_backs == MOST_STEP_BACKS:
            self.state = GateState.PLATEAU
        return True

    def restart(self) -> None:
        """Follow again with fresh timers after the signal was away; a plateau stays."""
        self._above_since = self._far_since = None
        if self.state is not GateState.PLATEAU:
            self.state = GateState.FOLLOWING

    def release(self) -> None:
        """Leave the plateau: the therapist has looked and says to go on."""
        if self.state is GateState.PLATEAU:
            self.state, self.step_backs = GateState.FOLLOWING, 0
            self.restart()


def _since(since: float | None, t: float, *, holds: bool) -> float | None:
    """Return when a condition that holds at `t` began to hold; None where it does not."""
    if not holds:
        return None
    return t if since is None else since
