"""Analyses recordings with the live pipeline and writes its results as tables."""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from acquisition.files.recordings import RecordingSource
from acquisition.sources import open_sources
from acquisition.streams import Kind, Source, StreamInfo
from biofeedback.errors import UsageError
from biofeedback.intake import OpenSources, SignalIntake, long_gaps, step_times
from biofeedback.recording import streams
from biofeedback.recording.storage import atomic_path
from physiology.baseline import Baseline
from physiology.state import Beat, BeatAction, PhysiologyState, Scr

BEAT_COLUMNS = ("time_s", "rr_ms", "quality", "corrected", "known_at_s")
SCR_COLUMNS = ("onset_s", "peak_s", "amplitude_uS", "known_at_s")
FEATURE_COLUMNS = ("time_s", *streams.FEATURES)


@dataclass(kw_only=True)
class Findings:
    """Results of the live pipeline for recordings.

    Attributes
    ----------
    duration_s : float
        Engine time at which all inputs had ended.
    beats : list of Beat
        The beat log.
    scrs : list of Scr
        Skin conductance responses.
    states : list of PhysiologyState
        One for each second.
    baseline : Baseline or None
        The baseline, if one was requested.
    choices : mapping of str to str
        By kind of signal: of several channels, the one that was analysed at the end, and why.
    assumptions : list of str
        A line for each assumption, such as a unit that no file states.
    gaps : list of str
        A line for each long stretch in which a recording has no signal.
    """

    duration_s: float = 0.0
    beats: list[Beat] = field(default_factory=list)
    scrs: list[Scr] = field(default_factory=list)
    states: list[PhysiologyState] = field(default_factory=list)
    baseline: Baseline | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    def median(self, reading: Literal["hr_bpm", "scl_us", "breathing_rate"]) -> float | None:
        """Return the median of the valid 1-Hz values of a reading, in its unit; None where there is none."""
        values = [getattr(state, reading).value for state in self.states]
        valid = [value for value in values if value is not None]
        return statistics.median(valid) if valid else None

    def activation_bases(self) -> dict[str, int]:
        """Return the seconds for which activation was based on ``heart only`` and so on, longest first."""
        bases = Counter(state.activation_basis for state in self.states if state.activation_basis)
        return dict(bases.most_common())

    @property
    def hr_given(self) -> float | None:
        """Share of seconds with a valid heart rate, 0 to 1; None if there is no second."""
        given = [state.hr_bpm.value is not None for state in self.states]
        return sum(given) / len(given) if given else None

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return for each kind of signal what was wrong with it, and for how many seconds; longest first."""
        seconds: dict[str, Counter[str]] = {}
        for state in self.states:
            for kind, signal in state.signals.items():
                if signal.reason:
                    seconds.setdefault(kind, Counter())[signal.reason] += 1
        return {kind: dict(counter.most_common()) for kind, counter in seconds.items()}

    def first_reports(self) -> list[Beat]:
        """Each beat as first reported, never revised."""
        return [beat for beat in self.beats if beat.action in {BeatAction.NEW, BeatAction.INSERTED}]


def stream_recordings(
    inputs: Sequence[str],
    *,
    baseline: tuple[float, float] | None = None,
    scr_threshold_us: float = 0.05,
    progress: Callable[[float, str], None] | None = None,
) -> Findings:
    """Pass recordings through the live pipeline in chunks of one second.

    Results do not depend on the size of chunks: they are those a session would have had.

    Parameters
    ----------
    inputs : sequence of str
        Input specifications of recordings.
    baseline : tuple of float, optional
        Begin and end in seconds of the stretch to freeze as baseline.
    scr_threshold_us : float
        Least amplitude of a skin conductance response, in µS.
    progress : callable, optional
        Called with the share done, 0 to 1, and an empty text.

    Returns
    -------
    Findings
        The results.

    Raises
    ------
    UsageError
        If an input never ends, or the baseline ends after the input.
    """
    sources = open_sources(inputs, seed=0)
    end_s = _recorded_seconds(sources)
    if baseline is not None and baseline[1] > end_s:
        raise UsageError(f"the baseline ends at {baseline[1]:g} s, the input at {end_s:.1f} s")
    intake = SignalIntake(OpenSources(sources), scr_threshold_us=scr_threshold_us)
    physiology = intake.physiology
    findings = Findings(
        duration_s=end_s,
        gaps=long_gaps(sources),
        assumptions=_assumed_units(intake.listened_to),
    )
    begin_s, freeze_s = baseline or (math.inf, math.inf)
    times = step_times(end_s, *(baseline or ()))
    for t in times:
        update = intake.step(t).update
        findings.beats += update.beats
        findings.scrs += update.scrs
        findings.states += update.states
        if t == begin_s:
            physiology.begin_baseline(t)
        if t == freeze_s:
            findings.baseline = physiology.freeze_baseline(t)
        if progress is not None:
            progress(t / times[-1] if times[-1] else 1.0, "")
    findings.choices = {kind: choice.text for kind, choice in physiology.choices().items()}
    return findings


def _recorded_seconds(sources: Sequence[Source]) -> float:
    """Return the engine time at which the last of several recordings ends."""
    ends = []
    for source in sources:
        if not isinstance(source, RecordingSource):
            raise UsageError("a virtual listener never ends; give recordings, such as ecg=rec.csv:ecg_mV@360")
        ends.append(float(source.times[-1]))
    return max(ends)


def _assumed_units(streams: Sequence[StreamInfo]) -> list[str]:
    """Return a line for each stream whose unit nothing states and is taken for the usual one."""
    return [
        f"{stream.name}: nothing states its unit; it is taken for µS (state another, as in ...?unit=uS)"
        for stream in streams
        if stream.kind is Kind.EDA and stream.unit == "a.u."
    ]


def write_tables(findings: Findings, *, beats: Path | None, scrs: Path | None, features: Path | None) -> None:
    """Write the tables that are asked for as CSV; a value that is not valid is an empty cell."""
    if beats is not None:
        first = findings.first_reports()
        _write(beats, BEAT_COLUMNS, ((*streams.beat_row(beat)[1:5], beat.known_at_s) for beat in first))
    if scrs is not None:
        _write(scrs, SCR_COLUMNS, ((*streams.scr_row(scr), scr.known_at_s) for scr in findings.scrs))
    if features is not None:
        _write(
            features, FEATURE_COLUMNS, ((state.t, *streams.feature_row(state)) for state in findings.states)
        )


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[float | None]]) -> None:
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: float | None) -> str:
    # Ten significant digits: more than any sensor has, and 0.1 stays 0.1.
    return "" if value is None or math.isnan(value) else f"{value:.10g}"


def as_json(findings: Findings) -> str:
    """Return a summary as JSON: counts, medians, the baseline's verdict."""
    first = findings.first_reports()
    summary = {
        "duration_s": findings.duration_s,
        "beats": len(first),
        "corrected_beats": sum(beat.corrected for beat in first),
        "scrs": len(findings.scrs),
        "median_hr_bpm": findings.median("hr_bpm"),
        "hr_given": findings.hr_given,
        "median_scl_uS": findings.median("scl_us"),
        "median_breathing_rate": findings.median("breathing_rate"),
        "reasons": findings.reasons(),
        "choices": dict(findings.choices),
        "activation_of": findings.activation_bases(),
        "baseline": None if findings.baseline is None else asdict(findings.baseline),
    }
    return json.dumps(summary, indent=2, ensure_ascii=False)
