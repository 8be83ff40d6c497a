"""Beats of a signal, followed from window to window; of several channels, those of the best."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from physiology.beats.detector import WindowDetection
from physiology.beats.early_detection import (
    APART_S,
    EARLY_RR,
    LATE_RR,
    LIKE_OTHERS,
    LOOK_BACK_S,
    PLAINLY_LIKE,
    EarlyDetector,
    usual_rr,
)
from physiology.beats.log import SAME_BEAT_S, BeatLog
from physiology.beats.waveform import Waveform
from physiology.samples import GAP_INTERVALS, FloatArray, GaplessRun, SampleBuffer, gapless_runs
from physiology.state import Beat, BeatAction
from physiology.variability import is_good

TICKS_PER_SECOND = 10
"""The heart is looked at so often; it is the resolution of `Beat.known_at_s`."""

REVISABLE_S = 4.0
"""Beats older than this are neither moved nor withdrawn, and none is inserted. Convention: what is shown and
recorded must come to rest."""

MOVED_S = 0.01
"""A beat is moved where the confirming look places it further away than this. Convention."""

WITHDRAWN_LIKENESS = 0.2
"""A beat that NeuroKit2 does not see is withdrawn if its likeness to the others is below this; one that looks
like them stays. Development recordings."""

GOOD_QUALITY = 0.5
"""The template learns from beats of at least this quality: the published correlation (see `Waveform`)."""

SHORTEST_EARLY_RUN_S, SHORTEST_RUN_S = 1.0, 3.0
"""Least length of a gapless run for the early and for the confirming look. Development recordings; in 3 s
there are two beats from 40 bpm on."""

SETTLED_S = 0.5
"""After a gap the confirming look does not report beats for so long: the filters settle. Development
recordings."""

EDGE_S = 0.1
"""Nor so near to the end of a run. Development recordings."""

LEARNING_DELAY_S = 1.0
"""The template learns from a beat once it is so old, when its surroundings are known. Convention."""

POLARITY_DATA_S = 5.0
"""Length of a run that says which way up a signal is. Development recordings."""

CLEAR_POLARITY = 0.5
"""Mean evidence from which the polarity is clear (see `Waveform.uprightness`). Development recordings."""

LATEST_POLARITY_S = 10.0
"""So long after the first evidence the polarity is fixed by what there is. Convention."""

POLARITY_BEATS = 3
"""Least number of peaks in a run that count as evidence of polarity. Convention."""

CONFIRM_EVERY_S, CONFIRM_AWAITED_S = 2.5, 1.0
"""NeuroKit2 looks so often where nothing is in doubt, and where beats are overdue; twice a second where one
is in doubt. Chosen by cost (``benchmarks/cost_figures.py``): each look takes some milliseconds."""

BREAKS_S = 3.0
"""Interruptions are looked for in the last seconds only; each is seen several times. Convention."""

OTHER_ELECTRODE_S = 30.0
"""After so long without a good beat the usual amplitude is forgotten: the sensor may sit elsewhere.
Convention."""

NOISE_SHARE = 0.1
"""What is smaller than this share of the usual amplitude is noise on a flat line. Convention, as in
`physiology.fault_reasons.FLAT_SHARE`."""

FIRST_CHOICE_S = 12.0
"""A channel is chosen so long after the first sample at the earliest: the window that a pulse is confirmed
in."""

SCORED_S = 15.0
"""The channels are compared over so long. Development recordings (five phone cameras)."""

BAD, GOOD = 0.3, 0.5
"""Score of a channel that may be left, and of one that may be chosen. Development recordings: of the five
phone cameras one shows no pulse in any channel and must stay below."""

BAD_FOR_S = 15.0
"""A channel is left after it was bad for so long. Convention: beats of two channels differ by some hundredths
of a second, so the choice must not flicker."""

REVISABLE_BEATS = 64
"""So many reported beats may still get a line; more do not fit into `REVISABLE_S`."""


@dataclass(frozen=True, slots=True)
class DetectedBeat:
    """A beat that the confirming look sees in the present window."""

    time_s: float
    detection: WindowDetection
    index: int


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
        self._early = EarlyDetector(waveform)
        self._in_doubt = True
        self._confirmed_s = -np.inf
        self._likeness: dict[int, float] = {}
        self._learned_s = -np.inf

    @property
    def usual_amplitude(self) -> float | None:
        """Median peak-to-peak amplitude of the last 11 good beats, None where there are none."""
        return statistics.median(self._amplitudes) if self._amplitudes else None

    def update(self, now: float, buffer: SampleBuffer) -> list[Beat]:
        """Return what changed by `now`, a multiple of 1/10 s, as lines of the beat log."""
        lines = self._report_early(now, buffer)
        tick = round(now * TICKS_PER_SECOND)
        if tick % TICKS_PER_SECOND == 0:
            self._record_breaks(now, buffer)
        if tick % (TICKS_PER_SECOND // 2) == 0 and self._is_confirmation_due(now):
            lines += self._confirm(now, buffer)
            self._confirmed_s = now
        return lines

    def _is_confirmation_due(self, now: float) -> bool:
        """Return whether to look again: twice a second in doubt, once if beats are overdue, else seldom."""
        if self._in_doubt:
            return True
        beats = self.log.beats
        awaited = (
            not self._early.template.learned
            or not beats
            or now - beats[-1].r_time_s > LATE_RR * usual_rr(beats[-12:]) + SETTLED_S
        )
        return now - self._confirmed_s >= (CONFIRM_AWAITED_S if awaited else CONFIRM_EVERY_S)

    def _report_early(self, now: float, buffer: SampleBuffer) -> list[Beat]:
        times, values = buffer.window(now - LOOK_BACK_S, now)
        if self._polarity is None or self._early.is_idle(times, values, self._polarity):
            return []
        runs = self._runs(times, values, shortest_s=SHORTEST_EARLY_RUN_S)
        if not runs:
            return []
        early = self._early.update(now, runs[-1], self._polarity, self.log.beats[-12:], self._likeness)
        self._in_doubt = self._in_doubt or early.left_open
        lines: list[Beat] = []
        for beat in early.beats:
            self._in_doubt = self._in_doubt or beat.likeness < PLAINLY_LIKE
            if not self.log.was_withdrawn(beat.time_s):
                added = self.log.add(beat.time_s, quality=beat.quality, known_at_s=now)
                self._likeness[added[0].beat_id] = beat.likeness
                lines += added
        return lines

    def _runs(self, times: FloatArray, values: FloatArray, *, shortest_s: float) -> list[GaplessRun]:
        gap_s = self._waveform.gap_s
        return gapless_runs(times, values, rate_hz=self._rate_hz, gap_s=gap_s, shortest_s=shortest_s)

    def _confirm(self, now: float, buffer: SampleBuffer) -> list[Beat]:
        """Look at the whole window with NeuroKit2: confirm, move, withdraw or insert."""
        runs = self._runs(*buffer.window(now - self._waveform.window_s, now), shortest_s=SHORTEST_RUN_S)
        if self._polarity is None:
            self._find_polarity(now, runs)
        if self._polarity is None:
            return []
        if now - self._newest_sure_s > OTHER_ELECTRODE_S:
            self._amplitudes.clear()
        self._in_doubt = False
        lines: list[Beat] = []
        for run in runs:
            seen = self._credible(WindowDetection(self._waveform, run, self._polarity))
            lines += self._reconcile(now, run, seen)
            self._learn(now, run, seen)
        self.log.forget(now)
        oldest = self.log.beats[0].beat_id if self.log.beats else 0
        self._likeness = {beat_id: r for beat_id, r in self._likeness.items() if beat_id >= oldest}
        return lines

    def _learn(self, now: float, run: GaplessRun, seen: list[DetectedBeat]) -> None:
        """Let the template learn from beats that were seen again and look like the others."""
        until = now - LEARNING_DELAY_S
        fresh = [c for c in seen if self._learned_s < c.time_s <= until]
        good = [c for c in fresh if c.detection.quality(c.index) >= GOOD_QUALITY]
        if good:
            self._newest_sure_s = now
            self._amplitudes.extend(float(c.detection.amplitudes[c.index]) for c in good)
            self._early.template.learn(
                run, self._polarity or 1, [c.time_s for c in good], [c.time_s for c in seen]
            )
        self._learned_s = max(self._learned_s, until)

    def _record_breaks(self, now: float, buffer: SampleBuffer) -> None:
        """Record where the signal was interrupted in the last seconds."""
        start = now - BREAKS_S
        times, _ = buffer.window(start, now)
        longest = max(self._waveform.gap_s, GAP_INTERVALS / self._rate_hz if self._rate_hz else 0.0)
        if times.size:
            for time in times[1:][np.diff(times) > longest]:
                self.log.add_break(float(time))
            if times[0] - start > longest:
                self.log.add_break(float(times[0]))

    def _find_polarity(self, now: float, runs: list[GaplessRun]) -> None:
        """Fix the polarity when its evidence is clear on average, or 10 s after the first of it."""
        for run in runs:
            if run.end_s - run.start_s < POLARITY_DATA_S - EDGE_S:
                continue
            detection = WindowDetection(self._waveform, run, 1)
            if detection.peaks.size >= POLARITY_BEATS:
                self._evidence.append((now, detection.uprightness()))
        if self._evidence:
            mean = float(np.mean([evidence for _, evidence in self._evidence]))
            if abs(mean) >= CLEAR_POLARITY or now - self._evidence[0][0] >= LATEST_POLARITY_S:
                self._polarity = 1 if mean >= 0 else -1

    def _credible(self, detection: WindowDetection) -> list[DetectedBeat]:
        """Drop what is less than a tenth of the usual amplitude: noise on a flat line."""
        floor = NOISE_SHARE * (self.usual_amplitude or 0.0)
        return [
            DetectedBeat(float(time), detection, index)
            for index, (time, amplitude) in enumerate(zip(detection.times, detection.amplitudes, strict=True))
            if amplitude > floor
        ]

    def _reconcile(self, now: float, run: GaplessRun, seen: list[DetectedBeat]) -> list[Beat]:
        """Compare what is seen in a run with what was reported; return the differences."""
        first, last = run.start_s + SETTLED_S, min(now - self._waveform.margin_s, run.end_s - EDGE_S)
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
            time_s = candidate.time_s
            newest = log.beats[-1].r_time_s if log.beats else -np.inf
            may_be_added = first <= time_s <= last and (time_s >= newest or time_s > revisable)
            beside = any(abs(time_s - beat.r_time_s) < APART_S for beat in log.beats[-32:])
            if may_be_added and not beside and not log.was_withdrawn(time_s):
                lines += self._report(candidate, run, now)
        return lines

    def _report(self, candidate: DetectedBeat, run: GaplessRun, now: float) -> list[Beat]:
        """Report what only NeuroKit2 sees, unless it looks unlike the others and comes early."""
        likeness = candidate.detection.quality(candidate.index)
        near = min((abs(candidate.time_s - beat.r_time_s) for beat in self.log.beats[-32:]), default=np.inf)
        if likeness < LIKE_OTHERS and near < EARLY_RR * usual_rr(self.log.beats[-12:]):
            return []
        judged = self._early.judge(run, self._polarity or 1, candidate.time_s, self.log.beats[-16:])
        added = self.log.add(candidate.time_s, quality=min(likeness, judged), known_at_s=now)
        self._likeness[added[0].beat_id] = likeness
        return added


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """Which of several channels of a pulse is used, and how well each shows it.

    Attributes
    ----------
    label : str
        The channel that is used.
    scores : mapping of str to float
        The scores of all channels, 0 to 1, by their labels (see `channel_score`).
    """

    label: str
    scores: Mapping[str, float]

    @property
    def text(self) -> str:
        """The choice in words."""
        others = ", ".join(
            f"{label} {score:.2f}" for label, score in self.scores.items() if label != self.label
        )
        return f"{self.label} shows the pulse best ({self.scores[self.label]:.2f}; {others})"


class ChannelSelector:
    """Beats of the best of several channels of one pulse; a single channel is used as it is.

    A camera's red, green and blue see the same pulse, one well and another hardly, and which one depends on
    the phone and the finger. Beats are looked for in all of them. A channel's score is how much of the last
    15 s its good beats fill, times their quality. The best is chosen once its score is 0.5, 12 s after the
    first sample at the earliest, and kept unless it is bad for 15 s while another is good: beats of two
    channels differ by some hundredths of a second.

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
        Index of the channel that is used, None while none is good enough.
    choice : ChannelChoice or None
        The choice, where there was one.
    """

    def __init__(self, waveform: Waveform, rate_hz: float, labels: Sequence[str]) -> None:
        self.chosen: int | None = 0 if len(labels) == 1 else None
        self.choice: ChannelChoice | None = None
        self._labels = tuple(labels)
        self._trackers = [BeatTracker(waveform, rate_hz) for _ in labels]
        self._started_s: float | None = None
        self._good_s = -np.inf
        self._chosen_s = -np.inf
        self._reported_ids: dict[int, int] = {}
        self._next_id = 0

    @property
    def log(self) -> BeatLog:
        """Beats of the chosen channel, none before there is one."""
        return BeatLog() if self.chosen is None else self._trackers[self.chosen].log

    @property
    def usual_amplitude(self) -> float | None:
        """As `BeatTracker.usual_amplitude`, of the chosen channel."""
        return None if self.chosen is None else self._trackers[self.chosen].usual_amplitude

    def update(self, now: float, buffers: Sequence[SampleBuffer]) -> list[Beat]:
        """Return what changed by `now` as lines of the beat log; there is a buffer for each channel."""
        lines = [tracker.update(now, buffer) for tracker, buffer in zip(self._trackers, buffers, strict=True)]
        if len(self._labels) == 1:
            return lines[0]
        self._choose(now, buffers)
        if self.chosen is None:
            return []
        return [renumbered for line in lines[self.chosen] if (renumbered := self._renumbered(line))]

    def _renumbered(self, line: Beat) -> Beat | None:
        """Return a line numbered across channels, or None if its beat was never reported."""
        if line.action in {BeatAction.NEW, BeatAction.INSERTED} and line.r_time_s > self._chosen_s:
            self._reported_ids[line.beat_id] = self._next_id
            self._next_id += 1
            if len(self._reported_ids) > REVISABLE_BEATS:
                del self._reported_ids[next(iter(self._reported_ids))]
        beat_id = self._reported_ids.get(line.beat_id)
        return None if beat_id is None else replace(line, beat_id=beat_id)

    def _choose(self, now: float, buffers: Sequence[SampleBuffer]) -> None:
        if self._started_s is None and any(buffer.window(now - 1.0, now)[0].size for buffer in buffers):
            self._started_s = now
        if self._started_s is None or now - self._started_s < FIRST_CHOICE_S:
            return
        scores = [channel_score(tracker.log.beats, now) for tracker in self._trackers]
        best = int(np.argmax(scores))
        if self.chosen is not None and scores[self.chosen] >= BAD:
            self._good_s = now
        if best == self.chosen or now - self._good_s < BAD_FOR_S or scores[best] < GOOD:
            return
        self.chosen, self._good_s, self._chosen_s = best, now, now
        self._reported_ids.clear()
        self.choice = ChannelChoice(self._labels[best], dict(zip(self._labels, scores, strict=True)))


def channel_score(beats: Sequence[Beat], now: float) -> float:
    """Return 0 to 1: how much of the last 15 s is filled by good intervals, times their quality."""
    good = [beat for beat in beats if beat.r_time_s > now - SCORED_S and is_good(beat)]
    return min(1.0, sum(beat.rr_ms * beat.quality for beat in good) / 1000 / (SCORED_S - 1))
