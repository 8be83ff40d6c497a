"""What all nature sounds are made of: single sounds at exact frames, endless textures, slow movements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import pi

import numpy as np
import numpy.typing as npt

from generator.score import BLOCK_FRAMES, SAMPLE_RATE, FloatArray

Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

CHUNK_FRAMES = 4 * BLOCK_FRAMES
"""Frames that are computed at once, 1/15 s: with blocks, most of the time would go into calls."""

CHUNK_S = CHUNK_FRAMES / SAMPLE_RATE
RISE = (np.arange(1, CHUNK_FRAMES + 1) / CHUNK_FRAMES).astype(np.float32)
"""From 0 to 1 over a chunk."""

_HOP_CHUNKS = 8
_SEGMENT_FRAMES = 2 * _HOP_CHUNKS * CHUNK_FRAMES
_APART_FRAMES = SAMPLE_RATE // 10
_turn = np.linspace(0.0, pi / 2, _HOP_CHUNKS * CHUNK_FRAMES, endpoint=False).reshape(_HOP_CHUNKS, -1)
_FADE_IN = np.sin(_turn).astype(np.float32)
_FADE_OUT = np.cos(_turn).astype(np.float32)


class GrainMixer:
    """Adds single sounds at exact frames and returns the sum chunk by chunk.

    Parameters
    ----------
    longest : int
        Frames from the beginning of the next chunk to the end of the last sound that may be added.
    """

    _CHUNKS = 15

    def __init__(self, longest: int) -> None:
        self._sum = np.zeros((2, self._CHUNKS * CHUNK_FRAMES + longest), dtype=np.float32)
        self._at = 0

    def add(self, grain: Float32Array, frame: int, gains: FloatArray) -> None:
        """Add a sound.

        Parameters
        ----------
        grain : ndarray, shape (n,) or (2, n)
            The sound.
        frame : int
            Where it begins, counted from the beginning of the next chunk.
        gains : ndarray, shape (2,)
            Its gain left and right.
        """
        start = self._at + frame
        self._sum[:, start : start + grain.shape[-1]] += gains[:, None].astype(np.float32) * grain

    def add_all(
        self, grains: Sequence[Float32Array], picks: IntArray, frames: IntArray, gains: FloatArray
    ) -> None:
        """Add some of these grains: which, from which frames, with which gains, shape (2, n)."""
        for pick, frame, pair in zip(picks.tolist(), frames.tolist(), gains.T, strict=True):
            self.add(grains[pick], frame, pair)

    def take(self) -> Float32Array:
        """Return the next chunk, shape (2, n)."""
        chunk = self._sum[:, self._at : self._at + CHUNK_FRAMES].copy()
        self._at += CHUNK_FRAMES
        if self._at == self._CHUNKS * CHUNK_FRAMES:
            rest = self._sum[:, self._at :].copy()
            self._sum[:, : rest.shape[1]] = rest
            self._sum[:, rest.shape[1] :] = 0.0
            self._at = 0
        return chunk

    def clear(self) -> None:
        """Forget every sound that has begun or is still to come."""
        self._sum[:] = 0.0
        self._at = 0


class NoiseTexture:
    """An endless sound of several bands with moving gains.

    Segments of a second from random places of the bands' tables, other ones left and right, are
    crossfaded to even power: the tables never play through, so nothing is heard to repeat.

    Parameters
    ----------
    tables : ndarray of float32, shape (bands, frames)
        The sound of each band.
    rng : Generator
        Draws the places.
    width : float
        0 makes both sides alike, 1 independent; the power stays the same.
    """

    def __init__(self, tables: Float32Array, rng: np.random.Generator, *, width: float = 0.75) -> None:
        self._tables = tables
        self._rng = rng
        angle = (1.0 - width) * pi / 4
        self._blend = np.array(
            [[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=np.float32
        )
        self._beginning = [0, _SEGMENT_FRAMES]
        self._ending = self._beginning = self._draw()
        self._beginning = self._draw()
        self._hop = 0
        self._gains: FloatArray | None = None

    def _draw(self) -> list[int]:
        """Return where the next segments begin, left and right.

        None is near another or near where those before it are by then: the same sound twice within
        `_APART_FRAMES` is heard as a comb filter.
        """
        passed = [start + _SEGMENT_FRAMES // 2 for start in self._beginning]
        while True:
            starts = self._rng.integers(0, self._tables.shape[1] - _SEGMENT_FRAMES, 2).tolist()
            if np.diff(np.sort([*passed, *starts])).min() > _APART_FRAMES:
                return list(starts)

    def chunk(self, gains: FloatArray) -> Float32Array:
        """Return the next chunk, shape (2, n); at its end the bands have these gains, shape (2, bands)."""
        before = gains if self._gains is None else self._gains
        self._gains = gains
        slopes = np.stack((before, gains - before), axis=1).astype(np.float32)
        passed = self._hop * CHUNK_FRAMES
        fade_in, fade_out = _FADE_IN[self._hop], _FADE_OUT[self._hop]
        sides = np.empty((2, CHUNK_FRAMES), dtype=np.float32)
        for side in range(2):
            old = self._levels(slopes[side], self._ending[side] + passed + _SEGMENT_FRAMES // 2)
            new = self._levels(slopes[side], self._beginning[side] + passed)
            sides[side] = old * fade_out + new * fade_in
        self._hop += 1
        if self._hop == _HOP_CHUNKS:
            self._ending, self._beginning, self._hop = self._beginning, self._draw(), 0
        return np.asarray(self._blend @ sides)

    def _levels(self, slopes: Float32Array, start: int) -> Float32Array:
        base, change = slopes @ self._tables[:, start : start + CHUNK_FRAMES]
        return np.asarray(base + change * RISE)


class Drift:
    """Slow random movements without a period: noise of unit variance, low-passed twice, within ±2.5.

    Parameters
    ----------
    times_s : sequence of float
        The time constant of each movement, in seconds.
    rng : Generator
        Draws them.
    """

    LIMIT = 2.5

    def __init__(self, times_s: Sequence[float], rng: np.random.Generator) -> None:
        self._rng = rng
        self._keep = np.exp(-CHUNK_S / np.asarray(times_s, dtype=float))
        self._spread = np.sqrt(1.0 - self._keep**2)
        self._fast = rng.standard_normal(self._keep.size)
        # Stationary from the start: the second low-pass halves the variance.
        self._slow = 0.5 * (self._fast + rng.standard_normal(self._keep.size))

    def step(self) -> FloatArray:
        """Return the movements one chunk later, one value for each."""
        self._fast = self._keep * self._fast + self._spread * self._rng.standard_normal(self._keep.size)
        self._slow = self._keep * self._slow + (1.0 - self._keep) * self._fast
        return np.asarray(np.clip(np.sqrt(2.0) * self._slow, -self.LIMIT, self.LIMIT))


class Bed(ABC):
    """A nature sound that goes on for ever.

    Parameters
    ----------
    rng : Generator
        Draws everything.
    longest : int
        As in `GrainMixer`.
    """

    def __init__(self, rng: np.random.Generator, longest: int) -> None:
        self._rng = rng
        self._grains = GrainMixer(longest)

    @abstractmethod
    def chunk(self) -> Float32Array:
        """Return the next `CHUNK_FRAMES` frames, shape (2, n)."""

    def clear(self) -> None:
        """Forget the single sounds that still ring."""
        self._grains.clear()


def panned(places: FloatArray, gains: FloatArray) -> FloatArray:
    """Return gains left and right, shape (2, n), for places from 0 (left) to 1 (right), at even power."""
    angles = places * (pi / 2)
    return np.stack((np.cos(angles) * gains, np.sin(angles) * gains))
