"""What one process has sounded, on the samples, beats and clock of the whole session."""

from __future__ import annotations

from dataclasses import dataclass, replace

from generator.cues import Begin, Cue
from generator.live.messages import Report, Running
from generator.live.sampleclock import Line, SampleClock
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, BeatEvent, NoteEvent
from generator.state import BEATS_PER_BAR


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Engine time at which the sound of a frame reaches the ear: a line, but never before `floor_s`."""

    line: Line
    first_frame: int
    delay_s: float
    floor_s: float

    def __call__(self, frame: int) -> float:
        """Return the engine time of a frame of the session."""
        return max(self.floor_s, self.line(frame - self.first_frame) + self.delay_s)


class Take:
    """One process's part of the session.

    Its frames go on from those of the take before, by as many samples as time has passed; so frames of the
    whole session run on one axis, and a restart is a gap in it.

    Parameters
    ----------
    running : Running
        What the process said first.
    latency_s : float
        Of the output.
    before : Take, optional
        The take that it follows.
    """

    def __init__(self, running: Running, latency_s: float, before: Take | None = None) -> None:
        self.began_s = running.began_s
        self.latency_frames = running.latency_frames
        self.first_frame = self._first_bar = 0
        self.rendered = self.played = self.late = self.skipped = 0
        self.cpu_s = self.energy_s = 0.0
        self.rebuilt = 0
        self._bars = 0
        self._latency_s = latency_s
        self._clock = SampleClock()
        if before is not None:
            passed = before.first_frame + round((self.began_s - before.began_s) * SAMPLE_RATE)
            end = max(passed, before.first_frame + before.rendered)
            self.first_frame = -(-end // BLOCK_FRAMES) * BLOCK_FRAMES
            self._first_bar = before.bars

    @property
    def bars(self) -> int:
        """How many bars have begun in the session until now."""
        return self._first_bar + self._bars

    @property
    def end_frame(self) -> int:
        """The first sample that this take has not played yet."""
        return self.first_frame + self.played

    def hear(self, report: Report) -> None:
        """Take in a report."""
        self.rendered, self.played = report.rendered, report.played
        self.late, self.skipped, self.cpu_s = report.late, report.skipped, report.cpu_s
        self.rebuilt, self.energy_s = report.rebuilt, report.energy_s
        if report.moment is not None:
            self._clock.hear(*report.moment)
        for beat in report.beats:
            self._bars = beat.bar + 1

    @property
    def line(self) -> Line:
        """When the output takes each sample of this take."""
        return self._clock.line or Line(self.began_s)

    def times(self, floor_s: float) -> FrameTimes:
        """Return the times of session frames, none of them before `floor_s`."""
        delay_s = self.latency_frames / SAMPLE_RATE + self._latency_s
        return FrameTimes(self.line, self.first_frame, delay_s, floor_s)

    def note(self, note: NoteEvent) -> NoteEvent:
        """Return a note with its place in the session."""
        beat = note.beat + self._first_bar * BEATS_PER_BAR
        return replace(note, frame=note.frame + self.first_frame, beat=beat, bar=note.bar + self._first_bar)

    def beat(self, beat: BeatEvent) -> BeatEvent:
        """Return a beat with its place in the session."""
        number = beat.beat + self._first_bar * BEATS_PER_BAR
        return replace(beat, frame=beat.frame + self.first_frame, beat=number, bar=beat.bar + self._first_bar)

    def cue(self, cue: Cue) -> Cue:
        """Return a cue with its place in the session."""
        what = cue.what
        if isinstance(what, Begin):
            what = replace(what, beat=self._first_bar * BEATS_PER_BAR, bar=self._first_bar)
        return Cue(cue.frame + self.first_frame, what)
