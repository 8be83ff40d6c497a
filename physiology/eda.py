"""Skin conductance: contact of the electrodes, level, responses, and the area under the phasic part.

A response is a rise of the conductance between a trough and a peak.

Thresholds marked *listed responses* come from no publication: they were chosen on two recordings of NeuroKit2
by the 13 responses that were listed by eye (``benchmarks/skin_figures.py``), for which figures stand in
``docs/physiology.md``. *Convention* means a round value of this project. Boucsein 2012 is *Electrodermal
Activity*, 2nd edition, Springer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfiltfilt

from physiology.fault_reasons import FaultKind, FaultReason
from physiology.samples import BinnedSignal, BoolArray, FloatArray
from physiology.state import Reading, Scr

RATE_HZ = BinnedSignal.RATE_HZ

CONFIRM = round(0.5 * RATE_HZ)
"""A peak is confirmed when the next values, half a second, are not higher. Convention: responses are known
within 1.5 s of their peak."""

SHORTEST_RISE_S, LONGEST_RISE_S = 0.25, 8.0
"""A rise takes so long. Single responses take 0.5 to 5 s (Boucsein 2012); overlapping ones that merge take
longer, and simulated ones (time constants 0.7 and 2 s) are faster. The margins are conventions."""

LOOK_BACK_S = 10.0
"""The trough of a rise is sought so far back: the longest rise and 2 s of what was before. Convention."""

DRIFT_S = 20.0
"""Stretch whose median slope is taken for the drift. Listed responses."""

DRIFT_PERCENTILE, LONG_DRIFT_PERCENTILE = 25, 50
"""Percentile of the slopes since the trough's earliest place, and over 20 s, that is the drift. Listed
responses."""

ONSET_SLOPE = 0.05
"""A response begins where the slope exceeds that of the drift by this share of its steepest. Listed
responses: their onsets are met within 0.11 s (90 %)."""

HYSTERESIS = 0.1
"""The conductance was clearly higher before a trough when it was so by this share of the rise. Listed
responses."""

TROUGH_NOISE = 2.0
"""And by so many standard deviations of the noise. Listed responses."""

STEP_S, STEP_SHARE = 0.25, 0.55
"""A rise of which this share comes within so long is a step. Listed responses."""

RECOVERS = 0.1
"""A step that does not come down by this share until the peak is confirmed is an electrode that moved.
Convention."""

FALL_LAG_S, FALL_S, FALL_LOOK_BACK_S = 1.5, 3.0, 12.0
"""A fall is measured over the first, sought in the newest of the second, and compared with what was gained
over the third. Half of a response takes 2 s or longer to recover, so that 1.5 s hold less than half."""

FALL_SIZE, FALL_SHARE = 0.5, 0.8
"""A fall was abrupt where it exceeds these shares of the rise after it and of what was gained before it.
Convention."""

SPIKE_SHARE, SPIKE_RECOVERY = 0.7, 1.5
"""A rise that is gone by this share until its peak is confirmed (half a second) is a spike; a recovery that
was going on before its onset counts 1.5 times on top. Convention."""

DOUBLED = 2.0
"""A conductance that grows by this factor within a second is an electrode that is put on. Convention."""

NOISE_FACTOR = 8.0
"""A rise of less than so many standard deviations of the noise is not believed. Convention."""

LEAST_BEFORE_S = 1.0
"""So much conductance must be known before an onset. Convention."""

LEAST_RISE = 2
"""A rise over fewer values has no slope to tell its onset by."""


class Rise(NamedTuple):
    """A response: onset and peak as indices of the array it was found in, its size from trough to peak."""

    onset: int
    peak: int
    amplitude_us: float


def is_peak(conductance: FloatArray, place: int) -> bool:
    """Return whether the conductance rose to this place and was not higher in the half second after it."""
    later = conductance[place + 1 : place + 1 + CONFIRM]
    return bool(conductance[place] > conductance[place - 1] and conductance[place] >= later.max())


def response_to(
    conductance: FloatArray,
    peak: int,
    *,
    since: int,
    threshold_us: float,
    noise_us: float,
) -> Rise | None:
    """Return the response that ends at a peak, or None.

    Parameters
    ----------
    conductance : ndarray, shape (n,)
        Smoothed, in µS, 8 a second, without a gap; half a second of it after the peak.
    peak, since : int
        Indices of the peak (see `is_peak`) and of the peak of the response before.
    threshold_us : float
        Least amplitude, absolute.
    noise_us : float
        Standard deviation of the noise: less than eight times that is not believed.

    Returns
    -------
    Rise or None
        None where the rise is too small after what the drift would have done anyway; lasts less than 0.25 s
        or more than 8 s; comes in one step or spike, or doubles the conductance within a second; or only
        undoes an abrupt fall.

    Notes
    -----
    Amplitudes are from trough to peak and the threshold is absolute (0.01 µS in the laboratory, Boucsein
    2012; 0.05 µS by default here). Nothing is filtered that would rebound, the drift before the
    response is subtracted, and rises that an electrode makes and skin does not are left out.
    """
    first = max(since, peak - round(LOOK_BACK_S * RATE_HZ))
    trough = _trough(conductance, first, peak, noise_us)
    amplitude = float(conductance[peak] - conductance[trough])
    if amplitude < max(threshold_us, NOISE_FACTOR * noise_us) or peak - trough < LEAST_RISE:
        return None
    drift = _slope(conductance[first : peak + 1], DRIFT_PERCENTILE)
    if peak >= DRIFT_S * RATE_HZ:
        longer = conductance[peak - round(DRIFT_S * RATE_HZ) : peak + 1]
        drift = max(drift, _slope(longer, LONG_DRIFT_PERCENTILE))
    onset = _onset(conductance, trough, peak, drift)
    rise_s = (peak - onset) / RATE_HZ
    if not SHORTEST_RISE_S <= rise_s <= LONGEST_RISE_S or onset < LEAST_BEFORE_S * RATE_HZ:
        return None
    if amplitude - drift * (peak - trough) < threshold_us:
        return None
    if _is_artefact(conductance, onset, peak):
        return None
    return Rise(onset, peak, amplitude)


def _trough(conductance: FloatArray, first: int, peak: int, noise_us: float) -> int:
    """Return where the rise to `peak` begins: going back, before the conductance was clearly higher again."""
    back = conductance[first : peak + 1][::-1]
    lowest = np.minimum.accumulate(back)
    climbed = back - lowest > np.maximum(HYSTERESIS * (back[0] - lowest), TROUGH_NOISE * noise_us)
    end = int(np.argmax(climbed)) if climbed.any() else back.size
    return peak - int(np.argmin(back[:end]))


def _slope(conductance: FloatArray, percentile: float) -> float:
    """Return a percentile of the slopes over a second, at least 0, in µS per place."""
    if conductance.size <= 2 * RATE_HZ:
        return 0.0
    slopes = (conductance[RATE_HZ:] - conductance[:-RATE_HZ]) / RATE_HZ
    return max(0.0, float(np.percentile(slopes, percentile)))


def _onset(conductance: FloatArray, trough: int, peak: int, drift: float) -> int:
    """Return where the slope leaves that of the drift for its steepest."""
    slopes = np.diff(conductance[trough : peak + 1])
    steepest = int(np.argmax(slopes))
    gentle = np.flatnonzero(slopes[:steepest] <= drift + ONSET_SLOPE * (slopes[steepest] - drift))
    return trough + (int(gentle[-1]) + 1 if gentle.size else 0)


def _is_artefact(conductance: FloatArray, onset: int, peak: int) -> bool:
    """Return whether an electrode moved: the rise is a step, a spike, or follows an abrupt fall."""
    rise = conductance[onset : peak + 1]
    size, step = float(rise[-1] - rise[0]), round(STEP_S * RATE_HZ)
    earlier = conductance[max(0, onset - CONFIRM)] - conductance[onset]
    after = float(conductance[peak] - conductance[peak + CONFIRM])
    second = min(RATE_HZ, rise.size - 1)
    return bool(
        (np.max(rise[step:] - rise[:-step]) > STEP_SHARE * size and after < RECOVERS * size)
        or np.any(rise[second:] > DOUBLED * rise[:-second])
        or after > SPIKE_SHARE * size + SPIKE_RECOVERY * max(0.0, float(earlier))
        or _fell_abruptly(conductance[: onset + 1], size)
    )


def _fell_abruptly(before: FloatArray, size: float) -> bool:
    """Return whether the conductance had just fallen, by about `size`, faster than responses recover.

    Half of a response takes 2 s or longer to go: in 1.5 s less than half of what was gained lately, and
    tails of older ones.
    """
    lag, late = round(FALL_LAG_S * RATE_HZ), round(FALL_S * RATE_HZ)
    lately = before[-round(FALL_LOOK_BACK_S * RATE_HZ) :]
    if lately.size < 2 * late:
        return False
    newest, earlier = lately[-late:], lately[-2 * late : -late]
    fall = float(np.max(newest[:-lag] - newest[lag:]))
    usual = max(0.0, float(earlier[0] - earlier[-1])) * lag / (late - 1)
    gained = float(np.max(lately - np.minimum.accumulate(lately)))
    return fall - usual > FALL_SIZE * size and fall - usual > FALL_SHARE * gained


LOWEST_US, HIGHEST_US = 0.05, 60.0
"""Range of a valid conductance (Kleckner 2018)."""

STEEPEST_US_PER_S = 10.0
"""Steepest valid slope (Kleckner 2018)."""

DILATION_S = 5.0
"""What surrounds an invalid value is invalid for so long (Kleckner 2018); here only after it."""

POOR_CONTACT_US = 0.2
"""A median below this is a poor contact or a very dry skin; a palm at rest conducts 2 to 20 µS.
Convention."""

JUMP_S, JUMP_UP, JUMP_DOWN = 0.25, 0.15, 0.08
"""Skin does not change its conductance by these shares, up or down, within so long: the electrode moved.
Convention."""

MOVEMENT_S = 10
"""A jump lowers the quality for so long. Convention."""

SETTLING_S = 900.0
"""Electrodes settle for 10 to 15 min after they were put on; for so long a drift is called that."""

SETTLING_PER_MIN = 0.1
"""Share of the level by which it must drift a minute. Convention."""

SETTLING_DRIFT_S = 60
"""Stretch over which that drift and the level are taken. Convention."""

DRIFT_VALID = 0.8
"""Share of it that must be valid. Convention."""

THIRDS_TO_MINUTE = 1.5
"""The medians of the first and the last third of a minute are 40 s apart: their difference times this is the
drift a minute."""

OFF_S = 10.0
"""After so long without a valid value the electrodes count as put on anew. Convention."""

MOVEMENT_QUALITY, POOR_QUALITY, SETTLING_QUALITY = 0.5, 0.5, 0.8
"""Factors of the quality after a jump, with a poor contact, and while the electrodes settle. Conventions."""

KEEP_S = 70
"""Conductance is kept so long: a window of 60 s and 10 s for what arrives late. Convention."""

WINDOW_S = 60
"""Window of response rate and phasic area: one minute holds 1 to 3 responses at rest. Convention."""

LEVEL_WINDOW_S, LEVEL_LEAST_S = 20, 10
"""Window of the level, and how much of it must be valid. Convention; 10 to 30 s are usual."""

NEWEST_S = 5.0
"""Features are withheld when the newest valid value is older. Convention."""

LEAST_SHARE = 0.8
"""Share of the minute that must be valid. Convention."""

BRIDGED_S = 1.0
"""Gaps up to this are bridged linearly: shorter than the rise of most responses. Convention."""

NOISE_WINDOW_S = 20
"""Stretch over which the noise is estimated. Convention."""

NOISE_PERCENTILE, NOISE_QUANTILE = 75, 1.15
"""The upper quartile of the absolute residues, over that of a standard normal (1.15), is their standard
deviation. The quartile and not the median, because every other bin of a signal of 4 Hz is interpolated and
has no residue."""

FLAT_S = 10
"""One and the same number for so long is a flat line. Convention."""

EQUAL = 1e-9
"""Relative difference within which means of equal numbers differ by rounding."""

NEWEST_CHECKED = 3 * RATE_HZ
"""Values, 3 s, that are looked at for faults. Convention, as `physiology.fault_reasons.CAUSE_WINDOW_S`."""

PHASIC_FILTER = butter(2, 0.05, "highpass", fs=RATE_HZ, output="sos")
"""High-pass at 0.05 Hz, NeuroKit2's default for the phasic part (``highpass``)."""

