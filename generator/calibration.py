"""How loud sound really is at the ear, and what dose of it a listener takes. Pure.

Digital level says nothing of sound pressure: amplifier, headphones and volume control lie in between. Once
somebody has measured the reference noise at the ear, in dBA, everything else played on that device at that
setting can be told. Without such a measurement nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log10, pi

import numpy as np
import numpy.typing as npt
from scipy.signal import bilinear_zpk, sosfilt, zpk2sos

from generator.errors import StateError
from generator.level import StereoBlock
from generator.score import SAMPLE_RATE

FloatArray = npt.NDArray[np.float64]

DBA_RANGE = (30.0, 100.0)
"""What a sensible measurement of the reference noise lies in."""

WEEKLY_HOURS = 40.0
ADULTS_DBA, CHILDREN_DBA = 80.0, 75.0
"""Sound allowance of ITU-T H.870 for 40 hours a week, mode 1 and mode 2."""


def a_weighting() -> FloatArray:
    """Return the A-weighting of IEC 61672-1 at 48 kHz as second-order sections, unity at 1 kHz.

    A bilinear transform of the analogue filter: within 0.3 dB up to 6 kHz, 3 dB too low at 14 kHz, where this
    music has nothing.
    """
    poles = -2.0 * pi * np.array([20.598997, 20.598997, 107.65265, 737.86223, 12194.217, 12194.217])
    zeros, poles, _ = bilinear_zpk(np.zeros(4), poles, 1.0, fs=SAMPLE_RATE)
    at_1_khz = np.exp(2j * pi * 1000.0 / SAMPLE_RATE)
    response = abs(np.prod(at_1_khz - zeros) / np.prod(at_1_khz - poles))
    return np.asarray(zpk2sos(zeros, poles, 1.0 / response))


class ExposureMeter:
    """Adds up the A-weighted energy of sound as it goes to the output.

    Attributes
    ----------
    energy_s : float
        Integral over time of the A-weighted square of the samples, mean of both sides; in seconds of a
        square of 1.
    """

    def __init__(self) -> None:
        self._sections = a_weighting()
        self._state = np.zeros((len(self._sections), 2, 2))
        self.energy_s = 0.0

    def hear(self, block: StereoBlock) -> None:
        """Take in samples, shape (n, 2)."""
        weighted, self._state = sosfilt(self._sections, block.astype(np.float64), axis=0, zi=self._state)
        self.energy_s += float(np.vdot(weighted, weighted)) / 2.0 / SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A measurement of the reference noise at the listener's ear.

    Attributes
    ----------
    device : str
        The sound device; a measurement holds for no other, nor for another volume setting of it.
    dba : float
        What the sound level meter showed (A-weighted, slow), 30 to 100.
    noise_dbfs_a : float
        A-weighted level of the noise as it was played, relative to a mean square of 1.

    Raises
    ------
    StateError
        If `dba` is out of its range.
    """

    device: str
    dba: float
    noise_dbfs_a: float

    def __post_init__(self) -> None:
        low, high = DBA_RANGE
        if not (isfinite(self.dba) and low <= self.dba <= high):
            raise StateError(f"{self.dba:g} dBA is not a likely measurement; it must be {low:g} to {high:g}")

    @property
    def full_scale_dba(self) -> float:
        """Sound pressure level, in dBA, of an A-weighted mean square of 1."""
        return self.dba - self.noise_dbfs_a


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a listener took in.

    Attributes
    ----------
    hours : float
        How long sound was played.
    laeq_dba : float or None
        Its mean level at the ear, A-weighted; None for silence.
    adults_percent, children_percent : float
        Share of a week's sound allowance for adults (80 dBA × 40 h) and for children (75 dBA × 40 h).
    """

    hours: float
    laeq_dba: float | None
    adults_percent: float
    children_percent: float


def exposure(energy_s: float, seconds: float, calibration: Calibration) -> Exposure:
    """Return what a listener took in of sound with this A-weighted energy.

    ``dose = 100 · Σ(Δt / 40 h) · 10^((L − limit) / 10)`` (WHO-ITU H.870): it is linear in energy, so it
    needs no levels second by second.
    """
    pressure = energy_s * 10.0 ** (calibration.full_scale_dba / 10.0)
    weekly_s = WEEKLY_HOURS * 3600.0
    return Exposure(
        hours=seconds / 3600.0,
        laeq_dba=10.0 * log10(pressure / seconds) if pressure > 0.0 and seconds > 0.0 else None,
        adults_percent=100.0 * pressure / weekly_s / 10.0 ** (ADULTS_DBA / 10.0),
        children_percent=100.0 * pressure / weekly_s / 10.0 ** (CHILDREN_DBA / 10.0),
    )
