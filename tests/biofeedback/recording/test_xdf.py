"""The XDF 1.0 specification, clause by clause; pyxdf says whether others read what we write."""

import io
import itertools

import numpy as np
import pytest
import pyxdf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.reader import open_streams, read_recording
from biofeedback.recording.xdf import StreamHeader, Tag

NUMBERS = StreamHeader(name="eda", kind="EDA", source_id="dev:1", labels=("SCL", "SCR"), units=("uS", "uS"))
TEXTS = StreamHeader(
    name="markers", kind="Markers", source_id="dev:2", labels=("json",), units=("",), text=True
)


def load(data):
    """What pyxdf makes of a file, with nothing corrected."""
    return pyxdf.load_xdf(io.BytesIO(data), dejitter_timestamps=False, synchronize_clocks=False)


def read(directory, data):
    """What our own reader makes of a file, by the names of its streams."""
    (directory / "session.xdf").write_bytes(data)
    (directory / "session.json").write_text('{"t0_s": 0}', encoding="utf-8")
    return read_recording(directory)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("xdf")


def text_chunk(stream_id, samples):
    return xdf.samples_chunk(
        stream_id, len(samples), b"".join(xdf.text_sample(t, text) for t, text in samples)
    )


def numeric_chunk(stream_id, times, values):
    samples = xdf.numeric_samples(np.array(times, dtype=float), np.array(values, dtype=float))
    return xdf.samples_chunk(stream_id, len(times), samples)


def test_file_layout_begins_with_the_magic_code():
    assert xdf.file_header().startswith(b"XDF:")


def test_chunk_layout_is_length_tag_content_and_the_length_counts_tag_and_content():
    assert xdf.chunk(Tag.SAMPLES, b"abc") == b"\x01\x05\x03\x00abc"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "0100"),
        (255, "01ff"),
        (256, "0400010000"),
        (2**32 - 1, "04ffffffff"),
        (2**32, "080000000001000000"),
    ],
)
def test_num_length_bytes_is_1_4_or_8(value, encoded):
    assert xdf.varlen(value).hex() == encoded


def test_file_header_chunk_gives_version_1_0():
    _, header = load(xdf.file_header())
    assert header["info"]["version"] == ["1.0"]


def test_stream_header_chunk_declares_count_rate_and_format():
    streams, _ = load(xdf.file_header() + xdf.stream_header(7, NUMBERS) + xdf.stream_header(9, TEXTS))
    infos = [stream["info"] for stream in streams]
    assert [info["stream_id"] for info in infos] == [7, 9]
    assert [info["name"][0] for info in infos] == ["eda", "markers"]
    assert [info["type"][0] for info in infos] == ["EDA", "Markers"]
    assert [info["channel_count"][0] for info in infos] == ["2", "1"]
    assert [info["channel_format"][0] for info in infos] == ["double64", "string"]
    assert [float(info["nominal_srate"][0]) for info in infos] == [0.0, 0.0]
    assert [info["source_id"][0] for info in infos] == ["dev:1", "dev:2"]


def test_stream_header_chunk_describes_channels_as_the_meta_data_standard_has_it():
    streams, _ = load(xdf.file_header() + xdf.stream_header(1, NUMBERS))
    channels = streams[0]["info"]["desc"][0]["channels"][0]["channel"]
    assert [dict(channel) for channel in channels] == [
        {"label": ["SCL"], "unit": ["uS"], "type": ["EDA"]},
        {"label": ["SCR"], "unit": ["uS"], "type": ["EDA"]},
    ]


def test_stream_header_refuses_what_xml_cannot_hold():
    header = StreamHeader(name="a\0b", kind="ECG", source_id="", labels=("x",), units=("mV",))
    with pytest.raises(ValueError, match="character"):
        xdf.stream_header(1, header)


def test_samples_chunk_of_numbers_stamps_every_sample():
    assert numeric_chunk(2, [1.0], [[2.0, -2.0]]).hex() == (
        "0121030002000000010108000000000000f03f000000000000004000000000000000c0"
    )


