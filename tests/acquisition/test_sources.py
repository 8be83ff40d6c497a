"""From the command line's specifications to sources on one time base."""

import numpy as np
import pytest

from acquisition.errors import SourceError, SpecError
from acquisition.sources import open_sources
from acquisition.streams import MusicListener


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def streams(specs):
    return [stream for source in open_sources(specs, seed=1) for stream in source.streams]


def test_columns_of_one_file_share_their_time_axis(write):
    path = write("rec.csv", "ecg_mV,eda_uS\n,5\n,6\n0.3,7\n0.4,8\n")
    ecg, eda = open_sources([f"ecg={path}:ecg_mV@10", f"eda={path}:eda_uS@10"], seed=1)
    (ecg_chunk,), (eda_chunk,) = ecg.read(9.0), eda.read(9.0)
    np.testing.assert_array_equal(ecg_chunk.times, eda_chunk.times)
    np.testing.assert_array_equal(ecg_chunk.samples[:, 0], [np.nan, np.nan, 0.3, 0.4])


def test_files_without_absolute_start_begin_at_zero(write):
    one = write("one.csv", "time_s,ecg\n5.0,1\n5.5,2\n")
    two = write("two.csv", "eda\n1\n2\n")
    first, second = open_sources([f"ecg={one}:ecg", f"eda={two}:eda@4"], seed=1)
    np.testing.assert_array_equal(first.read(9.0)[0].times, [0.0, 0.5])
    np.testing.assert_array_equal(second.read(9.0)[0].times, [0.0, 0.25])
    assert first.clock_pairs()[0].source_time_s == 5.0


def test_files_with_absolute_starts_keep_their_distance(write):
    one = write("one.csv", "time_s,ecg\n1600000010.0,1\n1600000010.5,2\n")
    two = write("two.csv", "time_s,eda\n1600000008.0,1\n1600000008.5,2\n")
    first, second = open_sources([f"ecg={one}:ecg", f"eda={two}:eda"], seed=1)
    np.testing.assert_array_equal(first.read(9.0)[0].times, [2.0, 2.5])
    np.testing.assert_array_equal(second.read(9.0)[0].times, [0.0, 0.5])


def test_absolute_starts_count_only_if_all_files_have_one(write):
    one = write("one.csv", "time_s,ecg\n1600000010.0,1\n1600000010.5,2\n")
    two = write("two.csv", "eda\n1\n2\n")
    first, second = open_sources([f"ecg={one}:ecg", f"eda={two}:eda@4"], seed=1)
    assert first.read(9.0)[0].times[0] == second.read(9.0)[0].times[0] == 0.0


def test_streams_of_a_kind_have_distinct_names_and_ids(write, tmp_path):
    path = write("rec.csv", "a_mV,b_mV\n1,2\n3,4\n")
    (tmp_path / "other").mkdir()
    other = write("other/rec.csv", "a_mV,b_mV\n1,2\n3,4\n")
    specs = [f"ecg={path}:a_mV@2", f"ecg={path}:b_mV@2", f"ecg={other}:a_mV@2", "listener=virtual:responder"]
    found = streams(specs)
    assert [stream.name for stream in found] == ["ecg", "ecg2", "ecg3", "ecg4", "eda", "rsp"]
    assert len({stream.stream_id for stream in found}) == 6
    assert found == streams(specs)


def test_only_the_listener_hears(write):
    path = write("rec.csv", "ecg\n1\n2\n")
    recording, listener = open_sources([f"ecg={path}:ecg@2", "listener=virtual:responder?kappa=0"], seed=1)
    assert not isinstance(recording, MusicListener)
    assert isinstance(listener, MusicListener)


def test_a_missing_file_and_a_directory_are_named(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        open_sources([f"ecg={tmp_path / 'none.csv'}:ecg@2"], seed=1)
    (tmp_path / "folder.xdf").mkdir()
    with pytest.raises(SourceError, match="is a directory"):
        open_sources([f"ecg={tmp_path / 'folder.xdf'}:ecg"], seed=1)


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        ([], "no input was given"),
        (["ecg=a.csv:x@1", "ecg=a.csv:x@1"], "'ecg=a.csv:x@1' is given twice"),
        (["listener=virtual:responder", "listener=virtual:nonresponder"], "one virtual listener"),
        (["listener=virtual:responder", "ecg=lsl:name=x"], "a live source needs --time real"),
        (["eda=serial:COM3?profile=lines&rate=32"], "a live source needs --time real"),
        (["listener=virtual:responder?pain_at=60"], "responder feels no pain"),
        (["listener=virtual:dreamer"], "no persona 'dreamer'; there are responder, nonresponder"),
    ],
)
def test_inputs_that_make_no_session_are_refused(specs, says):
    with pytest.raises(SpecError, match=says):
        open_sources(specs, seed=1)


def test_the_channels_of_one_pulse_are_one_stream(write):
    path = write("rec.csv", "time_ms,R,G,B\n0,1,2,3\n33,4,,6\n66,7,8,9\n")
    (source,) = open_sources([f"ppg={path}:R,G,B"], seed=1)
    (stream,) = source.streams
    assert (stream.name, stream.labels) == ("ppg", ("R", "G", "B"))
    (chunk,) = source.read(9.0)
    np.testing.assert_array_equal(chunk.samples, [[1, 2, 3], [4, np.nan, 6], [7, 8, 9]])
    with pytest.raises(SourceError, match="has no column 'X'"):
        open_sources([f"ppg={path}:R,X"], seed=1)
