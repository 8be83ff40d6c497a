"""A change in the form changes the lines of its field and nothing else."""

import re
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.client import OPTIONS
from dashboard.protocol_editing import PIECE_CHOICES, edited, merged, row_of
from protocols.loading import LIBRARY, library

HEAD = ("title", "version", "id", "arm")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=20)
COLUMNS = {
    "name": WORDS,
    "duration_s": st.integers(5, 7200) | st.floats(5, 7200),
    "tempo": st.integers(40, 120).map(str) | st.just("hr*0.9"),
    "until": WORDS,
}


def commented(text: str) -> str:
    """Return the text with a comment above each key and behind each plain value of one line."""
    lines = []
    folded = None
    for number, line in enumerate(text.splitlines()):
        margin = len(line) - len(line.lstrip())
        if folded is not None and margin > folded:
            lines.append(line)
            continue
        folded = margin if line.rstrip().endswith(">-") else None
        lines.append(f"{' ' * margin}# above {number}")
        lines.append(line if folded is not None or line.endswith(":") else f"{line}  # behind {number}")
    return "\n".join(lines) + "\n"


TEXTS = {name: (LIBRARY / f"{name}.yaml").read_text(encoding="utf-8") for name in library()}
COMMENTED = {name: commented(text) for name, text in TEXTS.items()}


@cache
def data_of(text: str) -> dict[str, Any]:
    """Return what a text of the library holds, read once; nobody may change it."""
    return yaml.safe_load(text)


def filled(data: dict[str, Any], field: str, value: Any, row: int = 0) -> dict[str, Any]:
    """Return what the form makes of a protocol where one of its fields is changed."""
    head = {key: data[key] for key in HEAD}
    written = data.get("piece", {})
    piece = {key: written.get(key, choices[0]) for key, choices in PIECE_CHOICES.items()}
    shown = data.get("numbers_shown", True)
    rows = [row_of(phase) for phase in data["phases"]]
    if field in piece:
        piece[field] = value
    elif field == "numbers_shown":
        shown = value
    elif field in HEAD:
        head[field] = value
    else:
        rows[row][field] = value
    return merged(data, head, piece=piece, numbers_shown=shown, rows=rows)


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """Return how many lines there are between those that two texts begin and end with alike, in each."""
    old, new = before.splitlines(), after.splitlines()
    for _ in range(2):
        while old and new and old[0] == new[0]:
            del old[0], new[0]
        old.reverse()
        new.reverse()
    return len(old), len(new)


def comments(text: str) -> list[str]:
    return re.findall(r"# (?:above|behind) \d+", text)


def check(text: str, field: str, value: Any, row: int = 0) -> None:
    data = data_of(text)
    new = filled(data, field, value, row)
    after = edited(text, new)
    found = yaml.safe_load(after)
    assert found == new
    assert list(found) == [*data, *(key for key in new if key not in data)]
    gone, come = changed_lines(text, after)
    assert gone <= 1
    assert come <= 1
    if new == data:
        assert after == text
    if gone == come:
        assert comments(after) == comments(text)


@pytest.mark.parametrize("name", COMMENTED)
def test_a_field_of_the_head_changes_its_line_and_no_other(name: str) -> None:
    text = COMMENTED[name]
    data = data_of(text)
    for field, values in {
        "title": ["Ends: with a colon", "Another", "'Quoted', #1", "12"],
        "version": [9999],
        "id": ["another-id"],
        "arm": OPTIONS.arms[1:],
        "numbers_shown": [False],
        **{key: choices[1:] if "piece" in data else [] for key, choices in PIECE_CHOICES.items()},
    }.items():
        # How a value is written does not depend on the text around it: all values in one text, one in each.
        other = [value for value in values if filled(data, field, value) != data]
        for value in other if name == "isoprinciple-relaxation" else other[:1]:
            check(text, field, value)


