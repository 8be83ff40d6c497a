"""The page itself: one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from biofeedback.analysis.goals import REST_TOO, recorded_goals
from biofeedback.analysis.heart_rhythm import PULSE, beats, heart_sources
from biofeedback.analysis.measures import (
    PhaseStatistics,
    Value,
    analyse,
    baseline_of,
    clock,
    footing,
    number,
    phase_table,
    span,
)
from biofeedback.analysis.phases import RecordedPhase, duration_s, numeric, whole_session
from biofeedback.analysis.ratings_commands import commands, ratings, scale_words
from biofeedback.analysis.session_log import session_log
from biofeedback.analysis.summary import session_summary
from biofeedback.recording.reader import Recording
from biofeedback.recording.storage import write_text
from biofeedback.report.figures import EPOCH_MS, beats_figure, overview_figure
from biofeedback.report.panels import gaps, interval_s, overview, pack, raw_streams, thinned

MOST_RAW_SAMPLES = 10_000_000
"""Of all raw signals together; a page with more is slow to open. One hour at 1 kHz is 3.6 million."""


@dataclass(frozen=True, slots=True)
class StatisticsColumn:
    """A column of the per-phase table: its group, heading, unit, digits, whether a change is shown."""

    key: str
    group: str
    heading: str
    unit: str
    digits: int
    compared: bool = False
    signed: bool = False


COLUMNS = (
    StatisticsColumn("hr", "Heart rate", "mean", "bpm", 1, compared=True),
    StatisticsColumn("hr_sd", "Heart rate", "SD", "bpm", 1),
    StatisticsColumn("rmssd", "Variability", "RMSSD", "ms", 0, compared=True),
    StatisticsColumn("sdnn", "Variability", "SDNN", "ms", 0),
    StatisticsColumn("scl", "Skin conductance", "SCL", "µS", 2, compared=True),
    StatisticsColumn("scr_rate", "Skin conductance", "SCR", "per min", 1, compared=True),
    StatisticsColumn("breathing", "Breathing", "rate", "per min", 1, compared=True),
    StatisticsColumn("activation", "Activation", "mean", "z", 2, signed=True),
    StatisticsColumn("heart_activation", "Activation", "heart alone", "z", 2, signed=True),
    StatisticsColumn("eda_activation", "Activation", "skin alone", "z", 2, signed=True),
    StatisticsColumn("usable_hr", "Usable", "HR", "%", 0),
    StatisticsColumn("usable_eda", "Usable", "EDA", "%", 0),
    StatisticsColumn("corrected", "Beats", "corrected", "%", 1),
    StatisticsColumn("hr_window", "Window", "beats", "s", 0),
    StatisticsColumn("eda_window", "Window", "EDA", "s", 0),
)


class TableCell(NamedTuple):
    """A statistic as the per-phase table shows it; `change` is from baseline, empty where it has none."""

    column: StatisticsColumn
    value: Value
    change: str


def write_report(recording: Recording, path: Path) -> None:
    """Write the review of a session as one HTML file that loads nothing from anywhere.

    Parameters
    ----------
    recording : Recording
        Complete or cut off; streams may be empty or missing.
    path : Path
        The file to write; one that exists is replaced once the new one is whole.

    Raises
    ------
    RecordingError
        If a stream of the recording does not hold what it should, or the file cannot be written.
    """
    write_text(path, render(recording))


def render(recording: Recording) -> str:
    """Return the page's HTML."""
    table = phase_table(recording)
    meta, stretches, rated = recording.meta, analyse(recording), ratings(recording)
    pulse = PULSE in heart_sources(recording, whole_session(recording))
    return _template().render(
        title=_title(recording),
        facts=_facts(recording),
        complete=recording.complete,
        summary=session_summary(recording),
        columns=COLUMNS,
        groups=_groups(pulse=pulse),
        rows=_rows(table),
        withheld=_withheld(table),
        stretches=stretches,
        analysis=list(zip(*(stretch.measures for stretch in stretches), strict=True)),
        footing=footing,
        goals=recorded_goals(recording),
        rest_too=REST_TOO,
        ratings=rated,
        scales={each.scale: scale_words(each.scale) for each in rated},
        commands=commands(recording),
        log=session_log(recording),
        pulse=pulse,
        thinned=_too_many(recording) > 1,
        beat_count=beats(recording).r_time_s.size,
        meta={key: meta.get(key) for key in ("protocol_sha256", "seed", "versions", "t0_wall")},
        checksum=((meta.get("end") or {}).get("checksums") or {}).get("session.xdf"),
        data=_json(_data(recording, table)),
        style=Markup(_asset("page.css")),  # noqa: S704 - our own file
        script=Markup(_asset("page.js")),  # noqa: S704 - our own file
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own file
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(clock=clock, number=number)
    return environment.from_string(_asset("page.html"))


def _asset(name: str) -> str:
    return files("biofeedback.report").joinpath(name).read_text(encoding="utf-8")


def _json(value: Any) -> Markup:
    """Return JSON that cannot end the element it stands in, whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _groups(*, pulse: bool) -> list[tuple[str, int]]:
    named = {"Variability": "Pulse-rate variability"} if pulse else {}
    names = [named.get(column.group, column.group) for column in COLUMNS]
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def _rows(table: Sequence[PhaseStatistics]) -> list[tuple[RecordedPhase, list[TableCell]]]:
    """Return the per-phase table: a cell for each of `COLUMNS`."""
    rest = baseline_of(table)
    return [
        (row.phase, [TableCell(column, row[column.key], _change(column, row, rest)) for column in COLUMNS])
        for row in table
    ]


def _change(column: StatisticsColumn, row: PhaseStatistics, rest: PhaseStatistics | None) -> str:
    """Return the change from baseline, empty where there is nothing to compare."""
    if not column.compared or rest is None or rest is row:
        return ""
    before, after = rest[column.key].number, row[column.key].number
    return "" if before is None or after is None else number(after - before, column.digits, signed=True)


def _data(recording: Recording, table: tuple[PhaseStatistics, ...]) -> dict[str, Any]:
    """Return what the page's script draws."""
    end = duration_s(recording)
    phases = tuple(row.phase for row in table)
    every = beats(recording)
    _, peaks = numeric(recording, "scrs", "peak_s")
    return {
        "end_s": end,
        "epoch_ms": EPOCH_MS,
        "overview": json.loads(overview_figure(overview(recording), phases, end).to_json()),
        "beats_figure": json.loads(beats_figure(every, phases, end).to_json()),
        "raw": _raw(recording, end),
        "beats": {
            "times": every.r_time_s.round(4).tolist(),
            "rr_ms": np.where(np.isfinite(every.rr_ms), every.rr_ms, 0).round(1).tolist(),
            "corrected": every.corrected.astype(int).tolist(),
        },
        "scrs": (peaks - recording.t0_s).round(3).tolist(),
        "phases": [asdict(phase) for phase in phases],
        "said": [said for entry in session_log(recording) if entry.phase for said in entry.occurrences],
    }


def _too_many(recording: Recording) -> float:
    """Return how many times too many raw samples there are for the page; 1 or less if they fit."""
    return sum(stream.samples.size for stream in raw_streams(recording)) / MOST_RAW_SAMPLES


def _raw(recording: Recording, end: float) -> list[dict[str, Any]]:
    """Return every channel of every raw signal, at its full rate if the page can hold them all."""
    factor = _too_many(recording)
    packed = []
    for stream in raw_streams(recording):
        for index, label in enumerate(stream.labels):
            times, values = stream.times - recording.t0_s, stream.samples[:, index]
            missing = gaps(times[np.isfinite(values)], interval_s(times), 0.0, end)
            if factor > 1:
                times, values = thinned(times, values, int(times.size / factor / 2))
            packed.append(
                {
                    "title": stream.kind if len(stream.labels) == 1 else f"{stream.kind} {label}",
                    "unit": stream.units[index],
                    "role": "heart" if stream.kind in ("ECG", "PPG") else stream.kind.lower(),
                    "gaps": np.round(missing, 4).tolist(),
                    **asdict(pack(times, values)),
                }
            )
    return packed


def _withheld(table: Sequence[PhaseStatistics]) -> list[str]:
    """Return one sentence for each phase and reason for which numbers are withheld."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for row in table:
        for column in COLUMNS:
            value = row[column.key]
            if value.number is None:
                label = f"{column.group.lower()} {column.heading}" if column.heading != "RMSSD" else "RMSSD"
                by_reason.setdefault((row.phase.name, value.reason), []).append(label)
    return [f"{name}: {', '.join(labels)} – {reason}." for (name, reason), labels in by_reason.items()]


def _title(recording: Recording) -> str:
    """Return the protocol's title, or its id where it has none."""
    protocol = _protocol(recording)
    return str(protocol.get("title") or protocol.get("id") or "Untitled session")


def _protocol(recording: Recording) -> dict[str, Any]:
    protocol = recording.meta.get("protocol")
    return protocol if isinstance(protocol, dict) else {}


def _facts(recording: Recording) -> list[tuple[str, str]]:
    """Return what the head of the page tells of the session."""
    end = recording.meta.get("end") or {}
    cut = "not closed: it was cut off, and up to its last second is missing"
    protocol = _protocol(recording)
    named = str(protocol.get("id", "not recorded"))
    if "version" in protocol:
        named += f", version {protocol['version']}"
    rows = [
        ("Protocol", named),
        ("Date", _date(recording.meta.get("t0_wall"))),
        ("Duration", span(end.get("duration_s", duration_s(recording)))),
        ("Ended", str(end.get("reason", "not recorded"))),
        ("Recording", "closed properly; nothing is missing at its end" if recording.complete else cut),
        ("Signals", _signals(recording)),
    ]
    faults = [str(fault) for fault in end.get("faults", [])]
    return [*rows, ("Faults", "; ".join(faults))] if faults else rows


def _date(wall: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(wall))
    except ValueError:
        return "not recorded"
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment:%Z}".strip()


def _signals(recording: Recording) -> str:
    inputs = [entry for entry in recording.meta.get("inputs", []) if isinstance(entry, dict)]
    names = []
    for entry in inputs:
        kind, name = str(entry.get("kind", "?")), str(entry.get("name", ""))
        names.append(kind.upper() if name.lower() in ("", kind.lower()) else f"{kind.upper()} ({name})")
    return ", ".join(names) or "none recorded"
