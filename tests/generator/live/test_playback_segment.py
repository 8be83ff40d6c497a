"""Samples on the engine's clock: how near the fit comes, and that time never runs backward."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.composition.notation import NO_ARC, SectionKind
from generator.live.playback_segment import OutputClock, PlaybackSegment
from generator.live.process_pipe import PlaybackReport, PlaybackStarted
from generator.player_events import PlaybackBegin, PlayerEvent
from generator.score import SAMPLE_RATE, BeatEvent, NoteEnd, NoteEvent, SectionEvent
from generator.state import Metre

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
    segment = PlaybackSegment(
        PlaybackStarted(began_s=1000.0, latency_frames=1600), latency_s=0.02, metre=Metre.COMMON
    )
    floor_s, given_s = 0.0, []
    for frames, time_s in reports(40, ppm=ppm, late_s=late_s, seed=seed):
        segment.update(report(frames, time_s))
        times = segment.times(floor_s)
        given_s += [times(frame) for frame in range(frames - 2400, frames, 600)]
        floor_s = max(floor_s, given_s[-1])
    assert all(earlier <= later for earlier, later in pairwise(given_s))


def test_sound_is_heard_after_its_way_through_synthesizer_and_device() -> None:
    segment = PlaybackSegment(
        PlaybackStarted(began_s=50.0, latency_frames=1600), latency_s=0.25, metre=Metre.COMMON
    )
    segment.update(report(4800, 50.1))
    assert segment.times(0.0)(4800) == pytest.approx(50.0 + 0.1 + 1600 / SAMPLE_RATE + 0.25)


def test_a_segment_goes_on_where_time_is_and_where_the_bars_were() -> None:
    first = PlaybackSegment(
        PlaybackStarted(began_s=50.0, latency_frames=1600), latency_s=0.0, metre=Metre.COMMON
    )
    first.update(report(480_000, 60.0, (BeatEvent(frame=470_000, beat=21, bar=5, tempo_bpm=120.0),)))
    second = PlaybackSegment(
        PlaybackStarted(began_s=60.7, latency_frames=1600), latency_s=0.0, metre=Metre.COMMON, before=first
    )
    second.update(report(4800, 60.8))
    assert second.first_frame % 800 == 0
    assert second.first_frame / SAMPLE_RATE == pytest.approx(10.7, abs=0.02)
    began = report(4800, 60.8, (BeatEvent(frame=0, beat=0, bar=0, tempo_bpm=120.0),))
    (beat,) = second.placed(began).beats
    assert (beat.bar, beat.beat, beat.frame) == (6, 24, second.first_frame)
    assert second.times(0.0)(beat.frame) == pytest.approx(60.7 + 1600 / SAMPLE_RATE)


def note(frame: int, number: int, beat: float = 0.0, bar: int = 0) -> NoteEvent:
    return NoteEvent(
        frame=frame, number=number, duration_s=9.0, beat=beat, bar=bar, pitch=60, velocity=50, layer="pad"
    )


def segment(metre: Metre, before: PlaybackSegment | None = None) -> PlaybackSegment:
    began_s = 50.0 if before is None else 60.0
    started = PlaybackStarted(began_s=began_s, latency_frames=1600)
    return PlaybackSegment(started, latency_s=0.0, metre=metre, before=before)


def test_a_segment_counts_notes_pulses_and_sections_on() -> None:
    first = segment(Metre.COMPOUND)
    section = SectionEvent(frame=0, bar=0, number=2, kind=SectionKind.RETURN, arc=NO_ARC)
    beat = BeatEvent(frame=400_000, beat=21, bar=10, tempo_bpm=60.0)
    first.update(
        PlaybackReport(
            played=480_000,
            rendered=487_200,
            notes=(note(0, 0), note(9, 1)),
            beats=(beat,),
            sections=(section,),
        )
    )
    second = segment(Metre.COMPOUND, first)
    placed = second.placed(
        PlaybackReport(
            notes=(note(800, 0, beat=1.5),),
            note_ends=(NoteEnd(frame=4000, note=0, duration_s=3200 / SAMPLE_RATE),),
            beats=(BeatEvent(frame=0, beat=1, bar=0, tempo_bpm=60.0),),
            sections=(SectionEvent(frame=0, bar=0, number=0, kind=SectionKind.STATEMENT, arc=NO_ARC),),
            events=(PlayerEvent(0, PlaybackBegin(beat=0, bar=0, fade_in_s=1.0)),),
        )
    )
    assert [(each.number, each.beat, each.bar) for each in placed.notes] == [(2, 34.5, 11)]
    assert [(each.note, each.frame - second.first_frame) for each in placed.note_ends] == [(2, 4000)]
    assert [(each.beat, each.bar) for each in placed.beats] == [(23, 11)]
    assert [(each.number, each.bar) for each in placed.sections] == [(3, 11)]
    begin = placed.events[0].action
    assert isinstance(begin, PlaybackBegin)
    assert (begin.beat, begin.bar) == (22, 11)


def test_notes_of_a_lost_process_end_where_its_sound_ended() -> None:
    first = segment(Metre.COMMON)
    first.update(report(480_000, 60.0))
    second = segment(Metre.COMMON, first)
    ended = NoteEnd(frame=24_000, note=0, duration_s=0.5)
    second.update(PlaybackReport(played=49_600, notes=(note(0, 0), note(4800, 1)), note_ends=(ended,)))
    (end,) = second.cut_off()
    assert (end.note, end.frame - second.first_frame) == (1, 48_000)
    assert end.duration_s == 0.9
