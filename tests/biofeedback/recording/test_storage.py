import io
import os

import numpy as np
import pytest
import pyxdf

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.reader import open_streams
from biofeedback.recording.storage import AppendFile, SyncThread, write_whole
from biofeedback.recording.xdf import StreamHeader


class Killed(BaseException):
    """The program ends here: nothing of ours runs after it."""


class KilledAfter:
    """Writes so many bytes, then the program is killed."""

    def __init__(self, count):
        self.count = count

    def __call__(self, descriptor, view):
        written = os.write(descriptor, view[: self.count])
        self.count -= written
        if self.count == 0:
            raise Killed
        return written


NUMBERS = StreamHeader(name="ecg", kind="ECG", source_id="", labels=("a", "b"), units=("mV", "mV"))
TEXTS = StreamHeader(name="markers", kind="Markers", source_id="", labels=("json",), units=("",), text=True)
HEAD = xdf.file_header() + xdf.stream_header(1, NUMBERS) + xdf.stream_header(2, TEXTS)
SAMPLES = np.arange(12.0).reshape(6, 2) + 0.125


def appends():
    """Three appends as a recorder makes them: samples of both streams, then a boundary; last the footers."""
    for start in (0, 3):
        block = SAMPLES[start : start + 3]
        yield (
            xdf.samples_chunk(1, 3, xdf.numeric_samples(block[:, 0], block))
            + xdf.samples_chunk(2, 1, xdf.text_sample(float(start), f"text {start}"))
            + xdf.boundary()
        )
    yield xdf.stream_footer(1, first_s=0.0, last_s=10.0, count=6) + xdf.stream_footer(
        2, first_s=0.0, last_s=3.0, count=2
    )


def append_all(file):
    for data in appends():
        file.append(data)


def test_killed_after_any_byte_every_reader_finds_whole_appends_and_nothing_else(tmp_path):
    path = tmp_path / "session.xdf"
    ends = np.cumsum([len(data) for data in appends()])
    for count in range(1, ends[-1] + 1):
        path.write_bytes(HEAD)
        file = AppendFile(path, write=KilledAfter(count))
        with pytest.raises(Killed):
            append_all(file)
        file.close()
        data = path.read_bytes()
        whole = int(np.sum(ends <= count))
        expected = SAMPLES[: 3 * min(whole, 2)]
        theirs = pyxdf.load_xdf(io.BytesIO(data), dejitter_timestamps=False, synchronize_clocks=False)[0]
        np.testing.assert_array_equal(theirs[0]["time_series"], expected)
        assert [row[0] for row in theirs[1]["time_series"]] == ["text 0", "text 3"][:whole]
        ours = list(open_streams(tmp_path).values())
        np.testing.assert_array_equal(ours[0].read().samples, expected)
        assert ours[1].read().texts == ("text 0", "text 3")[:whole]
        assert ours[1].closed == (whole == 3)


def test_appends_follow_what_is_there(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"head")
    file = AppendFile(path)
    file.append(b"one")
    file.append(b"2")
    file.sync()
    file.close()
    assert path.read_bytes() == b"headone2"


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(RecordingError, match="cannot be written"):
        AppendFile(tmp_path / "f")


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "session.json"
    write_whole(path, b"first, and longer")
    write_whole(path, b"second")
    assert [file.name for file in tmp_path.iterdir()] == ["session.json"]
    assert path.read_bytes() == b"second"


def test_a_file_that_cannot_be_replaced_is_one_clear_line(tmp_path):
    with pytest.raises(RecordingError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "session.json", b"")


def test_what_was_asked_of_the_thread_is_done_when_it_has_stopped():
    done = []
    thread = SyncThread(lambda: done.append(True))
    thread.request()
    thread.stop()
    assert done


def test_an_error_of_the_thread_reaches_the_next_call():
    def fail():
        raise RecordingError("disk gone")

    thread = SyncThread(fail)
    with pytest.raises(RecordingError, match="disk gone"):
        thread.stop()
    with pytest.raises(RecordingError, match="disk gone"):
        thread.request()
