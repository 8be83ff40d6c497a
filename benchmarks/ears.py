"""What can be told from sound alone. Nothing here knows how the sound was made.

Every function takes mono or stereo samples (n,) or (n, 2) at a rate in Hz.
"""

from __future__ import annotations

import warnings
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from benchmarks.levels import FloatArray, loudness_lufs, mono

MODES = {
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
}
MAJOR = ("mixolydian", "ionian", "lydian")

_LOWEST_MIDI, _PITCHES, _BINS = 33, 63, 3
_EPS = 1e-12


def centroid_hz(audio: npt.NDArray[Any], rate: int) -> float:
    """Return the middle of the power spectrum."""
    power, hz = _spectrum(audio, rate)
    return float((power * hz).sum() / power.sum())


def share_below(audio: npt.NDArray[Any], rate: int, hz: float) -> float:
    """Return the share of the power below a frequency."""
    power, at = _spectrum(audio, rate)
    return float(power[at < hz].sum() / power.sum())


def _spectrum(audio: npt.NDArray[Any], rate: int) -> tuple[FloatArray, FloatArray]:
    samples = mono(audio)
    return np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(samples.size, 1 / rate)


def loudness_range_lu(audio: npt.NDArray[Any], rate: int) -> float:
    """Return the spread of the loudness of every 3 s, from its 10th to its 95th percentile (EBU 3342)."""
    window = 3 * rate
    starts = range(0, len(audio) - window + 1, rate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = np.array([loudness_lufs(audio[at : at + window], rate) for at in starts])
    short = short[np.isfinite(short) & (short > -70.0)]
    short = short[short > short.max() - 20.0]
    return float(np.percentile(short, 95) - np.percentile(short, 10))


def crest_db(audio: npt.NDArray[Any]) -> float:
    """Return the peak relative to the root mean square."""
    samples = np.asarray(audio, dtype=np.float64)
    return float(20 * np.log10(np.abs(samples).max() / np.sqrt(np.mean(samples**2))))


def roughness(audio: npt.NDArray[Any], rate: int) -> tuple[float, float]:
    """Return the roughness: mean and variance over frames of a sixth of a second.

    Pairs of spectral peaks within 40 dB of the highest beat against each other (Plomp and Levelt's curve as
    Sethares 1993 gives it, doi 10.1121/1.408175), weighed by the softer of the two and related to the
    power of all: 0 for a pure tone, the same at any loudness.
    """
    samples, size = mono(audio), 8192
    hz = np.fft.rfftfreq(size, 1 / rate)
    values = []
    for at in range(0, samples.size - size, size):
        spectrum = np.abs(np.fft.rfft(samples[at : at + size] * np.blackman(size)))
        inner = spectrum[1:-1]
        peaks = np.flatnonzero((inner > spectrum[:-2]) & (inner > spectrum[2:])) + 1
        peaks = peaks[(spectrum[peaks] > 0.01 * spectrum.max()) & (hz[peaks] > 30.0)]
        low, high = np.minimum.outer(hz[peaks], hz[peaks]), np.maximum.outer(hz[peaks], hz[peaks])
        scaled = 0.24 / (0.0207 * low + 18.96) * (high - low)
        beating = np.exp(-3.51 * scaled) - np.exp(-5.75 * scaled)
        weights = np.minimum.outer(spectrum[peaks], spectrum[peaks]) ** 2
        values.append(float((weights * beating).sum() / 2 / (spectrum[peaks] ** 2).sum()))
    return float(np.mean(values)), float(np.var(values))


def onset_rate_hz(audio: npt.NDArray[Any], rate: int) -> float:
    """Return how many onsets begin in a second.

    Spectral flux over 30 ms of mel bands from 100 Hz, of amplitudes and not of their logarithms. Choruses of
    players and bowls that beat shimmer all the time, but slower: over 60 ms, and in windows twice as long,
    three of four onsets heard of a drone with few notes were none, and fewer notes counted as more.
    """
    hop, lag = rate // 100, 3
    bands = librosa.feature.melspectrogram(
        y=mono(audio).astype(np.float32), sr=rate, n_fft=2048, hop_length=hop, n_mels=64,
        fmin=100, fmax=10_000, power=1,
    )  # fmt: skip
    level = np.sqrt(bands / np.percentile(bands, 99.9))
    risen = level[:, lag:] - maximum_filter1d(level, 3, axis=0)[:, :-lag]
    found = librosa.util.peak_pick(
        np.maximum(risen, 0.0).sum(axis=0), pre_max=5, post_max=5, pre_avg=25, post_avg=25, delta=0.8, wait=8
    )
    return float(len(found) / (len(audio) / rate))


def detachment_db(audio: npt.NDArray[Any], rate: int) -> float:
    """Return how deep the sound falls between its notes: spread of the level within mel bands."""
    bands = librosa.feature.melspectrogram(
        y=mono(audio).astype(np.float32), sr=rate, n_fft=4096, hop_length=1024, n_mels=40, fmin=250, fmax=4000
    )
    level = 10 * np.log10(bands + _EPS)
    level = np.maximum(level, level.max() - 60.0)
    return float(np.mean(np.percentile(level, 90, axis=1) - np.percentile(level, 10, axis=1)))


def pitch_activations(audio: npt.NDArray[Any], rate: int) -> FloatArray:
    """Return how much each pitch (MIDI 33 to 95) sounds, shape (63, frames).

    A constant-Q spectrum is explained by notes with harmonics in fixed proportion, all parts positive
    (non-negative factorisation with the Kullback-Leibler distance), so that a fifth harmonic does not pass
    for a third.
    """
    samples = librosa.resample(mono(audio).astype(np.float32), orig_sr=rate, target_sr=22050)
    bins = (_PITCHES + 12) * _BINS
    spectrum = np.abs(
        librosa.cqt(
            samples,
            sr=22050,
            hop_length=4096,
            fmin=librosa.midi_to_hz(_LOWEST_MIDI) * 2 ** (-1 / 12 / _BINS),
            n_bins=bins,
            bins_per_octave=12 * _BINS,
        )
    )
    spectrum /= spectrum.max()
    templates = _harmonic_templates(bins)
    active = np.ones((_PITCHES, spectrum.shape[1]))
    norm = templates.sum(axis=0)[:, None]
    for _ in range(150):
        active *= (templates.T @ (spectrum / (templates @ active + _EPS))) / norm
    return active


def _harmonic_templates(bins: int) -> FloatArray:
    """Return the constant-Q spectra of notes whose harmonics fall off as in a soft instrument."""
    at = np.arange(bins)[:, None]
    templates = np.zeros((bins, _PITCHES))
    for harmonic in range(1, 9):
        place = _BINS * (np.arange(_PITCHES) + 12 * np.log2(harmonic)) + 1
        templates += 0.5 ** (harmonic - 1) * np.exp(-0.5 * ((at - place) / 0.8) ** 2)
    return templates


def mode_of(audio: npt.NDArray[Any], rate: int, tonic: int) -> str:
    """Return the church mode of a sound whose tonic (pitch class) is told.

    Pitch classes are weighed by how much they sound; the mode is the one whose own degrees outweigh, place
    by place, what neighbouring modes have there.
    """
    active = pitch_activations(audio, rate)
    active = np.minimum(active, np.percentile(active, 99.5))
    weights = np.zeros(12)
    for pitch, sounding in enumerate(active):
        weights[(pitch + _LOWEST_MIDI - tonic) % 12] += sounding.sum()
    weights = np.log(weights / weights.sum() + 1e-3)
    return max(MODES, key=lambda name: weights[list(MODES[name])].sum())


def mean_pitch(audio: npt.NDArray[Any], rate: int) -> float:
    """Return the middle (MIDI) of what sounds from C4 on, weighed by how much it sounds."""
    active = pitch_activations(audio, rate).sum(axis=1)[60 - _LOWEST_MIDI :]
    return float((active * np.arange(60, _LOWEST_MIDI + _PITCHES)).sum() / active.sum())
