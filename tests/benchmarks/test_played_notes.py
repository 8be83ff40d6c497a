"""Bounds of figures, and the notes of a steady state."""

import pytest

from benchmarks.played_notes import STATES, Bound, mean_measures, out_of_bounds, played
from generator.state import Piece


def test_what_lies_outside_its_bounds_is_named_with_its_bounds():
    found = {"rest": {"a": 0.5, "b": 1.0}, "match": {"a": 0.1, "b": 2.0}}
    bounds = [
        Bound("a", ("rest", "match"), low=0.2),
        Bound("b", ("match",), high=1.5),
        Bound("b", ("rest",), 0, 1),
    ]
    assert out_of_bounds(found, bounds) == [
        "a at match: 0.1, not at least 0.2",
        "b at match: 2, not at most 1.5",
    ]
    assert out_of_bounds(found, [Bound("a", ("rest",), 0.6, 0.7)]) == ["a at rest: 0.5, not 0.6 to 0.7"]


def test_a_bound_figure_that_is_missing_is_an_error():
    with pytest.raises(KeyError, match="a"):
        out_of_bounds({"rest": {}}, [Bound("a", ("rest",), low=0.2)])


def test_a_mean_is_that_of_the_pieces_which_have_the_measure():
    rows = iter([{"a": 1.0, "b": 4.0}, {"a": 2.0}])
    assert mean_measures(lambda _: next(rows), [None, None]) == {"a": 1.5, "b": 4.0}


def test_a_held_state_is_played_in_bars_of_the_metre():
    notes = played(STATES["match"], Piece(seed=1), 60.0)
    assert 70 <= notes.beat[-1] <= 72
    assert len(notes.melody) > 20
    assert notes.time_s[-1] == pytest.approx(notes.beat[-1] * 60 / 72, abs=0.1)
