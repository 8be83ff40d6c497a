"""Figures and tables of the comparison."""

import pytest

from tools import comparison_tables as tables


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.0123, ".012"),
        (0.456, ".46"),
        (-0.456, "−.46"),
        (1.0, "1.00"),
        (14.04, "14.0"),
        ([0.3, 0.05, 2.0], ".30 (.050–2.0)"),
    ],
)
def test_a_figure_is_written_with_two_digits_or_with_its_quartiles(value, text):
    assert tables.number(value) == text


def test_what_a_column_lacks_is_a_dash():
    made = tables.table({"a": "first", "b": "second"}, {"x": {"a": 0.5}, "y": {"a": 0.25, "b": 3}})
    assert made.splitlines() == [
        "| measure | x | y |",
        "|---|---|---|",
        "| first | .50 | .25 |",
        "| second | – | 3.0 |",
    ]


def test_a_table_replaces_what_stands_between_its_marks():
    text = "before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n"
    once = tables.write_tables(text, {"a": "new"})
    assert once == "before\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\nafter\n"
    assert tables.write_tables(once, {"a": "new"}) == once


def test_a_document_without_marks_is_refused():
    with pytest.raises(SystemExit, match="no marks <!-- a: begin -->"):
        tables.write_tables("nothing", {"a": "new"})


def test_quartiles_are_those_of_the_pieces_that_have_the_measure():
    rows = [{"a": float(value)} for value in range(5)] + [{"b": 7.0}]
    assert tables.quartiles(rows) == {"a": [2.0, 1.0, 3.0], "b": [7.0, 7.0, 7.0]}
