"""The spectrum of the intervals between beats, after the session only. It is no measure of arousal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import detrend, welch

from physiology.samples import FloatArray

RATE_HZ = 4.0
SEGMENT_S = 120.0
LEAST_HF_S, LEAST_LF_S = 60.0, 120.0
LF_BAND_HZ, HF_BAND_HZ = (0.04, 0.15), (0.15, 0.4)
POINTS = 4096


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Power of the intervals by band, None where the stretch is too short for it.

    Attributes
    ----------
    window_s : float
        Length of the stretch, in seconds.
    lf_ms2, hf_ms2, total_ms2 : float or None
        Power from 0.04 to 0.15 Hz, from 0.15 to 0.4 Hz and of both. What is slower is not told: it would take
        more than 5 min.
    peak_hz : float or None
        Where power is greatest, from 0.04 Hz on, or from 0.15 Hz in stretches too short for less.
    """

    window_s: float
    lf_ms2: float | None
    hf_ms2: float | None
    total_ms2: float | None
    peak_hz: float | None


def spectrum(times_s: FloatArray, rr_ms: FloatArray) -> Spectrum:
    """Return the spectrum of a stretch of intervals without a gap.

    Welch's periodogram of the intervals interpolated at 4 Hz (cubic spline): segments of 120 s that overlap
    by half (the whole stretch where it is shorter), linear trend taken off each, Hann window. Bands after
    Task Force 1996 (doi 10.1161/01.CIR.93.5.1043). HF needs 60 s, LF, total and their peak 120 s; 300 s are
    better.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        When each interval ends, in seconds, increasing.
    rr_ms : ndarray, shape (n,)
        The intervals, corrected.
    """
    window_s = float(times_s[-1] - times_s[0] + rr_ms[0] / 1000) if times_s.size else 0.0
    if window_s < LEAST_HF_S:
        return Spectrum(window_s, None, None, None, None)
    grid = np.arange(times_s[0], times_s[-1], 1 / RATE_HZ)
    even = CubicSpline(times_s, rr_ms)(grid)
    size = min(even.size, round(SEGMENT_S * RATE_HZ))
    frequencies, density = welch(even, fs=RATE_HZ, nperseg=size, nfft=POINTS, detrend=detrend)

    def power(low: float, high: float) -> float:
        return float(density[(frequencies >= low) & (frequencies < high)].sum()) * RATE_HZ / POINTS

    long_enough = window_s >= LEAST_LF_S
    lf, hf = power(*LF_BAND_HZ) if long_enough else None, power(*HF_BAND_HZ)
    lowest = LF_BAND_HZ[0] if long_enough else HF_BAND_HZ[0]
    inside = (frequencies >= lowest) & (frequencies < HF_BAND_HZ[1])
    return Spectrum(
        window_s=window_s,
        lf_ms2=lf,
        hf_ms2=hf,
        total_ms2=None if lf is None else lf + hf,
        peak_hz=float(frequencies[inside][np.argmax(density[inside])]),
    )
