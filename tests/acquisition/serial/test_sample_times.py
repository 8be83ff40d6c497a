"""Sample times from arrival times: jitter is removed, drift and gaps are kept, buffering is no gap."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from acquisition.serial.source import SampleTimeEstimator

RATE = 250.0


def samples(seconds, *, rate=RATE, ppm=0.0):
    return 1000.0 + np.arange(int(seconds * rate)) / (rate * (1 + ppm * 1e-6))


def bursts(taken, *, size, jitter_s=0.0, seed=0):
    """Return when each block arrives: soon after its last sample, some a good deal later."""
    rng = np.random.default_rng(seed)
    last = taken[size - 1 :: size]
    late = rng.exponential(jitter_s, last.size) + (rng.random(last.size) < 0.02) * rng.exponential(
        0.03, last.size
    )
    return [(arrival, size) for arrival in np.maximum.accumulate(last + late * (jitter_s > 0))]


def times(blocks, *, rate=RATE):
    """Return the time of each sample, the clock being asked 20 times a second."""
    clock = SampleTimeEstimator(rate)
    given_out = []
    now = blocks[0][0]
    for arrival, count in blocks:
        while now < arrival:
            given_out.append(clock.settle(now))
            now += 0.05
        given_out.append(clock.add(arrival, count))
    given_out.append(clock.settle(blocks[-1][0] + 10.0))
    result = np.concatenate(given_out)
    assert result.size == sum(count for _, count in blocks) == clock.count
    assert np.all(np.diff(result) > 0)
    return result


@pytest.mark.parametrize("size", [1, 12, 62])
@pytest.mark.parametrize("ppm", [-100, 0, 100])
def test_bursts_and_jitter_do_not_show_and_drift_is_followed(size, ppm):
    taken = samples(120, ppm=ppm)
    blocks = bursts(taken, size=size, jitter_s=0.002)
    found = times(blocks)
    error = np.abs(found - taken[: found.size])
    assert np.percentile(error, 95) < 0.002
    assert error.max() < 0.008
    assert np.std(np.diff(found)) < 1e-4


@pytest.mark.parametrize("percent", [-5, 5])
def test_a_device_that_misses_its_nominal_rate_is_followed_after_some_seconds(percent):
    taken = samples(60, ppm=percent * 1e4)
    found = times(bursts(taken, size=12, jitter_s=0.002))
    assert np.abs(found - taken[: found.size])[taken[: found.size] > 1030.0].max() < 0.01


def test_samples_that_waited_in_a_buffer_keep_their_spacing():
    taken = samples(30)
    waited = [
        (max(arrival, 1013.0) if arrival > 1010.0 else arrival, n) for arrival, n in bursts(taken, size=5)
    ]
    np.testing.assert_allclose(times(waited), taken, atol=0.006)


def test_a_buffer_that_empties_slowly_is_no_gap():
    taken = samples(40)
    # From 10 s on nothing comes for 4 s, then five times as much as usual until it is made up for.
    slow = [
        (max(arrival, 1014.0 + (arrival - 1010.0) / 5) if arrival > 1010.0 else arrival, n)
        for arrival, n in bursts(taken, size=5)
    ]
    np.testing.assert_allclose(times(slow), taken, atol=0.006)


@settings(max_examples=25)
@given(gap_s=st.floats(0.2, 20.0), size=st.sampled_from([1, 5, 12]), seed=st.integers(0, 99))
def test_a_gap_remains_a_gap(gap_s, size, seed):
    before, after = samples(15), samples(15)
    after = after + (before[-1] - after[0]) + gap_s
    before = before[: before.size // size * size]
    blocks = bursts(before, size=size, jitter_s=0.002, seed=seed)
    # Samples that come late just before a gap could as well have been taken after it.
    assume(blocks[-1][0] - before[-1] < 0.02)
    blocks += bursts(after, size=size, jitter_s=0.002)
    found = times(blocks)
    at = int(np.argmax(np.diff(found)))
    assert at == before.size - 1
    expected = np.concatenate((before, after))[: found.size]
    np.testing.assert_allclose(found[1000:], expected[1000:], atol=0.02)


def test_a_device_that_says_something_and_then_pauses_before_it_begins():
    taken = np.concatenate((1000.0 + np.arange(3) * 0.004, samples(10) + 2.0))
    found = times(bursts(taken, size=1))
    np.testing.assert_allclose(found, taken, atol=0.006)


def test_a_few_samples_that_are_lost_are_made_up_for_within_15_s():
    taken = np.delete(samples(50), slice(5000, 5010))
    found = times(bursts(taken, size=1, jitter_s=0.001))
    error = np.abs(found - taken)
    assert error.max() < 0.045
    assert error[taken > 1035].max() < 0.005


def test_a_slow_device():
    taken = samples(120, rate=4.0, ppm=100)
    found = times(bursts(taken, size=1, jitter_s=0.005), rate=4.0)
    assert np.percentile(np.abs(found - taken), 95) < 0.01


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 900)), min_size=1, max_size=40),
    st.sampled_from([1.0, 32.0, 250.0, 4000.0]),
)
def test_whatever_comes_times_increase_and_none_is_lost(steps, rate):
    arrivals = np.cumsum([wait for wait, _ in steps])
    found = times([(arrival, count) for arrival, (_, count) in zip(arrivals, steps, strict=True)], rate=rate)
    assert np.all(np.isfinite(found))
