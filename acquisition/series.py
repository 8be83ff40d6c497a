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
    bits : int or None
        Resolution of raw counts, where the file says it.
    """

    label: str
    unit: str
    rate_hz: float
    times: FloatArray
    values: FloatArray
    origin_s: float
    absolute: bool
    bits: int | None = None


def known_unit(text: str) -> str:
    """Return our spelling of a unit, or ``a.u.`` for one we do not know."""
    return _UNITS.get(text, UNKNOWN_UNIT)


def unit_of_kind(kind: Kind, stated: str) -> str:
    """Return the unit of a signal: as stated; heart rates are in bpm where nothing else is stated."""
    return "bpm" if kind is Kind.HR and stated == UNKNOWN_UNIT else stated


def rr_in_ms(intervals: FloatArray, unit: str, where: str) -> FloatArray:
    """Return RR intervals in milliseconds.

    Where their unit is not stated it is told by their median, since no heart beats every 200 to 3000 s,
    or every 0.2 to 3 ms.

    Raises
    ------
    SourceError
        If their median lies outside 200 to 3000 ms, or they are in a unit that is no time.
    """
    if unit not in {"ms", "s", UNKNOWN_UNIT}:
        raise SourceError(f"{where}: RR intervals are in ms or s, not in {unit}")
    median = float(np.nanmedian(intervals))
    for name, factor in (("ms", 1.0), ("s", 1000.0)):
        if unit in {name, UNKNOWN_UNIT} and 200.0 <= median * factor <= 3000.0:
            return intervals * factor
    stated = "" if unit == UNKNOWN_UNIT else f" {unit}"
    raise SourceError(
        f"{where}: a median of {median:g}{stated} cannot be RR intervals; expected are 200 to 3000 ms"
    )


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
