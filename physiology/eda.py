"""Skin conductance: level, responses and the area under the phasic part."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from physiology.contact import HIGHEST_US, LOWEST_US, SETTLING_QUALITY, Contact, is_valid
from physiology.fault_reasons import FaultKind, FaultReason
from physiology.feature import Feature
from physiology.samples import BinnedSignal, FloatArray
from physiology.scr import is_peak, response_to
from physiology.state import Scr

RATE_HZ = BinnedSignal.RATE_HZ
KEEP_S = 70
WINDOW_S = 60
LEVEL_WINDOW_S, LEVEL_LEAST_S = 20, 10
NEWEST_S = 5.0
LEAST_SHARE = 0.8
BRIDGED_S = 1.0
CONFIRM = round(0.5 * RATE_HZ)
NOISE_WINDOW_S = 20
FLAT_S = 10
NEWEST_CHECKED = 3 * RATE_HZ
PHASIC_FILTER = butter(2, 0.05, "highpass", fs=RATE_HZ, output="sos")

BoolArray = npt.NDArray[np.bool_]


class SkinConductance:
    """Skin conductance in µS on a grid of 8 Hz, the last 70 s of it.

    Parameters
    ----------
    scr_threshold_us : float
        Least trough-to-peak amplitude of a response, in µS and absolute. (NeuroKit2's ``amplitude_min`` is
        relative to the largest response of the window, so that a calm window yields false ones.)
    unit_known : bool
        Whether the samples are said to be in µS. If not, they are taken for µS unless they are whole numbers,
        as the counts of a converter are: those are withheld.
    """

    def __init__(self, *, scr_threshold_us: float, unit_known: bool = True) -> None:
        self._signal = BinnedSignal("eda", KEEP_S)
        self._threshold_us = scr_threshold_us
        self._examined = -np.inf
        self._newest_peak_s = -np.inf
        self._scrs: deque[Scr] = deque(maxlen=256)
        self._conductance: FloatArray = np.full(KEEP_S * RATE_HZ, np.nan)
        self._valid: BoolArray = np.zeros(KEEP_S * RATE_HZ, dtype=bool)
        self._contact = Contact()
        self._unit_known = unit_known
        self.responded = False
        """Whether there was any response since the start, movement and poor contact left aside."""

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples in µS (see `SampleBuffer.push`)."""
        self._signal.push(times, values)

    def hop(self, now: float) -> list[Scr]:
        """Return the responses that became known at `now`, a multiple of 1/8 s.

        A sample that comes after its time was looked at has that time looked at again.
        """
        changed = self._signal.advance(now)
        filled = self._signal.filled(BRIDGED_S)
        self._conductance = _smoothed(filled)
        self._valid = is_valid(filled, RATE_HZ) & np.isfinite(self._conductance) & (not self._is_counts())
        newest, size = round(now * RATE_HZ), filled.size
        present = np.isfinite(self._conductance)
        last = size - 1 - int(np.argmax(present[::-1])) - CONFIRM if present.any() else -1
        first = max(RATE_HZ, int(max(0, min(self._examined - newest + size, size - changed - CONFIRM))))
        found = []
        for place in range(first, last + 1):
            scr = self._response(place, now, filled)
            if scr is not None:
                found.append(scr)
                self._newest_peak_s = scr.peak_s
        self._examined = max(self._examined, newest - size + last + 1)
        self._scrs.extend(found)
        self.responded |= bool(found) and self._contact.quality >= SETTLING_QUALITY
        if newest % RATE_HZ == 0:
            self._contact.look(now, self._conductance, self._valid, RATE_HZ)
        return found

    def level(self) -> Feature:
        """Return the tonic level: the median of the valid conductance of the last 20 s, in µS."""
        valid = self._valid[-LEVEL_WINDOW_S * RATE_HZ :]
        age_s = self._age_s()
        share = float(valid.mean())
        if share * LEVEL_WINDOW_S < LEVEL_LEAST_S or age_s is None or age_s > NEWEST_S or self._is_flat():
            return Feature(age_s=age_s, filled=share, window_s=LEVEL_WINDOW_S)
        value = float(np.median(self._conductance[-valid.size :][valid]))
        quality = share * self._contact.quality
        return Feature(value=value, quality=quality, age_s=age_s, filled=share, window_s=LEVEL_WINDOW_S)

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

        def area(minutes: float) -> float:
            conductance, places = self._conductance[-valid.size :], np.arange(valid.size)
            bridged = conductance if valid.all() else np.interp(places, places[valid], conductance[valid])
            phasic = sosfiltfilt(PHASIC_FILTER, bridged, padlen=20 * RATE_HZ)
            return float(np.maximum(phasic[valid], 0).sum()) / RATE_HZ / minutes

        return self._over_a_minute(area)

    def fault(self) -> FaultReason | None:
        """Return what is wrong with the last seconds, or None."""
        newest = self._conductance[-NEWEST_CHECKED:]
        present = newest[np.isfinite(newest)]
        if present.size < NEWEST_CHECKED // 2:
            return FaultReason(FaultKind.MISSING_SAMPLES)
        faults = (
            (self._is_counts(), FaultReason(FaultKind.NOT_MICROSIEMENS)),
            (present[-1] < LOWEST_US, FaultReason(FaultKind.NO_SKIN_CONTACT, LOWEST_US)),
            (present[-1] > HIGHEST_US, FaultReason(FaultKind.CONDUCTANCE_TOO_HIGH, HIGHEST_US)),
            (self._is_flat(), FaultReason(FaultKind.FLAT_LINE)),
            (not self._valid[-NEWEST_CHECKED:].any(), FaultReason(FaultKind.CONDUCTANCE_JUMP)),
        )
        return next((fault for holds, fault in faults if holds), self._contact.fault)

    def _over_a_minute(self, compute: Callable[[float], float]) -> Feature:
        valid = self._valid[-WINDOW_S * RATE_HZ :]
        share, age_s = float(valid.mean()), self._age_s()
        if share < LEAST_SHARE or age_s is None or age_s > NEWEST_S or self._is_flat():
            return Feature(age_s=age_s, filled=share, window_s=WINDOW_S)
        value, quality = compute(share * WINDOW_S / 60), share * self._contact.quality
        return Feature(value=value, quality=quality, age_s=age_s, filled=share, window_s=WINDOW_S)

    def _is_counts(self) -> bool:
        return self._signal.whole_numbers and not self._unit_known

    def _age_s(self) -> float | None:
        return int(np.argmax(self._valid[::-1])) / RATE_HZ if self._valid.any() else None

    def _is_flat(self) -> bool:
        """Tell whether the converter delivered one and the same number for 10 s."""
        newest = self._conductance[-FLAT_S * RATE_HZ :]
        present = newest[np.isfinite(newest)]
        # The newest bins may be on their way still; means of equal numbers differ by rounding.
        return present.size >= (FLAT_S - 1) * RATE_HZ and bool(np.ptp(present) <= 1e-9 * present[0])

    def _response(self, place: int, now: float, filled: FloatArray) -> Scr | None:
        """Return the response that peaks at this place, or None."""
        if not is_peak(self._conductance, place, CONFIRM):
            return None
        size = self._conductance.size
        bad = np.flatnonzero(~self._valid[: place + 1 + CONFIRM])
        start = int(bad[-1]) + 1 if bad.size else 0
        since = size - 1 - round((now - self._newest_peak_s) * RATE_HZ) if self._scrs else 0
        if start >= place or since >= place:
            return None
        rise = response_to(
            self._conductance[start:],
            place - start,
            since=max(0, since - start),
            rate_hz=RATE_HZ,
            confirm=CONFIRM,
            threshold_us=self._threshold_us,
            noise_us=_noise_us(filled[-NOISE_WINDOW_S * RATE_HZ :]),
        )
        if rise is None:
            return None
        onset_s, peak_s = (now - (size - 1 - start - at) / RATE_HZ for at in (rise.onset, rise.peak))
        lead_s = self._signal.lead_s
        return Scr(
            onset_s=onset_s - lead_s, peak_s=peak_s - lead_s, amplitude_us=rise.amplitude_us, known_at_s=now
        )


def _smoothed(conductance: FloatArray) -> FloatArray:
    """Return a symmetric mean of three, 1-2-1: −3 dB at 1.5 Hz, well below the 3 Hz that SCRs need."""
    smoothed = np.full_like(conductance, np.nan)
    smoothed[1:-1] = 0.25 * conductance[:-2] + 0.5 * conductance[1:-1] + 0.25 * conductance[2:]
    return smoothed


def _noise_us(conductance: FloatArray) -> float:
    """Return the standard deviation of what noise is left after smoothing.

    What the smoothing takes away of white noise is as large as what it leaves.
    """
    residue = np.abs(0.5 * conductance[1:-1] - 0.25 * (conductance[:-2] + conductance[2:]))
    residue = residue[np.isfinite(residue)]
    # Every other bin of a signal of 4 Hz is interpolated and has no residue: hence the upper quartile.
    return float(np.percentile(residue, 75)) / 1.15 if residue.size else 0.0
