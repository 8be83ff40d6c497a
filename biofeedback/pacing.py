"""Times of the engine's steps, 20 per second: without waiting in virtual time, or paced by a clock."""

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
    """Lateness of the steps of a session in real time.

    Attributes
    ----------
    steps, late_steps : int
        Number of all steps, and of those that began at least one step late. Steps are never skipped.
    lateness_median_ms, lateness_p95_ms, lateness_worst_ms : float
        Delay between the due time and the begin of a step.
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
    """Yields step times when a clock reaches them; late steps follow without waiting and are never skipped.

    Parameters
    ----------
    clock : callable
        Engine time in seconds: ``pylsl.local_clock``.
    sleep : callable
        Waits for a number of seconds: ``time.sleep``.

    Attributes
    ----------
    t0_s : float
        Engine time of the first step: a whole second, so that physiology, which computes on whole seconds,
        gives the same results as in virtual time.
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
        """Return the lateness of the steps so far."""
        late_s = np.frombuffer(self._lateness_s) if self._lateness_s else np.zeros(1)
        median, p95, worst = np.percentile(late_s, (50, 95, 100)) * 1000
        return Punctuality(
            steps=len(self._lateness_s),
            late_steps=int((late_s >= STEP_S).sum()),
            lateness_median_ms=float(median),
            lateness_p95_ms=float(p95),
            lateness_worst_ms=float(worst),
        )
