"""Tables of single sounds and of dense showers of them, rendered when a nature sound is made."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
from scipy import fft

from generator.score import SAMPLE_RATE, FloatArray
from generator.synthesis.nature.bed import Float32Array

TABLE_FRAMES = 131_072
"""Length of the tables that textures take their segments from: 2.7 s."""

_INAUDIBLE = 1e-3
"""Where a grain has decayed by 60 dB it is cut off."""


def seconds(frames: int) -> FloatArray:
    """Return the times of this many frames."""
    return np.arange(frames) / SAMPLE_RATE


def evenly_in_octaves(low: float, high: float, count: int, rng: np.random.Generator) -> FloatArray:
    """Return frequencies or times from low to high, at random, as many in every octave."""
    return np.asarray(low * (high / low) ** rng.random(count))


def onset(time_s: FloatArray, attack_s: float | FloatArray) -> FloatArray:
    """Return a smooth rise from 0 to 1 over the attack."""
    done = np.clip(time_s / attack_s, 0.0, 1.0)
    return done**2 * (3.0 - 2.0 * done)


def bubble_damping(hz: float | FloatArray) -> FloatArray:
    """Return how fast a bubble of that pitch decays, in 1/s.

    A bubble of radius r rings at 3/r Hz with damping 0.13/r + 0.0072 r^-1.5 (van den Doel 2005,
    doi 10.1145/1095878.1095879).
    """
    radius_m = 3.0 / np.asarray(hz)
    return np.asarray(0.13 / radius_m + 0.0072 * radius_m**-1.5)


def bubble(hz: float, rise: float, attack_s: float, delay_s: float = 0.0) -> FloatArray:
    """Return a bubble: a decaying tone whose pitch rises, of peak below 1.

    Parameters
    ----------
    hz : float
        Its first pitch.
    rise : float
        How fast it rises, relative to how fast it decays (van den Doel's xi).
    attack_s : float
        Ours, so that nothing ticks.
    delay_s : float
        Silence before it.
    """
    damping = float(bubble_damping(hz))
    time_s = seconds(round((delay_s + attack_s + 7.0 / damping) * SAMPLE_RATE)) - delay_s
    time_s = np.maximum(time_s, 0.0)
    # The rise ends after three decay times: the bubble has reached the surface.
    rising = np.minimum(time_s, 3.0 / damping)
    phase = 2 * pi * hz * (time_s + rise * damping * rising * (time_s - 0.5 * rising))
    return np.asarray(onset(time_s, attack_s) * np.exp(-damping * time_s) * np.sin(phase))


def trimmed(grain: FloatArray) -> Float32Array:
    """Return a grain without its inaudible end, faded out over its last eighth."""
    level = np.abs(grain) if grain.ndim == 1 else np.abs(grain).max(axis=0)
    end = int(np.flatnonzero(level > _INAUDIBLE * level.max())[-1]) + 1
    fade = end // 8
    cut = np.array(grain[..., :end])
    cut[..., end - fade :] *= 0.5 + 0.5 * np.cos(pi * np.arange(1, fade + 1) / fade)
    return cut.astype(np.float32)


def dulled(grain: FloatArray, cutoff_hz: float, order: int = 2) -> FloatArray:
    """Return a grain as it sounds from afar: without what lies above the cutoff."""
    frames = grain.shape[-1] + 256
    hz = np.fft.rfftfreq(frames, 1 / SAMPLE_RATE)
    response = 1.0 / (1.0 + 1j * hz / cutoff_hz) ** order
    return np.fft.irfft(np.fft.rfft(grain, frames) * response, frames)


def shower(
    grains: Sequence[Float32Array], per_s: float, rng: np.random.Generator, *, spread: float = 0.8
) -> FloatArray:
    """Return a table of many grains at random moments that goes round without a seam.

    Parameters
    ----------
    grains : sequence of ndarray, shape (n,)
        Each is used as often as the others.
    per_s : float
        How many begin in a second.
    rng : Generator
        Draws moments and gains.
    spread : float
        Standard deviation of the logarithm of the gains.
    """
    count = round(per_s * TABLE_FRAMES / SAMPLE_RATE)
    longest = max(grain.size for grain in grains)
    table = np.zeros(TABLE_FRAMES + longest, dtype=np.float32)
    gains = (np.exp(spread * rng.standard_normal(count)) * rng.choice((-1.0, 1.0), count)).tolist()
    starts = rng.integers(0, TABLE_FRAMES, count).tolist()
    picks = rng.integers(0, len(grains), count).tolist()
    for pick, start, gain in zip(picks, starts, gains, strict=True):
        grain = grains[pick]
        table[start : start + grain.size] += gain * grain
    table[:longest] += table[TABLE_FRAMES:]
    return table[:TABLE_FRAMES].astype(np.float64)


def pink(rng: np.random.Generator) -> FloatArray:
    """Return a table of pink noise that goes round without a seam."""
    hz = np.fft.rfftfreq(TABLE_FRAMES, 1 / SAMPLE_RATE)
    spectrum = np.exp(2j * pi * rng.random(hz.size)) / np.sqrt(np.maximum(hz, 20.0))
    return np.asarray(fft.irfft(spectrum, TABLE_FRAMES))


def bands(table: FloatArray, middles_hz: Sequence[float]) -> Float32Array:
    """Split a table into bands, each brought to an RMS of 1.

    Each band fades into its neighbours from middle to middle, and what they share is the same sound; so
    the spectrum of their sum has no steps, whatever their gains.

    Returns
    -------
    ndarray of float32, shape (bands, frames)
    """
    spectrum = fft.rfft(table.astype(np.float32))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(table.size, 1 / SAMPLE_RATE), 1.0))
    middles = np.log2(np.asarray(middles_hz))
    edges = np.concatenate(([2 * middles[0] - middles[1]], middles, [2 * middles[-1] - middles[-2]]))
    split = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        away = np.where(
            octaves < middle, (middle - octaves) / (middle - low), (octaves - middle) / (high - middle)
        )
        window = (0.5 + 0.5 * np.cos(np.minimum(away, 1.0) * pi)).astype(np.float32)
        band = fft.irfft(spectrum * window, table.size)
        split.append((band / np.sqrt(np.mean(band**2))).astype(np.float32))
    return np.stack(split)
