"""Levels of a sound, told from its samples alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy.signal import lfilter

FloatArray = npt.NDArray[np.float64]


def mono(audio: npt.NDArray[Any]) -> FloatArray:
    """Return the middle of a stereo sound."""
    audio = np.asarray(audio, dtype=np.float64)
    return audio if audio.ndim == 1 else audio.mean(axis=1)


def loudness_lufs(audio: npt.NDArray[Any], rate: int) -> float:
    """Return the integrated loudness."""
    return float(pyloudnorm.Meter(rate).integrated_loudness(np.asarray(audio, dtype=np.float64)))


def k_weighted(audio: npt.NDArray[Any], rate: int) -> FloatArray:
    """Return the sum over both sides of the K-weighted square (ITU-R BS.1770), sample by sample."""
    weighted = np.asarray(audio, dtype=np.float64)
    for filter_ in pyloudnorm.Meter(rate)._filters.values():  # noqa: SLF001 - it offers them no other way
        weighted = lfilter(filter_.b, filter_.a, weighted, axis=0) * filter_.passband_gain
    return np.asarray((weighted**2).sum(axis=1))


def lufs(power: FloatArray | float) -> Any:
    """Return the loudness of a K-weighted mean square."""
    return -0.691 + 10.0 * np.log10(np.maximum(power, 1e-20))


def offset_db(audio: npt.NDArray[Any]) -> float:
    """Return the mean of the samples, the worse side, relative to full scale."""
    means = np.abs(np.asarray(audio, dtype=np.float64).mean(axis=0))
    return float(20 * np.log10(max(float(np.max(means)), 1e-12)))
