"""Thinning keeps peaks, gaps stay gaps, and what is packed for the browser comes out as it went in."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.analysis.phases import merged
from biofeedback.report.panels import broken, gaps, overview, pack, thinned


def unpacked(text, count, step):
    """What the page's script does."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(4, count)
    return np.cumsum(np.ascontiguousarray(planes.T).view("<i4").ravel().astype(float)) * step


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=400), st.integers(1, 20))
def test_thinning_keeps_the_extremes_and_adds_nothing(values, columns):
    values = np.array(values)
    times = np.arange(values.size) * 0.01
    kept_times, kept = thinned(times, values, columns)
    assert kept.size <= max(2 * columns, 2)
    assert (kept.min(), kept.max()) == (values.min(), values.max())
    assert set(zip(kept_times, kept, strict=True)) <= set(zip(times, values, strict=True))
    assert (np.diff(kept_times) > 0).all()


def test_a_single_spike_survives_eight_hours_of_thinning():
    times = np.arange(8 * 3600 * 10) / 10.0
    values = np.zeros(times.size)
    values[123_456] = 5.0
    kept_times, kept = thinned(times, values, 2000)
    assert kept_times[kept == 5.0].tolist() == [12_345.6]


def test_thinning_leaves_out_missing_samples():
    kept_times, kept = thinned(np.arange(4.0), np.array([1.0, np.nan, 3.0, np.nan]), 10)
    assert (kept_times.tolist(), kept.tolist()) == ([0.0, 2.0], [1.0, 3.0])


def test_gaps_lie_between_valid_samples_and_at_both_ends():
    times = np.array([2.0, 3.0, 4.0, 7.0, 8.0])
    assert gaps(times, 1.0, 0.0, 12.0) == [(0.0, 2.0), (4.0, 7.0), (8.0, 12.0)]
    assert gaps(np.empty(0), 1.0, 0.0, 12.0) == [(0.0, 12.0)]


def test_a_line_breaks_in_every_gap():
    times, values = broken(np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.0, 3.0]), [(1.0, 5.0), (5.0, 9.0)])
    assert times.tolist() == [0.0, 1.0, 3.0, 5.0, 7.0]
    assert np.isnan(values).tolist() == [False, False, True, False, True]


def test_stretches_too_narrow_to_see_are_joined_or_left_out():
    assert merged([(0, 1), (1.05, 2), (5, 5.01)], 0.1) == [(0, 2)]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_packed_signals_come_out_as_they_went_in(scale):
    rng = np.random.default_rng(3)
    values = scale * rng.normal(size=2000).cumsum()
    values[500:600] = np.nan
    values[1000] = 50 * scale * 1e3  # an artefact far outside the usual range
    times = 3.0 + np.arange(2000) / 130
    times[1200:] += 40.0
    packed = pack(times, values)
    there = np.isfinite(values)
    usual = np.subtract(*np.nanpercentile(values, [99.5, 0.5]))
    assert packed.count == there.sum()
    found = unpacked(packed.values, packed.count, packed.value_step)
    assert np.abs(found - values[there]).max() <= usual / 1000
    assert unpacked(packed.times, packed.count, packed.time_step) == pytest.approx(times[there], abs=1e-4)


@pytest.mark.parametrize("values", [np.empty(0), np.zeros(5), np.full(5, np.nan), np.full(5, 1e30)])
def test_signals_without_any_range_can_be_packed(values):
    packed = pack(np.arange(values.size, dtype=float), values)
    assert packed.count == np.isfinite(values).sum()


def lines_of(session, title):
    (panel,) = (panel for panel in overview(session) if panel.title == title)
    return panel, {line.name: line for line in panel.lines}


def test_nothing_is_drawn_through_a_lost_signal(session):
    for title, name, lost in [
        ("ECG", "ECG, as recorded", (300.0, 318.0)),
        ("Heart rate and tempo", "heart rate", (300.0, 318.0)),
        ("Skin conductance", "tonic level", (410.0, 470.0)),
    ]:
        panel, lines = lines_of(session, title)
        line = lines[name]
        inside = (line.times > lost[0]) & (line.times < lost[1] - 1)
        assert inside.any()
        assert np.isnan(line.values[inside]).all()
        assert any(a <= lost[0] + 1 and b >= lost[1] - 1 for a, b in panel.areas["no valid signal"])


def test_the_hold_threshold_and_the_time_held_are_shown(session):
    panel, lines = lines_of(session, "Physiological activation")
    threshold = lines["hold threshold (A_ref + σ)"]
    assert np.nanmax(threshold.values) == pytest.approx(0.36 + 0.3)
    assert panel.areas["lead held"] == [(330.0, 375.0)]


def test_the_mode_is_drawn_as_named_steps(session):
    panel, lines = lines_of(session, "Mode")
    mode = lines["mode"]
    shown = mode.values[np.isfinite(mode.values)]
    assert list(dict.fromkeys(panel.ticks[value] for value in shown.tolist())) == [
        "ionian", "mixolydian", "dorian", "aeolian",
    ]  # fmt: skip
    assert panel.areas["no music asked for"][0] == (0.0, 120.0)
    assert panel.areas["no music asked for"][1][0] == 600.0
