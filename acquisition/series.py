"""One signal of a recording, whole and checked, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acquisition.errors import SourceError
from acquisition.streams import FloatArray, Kind

UNKNOWN_UNIT = "a.u."

_UNITS = {
    "mV": "mV",
    "millivolts": "mV",
    "uV": "uV",
    "µV": "uV",
    "μV": "uV",
    "microvolts": "uV",
    "V": "V",
    "uS": "uS",
    "µS": "uS",
    "μS": "uS",
    "microsiemens": "uS",
    "ms": "ms",
    "s": "s",
    "bpm": "bpm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One signal on its file's own clock.

    Attributes
    ----------
    label : str
        Name of the column or channel.
    unit : str
        As the file says; ``a.u.`` where it does not.
    rate_hz : float
        Nominal rate; 0 for RR intervals, and for heart rates that carry their own times.
    times : ndarray, float64, shape (n,)
        Seconds on the file's clock, strictly increasing.
    values : ndarray, float64, shape (n,)
        NaN where a sample is missing.
    origin_s : float
        Where the recording begins on the file's clock, even if the first samples are missing.
    absolute : bool
        Whether the file's clock is Unix time.
    """

    label: str
    unit: str
    rate_hz: float
    times: FloatArray
    values: FloatArray
    origin_s: float
    absolute: bool


def known_unit(text: str) -> str:
    """Return our spelling of a unit, or ``a.u.`` for one we do not know."""
    return _UNITS.get(text, UNKNOWN_UNIT)


def unit_of_kind(kind: Kind, stated: str) -> str:
    """Return the unit of a signal: as stated; heart rates are in bpm where nothing else is stated."""
    return "bpm" if kind is Kind.HR and stated == UNKNOWN_UNIT else stated


def rr_in_ms(intervals: FloatArray, unit: str, where: str) -> FloatArray:
    """Return RR intervals in milliseconds.

    Raises
    ------
    SourceError
        If their unit is not stated or their median lies outside 200 to 3000 ms, which no heart does.
    """
    if unit not in {"ms", "s"}:
        raise SourceError(f"{where}: the unit of RR intervals must be stated, as in a column rr_ms or rr_s")
    in_ms = intervals * 1000.0 if unit == "s" else intervals
    median = float(np.nanmedian(in_ms))
    if not 200.0 <= median <= 3000.0:
        raise SourceError(
            f"{where}: a median of {median:g} ms cannot be RR intervals; expected are 200 to 3000 ms"
        )
    return in_ms


def nominal_rate(times: FloatArray, where: str) -> float:
    """Return the sampling rate that time stamps follow, gaps left out, rounded to 0.001 Hz.

    Raises
    ------
    SourceError
        With fewer than two samples.
    """
    steps = np.diff(times)
    if steps.size == 0:
        raise SourceError(f"{where}: one sample is not enough to tell the sampling rate")
    return round(float(1.0 / np.mean(steps[steps <= 1.5 * np.median(steps)])), 3)


def require_signal(values: FloatArray, where: str) -> None:
    """Refuse a signal without a single number.

    Raises
    ------
    SourceError
        If every value is missing.
    """
    if not np.isfinite(values).any():
        raise SourceError(f"{where}: there is not one number among {values.size} samples")
