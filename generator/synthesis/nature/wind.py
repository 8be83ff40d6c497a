"""Wind through trees: gusts whose resonances climb as they grow, faint tones of twigs, rustling leaves."""

from __future__ import annotations

from math import pi

import numpy as np

from generator.score import SAMPLE_RATE, FloatArray
from generator.synthesis.nature.bed import (
    CHUNK_FRAMES,
    CHUNK_S,
    RISE,
    Bed,
    Drift,
    Float32Array,
    NoiseTexture,
    panned,
)
from generator.synthesis.nature.grain_tables import (
    bands,
    dulled,
    evenly_in_octaves,
    onset,
    pink,
    seconds,
    shower,
    trimmed,
)

_MIDDLES_HZ = tuple(80.0 * 2.0 ** (step / 2.0) for step in range(12))
_BANDS_OCTAVES = np.log2(_MIDDLES_HZ)

_TREES = 4
_TREE_PLACES = np.array([0.1, 0.38, 0.66, 0.92])
_TREE_OCTAVES = np.log2([240.0, 330.0, 430.0, 560.0])
"""Where the resonance of each tree lies in middling wind; it climbs with the gust as a vortex tone does."""

_CLIMB_OCTAVES = 1.5
_RESONANCE_OCTAVES = 0.55

_TWIG_HZ = np.array([410.0, 560.0, 760.0])
"""Vortex tones of twigs and wires in middling wind: Strouhal number .2 times speed over thickness."""

_TWIG_PLACES = np.array([0.25, 0.55, 0.8])
_TWIG_SIDES = panned(_TWIG_PLACES, np.ones(3)).astype(np.float32)
_TWIG_LEVEL = 0.14
_LEAF_MIDDLES_HZ = (1700.0, 3400.0, 6800.0, 13600.0)
_LEAF_GAINS = np.array([0.16, 0.2, 0.13, 0.03])
_LEAVES_PER_S = 60.0
_SHELF_HZ, _SHELF = 1600.0, 2.5
_K_POWER = np.where(np.concatenate((_MIDDLES_HZ, _LEAF_MIDDLES_HZ)) > _SHELF_HZ, _SHELF, 1.0)
"""How much the power of each band counts for loudness: BS.1770's shelf of 4 dB."""

_EVENNESS = 0.43
"""How far gusts are evened: 0 not at all, .5 entirely; they are heard in the spectrum more than in level."""

_PASSING_CHUNKS = 12
"""How long a gust takes from one side to the other."""


def leaf(rng: np.random.Generator) -> FloatArray:
    """Return a leaf that brushes another: one to four short scrapes."""
    time_s = seconds(round(0.09 * SAMPLE_RATE))
    sound = np.zeros(time_s.size)
    for _ in range(int(rng.integers(1, 5))):
        begun = np.maximum(time_s - 0.05 * rng.random(), 0.0)
        decay_s = float(evenly_in_octaves(0.002, 0.009, 1, rng)[0])
        sound += (
            rng.random() * onset(begun, 0.003) * np.exp(-begun / decay_s) * rng.standard_normal(time_s.size)
        )
    high = float(evenly_in_octaves(3000.0, 6500.0, 1, rng)[0])
    sound = dulled(sound, high, 3)
    sound -= dulled(sound, 1300.0, 1)[: sound.size]
    return np.asarray(sound / np.abs(sound).max())


