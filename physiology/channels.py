"""Several channels of one pulse: which of them to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from physiology.beats import BeatLog, BeatTracker
from physiology.samples import SampleBuffer
from physiology.state import Beat, BeatAction
from physiology.waveform import Waveform

FIRST_CHOICE_S = 12.0
SCORED_S = 15.0
DOUBTFUL_QUALITY = 0.3
BAD, GOOD = 0.3, 0.5
BAD_FOR_S = 15.0
REVISABLE_BEATS = 64


class Channels:
    """Beats of the best of several channels of one pulse; a single channel is simply taken.

    A camera's red, green and blue see the same pulse, one well and another hardly, and which one depends
    on the phone and the finger. Beats are looked for in all; a channel's score is how much of the last
    15 s its good beats fill, times their quality. The best is chosen as soon as it is clearly better than
    nothing, 12 s after the first sample at the earliest, and kept unless it is bad for 15 s while another
    is good: beats of two channels differ by some hundredths of a second.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    rate_hz : float
        Nominal rate, 0 if irregular.
    labels : sequence of str
        Names of the channels, one or more.

    Attributes
    ----------
    chosen : int or None
        Which channel is listened to, None while none is good enough.
    why : str or None
        The choice in words, where there was one.
    """

    def __init__(self, waveform: Waveform, rate_hz: float, labels: Sequence[str]) -> None:
        self.chosen: int | None = 0 if len(labels) == 1 else None
        self.why: str | None = None
        self._labels = tuple(labels)
        self._trackers = [BeatTracker(waveform, rate_hz) for _ in labels]
        self._started_s: float | None = None
        self._good_s = -np.inf
        self._chosen_s = -np.inf
        self._told_ids: dict[int, int] = {}
        self._next_id = 0

    @property
    def log(self) -> BeatLog:
        """Beats of the chosen channel, none before there is one."""
        return BeatLog() if self.chosen is None else self._trackers[self.chosen].log

    @property
    def usual_amplitude(self) -> float | None:
        """As `BeatTracker.usual_amplitude`, of the chosen channel."""
        return None if self.chosen is None else self._trackers[self.chosen].usual_amplitude

    def hop(self, now: float, buffers: Sequence[SampleBuffer]) -> list[Beat]:
        """Look at what ends at `now`, a buffer per channel; return what changed, as lines of the log."""
        lines = [tracker.hop(now, buffer) for tracker, buffer in zip(self._trackers, buffers, strict=True)]
        if len(self._labels) == 1:
            return lines[0]
        self._choose(now, buffers)
        if self.chosen is None:
            return []
        return [renumbered for line in lines[self.chosen] if (renumbered := self._renumbered(line))]

    def _renumbered(self, line: Beat) -> Beat | None:
        """Return a line numbered through whatever the channel, or None if it is of a beat never told."""
        if line.action in {BeatAction.NEW, BeatAction.INSERTED} and line.r_time_s > self._chosen_s:
            self._told_ids[line.beat_id] = self._next_id
            self._next_id += 1
            if len(self._told_ids) > REVISABLE_BEATS:
                del self._told_ids[next(iter(self._told_ids))]
        beat_id = self._told_ids.get(line.beat_id)
        return None if beat_id is None else replace(line, beat_id=beat_id)

    def _choose(self, now: float, buffers: Sequence[SampleBuffer]) -> None:
        if self._started_s is None and any(buffer.window(now - 1.0, now)[0].size for buffer in buffers):
            self._started_s = now
        if self._started_s is None or now - self._started_s < FIRST_CHOICE_S:
            return
        scores = [score(tracker.log.beats, now) for tracker in self._trackers]
        best = int(np.argmax(scores))
        if self.chosen is not None and scores[self.chosen] >= BAD:
            self._good_s = now
        if best == self.chosen or now - self._good_s < BAD_FOR_S or scores[best] < GOOD:
            return
        self.chosen, self._good_s, self._chosen_s = best, now, now
        self._told_ids.clear()
        others = ", ".join(
            f"{label} {value:.2f}"
            for place, (label, value) in enumerate(zip(self._labels, scores, strict=True))
            if place != best
        )
        self.why = f"{self._labels[best]} shows the pulse best ({scores[best]:.2f}; {others})"


def score(beats: Sequence[Beat], now: float) -> float:
    """Return 0 to 1: how much of the last 15 s is filled by good intervals, times their quality."""
    good = [
        beat
        for beat in beats
        if beat.r_time_s > now - SCORED_S
        and not (np.isnan(beat.rr_ms) or beat.corrected)
        and beat.quality >= DOUBTFUL_QUALITY
    ]
    return min(1.0, sum(beat.rr_ms * beat.quality for beat in good) / 1000 / (SCORED_S - 1))
