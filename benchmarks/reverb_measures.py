"""What is measured of an impulse response: decay, evenness of the tail, and how it adds up in mono."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, sosfiltfilt

SAMPLE_RATE = 48_000

Samples = npt.NDArray[Any]


def decibels(power: Any) -> Any:
    """Return a ratio of powers in decibels."""
    return 10.0 * np.log10(power + 1e-30)


def octave(impulse: Samples, hz: float) -> Samples:
    """Return the octave around a frequency of a response of shape (n, 2)."""
    edges = (hz / 2**0.5, hz * 2**0.5)
    band = butter(3, edges, "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfiltfilt(band, impulse.astype(float), axis=0))


def decay_s(impulse: Samples, hz: float) -> float:
    """Return the T60 of an octave, from the fall of −5 to −35 dB (Schroeder 1965), of both sides together."""
    tail = octave(impulse, hz)[int(0.1 * SAMPLE_RATE) :]
    left = np.cumsum((tail**2).sum(axis=1)[::-1])[::-1]
    level = decibels(left / left[0])
    falling = np.flatnonzero((level < -5.0) & (level > -35.0))[::48]
    return float(-60.0 / np.polyfit(falling / SAMPLE_RATE, level[falling], 1)[0])


def tail_spectrum_sd_db(impulse: Samples) -> float:
    """Return the spread of the fine lines of the tail, 250 to 4000 Hz, mean of the sides.

    5.6 dB is noise that dies away; a few ringing resonances have more.
    """
    tail = impulse[int(0.3 * SAMPLE_RATE) : int(1.3 * SAMPLE_RATE)].astype(float)
    hz = np.fft.rfftfreq(len(tail), 1.0 / SAMPLE_RATE)
    middle = (hz > 250.0) & (hz < 4000.0)
    spreads = []
    for side in tail.T:
        power = np.abs(np.fft.rfft(side * np.hanning(len(side)))) ** 2
        neighbourhood = np.convolve(power, np.full(201, 1.0 / 201), "same")
        spreads.append(decibels(power[middle] / neighbourhood[middle]).std())
    return float(np.mean(spreads))


def semitone_range_db(impulse: Samples) -> float:
    """Return by how much the tail after a second of tone differs among the semitones from C4 to C6.

    Level of the second that follows the tone, loudest less softest, mean of the sides. Noise that dies away
    in 6 s has 12 dB.
    """
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    edges = np.clip(np.minimum(time_s, 1.0 - time_s) / 0.05, 0.0, 1.0)
    after = slice(int(1.05 * SAMPLE_RATE), int(2.05 * SAMPLE_RATE))
    levels = []
    for pitch in range(60, 85):
        tone = edges * np.sin(2 * np.pi * 440.0 * 2 ** ((pitch - 69) / 12) * time_s)
        wet = fftconvolve(tone[:, None], impulse[: after.stop].astype(float), axes=0)[after]
        levels.append(decibels(np.mean(wet**2, axis=0)))
    return float(np.mean(np.ptp(levels, axis=0)))


def tail_correlation(impulse: Samples) -> float:
    """Return how alike both sides are from 0.1 to 3 s."""
    return float(np.corrcoef(impulse[int(0.1 * SAMPLE_RATE) : 3 * SAMPLE_RATE].T)[0, 1])


def mono_loss_db(sound: Samples) -> float:
    """Return what the sum of both sides lacks of the sum of their powers, in dB; below 0 it is louder."""
    return float(-decibels(np.mean(sound.sum(axis=1) ** 2) / np.mean((sound**2).sum(axis=1))))
