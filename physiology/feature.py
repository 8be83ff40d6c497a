"""One feature at one moment, on its way into the state and the activation."""

from __future__ import annotations

from dataclasses import dataclass

from physiology.state import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A reading and how much of its window was filled.

    Attributes
    ----------
    value, quality, age_s
        As in `Reading`.
    filled : float
        0 to 1: valid seconds over the seconds of the full window, the reading's `usable_share`.
    window_s, corrected_share
        As in `Reading`.
    """

    value: float | None = None
    quality: float = 0.0
    age_s: float | None = None
    filled: float = 0.0
    window_s: float | None = None
    corrected_share: float | None = None

    @property
    def reading(self) -> Reading:
        """What the state shows of it."""
        return Reading(self.value, self.quality, self.age_s, self.window_s, self.filled, self.corrected_share)
