"""Whether electrodes measure skin conductance, and what is wrong where they do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physiology.fault_reasons import FaultKind, FaultReason
from physiology.samples import FloatArray

LOWEST_US, HIGHEST_US = 0.05, 60.0
STEEPEST_US_PER_S = 10.0
DILATION_S = 5.0
POOR_CONTACT_US = 0.2
JUMP_S, JUMP_UP, JUMP_DOWN, MOVEMENT_S = 0.25, 0.15, 0.08, 10
SETTLING_S, SETTLING_PER_MIN, DRIFT_S = 900.0, 0.1, 60
OFF_S = 10.0
MOVEMENT_QUALITY, POOR_QUALITY, SETTLING_QUALITY = 0.5, 0.5, 0.8

BoolArray = npt.NDArray[np.bool_]


def is_valid(conductance: FloatArray, rate_hz: int) -> BoolArray:
    """Return which values of a conductance in µS are valid; NaN is not.

    After Kleckner et al. 2018 (doi 10.1109/TBME.2017.2758643): 0.05–60 µS, slope at most 10 µS/s.
    Deviation: what surrounds an invalid value is invalid for 5 s after it only; 5 s before it lie in the
    past.
    """
    present = np.isfinite(conductance)
    bad = present & ((conductance < LOWEST_US) | (conductance > HIGHEST_US))
    steep = np.abs(np.diff(conductance)) * rate_hz > STEEPEST_US_PER_S
    bad[1:] |= steep
    if not bad.any():
        return present
    # Distance to the last bad value before or at each place.
    places = np.arange(conductance.size)
    last_bad = np.maximum.accumulate(np.where(bad, places, -conductance.size))
    return present & (places - last_bad > DILATION_S * rate_hz)


class Contact:
    """How well the electrodes sit, from the conductance of the last minute, looked at again and again.

    A palm at rest conducts 2–20 µS; less than 0.2 µS is a poor contact or a very dry skin. Electrodes settle
    for 10–15 min after they were put on: for the first 15 min a drift of more than 10 % a minute is called
    that. Conductance of skin does not jump by 15 %, nor fall by 8 %, within a quarter of a second. All are
    conventions.

    Attributes
    ----------
    quality : float
        1, or 0.5 with a poor contact or for 10 s after a jump, or 0.8 while the electrodes settle.
    fault : FaultReason or None
        Which of them it is.
    """

    def __init__(self) -> None:
        self._on_since_s = -np.inf
        self._last_valid_s = -np.inf
        self.quality = 1.0
        self.fault: FaultReason | None = None

    def look(self, now: float, conductance: FloatArray, valid: BoolArray, rate_hz: int) -> None:
        """Take in the newest minute, the last value of which is that of `now`."""
        if not valid[-MOVEMENT_S * rate_hz :].any():
            self.quality, self.fault = 1.0, None
            return
        if now - self._last_valid_s > OFF_S:
            self._on_since_s = now
        self._last_valid_s = now
        self.quality, self.fault = self._judged(now, conductance, valid, rate_hz)

    def _judged(
        self, now: float, conductance: FloatArray, valid: BoolArray, rate_hz: int
    ) -> tuple[float, FaultReason | None]:
        newest = conductance[-MOVEMENT_S * rate_hz :]
        step = round(JUMP_S * rate_hz)
        before, change = newest[:-step], newest[step:] - newest[:-step]
        if np.any((change > JUMP_UP * before) | (change < -JUMP_DOWN * before)):
            return MOVEMENT_QUALITY, FaultReason(FaultKind.CONDUCTANCE_JUMP)
        minute = conductance[-DRIFT_S * rate_hz :][valid[-DRIFT_S * rate_hz :]]
        level = float(np.median(minute))
        if level < POOR_CONTACT_US:
            return POOR_QUALITY, FaultReason(FaultKind.POOR_SKIN_CONTACT, POOR_CONTACT_US)
        if now - self._on_since_s < SETTLING_S and minute.size > DRIFT_S * rate_hz * 0.8:
            third = minute.size // 3
            drift = float(np.median(minute[-third:]) - np.median(minute[:third])) * 1.5 / level
            if abs(drift) > SETTLING_PER_MIN:
                return SETTLING_QUALITY, FaultReason(FaultKind.ELECTRODES_SETTLING)
        return 1.0, None
