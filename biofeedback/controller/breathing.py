"""The listener's own breathing rate, and the assessment of the rate with the largest heart rate swing."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from biofeedback.controller.adaptation import LEAST_CONFIDENCE
from physiology.resonance import Assessment, PacedStep, assess, paced_step
from physiology.state import Beat, PhysiologyState
from protocols.fields import clip
from protocols.phases import OWN_BREATH_RANGE_PER_MIN, BreathePhase

LEAST_READINGS = 30
"""Seconds of usable breathing rate that a median takes."""


class Breathing:
    """Measures what breathing phases depend on.

    Attributes
    ----------
    own_per_min : float or None
        The listener's own rate in the last baseline: the median of its usable seconds.
    assessment : Assessment or None
        The result of the steps so far.
    """

    def __init__(self) -> None:
        self.own_per_min: float | None = None
        self.assessment: Assessment | None = None
        self._readings: list[float] = []
        self._beats: list[Beat] = []
        self._steps: list[PacedStep] = []
        self._step_began_s: float | None = None

    def accumulate(self, beats: Iterable[Beat]) -> None:
        """Keep lines of the beat log, during a step of an assessment only."""
        if self._step_began_s is not None:
            self._beats += beats

    def observe(self, physiology: PhysiologyState | None) -> None:
        """Keep the breathing rate of a second of a baseline or of a step of an assessment."""
        if (rate := _usable(physiology)) is not None:
            self._readings.append(rate)

    def close_baseline(self) -> None:
        """Take the rate from the baseline that ended, if it has enough readings."""
        if len(self._readings) >= LEAST_READINGS:
            self.own_per_min = median(self._readings)
        self._readings.clear()

    def begin_step(self, t: float) -> None:
        """Begin a step of an assessment at engine time `t`."""
        self._step_began_s = t

    def end_step(self, t: float, rate_per_min: float) -> Assessment:
        """End a step paced at this rate; return the result of all steps so far.

        The listener's rate is the median over the later half of the step's usable seconds: the rate is
        measured over a minute, so the earlier half still contains the step before.
        """
        assert self._step_began_s is not None  # noqa: S101 - what ends has begun
        later = self._readings[len(self._readings) // 2 :]
        self._steps.append(
            paced_step(
                self._beats,
                rate_per_min=rate_per_min,
                begin_s=self._step_began_s,
                end_s=t,
                breathing_per_min=median(later) if len(later) >= LEAST_READINGS else None,
            )
        )
        self._step_began_s = None
        self._beats.clear()
        self._readings.clear()
        self.assessment = assess(self._steps)
        return self.assessment

    def rate_for(self, phase: BreathePhase, physiology: PhysiologyState | None) -> float | None:
        """Return the breathing rate of a phase that depends on the listener; None where it is not known.

        A share refers to the rate in the baseline or, without one, to the present rate; the result is
        limited to 4 to 20 per minute.
        """
        if phase.assessed:
            return None if self.assessment is None else self.assessment.rate_per_min
        if phase.share_of_own is None:
            return None
        own = _usable(physiology) if self.own_per_min is None else self.own_per_min
        return None if own is None else clip(phase.share_of_own * own, *OWN_BREATH_RANGE_PER_MIN)


def _usable(physiology: PhysiologyState | None) -> float | None:
    """Return the breathing rate if its quality suffices."""
    if physiology is None or physiology.breathing_rate.quality < LEAST_CONFIDENCE:
        return None
    return physiology.breathing_rate.value
