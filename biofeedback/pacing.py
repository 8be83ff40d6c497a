"""When the engine steps: 20 times a second of engine time, as fast as the machine goes or in real time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from biofeedback.models import STEPS_PER_SECOND

STEP_S = 1.0 / STEPS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """How well real time was kept.

    Attributes
    ----------
    steps, late_steps : int
        All steps, and those that began a whole step or more after they were due. None was skipped.
    lateness_median_ms, lateness_p95_ms, lateness_worst_ms : float
        How long after they were due steps began.
    """

    steps: int
    late_steps: int
    lateness_median_ms: float
    lateness_p95_ms: float
    lateness_worst_ms: float


def virtual_times() -> Iterator[float]:
    """Yield 0, 1/20, 2/20 … without waiting."""
    return (step / STEPS_PER_SECOND for step in count())


class RealTimePacer:
    """Steps that are due at fixed moments of a clock; a late one is made up for, never left out.

    Parameters
    ----------
    clock : callable
        Engine time in seconds: ``pylsl.local_clock``.
    sleep : callable
        Waits so many seconds: ``time.sleep``.

    Attributes
    ----------
    t0_s : float
        Engine time of the first step: a whole second, so that what physiology computes on whole seconds
        is the same in virtual time.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lateness_s = array("d")
        self.t0_s = float(math.ceil(clock() + STEP_S))

    def __iter__(self) -> Iterator[float]:
        for step in count():
            due = self.t0_s + step / STEPS_PER_SECOND
            while (ahead := due - self._clock()) > 0:
                self._sleep(ahead)
            self._lateness_s.append(-ahead)
            yield due

    def punctuality(self) -> Punctuality:
        """Return how well real time was kept so far."""
        late_s = np.frombuffer(self._lateness_s) if self._lateness_s else np.zeros(1)
        median, p95, worst = np.percentile(late_s, (50, 95, 100)) * 1000
        return Punctuality(
            steps=len(self._lateness_s),
            late_steps=int((late_s >= STEP_S).sum()),
            lateness_median_ms=float(median),
            lateness_p95_ms=float(p95),
            lateness_worst_ms=float(worst),
        )
