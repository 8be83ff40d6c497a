"""What the engine tells its clients to offer is what the packages below it know."""

from biofeedback.commands import COMMAND
from biofeedback.service.requests import PreferencesRequest
from biofeedback.service.schemas import OPTIONS
from generator.preferences import PREFERENCE_FIELDS
from generator.state import LAYERS, STATE_FIELDS
from protocols.scales import SCALES


def test_every_field_of_the_music_but_sounding_is_there_with_its_range() -> None:
    assert list(OPTIONS.music) == [name for name in STATE_FIELDS if name != "sounding"]
    for name, field in OPTIONS.music.items():
        assert (field.low, field.high) == (STATE_FIELDS[name].low, STATE_FIELDS[name].high)
        for value in (field.low, field.high):
            assert COMMAND.validate_python({"name": "override", "field": name, "value": float(value)})


def test_every_preference_is_there_and_may_be_requested() -> None:
    assert list(OPTIONS.preferences) == list(PREFERENCE_FIELDS)
    one_each = set(PREFERENCE_FIELDS) - {"register_range"}
    assert set(PreferencesRequest.model_fields) == {*one_each, "register_low", "register_high"}
    assert set(LAYERS) < set(OPTIONS.preferences["unwanted"].choices)


def test_scales_have_the_ends_of_protocols() -> None:
    assert {name: (s.low, s.high) for name, s in OPTIONS.scales.items()} == {
        name: (s.low, s.high) for name, s in SCALES.items()
    }


def test_kinds_of_phases_are_listed() -> None:
    assert {"baseline", "match", "lead", "arc", "return"} < set(OPTIONS.phase_kinds)
    assert len(set(OPTIONS.phase_kinds)) == len(OPTIONS.phase_kinds)
