"""Partitioned convolution: exact, at once, even when it changes, and nothing once it is silent."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from generator.synthesis.convolution import CrossfadedConvolution

FRAMES, BLOCKS = 16, 3
"""Blocks and long partitions small enough to meet every boundary; the seam lies at 96 frames."""


def noise(frames, seed=0):
    return np.random.default_rng(seed).standard_normal((2, frames))


def response(frames, seed=1):
    decaying = noise(frames, seed) * np.exp(-5.0 * np.arange(frames) / frames)
    return (decaying / np.sqrt((decaying**2).sum(axis=1, keepdims=True))).T


class OneResponse:
    """A convolution that stays with the first of its responses."""

    def __init__(self, impulse, **sizes):
        self._both = CrossfadedConvolution(impulse, impulse[:1], **sizes)
        self.reset = self._both.reset

    def process(self, block):
        return self._both.process(block, (1.0, 0.0))


def small(impulse):
    return OneResponse(impulse, block_frames=FRAMES, blocks_per_partition=BLOCKS)


def run(convolution, sound, frames=FRAMES):
    return np.concatenate(
        [convolution.process(part) for part in np.split(sound, sound.shape[1] // frames, 1)], 1
    )


def convolved(sound, impulse):
    return fftconvolve(sound, impulse.T, axes=1)[:, : sound.shape[1]]


@pytest.mark.parametrize("frames", [1, 2, 15, 16, 17, 47, 48, 95, 96, 97, 98, 143, 144, 145, 146, 500, 1009])
def test_it_equals_convolution_of_the_whole(frames):
    sound, impulse = noise(FRAMES * 200), response(frames)
    assert np.abs(run(small(impulse), sound) - convolved(sound, impulse)).max() < 1e-5


@pytest.mark.parametrize("blocks_per_partition", [1, 2, 7, 16])
def test_it_equals_convolution_of_the_whole_whatever_the_partitions(blocks_per_partition):
    sound, impulse = noise(FRAMES * 200), response(1500)
    convolution = OneResponse(impulse, block_frames=FRAMES, blocks_per_partition=blocks_per_partition)
    assert np.abs(run(convolution, sound) - convolved(sound, impulse)).max() < 1e-5


def test_at_the_size_of_the_product_it_equals_convolution_of_the_whole():
    sound, impulse = noise(800 * 150), response(60_000)
    assert np.abs(run(OneResponse(impulse), sound, 800) - convolved(sound, impulse)).max() < 1e-5


@pytest.mark.parametrize("at", [0, 5, 15, 16, 47, 48, 100])
def test_every_sample_of_the_response_comes_when_it_is_due(at):
    impulse, sound = response(300), np.zeros((2, 640))
    sound[:, at] = 1.0
    heard = run(small(impulse), sound)
    assert heard[:, at : at + 300] == pytest.approx(impulse.T, abs=1e-6)
    assert np.abs(heard[:, :at]).max(initial=0.0) < 1e-6


def test_sides_do_not_mix():
    sound = noise(FRAMES * 40)
    sound[1] = 0.0
    assert not run(small(response(400)), sound)[1].any()


def test_after_a_reset_it_is_as_new():
    convolution, sound = small(response(500)), noise(FRAMES * 50)
    first = run(convolution, sound)
    convolution.process(np.full((2, FRAMES), np.nan))
    convolution.reset()
    assert np.array_equal(run(convolution, sound), first)


@pytest.mark.parametrize("frames", [1, 16, 17, 33, 96, 113, 500])
def test_after_the_tail_there_is_exactly_nothing_and_then_sound_again(frames):
    convolution, impulse = small(response(frames)), response(frames)
    sound = noise(FRAMES * 20)
    run(convolution, sound)
    heard = run(convolution, np.zeros((2, 1600)))
    assert heard[:, : frames - 1].any() or frames == 1
    # The response is over frames - 1 frames after the last sound; its block may end with rounding errors.
    assert not heard[:, FRAMES * -(-(frames - 1) // FRAMES) :].any()
    for pause in range(7):  # sound may come back at any place of a long partition
        run(convolution, np.zeros((2, FRAMES * (100 + pause))))
        assert np.abs(run(convolution, sound) - convolved(sound, impulse)).max() < 1e-5


def test_an_idle_room_does_no_work(monkeypatch):
    convolution = CrossfadedConvolution(
        response(500), response(200), block_frames=FRAMES, blocks_per_partition=2
    )
    silence = np.full((2, FRAMES), 1e-13)
    for _ in range(100):
        convolution.process(silence, (1.0, 0.0))
    monkeypatch.setattr("generator.synthesis.convolution.rfft", None)
    assert not convolution.process(silence, (1.0, 0.0)).any()


def test_what_decays_without_end_never_becomes_subnormal():
    convolution = small(response(500))
    sound = 1e-3 * 0.5 ** (np.arange(FRAMES * 60) / 4.0)  # falls below the least normal number of 32 bits
    heard = np.abs(run(convolution, np.stack((sound, sound))))
    assert not ((heard > 0.0) & (heard < np.finfo(np.float32).tiny)).any()
    assert not heard[:, -FRAMES:].any()


@pytest.mark.parametrize("frames", [1, 96, 150])
def test_a_crossfade_is_the_sum_of_both_at_their_gains(frames):
    long, short = response(700), response(frames, seed=2)
    both = CrossfadedConvolution(long, short, block_frames=FRAMES, blocks_per_partition=BLOCKS)
    sound = noise(FRAMES * 90)
    ends = np.random.default_rng(5).random((90, 2))
    heard = np.concatenate(
        [both.process(part, tuple(gains)) for part, gains in zip(np.split(sound, 90, 1), ends, strict=True)],
        1,
    )
    knots = np.r_[0, np.arange(1, 91) * FRAMES] - 1  # the first gains hold at once
    gains = [np.interp(np.arange(90 * FRAMES), knots, np.r_[side[0], side]) for side in ends.T]
    wanted = gains[0] * convolved(sound, long) + gains[1] * convolved(sound, short)
    assert np.abs(heard - wanted).max() < 1e-5


def test_a_crossfade_does_not_click():
    # A click is a jump: energy far above the tone. Gains that jumped would leave 30 dB more of it.
    tone = np.sin(2 * np.pi * 440.0 / 48_000 * np.arange(800 * 120))
    sound, window = np.stack((tone, tone)), np.blackman(800 * 20)
    decay = np.exp(-np.arange(24_000) / 8000.0)[:, None] * response(24_000, seed=3)
    both = CrossfadedConvolution(decay, -decay[:9000])
    gains = [(1.0, 0.0)] * 60 + [(1.0 - i / 10, i / 10) for i in range(10)] + [(0.0, 1.0)] * 50
    heard = np.concatenate(
        [both.process(part, pair) for part, pair in zip(np.split(sound, 120, 1), gains, strict=True)], 1
    )
    around = heard[0, 800 * 55 : 800 * 75] * window
    power = np.abs(np.fft.rfft(around)) ** 2
    high = power[np.fft.rfftfreq(around.size, 1 / 48_000) > 3000.0].sum()
    assert 10 * np.log10(high / power.sum()) < -80.0


def test_it_repeats_itself_to_the_bit():
    sound, impulse = noise(800 * 80), response(50_000)
    assert np.array_equal(run(OneResponse(impulse), sound, 800), run(OneResponse(impulse), sound, 800))


def test_a_result_stays_as_it_is():
    convolution, sound = small(response(300)), noise(FRAMES * 20)
    kept = convolution.process(sound[:, :FRAMES])
    copy = kept.copy()
    run(convolution, sound)
    assert np.array_equal(kept, copy)


@pytest.mark.parametrize(
    "impulse", [np.zeros((0, 2)), np.zeros((5, 1)), np.zeros(5), np.full((5, 2), np.nan)]
)
def test_an_impulse_response_that_is_none_is_refused(impulse):
    with pytest.raises(ValueError, match="impulse response"):
        OneResponse(impulse)


def test_a_block_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 800\)"):
        OneResponse(response(10)).process(np.zeros((800, 2)))
