"""Skin conductance responses: rises of the conductance between a trough and a peak.

Thresholds marked *listed responses* come from no publication: they were chosen on two recordings of NeuroKit2
by the 13 responses that were listed by eye (``benchmarks/skin_figures.py``), for which figures stand in
``docs/physiology.md``. *Convention* means a round value of this project. Boucsein 2012 is *Electrodermal
Activity*, 2nd edition, Springer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physiology.samples import FloatArray

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


def is_peak(conductance: FloatArray, place: int, confirm: int) -> bool:
    """Return whether the conductance rose to this place and none of the next `confirm` values is higher."""
    later = conductance[place + 1 : place + 1 + confirm]
    return bool(conductance[place] > conductance[place - 1] and conductance[place] >= later.max())


def response_to(
    conductance: FloatArray,
    peak: int,
    *,
    since: int,
    rate_hz: int,
    confirm: int,
    threshold_us: float,
    noise_us: float,
) -> Rise | None:
    """Return the response that ends at a peak, or None.

    Parameters
    ----------
    conductance : ndarray, shape (n,)
        Smoothed, in µS, without a gap.
    peak, since : int
        Indices of the peak (see `is_peak`) and of the peak of the response before.
    rate_hz, confirm : int
        Values per second; how many are there after the peak.
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
    first = max(since, peak - round(LOOK_BACK_S * rate_hz))
    trough = _trough(conductance, first, peak, noise_us)
    amplitude = float(conductance[peak] - conductance[trough])
    if amplitude < max(threshold_us, NOISE_FACTOR * noise_us) or peak - trough < LEAST_RISE:
        return None
    drift = _slope(conductance[first : peak + 1], DRIFT_PERCENTILE, rate_hz)
    if peak >= DRIFT_S * rate_hz:
        longer = conductance[peak - round(DRIFT_S * rate_hz) : peak + 1]
        drift = max(drift, _slope(longer, LONG_DRIFT_PERCENTILE, rate_hz))
    onset = _onset(conductance, trough, peak, drift)
    rise_s = (peak - onset) / rate_hz
    if not SHORTEST_RISE_S <= rise_s <= LONGEST_RISE_S or onset < LEAST_BEFORE_S * rate_hz:
        return None
    if amplitude - drift * (peak - trough) < threshold_us:
        return None
    if _is_artefact(conductance, onset, peak, rate_hz, confirm):
        return None
    return Rise(onset, peak, amplitude)


def _trough(conductance: FloatArray, first: int, peak: int, noise_us: float) -> int:
    """Return where the rise to `peak` begins: going back, before the conductance was clearly higher again."""
    back = conductance[first : peak + 1][::-1]
    lowest = np.minimum.accumulate(back)
    climbed = back - lowest > np.maximum(HYSTERESIS * (back[0] - lowest), TROUGH_NOISE * noise_us)
    end = int(np.argmax(climbed)) if climbed.any() else back.size
    return peak - int(np.argmin(back[:end]))


def _slope(conductance: FloatArray, percentile: float, rate_hz: int) -> float:
    """Return a percentile of the slopes over a second, at least 0, in µS per place."""
    if conductance.size <= 2 * rate_hz:
        return 0.0
    slopes = (conductance[rate_hz:] - conductance[:-rate_hz]) / rate_hz
    return max(0.0, float(np.percentile(slopes, percentile)))


def _onset(conductance: FloatArray, trough: int, peak: int, drift: float) -> int:
    """Return where the slope leaves that of the drift for its steepest."""
    slopes = np.diff(conductance[trough : peak + 1])
    steepest = int(np.argmax(slopes))
    gentle = np.flatnonzero(slopes[:steepest] <= drift + ONSET_SLOPE * (slopes[steepest] - drift))
    return trough + (int(gentle[-1]) + 1 if gentle.size else 0)


def _is_artefact(conductance: FloatArray, onset: int, peak: int, rate_hz: int, confirm: int) -> bool:
    """Return whether an electrode moved: the rise is a step, a spike, or follows an abrupt fall."""
    rise = conductance[onset : peak + 1]
    size, step = float(rise[-1] - rise[0]), round(STEP_S * rate_hz)
    earlier = conductance[max(0, onset - confirm)] - conductance[onset]
    after = float(conductance[peak] - conductance[peak + confirm])
    if np.max(rise[step:] - rise[:-step]) > STEP_SHARE * size and after < RECOVERS * size:
        return True
    second = min(rate_hz, rise.size - 1)
    if np.any(rise[second:] > DOUBLED * rise[:-second]):
        return True
    if after > SPIKE_SHARE * size + SPIKE_RECOVERY * max(0.0, float(earlier)):
        return True
    return _fell_abruptly(conductance[: onset + 1], size, rate_hz)


def _fell_abruptly(before: FloatArray, size: float, rate_hz: int) -> bool:
    """Return whether the conductance had just fallen, by about `size`, faster than responses recover.

    Half of a response takes 2 s or longer to go: in 1.5 s less than half of what was gained lately, and
    tails of older ones.
    """
    lag, late = round(FALL_LAG_S * rate_hz), round(FALL_S * rate_hz)
    lately = before[-round(FALL_LOOK_BACK_S * rate_hz) :]
    if lately.size < 2 * late:
        return False
    newest, earlier = lately[-late:], lately[-2 * late : -late]
    fall = float(np.max(newest[:-lag] - newest[lag:]))
    usual = max(0.0, float(earlier[0] - earlier[-1])) * lag / (late - 1)
    gained = float(np.max(lately - np.minimum.accumulate(lately)))
    return fall - usual > FALL_SIZE * size and fall - usual > FALL_SHARE * gained
