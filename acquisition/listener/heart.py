"""Beats by integral pulse frequency modulation, and the electrocardiogram they make."""

from __future__ import annotations

import math

import numpy as np

from acquisition.listener.nerves import Second, ramp
from acquisition.listener.persona import Listener
from acquisition.streams import FloatArray

ECG_RATE_HZ = 250

_LF_HZ = 0.1
_RSA_LAG = 0.6  # radians: heart rate is highest shortly before breathing out begins
_RESONANCE_WIDTH_HZ = 0.012
_WANDER_SD = 0.018
_WANDER_MEMORY = math.exp(-1.0 / 20.0)

# Waves of a beat: place in s from the R wave (those of T stand for RR = 1 s and go with √RR, after Bazett),
# width in s and height as part of the R wave.
_T_FROM = 4
_PLACES_S = np.array([-0.165, -0.026, 0.0, 0.028, 0.235, 0.275])
_WIDTHS_S = np.array([0.022, 0.009, 0.0105, 0.0095, 0.045, 0.030])
_HEIGHTS = np.array([0.10, -0.10, 1.0, -0.20, 0.12, 0.15])
_BEFORE_S, _AFTER_S = 0.3, 0.6
"""How far a beat reaches."""

_WANDER_HZ = np.array([0.043, 0.071, 0.117])
_WANDER_MV = np.array([0.030, 0.020, 0.015])
_BREATH_MV = 0.03
_NOISE_MV = 0.008
_PARTS = np.arange(ECG_RATE_HZ + 1) / ECG_RATE_HZ


class Heart:
    """Beats: ``∫ (1 + m)/T dt = 1``, m = 0.1-Hz rhythm + breathing + slow wandering.

    The part of breathing is largest where breathing is at the resonance of the baroreflex.

    Parameters
    ----------
    listener : Listener
        Whose heart it is.
    rng : Generator
        Drawn from equally often per second.
    """

    def __init__(self, listener: Listener, *, rng: np.random.Generator) -> None:
        self._listener = listener
        self._rng = rng
        self._fraction = float(rng.uniform())  # of the way to the next beat
        self._lf_phase = float(rng.uniform(0.0, 2.0 * math.pi))
        self._wander = _WANDER_SD * float(rng.standard_normal())

    def beats(self, second: Second) -> FloatArray:
        """Return the times of the beats in a second; seconds come one after the other."""
        rate_hz = self._rate(second)
        steps = (rate_hz[1:] + rate_hz[:-1]) / (2.0 * ECG_RATE_HZ)
        cycles = self._fraction + np.concatenate(([0.0], np.cumsum(steps)))
        whole = np.arange(1, math.floor(cycles[-1]) + 1)
        self._fraction = float(cycles[-1]) - whole.size
        return second.number + np.interp(whole, cycles, _PARTS)

    def _rate(self, second: Second) -> FloatArray:
        person = self._listener
        hr_bpm = person.resting_hr_bpm + person.hr_per_arousal_bpm * ramp(second.sympathetic, _PARTS)
        new_wander, lf_unrest = self._rng.standard_normal(2)
        lf_step = 2.0 * math.pi * _LF_HZ * (1.0 + 0.15 * float(lf_unrest))
        lf = person.lf_depth * np.sin(self._lf_phase + lf_step * _PARTS)
        self._lf_phase += lf_step
        # Arousal withdraws the vagus: less breathing in the heart rate.
        rsa_depth = (
            person.rsa_depth * np.exp(-0.3 * ramp(second.arousal, _PARTS)) * ramp(second.breath_depth, _PARTS)
        )
        off = (ramp(second.breath_hz, _PARTS) - person.resonance_hz) / _RESONANCE_WIDTH_HZ
        rsa_depth = rsa_depth * (1.0 + person.resonance_gain / (1.0 + off**2))
        rsa = rsa_depth * np.sin(second.breath_phase_at(_PARTS) - _RSA_LAG)
        wander = self._wander
        self._wander = _WANDER_MEMORY * wander + _WANDER_SD * math.sqrt(1.0 - _WANDER_MEMORY**2) * float(
            new_wander
        )
        return np.asarray(hr_bpm / 60.0 * (1.0 + lf + rsa + ramp((wander, self._wander), _PARTS)))


class Electrodes:
    """The electrocardiogram in mV at `ECG_RATE_HZ`: six Gaussian waves per beat, wander and noise.

    After McSharry 2003 (doi 10.1109/TBME.2003.808805), but laid along time instead of around a limit
    cycle, so that each R maximum stands at its beat.

    Parameters
    ----------
    listener : Listener
        Whose chest they are on.
    rng : Generator
        Drawn from equally often per second.
    """

    def __init__(self, listener: Listener, *, rng: np.random.Generator) -> None:
        self._listener = listener
        self._rng = rng
        self._wander_phases = rng.uniform(0.0, 2.0 * math.pi, _WANDER_HZ.size)
        self._beats = np.empty(0)
        self._intervals_s = np.empty(0)
        self._last_beat: float | None = None

    def add(self, beats: FloatArray) -> None:
        """Take in the beats of the second after the one asked for next."""
        if beats.size == 0:
            return
        before = beats[0] - 0.85 if self._last_beat is None else self._last_beat
        self._beats = np.concatenate((self._beats, beats))
        self._intervals_s = np.concatenate((self._intervals_s, np.diff(beats, prepend=before)))
        self._last_beat = float(beats[-1])

    def samples(self, second: Second) -> FloatArray:
        """Return one second of samples, shape (250,); every beat up to 0.3 s after it is known."""
        parts = _PARTS[:-1]
        times = second.number + parts
        near = self._beats > second.number - _AFTER_S
        self._beats, self._intervals_s = self._beats[near], self._intervals_s[near]
        breath = np.sin(second.breath_phase_at(parts))
        wander = _WANDER_MV @ np.sin(
            2.0 * math.pi * np.outer(_WANDER_HZ, times) + self._wander_phases[:, None]
        )
        noise = _NOISE_MV * self._rng.standard_normal(parts.size)
        # The heart turns and the chest widens with each breath, and the R wave with them.
        waves = self._waves(times) * self._listener.r_wave_mv * (1.0 + 0.05 * breath)
        return np.asarray(waves + wander + _BREATH_MV * breath + noise)

    def _waves(self, times: FloatArray) -> FloatArray:
        here = self._beats < times[-1] + _BEFORE_S
        places = np.tile(_PLACES_S, (int(here.sum()), 1))
        places[:, _T_FROM:] *= np.sqrt(self._intervals_s[here])[:, None]
        distance = times - (self._beats[here][:, None] + places)[:, :, None]
        return np.asarray(
            np.tensordot(_HEIGHTS, np.exp(-0.5 * (distance / _WIDTHS_S[:, None]) ** 2), (0, 1)).sum(axis=0)
        )
