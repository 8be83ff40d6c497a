"""The samples of one audio process on the clock, frames and bars of the whole session."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from generator.live.process_pipe import PlaybackReport, PlaybackStarted
from generator.player_events import PlaybackBegin, PlayerEvent
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, BeatEvent, NoteEnd, NoteEvent, SectionEvent
from generator.state import Metre

WINDOW_S = 120
"""How far back the fit looks."""

SETTLED_S = 20
"""From this length on the output's rate is fitted; before, it is taken for nominal."""

LATEST_S = 5
"""The line passes through the samples of the last so many seconds."""


@dataclass(frozen=True, slots=True)
class ClockFit:
    """A fit of engine time to samples: sample n is played at ``start_s + n * seconds_per_frame``."""

    start_s: float
    seconds_per_frame: float = 1.0 / SAMPLE_RATE

    def __call__(self, frame: float) -> float:
        """Return the engine time of a sample."""
        return self.start_s + frame * self.seconds_per_frame


class OutputClock:
    """Fits engine time to the number of samples played.

    A report says how many samples had been handed to the output at an engine time. Scheduling makes reports
    late, never early: of each second the least late one is kept. The slope is the median of slopes between
    the kept reports, as in the estimator of Theil (1950) and Sen (1968), but only of pairs an eighth of the
    span apart: when an output loses a buffer its times step, and few of these pairs span the step.

    Attributes
    ----------
    fit : ClockFit or None
        None before the first report.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[int, float]] = deque(maxlen=WINDOW_S)
        self.fit: ClockFit | None = None

    def observe(self, frames: int, time_s: float) -> None:
        """Take a report into account: at `time_s`, so many samples had been handed over."""
        if self._kept and frames // SAMPLE_RATE == self._kept[-1][0] // SAMPLE_RATE:
            before = self._kept[-1]
            if time_s - frames / SAMPLE_RATE >= before[1] - before[0] / SAMPLE_RATE:
                return
            self._kept[-1] = (frames, time_s)
        else:
            self._kept.append((frames, time_s))
        self.fit = self._fitted()

    def _fitted(self) -> ClockFit:
        frames, times = np.array(self._kept).T
        slope = 1.0 / SAMPLE_RATE
        if len(frames) >= SETTLED_S:
            lag = len(frames) // 8
            slope = float(np.median((times[lag:] - times[:-lag]) / (frames[lag:] - frames[:-lag])))
        starts = (times - slope * frames)[-LATEST_S:]
        return ClockFit(float(np.median(starts)), slope)


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Engine time at which the sound of a frame reaches the ear: the fit, but never before `floor_s`."""

    fit: ClockFit
    first_frame: int
    delay_s: float
    floor_s: float

    def __call__(self, frame: int) -> float:
        """Return the engine time of a frame of the session."""
        return max(self.floor_s, self.fit(frame - self.first_frame) + self.delay_s)


class _Counts(NamedTuple):
    """How many bars, notes and sections have begun."""

    bars: int = 0
    notes: int = 0
    sections: int = 0


class PlaybackSegment:
    """The part of the session that one audio process plays.

    Its frames continue those of the segment before, by as many samples as time has passed: the frames of the
    whole session lie on one axis, and a restart is a gap in it. Its bars, beats, notes and sections are
    counted on from those before.

    Parameters
    ----------
    started : PlaybackStarted
        First message of the process.
    latency_s : float
        Of the output.
    metre : Metre
        Of the piece.
    before : PlaybackSegment, optional
        The segment that it follows.

    Attributes
    ----------
    last : PlaybackReport
        The last report, with the totals of the process.
    begun : tuple of int
        How many bars, notes and sections have begun in the session until now.
    """

    def __init__(
        self,
        started: PlaybackStarted,
        latency_s: float,
        metre: Metre,
        before: PlaybackSegment | None = None,
    ) -> None:
        self.began_s = started.began_s
        self.latency_frames = started.latency_frames
        self.first_frame = 0
        self.last = PlaybackReport()
        self._before: _Counts = before.begun if before else _Counts()
        self.begun: _Counts = self._before
        self._ringing: dict[int, NoteEvent] = {}
        self._latency_s = latency_s
        self._metre = metre
        self._clock = OutputClock()
        if before is not None:
            passed = before.first_frame + round((self.began_s - before.began_s) * SAMPLE_RATE)
            end = max(passed, before.first_frame + before.last.rendered)
            self.first_frame = -(-end // BLOCK_FRAMES) * BLOCK_FRAMES

    @property
    def end_frame(self) -> int:
        """The first sample that has not been played yet."""
        return self.first_frame + self.last.played

    def update(self, report: PlaybackReport) -> None:
        """Take a report into account."""
        self.last = report
        if report.moment is not None:
            self._clock.observe(*report.moment)
        bars, notes, sections = self.begun
        for beat in report.beats[-1:]:
            bars = self._before.bars + beat.bar + 1
        for section in report.sections[-1:]:
            sections = self._before.sections + section.number + 1
        self.begun = _Counts(bars, notes + len(report.notes), sections)
        self._ringing.update({note.number: note for note in report.notes})
        for end in report.note_ends:
            self._ringing.pop(end.note, None)

    def cut_off(self) -> tuple[NoteEnd, ...]:
        """Return the ends of the notes that sounded when the process was lost, as `placed` would."""
        frame = self.last.played - self.latency_frames
        ends = (
            NoteEnd(frame=frame, note=note.number, duration_s=(frame - note.frame) / SAMPLE_RATE)
            for note in self._ringing.values()
        )
        return tuple(map(self._note_end, ends))

    @property
    def fit(self) -> ClockFit:
        """When the output takes each sample of this segment."""
        return self._clock.fit or ClockFit(self.began_s)

    def times(self, floor_s: float) -> FrameTimes:
        """Return the times of session frames, none of them before `floor_s`."""
        delay_s = self.latency_frames / SAMPLE_RATE + self._latency_s
        return FrameTimes(self.fit, self.first_frame, delay_s, floor_s)

    def placed(self, report: PlaybackReport) -> PlaybackReport:
        """Return a report with all that happened in it in its place in the session."""
        return replace(
            report,
            notes=tuple(map(self._note, report.notes)),
            note_ends=tuple(map(self._note_end, report.note_ends)),
            sections=tuple(map(self._section, report.sections)),
            beats=tuple(map(self._beat, report.beats)),
            events=tuple(map(self._event, report.events)),
        )

    def _note(self, note: NoteEvent) -> NoteEvent:
        return replace(
            note,
            frame=note.frame + self.first_frame,
            number=note.number + self._before.notes,
            beat=note.beat + self._before.bars * self._metre.bar,
            bar=note.bar + self._before.bars,
        )

    def _note_end(self, end: NoteEnd) -> NoteEnd:
        return replace(end, frame=end.frame + self.first_frame, note=end.note + self._before.notes)

    def _section(self, section: SectionEvent) -> SectionEvent:
        return replace(
            section,
            frame=section.frame + self.first_frame,
            bar=section.bar + self._before.bars,
            number=section.number + self._before.sections,
        )

    def _beat(self, beat: BeatEvent) -> BeatEvent:
        number = beat.beat + self._before.bars * self._metre.pulses
        return replace(
            beat, frame=beat.frame + self.first_frame, beat=number, bar=beat.bar + self._before.bars
        )

    def _event(self, event: PlayerEvent) -> PlayerEvent:
        action = event.action
        if isinstance(action, PlaybackBegin):
            action = replace(action, beat=self._before.bars * self._metre.pulses, bar=self._before.bars)
        return PlayerEvent(event.frame + self.first_frame, action)
