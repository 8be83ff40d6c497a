"""Rain on leaves and puddles: single drops near and far, over a shower too dense to be told apart."""

from __future__ import annotations

from math import pi

import numpy as np

from generator.score import SAMPLE_RATE, FloatArray
from generator.synthesis.nature.bed import (
    CHUNK_FRAMES,
    CHUNK_S,
    Bed,
    Drift,
    Float32Array,
    NoiseTexture,
    panned,
)
from generator.synthesis.nature.grain_tables import (
    bands,
    bubble,
    dulled,
    evenly_in_octaves,
    onset,
    seconds,
    shower,
    trimmed,
)

_FARTHEST = 9.0
"""Distance of the farthest single drop, relative to the nearest; beyond it there is the dense shower."""

_FAR = 3.5
"""From this distance on drops sound dulled."""

_DENSE_PER_S = 2200.0
_DENSE_MIDDLES_HZ = (350.0, 700.0, 1400.0, 2800.0, 5600.0, 11200.0)
_DENSE_GAINS = np.array([0.05, 0.09, 0.11, 0.105, 0.08, 0.035])

_LEAF_PER_S, _PUDDLE_PER_S, _DRIP_PER_S = 85.0, 34.0, 3.0
_SHAKE_PER_S = 0.3
_SHAKE_DROPS = (6, 26)
_SHAKE_S = 0.7


def leaf_drop(rng: np.random.Generator) -> FloatArray:
    """Return a drop that strikes a leaf: a soft thud, a few damped modes, a spatter of noise."""
    time_s = seconds(SAMPLE_RATE // 25)
    hz = evenly_in_octaves(600.0, 10000.0, 5, rng)
    decay_s = evenly_in_octaves(0.0015, 0.006, 5, rng) * (1500.0 / hz) ** 0.7
    modes = np.exp(-time_s / decay_s[:, None]) * np.sin(
        2 * pi * hz[:, None] * time_s + 6.3 * rng.random((5, 1))
    )
    spatter = rng.standard_normal(time_s.size) * np.exp(-time_s / evenly_in_octaves(0.0004, 0.003, 1, rng))
    sound = ((rng.random(5) + 0.2) * (1500.0 / hz) ** 0.4) @ modes + 0.5 * dulled(spatter, 6000.0)[
        : time_s.size
    ]
    sound *= onset(time_s, 0.0004 + 0.001 * rng.random())
    return np.asarray(sound / np.abs(sound).max())


def puddle_drop(rng: np.random.Generator, low_hz: float, high_hz: float) -> FloatArray:
    """Return a drop that falls into water: a faint impact and, some milliseconds later, its bubble."""
    hz = float(evenly_in_octaves(low_hz, high_hz, 1, rng)[0])
    ring = bubble(hz, 0.02 + 0.08 * rng.random(), 0.0015, 0.004 + 0.02 * rng.random())
    impact = 0.25 * leaf_drop(rng)
    sound = np.zeros(max(ring.size, impact.size))
    sound[: ring.size] += ring
    sound[: impact.size] += impact
    return sound


class Rain(Bed):
    """Rain on leaves and puddles.

    Drops fall at random moments whose rate swells and ebbs; now and then a branch is shaken and drips at
    once. They come from everywhere on a plane around the listener, so that near ones are rare and loud:
    the gain is 1/distance, and as many lie at a distance as its ring has room for.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, longest=SAMPLE_RATE * 3 // 2)
        leaves = [leaf_drop(rng) for _ in range(120)]
        puddles = [puddle_drop(rng, 1300.0, 6500.0) for _ in range(56)]
        drips = [puddle_drop(rng, 520.0, 1300.0) for _ in range(20)]
        self._near = [[trimmed(grain) for grain in kind] for kind in (leaves, puddles, drips)]
        self._far: list[list[Float32Array]] = [
            [trimmed(dulled(grain, 2600.0)) for grain in kind] for kind in (leaves, puddles, drips)
        ]
        dense = shower([*self._far[0], *self._near[0][::3], *self._far[1][::3]], _DENSE_PER_S, rng)
        self._dense = NoiseTexture(bands(dense, _DENSE_MIDDLES_HZ), rng)
        self._swell = Drift((3.5, 17.0), rng)
        self._colour = Drift((2.0,) * _DENSE_GAINS.size, rng)

    def chunk(self) -> Float32Array:
        """Return the next `CHUNK_FRAMES` frames, shape (2, n)."""
        fast, slow = self._swell.step()
        swell = 0.10 * fast + 0.05 * slow
        self._drop(0, _LEAF_PER_S * np.exp(1.5 * swell), 0.9)
        self._drop(1, _PUDDLE_PER_S * np.exp(swell), 1.0)
        self._drop(2, _DRIP_PER_S, 0.6)
        if self._rng.random() < _SHAKE_PER_S * CHUNK_S:
            self._shake()
        gains = _DENSE_GAINS * np.exp(0.35 * swell + 0.08 * self._colour.step())
        return self._dense.chunk(np.stack((gains, gains))) + self._grains.take()

    def _drop(self, kind: int, per_s: float, gain: float) -> None:
        count = int(self._rng.poisson(per_s * CHUNK_S))
        if count:
            frames = self._rng.integers(0, CHUNK_FRAMES, count)
            self._add(kind, frames, 0.04 + 0.92 * self._rng.random(count), gain)

    def _shake(self) -> None:
        """Let a branch drip at once: many drops from one place within most of a second."""
        count = int(self._rng.integers(*_SHAKE_DROPS))
        moments = _SHAKE_S * self._rng.beta(1.6, 3.0, count)
        places = np.clip(self._rng.random() + 0.06 * self._rng.standard_normal(count), 0.05, 0.95)
        self._add(0, (moments * SAMPLE_RATE).astype(np.int64), places, 0.55)

    def _add(self, kind: int, frames: np.ndarray, places: FloatArray, gain: float) -> None:
        count = frames.size
        distance = np.sqrt(1.0 + (_FARTHEST**2 - 1.0) * self._rng.random(count))
        size = np.exp(0.6 * self._rng.standard_normal(count))
        gains = panned(places, gain * np.minimum(size, 1.8) * 2.4 / distance)
        picks = self._rng.integers(0, len(self._near[kind]), count)
        far = distance > _FAR
        self._grains.add_all(self._far[kind], picks[far], frames[far], gains[:, far])
        self._grains.add_all(self._near[kind], picks[~far], frames[~far], gains[:, ~far])
