"""Preferences: what a listener likes, laid over a piece."""

import pytest

from generator.errors import StateError
from generator.preferences import PREFERENCE_FIELDS, Preferences
from generator.state import LAYERS, Piece

PIECE = Piece(
    tonic=2,
    palette="harp-bells",
    nature="rain",
    form="full",
    unwanted=("air",),
    register_range=(0.2, 0.7),
    seed=5,
)


def test_no_preference_leaves_the_piece_as_it_is() -> None:
    assert Preferences().applied_to(PIECE) == PIECE


def test_preferences_are_laid_over_the_piece() -> None:
    liked = Preferences(
        palette="warm-pads", tonic=9, metre="3/4", unwanted=("rain", "bells"), register_range=(0.5, 1.0)
    ).applied_to(PIECE)
    assert liked == Piece(
        tonic=9,
        palette="warm-pads",
        metre="3/4",
        form="full",
        unwanted=("bells", "air"),
        register_range=(0.5, 0.7),
        seed=5,
    )
    assert liked.layers == LAYERS[:6]


def test_where_ranges_are_apart_the_listener_has_the_say() -> None:
    assert Preferences(register_range=(0.8, 1.0)).applied_to(PIECE).register_range == (0.8, 0.8)
    assert Preferences(register_range=(0.0, 0.1)).applied_to(PIECE).register_range == (0.1, 0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"unwanted": ("trumpet",)}, "sound 'trumpet' does not exist; there are pad, melody"),
        ({"unwanted": LAYERS}, "at least one must be wanted"),
        ({"palette": "brass"}, "palette 'brass' does not exist"),
        ({"metre": "5/4"}, "metre '5/4' does not exist; there are 4/4, 3/4, 6/8, any"),
        ({"tonic": 12}, "tonic is 12; it must lie between 0"),
        ({"register_range": (0.8, 0.2)}, "register_range is 0.8 to 0.2; it must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(StateError, match=message):
        Preferences(**wrong)  # type: ignore[arg-type]


GIVEN = {
    "palette": "soft-strings",
    "nature": "stream",
    "tonic": 7,
    "metre": "6/8",
    "playback": "headphones",
    "unwanted": ("bells",),
    "register_range": (0.1, 0.6),
}


@pytest.mark.parametrize("name", PREFERENCE_FIELDS)
def test_a_change_replaces_one_field_and_the_neutral_value_clears_it(name: str) -> None:
    everything = Preferences().changed(GIVEN)
    assert Preferences().changed({name: GIVEN[name]}) == Preferences().changed({name: GIVEN[name]})
    cleared = everything.changed({name: getattr(Preferences(), name)})
    assert cleared == Preferences().changed({**GIVEN, name: getattr(Preferences(), name)})
    assert cleared != everything


def test_an_earlier_name_of_a_nature_sound_is_that_sound() -> None:
    kept = Preferences(nature="water", unwanted=("bells", "water"))
    assert kept == Preferences(nature="stream", unwanted=("bells", "stream"))
    assert kept.applied_to(PIECE).nature == "none"


def test_preferences_are_read_from_json_lists() -> None:
    assert Preferences().changed({"unwanted": ["bells"], "register_range": [0.1, 0.6]}) == Preferences(
        unwanted=("bells",), register_range=(0.1, 0.6)
    )


def test_an_unknown_preference_is_refused() -> None:
    with pytest.raises(StateError, match="preference 'pallette' does not exist; there are palette, nature"):
        Preferences().changed({"pallette": "warm-pads"})