class Wind(Bed):
    """Wind in a few trees, from left to right.

    A gust passes from one side to the other. The stronger it is where a tree stands, the higher that
    tree's resonance, the louder its leaves (with the third power of the speed) and the twigs' tones.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, longest=SAMPLE_RATE)
        self._leaves = [trimmed(leaf(rng)) for _ in range(64)]
        air = bands(pink(rng), _MIDDLES_HZ)
        rustle = bands(shower(self._leaves, 900.0, rng, spread=1.0), _LEAF_MIDDLES_HZ)
        self._texture = NoiseTexture(np.concatenate((air, rustle)), rng)
        self._gust = Drift((4.5, 1.1, 0.3), rng)
        self._own = Drift((1.6,) * _TREES, rng)
        self._bend = Drift((0.8,) * _TWIG_HZ.size, rng)
        self._recent = np.zeros(_PASSING_CHUNKS + 1)
        for _ in self._recent:
            self._blow()
        self._waver = Drift((0.09,) * _TWIG_HZ.size, rng)
        self._twig_turns = np.zeros(_TWIG_HZ.size)
        self._twig_hz = _TWIG_HZ.copy()
        self._twig_gains = np.zeros(_TWIG_HZ.size)

    def _blow(self) -> None:
        self._recent[1:] = self._recent[:-1]
        self._recent[0] = np.array([0.75, 0.5, 0.25]) @ self._gust.step()

    def _speed(self, places: FloatArray) -> FloatArray:
        """Return the speed of the wind at places, 0 to 1, about .5 on average."""
        gust = self._recent[np.rint(places * _PASSING_CHUNKS).astype(np.int64)]
        return np.asarray(0.5 + 0.5 * np.tanh(0.8 * gust))

    def chunk(self) -> Float32Array:
        """Return the next `CHUNK_FRAMES` frames, shape (2, n)."""
        self._blow()
        speed = np.clip(self._speed(_TREE_PLACES) + 0.07 * self._own.step(), 0.02, 1.0)
        middles = _TREE_OCTAVES + _CLIMB_OCTAVES * (speed - 0.5)
        away = (_BANDS_OCTAVES[None, :] - middles[:, None]) / _RESONANCE_OCTAVES
        power = (0.6 + 0.5 * speed)[:, None] * (np.exp(-(away**2)) + 0.05 * np.exp(-((away / 3.0) ** 2)))
        leaves = (0.12 + 1.3 * speed**3)[:, None] * _LEAF_GAINS**2
        both = np.concatenate((power, leaves), axis=1)
        sides = panned(_TREE_PLACES, np.ones(_TREES)) ** 2
        self._rustle(speed)
        gains = np.sqrt(sides @ both)
        gains /= (_K_POWER @ both.sum(axis=0)) ** _EVENNESS
        return self._texture.chunk(gains) + self._whistle() + self._grains.take()

    def _rustle(self, speed: FloatArray) -> None:
        rates = _LEAVES_PER_S * (0.06 + speed**3)
        counts = self._rng.poisson(rates * CHUNK_S)
        count = int(counts.sum())
        if count:
            places = np.repeat(_TREE_PLACES, counts) + 0.07 * self._rng.standard_normal(count)
            gains = 0.9 * np.exp(0.7 * self._rng.standard_normal(count))
            self._grains.add_all(
                self._leaves,
                self._rng.integers(0, len(self._leaves), count),
                self._rng.integers(0, CHUNK_FRAMES, count),
                panned(np.clip(places, 0.02, 0.98), np.minimum(gains, 3.0)),
            )

    def _whistle(self) -> Float32Array:
        """Return the tones of the twigs: they waver and follow the speed of the wind."""
        speed = self._speed(_TWIG_PLACES)
        hz = _TWIG_HZ * np.exp2(0.9 * (speed - 0.5) + 0.06 * self._bend.step())
        gains = _TWIG_LEVEL * speed**2 * self._waver.step()
        before_hz, before = self._twig_hz[:, None], self._twig_gains[:, None]
        turns = CHUNK_S * (before_hz * RISE + 0.5 * (hz[:, None] - before_hz) * RISE**2)
        turns += self._twig_turns[:, None]
        sines = np.sin((2 * pi * turns).astype(np.float32))
        tones = (before + (gains[:, None] - before) * RISE).astype(np.float32) * sines
        self._twig_turns, self._twig_hz, self._twig_gains = turns[:, -1] % 1.0, hz, gains
        return np.asarray(_TWIG_SIDES @ tones)
