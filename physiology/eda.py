"""Skin conductance: level, responses and the area under the phasic part."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from physiology.feature import Feature
from physiology.samples import BinnedSignal
from physiology.state import FloatArray, Scr

RATE_HZ = BinnedSignal.RATE_HZ
KEEP_S = 70
WINDOW_S = 60
LEVEL_WINDOW_S, LEVEL_LEAST_S = 20, 10
NEWEST_S = 5.0
LEAST_SHARE = 0.8
LOWEST_US, HIGHEST_US = 0.05, 60.0
STEEPEST_US_PER_S = 10.0
DILATION_S = 5.0
BRIDGED_S = 1.0
CONFIRM_S = 0.5
FLAT_S = 10
NEWEST_CHECKED = 3 * RATE_HZ
SHORTEST_RISE_S, LONGEST_RISE_S = 0.5, 5.0
BEFORE_S, LEAST_BEFORE_S = 3.0, 2.0
STEP_SHARE = 0.65
PHASIC_FILTER = butter(2, 0.05, "highpass", fs=RATE_HZ, output="sos")

BoolArray = npt.NDArray[np.bool_]


class SkinConductance:
    """Skin conductance in µS on a grid of 8 Hz, the last 70 s of it.

    Parameters
    ----------
    scr_threshold_us : float
        Least trough-to-peak amplitude of a response, in µS and absolute. (NeuroKit2's ``amplitude_min`` is
        relative to the largest response of the window, so that a calm window yields false ones.)

    Notes
    -----
    Validity after Kleckner et al. 2018 (doi 10.1109/TBME.2017.2758643): 0.05–60 µS, slope at most 10 µS/s.
    Deviation: what surrounds an invalid sample is invalid for 5 s after it only; 5 s before it lie in the
    past.
    """

    def __init__(self, *, scr_threshold_us: float) -> None:
        self._signal = BinnedSignal("eda", KEEP_S)
        self._threshold_us = scr_threshold_us
        self._examined = 0
        self._newest_peak_s = -np.inf
        self._scrs: deque[Scr] = deque(maxlen=256)
        self._conductance: FloatArray = np.full(KEEP_S * RATE_HZ, np.nan)
        self._valid: BoolArray = np.zeros(KEEP_S * RATE_HZ, dtype=bool)
        self.responded = False
        """Whether there was any response since the start."""

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples in µS (see `SampleBuffer.push`)."""
        self._signal.push(times, values)

    def hop(self, now: float) -> list[Scr]:
        """Return the responses that became known at `now`, a multiple of 1/8 s."""
        self._signal.advance(now)
        filled = self._signal.filled(BRIDGED_S)
        self._conductance = _smoothed(filled)
        self._valid = is_valid(filled) & np.isfinite(self._conductance)
        newest = round(now * RATE_HZ)
        size = self._conductance.size
        known = np.flatnonzero(np.isfinite(self._conductance))
        last = int(known[-1]) - round(CONFIRM_S * RATE_HZ) if known.size else -1
        found = []
        for place in range(max(self._examined - newest + size, RATE_HZ), last + 1):
            scr = self._response(place, now)
            if scr is not None:
                found.append(scr)
                self._newest_peak_s = scr.peak_s
        self._examined = max(self._examined, newest - size + last + 1)
        self._scrs.extend(found)
        self.responded |= bool(found)
        return found

    def level(self) -> Feature:
        """Return the tonic level: the median of the valid conductance of the last 20 s, in µS."""
        valid = self._valid[-LEVEL_WINDOW_S * RATE_HZ :]
        age_s = self._age_s()
        seconds = valid.sum() / RATE_HZ
        if seconds < LEVEL_LEAST_S or age_s is None or age_s > NEWEST_S or self._is_flat():
            return Feature(age_s=age_s)
        share = float(valid.mean())
        value = float(np.median(self._conductance[-valid.size :][valid]))
        return Feature(value=value, quality=share, age_s=age_s, filled=share)

    def response_rate(self, now: float) -> Feature:
        """Return responses per valid minute over the last 60 s."""
        count = sum(now - WINDOW_S < scr.peak_s <= now for scr in self._scrs)
        return self._over_a_minute(lambda minutes: count / minutes)

    def phasic_area(self) -> Feature:
        """Return the area under the phasic conductance of the last 60 s, in µS·s.

        After Bach 2010 (doi 10.1016/j.ijpsycho.2010.01.011), in whose model the time integral of
        conductance is proportional to the number and size of sudomotor bursts. Deviation: the slow part is
        taken off by a zero-phase high-pass at 0.05 Hz (NeuroKit2's ``highpass``) and what is above zero
        counts, brought to 60 s where some of it is invalid.
        """
        valid = self._valid[-WINDOW_S * RATE_HZ :]
        if not valid.any():
            return Feature(age_s=self._age_s())
        conductance = self._conductance[-valid.size :]
        places = np.arange(valid.size)
        bridged = np.interp(places, places[valid], conductance[valid])
        phasic = sosfiltfilt(PHASIC_FILTER, bridged, padlen=20 * RATE_HZ)
        area = float(np.clip(phasic[valid], 0, None).sum()) / RATE_HZ
        return self._over_a_minute(lambda minutes: area / minutes)

    def complaint(self) -> str | None:
        """Return what is wrong with the last seconds, or None."""
        newest = self._conductance[-NEWEST_CHECKED:]
        present = newest[np.isfinite(newest)]
        if present.size < NEWEST_CHECKED // 2:
            return "missing samples"
        if present[-1] < LOWEST_US:
            return f"below {LOWEST_US:g} µS: no contact, or not in µS"
        if present[-1] > HIGHEST_US:
            return f"above {HIGHEST_US:g} µS: saturated, or not in µS"
        if self._is_flat():
            return "flat line"
        if not self._valid[-NEWEST_CHECKED:].any():
            return "jumps: electrode moved"
        return None

    def _over_a_minute(self, compute: Callable[[float], float]) -> Feature:
        valid = self._valid[-WINDOW_S * RATE_HZ :]
        share, age_s = float(valid.mean()), self._age_s()
        if share < LEAST_SHARE or age_s is None or age_s > NEWEST_S or self._is_flat():
            return Feature(age_s=age_s)
        return Feature(value=compute(share * WINDOW_S / 60), quality=share, age_s=age_s, filled=share)

    def _age_s(self) -> float | None:
        valid = np.flatnonzero(self._valid)
        return (self._valid.size - 1 - int(valid[-1])) / RATE_HZ if valid.size else None

    def _is_flat(self) -> bool:
        """Tell whether the converter delivered one and the same number for 10 s."""
        newest = self._conductance[-FLAT_S * RATE_HZ :]
        present = newest[np.isfinite(newest)]
        # The newest bins may be on their way still; means of equal numbers differ by rounding.
        return present.size >= (FLAT_S - 1) * RATE_HZ and bool(np.ptp(present) <= 1e-9 * present[0])

    def _response(self, peak: int, now: float) -> Scr | None:
        """Return the response that peaks at this place, or None."""
        y = self._conductance
        later = y[peak + 1 : peak + 1 + round(CONFIRM_S * RATE_HZ)]
        if not (y[peak] > y[peak - 1] and y[peak] >= later.max()):
            return None
        since_s = round((now - self._newest_peak_s) * RATE_HZ) if np.isfinite(self._newest_peak_s) else y.size
        first = max(0, peak - round(LONGEST_RISE_S * RATE_HZ), y.size - 1 - since_s)
        if peak - first < 2 or not self._valid[first : peak + 1 + later.size].all():
            return None
        rise = y[first : peak + 1]
        trough = int(np.argmin(rise))
        amplitude = float(rise[-1] - rise[trough])
        onset = int(np.flatnonzero(rise <= rise[trough] + 0.1 * amplitude)[-1])
        rise_s = (rise.size - 1 - onset) / RATE_HZ
        if rise_s < SHORTEST_RISE_S or np.max(rise[2:] - rise[:-2]) > STEP_SHARE * amplitude:
            return None
        if amplitude - self._drift(first + trough) * (rise.size - 1 - trough) / RATE_HZ < self._threshold_us:
            return None
        return Scr(
            onset_s=now - (y.size - 1 - first - onset) / RATE_HZ,
            peak_s=now - (y.size - 1 - peak) / RATE_HZ,
            amplitude_us=amplitude,
            known_at_s=now,
        )

    def _drift(self, place: int) -> float:
        """Return how fast the conductance rose before `place`, in µS/s: what a slope would do anyway.

        Infinite where too little came before to tell.
        """
        before = self._conductance[max(0, place - round(BEFORE_S * RATE_HZ)) : place + 1]
        before = before[np.isfinite(before)]
        if before.size < LEAST_BEFORE_S * RATE_HZ:
            return np.inf
        return max(0.0, float(np.polyfit(np.arange(before.size) / RATE_HZ, before, 1)[0]))


def is_valid(conductance: FloatArray) -> BoolArray:
    """Return which values of an 8-Hz conductance in µS are valid (NaN is not; see `SkinConductance`)."""
    present = np.isfinite(conductance)
    bad = present & ((conductance < LOWEST_US) | (conductance > HIGHEST_US))
    steep = np.abs(np.diff(conductance)) * RATE_HZ > STEEPEST_US_PER_S
    bad[1:] |= steep
    # Distance to the last bad value before or at each place.
    places = np.arange(conductance.size)
    last_bad = np.maximum.accumulate(np.where(bad, places, -conductance.size))
    return present & (places - last_bad > DILATION_S * RATE_HZ)


def _smoothed(conductance: FloatArray) -> FloatArray:
    """Return a symmetric mean of three, 1-2-1: −3 dB at 1.5 Hz, well below the 3 Hz that SCRs need."""
    smoothed = np.full_like(conductance, np.nan)
    smoothed[1:-1] = 0.25 * conductance[:-2] + 0.5 * conductance[1:-1] + 0.25 * conductance[2:]
    return smoothed