PADDING_S = 20
"""The filter is run out over so long at both ends: one period of its corner. Convention."""


def is_valid(conductance: FloatArray) -> BoolArray:
    """Return which values of a conductance in µS, 8 a second, are valid; NaN is not.

    Notes
    -----
    The rules of [1]_: 0.05 to 60 µS, a slope of at most 10 µS/s, and 5 s around a value that breaks them.
    Deviation: only the 5 s after it are invalid; those before it have been reported already.

    References
    ----------
    .. [1] Kleckner et al. (2018). IEEE Trans Biomed Eng 65(7). doi 10.1109/TBME.2017.2758643
    """
    present = np.isfinite(conductance)
    bad = present & ((conductance < LOWEST_US) | (conductance > HIGHEST_US))
    steep = np.abs(np.diff(conductance)) * RATE_HZ > STEEPEST_US_PER_S
    bad[1:] |= steep
    if not bad.any():
        return present
    # Distance to the last bad value before or at each place.
    places = np.arange(conductance.size)
    last_bad = np.maximum.accumulate(np.where(bad, places, -conductance.size))
    return present & (places - last_bad > DILATION_S * RATE_HZ)


class ElectrodeContact:
    """How well the electrodes sit, from the conductance of the last minute.

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

    def update(self, now: float, conductance: FloatArray, valid: BoolArray) -> None:
        """Judge the contact anew; the last value of `conductance` is that of `now`."""
        if not valid[-MOVEMENT_S * RATE_HZ :].any():
            self.quality, self.fault = 1.0, None
            return
        if now - self._last_valid_s > OFF_S:
            self._on_since_s = now
        self._last_valid_s = now
        self.quality, self.fault = self._judged(now, conductance, valid)

    def _judged(
        self, now: float, conductance: FloatArray, valid: BoolArray
    ) -> tuple[float, FaultReason | None]:
        newest = conductance[-MOVEMENT_S * RATE_HZ :]
        step = round(JUMP_S * RATE_HZ)
        before, change = newest[:-step], newest[step:] - newest[:-step]
        if np.any((change > JUMP_UP * before) | (change < -JUMP_DOWN * before)):
            return MOVEMENT_QUALITY, FaultReason(FaultKind.CONDUCTANCE_JUMP)
        minute = conductance[-SETTLING_DRIFT_S * RATE_HZ :][valid[-SETTLING_DRIFT_S * RATE_HZ :]]
        level = float(np.median(minute))
        if level < POOR_CONTACT_US:
            return POOR_QUALITY, FaultReason(FaultKind.POOR_SKIN_CONTACT, POOR_CONTACT_US)
        if now - self._on_since_s < SETTLING_S and minute.size > SETTLING_DRIFT_S * RATE_HZ * DRIFT_VALID:
            third = minute.size // 3
            drift = float(np.median(minute[-third:]) - np.median(minute[:third])) * THIRDS_TO_MINUTE / level
            if abs(drift) > SETTLING_PER_MIN:
                return SETTLING_QUALITY, FaultReason(FaultKind.ELECTRODES_SETTLING)
        return 1.0, None


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
        self._contact = ElectrodeContact()
        self._unit_known = unit_known
        self.responded = False
        """Whether there was any response since the start, movement and poor contact left aside."""

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples in µS (see `SampleBuffer.push`)."""
        self._signal.push(times, values)

    def update(self, now: float) -> list[Scr]:
        """Return the responses that became known at `now`, a multiple of 1/8 s.

        A sample that comes after its time was looked at has that time looked at again.
        """
        changed = self._signal.advance(now)
        filled = self._signal.filled(BRIDGED_S)
        self._conductance = _smoothed(filled)
        self._valid = is_valid(filled) & np.isfinite(self._conductance) & (not self._is_counts())
        newest, size = round(now * RATE_HZ), filled.size
        present = np.isfinite(self._conductance)
        last = size - 1 - int(np.argmax(present[::-1])) - CONFIRM if present.any() else -1
        first = max(RATE_HZ, int(max(0, min(self._examined - newest + size, size - changed - CONFIRM))))
        found = []
        for place in range(first, last + 1):
            if scr := self._response(place, now, filled):
                found.append(scr)
                self._newest_peak_s = scr.peak_s
        self._examined = max(self._examined, newest - size + last + 1)
        self._scrs.extend(found)
        self.responded |= bool(found) and self._contact.quality >= SETTLING_QUALITY
        if newest % RATE_HZ == 0:
            self._contact.update(now, self._conductance, self._valid)
        return found

    def level(self) -> Reading:
        """Return the tonic level: the median of the valid conductance of the last 20 s, in µS."""
        return self._over(
            LEVEL_WINDOW_S,
            LEVEL_LEAST_S / LEVEL_WINDOW_S,
            lambda conductance, valid: float(np.median(conductance[valid])),
        )

    def response_rate(self, now: float) -> Reading:
        """Return responses per valid minute over the last 60 s."""
        count = sum(now - WINDOW_S < scr.peak_s <= now for scr in self._scrs)
        return self._over(WINDOW_S, LEAST_SHARE, lambda _, valid: count / _minutes(valid))

    def phasic_area(self) -> Reading:
        """Return the area under the phasic conductance of the last 60 s, in µS·s.

        After Bach 2010 (doi 10.1016/j.ijpsycho.2010.01.011), in whose model the time integral of
        conductance is proportional to the number and size of sudomotor bursts. Deviation: the slow part is
        taken off by a zero-phase high-pass at 0.05 Hz (NeuroKit2's ``highpass``) and what is above zero
        counts, brought to 60 s where some of it is invalid.
        """
        return self._over(WINDOW_S, LEAST_SHARE, _phasic_area)

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

    def _over(
        self, window_s: int, least_share: float, compute: Callable[[FloatArray, BoolArray], float]
    ) -> Reading:
        """Return what `compute` makes of the conductance of a window and of which of it is valid."""
        conductance, valid = self._conductance[-window_s * RATE_HZ :], self._valid[-window_s * RATE_HZ :]
        share = float(valid.mean())
        age_s = int(np.argmax(self._valid[::-1])) / RATE_HZ if self._valid.any() else None
        reading = Reading(age_s=age_s, usable_share=share, window_s=window_s)
        if share < least_share or age_s is None or age_s > NEWEST_S or self._is_flat():
            return reading
        return replace(reading, value=compute(conductance, valid), quality=share * self._contact.quality)

    def _is_counts(self) -> bool:
        return self._signal.whole_numbers and not self._unit_known

    def _is_flat(self) -> bool:
        """Return whether the converter delivered one and the same number for 10 s."""
        newest = self._conductance[-FLAT_S * RATE_HZ :]
        present = newest[np.isfinite(newest)]
        # The newest bins may not have arrived yet.
        return present.size >= (FLAT_S - 1) * RATE_HZ and bool(np.ptp(present) <= EQUAL * present[0])

    def _response(self, place: int, now: float, filled: FloatArray) -> Scr | None:
        """Return the response that peaks at this place, or None."""
        if not is_peak(self._conductance, place):
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


def _minutes(valid: BoolArray) -> float:
    """Return how much of the last 60 s is valid, in minutes."""
    return float(valid.mean()) * WINDOW_S / 60


def _phasic_area(conductance: FloatArray, valid: BoolArray) -> float:
    places = np.arange(valid.size)
    bridged = conductance if valid.all() else np.interp(places, places[valid], conductance[valid])
    phasic = sosfiltfilt(PHASIC_FILTER, bridged, padlen=PADDING_S * RATE_HZ)
    return float(np.maximum(phasic[valid], 0).sum()) / RATE_HZ / _minutes(valid)


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
    return float(np.percentile(residue, NOISE_PERCENTILE)) / NOISE_QUANTILE if residue.size else 0.0
