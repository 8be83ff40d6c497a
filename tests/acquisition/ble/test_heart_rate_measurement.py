"""Decoding of heart-rate measurements, and the times of their beats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.ble.heart_rate import BeatTimeEstimator, HeartRateMeasurement, parse_measurement


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("00 48", HeartRateMeasurement(hr_bpm=72.0, contact=None, rr_ms=())),
        ("16 48 00 04", HeartRateMeasurement(hr_bpm=72.0, contact=True, rr_ms=(1000.0,))),
        ("14 00 00 02", HeartRateMeasurement(hr_bpm=None, contact=False, rr_ms=(500.0,))),
        ("01 2c 01", HeartRateMeasurement(hr_bpm=300.0, contact=None, rr_ms=())),
        (
            "19 48 00 10 27 00 03 00 00 80 03",
            HeartRateMeasurement(hr_bpm=72.0, contact=None, rr_ms=(750.0, 875.0)),
        ),
    ],
)
def test_a_packet_is_read_as_the_service_writes_it(payload: str, said: HeartRateMeasurement) -> None:
    assert parse_measurement(bytes.fromhex(payload)) == said


@pytest.mark.parametrize(
    "payload", ["", "10", "01 48", "08 48 01", "10 48 00", "00 48 00 04", "18 48 10 27 01"]
)
def test_what_is_cut_or_holds_more_than_it_says_is_none(payload: str) -> None:
    assert parse_measurement(bytes.fromhex(payload)) is None


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    said = parse_measurement(payload)
    assert said is None or all(0 < rr <= 64_000 for rr in said.rr_ms)


def packets(
    rng: np.random.Generator, seconds: float = 120.0
) -> list[tuple[float, tuple[float, ...], list[float]]]:
    """Arrival, intervals and true beat times of a strap that sends each second, up to 0.3 s late."""
    beats = np.cumsum(rng.normal(0.85, 0.05, int(seconds)))
    sent, told = [], 0
    for second in np.arange(2.0, beats[-1]):
        upto = int(np.searchsorted(beats, second))
        if upto - told and told:
            rr = tuple((1000 * np.diff(beats[told - 1 : upto])).tolist())
            sent.append((second + rng.uniform(0.02, 0.3), rr, beats[told:upto].tolist()))
        told = upto
    return sent


def test_beats_lie_where_they_were_but_for_one_constant_delay() -> None:
    clock = BeatTimeEstimator()
    errors = []
    for arrival_s, rr_ms, truth in packets(np.random.default_rng(1)):
        times, lost = clock.add(arrival_s, rr_ms)
        assert not lost
        assert times[-1] <= arrival_s
        errors += (times - truth).tolist()
    late = errors[60:]
    assert np.ptp(late) < 0.1
    assert 0.0 < np.median(late) < 0.3


def test_lost_beats_are_noticed_and_time_goes_on() -> None:
    clock = BeatTimeEstimator()
    lost_at, last = [], -np.inf
    for arrival_s, rr_ms, truth in packets(np.random.default_rng(2)):
        if 40 < arrival_s < 50:
            continue
        times, lost = clock.add(arrival_s, rr_ms)
        assert (np.diff([last, *times]) > 0).all()
        last = times[-1]
        lost_at += [arrival_s] if lost else []
        if arrival_s > 60:
            assert abs(times[-1] - truth[-1]) < 1.3
    assert len(lost_at) == 1
    assert 50 <= lost_at[0] < 52


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.lists(st.floats(1, 4000), min_size=1, max_size=5)),
        min_size=1,
        max_size=30,
    )
)
def test_times_increase_whatever_comes(sent: list[tuple[float, list[float]]]) -> None:
    clock, arrival_s, times = BeatTimeEstimator(), 0.0, [-np.inf]
    for pause_s, rr_ms in sent:
        arrival_s += pause_s
        times += clock.add(arrival_s, tuple(rr_ms))[0].tolist()
    assert (np.diff(times) > 0).all()
