"""Outputs: the pace without a device, and devices that lose time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.live.output import DropoutDetector, PacedOutput, RingBuffer
from generator.score import SAMPLE_RATE

BUFFER = 512


def hand_overs(seconds: float, *, ppm: float, late_s: float, seed: int) -> list[float]:
    """When each buffer is asked for: at the device's pace, and late by an exponential delay."""
    rng = np.random.default_rng(seed)
    buffers = np.arange(int(seconds * SAMPLE_RATE / BUFFER))
    times = (
        100.0 + buffers * BUFFER / SAMPLE_RATE * (1.0 + ppm * 1e-6) + rng.exponential(late_s, len(buffers))
    )
    return list(np.maximum.accumulate(times))


def play(times: list[float]) -> list[tuple[float, int]]:
    """Return when how much was found lost, playing what was lost as skipped."""
    detector, played, found = DropoutDetector(BUFFER), 0, []
    for now in times:
        if lost := detector.observe(played, now):
            found.append((now, lost))
            played += lost
        played += BUFFER
    return found


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(-500, 500), st.floats(0.0, 0.01))
def test_neither_drift_nor_a_busy_machine_is_detector(seed: int, ppm: float, late_s: float) -> None:
    assert play(hand_overs(60, ppm=ppm, late_s=late_s, seed=seed)) == []


@pytest.mark.parametrize("lost_s", [0.0107, 0.04, 0.5])
def test_lost_buffers_are_noticed_once_and_made_up_for(lost_s: float) -> None:
    times = hand_overs(30, ppm=50.0, late_s=0.001, seed=1)
    times = [now + (lost_s if now > 110.0 else 0.0) + (lost_s if now > 120.3 else 0.0) for now in times]
    found = play(times)
    assert len(found) == 2
    for (now, frames), at in zip(found, (110.0, 120.3), strict=True):
        assert at < now < at + lost_s + 2.1
        assert frames / SAMPLE_RATE == pytest.approx(lost_s, abs=0.001)


def test_without_a_device_samples_pass_at_the_pace_of_the_clock() -> None:
    ring, now = RingBuffer(), 50.0
    paced = PacedOutput(ring, lambda: now)
    assert paced.start() == 50.0
    assert paced.moment() is None
    for now in (50.0, 50.013, 50.25, 53.0):
        paced.pump(now)
        assert ring.played == int((now - 50.0) * SAMPLE_RATE)
    frames, time_s = paced.moment() or (0, 0.0)
    assert frames == 3 * SAMPLE_RATE
    assert time_s == pytest.approx(53.0, abs=1e-6)
    assert paced.moment() is None
