"""Samples on the engine's clock: how near the fit comes, and that time never runs backward."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.live.playback_segment import OutputClock, PlaybackSegment
from generator.live.process_pipe import PlaybackReport, PlaybackStarted
from generator.score import SAMPLE_RATE, BeatEvent
from generator.state import BEATS_PER_BAR

BUFFER = 512


def reports(seconds: float, *, ppm: float, late_s: float, seed: int = 0) -> list[tuple[int, float]]:
    """What a device says 20 times a second: in whole buffers, and late by an exponential delay."""
    rng = np.random.default_rng(seed)
    frames = [int(at * SAMPLE_RATE) // BUFFER * BUFFER for at in np.arange(0.05, seconds, 0.05)]
    return [(n, true_time(n, ppm) + rng.exponential(late_s)) for n in frames]


def true_time(frames: int, ppm: float) -> float:
    return 1000.0 + frames / SAMPLE_RATE * (1.0 + ppm * 1e-6)


@pytest.mark.parametrize("ppm", [-200.0, 0.0, 80.0])
def test_a_device_off_its_rate_is_followed(ppm: float) -> None:
    clock = OutputClock()
    for n, report in enumerate(reports(180, ppm=ppm, late_s=0.003)):
        clock.observe(*report)
        assert clock.fit is not None
        # the nominal rate holds for the first 20 s
        limit_s = 0.005 if n < 400 else 0.001
        assert abs(clock.fit(report[0]) - true_time(report[0], ppm)) < limit_s
    assert 1e6 * (clock.fit.seconds_per_frame * SAMPLE_RATE - 1.0) == pytest.approx(ppm, abs=5)


@pytest.mark.parametrize("lost_at_s", [13, 20, 25, 55])
def test_a_lost_buffer_moves_the_line_and_does_not_bend_it(lost_at_s: float) -> None:
    clock = OutputClock()
    for frames, time_s in reports(60, ppm=0.0, late_s=0.001):
        lost_s = 0.02 if frames > lost_at_s * SAMPLE_RATE else 0.0
        clock.observe(frames, time_s + lost_s)
        assert clock.fit is not None
        assert clock.fit.seconds_per_frame * SAMPLE_RATE == pytest.approx(1.0, abs=5e-5)
        if not 0.0 < frames / SAMPLE_RATE - lost_at_s < 5.0:
            assert clock.fit(frames) == pytest.approx(true_time(frames, 0.0) + lost_s, abs=0.002)


def report(played: int, time_s: float, beats: tuple[BeatEvent, ...] = ()) -> PlaybackReport:
    return PlaybackReport(played=played, moment=(played, time_s), rendered=played + 7200, beats=beats)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(-500, 500), st.floats(0.0, 0.02))
def test_a_later_event_never_gets_an_earlier_time(seed: int, ppm: float, late_s: float) -> None:
    segment = PlaybackSegment(PlaybackStarted(began_s=1000.0, latency_frames=1600), latency_s=0.02)
    floor_s, given_s = 0.0, []
    for frames, time_s in reports(40, ppm=ppm, late_s=late_s, seed=seed):
        segment.update(report(frames, time_s))
        times = segment.times(floor_s)
        given_s += [times(frame) for frame in range(frames - 2400, frames, 600)]
        floor_s = max(floor_s, given_s[-1])
    assert all(earlier <= later for earlier, later in pairwise(given_s))


def test_sound_is_heard_after_its_way_through_synthesizer_and_device() -> None:
    segment = PlaybackSegment(PlaybackStarted(began_s=50.0, latency_frames=1600), latency_s=0.25)
    segment.update(report(4800, 50.1))
    assert segment.times(0.0)(4800) == pytest.approx(50.0 + 0.1 + 1600 / SAMPLE_RATE + 0.25)


def test_a_segment_goes_on_where_time_is_and_where_the_bars_were() -> None:
    first = PlaybackSegment(PlaybackStarted(began_s=50.0, latency_frames=1600), latency_s=0.0)
    first.update(report(480_000, 60.0, (BeatEvent(frame=470_000, beat=21, bar=5, tempo_bpm=120.0),)))
    second = PlaybackSegment(PlaybackStarted(began_s=60.7, latency_frames=1600), latency_s=0.0, before=first)
    second.update(report(4800, 60.8))
    assert second.first_frame % 800 == 0
    assert second.first_frame / SAMPLE_RATE == pytest.approx(10.7, abs=0.02)
    began = report(4800, 60.8, (BeatEvent(frame=0, beat=0, bar=0, tempo_bpm=120.0),))
    (beat,) = second.placed(began).beats
    assert (beat.bar, beat.beat, beat.frame) == (6, 6 * BEATS_PER_BAR, second.first_frame)
    assert second.times(0.0)(beat.frame) == pytest.approx(60.7 + 1600 / SAMPLE_RATE)
