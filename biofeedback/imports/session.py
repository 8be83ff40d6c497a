"""Turns recordings of other programs into a session directory, analysed by the live pipeline."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from acquisition.files.recordings import RecordingSource
from acquisition.streams import UNKNOWN_UNIT, Chunk, ClockPair, Kind, Mark, StreamInfo
from biofeedback.errors import UsageError
from biofeedback.events import BaselineMarker, PhaseMarker
from biofeedback.imports.files import ForeignRecording, RecordedSignal
from biofeedback.intake import (
    UNDERSTOOD,
    OpenSources,
    SignalIntake,
    physiological_streams,
    record_step,
    source_markers,
    step_times,
)
from biofeedback.models import MOMENTS, Moment
from biofeedback.recording.recorder import Recorder
from biofeedback.recording.streams import distinct_labels
from generator.state import Piece
from physiology.pipeline import UNITS, Physiology

REASON = "imported"
PROTOCOL = {"id": "imported", "version": 1, "title": "Imported recording", "phases": []}
WHOLE = "recording"
"""Name and kind of the stretch that is not baseline."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """Result of an import.

    Attributes
    ----------
    duration_s : float
        Seconds from the first sample to the last.
    streams : tuple of str
        Names of the recorded streams.
    left_out : tuple of str
        What could not be read, with the reason.
    not_analysed : tuple of str
        Streams that are recorded but not analysed, with the reason.
    """

    duration_s: float
    streams: tuple[str, ...]
    left_out: tuple[str, ...]
    not_analysed: tuple[str, ...]


def import_recordings(
    files: Sequence[ForeignRecording],
    directory: Path,
    *,
    baseline: tuple[float, float] | None = None,
    scr_threshold_us: float = 0.05,
    progress: Progress = lambda _, __: None,
) -> ImportResult:
    """Write a session directory from recordings, with beats and features of the live pipeline.

    Files are aligned by their absolute start if all have one; else each begins at 0.

    Parameters
    ----------
    files : sequence of ForeignRecording
        The recordings.
    directory : Path
        Must not hold a session.
    baseline : tuple of float, optional
        Begin and end in seconds of the stretch to take as the listener's rest. Without it there is no
        activation.
    scr_threshold_us : float
        Least amplitude of a skin conductance response, in µS.
    progress : callable
        Called with the share done, 0 to 1, and an empty text.

    Raises
    ------
    UsageError
        If no signal could be read, or the baseline ends after the recording.
    RecordingError
        If the directory holds a session or cannot be written.
    """
    left_out = tuple(f"{contents.name}, {what}" for contents in files for what in contents.left_out)
    with_signals = [contents for contents in files if contents.signals]
    zero_s = None  # Unix time of the first signal, where every file states the time
    if with_signals and all(contents.absolute for contents in with_signals):
        zero_s = min(contents.origin_s for contents in with_signals)
    sources, marks = _aligned(files, zero_s)
    if not sources:
        raise UsageError("no signal could be read" + (f": {'; '.join(left_out)}" if left_out else ""))
    end_s = max(float(source.times[-1]) for source in sources)
    if baseline is not None and baseline[1] > end_s:
        raise UsageError(f"the baseline ends at {baseline[1]:g} s, the recording at {end_s:.1f} s")
    streams = [stream for source in sources for stream in source.streams]
    not_analysed = _not_analysed(streams)
    analysable = [stream for stream in streams if stream.kind in UNDERSTOOD and _unit_is_known(stream)]
    chosen = physiological_streams(analysable) if analysable else ()
    opened = OpenSources([*sources, _MarkSource(marks, end_s)])
    intake = SignalIntake(opened, listened_to=chosen, scr_threshold_us=scr_threshold_us)
    recorder = Recorder(
        directory,
        protocol=PROTOCOL,
        protocol_sha256="",
        piece=Piece(),
        inputs=opened.streams,
        t0_s=0.0,
        t0_wall=None if zero_s is None else datetime.fromtimestamp(zero_s, UTC),
        arguments={
            "imported": [
                {
                    "file": contents.name,
                    "format": contents.form,
                    "sha256": contents.sha256,
                    "left_out": contents.left_out,
                }
                for contents in files
            ],
            "not_analysed": list(not_analysed),
            "scr_threshold_uS": scr_threshold_us,
            "time": "virtual",
        },
    )
    recorder.open()
    reason = "the import failed"
    try:
        _pass_through(intake, recorder, end_s, baseline, progress)
        reason = REASON
    finally:
        recorder.close(reason)
    return ImportResult(
        duration_s=end_s,
        streams=tuple(stream.name for stream in opened.streams),
        left_out=left_out,
        not_analysed=not_analysed,
    )


def _aligned(
    files: Sequence[ForeignRecording], common_s: float | None
) -> tuple[list[RecordingSource], list[tuple[StreamInfo, Mark]]]:
    """Return signals and marks on one time base.

    Its 0 is at `common_s` of the files' clocks; with None each file begins at 0.
    """
    names = _Names()
    sources: list[RecordingSource] = []
    marks: list[tuple[StreamInfo, Mark]] = []
    for contents in files:
        zero_s = contents.origin_s if common_s is None else common_s
        sources += [_source(contents, signal, zero_s, names) for signal in contents.signals]
        for stream, texts in contents.marks.items():
            info = StreamInfo(
                stream_id=names.distinct(f"markers={contents.name}:{stream}"),
                name=names.distinct("markers"),
                kind=Kind.MARKERS,
                unit="",
                rate_hz=0.0,
                labels=("text",),
            )
            marks += [
                (info, Mark(stream_id=info.stream_id, time_s=time - zero_s, text=text))
                for time, text in texts
            ]
    return sources, sorted(marks, key=lambda pair: pair[1].time_s)


def _source(
    contents: ForeignRecording, signal: RecordedSignal, zero_s: float, names: _Names
) -> RecordingSource:
    first = signal.channels[0]
    stream = StreamInfo(
        stream_id=names.distinct(f"{signal.kind}={contents.name}:{first.label}"),
        name=names.distinct(signal.kind.value),
        kind=signal.kind,
        unit=first.unit,
        rate_hz=first.rate_hz,
        labels=distinct_labels([channel.label for channel in signal.channels]),
    )
    values = np.column_stack([channel.values for channel in signal.channels])
    return RecordingSource(stream, first.times - zero_s, values, file_time_at_0_s=zero_s)


def _unit_is_known(stream: StreamInfo) -> bool:
    if stream.kind is Kind.EDA and stream.unit == UNKNOWN_UNIT:
        return False  # live it is taken for µS; of a file nobody knows where it comes from
    return stream.unit in UNITS.get(stream.kind.value, (stream.unit,))


def _not_analysed(streams: Sequence[StreamInfo]) -> tuple[str, ...]:
    """Return the reason for each signal that is recorded only."""
    lines, taken = [], set()
    for stream in streams:
        if stream.kind not in UNDERSTOOD:
            lines.append(f"{stream.name}: it is kept and not analysed")
        elif not _unit_is_known(stream):
            unit = UNITS[stream.kind.value][0]
            why = f"it is in {stream.unit}; {unit} is needed"
            if stream.unit == UNKNOWN_UNIT:
                why = f"its unit is not stated; state it, as in {stream.kind}=FILE:COLUMN?unit={unit}"
            lines.append(f"{stream.name}: {why}")
        elif stream.kind in taken:
            lines.append(f"{stream.name}: of several signals of a kind the first is analysed")
        else:
            taken.add(stream.kind)
    return tuple(lines)


class _MarkSource:
    """Marks of a file as a source; those after the last sample come with it."""

    def __init__(self, marks: Sequence[tuple[StreamInfo, Mark]], end_s: float) -> None:
        self.streams = tuple(dict.fromkeys(info for info, _ in marks))
        self._unread = deque(mark for _, mark in marks)
        self._due: list[Mark] = []
        self._end_s = end_s

    @property
    def ended(self) -> bool:
        """Whether the last mark was read."""
        return not self._unread

    def begin(self, t0: float) -> None:
        """Do nothing: an import begins at 0."""

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return nothing: the signals of the file tell its clock."""
        return ()

    def read(self, t: float) -> list[Chunk]:
        """Read the marks up to engine time `t`; `marks` returns them."""
        while self._unread and (self._unread[0].time_s <= t or t >= self._end_s):
            self._due.append(self._unread.popleft())
        return []

    def marks(self) -> tuple[Mark, ...]:
        """Return the marks read since the last call, in order of time."""
        due, self._due = tuple(self._due), []
        return due

    def close(self) -> None:
        """Do nothing: the file is closed."""


