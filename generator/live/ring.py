"""Sound on its way from the renderer to the output: a few blocks ahead, and what was played for a while."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from generator.level import StereoBlock
from generator.score import SAMPLE_RATE

DECLICK_FRAMES = 240
_RISE = (np.arange(1, DECLICK_FRAMES + 1) / DECLICK_FRAMES)[:, None].astype(np.float32)


class Ring:
    """Samples by their number, written by one thread and played by another.

    The output's clock never waits: what is not written in time is silence, and comes too late for ever. So
    sample n always sounds n samples after sample 0.

    Attributes
    ----------
    written, played : int
        Samples so far.
    late : int
        Blocks that were not complete when their turn came.
    skipped : int
        Samples left out because the output had lost so much time.
    """

    FRAMES = 4 * SAMPLE_RATE

    def __init__(self) -> None:
        self._samples = np.zeros((self.FRAMES, 2), dtype=np.float32)
        self._dry = False
        self.written = 0
        self.played = 0
        self.late = 0
        self.skipped = 0

    @property
    def ahead(self) -> int:
        """Samples that are written and not played yet; negative if the renderer is behind."""
        return self.written - self.played

    def write(self, block: StereoBlock) -> None:
        """Append a block; what of it is late is left out, and the rest rises from silence in 5 ms."""
        missed = min(max(0, self.played - self.written), len(block))
        if missed:
            self.late += 1
        fresh = block[missed:]
        if self._dry and len(fresh):
            self._dry = False
            rise = _RISE[: len(fresh)]
            fresh = np.concatenate((fresh[: len(rise)] * rise, fresh[len(rise) :]))
        self._samples[self._places(self.written + missed, len(fresh))] = fresh
        self.written += len(block)

    def play(self, frames: int) -> StereoBlock:
        """Return the next samples; where the renderer is behind, what there is falls to silence in 5 ms."""
        start, end = self.played, self.played + frames
        if self.written < end:
            self._run_dry(max(start, self.written), end)
        self.played = end
        return self.between(start, end)

    def skip(self, frames: int) -> None:
        """Leave samples out; the music crosses over in 5 ms."""
        before = self._samples[self._places(self.played, DECLICK_FRAMES)]
        self.played += frames
        self.skipped += frames
        if self.ahead >= DECLICK_FRAMES:
            after = self._places(self.played, DECLICK_FRAMES)
            self._samples[after] = before + (self._samples[after] - before) * _RISE

    def between(self, start: int, end: int) -> StereoBlock:
        """Return samples that were played lately or are about to be."""
        return self._samples[self._places(start, end - start)]

    def _run_dry(self, start: int, end: int) -> None:
        last = self._samples[(start - 1) % self.FRAMES].copy()
        self._samples[self._places(start, end - start)] = 0.0
        fall = np.linspace(1.0, 0.0, min(end - start, DECLICK_FRAMES), dtype=np.float32)[:, None]
        self._samples[self._places(start, len(fall))] = last * fall
        self._dry = True

    def _places(self, start: int, frames: int) -> npt.NDArray[np.intp]:
        return np.arange(start, start + frames) % self.FRAMES
