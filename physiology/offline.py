"""Analysis of beats after the session: artefacts by the whole series, and the spectrum of intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import neurokit2 as nk
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import detrend, welch

from physiology.samples import FloatArray, IntArray

CLASSES = ("ectopic", "missed", "extra", "longshort")
"""Kinds of artefact: a beat at the wrong time, one not seen, one too many, a wrong length of interval."""

LEAST_BEATS = 12
"""Fewer beats are not judged: NeuroKit2's threshold needs a neighbourhood. Convention."""

STEPS_PER_SECOND = 10_000
"""Resolution at which artefacts are looked for, 0.1 ms: finer than any sensor's."""

INSERTED = -1
"""Marks a beat that was put in, in place of the index of one that was given."""

GRID_HZ = 4.0
"""Intervals are interpolated at this rate for a spectrum: ten times the highest frequency that is
reported."""

SEGMENT_S = 120.0
"""Length of Welch's segments: LF needs two minutes."""

LEAST_HF_S, LEAST_LF_S = 60.0, 120.0
"""Shortest stretch for HF and for LF: about ten periods of their lowest frequencies, and five (Task Force
1996: 1 and 2 min)."""

LF_BAND_HZ, HF_BAND_HZ = (0.04, 0.15), (0.15, 0.4)
"""The bands of Task Force 1996."""

