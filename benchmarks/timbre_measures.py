"""What tells the sound of music apart from recordings of people's: balance, noise, movement, width, attacks.

Nothing here knows how the sound was made. Sound is stereo, shape (n, 2), at `SAMPLE_RATE`; its level is no
measure and does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.levels import k_weighted, lufs, mono

FloatArray = npt.NDArray[np.float64]
Samples = npt.NDArray[Any]

SAMPLE_RATE = 48_000

BANDS_HZ = {
    "20_60": (20.0, 60.0),
    "60_150": (60.0, 150.0),
    "150_500": (150.0, 500.0),
    "500_2000": (500.0, 2000.0),
    "2000_5000": (2000.0, 5000.0),
    "5000_10000": (5000.0, 10_000.0),
    "10000_16000": (10_000.0, 16_000.0),
}
THIRD_OCTAVE = 2.0 ** (1.0 / 3.0)
BOXY_BAND = "630_third"
"""The third octave around 630 Hz, in which much makes a sound boxy."""

BALANCE_HZ = {**BANDS_HZ, BOXY_BAND: (630.0 / THIRD_OCTAVE**0.5, 630.0 * THIRD_OCTAVE**0.5)}

CALM_RECORDINGS = {
    "band_20_60_db": (-27.9, -5.77),
    "band_60_150_db": (-11.9, -4.13),
    "band_150_500_db": (-7.95, -1.88),
    "band_500_2000_db": (-14.7, -4.55),
    "band_2000_5000_db": (-28.3, -14.1),
    "band_5000_10000_db": (-38.6, -18.8),
    "band_10000_16000_db": (-51.9, -23.1),
    "band_630_third_db": (-17.3, -8.84),
    "correlation": (-0.0111, 0.771),
    "correlation_20_60": (0.0763, 0.911),
    "correlation_60_150": (0.116, 0.808),
    "correlation_150_500": (0.0063, 0.683),
    "correlation_500_2000": (0.0204, 0.739),
    "correlation_2000_5000": (0.0613, 0.825),
    "correlation_5000_10000": (0.108, 0.892),
    "correlation_10000_16000": (0.226, 0.912),
    "flatness_db": (-34.3, -17.3),
    "flux": (0.104, 0.258),
    "rise_db": (3.39, 14.2),
}
"""Each measure of 22 calm recordings of free games (90 to 100 s of each), 10 to 90 %."""

SPECTRUM_FRAMES, MOVEMENT_FRAMES = 8192, 4096
FRAMES_AT_ONCE = 256

HALF_OCTAVES_HZ = 60.0 * 2.0 ** (np.arange(17) / 2.0)
"""Edges of the sixteen half octaves in which movement is measured, 60 Hz to 15 kHz."""

FLATNESS_HZ = (60.0, 8000.0)
REFERENCE_RMS = 0.1
LEAST_AMPLITUDE = 1e-7
"""Added to the amplitude of a half octave, at `REFERENCE_RMS`: what changes far below it does not count."""

INAUDIBLE_POWER = 1e-8
"""What lies 80 dB below the mean power of a spectrum's lines counts as lying there."""

QUIETEST_PERCENT = 5.0
"""The softest frames have no timbre to speak of."""

WINDOW_S, HOP_S, RISE_S, RANGE_LU, RISE_PERCENT = 0.4, 0.1, 0.8, 40.0, 99.0
"""Momentary loudness (BS.1770) every `HOP_S`; pauses count as `RANGE_LU` below the loudest moment."""

ENVELOPE_S = 0.003
"""Faster attacks than this cannot be told apart."""

BEFORE_ONSET_S, PEAK_WITHIN_S, APART_S = 0.05, 0.5, 1.0
ATTACK_FROM, ATTACK_TO = 0.1, 0.7
"""Shares of its peak between which a note's attack is timed: −20 and −3 dB."""


def decibels(power: Any) -> Any:
    """Return a ratio of powers in decibels."""
    return 10.0 * np.log10(np.maximum(power, 1e-15))


