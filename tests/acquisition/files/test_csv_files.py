"""CSV recordings: what is read, and what is refused with a message of one line."""

import gzip

import numpy as np
import pytest

from acquisition.errors import SourceError
from acquisition.files.csv_files import read_csv
from acquisition.spec import parse_spec


def load(path, text, where, *, kind="ecg"):
    path.write_text(text, encoding="utf-8")
    return read_csv(path).series(parse_spec(f"{kind}={path}:{where}"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rec.csv"


def test_a_column_by_name_with_its_unit(path):
    series = load(path, "ecg_mV,eda_uS\n0.1,5\n0.2,6\n", "eda_uS@4", kind="eda")
    assert (series.label, series.unit, series.rate_hz) == ("eda_uS", "uS", 4.0)
    np.testing.assert_array_equal(series.times, [0.0, 0.25])
    np.testing.assert_array_equal(series.values, [5.0, 6.0])


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("ecg_mV", "mV"),
        ("ecg_uV", "uV"),
        ("eda_µS", "uS"),
        ("ecg", "a.u."),
        ("mV", "a.u."),
        ("ecg_2", "a.u."),
    ],
)
def test_a_unit_is_told_by_an_explicit_suffix_only(path, name, unit):
    assert load(path, f"{name}\n1\n2\n", f"{name}@10").unit == unit


def test_a_file_without_a_header_has_numbered_columns(path):
    series = load(path, "100,-7.5\n101,-7.6\n", "1@360")
    np.testing.assert_array_equal(series.values, [-7.5, -7.6])


def test_gzip_windows_line_ends_byte_order_mark_and_blanks_do_no_harm(tmp_path):
    path = tmp_path / "rec.csv.gz"
    path.write_bytes(gzip.compress("\ufefft, ecg_mV\r\n0, 1\r\n1, 2\r\n\r\n\r\n".encode()))
    series = read_csv(path).series(parse_spec(f"ecg={path}:ecg_mV@2"))
    np.testing.assert_array_equal(series.values, [1.0, 2.0])


def test_empty_blank_and_nan_cells_are_missing_and_keep_their_place(path):
    series = load(path, "ecg,eda\n,1\nnan,2\n  ,3\n\n4,5\n", "ecg@10")
    np.testing.assert_array_equal(series.values, [np.nan, np.nan, np.nan, np.nan, 4.0])
    assert series.origin_s == 0.0
    assert series.times[4] == 0.4


def test_times_come_from_time_s_and_tell_the_rate(path):
    rows = "".join(f"{n / 360:.4f},{n}\n" for n in [*range(400), *range(4000, 4400)])
    series = load(path, f"time_s,ecg\n{rows}", "ecg")
    assert series.rate_hz == pytest.approx(360.0, abs=0.05)
    assert series.times[400] == 11.1111
    assert not series.absolute


def test_time_s_in_unix_time_is_an_absolute_start(path):
    assert load(path, "time_s,ecg\n1644829925.00,1\n1644829925.25,2\n", "ecg").absolute


def test_rr_intervals_give_beat_times(path):
    series = load(path, "rr_ms\n800\n850\n900\n", "rr_ms", kind="rr")
    np.testing.assert_allclose(series.times, [0.8, 1.65, 2.55])
    assert (series.unit, series.rate_hz, series.origin_s) == ("ms", 0.0, 0.0)
    in_seconds = load(path, "rr_s\n0.8\n0.85\n0.9\n", "rr_s", kind="rr")
    np.testing.assert_allclose(in_seconds.values, series.values)


def test_rr_intervals_with_times_may_be_missing(path):
    series = load(path, "time_s,rr_ms\n10,800\n10.9,\n11.7,820\n", "rr_ms", kind="rr")
    np.testing.assert_array_equal(series.times, [10.0, 10.9, 11.7])
    np.testing.assert_array_equal(series.values, [800.0, np.nan, 820.0])


def test_heart_rates_are_irregular_with_times_and_regular_with_a_rate(path):
    assert load(path, "time_s,hr\n0,60\n1.5,61\n", "hr", kind="hr").rate_hz == 0.0
    series = load(path, "hr\n60\n61\n", "hr@1", kind="hr")
    assert (series.rate_hz, series.unit) == (1.0, "bpm")


