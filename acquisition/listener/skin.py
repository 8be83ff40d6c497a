"""Skin conductance: a level that follows arousal, and responses upon it."""

from __future__ import annotations

import math

import numpy as np

from acquisition.listener.memory import Heard
from acquisition.listener.nerves import Second, ramp
from acquisition.listener.persona import Listener
from acquisition.listener.response import freshness
from acquisition.streams import FloatArray

EDA_RATE_HZ = 32

_SCR_MEDIAN_US = 0.15
_SCR_SPREAD = 0.6  # standard deviation of the logarithm
_SCR_LASTS_S = 30.0
_KERNEL_PEAK = 0.369
_LEVEL_PER_AROUSAL = 0.15
_DRIFT_SD = 0.0006
_NOISE_US = 0.002
_PARTS = np.arange(EDA_RATE_HZ) / EDA_RATE_HZ

NOVELTY_LATENCY_S = 2
"""A change heard in one second is answered two seconds later, thus after 1 to 3 s."""


class Skin:
    """``SCL + Σ aᵢ h(t − tᵢ)``, h = (e^(−t/2) − e^(−t/0.7)) / 0.369, in µS at `EDA_RATE_HZ`.

    Spontaneous responses come at 2·e^(1.1·arousal) a minute, 0.5 to 25, and have a lognormal amplitude
    with a median of 0.15 µS. Changes of the music and what else befalls the listener evoke others.

    Parameters
    ----------
    listener : Listener
        Whose skin it is.
    kappa : float
        The one factor on every effect of music.
    rng : Generator
        Drawn from equally often whatever is heard.
    """

    def __init__(self, listener: Listener, *, kappa: float, rng: np.random.Generator) -> None:
        self._listener = listener
        self._kappa = kappa
        self._rng = rng
        self._drift = 0.0
        self._onsets = np.empty(0)
        self._amplitudes = np.empty(0)

    def samples(self, second: Second, heard: Heard) -> FloatArray:
        """Return one second of samples, shape (32,).

        Parameters
        ----------
        second : Second
            The state.
        heard : Heard
            The music `NOVELTY_LATENCY_S` before.
        """
        spontaneous, orienting, *places = self._rng.uniform(size=4)
        rate_per_min = min(25.0, max(0.5, 2.0 * math.exp(1.1 * second.arousal[0])))
        happens = np.array(
            [
                spontaneous < 1.0 - math.exp(-rate_per_min / 60.0),
                orienting < self._kappa * freshness(self._listener, heard) * heard.novelty,
                second.event_scr_us > 0.0,
            ]
        )
        random = _SCR_MEDIAN_US * np.exp(_SCR_SPREAD * self._rng.standard_normal(2))
        amplitudes = self._listener.scr_gain * np.array([*random, second.event_scr_us])
        lasting = self._onsets > second.number - _SCR_LASTS_S
        onsets = second.number + np.array([*places, 0.0])
        self._onsets = np.concatenate((self._onsets[lasting], onsets[happens]))
        self._amplitudes = np.concatenate((self._amplitudes[lasting], amplitudes[happens]))
        return self._level(second) + self._responses(second.number + _PARTS) + self._noise()

    def _level(self, second: Second) -> FloatArray:
        drift = self._drift
        self._drift += _DRIFT_SD * float(self._rng.standard_normal())
        follows = self._listener.scl_gain * _LEVEL_PER_AROUSAL
        exponent = follows * ramp(second.sympathetic, _PARTS) + ramp((drift, self._drift), _PARTS)
        return np.asarray(self._listener.resting_scl_us * np.exp(exponent))

    def _responses(self, times: FloatArray) -> FloatArray:
        since = np.maximum(0.0, times - self._onsets[:, None])
        kernel = (np.exp(-since / 2.0) - np.exp(-since / 0.7)) / _KERNEL_PEAK
        return np.asarray(self._amplitudes @ kernel)

    def _noise(self) -> FloatArray:
        return _NOISE_US * self._rng.standard_normal(_PARTS.size)
