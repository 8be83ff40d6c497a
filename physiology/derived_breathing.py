"""Breathing rate from what breathing does to the heart beat, where there is no belt.

Breathing changes the interval between beats (sinus arrhythmia), the strength of the QRS and, of a pulse, the
amplitude and the baseline (Charlton 2018, doi 10.1109/RBME.2017.2763681). Each of these modulations is
sampled once a beat; where their spectra agree, that is the breathing rate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physiology.feature import Feature
from physiology.samples import FloatArray, SampleBuffer
from physiology.state import Beat
from physiology.variability import DOUBTFUL_QUALITY

WINDOW_S, LEAST_S = 60.0, 30.0
LONGEST_GAP_S = 5.0
RATE_HZ = 4.0
SPECTRUM_POINTS = 1024
SLOWEST_HZ, FASTEST_HZ = 0.07, 0.5
NEAR_HZ = 0.035
LEAST_AGREEMENT = 0.35
QRS_S = 0.06
PULSE_RISE_S = 0.4

FREQUENCIES = np.fft.rfftfreq(SPECTRUM_POINTS, 1 / RATE_HZ)
BAND = (FREQUENCIES >= SLOWEST_HZ) & (FREQUENCIES <= FASTEST_HZ)


class DerivedBreathing:
    """Breathing rate from the beats of an ECG or PPG.

    Parameters
    ----------
    kind : str
        ``ecg`` or ``ppg``.
    """

    def __init__(self, kind: str) -> None:
        self._before_s, self._after_s = (QRS_S, QRS_S) if kind == "ecg" else (PULSE_RISE_S, 0.0)
        self._measure = _qrs_strength if kind == "ecg" else _pulse_amplitude_and_baseline
        self._seen: dict[int, tuple[float, ...]] = {}

    def see(self, beat: Beat, buffer: SampleBuffer) -> None:
        """Measure a beat that was just announced."""
        _, values = buffer.window(beat.r_time_s - self._before_s, beat.r_time_s + self._after_s)
        if values.size >= 3:
            self._seen[beat.beat_id] = self._measure(values)

    def rate(self, beats: Sequence[Beat], now: float) -> Feature:
        """Return breaths per minute over the last 60 s.

        The modulations, interpolated at 4 Hz and differenced (slow waves of vasomotion outweigh breathing
        otherwise), are windowed (Hann) and transformed; each spectrum is brought to a sum of 1 between
        0.07 Hz and 0.5 Hz or half the heart rate, and the highest point of their mean is the rate. Its
        quality is the agreement: the geometric mean of what share each modulation has within ±0.035 Hz of
        it. The rate is withheld below 0.35, with less than 30 s since the last gap of 5 s, and 5 s after the
        last beat.
        Deviation: the fusion of Karlen 2013 (doi 10.1109/TBME.2013.2246160) averages the peaks of single
        spectra and withholds where they differ by more than 4 breaths per minute (standard deviation).

        Parameters
        ----------
        beats : sequence of Beat
            The log as it stands, in order of time.
        now : float
            Engine seconds.
        """
        self._seen = {beat.beat_id: self._seen[beat.beat_id] for beat in beats if beat.beat_id in self._seen}
        rows = [
            (beat.r_time_s, beat.rr_ms, *self._seen[beat.beat_id])
            for beat in beats
            if now - WINDOW_S < beat.r_time_s and _is_usable(beat) and beat.beat_id in self._seen
        ]
        if not rows:
            return Feature(window_s=WINDOW_S)
        table = np.array(rows)
        gaps = np.flatnonzero(np.diff(table[:, 0]) > LONGEST_GAP_S)
        table = table[gaps[-1] + 1 :] if gaps.size else table
        times = table[:, 0]
        age_s, span_s = now - float(times[-1]), float(times[-1] - times[0])
        filled = min(1.0, span_s / (WINDOW_S - 2))
        if span_s < LEAST_S or age_s > LONGEST_GAP_S:
            return Feature(age_s=age_s, filled=filled, window_s=WINDOW_S)
        rate_hz, agreement = _common_rate(times, table[:, 1:])
        return Feature(
            value=60 * rate_hz if agreement >= LEAST_AGREEMENT else None,
            quality=agreement if agreement >= LEAST_AGREEMENT else 0.0,
            age_s=age_s,
            filled=filled,
            window_s=WINDOW_S,
        )


def _common_rate(times: FloatArray, modulations: FloatArray) -> tuple[float, float]:
    """Return the frequency the modulations (n beats × m) have in common, in Hz, and how much they agree."""
    grid = np.arange(times[0], times[-1], 1 / RATE_HZ)
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


def _is_usable(beat: Beat) -> bool:
    return not np.isnan(beat.rr_ms) and not beat.corrected and beat.quality >= DOUBTFUL_QUALITY


def _qrs_strength(values: FloatArray) -> tuple[float, ...]:
    """Return the standard deviation around the R maximum: unlike its height, sure at 100 samples a second."""
    return (float(values.std()),)


def _pulse_amplitude_and_baseline(values: FloatArray) -> tuple[float, ...]:
    lowest, highest = float(values.min()), float(values.max())
    return (highest - lowest, (highest + lowest) / 2)
