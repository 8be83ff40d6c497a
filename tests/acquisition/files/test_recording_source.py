"""Recordings as sources, and the stretches that are missing in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.files.recordings import RecordingSource, missing_stretches
from acquisition.streams import Kind, StreamInfo

STREAM = StreamInfo(stream_id="x", name="ecg", kind=Kind.ECG, unit="mV", rate_hz=10.0, labels=("ecg",))


def recording(n=50):
    return RecordingSource(STREAM, np.arange(n) / 10.0, np.arange(n, dtype=float), file_time_at_0_s=7.0)


@given(st.lists(st.floats(0, 8), max_size=30))
def test_whatever_the_steps_each_sample_comes_once_and_not_before_its_time(reads):
    source = recording()
    seen = 0
    for t in reads:
        for chunk in source.read(t):
            assert chunk.times[-1] <= t
            np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(seen, seen + len(chunk.times)))
            seen += len(chunk.times)
    expected = min(50, int(np.sum(np.arange(50) / 10.0 <= max(reads, default=-1.0))))
    assert seen == expected
    assert source.ended == (seen == 50)


def test_a_sample_at_t_has_arrived_at_t():
    assert recording().read(0.3)[0].times[-1] == 0.3


def test_nothing_new_is_no_chunk():
    source = recording()
    source.read(1.0)
    assert source.read(1.0) == []
    assert source.read(0.5) == []


def test_the_file_clock_is_kept():
    (pair,) = recording().clock_pairs()
    assert (pair.stream_id, pair.source_time_s, pair.engine_time_s) == ("x", 7.0, 0.0)


@given(st.floats(0, 1e6), st.lists(st.floats(0, 8), max_size=10).map(sorted))
def test_a_session_that_begins_later_gets_the_same_samples_later(t0, reads):
    early, late = recording(), recording()
    late.begin(t0)
    for t in reads:
        late.read(t0 + t)
    late.read(t0 + 9.0)
    assert late.ended
    np.testing.assert_array_equal(late.times, early.times + t0)
    (pair,) = late.clock_pairs()
    assert (pair.source_time_s, pair.engine_time_s) == (7.0, t0)


def test_the_file_clock_is_told_once():
    source = recording()
    assert len(source.clock_pairs()) == 1
    assert source.clock_pairs() == ()


def test_chunks_cannot_be_written_into():
    (chunk,) = recording().read(1.0)
    with pytest.raises(ValueError, match="read-only"):
        chunk.samples[0] = 3.0


NAN = np.nan


@pytest.mark.parametrize(
    ("values", "stretches"),
    [
        ([1, 2, 3], []),
        ([NAN, NAN, 3, 4], [(0.0, 2.0)]),
        ([1, NAN, NAN, 4], [(1.0, 3.0)]),
        ([1, 2, NAN, NAN], [(2.0, 4.0)]),
        ([NAN, 2, NAN, 4], [(0.0, 1.0), (2.0, 3.0)]),
        ([NAN, NAN], [(0.0, 2.0)]),
        ([], []),
    ],
)
def test_runs_of_nan_are_named(values, stretches):
    times = np.arange(len(values), dtype=float)
    assert missing_stretches(times, np.array(values, dtype=float), 1.0) == stretches


def test_a_gap_in_the_times_is_missing_signal():
    assert missing_stretches(np.array([0.0, 1.0, 5.0, 6.0]), np.ones(4), 1.0) == [(2.0, 5.0)]


def test_in_irregular_signals_only_nan_is_missing():
    times = np.array([0.0, 0.8, 4.0, 4.9, 5.7])
    assert missing_stretches(times, np.ones(5), 0.0) == []
    assert missing_stretches(times, np.array([1, 1, NAN, 1, 1]), 0.0) == [(0.8, 4.9)]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_the_stretches_hold_exactly_the_missing_samples(there):
    times = np.arange(len(there)) / 4.0
    stretches = missing_stretches(times, np.where(there, 1.0, np.nan), 4.0)
    inside = [any(start <= t < end for start, end in stretches) for t in times]
    assert inside == [not one for one in there]
