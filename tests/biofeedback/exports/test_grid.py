"""Samples on a grid: each once where the rate is theirs, gaps as long as they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.exports.edf import NOWHERE, Grid, effective_rate


def placed(grid, times, chunk):
    slots, repeats = zip(
        *(grid.place(times[at : at + chunk]) for at in range(0, times.size, chunk)), strict=True
    )
    return np.concatenate(slots), np.concatenate(repeats)


@settings(max_examples=60)
@given(
    rate=st.sampled_from([1.0, 4.0, 100.0, 117.02, 250.0]),
    count=st.integers(10, 300),
    gaps=st.lists(st.integers(2, 50), max_size=3),
    chunk=st.integers(1, 400),
    phase=st.floats(0, 1),
)
def test_every_sample_has_its_slot_and_a_gap_its_length(rate, count, gaps, chunk, phase):
    numbers = np.arange(count)
    for number, gap in enumerate(gaps, start=1):
        numbers[count * number // 4 :] += gap
    times = (numbers + phase) / rate
    grid = Grid(rate, period_s=1 / rate, origin_s=times[0])
    slots, repeats = placed(grid, times, chunk)
    assert slots.tolist() == (numbers - numbers[0]).tolist()
    assert (grid.repeated, grid.left_out, repeats.size) == (0, 0, 0)
    assert grid.deviation_s < 1e-9


@settings(max_examples=40)
@given(off=st.floats(-0.02, 0.02), chunk=st.integers(1, 3000))
def test_a_clock_that_is_off_repeats_or_leaves_out_as_few_as_it_must(off, chunk):
    times = np.arange(2000) / (100.0 * (1 + off))
    grid = Grid(100.0, period_s=1 / 100, origin_s=0.0, tolerance=0.75)
    slots, repeats = placed(grid, times, chunk)
    kept = slots[slots != NOWHERE]
    assert (np.diff(kept) >= 1).all()
    assert len({*kept.tolist(), *repeats.tolist()}) == kept.size + repeats.size == grid.next_slot
    drift = times[-1] * 100 - 1999
    assert grid.repeated - grid.left_out == pytest.approx(drift, abs=1)
    assert min(grid.repeated, grid.left_out) == 0
    assert grid.deviation_s <= 0.0175


def test_the_rate_is_the_one_of_the_stamps():
    assert effective_rate([(0.0, 10.0, 1001)], 99.0) == 100.0
    assert effective_rate([(0.0, 10.0, 1001), (20.0, 30.0, 1001)], 100.00000001) == 100.00000001
    assert effective_rate([(3.0, 3.0, 1)], 4.0) == 4.0
