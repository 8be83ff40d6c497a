"""Why there is no heart rate, in words a therapist can act on, from the last seconds of the waveform.

Words only: whether a heart rate is given is decided by the beats. So a cause is looked for only where there
is none, and a good signal is never called bad.
"""

from __future__ import annotations

import numpy as np

from physiology.state import FloatArray

WARMING_UP_S = 12.0
HUM_BANDS_HZ = ((48.0, 52.0), (58.0, 62.0))
HUM_SHARE = 0.5
HUM_LEAST_HZ = 125.0
"""Least rate at which hum of 50 and 60 Hz can be told from what it folds down to."""

MUCH_LARGER, SMALL, TINY = 3.0, 0.3, 0.1
"""Peak to peak of the last 3 s over that of a usual beat: movement, poor contact, no contact."""


def cause(
    kind: str,
    times: FloatArray,
    values: FloatArray,
    *,
    since_first_s: float,
    usual_amplitude: float | None,
) -> str | None:
    """Return what is likely to be wrong with a heart signal that gives no heart rate, or None.

    Parameters
    ----------
    kind : str
        ``ecg`` or ``ppg``.
    times, values : ndarray, shape (n,)
        The samples of the last 3 s that were not missing.
    since_first_s : float
        Seconds since the signal's first sample.
    usual_amplitude : float or None
        Peak to peak of a usual beat; None before there were any.

    Returns
    -------
    str or None
        In this order: lead off, or no finger (little but noise is left); mains hum (half of the power of an
        ECG lies within 2 Hz of 50 or 60 Hz); movement (3 times a usual beat); poor contact (less than a third
        of one); sensor warming up (its first 12 s). All limits are conventions.
    """
    span = float(np.ptp(values)) if times.size > 1 else 0.0
    if span == 0:
        return None
    size = span / usual_amplitude if usual_amplitude else 1.0
    left = "lead off" if kind == "ecg" else "no finger"
    found = (
        (size <= TINY, f"{left}: only noise is left"),
        (kind == "ecg" and _hum_share(times, values) > HUM_SHARE, "mains hum: a lead may be off or loose"),
        (size > MUCH_LARGER, "movement"),
        (size < SMALL, "poor contact: the signal is weak"),
        (since_first_s < WARMING_UP_S, "sensor warming up"),
    )
    return next((words for holds, words in found if holds), None)


def _hum_share(times: FloatArray, values: FloatArray) -> float:
    """Return the part of the power that lies at 50 and 60 Hz; 0 where the rate is too low to tell."""
    rate_hz = (times.size - 1) / float(times[-1] - times[0])
    if rate_hz < HUM_LEAST_HZ:
        return 0.0
    power = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(values.size))) ** 2
    frequencies = np.fft.rfftfreq(values.size, 1 / rate_hz)
    total = float(power.sum())
    hum = sum(float(power[(frequencies >= low) & (frequencies <= high)].sum()) for low, high in HUM_BANDS_HZ)
    return hum / total if total > 0 else 0.0
