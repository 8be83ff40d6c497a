"""The first word on a beat: told by its strength, shape and time a quarter of a second after it happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physiology.samples import Run
from physiology.state import Beat, FloatArray
from physiology.waveform import Locator, Waveform

LOOK_BACK_S = 2.0
PLAIN_AHEAD_S = 0.2
DOUBTFUL_AHEAD_S = 0.45
PATIENCE_S = 0.2
FRESH_S = 0.15
RIVAL_S = 0.36
SHARES = (0.55, 2.0)
WEAK_SHARE = 0.3
LIKE_OTHERS = 0.5
EARLY_RR, LATE_RR = 0.65, 1.3
LEARNED_BEATS = 4


@dataclass(frozen=True, slots=True)
class Early:
    """A beat as first seen: its strength as a share of the usual, and quality as in `Beat`."""

    time_s: float
    share: float
    quality: float

    def merit(self, since_s: float, usual_rr_s: float) -> float:
        """Return how much speaks for it: shape, strength, and that it comes when a beat is due."""
        return self.quality - abs(np.log(self.share)) - min(1.0, abs(np.log(since_s / usual_rr_s)))


@dataclass(frozen=True, slots=True)
class _Known:
    strength: float
    shape: FloatArray


class EarlyStage:
    """Beats told by what the beats confirmed before have in common.

    A beat is plain if it is as strong as the others, looks like them and does not come too early; it is told
    as soon as it is seen. Of the doubtful ones, those as strong as the others (or weak, where a beat is
    overdue) are told a quarter of a second later if nothing better turns up beside them. The rest is left
    to the confirming look. Nothing is carried over but what confirmed beats look like.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    """

    def __init__(self, waveform: Waveform) -> None:
        self._waveform = waveform
        self._known: deque[_Known] = deque(maxlen=15)

    def learn(self, run: Run, sign: int, times: Sequence[float]) -> None:
        """Learn from confirmed beats of a run."""
        locator = Locator(self._waveform, run, sign)
        for time in times:
            shape = locator.shape(time)
            if shape is not None:
                self._known.append(_Known(locator.strength_near(time), shape))

    def hop(self, now: float, run: Run, sign: int, log: Sequence[Beat]) -> tuple[list[Early], bool]:
        """Return the beats to be told at `now`, in order of time, and whether another was left open.

        Parameters
        ----------
        now : float
            Engine seconds.
        run : Run
            The last 2 s, up to `now`.
        sign : int
            Polarity.
        log : sequence of Beat
            The last beats as they stand.
        """
        if len(self._known) < LEARNED_BEATS:
            return [], False
        seen = self._candidates(now, Locator(self._waveform, run, sign))
        usual_rr = self._usual_rr(log)
        told: list[Early] = []
        left_open = False
        before = [(beat.r_time_s, beat.quality) for beat in log]
        for candidate in seen:
            time = candidate.time_s
            if not now - DOUBTFUL_AHEAD_S - PATIENCE_S < time <= now - PLAIN_AHEAD_S:
                continue
            if any(abs(time - at) < 0.25 for at, _ in before):
                continue
            since = time - max((at for at, _ in before if at < time), default=-np.inf)
            strong = SHARES[0] <= candidate.share <= SHARES[1]
            plain = strong and candidate.quality >= LIKE_OTHERS and since >= EARLY_RR * usual_rr
            if not plain:
                if time > now - DOUBTFUL_AHEAD_S:
                    continue
                overdue = since > LATE_RR * usual_rr and candidate.quality >= LIKE_OTHERS
                odd = since < EARLY_RR * usual_rr and candidate.quality < LIKE_OTHERS
                rivals = [c for c in seen if 0 < abs(c.time_s - time) < RIVAL_S]
                merit = candidate.merit(since, usual_rr)
                beaten = any(
                    c.merit(max(0.1, since + c.time_s - time), usual_rr) > merit for c in rivals
                ) or any(abs(at - time) < RIVAL_S and quality >= candidate.quality for at, quality in before)
                stray = odd and self._strays(seen, before, time) > 0
                if not (strong or overdue) or beaten or stray:
                    left_open = left_open or strong
                    continue
            told.append(candidate)
            before.append((time, candidate.quality))
        return told, left_open

    def _strays(self, seen: list[Early], before: list[tuple[float, float]], time: float) -> int:
        """Return how many others were seen lately that are no beats: a sign of noise."""
        return sum(
            c.time_s != time and all(abs(c.time_s - at) > 0.1 for at, _ in before)
            for c in seen
            if c.time_s < time + DOUBTFUL_AHEAD_S
        )

    def _usual_rr(self, log: Sequence[Beat]) -> float:
        intervals = [beat.rr_ms for beat in log if not np.isnan(beat.rr_ms) and not beat.corrected]
        return float(np.median(intervals)) / 1000 if len(intervals) >= 3 else 0.5

    def _candidates(self, now: float, locator: Locator) -> list[Early]:
        usual = float(np.median([known.strength for known in self._known]))
        found = []
        for first, last, strength in locator.complexes(WEAK_SHARE * usual):
            time = locator.locate(first, last)
            found.append(Early(time, strength / usual, self._quality(locator, time)))
        return found

    def _quality(self, locator: Locator, time: float) -> float:
        shape = locator.shape(time)
        if shape is None:
            return 0.0
        template = np.median([known.shape for known in self._known], axis=0)
        r = (shape @ template) / max(1e-12, float(np.linalg.norm(shape) * np.linalg.norm(template)))
        quality = np.clip(1 - (1 - r) / (2 * (1 - self._waveform.template_r)), 0, 1)
        return float(quality * locator.peakedness)
