"""Breathing rate from a respiration belt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from physiology.fault_reasons import FaultKind, FaultReason
from physiology.feature import Feature
from physiology.samples import BinnedSignal, FloatArray

RATE_HZ = BinnedSignal.RATE_HZ
WINDOW_S, LEAST_S = 60, 30
BRIDGED_S = 1.0
NEWEST_BREATH_S = 20.0
SHORTEST_BREATH_S = 1.5
BREATHING_BAND = butter(2, (0.05, 1.0), "bandpass", fs=RATE_HZ, output="sos")


class Respiration:
    """Breathing on a grid of 8 Hz, the last 60 s of it."""

    def __init__(self) -> None:
        self._signal = BinnedSignal("rsp", WINDOW_S)
        self._run: FloatArray = np.empty(0)
        self._age_s = np.inf

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples in any unit (see `SampleBuffer.push`)."""
        self._signal.push(times, values)

    def hop(self, now: float) -> None:
        """Take in what was pushed up to `now`, a multiple of 1/8 s."""
        self._signal.advance(now)
        newest = self._signal.filled(BRIDGED_S)
        present = np.isfinite(newest)
        end = int(np.flatnonzero(present)[-1]) + 1 if present.any() else 0
        missing = np.flatnonzero(~present[:end])
        start = int(missing[-1]) + 1 if missing.size else 0
        self._age_s = (newest.size - end) / RATE_HZ
        self._run = newest[start:end]

    def rate(self) -> Feature:
        """Return breaths per minute: 60 over the median interval between breaths of the last 60 s.

        It is withheld with less than 30 s since the last gap, fewer than three breaths, or no breath for
        20 s. Its quality is the regularity: 1 less the interquartile range over the median.
        """
        run = self._run
        filled = run.size / (WINDOW_S * RATE_HZ)
        withheld = Feature(filled=filled, window_s=WINDOW_S)
        if run.size < LEAST_S * RATE_HZ or self._age_s > 2 or np.ptp(run) == 0:
            return withheld
        wave = sosfiltfilt(BREATHING_BAND, run - run.mean(), padlen=min(run.size - 1, 10 * RATE_HZ))
        low, high = np.percentile(wave, (10, 90))
        peaks, _ = find_peaks(wave, prominence=0.4 * (high - low), distance=SHORTEST_BREATH_S * RATE_HZ)
        if peaks.size < 3:
            return withheld
        age_s = self._age_s + (run.size - 1 - int(peaks[-1])) / RATE_HZ
        if age_s > NEWEST_BREATH_S:
            return replace(withheld, age_s=age_s)
        intervals = np.diff(peaks) / RATE_HZ
        median = float(np.median(intervals))
        spread = float(np.subtract(*np.percentile(intervals, (75, 25))))
        quality = float(np.clip(1 - spread / median, 0, 1))
        return replace(withheld, value=60 / median, quality=quality, age_s=age_s)

    def fault(self) -> FaultReason | None:
        """Return what is wrong with the last seconds, or None."""
        if self._run.size == 0 or self._age_s > 2:
            return FaultReason(FaultKind.MISSING_SAMPLES)
        return FaultReason(FaultKind.FLAT_LINE) if np.ptp(self._run[-5 * RATE_HZ :]) == 0 else None
