"""Faults on purpose: what each does to a signal, whatever the chunking, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.errors import SpecError
from acquisition.files.recordings import RecordingSource
from acquisition.injected_faults import FAULTS, FaultySource, inject, parse_fault
from acquisition.simulated.listener import VirtualListener
from acquisition.streams import Kind, MusicListener, StreamInfo

RATE = 128.0
SECONDS = 20.0


def wave(name: str = "ecg") -> RecordingSource:
    """A sine of 1 Hz between −1 and 1 for 20 s."""
    times = np.arange(int(SECONDS * RATE)) / RATE
    stream = StreamInfo(stream_id=name, name=name, kind=Kind(name), unit="mV", rate_hz=RATE, labels=("0",))
    return RecordingSource(stream, times, np.sin(2 * np.pi * times))


def passed(fault: str, cuts: list[float] | None = None, t0: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    (source,) = inject([wave()], [parse_fault(fault)], seed=3)
    source.begin(t0)
    chunks = [chunk for t in [*(cuts or []), SECONDS] for chunk in source.read(t0 + t)]
    times = np.concatenate([chunk.times for chunk in chunks]) - t0
    return times, np.concatenate([chunk.samples[:, 0] for chunk in chunks])


def clean(times: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * times)


def within(times: np.ndarray) -> np.ndarray:
    return (times >= 8.0) & (times < 12.0)


@pytest.mark.parametrize(
    "name", ["missing", "flat", "lead-off", "noise", "hum", "motion", "saturation", "ectopic"]
)
def test_what_changes_values_changes_them_in_its_time_and_nowhere_else(name: str) -> None:
    times, values = passed(f"ecg:{name}@8+4")
    assert times.size == SECONDS * RATE
    struck = within(times)
    assert np.array_equal(values[~struck], clean(times[~struck]))
    changed = ~np.isclose(values[struck], clean(times[struck]))
    assert changed.mean() > (0.1 if name == "ectopic" else 0.3)


def test_a_gap_delivers_nothing_and_a_stall_all_of_it_afterwards() -> None:
    times, _values = passed("ecg:gap@8+4", cuts=[5.0, 9.0])
    assert times.size == (SECONDS - 4) * RATE
    assert not within(times).any()
    (stalled,) = inject([wave()], [parse_fault("ecg:stall@8+4")], seed=3)
    assert sum(chunk.times.size for chunk in stalled.read(11.9)) == 8 * RATE
    burst = stalled.read(12.1)[0]
    assert burst.times[0] == 8.0
    assert (np.diff(burst.times) > 0).all()


def test_missing_samples_are_missing_and_a_flat_line_is_flat_where_the_signal_was() -> None:
    times, values = passed("ecg:missing@8+4")
    assert np.isnan(values[within(times)]).all()
    times, values = passed("ecg:flat@8.25+3.75")
    struck = (times >= 8.25) & (times < 12.0)
    assert np.ptp(values[struck]) == 0
    assert values[struck][0] == clean(times[times < 8.25][-1])


def test_a_level_scales_with_the_signal() -> None:
    times, values = passed("ecg:noise@8+4?level=0.1")
    noise = (values - clean(times))[within(times)]
    assert 0.15 < noise.std() < 0.25  # a tenth of the signal's range of 2
    times, values = passed("ecg:saturation@8+4?level=4")
    assert np.ptp(values[within(times)]) == pytest.approx(0.5, abs=0.01)


def test_garbage_is_wild_and_rare() -> None:
    times, values = passed("ecg:garbage@8+8")
    struck = (times >= 8.0) & (times < 16.0)
    wild = values[struck] != clean(times[struck])
    assert 0.03 < wild.mean() < 0.08
    assert np.abs(values[struck][wild]).max() > 5


def test_a_fast_clock_gains_and_each_duplicate_comes_half_a_period_later() -> None:
    times, _ = passed("ecg:drift@10?level=1000")
    assert times[-1] == pytest.approx(SECONDS - 1 / RATE + 0.001 * (10 - 1 / RATE))
    times, values = passed("ecg:duplicate@8+4")
    assert times.size == (SECONDS + 4) * RATE
    assert (np.diff(times) > 0).all()
    assert (np.diff(values[within(times)]) == 0).sum() >= 4 * RATE - 1


@given(
    name=st.sampled_from(sorted(FAULTS)),
    cuts=st.lists(st.floats(0.0, SECONDS), max_size=6),
    t0=st.sampled_from([0.0, 1000.0]),
)
def test_chunking_changes_nothing(name: str, cuts: list[float], t0: float) -> None:
    whole, cut = passed(f"ecg:{name}@6.5+5"), passed(f"ecg:{name}@6.5+5", sorted(cuts), t0)
    assert np.allclose(whole[0], cut[0], atol=1e-9)
    assert np.allclose(whole[1], cut[1], atol=1e-6, equal_nan=True)


def test_only_the_stream_named_is_struck_and_a_listener_goes_on_hearing() -> None:
    listener = VirtualListener("responder", seed=1, name_stream=lambda wanted: wanted)
    (faulty,) = inject([listener], [parse_fault("eda:missing@0")], seed=1)
    assert isinstance(faulty, MusicListener)
    faulty.observe_music(0.05, None)
    by_name = {chunk.stream.name: chunk.samples for chunk in faulty.read(2.0)}
    assert np.isnan(by_name["eda"]).all()
    assert np.isfinite(by_name["ecg"]).all()
    assert not isinstance(inject([wave()], [parse_fault("ecg:flat")], seed=1)[0], MusicListener)


def test_a_source_without_faults_stays_itself() -> None:
    source = wave()
    assert inject([source], [], seed=0) == [source]
    assert isinstance(inject([source], [parse_fault("ecg:gap@1+1")], seed=0)[0], FaultySource)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ecg", "is not of the form"),
        ("ecg:nonsense@3", "'nonsense' is not a fault; there are gap"),
        ("ecg:noise@x+3", "the start is 'x'"),
        ("ecg:noise@3+0", "the duration is '0', it must be a number above 0"),
        ("ecg:noise@-3+1", "the start is '-3', it must be a number from 0"),
        ("ecg:noise@3+1?level=nan", "the level is 'nan'"),
        ("ecg:noise@3+1?size=2", "the only option is level"),
        ("ecg:gap@3+1?level=2", "gap takes no option"),
    ],
)
def test_a_fault_that_cannot_be_understood_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_fault(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_fault_of_a_stream_that_is_not_there_is_refused() -> None:
    with pytest.raises(SpecError, match="there is no stream 'eda'; there are ecg"):
        inject([wave()], [parse_fault("eda:gap@1+1")], seed=0)
    with pytest.raises(SpecError, match="extra beats are for ecg and ppg"):
        inject([wave("eda")], [parse_fault("eda:ectopic@1+1")], seed=0)
