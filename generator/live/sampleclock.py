"""The output's samples on the engine's clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from generator.score import SAMPLE_RATE

WINDOW_S = 120
"""How far back the fit looks."""

SETTLED_S = 20
"""From this length on the output's rate is fitted; before, it is taken for nominal."""

LATEST_S = 5
"""The line passes through the samples of the last so many seconds."""


@dataclass(frozen=True, slots=True)
class Line:
    """When each sample is played, as far as is known: ``start_s + frame * seconds_per_frame``."""

    start_s: float
    seconds_per_frame: float = 1.0 / SAMPLE_RATE

    def __call__(self, frame: float) -> float:
        """Return the engine time of a sample."""
        return self.start_s + frame * self.seconds_per_frame


class SampleClock:
    """Fits engine time to the number of samples played.

    A report says that at some moment so many samples had been handed to the output. It can be late, by the
    scheduler's delay, and never early: of each second the least late report is kept. The slope is the
    median of slopes between them, as in the estimator of Theil (1950) and Sen (1968), but only of pairs an
    eighth of the span apart: an output that now and then loses a buffer steps, and few of them see a step.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[int, float]] = deque(maxlen=WINDOW_S)
        self._line: Line | None = None

    @property
    def line(self) -> Line | None:
        """The fit; None before the first report."""
        return self._line

    def hear(self, frames: int, time_s: float) -> None:
        """Take a report: at `time_s`, so many samples had been handed over."""
        if self._kept and frames // SAMPLE_RATE == self._kept[-1][0] // SAMPLE_RATE:
            before = self._kept[-1]
            if time_s - frames / SAMPLE_RATE >= before[1] - before[0] / SAMPLE_RATE:
                return
            self._kept[-1] = (frames, time_s)
        else:
            self._kept.append((frames, time_s))
        self._line = self._fit()

    def _fit(self) -> Line:
        frames, times = np.array(self._kept).T
        slope = 1.0 / SAMPLE_RATE
        if len(frames) >= SETTLED_S:
            lag = len(frames) // 8
            slope = float(np.median((times[lag:] - times[:-lag]) / (frames[lag:] - frames[:-lag])))
        starts = (times - slope * frames)[-LATEST_S:]
        return Line(float(np.median(starts)), slope)
