"""LSL sources, with outlets in other processes."""

import re
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylsl import StreamInlet, local_clock

from acquisition.errors import SourceError
from acquisition.lsl.source import Dejitterer, monotonize, timestamp_jitter
from acquisition.sources import open_sources
from acquisition.streams import Condition, Kind, LiveSource, MarkerSource

pytestmark = pytest.mark.realtime

PATIENCE_S = 600.0

OUTLET = Path(__file__).with_name("fake_lsl_outlet.py")
# Other outlets may be about on this network; ours have names nobody else has.
RUN = uuid.uuid4().hex[:8]
ECG, TWO, TEXT = f"ecg-{RUN}", f"two-{RUN}", f"text-{RUN}"


@contextmanager
def outlet(*arguments):
    process = subprocess.Popen([sys.executable, OUTLET, *arguments], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module", autouse=True)
def outlets():
    with ExitStack() as running:
        for arguments in (
            (
                TWO,
                "--source-id",
                f"{TWO}-1",
                "--labels",
                "index,stamp",
                "--unit",
                "uV",
                "--format",
                "double64",
            ),
            (TWO, "--source-id", f"{TWO}-2", "--labels", "index,stamp"),
            (TEXT, "--format", "string", "--rate", "10"),
        ):
            running.enter_context(outlet(*arguments))
        yield


@contextmanager
def opened(*specs):
    sources = open_sources(specs, seed=0, live=True)
    try:
        yield sources
    finally:
        for source in sources:
            source.close()


class Reading:
    """Reads sources 20 times a second and keeps what came."""

    def __init__(self, sources):
        self.sources = sources
        self.chunks = [[] for _ in sources]
        self.pairs = [list(source.clock_pairs()) for source in sources]
        self.told = []
        self.longest_s = self.overslept_s = 0.0

    def until(self, happened):
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline
            begun = time.perf_counter()
            time.sleep(0.05)
            self.overslept_s = max(self.overslept_s, time.perf_counter() - begun - 0.05)
            for number, source in enumerate(self.sources):
                begun = time.perf_counter()
                self.chunks[number] += source.read(local_clock())
                self.longest_s = max(self.longest_s, time.perf_counter() - begun)
                self.pairs[number] += source.clock_pairs()
                self.told += [incident.text for incident in source.incidents()]

    def times(self, number=0):
        return np.concatenate([np.empty(0), *(chunk.times for chunk in self.chunks[number])])

    def values(self, number=0):
        return np.concatenate([np.empty(0), *(chunk.samples[:, 0] for chunk in self.chunks[number])])


def test_samples_come_once_in_order_on_engine_time():
    specs = (
        f"ecg=lsl:source_id={TWO}-1&channel=index",
        f"rsp=lsl:name={TWO}&source_id={TWO}-1&channel=1&unit=s",
    )
    with opened(*specs) as sources:
        (ecg,), (rsp,) = (source.streams for source in sources)
        assert (ecg.name, ecg.kind, ecg.unit, ecg.rate_hz) == ("ecg", Kind.ECG, "uV", 250.0)
        assert (rsp.name, rsp.unit, rsp.labels) == ("rsp", "s", ("stamp",))
        assert ecg.stream_id == f"lsl:{TWO}-1:index"
        assert isinstance(sources[0], LiveSource)
        t0 = local_clock()
        for source in sources:
            source.begin(t0)
        reading = Reading(sources)
        reading.until(lambda: len(reading.times()) > 500 and len(reading.times(1)) > 500)
    assert np.all(np.diff(reading.values()) == 1)
    np.testing.assert_allclose(np.diff(reading.times()), 1 / 250, atol=1e-3)
    # Both processes have one clock, so engine time is the stamp.
    np.testing.assert_allclose(reading.times(1), reading.values(1) / 1000, atol=1e-3)
    assert t0 <= reading.times()[0] < t0 + 1.0
    assert reading.told == []
    (pair, *_) = reading.pairs[0]
    assert pair.stream_id == ecg.stream_id
    assert pair.source_time_s == pytest.approx(pair.engine_time_s, abs=1e-3)


def test_a_stream_whose_process_was_killed_goes_on_when_it_comes_back():
    with outlet(ECG) as first, opened(f"ecg=lsl:name={ECG}&type=ECG") as sources:
        reading = Reading(sources)
        reading.until(lambda: len(reading.times()) > 100)
        first.kill()
        reading.until(lambda: any("no samples for" in what for what in reading.told))
        assert not sources[0].ended
        count, killed = len(reading.times()), reading.times()[-1]
        with outlet(ECG):
            reading.until(lambda: len(reading.times()) > count + 100)
    assert any("samples again after" in what for what in reading.told)
    assert np.all(np.diff(reading.times()) > 0)
    assert np.all(np.diff(reading.values()[count:]) == 1)
    assert reading.times()[count] - killed > 2.0
    assert reading.longest_s < 1.0 + reading.overslept_s


def refusal(spec):
    with pytest.raises(SourceError) as caught:
        open_sources([spec], seed=0, live=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_several_streams_are_refused_with_what_tells_them_apart():
    says = refusal(f"ecg=lsl:name={TWO}")
    assert f"name '{TWO}' do not uniquely identify an LSL stream; 2 were found:" in says
    for number in (1, 2):
        assert f"name={TWO}&type=ECG&source_id={TWO}-{number}" in says


def test_no_stream_is_refused_with_those_there_are():
    says = refusal(f"ecg=lsl:name=nobody-{RUN}&type=ECG&wait=0")
    assert f"no LSL stream has name 'nobody-{RUN}' and type 'ECG', not within 0 s" in says
    assert f"name={TWO}&type=ECG&source_id={TWO}-1" in says


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (f"name={TEXT}", "is of text, not of numbers"),
        (
            f"source_id={TWO}-1",
            "the stream has 2 channels: say which, as in &channel=stamp; it has index, stamp",
        ),
        (f"source_id={TWO}-1&channel=2", "the stream has no channel '2'; it has index, stamp"),
    ],
    ids=["text", "two channels", "no such channel"],  # the names are another in each worker
)
def test_a_stream_without_the_channel_asked_for_is_refused(where, says):
    assert says in refusal(f"ecg=lsl:{where}")


