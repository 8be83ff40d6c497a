"""The fields of a MusicState, as one schema."""

from dataclasses import fields

import pytest

from generator.errors import StateError
from generator.state import RANGES, STATE_FIELDS, FieldKind, Mode, MusicState


def test_the_schema_describes_every_field_in_order() -> None:
    assert tuple(STATE_FIELDS) == tuple(each.name for each in fields(MusicState))
    state = MusicState()
    assert {name: each.default for name, each in STATE_FIELDS.items()} == {
        name: getattr(state, name) for name in STATE_FIELDS
    }


def test_the_kinds_are_those_of_the_trajectory_contract() -> None:
    stepped = {name for name, each in STATE_FIELDS.items() if each.kind is not FieldKind.CONTINUOUS}
    assert stepped == {"mode", "layers", "sounding"}
    assert STATE_FIELDS["sounding"].kind is FieldKind.FLAG
    assert STATE_FIELDS["mode"].values == tuple(mode.openness for mode in Mode)
    assert STATE_FIELDS["layers"].values == (1, 2, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize("name", RANGES)
def test_values_at_the_ends_are_accepted_and_beyond_them_refused(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(MusicState(**{name: value}), name) == value
    for value in (low - 1, high + 1, float("nan"), float("inf")):
        with pytest.raises(StateError, match=f"{name} is .*; it must lie between {low:g} and {high:g}"):
            MusicState(**{name: value})


def test_values_between_steps_are_refused() -> None:
    with pytest.raises(StateError, match=r"layers is 2\.5; it must be a whole number"):
        MusicState(layers=2.5)  # type: ignore[arg-type]
    with pytest.raises(StateError, match=r"mode 0\.5 does not exist; the modes are 0 phrygian"):
        MusicState(mode=0.5)
