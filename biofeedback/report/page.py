"""The page itself: one HTML file that needs nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from biofeedback.goals import REST_TOO, GoalResult, Side, recorded_goals
from biofeedback.recording.reader import Recording
from biofeedback.recording.storage import write_text
from biofeedback.report import words
from biofeedback.report.analysis import analyse, footing
from biofeedback.report.display import gaps, interval_s, pack, thinned
from biofeedback.report.figures import EPOCH_MS, beats_figure, overview_figure
from biofeedback.report.log import session_log
from biofeedback.report.panels import overview, raw_streams
from biofeedback.report.rhythm import PULSE, beats, heart_sources
from biofeedback.report.said import Rated, commands, ratings, scale_words
from biofeedback.report.summary import session_summary
from biofeedback.report.tables import PhaseStatistics, duration_s, numeric, phase_table

MOST_RAW_SAMPLES = 10_000_000
"""Of all raw signals together; a page with more is slow to open. One hour at 1 kHz is 3.6 million."""


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
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(clock=words.clock, span=words.span)
    page = environment.from_string(_asset("page.html"))
    meta, log = recording.meta, session_log(recording)
    every = beats(recording)
    pulse = PULSE in heart_sources(recording, 0.0, duration_s(recording))
    return page.render(
        title=words.title(recording),
        facts=words.facts(recording),
        complete=recording.complete,
        summary=session_summary(recording),
        columns=words.COLUMNS,
        groups=_groups(pulse=pulse),
        rows=_rows(table),
        withheld=words.withheld(table),
        analysis=_analysis(recording),
        goals=[_goal(result) for result in recorded_goals(recording)],
        rest_too=REST_TOO,
        ratings=[_rating(rated) for rated in ratings(recording)],
        scales={rated.scale: scale_words(rated.scale) for rated in ratings(recording)},
        commands=commands(recording),
        log=log,
        pulse=pulse,
        thinned=_too_many(recording) > 1,
        beat_count=int(every.r_time_s.size),
        meta={key: meta.get(key) for key in ("protocol_sha256", "seed", "versions", "t0_wall")},
        checksum=((meta.get("end") or {}).get("checksums") or {}).get("session.xdf"),
        data=_json(_data(recording, table)),
        style=Markup(_asset("page.css")),  # noqa: S704 - our own file
        script=Markup(_asset("page.js")),  # noqa: S704 - our own file
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own file
    )


def _asset(name: str) -> str:
    return files("biofeedback.report").joinpath(name).read_text(encoding="utf-8")


def _json(value: Any) -> Markup:
    """Return JSON that cannot end the element it stands in, whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _groups(*, pulse: bool) -> list[tuple[str, int]]:
    named = {"Variability": "Pulse-rate variability"} if pulse else {}
    names = [named.get(column.group, column.group) for column in words.COLUMNS]
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def _rows(table: tuple[PhaseStatistics, ...]) -> list[dict[str, Any]]:
    """Return the per-phase table as it is shown."""
    rest = words.baseline(table)
    rows = []
    for row in table:
        cells = []
        for before, column in zip((None, *words.COLUMNS), words.COLUMNS, strict=False):
            value = getattr(row, column.key)
            reference = getattr(rest, column.key) if rest and rest is not row else None
            cells.append(
                {
                    "text": words.cell(column, value),
                    "reason": value.reason,
                    "at_s": value.at_s,
                    "change": words.change(column, value, reference),
                    "label": f"{column.group} {column.heading}, {row.phase.name}",
                    "unit": column.unit,
                    "first": before is None or before.group != column.group,
                }
            )
        rows.append({"phase": row.phase, "cells": cells})
    return rows


def _analysis(recording: Recording) -> dict[str, Any]:
    """Return the table of the analysis as it is shown: a row for each measure, a column for each stretch."""
    stretches = analyse(recording)
    rows = []
    for measures in zip(*(stretch.measures for stretch in stretches), strict=True):
        cells = [
            {
                "text": words.WITHHELD
                if measure.value.number is None
                else words.number(measure.value.number, measure.digits),
                "reason": measure.value.reason,
                "at_s": measure.value.at_s,
                "label": f"{measure.label}, {stretch.phase.name}",
                "footing": footing(measure),
            }
            for stretch, measure in zip(stretches, measures, strict=True)
        ]
        whole = measures[-1]
        rows.append({"label": whole.label, "unit": whole.unit, "cells": cells})
    return {
        "stretches": [
            {"name": stretch.phase.name, "duration_s": stretch.phase.duration_s} for stretch in stretches
        ],
        "rows": rows,
    }


def _goal(result: GoalResult) -> dict[str, Any]:
    """Return a goal as its table shows it."""
    name, unit, digits = result.measure

    def side(of: Side) -> dict[str, str]:
        text = words.WITHHELD if of.value is None else words.number(of.value, digits)
        if of.window_s is None or of.usable_share is None:
            return {"phase": of.phase, "text": text, "footing": ""}
        stands_on = f"{of.window_s:.0f} s, {100 * of.usable_share:.0f} % usable"
        return {"phase": of.phase, "text": text, "footing": stands_on}

    return {
        "name": result.goal.name,
        "measure": name,
        "unit": unit,
        "asked": words.number(result.goal.change, digits, signed=True),
        "before": side(result.before),
        "after": side(result.after),
        "change": words.WITHHELD
        if result.change is None
        else words.number(result.change, digits, signed=True),
        "outcome": result.outcome,
        "sentence": result.sentence,
    }


def _rating(rated: Rated) -> dict[str, Any]:
    """Return a rating as its table shows it."""
    where = f"{rated.phase}, {rated.at}" if rated.at else rated.phase
    return {
        "scale": rated.scale,
        "where": where,
        "asked_s": rated.asked_s,
        "answered_s": rated.answered_s,
        "value": words.WITHHELD if rated.value is None else f"{rated.value:g}",
        "how": rated.how,
    }


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
        "said": [said for entry in session_log(recording) if entry.phase for said in entry.said],
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
