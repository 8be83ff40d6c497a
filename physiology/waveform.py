"""Beats in one window of ECG or PPG: where they are and how much they look like beats."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import neurokit2 as nk
import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt, sosfilt_zi
from scipy.stats import skew

from physiology.samples import FloatArray, Run

MAINS_HZ = 50.0
REFINE_S = 0.05
RISE_S, SMOOTH_S = 0.3, 0.03

IntArray = npt.NDArray[np.int64]


def _quietly(
    find: Callable[[FloatArray, float], tuple[FloatArray, IntArray]],
) -> Callable[[FloatArray, float], tuple[FloatArray, IntArray]]:
    """Wrap NeuroKit2: it warns of means of nothing and indexes into nothing where there are no peaks."""

    def wrapped(values: FloatArray, rate_hz: float) -> tuple[FloatArray, IntArray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return find(values, rate_hz)
            except (IndexError, ValueError):
                return values - np.median(values), np.empty(0, dtype=np.int64)

    return wrapped


@lru_cache(maxsize=16)
def _butterworth(
    order: int, low_hz: float, high_hz: float | None, rate_hz: float
) -> tuple[FloatArray, FloatArray]:
    """Return second-order sections of a high- or band-pass, and their state after a long 1."""
    if high_hz is None:
        sos = butter(order, low_hz, btype="highpass", fs=rate_hz, output="sos")
    else:
        sos = butter(order, (low_hz, high_hz), btype="bandpass", fs=rate_hz, output="sos")
    return sos, sosfilt_zi(sos)


def _filtered(
    values: FloatArray, order: int, low_hz: float, high_hz: float | None, rate_hz: float
) -> FloatArray:
    """Return values filtered to and fro as `scipy.signal.sosfiltfilt` does, the design done once."""
    sos, state = _butterworth(order, low_hz, high_hz, float(round(rate_hz)))
    pad = min(values.size - 1, 6 * len(sos) + 3)
    left, right = 2 * values[0] - values[pad:0:-1], 2 * values[-1] - values[-2 : -pad - 2 : -1]
    padded = np.concatenate([left, values, right])
    forth, _ = sosfilt(sos, padded, zi=state * padded[0])
    back, _ = sosfilt(sos, forth[::-1], zi=state * forth[-1])
    result: FloatArray = back[::-1][pad:-pad]
    return result


@_quietly
def _find_in_ecg(values: FloatArray, rate_hz: float) -> tuple[FloatArray, IntArray]:
    """NeuroKit2's `ecg_clean` (its filters written out, for it designs them anew each time) and peaks."""
    width = int(rate_hz / MAINS_HZ)
    clean = np.convolve(
        _filtered(values, 5, 0.5, None, rate_hz), np.convolve(np.ones(width), np.ones(width)), "same"
    )
    clean /= width**2
    peaks = nk.ecg_findpeaks(clean, sampling_rate=rate_hz)["ECG_R_Peaks"]
    return clean, np.asarray(peaks, dtype=np.int64)


@_quietly
def _find_in_ppg(values: FloatArray, rate_hz: float) -> tuple[FloatArray, IntArray]:
    """NeuroKit2's `ppg_clean` (written out likewise) and peaks."""
    clean = _filtered(values, 2, 0.5, 8.0, rate_hz)
    peaks = nk.ppg_findpeaks(clean, sampling_rate=rate_hz)["PPG_Peaks"]
    return clean, np.asarray(peaks, dtype=np.int64)


def _ecg_uprightness(clean: FloatArray, peaks: IntArray, rate_hz: float) -> float:
    """R waves up (above 0) or down: log ratio of the excursions around the QRS, in favour of up.

    Of the signal and of its part in the band of the QRS, together: a broad S wave as deep as a narrow R
    is high does not outweigh it.
    """
    _, curve = derivatives(ECG.kernel_s * rate_hz)
    evidence = 0.0
    for values in (clean, np.convolve(clean, curve, "same")):
        around = _segments(values, peaks, round(0.08 * rate_hz), round(0.08 * rate_hz))
        up, down = np.median(around.max(axis=1)), -np.median(around.min(axis=1))
        evidence += float(np.log(max(up, 1e-12) / max(0.85 * down, 1e-12)))
    return evidence


