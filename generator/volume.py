"""The master volume: the one gain that a person sets, last before the ear and never above 0 dB."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from generator.errors import StateError
from generator.glide import approach
from generator.level import StereoBlock, amplitude
from generator.score import BLOCK_FRAMES, SAMPLE_RATE

VOLUME_RANGE_DB = (-80.0, 0.0)
"""From nothing that could be heard to the level that was set up; there is no louder."""

GLIDE_S = 0.3
"""The least that a change takes."""

FALL_DB_PER_S, RISE_DB_PER_S = 20.0, 8.0
"""The fastest down, so that silence is four seconds away, and up: from silence in ten."""


class Volume:
    """Where the master volume stands, on its way to what was asked for.

    What is asked for before the first block is there at once; nothing could be heard to jump.

    Attributes
    ----------
    asked_db : float
        What was last asked for.
    """

    def __init__(self) -> None:
        self.asked_db = 0.0
        self._db: float | None = None
        self._slope = 0.0

    def ask(self, db: float) -> None:
        """Go to `db`, in 0.3 s or, if it is far, at 20 dB a second down and 8 up.

        Raises
        ------
        StateError
            If that lies outside −80 to 0.
        """
        self.asked_db = checked(db)
        if self._db is not None:
            fastest = FALL_DB_PER_S if self.asked_db < self._db else RISE_DB_PER_S
            self._slope = min(abs(self.asked_db - self._db) / GLIDE_S, fastest)

    def apply(self, block: StereoBlock) -> StereoBlock:
        """Return the next block of sound, shape (800, 2), at its volume."""
        before = self.asked_db if self._db is None else self._db
        self._db = approach(before, self.asked_db, self._slope * BLOCK_FRAMES / SAMPLE_RATE)
        if before == self._db == 0.0:
            return block
        gains = np.linspace(amplitude(before), amplitude(self._db), BLOCK_FRAMES + 1, dtype=np.float32)[1:]
        return block * gains[:, None]

    def heard(self, heard: Mapping[str, float] | None) -> Mapping[str, float] | None:
        """Return what a listener heard, its level at this volume."""
        return heard and {**heard, "level_db": heard["level_db"] + self.asked_db}


def checked(db: float) -> float:
    """Return a volume that there is.

    Raises
    ------
    StateError
        If it lies outside −80 to 0 dB.
    """
    low, high = VOLUME_RANGE_DB
    if not (math.isfinite(db) and low <= db <= high):
        raise StateError(f"volume is {db} dB; it must lie between {low:g} and {high:g}")
    return float(db)
