"""What the report says in words and how it writes numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from biofeedback.recording.reader import Recording
from biofeedback.report.log import held_spans, hold_threshold
from biofeedback.report.tables import PhaseStatistics, Value, duration_s, numeric, texts

WITHHELD = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the per-phase table: its group, heading, unit, digits, whether a change is shown."""

    key: str
    group: str
    heading: str
    unit: str
    digits: int
    compared: bool = False
    signed: bool = False


COLUMNS = (
    Column("hr", "Heart rate", "mean", "bpm", 1, compared=True),
    Column("hr_sd", "Heart rate", "SD", "bpm", 1),
    Column("rmssd", "Variability", "RMSSD", "ms", 0, compared=True),
    Column("sdnn", "Variability", "SDNN", "ms", 0),
    Column("scl", "Skin conductance", "SCL", "µS", 2, compared=True),
    Column("scr_rate", "Skin conductance", "SCR", "per min", 1, compared=True),
    Column("breathing", "Breathing", "rate", "per min", 1, compared=True),
    Column("activation", "Activation", "mean", "z", 2, signed=True),
    Column("usable_hr", "Usable", "HR", "%", 0),
    Column("usable_eda", "Usable", "EDA", "%", 0),
    Column("corrected", "Beats", "corrected", "%", 1),
    Column("hr_window", "Window", "beats", "s", 0),
    Column("eda_window", "Window", "EDA", "s", 0),
)


def clock(seconds: float) -> str:
    """Return a time in the session as ``mm:ss``, or ``h:mm:ss`` from one hour on."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes:02d}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a duration in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with a true minus sign; zero has no sign."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def cell(column: Column, value: Value) -> str:
    """Return what a cell of the table shows."""
    return WITHHELD if value.number is None else number(value.number, column.digits, signed=column.signed)


def change(column: Column, value: Value, reference: Value | None) -> str:
    """Return the change from baseline, empty where there is nothing to compare."""
    if not column.compared or reference is None or value.number is None or reference.number is None:
        return ""
    return number(value.number - reference.number, column.digits, signed=True)


def baseline(table: Sequence[PhaseStatistics]) -> PhaseStatistics | None:
    """Return the row changes are measured from: the first phase of kind baseline."""
    return next((row for row in table if row.phase.kind == "baseline"), None)


def withheld(table: Sequence[PhaseStatistics]) -> list[str]:
    """Return one sentence for each phase and reason for which numbers are withheld."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for row in table:
        for column in COLUMNS:
            value: Value = getattr(row, column.key)
            if value.number is None:
                label = f"{column.group.lower()} {column.heading}" if column.heading != "RMSSD" else "RMSSD"
                by_reason.setdefault((row.phase.name, value.reason), []).append(label)
    return [f"{name}: {', '.join(labels)} – {reason}." for (name, reason), labels in by_reason.items()]


def title(recording: Recording) -> str:
    """Return the protocol's title, or its id where it has none."""
    protocol = _protocol(recording)
    return str(protocol.get("title") or protocol.get("id") or "Untitled session")


def _protocol(recording: Recording) -> dict[str, Any]:
    protocol = recording.meta.get("protocol")
    return protocol if isinstance(protocol, dict) else {}


def facts(recording: Recording) -> list[tuple[str, str]]:
    """Return what the head of the page tells of the session."""
    end = recording.meta.get("end") or {}
    protocol = _protocol(recording)
    named = str(protocol.get("id", "not recorded"))
    if "version" in protocol:
        named += f", version {protocol['version']}"
    rows = [
        ("Protocol", named),
        ("Date", _date(recording.meta.get("t0_wall"))),
        ("Duration", span(end.get("duration_s", duration_s(recording)))),
        ("Ended", str(end.get("reason", "not recorded"))),
        ("Recording", _closed(recording)),
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


def _closed(recording: Recording) -> str:
    if recording.complete:
        return "closed properly; nothing is missing at its end"
    return "not closed: it was cut off, and up to its last second is missing"


def _signals(recording: Recording) -> str:
    inputs = [entry for entry in recording.meta.get("inputs", []) if isinstance(entry, dict)]
    names = [
        f"{str(entry.get('kind', '?')).upper()} ({entry.get('name', entry.get('stream', '?'))})"
        for entry in inputs
    ]
    return ", ".join(names) or "none recorded"


def summary(recording: Recording, table: Sequence[PhaseStatistics]) -> list[str]:
    """Return a few sentences on what the numbers say, and on what they do not."""
    sentences = [_heart_rate(table), _activation(table), _held(recording), _usable(recording)]
    return [sentence for sentence in sentences if sentence]


def _heart_rate(table: Sequence[PhaseStatistics]) -> str:
    known = [(row.phase, row.hr.number) for row in table if row.hr.number is not None]
    if len(known) < 2:
        return "Heart rate cannot be compared between phases: fewer than two have enough valid beats."
    rest = baseline(table)
    first = next((pair for pair in known[:-1] if rest and pair[0] == rest.phase), known[0])
    last = known[-1]
    difference = last[1] - first[1]
    way = "lower" if difference < 0 else "higher"
    return (
        f"Mean heart rate was {first[1]:.1f} bpm in “{first[0].name}” and {last[1]:.1f} bpm in "
        f"“{last[0].name}”, the last phase with enough valid beats: {abs(difference):.1f} bpm {way}."
    )


def _activation(table: Sequence[PhaseStatistics]) -> str:
    known = [
        (row.phase.name, row.activation.number)
        for row in table
        if row.activation.number is not None and row.phase.kind != "baseline"
    ]
    if not known:
        return "There is no physiological activation to report: it needs a frozen baseline and valid signals."
    (first, before), (last, after) = known[0], known[-1]
    scale = "Physiological activation (0 is the listener’s own baseline, the scale ends at ±3)"
    caveat = "Mere rest lowers activation too, so this says nothing about a response to the music."
    averages = f"{number(before, 2, signed=True)} in “{first}”"
    if len(known) > 1:
        averages += f" and {number(after, 2, signed=True)} in “{last}”"
    return f"{scale} averaged {averages}. {caveat}"


def _held(recording: Recording) -> str:
    if not any(hold_threshold(decision) is not None for _, decision in texts(recording, "decisions")):
        return ""
    spans = held_spans(recording)
    if not spans:
        return "The lead was never held: activation did not stay above its hold threshold."
    times = "once" if len(spans) == 1 else f"{len(spans)} times"
    return f"The lead was held {times}, for {span(sum(end - begin for begin, end in spans))} in total."


def _usable(recording: Recording) -> str:
    _, heart = numeric(recording, "features", "hr_bpm")
    _, skin = numeric(recording, "features", "scl_uS")
    seconds = max(1.0, round(duration_s(recording)))
    if not heart.size:
        return "No valid second of any signal was recorded."
    heart_share, skin_share = (
        f"{min(100.0, 100.0 * float(np.isfinite(column).sum()) / seconds):.0f} %" for column in (heart, skin)
    )
    return f"Heart rate was usable in {heart_share} of the session and skin conductance in {skin_share}."
