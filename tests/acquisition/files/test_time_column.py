"""Columns of times: units, clocks with coarse ticks, dates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.errors import SourceError
from acquisition.files.csv_files import read_csv
from acquisition.files.text_tables import find_time_column, in_seconds, spread_ticks
from acquisition.spec import parse_spec
from acquisition.streams import Kind


@pytest.fixture
def load(tmp_path):
    def load(text, where="x", kind="ppg"):
        path = tmp_path / "rec.csv"
        path.write_text(text, encoding="utf-8")
        return read_csv(path).series(parse_spec(f"{kind}={path}:{where}"))

    return load


@pytest.mark.parametrize(
    ("columns", "index"),
    [
        (("ecg", "time_s"), 1),
        (("time", "time_s"), 1),
        (("timer", "hr"), 0),
        (("datetime", "hr"), 0),
        (("Timestamp (ms)", "hr"), 0),
        (("t [s]", "hr"), 0),
        (("t", "hr"), None),
        (("time", "timestamp"), None),
        (("timing", "hr"), None),
    ],
)
def test_which_column_holds_times(columns, index):
    assert find_time_column(columns) == index


@pytest.mark.parametrize(
    ("name", "kind", "step", "seconds"),
    [
        ("time", Kind.PPG, 33.0, 0.033),
        ("time", Kind.ECG, 0.004, 0.004),
        ("time", Kind.ECG, 4.0, 0.004),
        ("time", Kind.ECG, 4000.0, 0.004),
        ("time", Kind.EDA, 0.25, 0.25),
        ("time", Kind.EDA, 250.0, 0.25),
        ("time_ms", Kind.EDA, 10_000.0, 10.0),
        ("t [s]", Kind.ECG, 4.0, 4.0),
    ],
)
def test_the_unit_is_as_stated_or_the_only_one_that_fits(name, kind, step, seconds):
    np.testing.assert_allclose(in_seconds(np.arange(5) * step, name, kind), np.arange(5) * seconds)


@given(st.sampled_from(list(Kind)), st.floats(1e-7, 1e7))
def test_a_unit_that_is_recognised_is_the_only_sensible_one(kind, step):
    times = in_seconds(np.arange(5) * step, "time", kind)
    if times is not None:
        rate_hz = 1 / np.diff(times)[0]
        assert 0.05 < rate_hz <= 20_000.0 * (1 + 1e-9)


def test_milliseconds_are_recognised_in_a_file(load):
    series = load("time,R,x\n0,1,5\n33,1,6\n67,1,7\n100,1,8\n")
    np.testing.assert_allclose(series.times, [0.0, 0.033, 0.067, 0.1])
    assert series.rate_hz == pytest.approx(30.0, abs=0.1)


def test_times_whose_unit_cannot_be_told_are_refused_unless_the_rate_is_given(load):
    text = "time,x\n0,5\n50000000,6\n100000000,7\n"
    with pytest.raises(SourceError, match="'time' does not say its unit"):
        load(text)
    np.testing.assert_array_equal(load(text, "x@10").times, [0.0, 0.1, 0.2])
    np.testing.assert_array_equal(load("time,x\nnow,5\nlater,6\n", "x@10").times, [0.0, 0.1])


def test_words_instead_of_times_are_refused_without_a_rate(load):
    with pytest.raises(SourceError, match="line 2: 'now' in column 'time' is not a number"):
        load("time,x\nnow,5\nlater,6\n")


def test_dates_are_times_and_absolute_with_a_zone(load):
    local = load("datetime,x\n2016-11-24 13:58:58.000,5\n2016-11-24 13:58:58.010,6\n")
    np.testing.assert_allclose(local.times - local.times[0], [0.0, 0.01], atol=1e-6)
    assert not local.absolute
    zoned = load("datetime,x\n2016-11-24T13:58:58+01:00,5\n2016-11-24T13:58:58.020+01:00,6\n")
    assert zoned.absolute
    assert zoned.origin_s == pytest.approx(local.origin_s - 3600)


def test_a_date_that_is_none_is_named_with_its_line(load):
    with pytest.raises(SourceError, match="line 3: 'soon' in column 'datetime' is not a date and time"):
        load("datetime,x\n2016-11-24 13:58:58,5\nsoon,6\n")
    with pytest.raises(SourceError, match="line 4: datetime goes backward"):
        load("datetime,x\n2016-11-24 13:58:58,5\n2016-11-24 13:58:59,6\n2016-11-24 13:58:57,7\n")


@given(
    st.floats(20.0, 400.0),
    st.sampled_from([0.0156, 0.1, 1.0]),
    st.floats(0.0, 0.9),
)
def test_a_slow_clock_is_made_up_for_within_two_ticks(rate_hz, tick_s, phase):
    true = phase + np.arange(int(8 * rate_hz)) / rate_hz
    stamps = np.floor(true / tick_s) * tick_s
    times = spread_ticks(stamps)
    assert (np.diff(times) > 0).all() or (np.diff(stamps) > 0).mean() > 0.95
    assert np.abs(times - true).max() <= 2 * tick_s + 1e-9


def test_times_that_seldom_repeat_are_left_for_refusal():
    times = np.concatenate((np.arange(50.0), [49.0], np.arange(50.0, 100.0)))
    assert spread_ticks(times) is times
