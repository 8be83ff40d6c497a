"""The ring: every sample at its own time, silence for what comes late, and no clicks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.live.output import RingBuffer
from generator.score import BLOCK_FRAMES


def numbered(start: int, frames: int = BLOCK_FRAMES) -> np.ndarray:
    """Samples that say which one they are, so that loss and reordering show."""
    return np.repeat(np.arange(start, start + frames, dtype=np.float32)[:, None], 2, axis=1)


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=300))
def test_samples_come_out_as_they_went_in_whatever_the_buffers(buffers: list[int]) -> None:
    ring = RingBuffer()
    for frames in buffers:
        while ring.ahead < frames:
            ring.write(numbered(ring.written))
        start = ring.played
        assert np.array_equal(ring.play(frames), numbered(start, frames))
    assert ring.late == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3000)), min_size=1, max_size=60))
def test_a_sample_is_never_played_at_another_ones_time(moves: list[tuple[bool, int]]) -> None:
    ring = RingBuffer()
    for writes, frames in moves:
        if writes:
            ring.write(np.ones((BLOCK_FRAMES, 2), dtype=np.float32) * (1.0 + ring.written // BLOCK_FRAMES))
            continue
        start, written = ring.played, ring.written
        out = ring.play(frames)
        assert ring.played == start + frames
        # 240 samples of a dropout's edges may lie between the value and silence
        own = 1.0 + np.arange(start, start + frames) // BLOCK_FRAMES
        assert np.all(out[:, 0] <= own)
        assert np.all(out[max(0, written - start) + 240 :] == 0.0)


def test_what_comes_late_is_counted_and_left_out() -> None:
    ring = RingBuffer()
    ring.write(numbered(0))
    ring.play(BLOCK_FRAMES + 300)
    ring.write(numbered(BLOCK_FRAMES))
    assert ring.late == 1
    rest = ring.play(500)
    assert np.array_equal(rest[240:], numbered(BLOCK_FRAMES + 540, 260))


def test_neither_end_of_a_dropout_clicks() -> None:
    ring = RingBuffer()
    loud = np.ones((BLOCK_FRAMES, 2), dtype=np.float32)
    ring.write(loud)
    out = [ring.play(1100)]
    ring.write(loud)
    ring.write(loud)
    out.append(ring.play(1000))
    heard = np.concatenate(out)[:, 0]
    assert np.any(heard == 0.0)
    assert heard[-1] == 1.0
    assert np.abs(np.diff(heard)).max() <= 1.0 / 239 + 1e-6


def test_what_was_played_can_be_had_again() -> None:
    ring = RingBuffer()
    for _ in range(300):
        ring.write(numbered(ring.written))
        ring.play(BLOCK_FRAMES)
    assert np.array_equal(ring.between(ring.played - 4800, ring.played), numbered(ring.played - 4800, 4800))
    assert ring.between(7, 7).shape == (0, 2)


@pytest.mark.parametrize("frames", [1, 5 * 48_000])
def test_an_output_may_run_dry_from_the_start_and_for_long(frames: int) -> None:
    ring = RingBuffer()
    assert not ring.play(frames).any()
    assert ring.ahead == -frames


def test_a_skip_leaves_samples_out_without_a_click() -> None:
    ring = RingBuffer()
    for _ in range(4):
        ring.write(numbered(ring.written))
    ring.play(512)
    ring.skip(1000)
    after = ring.play(512)[:, 0]
    assert ring.skipped == 1000
    assert after[0] == pytest.approx(512, abs=10)
    assert np.abs(np.diff(after)).max() < 10
    assert np.array_equal(after[240:], numbered(512 + 1000 + 240, 272)[:, 0])


def test_a_skip_past_what_is_written_is_silence() -> None:
    ring = RingBuffer()
    ring.write(numbered(0))
    ring.skip(2000)
    assert not ring.play(512)[240:].any()
