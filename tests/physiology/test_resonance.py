"""The pace at which the heart rate swings most, found in series whose resonance is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physiology.resonance import LEAST_WINDOW_S, SETTLING_S, assess, paced_step
from physiology.state import Beat, BeatAction

RATES = (6.5, 6.0, 5.5, 5.0, 4.5)
STEP_S = 120.0


def ipfm(swing_of, *, duration_s, bpm=64.0, seed=1, noise=0.01, start_s=0.0):
    """Beats where the integral of the momentary rate reaches whole numbers; `swing_of(t)` is relative."""
    grid = np.arange(start_s, start_s + duration_s, 0.01)
    wander = noise * np.random.default_rng(seed).standard_normal(grid.size // 500 + 2)
    slow = np.interp(grid, start_s + 5.0 * np.arange(wander.size), wander)
    cycles = np.concatenate([[0.0], np.cumsum(bpm / 60 * (1 + swing_of(grid) + slow) * 0.01)])[:-1]
    return np.interp(np.arange(1, math.floor(cycles[-1])), cycles, grid)


def log_of(times, **changes):
    rr = np.diff(times, prepend=np.nan) * 1000
    return [
        Beat(
            beat_id=number,
            r_time_s=float(t),
            rr_ms=float(interval),
            quality=0.9,
            corrected=False,
            known_at_s=float(t) + 0.5,
            **changes,
        )
        for number, (t, interval) in enumerate(zip(times, rr, strict=True))
    ]


def session(*, resonance_per_min, height=0.12, width=1.0, seed=1, off_pace=0.0):
    """Return the log of beats of five steps of two minutes and where each begins."""

    def swing(t):
        total = np.zeros_like(t)
        for index, rate in enumerate(RATES):
            inside = (t >= index * STEP_S) & (t < (index + 1) * STEP_S)
            depth = height / (1 + ((rate - resonance_per_min) / width) ** 2)
            total[inside] = depth * np.sin(2 * np.pi * (rate + off_pace) / 60 * t[inside])
        return total

    return log_of(ipfm(swing, duration_s=STEP_S * len(RATES), seed=seed))


def steps_of(log):
    return [
        paced_step(log, rate_per_min=rate, begin_s=index * STEP_S, end_s=(index + 1) * STEP_S)
        for index, rate in enumerate(RATES)
    ]


@pytest.mark.parametrize("resonance", RATES)
@pytest.mark.parametrize("seed", range(3))
def test_the_known_resonance_is_found(resonance, seed):
    found = assess(steps_of(session(resonance_per_min=resonance, seed=seed)))
    assert found.rate_per_min == resonance
    assert f"{resonance:g} breaths per min" in found.reason
    assert ("may do more" in found.reason) == (resonance in {6.5, 4.5})


def test_the_amplitude_is_that_of_the_series():
    step = steps_of(session(resonance_per_min=5.5, height=0.1))[2]
    assert step.amplitude_bpm == pytest.approx(6.4, rel=0.05)
    assert step.share > 0.9
    assert step.usable_share > 0.97


@settings(max_examples=15)
@given(off=st.floats(-0.25, 0.25))
def test_breathing_a_little_off_the_pace_loses_little(off):
    step = steps_of(session(resonance_per_min=5.5, height=0.1, off_pace=off))[2]
    assert step.amplitude_bpm == pytest.approx(6.4, rel=0.12)


def test_breathing_otherwise_than_paced_is_not_taken_for_resonance():
    own = log_of(ipfm(lambda t: 0.08 * np.sin(2 * np.pi * 0.25 * t), duration_s=STEP_S * len(RATES)))
    found = assess(steps_of(own))
    assert found.rate_per_min is None
    assert "hardly swung" in found.reason or "did not follow the pace" in found.reason


@pytest.mark.parametrize(("breathing", "told"), [(14.2, False), (4.5, False), (6.6, True), (None, True)])
def test_a_step_is_told_only_of_somebody_who_breathed_at_the_pace(breathing, told):
    step = paced_step(
        session(resonance_per_min=6.0),
        rate_per_min=6.0,
        begin_s=STEP_S,
        end_s=2 * STEP_S,
        breathing_per_min=breathing,
    )
    assert (step.amplitude_bpm is not None) == told
    assert (f"breathed {breathing} times per min, not 6" in step.reason) == (not told)


def test_a_heart_that_swings_alike_at_every_pace_has_no_best_one():
    found = assess(steps_of(session(resonance_per_min=5.5, width=50.0)))
    assert found.rate_per_min is None
    assert "no rate stands out" in found.reason


@pytest.mark.parametrize("change", [{"quality": 0.1}, {"corrected": True}, {"action": BeatAction.WITHDRAWN}])
def test_steps_of_bad_data_are_withheld(change):
    log = [replace(line, **change) for line in session(resonance_per_min=5.5)]
    found = assess(steps_of(log))
    assert found.rate_per_min is None
    assert found.reason.startswith("only 0 of 5 steps can be judged")
    assert {step.amplitude_bpm for step in found.steps} == {None}
    assert {step.usable_share for step in found.steps} == {0.0}


@pytest.mark.parametrize(("bad", "best"), [(1, None), (3, None), (0, 5.5), (4, 5.5)])
def test_a_bad_step_beside_the_best_leaves_open_where_the_resonance_lies(bad, best):
    log = session(resonance_per_min=5.5)
    spoilt = [
        replace(line, quality=0.0) if bad * STEP_S < line.r_time_s < (bad + 1) * STEP_S else line
        for line in log
    ]
    found = assess(steps_of(spoilt))
    assert found.rate_per_min == best
    assert ("cannot be judged" in found.reason) == (best is None)


def test_a_few_bad_beats_cost_their_intervals_and_no_more():
    log = session(resonance_per_min=5.5)
    spoilt = [
        replace(line, rr_ms=300.0, corrected=True) if n % 9 == 0 else line for n, line in enumerate(log)
    ]
    clean, worse = steps_of(log)[2], steps_of(spoilt)[2]
    assert worse.usable_share == pytest.approx(1 - 1 / 9, abs=0.03)
    assert worse.amplitude_bpm == pytest.approx(clean.amplitude_bpm, rel=0.08)


def test_a_gap_of_half_the_step_leaves_too_little():
    log = [line for line in session(resonance_per_min=5.5) if not 270 <= line.r_time_s < 330]
    step = steps_of([line if line.rr_ms < 2000 else replace(line, rr_ms=math.nan) for line in log])[2]
    assert step.amplitude_bpm is None
    assert f"{LEAST_WINDOW_S:.0f} s are needed" in step.reason


def test_moved_beats_count_where_they_were_moved_to():
    log = session(resonance_per_min=5.5)
    wrong = [replace(line, rr_ms=1000.0) for line in log]
    moved = [replace(line, action=BeatAction.MOVED) for line in log]
    assert steps_of(wrong + moved) == steps_of(log)


def test_what_lies_outside_the_step_or_in_its_settling_does_not_matter():
    log = session(resonance_per_min=5.5)
    begin_s, end_s = 2 * STEP_S, 3 * STEP_S
    inside = [line for line in log if begin_s + SETTLING_S - 2 <= line.r_time_s <= end_s]
    arguments = {"rate_per_min": 5.5, "begin_s": begin_s, "end_s": end_s}
    assert paced_step(inside, **arguments) == paced_step(log, **arguments)


def test_without_beats_nothing_is_said():
    step = paced_step([], rate_per_min=6.0, begin_s=0.0, end_s=10.0)
    assert (step.amplitude_bpm, step.share, step.usable_share) == (None, None, 0.0)
    assert assess([]).rate_per_min is None


def test_a_flat_series_swings_by_nothing():
    step = paced_step(log_of(np.arange(1, 150) * 0.8), rate_per_min=6.0, begin_s=0.0, end_s=118.0)
    assert step.amplitude_bpm == pytest.approx(0.0, abs=1e-6)