def test_a_last_line_cut_short_is_dropped(path):
    np.testing.assert_array_equal(load(path, "a,ecg\n1,2\n3,4\n5", "ecg@10").values, [2.0, 4.0])


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("", "ecg@10", "is empty"),
        ("\n\n", "ecg@10", "is empty"),
        ("ecg,eda\n", "ecg@10", "has no samples, only the names ecg, eda"),
        ("ecg,eda\n1,2\n", "pulse@10", "has no column 'pulse'; it has ecg, eda"),
        ("ecg,eda\n1,2\n", "2@10", "has no column '2'; it has ecg, eda"),
        ("ecg,ecg\n1,2\n", "ecg@10", "2 columns called 'ecg'"),
        ("ecg\n1\n2\nx7\n", "ecg@10", "line 4: 'x7' in column 'ecg' is not a number"),
        ("1\n2\noff\n", "0@10", "line 3: 'off'"),
        ("ecg\n1\ninf\n", "ecg@10", "line 3: 'inf'"),
        ("ecg\n1\n2\n", "ecg", "the sampling rate is missing"),
        ("ecg\nnan\n\n \nnan\n", "ecg@10", "not one number among 4 samples"),
        ("ecg,b\n1,2\n1,2,3\n4,5\n", "ecg@10", "line 3: 3 cells where the first line has 2"),
        ("ecg,b\n1,2\n1\n4,5\n", "ecg@10", "line 3: 1 cells where the first line has 2"),
        ("time_s,ecg\n0,1\n1,2\n1,3\n", "ecg", "line 4: time_s is the same as in the line before"),
        ("time_s,ecg\n0,1\n1,2\n0.5,3\n", "ecg", "line 4: time_s goes backward"),
        ("time_s,ecg\n0,1\n,2\n2,3\n", "ecg", "line 3: time_s is missing"),
        ("time_s,ecg\n0,1\n", "ecg", "one sample is not enough"),
        ("time_s,ecg\n0,1\n1,2\n", "ecg@250", "its times say 1 Hz, the specification 250 Hz"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(path, text, where, says):
    with pytest.raises(SourceError) as caught:
        load(path, text, where)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("rr\n80\n", "rr", "a median of 80 cannot be RR intervals; expected are 200 to 3000 ms"),
        ("rr_mV\n800\n", "rr_mV", "RR intervals are in ms or s, not in mV"),
        ("rr_ms\n0.8\n0.9\n", "rr_ms", "a median of 0.85 ms cannot be RR intervals"),
        ("rr_ms\n800\n\n900\n", "rr_ms", "line 3: an RR interval is missing or not above 0"),
        ("rr_ms\n800\n0\n900\n", "rr_ms", "line 3: an RR interval is missing or not above 0"),
    ],
)
def test_rr_intervals_must_be_in_a_known_unit_and_without_gaps(path, text, where, says):
    with pytest.raises(SourceError, match=says):
        load(path, text, where, kind="rr")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", b"a,b\0\n1,2\n", b"\xff\xfe1\x002\x00"])
def test_a_binary_file_is_not_a_recording(path, content):
    path.write_bytes(content)
    with pytest.raises(SourceError, match="not a text file"):
        read_csv(path)


@pytest.mark.parametrize("content", [b"ecg\n1\n", gzip.compress(b"ecg\n1\n" * 100, mtime=0)[:-12]])
def test_a_broken_gzip_file_is_named(tmp_path, content):
    path = tmp_path / "rec.csv.gz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="not a complete gzip file"):
        read_csv(path)


@pytest.mark.parametrize("lines_at_once", [1, 2, 3, 100])
@pytest.mark.parametrize("ending", ["", "\n\n \n\n", "7", "7\n\n\n"])
def test_blank_and_cut_lines_are_understood_wherever_a_block_ends(path, monkeypatch, lines_at_once, ending):
    monkeypatch.setattr("acquisition.files.text_tables.LINES_AT_ONCE", lines_at_once)
    series = load(path, f"a,ecg\n1,2\n\n\n3,4\n , \n \n5,6\n{ending}", "ecg@10")
    np.testing.assert_array_equal(series.values, [2.0, np.nan, np.nan, 4.0, np.nan, np.nan, 6.0])
    with pytest.raises(SourceError, match="line 9: 1 cells where the first line has 2"):
        load(path, "a,ecg\n1,2\n\n\n3,4\n , \n \n5,6\n7\n\n\n8,9\n", "ecg@10")
