"""A protocol's phases as rows of a form, and rows back as phases; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Row = dict[str, Any]

Key = tuple[str, int]
"""What a protocol is kept under: its name and version."""

TEMPO_KEY = {
    "lead": "goal_bpm",
    "match": "tempo_bpm",
    "return": "tempo_bpm",
    "breathe": "breath_rate",
    "engage": "energy",
}
"""What the column *tempo* stands for in each kind of phase: its goal, its tempo, its rate, its energy."""


def free_version(name: str, version: int, taken: Collection[Key]) -> int:
    """Return the version itself where nothing is kept under it, else the next after all there are."""
    if (name, version) not in taken:
        return version
    return max(number for each, number in taken if each == name) + 1


def row_of(phase: Mapping[str, Any]) -> Row:
    """Return a phase as a row; what a row has no column for stays in the text."""
    kind = phase.get("kind")
    until = phase.get("until")
    seconds = phase.get("duration_s")
    tempo = phase.get(TEMPO_KEY.get(str(kind), ""))
    return {
        "kind": kind,
        "name": phase.get("name"),
        "duration_s": seconds if isinstance(seconds, int | float) else None,
        "tempo": None if tempo is None else str(tempo),
        "until": until.get("cue") if isinstance(until, dict) else None,
    }


def phase_of(row: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the phase that a row tells of, with all that it does not tell as it was before."""
    if row_of(before) == dict(row):
        return dict(before)
    kind = row.get("kind")
    same = before.get("kind") == kind
    phase: dict[str, Any] = {**(before if same else {}), "kind": kind, "name": row.get("name")}
    _put(phase, "duration_s", _number(row.get("duration_s")))
    key = TEMPO_KEY.get(str(kind))
    if key is not None:
        _put(phase, key, _number(row.get("tempo")))
    cue = row.get("until")
    _put(phase, "until", {"cue": cue} if cue else None)
    return phase


def merged(
    data: Mapping[str, Any],
    head: Mapping[str, Any],
    *,
    palette: str,
    numbers_shown: bool,
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a protocol with what a form says put into it, and all else as it is.

    Rows belong to phases by their name, else by their place.
    """
    new = dict(data)
    new |= {
        key: value for key, value in head.items() if value != data.get(key) and (value != "" or key in data)
    }
    piece = dict(data.get("piece") or {})
    if palette != piece.get("palette") and ("palette" in piece or palette != "warm-pads"):
        new["piece"] = {**piece, "palette": palette}
    if numbers_shown != data.get("numbers_shown", True):
        new["numbers_shown"] = numbers_shown
    old = [phase for phase in data.get("phases") or [] if isinstance(phase, dict)]
    named = {phase.get("name"): phase for phase in old}
    phases = []
    for place, row in enumerate(rows):
        by_place = old[place] if place < len(old) and len(rows) == len(old) else {}
        phases.append(phase_of(row, named.get(row.get("name"), by_place)))
    if phases != old:
        new["phases"] = phases
    return new


def _put(phase: dict[str, Any], key: str, value: Any) -> None:
    if value is None or value == "":
        phase.pop(key, None)
    else:
        phase[key] = value


def _number(text: Any) -> Any:
    """Return a number where a text is one; ``hr*0.9`` stays a text."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return text
    return int(value) if value == int(value) else value
