"""A stream: bubbles that ring and rise, babbling in clusters at several places, over weak turbulence."""

from __future__ import annotations

import numpy as np

from generator.score import SAMPLE_RATE, FloatArray
from generator.synthesis.nature.bed import (
    CHUNK_S,
    Bed,
    Drift,
    Float32Array,
    IntArray,
    NoiseTexture,
    panned,
)
from generator.synthesis.nature.grain_tables import bands, bubble, pink, shower, trimmed

_LOWEST_HZ, _HIGHEST_HZ = 380.0, 7000.0
_BUBBLES = 260
"""In the table of bubbles, from low to high, evenly in octaves."""

_PLACES = np.array([0.12, 0.28, 0.42, 0.55, 0.7, 0.88])
"""Where the water falls, from left to right."""

_MIDDLES_HZ = np.array([1150.0, 760.0, 1600.0, 950.0, 2000.0, 1300.0])
"""The pitch that the bubbles of each place lie around."""

_LOUDNESS = np.array([0.75, 0.9, 0.85, 0.85, 0.75, 0.7])
_PER_S = 20.0
_GURGLE_SHARE = 0.09
"""Of the bubbles, how many begin a gurgle: a run of bubbles that rise or fall in pitch."""

_GURGLE_BUBBLES = (3, 9)
_TURBULENCE_MIDDLES_HZ = (200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0)
_TURBULENCE_GAINS = np.array([0.045, 0.055, 0.048, 0.034, 0.024, 0.016])


class Stream(Bed):
    """A small stream over stones."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, longest=SAMPLE_RATE)
        hz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BUBBLES)
        # The larger a bubble, the slower it forms and the louder it is.
        self._bubbles = [
            trimmed(
                (_LOWEST_HZ / each) ** 0.12 * bubble(each, 0.13 * rng.random() ** 2, min(0.005, 2.2 / each))
            )
            for each in hz
        ]
        self._step_octaves = np.log2(hz[1] / hz[0])
        dense = shower([grain / np.abs(grain).max() for grain in self._bubbles], 2600.0, rng)
        noise = pink(rng)
        mixed = bands(dense, _TURBULENCE_MIDDLES_HZ) + np.float32(0.5) * bands(noise, _TURBULENCE_MIDDLES_HZ)
        self._turbulence = NoiseTexture(mixed, rng)
        count = _PLACES.size
        self._babble = Drift((0.35,) * count, rng)
        self._flow = Drift((5.0,) * count, rng)
        self._pitch = Drift((1.8,) * count, rng)
        self._flutter = Drift((0.25,) * (2 * _TURBULENCE_GAINS.size), rng)

    def chunk(self) -> Float32Array:
        """Return the next `CHUNK_FRAMES` frames, shape (2, n)."""
        rates = _PER_S * np.exp(0.27 * self._babble.step() + 0.07 * self._flow.step() - 0.04)
        middles = np.log2(_MIDDLES_HZ / _LOWEST_HZ) + 0.3 * self._pitch.step()
        counts = self._rng.poisson(rates * CHUNK_S)
        if counts.any():
            self._begin(np.repeat(np.arange(counts.size), counts), middles)
        flutter = np.exp(0.22 * self._flutter.step().reshape(2, -1))
        return self._turbulence.chunk(_TURBULENCE_GAINS * flutter) + self._grains.take()

    def _begin(self, places: IntArray, middles: FloatArray) -> None:
        """Begin a bubble or a gurgle at each of these places, where pitches lie around these middles."""
        rng, begun = self._rng, places.size
        lengths = np.where(rng.random(begun) < _GURGLE_SHARE, rng.integers(*_GURGLE_BUBBLES, begun), 1)
        of = np.repeat(np.arange(begun), lengths)
        number = np.arange(of.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        first, slope, apart_s, start_s, where, loud, jitter = rng.random((7, begun))[:, of]
        octaves = middles[places[of]] + 2.4 * (first - 0.5) + 0.7 * (slope - 0.5) * number
        octaves += 0.3 * (rng.random(of.size) - 0.5)
        picks = np.clip(np.rint(octaves / self._step_octaves), 0, _BUBBLES - 1).astype(np.int64)
        apart_s = 0.018 + 0.03 * apart_s + 0.004 * jitter
        frames = ((start_s * CHUNK_S + number * apart_s) * SAMPLE_RATE).astype(np.int64)
        gains = _LOUDNESS[places[of]] * (0.1 + 1.6 * (loud * rng.random(of.size)) ** 1.3)
        gains /= lengths[of] ** 0.3  # a run is no louder than its bubbles
        sides = panned(np.clip(_PLACES[places[of]] + 0.16 * (where - 0.5), 0.02, 0.98), gains)
        self._grains.add_all(self._bubbles, picks, frames, sides)