def _pass_through(
    intake: SignalIntake,
    recorder: Recorder,
    end_s: float,
    baseline: tuple[float, float] | None,
    progress: Progress,
) -> None:
    """Pass all recordings through the live pipeline into the recording, a second at a time."""
    changes = _course(end_s, baseline)
    times = step_times(end_s, *(at for at, _ in changes))
    for t in times:
        step = intake.step(t)
        record_step(recorder, t, step)
        for marker in source_markers(step.batch, intake.sources.names, 0.0):
            recorder.marker(t, marker.json())
        for phase in (marker for at, marker in changes if at == t):
            recorder.marker(t, phase.json())
            if phase.kind == "baseline" and intake.listened_to:
                _baseline(intake.physiology, recorder, t, phase.event)
        recorder.flush(t)
        progress(t / times[-1] if times[-1] else 1.0, "")


def _baseline(physiology: Physiology, recorder: Recorder, t: float, event: Moment) -> None:
    if event == "begin":
        physiology.begin_baseline(t)
    else:
        recorder.marker(t, BaselineMarker(baseline=physiology.freeze_baseline(t)).json())


def _course(end_s: float, baseline: tuple[float, float] | None) -> list[tuple[float, PhaseMarker]]:
    """Return begin and end of the baseline and of the stretches before and after it, in order of time."""
    last_s = step_times(end_s)[-1]
    spans = [(WHOLE, WHOLE, 0.0, last_s)]
    if baseline is not None:
        begin, end = baseline
        spans = [
            (f"{WHOLE} before baseline", WHOLE, 0.0, begin),
            ("baseline", "baseline", begin, end),
            (WHOLE, WHOLE, end, last_s),
        ]
    return [
        (at, PhaseMarker(name=name, kind=kind, event=event))
        for name, kind, begin, end in spans
        if end > begin
        for at, event in zip((begin, end), MOMENTS, strict=True)
    ]


class _Names:
    """Numbers names that occur again: ``ecg``, ``ecg2``."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def distinct(self, wanted: str) -> str:
        self._taken[wanted] = number = self._taken.get(wanted, 0) + 1
        return wanted if number == 1 else f"{wanted}{number}"