POINTS = 4096
"""Points of the transform: a spacing of 0.001 Hz."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatCorrection:
    """A series of beats after correction.

    Attributes
    ----------
    times_s : ndarray, float64, shape (m,)
        The beats: extra ones left out, missed ones put in, the others as they were given.
    rr_ms : ndarray, float64, shape (m − 1,)
        The intervals between them, those of ectopic beats and of wrong length interpolated.
    artefacts : mapping of str to ndarray of int
        By class (`CLASSES`), which of the beats given end an interval that is an artefact.
    share : float
        0 to 1: artefacts over beats given.
    """

    times_s: FloatArray
    rr_ms: FloatArray
    artefacts: Mapping[str, IntArray]
    share: float


def correct(times_s: FloatArray) -> BeatCorrection:
    """Find and correct artefacts in a series of beats without a gap.

    A missed beat halves its interval, an extra one is left out, intervals of ectopic beats and of wrong
    length are interpolated.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        Times of beats in seconds, increasing; artefacts are looked for at a resolution of 0.1 ms.

    Returns
    -------
    BeatCorrection
        The corrected beats and intervals, and which of the beats given are artefacts.

    Notes
    -----
    The method of [1]_. The classes are those of NeuroKit2 (``signal_fixpeaks(method="kubios")``, one pass).
    NeuroKit2's correction is not used: it moves beats instead of interpolating intervals, a good one beside
    each ectopic one too, and it reports the artefacts of its last repetition only, when most are gone.

    Deviations from the paper: once missed and extra beats are corrected, the classes are found again, so that
    their neighbours are not taken for artefacts; the last two intervals are not judged, nor are fewer than
    12 beats. Where more than half of the steps between intervals are of one size (a constant series), there
    is no threshold and nothing is found.

    References
    ----------
    .. [1] Lipponen and Tarvainen (2019). J Med Eng Technol 43(3). doi 10.1080/03091902.2019.1640306

    Examples
    --------
    A steady heart at 75 bpm, one of whose beats was not detected:

    >>> import numpy as np
    >>> times_s = np.cumsum(np.tile([0.78, 0.80, 0.82, 0.80], 15))
    >>> corrected = correct(np.delete(times_s, 30))
    >>> corrected.artefacts["missed"], corrected.times_s.size
    (array([30]), 60)
    >>> round(float(corrected.rr_ms.max()))
    820
    """
    found: dict[str, set[int]] = {name: set() for name in CLASSES}
    kept, origin = times_s.astype(np.float64), list(range(times_s.size))
    ectopic: list[int] = []
    longshort: list[int] = []
    while kept.size >= LEAST_BEATS:
        ectopic, missed, extra, longshort = _classes(kept)
        fresh = {origin[place] for place in extra + missed} - found["extra"] - found["missed"] - {INSERTED}
        if not fresh:
            break
        found["extra"] |= {origin[place] for place in extra} & fresh
        found["missed"] |= {origin[place] for place in missed} & fresh
        kept, origin = _mended(kept, origin, extra, missed)
    rr_ms = 1000 * np.diff(kept)
    wrong = np.zeros(rr_ms.size, dtype=np.bool_)
    wrong[[place - 1 for place in ectopic + longshort if place > 0]] = True
    if not wrong.all():
        places = np.arange(rr_ms.size)
        rr_ms[wrong] = np.interp(places[wrong], places[~wrong], rr_ms[~wrong])
    known = found["extra"] | found["missed"] | {INSERTED}
    found["ectopic"] = {origin[place] for place in ectopic} - known
    found["longshort"] = {origin[place] for place in longshort} - known - found["ectopic"]
    return BeatCorrection(
        times_s=kept,
        rr_ms=rr_ms,
        artefacts={name: np.array(sorted(places), dtype=np.int64) for name, places in found.items()},
        share=sum(map(len, found.values())) / times_s.size if times_s.size else 0.0,
    )


def _classes(times_s: FloatArray) -> list[list[int]]:
    """Return the places of the artefacts, a list for each of `CLASSES`."""
    peaks = np.rint((times_s - times_s[0]) * STEPS_PER_SECOND).astype(np.int64)
    artefacts, _ = nk.signal_fixpeaks(peaks, sampling_rate=STEPS_PER_SECOND, iterative=False, method="kubios")
    return [[int(place) for place in artefacts[name]] for name in CLASSES]


def _mended(
    times_s: FloatArray, origin: list[int], extra: list[int], missed: list[int]
) -> tuple[FloatArray, list[int]]:
    """Leave extra beats out and put missed ones in; return the beats and which of those given each one is."""
    left_out, ahead = set(extra), set(missed)
    times: list[float] = []
    followed: list[int] = []
    for place, (time_s, beat) in enumerate(zip(times_s.tolist(), origin, strict=True)):
        if place in left_out:
            continue
        if place in ahead and times:
            times.append((times[-1] + time_s) / 2)
            followed.append(INSERTED)
        times.append(time_s)
        followed.append(beat)
    return np.array(times), followed


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Power of the intervals by band, None where the stretch is too short for it.

    Attributes
    ----------
    window_s : float
        Length of the stretch, in seconds.
    lf_ms2, hf_ms2, total_ms2 : float or None
        Power from 0.04 to 0.15 Hz, from 0.15 to 0.4 Hz and of both. What is slower is not reported: it would
        take more than 5 min.
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

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        When each interval ends, in seconds, increasing.
    rr_ms : ndarray, shape (n,)
        The intervals, corrected.

    Returns
    -------
    Spectrum
        HF needs 60 s, LF, total and their peak 120 s; 300 s are better. It is no measure of arousal.

    Notes
    -----
    Bands after [1]_. Welch's periodogram of the intervals interpolated at 4 Hz (cubic spline): segments of
    120 s that overlap by half (the whole stretch where it is shorter), linear trend removed from each, Hann
    window. Deviation: no very low frequencies, which would take more than 5 min.

    References
    ----------
    .. [1] Task Force (1996). Circulation 93(5). doi 10.1161/01.CIR.93.5.1043

    Examples
    --------
    Intervals that swing with breathing at 15 a minute, 0.25 Hz:

    >>> import numpy as np
    >>> times_s = np.arange(1, 301) * 0.8
    >>> found = spectrum(times_s, 800 + 40 * np.sin(2 * np.pi * 0.25 * times_s))
    >>> round(found.peak_hz, 2), found.hf_ms2 > 100 * found.lf_ms2
    (0.25, True)
    """
    window_s = float(times_s[-1] - times_s[0] + rr_ms[0] / 1000) if times_s.size else 0.0
    if window_s < LEAST_HF_S:
        return Spectrum(window_s, None, None, None, None)
    grid = np.arange(times_s[0], times_s[-1], 1 / GRID_HZ)
    even = CubicSpline(times_s, rr_ms)(grid)
    size = min(even.size, round(SEGMENT_S * GRID_HZ))
    frequencies, density = welch(even, fs=GRID_HZ, nperseg=size, nfft=POINTS, detrend=detrend)

    def power(low: float, high: float) -> float:
        return float(density[(frequencies >= low) & (frequencies < high)].sum()) * GRID_HZ / POINTS

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
