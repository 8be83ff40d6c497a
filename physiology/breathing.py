"""Breathing rate: from a belt, or from what breathing does to the heart beat.

Breathing changes the interval between beats (sinus arrhythmia), the strength of the QRS and, of a pulse, the
amplitude and the baseline (Charlton 2018, doi 10.1109/RBME.2017.2763681). Each of these modulations is
sampled once a beat; the frequency at which their spectra agree is the breathing rate. Thresholds marked
*development recordings* were chosen by the figures of ``benchmarks/breathing_figures.py``, three people
against a belt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from physiology.fault_reasons import FaultKind, FaultReason
from physiology.samples import BinnedSignal, FloatArray, SampleBuffer
from physiology.state import Beat, Reading
from physiology.variability import is_good

RATE_HZ = BinnedSignal.RATE_HZ

BELT_WINDOW_S, BELT_LEAST_S = 60, 30
"""Window of the rate, and how much of it must be there since the last gap: three breaths at 6 a minute.
Convention."""

BRIDGED_S = 1.0
"""Gaps up to this are bridged linearly. Convention."""

NEWEST_BREATH_S = 20.0
"""The rate is withheld when the last breath is older: two breaths at 6 a minute. Convention."""

SHORTEST_BREATH_S = 1.5
"""Breaths are at least so far apart: 40 a minute. Convention."""

LEAST_BREATHS = 3
"""Fewer breaths give no median interval. Convention."""

SILENT_S = 2
"""A belt that delivered nothing for longer has missing samples. Convention."""

FLAT_S = 5
"""One and the same number for so long is a flat line. Convention."""

BREATHING_BAND = butter(2, (0.05, 1.0), "bandpass", fs=RATE_HZ, output="sos")
"""3 to 60 breaths a minute. Convention."""

PADDING_S = 10
"""The filter is run out over so long at both ends. Convention."""

SWING_PERCENTILES = (10, 90)
PROMINENCE = 0.4
"""A breath stands out by this share of the swing between these percentiles. Development recordings."""

WINDOW_S, LEAST_S = 60.0, 30.0
"""Window of the derived rate, and how much of it must be there since the last gap. As with a belt."""

LONGEST_GAP_S = 5.0
"""A longer time between beats is a gap. Convention, as `physiology.variability.NEWEST_BEAT_S`."""

EDGE_S = 2
"""The first and the last beat lie inside the window: it counts as full when its beats span so much less."""

GRID_HZ = 4.0
"""Modulations are interpolated at this rate, as intervals are in `physiology.offline.spectrum`."""

SPECTRUM_POINTS = 1024
"""Points of the transform: a spacing of 0.0039 Hz, 0.23 breaths a minute."""

SLOWEST_HZ, FASTEST_HZ = 0.07, 0.5
"""4.2 to 30 breaths a minute. Convention."""

NEAR_HZ = 0.035
"""Modulations agree within so much of the rate: 2.1 breaths a minute. Development recordings."""

LEAST_AGREEMENT = 0.35
"""Agreement below which the rate is withheld. Development recordings: median errors of at most 0.5 a
minute."""

QRS_S = 0.06
"""Half of the stretch around an R maximum over which its strength is measured: a QRS of 0.12 s."""

PULSE_RISE_S = 0.4
"""Stretch before a systolic peak that holds its foot. Development recordings."""

LEAST_SAMPLES = 3
"""A beat over fewer samples is not measured."""

FREQUENCIES = np.fft.rfftfreq(SPECTRUM_POINTS, 1 / GRID_HZ)
BAND = (FREQUENCIES >= SLOWEST_HZ) & (FREQUENCIES <= FASTEST_HZ)


class BeltBreathing:
    """Breathing on a grid of 8 Hz, the last 60 s of it."""

    def __init__(self) -> None:
        self._signal = BinnedSignal("rsp", BELT_WINDOW_S)
        self._run: FloatArray = np.empty(0)
        self._age_s = np.inf

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples in any unit (see `SampleBuffer.push`)."""
        self._signal.push(times, values)

    def update(self, now: float) -> None:
        """Take in what was pushed up to `now`, a multiple of 1/8 s."""
        self._signal.advance(now)
        newest = self._signal.filled(BRIDGED_S)
        present = np.isfinite(newest)
        end = int(np.flatnonzero(present)[-1]) + 1 if present.any() else 0
        missing = np.flatnonzero(~present[:end])
        start = int(missing[-1]) + 1 if missing.size else 0
        self._age_s = (newest.size - end) / RATE_HZ
        self._run = newest[start:end]

    def rate(self) -> Reading:
        """Return breaths per minute: 60 over the median interval between breaths of the last 60 s.

        It is withheld with less than 30 s since the last gap, fewer than three breaths, or no breath for
        20 s. Its quality is the regularity: 1 less the interquartile range over the median.
        """
        run = self._run
        filled = run.size / (BELT_WINDOW_S * RATE_HZ)
        withheld = Reading(usable_share=filled, window_s=BELT_WINDOW_S)
        if run.size < BELT_LEAST_S * RATE_HZ or self._age_s > SILENT_S or np.ptp(run) == 0:
            return withheld
        wave = sosfiltfilt(BREATHING_BAND, run - run.mean(), padlen=min(run.size - 1, PADDING_S * RATE_HZ))
        low, high = np.percentile(wave, SWING_PERCENTILES)
        peaks, _ = find_peaks(
            wave, prominence=PROMINENCE * (high - low), distance=SHORTEST_BREATH_S * RATE_HZ
        )
        if peaks.size < LEAST_BREATHS:
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
        if self._run.size == 0 or self._age_s > SILENT_S:
            return FaultReason(FaultKind.MISSING_SAMPLES)
        return FaultReason(FaultKind.FLAT_LINE) if np.ptp(self._run[-FLAT_S * RATE_HZ :]) == 0 else None