def test_samples_chunk_of_strings_gives_each_its_length_in_bytes():
    assert text_chunk(2, [(1.0, "é")]).hex() == (
        "0115" + "0300" + "02000000" + "0101" + "08" + "000000000000f03f" + "0102" + "c3a9"
    )


def test_samples_stamped_zero_are_stamped_explicitly():
    header = StreamHeader(name="r", kind="EDA", source_id="", rate_hz=10.0, labels=("a",), units=("uS",))
    data = xdf.file_header() + xdf.stream_header(1, header) + numeric_chunk(1, [0.0, 5.0], [[1.0], [2.0]])
    assert load(data)[0][0]["time_stamps"].tolist() == [0.0, 5.0]


def test_boundary_chunk_is_the_specified_uuid():
    assert xdf.boundary().hex() == "0112" + "0500" + "43a546dccbf5410fb30ed5467383cbe4"


def test_boundary_chunk_lets_readers_go_on_after_damage():
    damaged = (
        xdf.file_header()
        + xdf.stream_header(1, NUMBERS)
        + numeric_chunk(1, [1.0], [[1.0, 1.0]])
        + b"\x00damage"
        + xdf.boundary()
        + numeric_chunk(1, [2.0], [[2.0, 2.0]])
    )
    assert load(damaged)[0][0]["time_stamps"].tolist() == [1.0, 2.0]


def test_stream_footer_chunk_gives_first_and_last_stamp_and_count():
    data = (
        xdf.file_header()
        + xdf.stream_header(1, NUMBERS)
        + xdf.stream_header(2, TEXTS)
        + xdf.stream_footer(1, first_s=0.1, last_s=2.5, count=3)
        + xdf.stream_footer(2, first_s=None, last_s=None, count=0)
    )
    full, empty = (stream["footer"]["info"] for stream in load(data)[0])
    assert {key: float(value[0]) for key, value in full.items()} == {
        "first_timestamp": 0.1,
        "last_timestamp": 2.5,
        "sample_count": 3,
    }
    assert dict(empty) == {"sample_count": ["0"]}


finite = st.floats(allow_nan=False, allow_infinity=False)
xml_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
)


@given(data=st.data())
def test_numbers_read_back_exactly(folder, data):
    channels = data.draw(st.integers(1, 4))
    counts = data.draw(st.lists(st.integers(0, 5), max_size=3))
    header = StreamHeader(
        name="n", kind="ECG", source_id="s", labels=("c",) * channels, units=("mV",) * channels
    )
    times = data.draw(st_numpy.arrays(np.float64, sum(counts), elements=finite))
    values = data.draw(st_numpy.arrays(np.float64, (sum(counts), channels), elements=st.floats()))
    edges = np.cumsum([0, *counts])
    file = xdf.file_header() + xdf.stream_header(1, header)
    for start, stop in itertools.pairwise(edges):
        samples = xdf.numeric_samples(times[start:stop], values[start:stop])
        file += xdf.samples_chunk(1, stop - start, samples) + xdf.boundary()
    recording = read(folder, file)
    ours = recording.streams["n"]
    theirs = load(file)[0][0]
    for read_times, read_values in [
        (ours.times, ours.samples),
        (theirs["time_stamps"], theirs["time_series"]),
    ]:
        np.testing.assert_array_equal(read_times, times)
        np.testing.assert_array_equal(read_values, values)
    assert (ours.labels, ours.units, ours.texts) == (header.labels, header.units, ())
    assert not recording.complete


@given(samples=st.lists(st.tuples(finite, st.text(st.characters(codec="utf-8"), max_size=300))))
def test_texts_read_back_exactly(folder, samples):
    file = xdf.file_header() + xdf.stream_header(1, TEXTS) + text_chunk(1, samples)
    ours = read(folder, file).streams["markers"]
    theirs = load(file)[0][0]
    assert list(zip(ours.times.tolist(), ours.texts, strict=True)) == samples
    assert [
        (t, row[0]) for t, row in zip(theirs["time_stamps"], theirs["time_series"], strict=True)
    ] == samples


