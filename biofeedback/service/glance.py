"""The session at a glance: what a live screen shows beside the traces, small enough to send often."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from biofeedback.models import Snapshot
from biofeedback.service.stages import Stage
from biofeedback.service.views import Light
from generator.state import STATE_COLUMNS
from physiology.state import PhysiologyState, Reading

READINGS = ("hr_bpm", "rmssd_ms", "scl_us", "scr_rate_per_min", "breathing_rate")


def glance(
    snapshot: Snapshot,
    *,
    stage: Stage,
    lights: Sequence[Light],
    sound_check: float | None,
    recorded_bytes: int,
) -> dict[str, Any]:
    """Return a session's state in few words and numbers, as JSON takes them."""
    return {
        "stage": stage,
        "lifecycle": snapshot.lifecycle,
        "phase": snapshot.phase,
        "progress": round(snapshot.progress, 4),
        "left_s": round(snapshot.left_s, 1),
        **_physiology(snapshot.physiology),
        "music": {name: getattr(snapshot.music, name) for name in STATE_COLUMNS},
        "why": snapshot.why,
        "asks": [asdict(ask) for ask in snapshot.asks],
        "overrides": dict(snapshot.overrides),
        "volume_db": snapshot.volume_db,
        "energy": snapshot.energy,
        "sound": snapshot.sound,
        "lights": [light.model_dump(include={"name", "light", "words", "remedy"}) for light in lights],
        "sound_check": sound_check,
        "recorded_bytes": recorded_bytes,
        "finished": snapshot.finished,
    }


def _physiology(state: PhysiologyState | None) -> dict[str, Any]:
    if state is None:
        return dict.fromkeys((*READINGS, "activation", "activation_0_100", "confidence"))
    return {
        **{name: _reading(getattr(state, name)) for name in READINGS},
        "activation": _number(state.activation),
        "activation_0_100": _number(state.activation_0_100),
        "confidence": round(state.confidence, 3),
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {"value": _number(reading.value), "quality": round(reading.quality, 2)}


def _number(value: float | None) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None