def _ppg_uprightness(clean: FloatArray, _peaks: IntArray, _rate_hz: float) -> float:
    """Systole is the fast edge: the slope is skewed towards it."""
    return float(skew(np.diff(clean)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """How beats are found in one kind of signal.

    Attributes
    ----------
    window_s, margin_s : float
        The stretch looked at, and how far before its end a beat is trusted: NeuroKit2's filters are
        zero phase and its thresholds local, so the newest tenths of a second still change.
    gap_s : float
        Longer without a sample is a gap.
    before_s, after_s : float
        The part of a beat that is compared with the template.
    template_r : float
        Correlation with the template below which a beat is doubtful (Orphanidou 2015,
        doi 10.1109/JBHI.2014.2338351: 0.66 for ECG, 0.86 for PPG).
    band_s : ndarray
        Where around a beat (of a pulse: its steepest rise) its derivatives are compared, no later than is
        known when it is plain.
    band_r : float
        Their correlation below which a beat is doubtful.
    pulse : bool
        Whether beats are told by their rise and timed by the peak after it; else by the extremum itself.
    kurtosis : bool
        Whether the signal must be peaked (ECG: kSQI > 5, Zhao 2018; 3 is what noise has).
    kernel_s : float
        Width (standard deviation) of the derivatives of a Gaussian that measure a beat's strength: of a
        QRS around 15 Hz, of a pulse's rise.
    locate_s : tuple of float
        The beat's maximum is sought in this interval around where it is strongest.
    find : callable
        Values and rate to the cleaned signal and the indices of its peaks.
    uprightness : callable
        Cleaned signal, peaks and rate to the evidence that it stands upright.
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
    find: Callable[[FloatArray, float], tuple[FloatArray, IntArray]]
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
    """Return 0 where the kurtosis is that of noise (3), 1 from 5 on, as an ECG has."""
    squares = (values - values.mean()) ** 2
    kurtosis = float(squares @ squares) / squares.size / max(1e-24, float(squares.mean()) ** 2)
    return float(min(1.0, max(0.0, (kurtosis - 3) / 2)))


class Detection:
    """The beats of one run of one window.

    Attributes
    ----------
    times : ndarray, shape (n,)
        R maxima or systolic peaks, engine seconds.
    amplitudes : ndarray, shape (n,)
        Peak to peak around each beat, in the unit of the cleaned signal.
    """

    def __init__(self, waveform: Waveform, run: Run, sign: int) -> None:
        self._waveform = waveform
        coarse = run.averaged()
        self._rate_hz = coarse.rate_hz
        if np.ptp(coarse.values) > 0:
            self._clean, peaks = waveform.find(sign * coarse.values, coarse.rate_hz)
        else:
            self._clean, peaks = np.zeros_like(coarse.values), np.empty(0, dtype=np.int64)
        amplitudes = np.ptp(self._around(peaks), axis=1) if peaks.size else np.empty(0)
        # The threshold is local, so in a flat stretch it finds "beats" in the converter's noise.
        large = amplitudes >= 0.25 * np.median(amplitudes) if peaks.size else np.empty(0, dtype=bool)
        self.peaks = peaks[large]
        self.amplitudes = amplitudes[large]
        self.times = self._refined(run, sign, coarse.start_s + self.peaks / coarse.rate_hz)

    def uprightness(self) -> float:
        """Return how clearly the signal stands upright: 0.5 and more is clear, below 0 it is upside down."""
        return self._waveform.uprightness(self._clean, self.peaks, self._rate_hz)

    def quality(self, index: int) -> float:
        """Return 0 to 1 for one beat: likeness to the median beat of the window, and for ECG peakedness.

        A correlation at the published threshold gives 0.5.
        """
        if self.peaks.size < 3:
            return 0.0
        r = float(self._correlations[index])
        quality = min(1.0, max(0.0, 1 - (1 - r) / (2 * (1 - self._waveform.template_r))))
        if self._waveform.kurtosis:
            reach = round(2.5 * self._rate_hz)
            near = self._clean[max(0, self.peaks[index] - reach) : self.peaks[index] + reach]
            quality *= peakedness(near)
        return float(quality)

    @cached_property
    def _correlations(self) -> FloatArray:
        """Each beat's correlation with the median beat, 0 where one of them is flat."""
        segments = self._around(self.peaks)
        template = np.median(segments, axis=0)
        swings, swing = segments - segments.mean(axis=1, keepdims=True), template - template.mean()
        size = np.sqrt((swings**2).sum(axis=1) * float(swing @ swing))
        r: FloatArray = np.divide(swings @ swing, size, out=np.zeros(size.size), where=size > 0)
        return r

    def _around(self, peaks: IntArray) -> FloatArray:
        before, after = (round(s * self._rate_hz) for s in (self._waveform.before_s, self._waveform.after_s))
        return _segments(self._clean, peaks, before, after)

    def _refined(self, run: Run, sign: int, times: FloatArray) -> FloatArray:
        """Move each time to the maximum of the signal itself, between samples by a parabola."""
        if self._waveform.pulse:
            return self._systoles(run.averaged(), sign, times)
        values = sign * run.values
        refined = []
        reach = max(1, round(REFINE_S * run.rate_hz))
        for time in times:
            centre = round((time - run.start_s) * run.rate_hz)
            first = max(0, centre - reach)
            top = first + int(np.argmax(values[first : centre + reach + 1]))
            refined.append(run.start_s + (top + vertex(values, top)) / run.rate_hz)
        return np.array(refined)

    def _systoles(self, run: Run, sign: int, times: FloatArray) -> FloatArray:
        """Return the systolic peak after the steepest rise before each time."""
        values = smoothed(sign * run.values, SMOOTH_S * run.rate_hz)
        rises, reach = np.diff(values), round(RISE_S * run.rate_hz)
        found = []
        for time in times:
            centre = round((time - run.start_s) * run.rate_hz)
            first = max(0, centre - reach)
            rise = (
                first + int(np.argmax(rises[first : centre + 1])) if rises[first : centre + 1].size else first
            )
            found.append(run.start_s + (rise + systole(values[rise : rise + reach + 1])) / run.rate_hz)
        return np.array(found)


def systole(values: FloatArray) -> float:
    """Return where the systolic peak lies after the steepest rise (the first value), in samples.

    It is the first maximum at least 90 % as high as the highest: a flat top's highest is anywhere.
    """
    floor = values[0] + 0.9 * (float(values.max()) - values[0])
    middle = values[1:-1]
    maxima = np.flatnonzero((middle >= floor) & (middle > values[:-2]) & (middle >= values[2:])) + 1
    top = int(maxima[0]) if maxima.size else int(np.argmax(values))
    return top + vertex(values, top)


def smoothed(values: FloatArray, width: float) -> FloatArray:
    """Return values averaged by a bell of `width` (standard deviation) samples, ends repeated."""
    if width == 0:
        return values
    bell = _bell(width)
    reach = bell.size // 2
    result: FloatArray = np.convolve(np.pad(values, reach, mode="edge"), bell, "valid")
    return result


@lru_cache(maxsize=8)
def _bell(width: float) -> FloatArray:
    reach = max(1, int(np.ceil(3 * width)))
    bell: FloatArray = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    bell /= bell.sum()
    return bell


@lru_cache(maxsize=8)
def derivatives(width: float) -> tuple[FloatArray, FloatArray]:
    """Return kernels of unit energy: first (rising is positive) and second derivative of a Gaussian."""
    reach = max(2, int(np.ceil(3.5 * width)))
    u = np.arange(-reach, reach + 1) / width
    bell = np.exp(-0.5 * u**2)
    slope, curve = -u * bell, (1 - u**2) * bell
    curve -= curve.mean()
    return slope / np.linalg.norm(slope), curve / np.linalg.norm(curve)


def _segments(values: FloatArray, peaks: IntArray, before: int, after: int) -> FloatArray:
    """Return the values around each peak, shape (peaks, before + after + 1), edges repeated."""
    indices = peaks[:, None] + np.arange(-before, after + 1)[None, :]
    around: FloatArray = values[np.clip(indices, 0, values.size - 1)]
    return around


def vertex(values: FloatArray, top: int) -> float:
    """Return where between −0.5 and 0.5 samples from `top` a parabola through three values peaks."""
    if not 0 < top < values.size - 1:
        return 0.0
    left, middle, right = values[top - 1 : top + 2]
    curvature = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0