@given(name=xml_text.filter(bool), label=xml_text, rate=st.floats(0, 1e5), value=xml_text)
def test_headers_read_back_exactly(folder, name, label, rate, value):
    header = StreamHeader(
        name=name,
        kind="ECG",
        source_id=name,
        rate_hz=rate,
        labels=(label,),
        units=(value,),
        desc={"key": value},
    )
    file = xdf.file_header() + xdf.stream_header(1, header)
    (folder / "session.xdf").write_bytes(file)
    assert [stream.header for stream in open_streams(folder).values()] == [header]
    info = load(file)[0][0]["info"]
    assert ((info["name"][0] or ""), float(info["nominal_srate"][0])) == (name, rate)


def test_streams_interleave(tmp_path):
    file = (
        xdf.file_header()
        + xdf.stream_header(1, NUMBERS)
        + xdf.stream_header(2, TEXTS)
        + text_chunk(2, [(0.5, "a")])
        + numeric_chunk(1, [1.0], [[1.0, 2.0]])
        + text_chunk(2, [(1.5, "b")])
    )
    streams = read(tmp_path, file).streams
    assert streams["eda"].samples.tolist() == [[1.0, 2.0]]
    assert streams["markers"].texts == ("a", "b")


def test_cut_off_anywhere_each_whole_chunk_before_the_cut_is_read_and_nothing_else(tmp_path):
    parts = [
        xdf.file_header(),
        xdf.stream_header(1, NUMBERS),
        xdf.stream_header(2, TEXTS),
        numeric_chunk(1, [1.0, 2.0], [[1.0, 1.5], [2.0, 2.5]]),
        text_chunk(2, [(1.0, "one")]),
        xdf.boundary(),
        numeric_chunk(1, [3.0], [[3.0, 3.5]]),
        xdf.stream_footer(1, first_s=1.0, last_s=3.0, count=3),
    ]
    ends = np.cumsum([len(part) for part in parts])
    file = b"".join(parts)
    for cut in range(4, len(file) + 1):
        whole = int(np.sum(ends <= cut))
        streams = read(tmp_path, file[:cut]).streams
        assert list(streams) == ["eda", "markers"][: max(0, whole - 1)]
        if whole >= 3:
            eda = streams["eda"]
            assert eda.times.tolist() == [1.0, 2.0, 3.0][: {3: 0, 7: 3, 8: 3}.get(whole, 2)]
            assert eda.samples[:, 1].tolist() == [1.5, 2.5, 3.5][: eda.times.size]
            assert streams["markers"].texts == (("one",) if whole >= 5 else ())
            assert open_streams(tmp_path)["eda"].closed == (whole == 8)


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        (b"RIFF", "XDF:"),
        (b"", "XDF:"),
        (xdf.file_header() + numeric_chunk(1, [1.0], [[1.0]]), "no header"),
        (xdf.file_header() + xdf.chunk(Tag.STREAM_HEADER, b"\x01\0\0\0<info>"), "XML"),
        (xdf.file_header() + xdf.chunk(Tag.STREAM_HEADER, b"\x01\0\0\0<info/>"), "lacks"),
        (xdf.file_header() + xdf.chunk(Tag.SAMPLES, b"\x01"), "shorter"),
        (
            xdf.file_header() + xdf.stream_header(1, NUMBERS).replace(b"double64", b"float32x"),
            "only double64 and string",
        ),
        (
            xdf.file_header() + xdf.stream_header(1, NUMBERS) + xdf.samples_chunk(1, 1, bytes(9)),
            "1 samples",
        ),
        (
            xdf.file_header() + xdf.stream_header(1, NUMBERS) + xdf.samples_chunk(1, 1, bytes(25)),
            "without a time stamp",
        ),
        (
            xdf.file_header() + xdf.stream_header(2, TEXTS) + xdf.samples_chunk(2, 1, b"\x08"),
            "shorter",
        ),
    ],
)
def test_files_of_other_making_are_refused(tmp_path, file, complaint):
    with pytest.raises(RecordingError, match=f"session.xdf.* cannot be read: .*{complaint}"):
        read(tmp_path, file)
