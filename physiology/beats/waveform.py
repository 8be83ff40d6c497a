"""How beats are read from an ECG and from a pulse: filters, kernels, intervals and thresholds of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import neurokit2 as nk
import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi
from scipy.stats import skew

from physiology.samples import FloatArray, IntArray

MAINS_HZ = 50.0
"""NeuroKit2's default ``powerline``: its moving average spans one period of it."""

RISE_S = 0.3
"""A systolic peak lies at most so long after the steepest rise. Development recordings."""

SMOOTH_S = 0.03
"""Standard deviation of the Gaussian that a pulse is smoothed by before its peak is sought. Development
recordings."""

NEARLY_HIGHEST = 0.9
"""A systolic peak is the first maximum this high, as a share of the highest: the highest point of a flat top
may be anywhere. Development recordings."""

QRS_REACH_S = 0.08
"""Half of the stretch around an R peak in which its excursions up and down are compared; a normal QRS lasts
less than 0.12 s."""

DOWN_WEIGHT = 0.85
"""An excursion down counts so much when the polarity of an ECG is found, in favour of upright. Development
recordings."""

NOISE_KURTOSIS, ECG_KURTOSIS = 3.0, 5.0
"""Kurtosis of Gaussian noise, and above which an ECG is good (kSQI > 5, Zhao 2018)."""

TINY_ENERGY = 1e-12
"""Keeps logarithms and quotients of a signal that is all zeros finite."""


class CleanedPeaks(NamedTuple):
    """A cleaned signal, shape (n,), and the indices of its peaks."""

    clean: FloatArray
    peaks: IntArray


class Kernels(NamedTuple):
    """First derivative of a Gaussian (rising is positive) and second (a maximum is), of unit energy."""

    slope: FloatArray
    curve: FloatArray


Find = Callable[[FloatArray, float], CleanedPeaks]


def _without_warnings(find: Find) -> Find:
    """Wrap NeuroKit2, which warns about means of nothing and raises where there are no peaks."""

    def wrapped(values: FloatArray, rate_hz: float) -> CleanedPeaks:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return find(values, rate_hz)
            except (IndexError, ValueError):
                return CleanedPeaks(values - np.median(values), np.empty(0, dtype=np.int64))

    return wrapped


@lru_cache(maxsize=16)
def _butterworth(
    order: int, low_hz: float, high_hz: float | None, rate_hz: float
) -> tuple[FloatArray, FloatArray]:
    """Return second-order sections of a high- or band-pass, and their state after a long input of 1."""
    if high_hz is None:
        sos = butter(order, low_hz, btype="highpass", fs=rate_hz, output="sos")
    else:
        sos = butter(order, (low_hz, high_hz), btype="bandpass", fs=rate_hz, output="sos")
    return sos, sosfilt_zi(sos)


def _filtered(
    values: FloatArray, order: int, low_hz: float, high_hz: float | None, rate_hz: float
) -> FloatArray:
    """Return values filtered forward and backward as `scipy.signal.sosfiltfilt` does, designed once."""
    sos, state = _butterworth(order, low_hz, high_hz, float(round(rate_hz)))
    pad = min(values.size - 1, 6 * len(sos) + 3)  # sosfiltfilt's own default
    left, right = 2 * values[0] - values[pad:0:-1], 2 * values[-1] - values[-2 : -pad - 2 : -1]
    padded = np.concatenate([left, values, right])
    forth, _ = sosfilt(sos, padded, zi=state * padded[0])
    back, _ = sosfilt(sos, forth[::-1], zi=state * forth[-1])
    result: FloatArray = back[::-1][pad:-pad]
    return result


@_without_warnings
def _find_in_ecg(values: FloatArray, rate_hz: float) -> CleanedPeaks:
    """NeuroKit2's `ecg_clean` (high-pass 0.5 Hz of order 5, mains average) and `ecg_findpeaks`.

    The filters are written out because `ecg_clean` designs them anew at every call.
    """
    width = int(rate_hz / MAINS_HZ)
    clean = np.convolve(
        _filtered(values, 5, 0.5, None, rate_hz), np.convolve(np.ones(width), np.ones(width)), "same"
    )
    clean /= width**2
    peaks = nk.ecg_findpeaks(clean, sampling_rate=rate_hz)["ECG_R_Peaks"]
    return CleanedPeaks(clean, np.asarray(peaks, dtype=np.int64))


