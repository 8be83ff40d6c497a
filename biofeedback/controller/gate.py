"""The gate of a lead: it holds the lead while the listener does not follow."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from protocols.phases import GateSettings

LEAST_SIGMA = 0.2
PLATEAU_SIGMA = {"down": 2.0, "up": 3.0}
"""Distance above the reference that leads to the plateau, in σ, where the protocol sets none. [C]"""


class GateState(StrEnum):
    """State of the gate."""

    FOLLOWING = "following"
    HOLDING = "holding"
    PLATEAU = "plateau"


class LeadGate:
    """Compares activation with its reference from matching.

    A lead downward is held once activation has lain above ``a_ref + sigma`` for 15 s and goes on below
    ``a_ref + 0.5 sigma``; a lead upward the other way round, below ``a_ref - sigma`` and above
    ``a_ref - 0.5 sigma``. Each 150 s of holding are a step back. The plateau, which only the therapist ends,
    comes with the second step back, or after 60 s above ``a_ref + 2 sigma`` (upward: ``+ 3 sigma``). These
    are the numbers where the protocol does not say otherwise.

    Parameters
    ----------
    a_ref : float
        Median activation at the end of matching.
    sigma : float
        Standard deviation of smoothed activation at baseline, at least 0.2.
    rules : GateSettings
        The protocol's numbers.
    direction : str
        ``down`` or ``up``: the direction of the lead.
    """

    def __init__(
        self,
        a_ref: float,
        sigma: float,
        rules: GateSettings | None = None,
        direction: Literal["down", "up"] = "down",
    ) -> None:
        self.a_ref = a_ref
        self.sigma = max(sigma, LEAST_SIGMA)
        self.rules = rules or GateSettings()
        self.state = GateState.FOLLOWING
        self.step_backs = 0
        self.too_far = False
        self._way = 1 if direction == "down" else -1
        far = self.rules.plateau_sigma
        self._far_sigma = PLATEAU_SIGMA[direction] if far is None else far
        self._off_since: float | None = None
        self._far_since: float | None = None
        self._held_since = 0.0

    @property
    def hold_at(self) -> float:
        """Activation beyond which (above; in a lead upward below) the lead is held."""
        return self.a_ref + self._way * self.rules.hold_sigma * self.sigma

    @property
    def release_at(self) -> float:
        """Activation on whose other side the lead goes on."""
        return self.a_ref + self._way * self.rules.release_sigma * self.sigma

    @property
    def plateau_at(self) -> float:
        """Activation above which the lead goes to the plateau."""
        return self.a_ref + self._far_sigma * self.sigma

    def off_for(self, t: float) -> float:
        """Return for how many seconds activation has lain beyond `hold_at`."""
        return 0.0 if self._off_since is None else t - self._off_since

    def is_off(self, activation: float) -> bool:
        """Return whether an activation lies beyond `hold_at`."""
        return self._way * (activation - self.hold_at) > 0

    def update(self, t: float, activation: float) -> bool:
        """Update with one estimate of activation; return whether the lead steps back now."""
        self._off_since = _since(self._off_since, t, holds=self.is_off(activation))
        self._far_since = _since(self._far_since, t, holds=activation > self.plateau_at)
        if self.state is GateState.PLATEAU:
            return False
        if self._far_since is not None and t - self._far_since >= self.rules.plateau_after_s:
            self.state, self.too_far = GateState.PLATEAU, True
        elif self.state is GateState.HOLDING:
            return self._held(t, activation)
        elif self._off_since is not None and self.off_for(t) >= self.rules.hold_after_s:
            self.state, self._held_since = GateState.HOLDING, t
        return False

    def _held(self, t: float, activation: float) -> bool:
        if self._way * (activation - self.release_at) < 0:
            self.state = GateState.FOLLOWING
            return False
        if t - self._held_since < self.rules.step_back_after_s:
            return False
        self._held_since = t
        self.step_backs += 1
        if self.step_backs >= self.rules.plateau_step_backs:
            self.state = GateState.PLATEAU
        return True

    def restart(self) -> None:
        """Follow again with fresh timers after a loss of the signal; a plateau stays."""
        self._off_since = self._far_since = None
        if self.state is not GateState.PLATEAU:
            self.state = GateState.FOLLOWING

    def release(self) -> None:
        """Leave the plateau: the therapist resumes."""
        if self.state is GateState.PLATEAU:
            self.state, self.step_backs, self.too_far = GateState.FOLLOWING, 0, False
            self.restart()


def _since(since: float | None, t: float, *, holds: bool) -> float | None:
    """Return when a condition that holds at `t` began to hold; None where it does not."""
    if not holds:
        return None
    return t if since is None else since
