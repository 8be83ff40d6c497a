"""The beat log: each beat is reported once; what changes later is a new line, never a second report."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from physiology.state import Beat, BeatAction

HISTORY_S = 75.0
"""Beats are kept so long: the longest window over beats is 60 s (`physiology.variability`)."""

SAME_BEAT_S = 0.1
"""Two looks that place a beat so near to each other saw the same beat. Convention; a third of the shortest
interval."""

KEPT_BREAKS = 64
"""So many interruptions and withdrawn beats are remembered; more do not fit into what the log keeps."""

SHORTEST_RR_S, LONGEST_RR_S = 0.3, 2.0
"""Intervals outside are artefacts: 30 to 200 bpm. Convention."""

LARGEST_DEVIATION = 0.25
"""An interval that differs by more than this share from the median of those before it is an artefact.
Convention; live artefact rules use 20 to 25 %."""

MEDIAN_INTERVALS = 11
"""That median is of so many intervals, so that a real change of rate is followed after six beats.
Convention."""

LEAST_INTERVALS = 3
"""With fewer intervals before it, an interval is judged by its length alone. Convention."""


class BeatLog:
    """Beats as they stand, the last 75 s of them, with the interval of each."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []
        self._breaks: deque[float] = deque(maxlen=KEPT_BREAKS)
        self._refused: deque[float] = deque(maxlen=KEPT_BREAKS)
        self._next_id = 0

    def add_break(self, time_s: float) -> None:
        """Record that the signal was interrupted before `time_s`: no interval spans it."""
        if not self._breaks or time_s > self._breaks[-1]:
            self._breaks.append(time_s)

    def add(
        self, time_s: float, *, quality: float, known_at_s: float, rr_ms: float | None = None
    ) -> list[Beat]:
        """Add a beat and return the lines for the log: its own and that of the beat after it.

        Parameters
        ----------
        time_s, quality, known_at_s
            As in `Beat`.
        rr_ms : float, optional
            The interval, where the sensor delivers intervals; else it is taken from the beat before.
        """
        place = int(np.searchsorted([beat.r_time_s for beat in self.beats], time_s))
        action = BeatAction.NEW if place == len(self.beats) else BeatAction.INSERTED
        beat = Beat(
            beat_id=self._next_id,
            r_time_s=time_s,
            rr_ms=np.nan,
            quality=quality,
            corrected=False,
            known_at_s=known_at_s,
            action=action,
        )
        self._next_id += 1
        self.beats.insert(place, beat)
        self._set_interval(place, rr_ms)
        return [self.beats[place], *self._follow(place + 1, known_at_s)]

    def withdraw(self, beat_id: int, known_at_s: float) -> list[Beat]:
        """Withdraw a beat and return the lines for the log."""
        place = self._place(beat_id)
        beat = self.beats.pop(place)
        self._refused.append(beat.r_time_s)
        line = replace(beat, known_at_s=known_at_s, action=BeatAction.WITHDRAWN)
        return [line, *self._follow(place, known_at_s)]

    def move(self, beat_id: int, time_s: float, known_at_s: float) -> list[Beat]:
        """Move a beat and return the lines for the log."""
        place = self._place(beat_id)
        self.beats[place] = replace(self.beats[place], r_time_s=time_s)
        return [*self._follow(place, known_at_s, always=True), *self._follow(place + 1, known_at_s)]

    def was_withdrawn(self, time_s: float) -> bool:
        """Return whether a beat was withdrawn here: it is not reported a second time."""
        return any(abs(time_s - refused) <= SAME_BEAT_S for refused in self._refused)

    def forget(self, now: float) -> None:
        """Drop beats older than 75 s."""
        while self.beats and self.beats[0].r_time_s < now - HISTORY_S:
            del self.beats[0]

    def _place(self, beat_id: int) -> int:
        return next(place for place, beat in enumerate(self.beats) if beat.beat_id == beat_id)

    def _follow(self, place: int, known_at_s: float, *, always: bool = False) -> list[Beat]:
        """Update the interval of the beat at `place` after a change before it."""
        if place >= len(self.beats):
            return []
        before = self.beats[place]
        self._set_interval(place)
        after = self.beats[place]
        if not always and (after.rr_ms == before.rr_ms or (np.isnan(after.rr_ms) and np.isnan(before.rr_ms))):
            return []
        self.beats[place] = replace(after, known_at_s=known_at_s, action=BeatAction.MOVED)
        return [self.beats[place]]

    def _set_interval(self, place: int, rr_ms: float | None = None) -> None:
        beat = self.beats[place]
        if rr_ms is None:
            rr_ms = np.nan
            if place > 0:
                previous = self.beats[place - 1].r_time_s
                if not any(previous < at <= beat.r_time_s for at in self._breaks):
                    rr_ms = 1000 * (beat.r_time_s - previous)
        earlier = [other.rr_ms for other in self.beats[:place] if not math.isnan(other.rr_ms)]
        corrected = is_artefact(rr_ms, earlier[-MEDIAN_INTERVALS:])
        self.beats[place] = replace(beat, rr_ms=rr_ms, corrected=corrected)


def is_artefact(rr_ms: float, recent_ms: Sequence[float]) -> bool:
    """Return whether an interval is an artefact: not 0.3–2.0 s, or 25 % off the median of the last 11.

    All intervals count for the median, artefacts too, so that a real change of rate is followed after
    six beats. A missing interval (NaN) is no artefact: there is nothing to correct.
    """
    if math.isnan(rr_ms):
        return False
    if not SHORTEST_RR_S * 1000 <= rr_ms <= LONGEST_RR_S * 1000:
        return True
    if len(recent_ms) < LEAST_INTERVALS:
        return False
    median = statistics.median(recent_ms)
    return abs(rr_ms - median) > LARGEST_DEVIATION * median
