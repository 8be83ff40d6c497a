"""Habits of tunes, on small tunes whose habits are known."""

import json

import pytest

from benchmarks import tune_habits
from benchmarks.human_tunes import Tune
from benchmarks.pattern_model import PatternModel


def tune(moves, waits=(1.0,)):
    """Return a tune from its intervals and, in turn, its note lengths."""
    onsets, pitches = [0.0], [60]
    for i, move in enumerate(moves):
        pitches.append(pitches[-1] + move)
        onsets.append(onsets[-1] + waits[i % len(waits)])
    return Tune(tuple(onsets), tuple(pitches))


@pytest.fixture
def untaught(monkeypatch):
    """A listener who knows no song, so that no corpus is read."""
    monkeypatch.setattr(tune_habits, "folk_listener", lambda: PatternModel(tune_habits.ALPHABET))


def test_a_repeated_note_is_a_step_but_no_move(untaught):
    measured = tune_habits.habits(tune([2, 0, -2, 0] * 12))
    assert measured["same_note"] == pytest.approx(0.5, abs=0.02)
    assert measured["steps_and_repeats"] == 1.0
    assert measured["thirds"] == 0.0
    assert measured["direction_changes"] == 1.0


def test_thirds_are_of_three_and_four_semitones(untaught):
    measured = tune_habits.habits(tune([3, 4, 5, -12] * 12))
    assert measured["thirds"] == pytest.approx(0.5, abs=0.02)
    assert measured["steps_and_repeats"] == 0.0


def test_note_lengths_are_rounded_to_a_quarter_of_a_beat(untaught):
    even = tune_habits.habits(tune([1] * 40, waits=(1.0, 1.1)))
    assert (even["commonest_length"], even["length_entropy_bits"]) == (1.0, 0.0)
    halves = tune_habits.habits(tune([1] * 40, waits=(1.0, 2.0)))
    assert halves["length_entropy_bits"] == pytest.approx(1.0, abs=0.01)
    long = tune_habits.habits(tune([1] * 40, waits=(9.0, 30.0)))
    assert long["commonest_length"] == 1.0


def test_turns_that_occur_once_do_not_return():
    assert tune_habits.returning_share([1, 2, 3, 4, 5, 6, 7]) == 0.0
    assert tune_habits.returning_share([1, 2, 3, 4, 9, 1, 2, 3, 4]) == pytest.approx(2 / 6)


def test_a_habit_is_the_median_over_windows_of_forty_notes(untaught):
    measured = tune_habits.habits(tune([0] * 39 + [1] * 60))  # windows begin at notes 0, 20, 40, 60
    assert measured["same_note"] == pytest.approx((0.0 + 19 / 39) / 2)


def test_a_melody_shorter_than_a_window_has_no_habits():
    with pytest.raises(ValueError, match="a melody of 39 notes; habits need 40"):
        tune_habits.habits(tune([1] * 38))


def test_the_range_of_people_is_widened_at_both_ends(monkeypatch, tmp_path):
    values = {"folk": (0.2, 3.0), "dance": (0.4, 3.1), "chorale": (0.6, 5.0), "vocal": (0.3, 4.0)}
    people = {
        kind: {"tunes": 9, "thirds": share, "surprise_bits": bits} for kind, (share, bits) in values.items()
    }
    (tmp_path / "people.json").write_text(json.dumps(people))
    monkeypatch.setattr(tune_habits, "REFERENCES", tmp_path / "people.json")
    tune_habits.ranges.cache_clear()
    try:
        assert tune_habits.ranges()["thirds"] == pytest.approx((0.14, 0.66))
        assert tune_habits.ranges()["surprise_bits"] == pytest.approx((2.7, 5.3))
        assert tune_habits.missed({"thirds": 0.7, "surprise_bits": 3.0}) == ["thirds 0.7, not 0.14 to 0.66"]
    finally:
        tune_habits.ranges.cache_clear()


def test_the_melody_of_an_event_table_is_read_in_the_order_of_its_beats(tmp_path):
    table = tmp_path / "events.csv"
    table.write_text(
        "time_s,duration_s,beat,bar,pitch,velocity,layer\n"
        "2.0,1,1.5,0,64,60,melody\n0.1,1,0.0,0,60,60,melody\n0.0,1,0.0,0,48,60,pad\n"
    )
    assert tune_habits.read_tune(table) == Tune((0.0, 1.5), (60, 64))
