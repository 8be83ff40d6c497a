"""The beat log: each beat announced once, corrected in public, never announced again."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from physiology.early import (
    EARLY_RR,
    LATE_RR,
    LIKE_OTHERS,
    LOOK_BACK_S,
    PLAINLY_LIKE,
    EarlyStage,
    usual_rr,
)
from physiology.samples import FloatArray, Run, SampleBuffer, gapless_runs
from physiology.state import Beat, BeatAction
from physiology.waveform import Detection, Waveform

HOPS_PER_SECOND = 10
HISTORY_S = 75.0
REVISABLE_S = 4.0
SAME_BEAT_S = 0.1
REFRACTORY_S = 0.25
MOVED_S = 0.01
WITHDRAWN_LIKENESS = 0.2
SHORTEST_RUN_S = 3.0
SETTLED_S = 0.5
POLARITY_DATA_S = 5.0
CONFIRM_EVERY_S = 2.5
BREAKS_S = 3.0
SHORTEST_RR_S, LONGEST_RR_S = 0.3, 2.0
LARGEST_DEVIATION = 0.25


@dataclass(frozen=True, slots=True)
class Candidate:
    """A beat seen in the present window."""

    time_s: float
    detection: Detection
    index: int


class BeatLog:
    """Beats as they stand, the last 75 s of them."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []
        self._breaks: deque[float] = deque(maxlen=64)
        self._refused: deque[float] = deque(maxlen=64)
        self._next_id = 0

    def add_break(self, time_s: float) -> None:
        """Note that the signal was interrupted before `time_s`: no interval spans it."""
        if not self._breaks or time_s > self._breaks[-1]:
            self._breaks.append(time_s)

    def add(
        self, time_s: float, *, quality: float, known_at_s: float, rr_ms: float | None = None
    ) -> list[Beat]:
        """Announce a beat and return the lines for the log: its own and that of the beat behind it.

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
        """Take a beat back and return the lines for the log."""
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
        """Tell whether a beat was taken back here: it is not announced a second time."""
        return any(abs(time_s - refused) <= SAME_BEAT_S for refused in self._refused)

    def forget(self, now: float) -> None:
        """Let go of beats older than 75 s."""
        while self.beats and self.beats[0].r_time_s < now - HISTORY_S:
            del self.beats[0]

    def _place(self, beat_id: int) -> int:
        return next(place for place, beat in enumerate(self.beats) if beat.beat_id == beat_id)

    def _follow(self, place: int, known_at_s: float, *, always: bool = False) -> list[Beat]:
        """Renew the interval of the beat at `place` after a change before it."""
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
        recent = [other.rr_ms for other in self.beats[:place] if not math.isnan(other.rr_ms)][-11:]
        self.beats[place] = replace(beat, rr_ms=rr_ms, corrected=is_artefact(rr_ms, recent))


def is_artefact(rr_ms: float, recent_ms: Sequence[float]) -> bool:
    """Apply the live artefact rule: RR 0.3–2.0 s and within 25 % of the median of the last 11.

    All intervals count for the median, artefacts too, so that a real change of rate is followed after
    six beats. A missing interval (NaN) is no artefact: there is nothing to correct.
    """
    if math.isnan(rr_ms):
        return False
    if not SHORTEST_RR_S * 1000 <= rr_ms <= LONGEST_RR_S * 1000:
        return True
    if len(recent_ms) < 3:
        return False
    median = statistics.median(recent_ms)
    return abs(rr_ms - median) > LARGEST_DEVIATION * median


class BeatTracker:
    """Beats of an ECG or PPG, window after window.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    rate_hz : float
        Nominal rate of the signal, 0 if irregular.
    """

    def __init__(self, waveform: Waveform, rate_hz: float) -> None:
        self.log = BeatLog()
        self._waveform = waveform
        self._rate_hz = rate_hz
        self._polarity: int | None = None
        self._evidence: deque[tuple[float, float]] = deque(maxlen=64)
        self._amplitudes: deque[float] = deque(maxlen=11)
        self._newest_sure_s = -np.inf
        self._early = EarlyStage(waveform)
        self._in_doubt = True
        self._confirmed_s = -np.inf
        self._likeness: dict[int, float] = {}
        self._learned_s = -np.inf

    @property
    def usual_amplitude(self) -> float | None:
        """Median peak-to-peak amplitude of the last good beats, None where there are none."""
        return statistics.median(self._amplitudes) if self._amplitudes else None

    def hop(self, now: float, buffer: SampleBuffer) -> list[Beat]:
        """Look at what ends at `now`, a multiple of 1/10 s; return what changed, as lines of the beat log."""
        lines = self._announce_early(now, buffer)
        tick = round(now * HOPS_PER_SECOND)
        if tick % HOPS_PER_SECOND == 0:
            self._note_breaks(now, buffer)
        if tick % (HOPS_PER_SECOND // 2) == 0 and self._is_confirmation_due(now):
            lines += self._confirm(now, buffer)
            self._confirmed_s = now
        return lines

    def _is_confirmation_due(self, now: float) -> bool:
        """Tell whether to look again: twice a second in doubt, once where beats are awaited, else seldom."""
        if self._in_doubt:
            return True
        beats = self.log.beats
        awaited = (
            not self._early.pattern.learned
            or not beats
            or now - beats[-1].r_time_s > LATE_RR * usual_rr(beats[-12:]) + SETTLED_S
        )
        return now - self._confirmed_s >= (1.0 if awaited else CONFIRM_EVERY_S)

    def _announce_early(self, now: float, buffer: SampleBuffer) -> list[Beat]:
        if self._polarity is None:
            return []
        times, values = buffer.window(now - LOOK_BACK_S, now)
        if self._early.is_idle(times, values, self._polarity):
            return []
        runs = self._runs(times, values, shortest_s=1.0)
        if not runs:
            return []
        told, left_open = self._early.hop(now, runs[-1], self._polarity, self.log.beats[-12:], self._likeness)
        self._in_doubt = self._in_doubt or left_open
        lines: list[Beat] = []
        for beat in told:
            self._in_doubt = self._in_doubt or beat.likeness < PLAINLY_LIKE
            if not self.log.was_withdrawn(beat.time_s):
                added = self.log.add(beat.time_s, quality=beat.quality, known_at_s=now)
                self._likeness[added[0].beat_id] = beat.likeness
                lines += added
        return lines

    def _runs(self, times: FloatArray, values: FloatArray, *, shortest_s: float) -> list[Run]:
        gap_s = self._waveform.gap_s
        return gapless_runs(times, values, rate_hz=self._rate_hz, gap_s=gap_s, shortest_s=shortest_s)

    def _confirm(self, now: float, buffer: SampleBuffer) -> list[Beat]:
        """Look at the whole window by NeuroKit2: confirm, move, withdraw or insert."""
        start = now - self._waveform.window_s
        times, values = buffer.window(start, now)
        runs = self._runs(times, values, shortest_s=SHORTEST_RUN_S)
        if self._polarity is None:
            self._find_polarity(now, runs)
        if self._polarity is None:
            return []
        if now - self._newest_sure_s > 30.0:
            self._amplitudes.clear()  # another electrode, another amplitude
        self._in_doubt = False
        lines: list[Beat] = []
        for run in runs:
            detection = Detection(self._waveform, run, self._polarity)
            seen = self._credible(detection)
            lines += self._reconcile(now, run, seen)
            self._learn(now, run, seen)
        self.log.forget(now)
        oldest = self.log.beats[0].beat_id if self.log.beats else 0
        self._likeness = {beat_id: r for beat_id, r in self._likeness.items() if beat_id >= oldest}
        return lines

    def _learn(self, now: float, run: Run, seen: list[Candidate]) -> None:
        """Keep what beats that were seen again and look like the others have in common."""
        until = now - 1.0
        fresh = [c for c in seen if self._learned_s < c.time_s <= until]
        good = [c for c in fresh if c.detection.quality(c.index) >= 0.5]
        if good:
            self._newest_sure_s = now
            self._amplitudes.extend(float(c.detection.amplitudes[c.index]) for c in good)
            self._early.pattern.learn(
                run, self._polarity or 1, [c.time_s for c in good], [c.time_s for c in seen]
            )
        self._learned_s = max(self._learned_s, until)

    def _note_breaks(self, now: float, buffer: SampleBuffer) -> None:
        """Note where the signal was interrupted lately."""
        start = now - BREAKS_S
        times, _ = buffer.window(start, now)
        longest = max(self._waveform.gap_s, 3 / self._rate_hz if self._rate_hz else 0.0)
        if times.size:
            for time in times[1:][np.diff(times) > longest]:
                self.log.add_break(float(time))
            if times[0] - start > longest:
                self.log.add_break(float(times[0]))

    def _find_polarity(self, now: float, runs: list[Run]) -> None:
        """Fix the polarity once the evidence is clear on average, or after 15 s by what there is."""
        for run in runs:
            if run.end_s - run.start_s < POLARITY_DATA_S - 0.1:
                continue
            detection = Detection(self._waveform, run, 1)
            if detection.peaks.size >= 3:
                self._evidence.append((now, detection.uprightness()))
        if self._evidence:
            mean = float(np.mean([evidence for _, evidence in self._evidence]))
            if abs(mean) >= 0.5 or now - self._evidence[0][0] >= 10.0:
                self._polarity = 1 if mean >= 0 else -1

    def _credible(self, detection: Detection) -> list[Candidate]:
        """Drop what is less than a tenth of the usual amplitude: noise on a flat line."""
        floor = 0.1 * (self.usual_amplitude or 0.0)
        return [
            Candidate(float(time), detection, index)
            for index, (time, amplitude) in enumerate(zip(detection.times, detection.amplitudes, strict=True))
            if amplitude > floor
        ]

    def _reconcile(self, now: float, run: Run, seen: list[Candidate]) -> list[Beat]:
        """Compare what is seen in a run with what was announced; return the differences."""
        first, last = run.start_s + SETTLED_S, min(now - self._waveform.margin_s, run.end_s - 0.1)
        log, lines = self.log, list[Beat]()
        revisable = max(first, now - REVISABLE_S)
        for beat in [beat for beat in log.beats if revisable < beat.r_time_s < last - SAME_BEAT_S]:
            nearest = min((c.time_s for c in seen), key=lambda at: abs(at - beat.r_time_s), default=np.inf)
            if abs(nearest - beat.r_time_s) > SAME_BEAT_S:
                if self._likeness.get(beat.beat_id, beat.quality) < WITHDRAWN_LIKENESS:
                    lines += log.withdraw(beat.beat_id, now)
            elif abs(nearest - beat.r_time_s) > MOVED_S:
                lines += log.move(beat.beat_id, nearest, now)
        for candidate in seen:
            if not first <= candidate.time_s <= last:
                continue
            newest = log.beats[-1].r_time_s if log.beats else -np.inf
            if candidate.time_s < newest and candidate.time_s <= revisable:
                continue
            if any(abs(candidate.time_s - beat.r_time_s) < REFRACTORY_S for beat in log.beats[-32:]):
                continue
            if not log.was_withdrawn(candidate.time_s):
                lines += self._announce(candidate, run, now)
        return lines

    def _announce(self, candidate: Candidate, run: Run, now: float) -> list[Beat]:
        """Announce what only NeuroKit2 sees, but nothing that looks unlike the others and has no room."""
        likeness = candidate.detection.quality(candidate.index)
        near = min((abs(candidate.time_s - beat.r_time_s) for beat in self.log.beats[-32:]), default=np.inf)
        if likeness < LIKE_OTHERS and near < EARLY_RR * usual_rr(self.log.beats[-12:]):
            return []
        judged = self._early.judge(run, self._polarity or 1, candidate.time_s, self.log.beats[-16:])
        quality = min(likeness, judged)
        added = self.log.add(candidate.time_s, quality=quality, known_at_s=now)
        self._likeness[added[0].beat_id] = likeness
        return added
