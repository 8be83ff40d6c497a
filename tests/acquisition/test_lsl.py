"""LSL streams, against outlets in other processes."""

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
from pylsl import local_clock

from acquisition import open_sources
from acquisition.errors import SourceError
from acquisition.lsl import in_order
from acquisition.streams import Kind, Live

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
        self.longest_s = 0.0

    def until(self, happened, *, limit_s=30.0):
        deadline = time.monotonic() + limit_s
        while not happened():
            assert time.monotonic() < deadline
            time.sleep(0.05)
            for number, source in enumerate(self.sources):
                begun = time.perf_counter()
                self.chunks[number] += source.read(local_clock())
                self.longest_s = max(self.longest_s, time.perf_counter() - begun)
                self.pairs[number] += source.clock_pairs()
                self.told += [incident.what for incident in source.incidents()]

    def times(self, number=0):
        return np.concatenate([np.empty(0), *(chunk.times for chunk in self.chunks[number])])

    def values(self, number=0):
        return np.concatenate([np.empty(0), *(chunk.samples[:, 0] for chunk in self.chunks[number])])


def test_samples_come_once_in_order_on_engine_time():
    specs = (
        f"ecg=lsl:source_id={TWO}-1&channel=index",
        f"eda=lsl:name={TWO}&source_id={TWO}-1&channel=1&unit=s",
    )
    with opened(*specs) as sources:
        (ecg,), (eda,) = (source.streams for source in sources)
        assert (ecg.name, ecg.kind, ecg.unit, ecg.rate_hz) == ("ecg", Kind.ECG, "uV", 250.0)
        assert (eda.name, eda.unit, eda.labels) == ("eda", "s", ("stamp",))
        assert ecg.stream_id == f"lsl:{TWO}-1:index"
        assert isinstance(sources[0], Live)
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
    assert reading.longest_s < 1.0


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


def test_no_stream_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setattr("acquisition.lsl.RESOLVE_TRIES", 1)
    says = refusal(f"ecg=lsl:name=nobody-{RUN}&type=ECG")
    assert f"no LSL stream has name 'nobody-{RUN}' and type 'ECG'; streams found:" in says
    assert f"name={TWO}&type=ECG&source_id={TWO}-1" in says


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (f"name={TEXT}", "is of text, not of numbers"),
        (f"source_id={TWO}-1", "say which channel, as in &channel=index; the stream has index, stamp"),
        (f"source_id={TWO}-1&channel=2", "no single channel '2'; the stream has index, stamp"),
    ],
    ids=["text", "two channels", "no such channel"],  # the names are another in each worker
)
def test_a_stream_without_the_channel_asked_for_is_refused(where, says):
    assert says in refusal(f"ecg=lsl:{where}")


def test_liblsl_writes_nothing_on_standard_error():
    program = "from acquisition.lsl import visible_streams; visible_streams(0.5)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == done.stdout == ""


times = st.lists(st.floats(0, 2, allow_nan=False), max_size=30).map(np.array)


@given(times, st.floats(0, 2))
def test_times_never_go_back(stamps, last_s):
    ordered = in_order(stamps, last_s, step_s=0.002, limit_s=0.5)
    kept = ordered[np.isfinite(ordered)]
    assert np.all(np.diff(kept, prepend=last_s) > 0)
    assert np.all(stamps[np.isnan(ordered)] < max([last_s, *kept]) - 0.5)


def test_times_that_increase_are_left_as_they_are_and_the_others_are_caught_up_with():
    stamps = np.array([10.0, 10.004, 10.008, 9.999, 10.003, 10.007, 10.012, 10.016, 10.020, 10.024, 9.0])
    ordered = in_order(stamps, 9.996, step_s=0.002, limit_s=0.5)
    np.testing.assert_allclose(
        ordered, [10.0, 10.004, 10.008, 10.010, 10.012, 10.014, 10.016, 10.018, 10.020, 10.024, np.nan]
    )
    np.testing.assert_array_equal(in_order(stamps[:3], 9.0, step_s=0.002, limit_s=0.5), stamps[:3])