@_without_warnings
def _find_in_ppg(values: FloatArray, rate_hz: float) -> CleanedPeaks:
    """NeuroKit2's `ppg_clean` (band-pass 0.5 to 8 Hz of order 2, written out) and `ppg_findpeaks`."""
    clean = _filtered(values, 2, 0.5, 8.0, rate_hz)
    peaks = nk.ppg_findpeaks(clean, sampling_rate=rate_hz)["PPG_Peaks"]
    return CleanedPeaks(clean, np.asarray(peaks, dtype=np.int64))


def _ecg_uprightness(clean: FloatArray, peaks: IntArray, rate_hz: float) -> float:
    """Return the log ratio of the excursions up and down around the R peaks: above 0 they point up.

    The ratios of the signal and of its part in the band of the QRS are added, so that a broad S wave as
    deep as a narrow R wave is high does not decide.
    """
    _, curve = derivatives(ECG.kernel_s * rate_hz)
    evidence = 0.0
    for values in (clean, np.convolve(clean, curve, "same")):
        around = segments(values, peaks, round(QRS_REACH_S * rate_hz), round(QRS_REACH_S * rate_hz))
        up, down = np.median(around.max(axis=1)), -np.median(around.min(axis=1))
        evidence += float(np.log(max(up, TINY_ENERGY) / max(DOWN_WEIGHT * down, TINY_ENERGY)))
    return evidence