@settings(max_examples=40)
@given(
    name=st.sampled_from(sorted(TEXTS)),
    change=st.sampled_from(sorted(COLUMNS)).flatmap(lambda key: st.tuples(st.just(key), COLUMNS[key])),
    row=st.integers(0, 30),
)
def test_a_field_of_a_phase_changes_its_line_and_no_other(name: str, change: tuple, row: int) -> None:
    text = COMMENTED[name]
    field, value = change
    phases = data_of(text)["phases"]
    row %= len(phases)
    if field == "tempo" and row_of(phases[row])["tempo"] is None:
        return  # the kind has none, or another form of it
    if field == "name" and value in {phase["name"] for phase in phases}:
        return
    check(text, field, value, row)


@pytest.mark.parametrize("name", TEXTS)
def test_an_untouched_form_leaves_every_letter(name: str) -> None:
    text = TEXTS[name]
    data = data_of(text)
    assert edited(text, filled(data, "title", data["title"])) == text


@settings(max_examples=30)
@given(name=st.sampled_from(sorted(TEXTS)), data=st.data())
def test_phases_come_go_and_move_with_all_that_is_said_of_them(name: str, data: st.DataObject) -> None:
    text = TEXTS[name]
    old = data_of(text)
    kept = data.draw(st.permutations(old["phases"]))[: data.draw(st.integers(0, len(old["phases"])))]
    new = {"kind": "silence", "name": "a new one: quiet", "duration_s": 60}
    phases = data.draw(st.permutations([*kept, new]))
    after = edited(text, {**old, "phases": phases})
    assert yaml.safe_load(after) == {**old, "phases": phases}
    head = text[: text.index("\nphases:")]
    assert after.startswith(head)
    for phase in kept:  # each brings its own lines along
        assert set(lines_of(text, phase["name"])) <= set(after.splitlines())


def lines_of(text: str, name: str) -> list[str]:
    """Return the lines of a phase in a text of the library."""
    start = re.search(
        rf"^  - kind: \S+.*\n(?:    #.*\n)*    name: {re.escape(name)}(?:  #.*)?$", text, re.MULTILINE
    )
    assert start, name
    end = re.search(r"^(?:  - |  # |\S)", text[start.end() :], re.MULTILINE)
    return text[start.start() : start.end() + (end.start() if end else 0)].rstrip().splitlines()


@pytest.mark.parametrize(
    ("text", "data", "after"),
    [
        ("a: 1\nb:\nc: [1, 2]\n", {"a": 1, "b": "x", "c": [1, 2]}, "a: 1\nb: x\nc: [1, 2]\n"),
        ("a: {b: 1, c: 2} # why\n", {"a": {"b": 1}}, "a: {b: 1}       # why\n"),
        ("a: {b: 1, c: 2}\n", {"a": {"c": 2, "d": "x, y"}}, "a: {c: 2, d: 'x, y'}\n"),
        ("a: {}\n", {"a": {"b": 1}}, "a: {b: 1}\n"),
        ("a: >-\n  folded\n  words\n# end\n", {"a": "x"}, "a: >-\n  x\n# end\n"),
        ("a: x # no end", {"a": "y", "b": 1}, "a: y # no end\nb: 1\n"),
        ("p:\n- {n: 1}\n# of 2\n- {n: 2}\n", {"p": [{"n": 2}]}, "p:\n# of 2\n- {n: 2}\n"),
        ("p:\n  - a: 1\n    b: 2\n", {"p": [{"b": 2}]}, "p:\n  - b: 2\n"),
        ("p: [{name: x}]\n", {"p": [{"name": "y"}, {"name": "x"}]}, "p: [{name: y}, {name: x}]\n"),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 2}, "c": {"b": 1}}, "a:\n  b: 2\nc:\n  b: 1\n"),
        ('a: 1\n"b c": "q"\n', {"a": 1, "b c": "two\nlines"}, 'a: 1\n"b c": "two\\nlines"\n'),
    ],
    ids=[
        "empty",
        "flow-removed",
        "flow-replaced",
        "empty-flow",
        "folded",
        "no-line-end",
        "unindented",
        "after-a-dash",
        "flow-entries",
        "anchors",
        "lines",
    ],
)
def test_other_ways_to_write_yaml(text: str, data: dict, after: str) -> None:
    assert edited(text, data) == after
