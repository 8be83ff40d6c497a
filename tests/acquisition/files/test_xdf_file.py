"""XDF recordings, written here byte by byte after the specification (version 1.0)."""

import struct

import numpy as np
import pytest

from acquisition.errors import SourceError
from acquisition.files.binary_formats import read_xdf
from acquisition.spec import parse_spec

CHANNELS = (("ecg", "millivolts"), ("eda", "microsiemens"))


def chunk(tag, content):
    return b"\x04" + struct.pack("<I", len(content) + 2) + struct.pack("<H", tag) + content


def header(stream_id, name, *, rate, channels=CHANNELS, form="double64"):
    described = "".join(
        f"<channel><label>{label}</label><unit>{unit}</unit></channel>" for label, unit in channels
    )
    return chunk(
        2,
        struct.pack("<I", stream_id)
        + f"<info><name>{name}</name><type>x</type><channel_count>{len(channels)}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{form}</channel_format>"
        f"<desc><channels>{described}</channels></desc></info>".encode(),
    )


def samples(stream_id, times, rows):
    lines = b"".join(
        b"\x08" + struct.pack("<d", t) + struct.pack(f"<{len(row)}d", *row)
        for t, row in zip(times, rows, strict=True)
    )
    return chunk(3, struct.pack("<I", stream_id) + b"\x04" + struct.pack("<I", len(times)) + lines)


def text_samples(stream_id, times, words):
    lines = b"".join(
        b"\x08" + struct.pack("<d", t) + bytes([1, len(word)]) + word.encode()
        for t, word in zip(times, words, strict=True)
    )
    return chunk(3, struct.pack("<I", stream_id) + bytes([1, len(times)]) + lines)


START = b"XDF:" + chunk(1, b"<info><version>1.0</version></info>")
BODY = header(1, "Body", rate=4)
FIRST = samples(1, [100.0, 100.25, 100.5], [(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)])
SECOND = samples(1, [105.0, 105.25], [(4.0, np.nan), (np.inf, 50.0)])


def load(path, content, where, *, kind="ecg"):
    path.write_bytes(content)
    return read_xdf(path).series(parse_spec(f"{kind}={path}:{where}"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.xdf"


def test_time_stamps_and_gaps_are_those_recorded(path):
    series = load(path, START + BODY + FIRST + SECOND, "Body/ecg")
    np.testing.assert_array_equal(series.times, [100.0, 100.25, 100.5, 105.0, 105.25])
    np.testing.assert_array_equal(series.values, [1.0, 2.0, 3.0, 4.0, np.nan])
    assert (series.label, series.unit, series.rate_hz, series.origin_s) == ("ecg", "mV", 4.0, 100.0)


def test_a_channel_may_be_numbered(path):
    series = load(path, START + BODY + FIRST, "Body/1", kind="eda")
    assert (series.label, series.unit) == ("eda", "uS")


def test_a_stream_may_have_a_slash_in_its_name(path):
    content = START + header(1, "Lab/Body", rate=4, channels=CHANNELS[:1]) + samples(1, [1.0], [(7.0,)])
    np.testing.assert_array_equal(load(path, content, "Lab/Body").values, [7.0])
    np.testing.assert_array_equal(load(path, content, "Lab/Body/ecg").values, [7.0])


def test_rr_intervals_keep_their_own_times(path):
    channels = (("rr", "ms"),)
    content = (
        START + header(1, "rr", rate=0, channels=channels) + samples(1, [5.0, 5.9], [(800.0,), (900.0,)])
    )
    series = load(path, content, "rr", kind="rr")
    np.testing.assert_array_equal(series.times, [5.0, 5.9])
    assert (series.unit, series.rate_hz) == ("ms", 0.0)


@pytest.mark.parametrize("cut", [1, 8, len(SECOND) - 8, len(SECOND) - 4, len(SECOND) - 1])
def test_a_truncated_file_is_read_up_to_its_last_whole_chunk(path, cut):
    series = load(path, (START + BODY + FIRST + SECOND)[:-cut], "Body/ecg")
    np.testing.assert_array_equal(series.values, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        (b"", "Body", "is empty"),
        (b"time_s,ecg\n", "Body", "is not an XDF file"),
        (START, "Body", "no stream 'Body'; its streams are none"),
        (
            START + BODY + header(2, "Other", rate=1),
            "Chest",
            "no stream 'Chest'; its streams are Body, Other",
        ),
        (START + BODY + header(2, "Body", rate=1), "Body", "2 streams called 'Body'"),
        (START + BODY + FIRST, "Body", "has 2 channels: say which, as in Stream/eda; it has ecg, eda"),
        (START + BODY + FIRST, "Body/rsp", "has no channel 'rsp'; it has ecg, eda"),
        (START + BODY, "Body/ecg", "not one number among 0 samples"),
        (START + BODY + FIRST + FIRST, "Body/ecg", "time stamp of sample 3 (100.0000 s) does not lie after"),
        (
            START
            + header(1, "Notes", rate=0, channels=CHANNELS[:1], form="string")
            + text_samples(1, [1.0], ["a"]),
            "Notes",
            "it holds text",
        ),
        (START + chunk(2, struct.pack("<I", 1) + b"<info>"), "Body", "is damaged: ParseError"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(path, content, where, says):
    with pytest.raises(SourceError) as caught:
        load(path, content, where)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
