"""How the report writes numbers, and the words of its head and table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from biofeedback.recording.reader import Recording
from biofeedback.report.tables import PhaseStatistics, Value, duration_s

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
    Column("heart_activation", "Activation", "heart alone", "z", 2, signed=True),
    Column("eda_activation", "Activation", "skin alone", "z", 2, signed=True),
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
    names = []
    for entry in inputs:
        kind, name = str(entry.get("kind", "?")), str(entry.get("name", ""))
        names.append(kind.upper() if name.lower() in ("", kind.lower()) else f"{kind.upper()} ({name})")
    return ", ".join(names) or "none recorded"