def _ppg_uprightness(clean: FloatArray, _peaks: IntArray, _rate_hz: float) -> float:
    """Return the skewness of the slope: systole is the fast edge of a pulse, so it is positive upright."""
    return float(skew(np.diff(clean)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """How beats are found in one kind of signal.

    Attributes
    ----------
    window_s, margin_s : float
        The stretch that is looked at again, and how far before its end a beat is trusted: NeuroKit2's
        filters are zero-phase and its thresholds local, so the newest tenths of a second still change.
    gap_s : float
        A longer stretch without a sample is a gap.
    before_s, after_s : float
        The part of a beat that is compared with the median beat.
    template_r : float
        Correlation with the median beat below which a beat is doubtful.
    band_s : ndarray
        Offsets from a beat (of a pulse: from its steepest rise) at which its derivatives are compared. They
        end before a plain beat is reported, because nothing later is known then.
    band_r : float
        Correlation of the derivatives below which a beat is doubtful.
    pulse : bool
        Whether beats are recognised by their rise and timed by the peak after it; else by the extremum
        itself.
    kurtosis : bool
        Whether the signal must be peaked as an ECG is.
    kernel_s : float
        Standard deviation of the Gaussian whose derivatives measure a beat's strength.
    locate_s : tuple of float
        The beat's maximum is sought in this interval around the place where it is strongest.
    find : callable
        Values and rate to the cleaned signal and the indices of its peaks.
    uprightness : callable
        Cleaned signal, peaks and rate to the evidence that the signal is upright: positive is upright.

    Notes
    -----
    From publications: `template_r` is 0.66 for ECG and 0.86 for PPG [1]_; `kurtosis` asks for kSQI > 5 of
    an ECG [2]_. Deviations: [1]_ averages the correlations of a window of 10 s and rejects the window,
    here each beat is judged by itself and 0.5 is given at the threshold; [2]_ takes the kurtosis as one
    criterion of a fuzzy rule over the signal, here the quality falls linearly from 5 to 3, which is the
    kurtosis of noise.

    All other values are from the development recordings (see `physiology.beats`). With `kernel_s` the
    derivatives respond most at 11 Hz (first) and 16 Hz (second) for an ECG, which is the band of the QRS, and
    at 4 Hz (first) for the rise of a pulse.

    References
    ----------
    .. [1] Orphanidou et al. (2015). IEEE J Biomed Health Inform 19(3). doi 10.1109/JBHI.2014.2338351
    .. [2] Zhao and Zhang (2018). Front Physiol 9:727. doi 10.3389/fphys.2018.00727
    """

    window_s: float
    margin_s: float
    gap_s: float
    before_s: float
    after_s: float
    template_r: float
    band_s: FloatArray
    band_r: float
    pulse: bool
    kurtosis: bool
    kernel_s: float
    locate_s: tuple[float, float]
    find: Find
    uprightness: Callable[[FloatArray, IntArray, float], float]


ECG = Waveform(
    window_s=10.0,
    margin_s=0.4,
    gap_s=0.1,
    before_s=0.15,
    after_s=0.3,
    template_r=0.66,
    band_s=np.linspace(-0.1, 0.1, 21),
    band_r=0.75,
    pulse=False,
    kurtosis=True,
    kernel_s=0.014,
    locate_s=(-0.06, 0.06),
    find=_find_in_ecg,
    uprightness=_ecg_uprightness,
)
PPG = Waveform(
    window_s=12.0,
    margin_s=0.5,
    gap_s=0.3,
    before_s=0.25,
    after_s=0.4,
    template_r=0.86,
    band_s=np.linspace(-0.25, 0.15, 41),
    band_r=0.8,
    pulse=True,
    kurtosis=False,
    kernel_s=0.04,
    locate_s=(0.0, 0.3),
    find=_find_in_ppg,
    uprightness=_ppg_uprightness,
)


def peakedness(values: FloatArray) -> float:
    """Return 0 where the kurtosis is that of noise (3) or less, 1 from 5 on, as an ECG has (Zhao 2018)."""
    squares = (values - values.mean()) ** 2
    kurtosis = float(squares @ squares) / squares.size / max(TINY_ENERGY**2, float(squares.mean()) ** 2)
    return float(min(1.0, max(0.0, (kurtosis - NOISE_KURTOSIS) / (ECG_KURTOSIS - NOISE_KURTOSIS))))


def systole(values: FloatArray) -> float:
    """Return where the systolic peak lies after the steepest rise (the first value), in samples.

    It is the first maximum at least 90 % as high as the highest: the highest point of a flat top may be
    anywhere.
    """
    high = maxima(values, values[0] + NEARLY_HIGHEST * (float(values.max()) - values[0]))
    top = int(high[0]) if high.size else int(np.argmax(values))
    return top + vertex(values, top)


def maxima(values: FloatArray, floor: float) -> IntArray:
    """Return the places of the local maxima of at least `floor`."""
    middle = values[1:-1]
    return np.flatnonzero((middle >= floor) & (middle > values[:-2]) & (middle >= values[2:])) + 1


def smoothed(values: FloatArray, width: float) -> FloatArray:
    """Return values averaged by a Gaussian of `width` (standard deviation) samples, ends repeated."""
    if width == 0:
        return values
    bell = _bell(width)
    reach = bell.size // 2
    padded = np.concatenate([np.repeat(values[:1], reach), values, np.repeat(values[-1:], reach)])
    result: FloatArray = np.convolve(padded, bell, "valid")
    return result


@lru_cache(maxsize=8)
def _bell(width: float) -> FloatArray:
    reach = max(1, int(np.ceil(3 * width)))
    bell: FloatArray = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    bell /= bell.sum()
    return bell


@lru_cache(maxsize=8)
def derivatives(width: float) -> Kernels:
    """Return the derivatives of a Gaussian of `width` (standard deviation) samples as kernels."""
    reach = max(2, int(np.ceil(3.5 * width)))
    u = np.arange(-reach, reach + 1) / width
    bell = np.exp(-0.5 * u**2)
    slope, curve = -u * bell, (1 - u**2) * bell
    curve -= curve.mean()
    return Kernels(slope / np.linalg.norm(slope), curve / np.linalg.norm(curve))


def segments(values: FloatArray, peaks: IntArray, before: int, after: int) -> FloatArray:
    """Return the values around each peak, shape (peaks, before + after + 1), the ends repeated."""
    indices = peaks[:, None] + np.arange(-before, after + 1)[None, :]
    around: FloatArray = values[np.clip(indices, 0, values.size - 1)]
    return around


def vertex(values: FloatArray, top: int) -> float:
    """Return where a parabola through three values peaks, −0.5 to 0.5 samples from `top`."""
    if not 0 < top < values.size - 1:
        return 0.0
    left, middle, right = values[top - 1 : top + 2]
    curvature = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0
