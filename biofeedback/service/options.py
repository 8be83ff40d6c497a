"""What a client can offer to choose: every name and range, read from the packages that define them."""

from __future__ import annotations

from typing import get_args

from biofeedback.commands import OVERRIDABLE, AdverseEvent
from biofeedback.service.schemas import MusicFieldView, OptionsView, PreferenceFieldView, ScaleView
from biofeedback.store.records import NEEDED, SCOPES
from generator.preferences import PREFERENCE_FIELDS
from generator.state import STATE_FIELDS, VOLUME_RANGE_DB, Mode, StateField
from protocols.fields import LEVEL_DB_PER_S, OVERRIDE_BPM_PER_MIN, RUNG, Limits
from protocols.outline import ARMS
from protocols.phases import AnyPhase
from protocols.scales import SCALES

OVERRIDE_PACE_PER_S = {
    "tempo_bpm": OVERRIDE_BPM_PER_MIN / 60.0,
    "mode": RUNG / Limits().mode_seconds,
    "level_db": LEVEL_DB_PER_S,
}
"""How fast an override moves a field; the others follow with the next bars."""


def _music_field(field: StateField) -> MusicFieldView:
    return MusicFieldView(
        unit=field.unit,
        low=field.low,
        high=field.high,
        values=field.values,
        names=tuple(mode.name.lower() for mode in Mode) if field.name == "mode" else (),
        pace_per_s=OVERRIDE_PACE_PER_S.get(field.name),
    )


def _phase_kinds() -> tuple[str, ...]:
    union = get_args(AnyPhase)[0]
    return tuple(get_args(phase.model_fields["kind"].annotation)[0] for phase in get_args(union))


OPTIONS = OptionsView(
    music={name: _music_field(STATE_FIELDS[name]) for name in OVERRIDABLE},
    preferences={
        name: PreferenceFieldView(choices=field.choices, low=field.low, high=field.high)
        for name, field in PREFERENCE_FIELDS.items()
    },
    scales={name: ScaleView(low=scale.low, high=scale.high) for name, scale in SCALES.items()},
    severities=get_args(AdverseEvent.model_fields["severity"].annotation),
    volume_db=VOLUME_RANGE_DB,
    phase_kinds=_phase_kinds(),
    arms=ARMS,
    consent_scopes=tuple(SCOPES),
    needed_scopes=tuple(NEEDED),
)
"""The options of this version; the engine serves them at ``GET /options``."""
