"""States over time from a table, for rendering without a listener."""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from generator.errors import StateError, TrajectoryError
from generator.state import STATE_COLUMNS, STATE_FIELDS, FieldKind, Mode, MusicState

_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Trajectory:
    """States at given times, with interpolation between them.

    Continuous fields are linear between two rows; the others hold their value until the next row.

    Attributes
    ----------
    times : tuple of float
        Seconds, strictly increasing; at least one.
    states : tuple of MusicState
        One for each time.
    """

    times: tuple[float, ...]
    states: tuple[MusicState, ...]

    def at(self, t: float) -> MusicState:
        """Return the state at `t` seconds; before the first row and after the last, theirs."""
        after = bisect_right(self.times, t)
        if after in (0, len(self.times)):
            return self.states[max(0, after - 1)]
        before, ahead = self.states[after - 1], self.states[after]
        share = (t - self.times[after - 1]) / (self.times[after] - self.times[after - 1])
        values: dict[str, Any] = {}
        for name, field in STATE_FIELDS.items():
            values[name] = value = getattr(before, name)
            if field.kind is FieldKind.CONTINUOUS:
                values[name] = value + (getattr(ahead, name) - value) * share
        return MusicState(**values)


def load_trajectory(path: Path) -> Trajectory:
    """Read a trajectory: a CSV with ``time_s`` and any of the columns of `MusicState`.

    Columns left out keep the defaults of `MusicState`. A mode is a number or a name, `sounding` is true,
    false, 1 or 0.

    Raises
    ------
    TrajectoryError
        In one line: file, line, column and what would be right.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            columns = _columns([name.strip() for name in next(rows, [])], path)
            times: list[float] = []
            states: list[MusicState] = []
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                time_s, state = _row(row, columns, f"{path}, line {rows.line_num}")
                if times and time_s <= times[-1]:
                    raise TrajectoryError(
                        f"{path}, line {rows.line_num}, column time_s: {time_s:g} does not come after "
                        f"{times[-1]:g}; times must increase"
                    )
                times.append(time_s)
                states.append(state)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrajectoryError(f"{path} cannot be read: {error}") from error
    if not times:
        raise TrajectoryError(f"{path} has no rows; at least one is needed below the column names")
    return Trajectory(tuple(times), tuple(states))


def _columns(names: list[str], path: Path) -> list[str]:
    known = ("time_s", *STATE_COLUMNS)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"the columns are {', '.join(known)}"
            raise TrajectoryError(f"{path}, line 1: unknown column {name!r}; {remedy}")
        if names.count(name) > 1:
            raise TrajectoryError(f"{path}, line 1: column {name} stands there twice; once is right")
    if "time_s" not in names:
        raise TrajectoryError(f"{path}, line 1: the column time_s is missing")
    return names


def _row(row: list[str], columns: list[str], where: str) -> tuple[float, MusicState]:
    if len(row) != len(columns):
        raise TrajectoryError(f"{where}: {len(row)} cells, {len(columns)} are needed ({','.join(columns)})")
    values: dict[str, Any] = {
        column: _value(column, cell.strip(), f"{where}, column {column}")
        for column, cell in zip(columns, row, strict=True)
    }
    return values.pop("time_s"), MusicState(**values)


def _value(column: str, cell: str, where: str) -> float | bool:
    if column == "sounding":
        if cell.lower() not in _TRUTH:
            raise TrajectoryError(f"{where}: {cell!r} is neither true nor false (1 and 0 will do)")
        return _TRUTH[cell.lower()]
    if column == "mode":
        return _mode(cell, where)
    number = _number(cell)
    if number is None:
        raise TrajectoryError(f"{where}: {cell!r} is not a number; {_range(column)}")
    if column == "time_s":
        if number < 0.0:
            raise TrajectoryError(f"{where}: {cell} is before the beginning; times count from 0")
        return number
    field = STATE_FIELDS[column]
    try:
        field.check(number)
    except StateError as error:
        raise TrajectoryError(f"{where}: {cell} is out of range; {_range(column)}") from error
    return int(number) if field.kind is FieldKind.STEPPED else number


def _mode(cell: str, where: str) -> float:
    number = _number(cell)
    try:
        return Mode.of(cell if number is None else number).openness
    except StateError as error:
        raise TrajectoryError(f"{where}: {error}") from error


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _range(column: str) -> str:
    if column == "time_s":
        return "seconds from 0 are needed"
    field = STATE_FIELDS[column]
    kind = "whole number" if field.kind is FieldKind.STEPPED else "number"
    return f"it must be a {kind} between {field.low:g} and {field.high:g}"
