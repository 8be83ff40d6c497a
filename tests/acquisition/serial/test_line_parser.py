"""The line parser: which lines are samples, and the effect of garbage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.serial.parsers import MAX_LINE_BYTES, LineParser, cells


def columns_parser(*, separator, columns):
    return LineParser(len(columns), cells(separator, columns))


def parse(data, *, separator=",", columns=(0,)):
    parser = columns_parser(separator=separator, columns=columns)
    return parser.feed(b"rest of a line\n" + data), parser


@pytest.mark.parametrize(
    ("separator", "data"),
    [
        (",", b"1,2.5\r\n-3,4e1\r\n"),
        (",", b" 1 , 2.5 \n-3,40\n"),
        ("\t", b"1\t2.5\n-3\t40\n"),
        (";", b"1;2.5;\n-3;40;\n"),
        (" ", b"  1   2.5\n-3 40 \n"),
    ],
)
def test_numbers_between_separators(separator, data):
    rows, parser = parse(data, separator=separator, columns=(1, 0))
    np.testing.assert_array_equal(rows, [[2.5, 1.0], [40.0, -3.0]])
    assert (parser.frames, parser.rejected) == (2, 0)


def test_what_comes_before_the_first_line_end_may_be_half_a_number():
    parser = columns_parser(separator=",", columns=(0,))
    np.testing.assert_array_equal(parser.feed(b"23\n124\n1"), [[124.0]])
    np.testing.assert_array_equal(parser.feed(b"25\n"), [[125.0]])
    parser.feed(b"12")
    parser.reset()
    np.testing.assert_array_equal(parser.feed(b"7\n128\n"), [[128.0]])


@pytest.mark.parametrize(
    "line", [b"!", b"x", b"1_0", b"inf", b"1e999", b"\xff\xfe", b"12\x00", b"5.1 5.2", b"5.1.2"]
)
def test_a_line_without_its_number_keeps_its_place_in_time(line):
    rows, parser = parse(b"1\n" + line + b"\n2\n")
    np.testing.assert_array_equal(rows, [[1.0], [np.nan], [2.0]])
    assert parser.rejected == 1
    assert parser.last_rejected == line


def test_a_damaged_cell_takes_no_other_with_it():
    rows, _ = parse(b"1,x\n2\n,3\n", columns=(0, 1))
    np.testing.assert_array_equal(rows, [[1.0, np.nan], [2.0, np.nan], [np.nan, 3.0]])


def test_empty_and_nan_cells_are_missing_on_purpose_and_empty_lines_are_nothing():
    rows, parser = parse(b"1,\n\r\n2,nan\n", columns=(0, 1))
    np.testing.assert_array_equal(rows, [[1.0, np.nan], [2.0, np.nan]])
    assert parser.rejected == 0


def test_garbage_without_end_takes_no_memory_and_costs_one_sample():
    parser = columns_parser(separator=",", columns=(0,))
    parser.feed(b"\n1\n")
    for _ in range(1000):
        assert parser.feed(b"\xa5" * 997).size == 0
        assert len(parser._rest) <= MAX_LINE_BYTES + 1
    np.testing.assert_array_equal(parser.feed(b"\n3\n"), [[np.nan], [3.0]])
    assert parser.rejected == 1


pieces = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"\n", b"1.5,2\r\n", b"7,8\n", b" ", b"x" * 700, b"\xff" * MAX_LINE_BYTES]),
    ),
    max_size=12,
)


@given(pieces, st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_samples_do_not_depend_on_the_pieces_bytes_come_in(parts, sizes):
    data = b"".join(parts)
    whole = columns_parser(separator=",", columns=(0, 1))
    expected = whole.feed(data)
    parser = columns_parser(separator=",", columns=(0, 1))
    rows, at, turn = [parser.feed(b"")], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        rows.append(parser.feed(data[at : at + size]))
        at, turn = at + size, turn + 1
    np.testing.assert_array_equal(np.concatenate(rows), expected)
    assert (parser.frames, parser.rejected) == (whole.frames, whole.rejected)
