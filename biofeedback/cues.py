"""Cues as JSON records, so that a live session's music can be made again from its recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from generator.cues import Begin, Cue, End, Loudness, Stop
from generator.state import MusicState

KINDS: dict[str, type[MusicState | Begin | End | Stop | Loudness]] = {
    "state": MusicState,
    "begin": Begin,
    "end": End,
    "stop": Stop,
    "volume": Loudness,
}


def cue_record(cue: Cue) -> dict[str, Any]:
    """Return a cue as ``{"frame": …, "told": "state", …}`` with the fields of what was told."""
    told = next(name for name, kind in KINDS.items() if isinstance(cue.what, kind))
    return {"frame": cue.frame, "told": told, **asdict(cue.what)}


def recorded_cue(record: Mapping[str, Any]) -> Cue:
    """Return the cue that `cue_record` wrote down."""
    kind = KINDS[record["told"]]
    values = {name: value for name, value in record.items() if name not in {"type", "frame", "told"}}
    return Cue(int(record["frame"]), kind(**values))
