"""Recordings read a block at a time are the recordings read whole."""

from pathlib import Path

import numpy as np
import pytest

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.reader import open_streams

ECG = xdf.StreamHeader(
    name="ecg", kind="ECG", source_id="a", rate_hz=250.0, labels=("I", "II"), units=("mV", "mV")
)
MARKERS = xdf.StreamHeader(
    name="markers", kind="Markers", source_id="b", labels=("json",), units=("",), text=True
)
TIMES = np.arange(1000) / 250
SAMPLES = np.column_stack([np.sin(TIMES), np.where(np.arange(1000) % 7, TIMES, np.nan)])
TEXTS = ("begin", "größer", "")


def recorded(*, footers: bool = True) -> bytes:
    data = xdf.file_header() + xdf.stream_header(1, ECG) + xdf.stream_header(2, MARKERS)
    for number, begin in enumerate(range(0, 1000, 40)):
        times, samples = TIMES[begin : begin + 40], SAMPLES[begin : begin + 40]
        data += xdf.samples_chunk(1, times.size, xdf.numeric_samples(times, samples))
        if number < len(TEXTS):
            data += xdf.samples_chunk(2, 1, xdf.text_sample(number, TEXTS[number]))
        data += xdf.boundary()
    for stream_id in (1, 2) if footers else ():
        data += xdf.stream_footer(stream_id, first_s=0.0, last_s=1.0, count=1)
    return data


def written(directory: Path, data: bytes) -> Path:
    (directory / "session.xdf").write_bytes(data)
    return directory


@pytest.mark.parametrize("block", [1, 100, 5000])
def test_blocks_of_any_size_are_the_whole(tmp_path, block):
    stream = open_streams(written(tmp_path, recorded()))["ecg"]
    blocks = list(stream.blocks(block))
    assert np.array_equal(np.concatenate([times for times, _ in blocks]), TIMES)
    assert np.array_equal(np.concatenate([samples for _, samples in blocks]), SAMPLES, equal_nan=True)
    assert all(times.size <= block + 40 for times, _ in blocks)


def test_headers_texts_and_footers_are_read(tmp_path):
    streams = open_streams(written(tmp_path, recorded()))
    assert [stream.header for stream in streams.values()] == [ECG, MARKERS]
    times, texts = streams["markers"].texts()
    assert times.tolist() == [0.0, 1.0, 2.0]
    assert texts == TEXTS
    assert all(stream.closed for stream in streams.values())
    assert not any(
        stream.closed for stream in open_streams(written(tmp_path, recorded(footers=False))).values()
    )


def test_a_recording_cut_anywhere_is_read_up_to_its_last_whole_chunk(tmp_path):
    data = recorded()
    for cut in (len(data) // 2, len(data) // 2 + 1, len(data) - 500):
        streams = open_streams(written(tmp_path, data[:cut]))
        found = np.concatenate([times for times, _ in streams["ecg"].blocks()])
        whole = data[:cut].count(xdf.boundary()) * 40
        assert whole <= found.size <= whole + 40
        assert np.array_equal(found, TIMES[: found.size])
        assert np.array_equal(streams["ecg"].read().times, found)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cannot be read"),
        (b"RIFF....", "does not begin with 'XDF:'"),
        (xdf.file_header() + xdf.samples_chunk(1, 0, b""), "no header"),
    ],
    ids=["empty", "another format", "samples without a header"],
)
def test_what_is_no_recording_is_refused(tmp_path, data, says):
    with pytest.raises(RecordingError, match=says):
        open_streams(written(tmp_path, data))
    with pytest.raises(RecordingError, match="missing"):
        open_streams(tmp_path / "elsewhere")