class DerivedBreathing:
    """Breathing rate from the beats of an ECG or PPG.

    Parameters
    ----------
    kind : str
        ``ecg`` or ``ppg``.
    """

    def __init__(self, kind: str) -> None:
        self._before_s, self._after_s = (QRS_S, QRS_S) if kind == "ecg" else (PULSE_RISE_S, 0.0)
        self._modulation = _qrs_strength if kind == "ecg" else _pulse_amplitude_and_baseline
        self._measured: dict[int, tuple[float, ...]] = {}

    def measure(self, beat: Beat, buffer: SampleBuffer) -> None:
        """Measure a beat that was just reported."""
        _, values = buffer.window(beat.r_time_s - self._before_s, beat.r_time_s + self._after_s)
        if values.size >= LEAST_SAMPLES:
            self._measured[beat.beat_id] = self._modulation(values)

    def rate(self, beats: Sequence[Beat], now: float) -> Reading:
        """Return breaths per minute over the last 60 s.

        It is withheld where the agreement is below 0.35, with less than 30 s since the last gap of 5 s, and 5
        s after the last beat.

        Parameters
        ----------
        beats : sequence of Beat
            The log as it stands, in order of time.
        now : float
            Engine seconds.

        Notes
        -----
        The modulations, interpolated at 4 Hz and differenced (slow waves of blood pressure outweigh breathing
        otherwise), are windowed (Hann) and transformed. Each spectrum is scaled to a sum of 1 between 0.07 Hz
        and 0.5 Hz or half the heart rate, and the highest point of their mean is the rate. Its quality is the
        agreement: the geometric mean of the share that each modulation has within ±0.035 Hz of it.

        Deviation: the fusion of [1]_ averages the peaks of single spectra and withholds the rate where they
        differ by more than 4 breaths per minute (standard deviation).

        References
        ----------
        .. [1] Karlen et al. (2013). IEEE Trans Biomed Eng 60(7). doi 10.1109/TBME.2013.2246160
        """
        self._measured = {
            beat.beat_id: self._measured[beat.beat_id] for beat in beats if beat.beat_id in self._measured
        }
        rows = [
            (beat.r_time_s, beat.rr_ms, *self._measured[beat.beat_id])
            for beat in beats
            if now - WINDOW_S < beat.r_time_s and is_good(beat) and beat.beat_id in self._measured
        ]
        if not rows:
            return Reading(window_s=WINDOW_S)
        table = np.array(rows)
        gaps = np.flatnonzero(np.diff(table[:, 0]) > LONGEST_GAP_S)
        table = table[gaps[-1] + 1 :] if gaps.size else table
        times = table[:, 0]
        age_s, span_s = now - float(times[-1]), float(times[-1] - times[0])
        filled = min(1.0, span_s / (WINDOW_S - EDGE_S))
        reading = Reading(age_s=age_s, usable_share=filled, window_s=WINDOW_S)
        if span_s < LEAST_S or age_s > LONGEST_GAP_S:
            return reading
        rate_hz, agreement = _common_rate(times, table[:, 1:])
        if agreement < LEAST_AGREEMENT:
            return reading
        return replace(reading, value=60 * rate_hz, quality=agreement)


def _common_rate(times: FloatArray, modulations: FloatArray) -> tuple[float, float]:
    """Return the frequency in Hz that the modulations (n beats × m) have in common, and their agreement."""
    grid = np.arange(times[0], times[-1], 1 / GRID_HZ)
    even = np.array([np.interp(grid, times, column) for column in modulations.T])
    steps = np.diff(even, axis=1)
    steps = (steps - steps.mean(axis=1, keepdims=True)) * np.hanning(grid.size - 1)
    power = np.abs(np.fft.rfft(steps, SPECTRUM_POINTS, axis=1)) ** 2
    half_the_beats_hz = 0.5 * (times.size - 1) / (times[-1] - times[0])
    band = BAND & (half_the_beats_hz >= FREQUENCIES)
    frequencies, power = FREQUENCIES[band], power[:, band]
    totals = power.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        return 0.0, 0.0
    shares = power / totals
    rate_hz = float(frequencies[np.argmax(shares.mean(axis=0))])
    near = np.abs(frequencies - rate_hz) <= NEAR_HZ
    return rate_hz, float(np.exp(np.mean(np.log(shares[:, near].sum(axis=1)))))


def _qrs_strength(values: FloatArray) -> tuple[float, ...]:
    """Return the standard deviation around the R maximum; its height is uncertain at 100 Hz."""
    return (float(values.std()),)


def _pulse_amplitude_and_baseline(values: FloatArray) -> tuple[float, ...]:
    lowest, highest = float(values.min()), float(values.max())
    return (highest - lowest, (highest + lowest) / 2)