def test_no_stream_is_opened_if_one_of_several_is_refused(monkeypatch):
    calls = []
    close = StreamInlet.close_stream
    monkeypatch.setattr(StreamInlet, "open_stream", lambda self, timeout: calls.append("open"))
    monkeypatch.setattr(StreamInlet, "close_stream", lambda self: (calls.append("close"), close(self)))
    specs = [f"ecg=lsl:source_id={TWO}-1&channel=index", f"eda=lsl:source_id={TWO}-2&channel=index&unit=mV"]
    with pytest.raises(SourceError, match="eda is in uS, not in mV; add &unit=uS"):
        open_sources(specs, seed=0, live=True)
    assert calls == ["close", "close"]


def test_liblsl_writes_nothing_on_standard_error():
    program = "from acquisition.lsl.connection import visible_streams; visible_streams(0.5)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == done.stdout == ""


times = st.lists(st.floats(0, 2, allow_nan=False), max_size=30).map(np.array)


@given(times, st.floats(0, 2))
def test_times_never_go_back(stamps, last_s):
    ordered = monotonize(stamps, last_s, step_s=0.002, limit_s=0.5)
    kept = ordered[np.isfinite(ordered)]
    assert np.all(np.diff(kept, prepend=last_s) > 0)
    assert np.all(stamps[np.isnan(ordered)] < max([last_s, *kept]) - 0.5)


def test_times_that_increase_are_left_as_they_are_and_the_others_are_caught_up_with():
    stamps = np.array([10.0, 10.004, 10.008, 9.999, 10.003, 10.007, 10.012, 10.016, 10.020, 10.024, 9.0])
    ordered = monotonize(stamps, 9.996, step_s=0.002, limit_s=0.5)
    np.testing.assert_allclose(
        ordered, [10.0, 10.004, 10.008, 10.010, 10.012, 10.014, 10.016, 10.018, 10.020, 10.024, np.nan]
    )
    np.testing.assert_array_equal(monotonize(stamps[:3], 9.0, step_s=0.002, limit_s=0.5), stamps[:3])


