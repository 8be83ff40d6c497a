"""The serial source, with a device in another process on a pseudo-terminal."""

import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import serial
from pylsl import local_clock

from acquisition.errors import SourceError, SpecError
from acquisition.serial.source import SerialSource
from acquisition.sources import open_sources
from acquisition.spec import parse_spec
from acquisition.streams import Kind, LiveSource, StreamInfo

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals"),
]

PATIENCE_S = 600.0
DEVICE = Path(__file__).with_name("fake_serial_device.py")


@contextmanager
def device(link, *arguments):
    process = subprocess.Popen([sys.executable, DEVICE, link, *arguments])
    try:
        wait_for(link.exists)
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(happened):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@contextmanager
def opened(*specs):
    (source,) = open_sources(specs, seed=0, live=True)
    try:
        yield source
    finally:
        source.close()


def collect(source, *, until):
    """Read 20 times a second until `until` holds of all chunks so far; return those of each stream."""
    chunks = [[] for _ in source.streams]

    def step():
        for chunk in source.read(local_clock()):
            chunks[source.streams.index(chunk.stream)].append(chunk)
        time.sleep(0.03)
        return chunks[0] and until(chunks)

    wait_for(step)
    return [
        (
            np.concatenate([chunk.times for chunk in one]),
            np.concatenate([chunk.samples[:, 0] for chunk in one]),
        )
        for one in chunks
    ]


def seconds(wanted):
    return lambda chunks: chunks[0][-1].times[-1] - chunks[0][0].times[0] >= wanted


@pytest.fixture
def link(tmp_path):
    return tmp_path / "ttyDEVICE"


def test_two_streams_of_one_port_lose_nothing_and_lie_where_they_were_taken(link, repeat_while_late):
    specs = (
        f"ecg=serial:{link}?profile=lines&rate=250&unit=mV&scale=0.001&offset=-1",
        f"eda=serial:{link}?profile=lines&rate=250&column=1",
    )
    read_s = []

    def attempt(_number):
        read_s.clear()
        with device(link, "--rate", "250.025", "--burst", "12"), opened(*specs) as source:
            assert [(s.name, s.kind, s.unit, s.rate_hz) for s in source.streams] == [
                ("ecg", Kind.ECG, "mV", 250.0),
                ("eda", Kind.EDA, "a.u.", 250.0),
            ]
            assert isinstance(source, LiveSource)
            t0 = local_clock()
            source.begin(t0)
            (times, indices), (same_times, taken) = collect(
                source, until=lambda chunks: read_s.append(time.monotonic()) or seconds(1.5)(chunks)
            )
            pairs = source.clock_pairs()
        np.testing.assert_array_equal(np.round(np.diff(indices) * 1000), 1)
        np.testing.assert_array_equal(times, same_times)
        assert times[0] >= t0
        assert np.all(np.diff(times) > 0)
        error = np.abs(times - taken - (local_clock() - time.monotonic()))
        assert np.percentile(error, 95) < 0.05
        assert {pair.stream_id for pair in pairs} == {stream.stream_id for stream in source.streams}
        assert source.incidents() == ()

    # The readings that took three times as long as they should show a machine that was busy elsewhere.
    repeat_while_late(attempt, lambda: max(np.diff(read_s), default=0.0) > 0.1)


def test_what_waits_for_a_reader_is_kept(link):
    # Lines at 4 kHz, and an engine that comes once in a second.
    with (
        device(link, "--rate", "4000", "--burst", "40"),
        opened(f"ecg=serial:{link}?profile=lines&rate=4000") as source,
    ):
        chunks = []

        def has_come():
            time.sleep(1.0)
            chunks.extend(source.read(local_clock()))
            return sum(chunk.times.size for chunk in chunks) > 6000

        wait_for(has_come)
    indices = np.concatenate([chunk.samples[:, 0] for chunk in chunks])
    assert np.all(np.diff(indices) == 1)


def test_a_cable_pulled_and_plugged_in_again_leaves_a_gap_and_goes_on(link):
    told = []

    def has_told(words):
        source.read(local_clock())
        told.extend(incident.text for incident in source.incidents())
        return any(words in what for what in told)

    with device(link) as process, opened(f"ecg=serial:{link}?profile=lines&rate=250") as source:
        ((before, _),) = collect(source, until=seconds(1.0))
        process.kill()
        wait_for(lambda: has_told("was lost"))
        assert not source.ended
        link.unlink()
        with device(link):
            ((after, indices),) = collect(source, until=seconds(1.0))
            assert has_told("is back")
            assert has_told("samples again after")
    assert np.all(np.diff(indices) == 1)
    assert np.all(np.diff(after) > 0)
    assert after[0] - before[-1] > 1.0


def test_a_port_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(SourceError, match=r"ttyNONE cannot be opened .*; ports there are: "):
        open_sources([f"ecg=serial:{tmp_path / 'ttyNONE'}?profile=lines&rate=250"], seed=0, live=True)


def refusal(link, *, limit_s=5.0):
    spec = parse_spec(f"ecg=serial:{link}?profile=lines&rate=250")
    stream = StreamInfo(stream_id="x", name="ecg", kind=Kind.ECG, unit="mV", rate_hz=250.0, labels=("0",))
    source = SerialSource([spec], [stream])
    source.open()
    try:
        with pytest.raises(SourceError) as caught:
            source.try_out(seconds=0.6, limit_s=limit_s)
    finally:
        source.close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_device_of_another_rate_is_refused_with_its_rate(link):
    with device(link, "--rate", "150", "--burst", "5"):
        says = refusal(link)
    assert re.search(r"1[3-6]\d samples come per second where .* says 250; write the true rate=", says)


def test_lines_without_the_number_asked_for_are_refused_with_an_example(link):
    with device(link, "--line", r"HR:{index}\n"):
        says = refusal(link)
    assert re.search(r"nothing readable as lines in .* 0 frames, such as 'HR:\d+'; check column=0", says)


def test_a_silent_device_is_refused(link):
    with device(link, "--line", "no line end"):
        says = refusal(link, limit_s=0.1)
    assert "nothing readable as lines in 0.7" in says


def test_a_port_is_read_in_one_way():
    specs = [
        "ecg=serial:COM3?profile=lines&rate=250",
        "eda=serial:COM3?profile=lines&rate=250&column=1&baud=9600",
    ]
    with pytest.raises(SpecError, match="baud differs from that in 'ecg=serial:COM3"):
        open_sources(specs, seed=0, live=True)


def test_a_port_is_free_after_another_input_was_refused(link, tmp_path):
    good = f"ecg=serial:{link}?profile=lines&rate=250"
    with device(link):
        with pytest.raises(SourceError, match="ttyNONE cannot be opened"):
            open_sources([good, f"eda=serial:{tmp_path / 'ttyNONE'}?profile=lines&rate=4"], seed=0, live=True)
        serial.Serial(str(link), exclusive=True).close()
        with opened(good) as source:
            assert collect(source, until=seconds(0.2))


def test_a_unit_that_does_not_fit_the_signal_is_refused_before_the_port_is_opened(link):
    with device(link):
        with pytest.raises(SpecError, match="eda is in uS, not in mV; write for example"):
            open_sources([f"eda=serial:{link}?profile=lines&rate=250&unit=mV"], seed=0, live=True)
        serial.Serial(str(link), exclusive=True).close()


def test_a_port_is_free_after_its_device_was_refused(link):
    with device(link, "--rate", "150", "--burst", "5"):
        refusal(link)
        serial.Serial(str(link), exclusive=True).close()
