"""What the form says goes into the protocol; what it does not say stays."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboard.protocol_editing import PIECE_CHOICES, free_version, merged, phase_of, row_of
from protocols.loading import LIBRARY, library

HEAD = {"title": "A title", "version": 1, "id": "an-id", "arm": "closed-loop"}
LEAD = {"kind": "lead", "name": "lead", "duration_s": 330, "goal_bpm": 56, "gate": {"hold_after_s": 20}}
MATCH = {"kind": "match", "name": "match", "duration_s": 90, "tempo_bpm": "hr*0.9"}
DATA = {**HEAD, "sources": ["a book"], "phases": [MATCH, LEAD]}


def put(data: dict, rows: list, **head: object) -> dict:
    return merged(data, {**HEAD, **head}, piece={}, numbers_shown=True, rows=rows)


def rows_of(data: dict) -> list:
    return [row_of(phase) for phase in data["phases"]]


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    for name in library():
        data = yaml.safe_load((LIBRARY / f"{name}.yaml").read_text(encoding="utf-8"))
        head = {key: data[key] for key in HEAD if key in data}
        written = data.get("piece", {})
        piece = {key: written.get(key, choices[0]) for key, choices in PIECE_CHOICES.items()}
        shown = data.get("numbers_shown", True)
        assert merged(data, head, piece=piece, numbers_shown=shown, rows=rows_of(data)) == data, name


def test_a_changed_goal_keeps_the_rest_of_its_phase() -> None:
    rows = rows_of(DATA)
    rows[1]["tempo"] = "52.5"
    assert put(DATA, rows)["phases"] == [MATCH, {**LEAD, "goal_bpm": 52.5}]


def test_a_length_that_is_no_number_stays_as_it_was_typed() -> None:
    data = {**DATA, "phases": [{**MATCH, "duration_s": "two"}, LEAD]}
    assert rows_of(data)[0]["duration_s"] is None
    assert put(data, rows_of(data)) == data
    rows = [rows_of(data)[0], {**rows_of(data)[1], "duration_s": 300.0}]
    lead = put(data, rows)["phases"][1]
    assert (lead["duration_s"], type(lead["duration_s"])) == (300, int)


def test_a_tempo_may_be_a_text() -> None:
    rows = rows_of(DATA)
    rows[0]["tempo"] = "hr-5"
    assert put(DATA, rows)["phases"][0]["tempo_bpm"] == "hr-5"


def test_another_kind_takes_nothing_along_that_it_may_not_have() -> None:
    row = {**row_of(LEAD), "kind": "silence", "tempo": None}
    assert phase_of(row, LEAD) == {"kind": "silence", "name": "lead", "duration_s": 330}


def test_a_cue_comes_and_goes() -> None:
    row = {**row_of(MATCH), "until": "procedure-over"}
    with_cue = phase_of(row, MATCH)
    assert with_cue["until"] == {"cue": "procedure-over"}
    assert phase_of({**row_of(with_cue), "until": None}, with_cue) == MATCH


def test_phases_are_added_and_removed() -> None:
    rows = rows_of(DATA)
    new = {"kind": "silence", "name": "quiet", "duration_s": 60, "tempo": None, "until": None}
    added = put(DATA, [*rows, new])["phases"]
    assert added == [MATCH, LEAD, {"kind": "silence", "name": "quiet", "duration_s": 60}]
    assert put(DATA, rows[1:])["phases"] == [LEAD]


def test_the_head_is_put_in() -> None:
    assert put(DATA, rows_of(DATA), title="Another")["title"] == "Another"
    piece = {"palette": "harp-bells", "metre": "4/4", "form": "gentle", "tonal_plan": "none"}
    new = merged(DATA, HEAD, piece=piece, numbers_shown=False, rows=rows_of(DATA))
    assert new["piece"] == {"palette": "harp-bells", "form": "gentle"}
    back = merged(new, HEAD, piece={**piece, "form": "none"}, numbers_shown=False, rows=rows_of(DATA))
    assert back["piece"] == {"palette": "harp-bells", "form": "none"}
    assert new["numbers_shown"] is False
    assert new["sources"] == ["a book"]


@given(st.permutations([MATCH, LEAD, {"kind": "silence", "name": "quiet", "duration_s": 60}]))
def test_phases_keep_all_they_have_in_whatever_order(phases: list) -> None:
    data = {**DATA, "phases": [MATCH, LEAD, {"kind": "silence", "name": "quiet", "duration_s": 60}]}
    assert put(data, [row_of(phase) for phase in phases])["phases"] == list(phases)


def test_a_version_that_is_taken_gives_way_to_the_next_free_one() -> None:
    taken = {("one", 1), ("one", 4), ("other", 7)}
    assert free_version("one", 1, taken) == 5
    assert free_version("one", 4, taken) == 5
    assert free_version("one", 2, taken) == 2
    assert free_version("new", 7, taken) == 7
