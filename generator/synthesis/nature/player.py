"""Plays a nature sound at a steady loudness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from zlib import crc32

import numpy as np

from generator.score import BLOCK_FRAMES, FloatArray
from generator.state import REFERENCE_LUFS
from generator.synthesis.nature.bed import CHUNK_FRAMES, Bed
from generator.synthesis.nature.night import Night
from generator.synthesis.nature.rain import Rain
from generator.synthesis.nature.sea import Sea
from generator.synthesis.nature.stream import Stream
from generator.synthesis.nature.wind import Wind


@dataclass(frozen=True, slots=True)
class NatureSound:
    """A nature sound that can be played.

    Attributes
    ----------
    make : callable
        Makes it from a random generator.
    lufs : float
        Its loudness before the gain: measured, mean power over a minute of five or six seeds.
    """

    make: Callable[[np.random.Generator], Bed]
    lufs: float


NATURE_SOUNDS = {
    "rain": NatureSound(Rain, -6.8),
    "stream": NatureSound(Stream, -10.9),
    "wind": NatureSound(Wind, 2.3),
    "sea": NatureSound(Sea, 3.4),
    "night": NatureSound(Night, -9.4),
}
"""The nature sounds by name."""


class NaturePlayer:
    """Plays a nature sound at a steady loudness.

    Parameters
    ----------
    name : str
        One of `NATURE_SOUNDS`.
    level_db : float
        Loudness relative to the reference of −23 LUFS.
    seed : int
        The same seed gives the same samples.
    """

    def __init__(self, name: str, level_db: float, seed: int) -> None:
        sound = NATURE_SOUNDS[name]
        self._bed = sound.make(np.random.default_rng((seed, crc32(name.encode()))))
        self._gain = 10.0 ** ((REFERENCE_LUFS + level_db - sound.lufs) / 20.0)
        self._next_frame: int | None = None
        self._blocks: list[FloatArray] = []

    def step(self, start_frame: int) -> FloatArray:
        """Return the block that begins at a frame, shape (2, 800).

        After a gap the sound goes on where it was, without what rang when it was left.
        """
        if self._next_frame not in (None, start_frame):
            self._bed.clear()
            self._blocks = []
        self._next_frame = start_frame + BLOCK_FRAMES
        if not self._blocks:
            chunk = self._gain * self._bed.chunk().astype(np.float64)
            self._blocks = np.split(chunk, CHUNK_FRAMES // BLOCK_FRAMES, axis=1)
        return self._blocks.pop(0)


def room_db(level_db: float) -> float:
    """Return the dB by which music and nature sound must be softer to be as loud as the music alone."""
    return 10.0 * log10(1.0 + 10.0 ** (level_db / 10.0))
