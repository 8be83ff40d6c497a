"""The beats of one window of ECG or pulse, and how much each looks like the others."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from physiology.beats.waveform import (
    RISE_S,
    SMOOTH_S,
    CleanedPeaks,
    Waveform,
    peakedness,
    segments,
    smoothed,
    systole,
    vertex,
)
from physiology.samples import FloatArray, GaplessRun, IntArray

REFINE_S = 0.05
"""An R maximum is sought so far around where NeuroKit2 sees it in the filtered signal. Development
recordings; it is less than half of a QRS of 0.12 s."""

LARGE_SHARE = 0.25
"""Beats smaller than this share of the median beat are dropped. NeuroKit2's threshold is local, so that in a
flat stretch it finds peaks in the converter's noise. Development recordings."""

LEAST_BEATS = 3
"""Fewer beats have no median that says what a beat looks like. Convention."""

PEAKED_REACH_S = 2.5
"""Half of the stretch around a beat whose kurtosis is taken. Convention; 5 s hold two beats or more from 30
bpm on."""


class WindowDetection:
    """The beats of one gapless run of one window, found by NeuroKit2.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    run : GaplessRun
        The samples.
    sign : int
        Polarity: −1 where the signal is upside down.

    Attributes
    ----------
    times : ndarray, shape (n,)
        R maxima or systolic peaks, engine seconds.
    amplitudes : ndarray, shape (n,)
        Peak to peak around each beat, in the unit of the cleaned signal.

    Notes
    -----
    Peaks are those of NeuroKit2's default methods [1]_. Deviations: what is much smaller than the
    median beat is dropped, and each time is moved to the maximum of the signal itself, between samples by a
    parabola; NeuroKit2 reports places of the filtered signal.

    References
    ----------
    .. [1] Makowski et al. (2021). Behav Res Methods 53. doi 10.3758/s13428-020-01516-y
    """

    def __init__(self, waveform: Waveform, run: GaplessRun, sign: int) -> None:
        self._waveform = waveform
        coarse = run.averaged()
        self._rate_hz = coarse.rate_hz
        flat = np.ptp(coarse.values) == 0
        self._clean, peaks = (
            CleanedPeaks(np.zeros_like(coarse.values), np.empty(0, dtype=np.int64))
            if flat
            else waveform.find(sign * coarse.values, coarse.rate_hz)
        )
        amplitudes = np.ptp(self._around(peaks), axis=1) if peaks.size else np.empty(0)
        floor = LARGE_SHARE * np.median(amplitudes) if peaks.size else 0.0
        large = amplitudes >= floor
        self.peaks = peaks[large]
        self.amplitudes = amplitudes[large]
        self.times = self._refined(run, sign, coarse.start_s + self.peaks / coarse.rate_hz)

    def uprightness(self) -> float:
        """Return how clearly the signal stands upright: 0.5 and more is clear, below 0 it is upside down."""
        return self._waveform.uprightness(self._clean, self.peaks, self._rate_hz)

    def quality(self, index: int) -> float:
        """Return 0 to 1 for one beat: likeness to the median beat of the window, for ECG × peakedness.

        A correlation at the published threshold (see `Waveform`) gives 0.5.
        """
        if self.peaks.size < LEAST_BEATS:
            return 0.0
        r = float(self._correlations[index])
        quality = min(1.0, max(0.0, 1 - (1 - r) / (2 * (1 - self._waveform.template_r))))
        if self._waveform.kurtosis:
            reach = round(PEAKED_REACH_S * self._rate_hz)
            near = self._clean[max(0, self.peaks[index] - reach) : self.peaks[index] + reach]
            quality *= peakedness(near)
        return float(quality)

    @cached_property
    def _correlations(self) -> FloatArray:
        """Each beat's correlation with the median beat, 0 where one of them is flat."""
        around = self._around(self.peaks)
        template = np.median(around, axis=0)
        swings, swing = around - around.mean(axis=1, keepdims=True), template - template.mean()
        size = np.sqrt((swings**2).sum(axis=1) * float(swing @ swing))
        r: FloatArray = np.divide(swings @ swing, size, out=np.zeros(size.size), where=size > 0)
        return r

    def _around(self, peaks: IntArray) -> FloatArray:
        before, after = (round(s * self._rate_hz) for s in (self._waveform.before_s, self._waveform.after_s))
        return segments(self._clean, peaks, before, after)

    def _refined(self, run: GaplessRun, sign: int, times: FloatArray) -> FloatArray:
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

    def _systoles(self, run: GaplessRun, sign: int, times: FloatArray) -> FloatArray:
        """Return the systolic peak after the steepest rise before each time."""
        values = smoothed(sign * run.values, SMOOTH_S * run.rate_hz)
        rises, reach = np.diff(values), round(RISE_S * run.rate_hz)
        found = []
        for time in times:
            centre = round((time - run.start_s) * run.rate_hz)
            first = max(0, centre - reach)
            before = rises[first : centre + 1]
            rise = first + int(np.argmax(before)) if before.size else first
            found.append(run.start_s + (rise + systole(values[rise : rise + reach + 1])) / run.rate_hz)
        return np.array(found)