def hann_spectra(samples: Samples, size: int) -> FloatArray:
    """Return the amplitude spectra of frames of one channel that overlap by half, shape (frames, lines).

    Divided by the sum of the Hann window: a sine has half its amplitude in its line.
    """
    window = np.hanning(size + 1)[:-1]
    frames = sliding_window_view(samples, size)[:: size // 2]
    return np.asarray(np.abs(np.fft.rfft(frames * window)) / window.sum())


@dataclass(frozen=True)
class LongTermSpectrum:
    """Mean power of left and right, and their cross-power (real part), at each frequency in Hz."""

    hz: FloatArray
    left: FloatArray
    right: FloatArray
    cross: FloatArray

    @property
    def power(self) -> FloatArray:
        """Power of both sides together."""
        return self.left + self.right

    def band(self, low: float, high: float) -> npt.NDArray[np.bool_]:
        """Return which lines lie from `low` up to, and without, `high`."""
        return (self.hz >= low) & (self.hz < high)

    def level_db(self, low: float, high: float) -> float:
        """Return the power of a band relative to the whole."""
        return float(decibels(self.power[self.band(low, high)].sum() / self.power.sum()))

    def correlation(self, low: float, high: float) -> float:
        """Return how alike left and right are in a band: 1 is mono, 0 wide; 0 where nothing sounds."""
        lines = self.band(low, high)
        either = np.sqrt(self.left[lines].sum() * self.right[lines].sum())
        return float(self.cross[lines].sum() / max(either, 1e-30))


def long_term_spectrum(sound: Samples) -> LongTermSpectrum:
    """Return the long-term spectrum of a sound (Welch 1967: Hann frames of 0.17 s that overlap by half)."""
    window = np.hanning(SPECTRUM_FRAMES + 1)[:-1, None]
    frames = sliding_window_view(sound, SPECTRUM_FRAMES, axis=0)[:: SPECTRUM_FRAMES // 2]
    sums = np.zeros((3, SPECTRUM_FRAMES // 2 + 1))
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        some = frames[first : first + FRAMES_AT_ONCE].swapaxes(1, 2)
        left, right = np.moveaxis(np.fft.rfft(some * window, axis=1), 2, 0)
        sums += np.sum([np.abs(left) ** 2, np.abs(right) ** 2, (left * right.conj()).real], axis=1)
    hz = np.asarray(np.fft.rfftfreq(SPECTRUM_FRAMES, 1.0 / SAMPLE_RATE))
    return LongTermSpectrum(hz, *(sums / len(frames)))


def third_octaves_db(spectrum: LongTermSpectrum) -> tuple[FloatArray, FloatArray]:
    """Return the middles of the third octaves from 63 Hz to 12.7 kHz, and their levels against the whole.

    Below, a third octave is narrower than two lines of the spectrum.
    """
    middles = np.asarray(1000.0 * THIRD_OCTAVE ** np.arange(-12, 12))
    edge = THIRD_OCTAVE**0.5
    levels = [spectrum.level_db(middle / edge, middle * edge) for middle in middles.tolist()]
    return middles, np.array(levels)


def balance(spectrum: LongTermSpectrum) -> dict[str, float]:
    """Return the level of each band of `BALANCE_HZ` against the whole, in dB."""
    return {f"band_{name}_db": spectrum.level_db(*edges) for name, edges in BALANCE_HZ.items()}


def width(sound: Samples, spectrum: LongTermSpectrum) -> dict[str, float]:
    """Return the correlation of left and right, of the whole and of each band of `BANDS_HZ`."""
    bands = {f"correlation_{name}": spectrum.correlation(*edges) for name, edges in BANDS_HZ.items()}
    return {"correlation": float(np.corrcoef(sound.T)[0, 1]), **bands}


def flatness_and_flux(sound: Samples) -> dict[str, float]:
    """Return how flat the spectrum is and how much it moves.

    Flatness is the geometric mean of the power of its lines against the arithmetic, median over frames of
    85 ms, in dB: 0 would be white, noise has −2.5, bare tones −60. Flux is the mean rise of the half octaves
    from one frame to the next, 43 ms later, in nepers.
    """
    middle = mono(sound) * REFERENCE_RMS / np.sqrt(np.mean(np.square(sound, dtype=np.float64)))
    amplitude = hann_spectra(middle, MOVEMENT_FRAMES)
    total = amplitude.sum(axis=1)
    amplitude = amplitude[total > np.percentile(total, QUIETEST_PERCENT)]
    hz = np.fft.rfftfreq(MOVEMENT_FRAMES, 1.0 / SAMPLE_RATE)
    first_lines = np.searchsorted(hz, HALF_OCTAVES_HZ)
    bands = np.add.reduceat(amplitude, first_lines, axis=1)[:, :-1]
    steps = np.diff(np.log(bands + LEAST_AMPLITUDE), axis=0)
    low, high = FLATNESS_HZ
    power = amplitude[:, (hz > low) & (hz < high)] ** 2
    power += INAUDIBLE_POWER * power.mean()
    flatness = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return {
        "flatness_db": float(decibels(np.median(flatness))),
        "flux": float(np.maximum(steps, 0.0).mean()),
    }


def momentary_lufs(sound: Samples) -> FloatArray:
    """Return the loudness of windows of 0.4 s, one every 0.1 s (ITU-R BS.1770, not gated)."""
    hop, hops = round(HOP_S * SAMPLE_RATE), round(WINDOW_S / HOP_S)
    power = k_weighted(sound, SAMPLE_RATE)
    power = power[: len(power) // hop * hop].reshape(-1, hop).mean(axis=1)
    return np.asarray(lufs(np.convolve(power, np.full(hops, 1.0 / hops), "valid")))


def rise_db(sound: Samples) -> float:
    """Return the rise of loudness within 0.8 s that one moment of a hundred passes."""
    loudness = momentary_lufs(sound)
    loudness = np.maximum(loudness, loudness.max() - RANGE_LU)
    later = round(RISE_S / HOP_S)
    return float(np.percentile(loudness[later:] - loudness[:-later], RISE_PERCENT))


def sound_measures(sound: Samples) -> dict[str, float]:
    """Return the measures of a stretch of sound of some seconds at least: those of `CALM_RECORDINGS`.

    Raises
    ------
    ValueError
        If the sound is silent.
    """
    if not sound.any():
        raise ValueError(f"a sound of {len(sound) / SAMPLE_RATE:g} s is silent; there is nothing to measure")
    spectrum = long_term_spectrum(sound)
    return {
        **balance(spectrum),
        **width(sound, spectrum),
        **flatness_and_flux(sound),
        "rise_db": rise_db(sound),
    }


def attacks_ms(sound: Samples, onsets_s: Sequence[float]) -> FloatArray:
    """Return how long notes take from a tenth to seven tenths of their first peak, in ms.

    The peak is the loudest moment of a note's first half second; the envelope is the RMS of 3 ms. Left out
    are notes that begin within a second of the one before, that begin less than 20 dB above what still rings,
    or whose half second is not in the sound.
    """
    samples, window = mono(sound), round(ENVELOPE_S * SAMPLE_RATE)
    onsets = np.sort(np.asarray(onsets_s, dtype=float))
    apart = np.diff(onsets, prepend=-np.inf) >= APART_S
    found = []
    for onset in onsets[apart].tolist():
        first = round((onset - BEFORE_ONSET_S) * SAMPLE_RATE)
        last = round((onset + PEAK_WITHIN_S) * SAMPLE_RATE)
        if first < 0 or last > len(samples):
            continue
        power = np.convolve(samples[first:last] ** 2, np.full(window, 1.0 / window), "same")
        envelope = np.sqrt(np.maximum(power, 0.0))
        envelope /= max(float(envelope.max()), 1e-30)
        # The last 20 ms before the onset are left to what the envelope smears and to hammers that come early.
        if np.median(envelope[: round(0.6 * BEFORE_ONSET_S * SAMPLE_RATE)]) <= ATTACK_FROM:
            from_, to = (np.argmax(envelope >= share) for share in (ATTACK_FROM, ATTACK_TO))
            found.append(1000.0 * float(to - from_) / SAMPLE_RATE)
    return np.array(found)