def packets(rng, seconds=30.0, rate_hz=130.0, drift=200e-6, gap=(15.0, 17.0)):
    """True times, and the stamps of a device that stamps packets of 16 when they arrive, up to 40 ms late."""
    true = np.arange(0.0, seconds, (1 + drift) / rate_hz)
    true = true[(true < gap[0]) | (true >= gap[1])]
    blocks = np.array_split(true, len(true) // 16)
    return blocks, [
        block[-1] + rng.uniform(0, 0.04) + (np.arange(len(block)) - len(block) + 1) / rate_hz
        for block in blocks
    ]


def test_uneven_stamps_are_put_on_a_line_and_gaps_stay():
    blocks, stamps = packets(np.random.default_rng(4))
    assert timestamp_jitter(np.concatenate(stamps)[:260], 130.0) > 0.2 / 130
    dejitterer = Dejitterer(130.0)
    times = np.concatenate([dejitterer.dejitter(block) for block in stamps])
    true = np.concatenate(blocks)
    assert np.all(np.diff(times) > 0)
    settled = ((true > 10) & (true < 14.5)) | (true > 25)
    scatter = (np.concatenate(stamps) - true)[settled].std()
    assert (times - true)[settled].std() < 0.35 * scatter
    assert np.diff(times).max() == pytest.approx(2.0, abs=0.06)


def test_even_stamps_are_known_as_such():
    assert timestamp_jitter(np.arange(500) / 250, 250.0) < 1e-9
    assert timestamp_jitter(np.arange(5.0), 1.0) == 0.0


def test_stamps_may_come_in_any_portions_one_by_one():
    _, stamps = packets(np.random.default_rng(5), seconds=5.0, gap=(9, 9))
    dejitterer = Dejitterer(130.0)
    times = [float(dejitterer.dejitter(np.array([stamp]))[0]) for stamp in np.concatenate(stamps)]
    assert np.all(np.diff(times) > 0)
    assert dejitterer.dejitter(np.empty(0)).size == 0


def test_uneven_stamps_are_recognised_at_the_opening_and_a_wrong_rate_is_refused():
    uneven, slow = f"uneven-{RUN}", f"slow-{RUN}"
    with (
        outlet(uneven, "--rate", "100", "--jitter", "0.02"),
        outlet(slow, "--rate", "250", "--true-rate", "100"),
    ):
        with opened(f"ecg=lsl:name={uneven}") as sources:
            told = [incident.text for incident in sources[0].incidents()]
            assert len(told) == 1
            assert "time stamps are uneven" in told[0]
            reading = Reading(sources)
            reading.until(lambda: len(reading.times()) > 300)
        assert np.diff(reading.times()[200:]).std() < 0.002
        says = refusal(f"ecg=lsl:name={slow}")
        assert re.search(r"(99|10\d) samples come per second where the stream states 250", says)


def test_a_stream_that_comes_back_with_another_rate_is_closed():
    name = f"changed-{RUN}"
    with outlet(name, "--rate", "250") as first, opened(f"ecg=lsl:name={name}") as sources:
        reading = Reading(sources)
        reading.until(lambda: len(reading.times()) > 100)
        first.kill()
        reading.until(lambda: any("no samples for" in what for what in reading.told))
        assert sources[0].statuses()[0].condition is Condition.LOST
        with outlet(name, "--rate", "250", "--true-rate", "125"):
            reading.until(lambda: sources[0].statuses()[0].condition is Condition.CLOSED)
    assert re.search(r"came back with 12\d samples a second where it had 250: closed", reading.told[-1])
    assert sources[0].ended


def test_a_stream_that_comes_late_is_waited_for():
    name = f"late-{RUN}"
    with outlet(name, "--after", "4"), opened(f"ecg=lsl:name={name}&wait=60") as (source,):
        assert source.streams[0].rate_hz == 250.0


def test_marks_of_another_program_come_with_their_stamps():
    with opened(f"markers=lsl:name={TEXT}") as (source,):
        t0 = local_clock()
        source.begin(t0)
        marks = []
        deadline = time.monotonic() + PATIENCE_S
        while len(marks) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
            assert source.read(local_clock()) == []
            marks += source.marks()
        assert source.streams[0].kind is Kind.MARKERS
        assert isinstance(source, MarkerSource)
    numbers = [int(mark.text) for mark in marks]
    assert numbers == list(range(numbers[0], numbers[0] + len(marks)))
    np.testing.assert_allclose(np.diff([mark.time_s for mark in marks]), 0.1, atol=0.002)
    assert all(t0 <= mark.time_s <= local_clock() for mark in marks)
    assert "is of numbers, not of text, as markers are" in refusal(f"markers=lsl:source_id={TWO}-1")
