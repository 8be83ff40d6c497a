"""Loudness and its ceilings, on signals made for it: no sound engine needed."""

from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter, resample_poly

from generator.score import BLOCK_FRAMES, SAMPLE_RATE, ControlFrame
from generator.state import LAYERS
from generator.synthesis.mastering import (
    K_WEIGHTING,
    Leveller,
    LoudnessCeiling,
    MasteringChain,
    TruePeakLimiter,
    lufs,
    power_of,
)

LAYERS_ALONE = (-25.0,) * len(LAYERS)
AS_EXPECTED = 0.055
"""Amplitude of noise about as loud as three such layers."""


def shape(**changes):
    values = {
        "level_db": 0.0,
        "breath_db": 0.0,
        "fade": 1.0,
        "brightness": 0.4,
        "articulation": 0.2,
        "density": 0.4,
        "layer_gains": (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    }
    return ControlFrame(**(values | changes))


def noise(seconds, amplitude, seed=0):
    blocks = round(seconds * SAMPLE_RATE / BLOCK_FRAMES)
    return np.random.default_rng(seed).standard_normal((blocks, 2, BLOCK_FRAMES)) * amplitude


def through(master, blocks, **changes):
    return np.concatenate([master.step(block, shape(**changes)) for block in blocks])


def true_peak_db(audio):
    return 20 * np.log10(np.abs(resample_poly(audio.astype(float), 8, 1, axis=0)).max())


def short_term(audio):
    weighted = lfilter(*K_WEIGHTING, audio.astype(float), axis=0)
    power = np.concatenate(([0.0], np.cumsum((weighted**2).sum(axis=1))))
    window = 3 * SAMPLE_RATE
    return [lufs((power[i + window] - power[i]) / window) for i in range(0, len(audio) - window, 4800)]


def test_k_weighting_agrees_with_an_independent_meter():
    audio = noise(10, 0.05).transpose(0, 2, 1).reshape(-1, 2)
    power = float((lfilter(*K_WEIGHTING, audio, axis=0) ** 2).sum(axis=1).mean())
    assert lufs(power) == pytest.approx(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio), abs=0.1)
    assert lufs(power_of(-23.0)) == pytest.approx(-23.0)


@pytest.mark.parametrize(("amplitude", "level_db"), [(0.12, 0.0), (0.02, 0.0), (0.06, -12.0)])
def test_music_of_any_loudness_comes_out_at_the_reference_and_level(amplitude, level_db):
    audio = through(MasteringChain(LAYERS_ALONE), noise(40, amplitude), level_db=level_db)
    measured = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio[20 * SAMPLE_RATE :])
    assert measured == pytest.approx(-23.0 + level_db, abs=1.5)


def test_make_up_gain_neither_leaves_its_range_nor_hurries():
    leveller = Leveller(LAYERS_ALONE)
    gains = [leveller.step(power_of(-80.0), shape().layer_gains) for _ in range(60 * 60)]
    start = gains[0]
    assert max(gains) <= start + Leveller.RANGE_DB + 0.1
    assert np.abs(np.diff(gains)).max() <= Leveller.SLEW_DB_PER_S / 60 + 1e-9


def test_a_layer_that_enters_is_made_room_for_before_it_is_heard():
    leveller = Leveller(LAYERS_ALONE)
    alone, both = (1.0,) + (0.0,) * 7, (1.0, 1.0) + (0.0,) * 6
    for _ in range(1800):
        before = leveller.step(power_of(-25.0), alone)
    for _ in range(600):
        after = leveller.step(2 * power_of(-25.0), both)
    assert after - before == pytest.approx(-3.0, abs=0.1)


def test_most_of_what_the_form_takes_away_is_missed():
    leveller = Leveller(LAYERS_ALONE)
    six, two = (1.0,) * 6 + (0.0,) * 2, (1.0,) * 2 + (0.0,) * 6
    for _ in range(1800):
        before = leveller.step(6 * power_of(-25.0), six)
    for _ in range(1800):
        after = leveller.step(2 * power_of(-25.0), two, (0.0,) * 2 + (1.0,) * 4 + (0.0,) * 2)
    assert after - before == pytest.approx(0.4 * 10 * np.log10(3), abs=0.1)


@settings(max_examples=8)
@given(
    bursts=st.lists(st.tuples(st.floats(-60.0, 30.0), st.integers(1, 120)), min_size=1, max_size=6),
    breath_db=st.floats(-2.0, 2.0),
)
def test_ceilings_hold_whatever_comes(bursts, breath_db):
    master = MasteringChain(LAYERS_ALONE)
    blocks = np.concatenate(
        [noise(n / 60, 10 ** (db / 20), seed=i) for i, (db, n) in enumerate(bursts)] + [noise(3.5, 0.1)]
    )
    audio = through(master, blocks, breath_db=breath_db)
    assert true_peak_db(audio) <= -3.0
    assert max(short_term(audio)) <= -20.0


def test_limiter_is_transparent_below_its_ceiling_but_for_one_block():
    limiter = TruePeakLimiter()
    blocks = noise(1, 0.05)
    out = np.stack([limiter.step(block) for block in blocks])
    assert np.array_equal(out[1:], blocks[:-1])


def test_ceiling_leaves_music_at_the_reference_alone():
    ceiling = LoudnessCeiling()
    assert all(ceiling.step(power_of(-23.0)) == 1.0 for _ in range(600))


def test_direct_current_is_taken_out():
    audio = through(MasteringChain(LAYERS_ALONE), noise(10, 0.05) + 0.3)[2 * SAMPLE_RATE :]
    assert 20 * np.log10(np.abs(audio.mean(axis=0)).max()) < -60.0


def test_fade_zero_is_digital_zero_at_once():
    master = MasteringChain(LAYERS_ALONE)
    through(master, noise(1, 0.1))
    falling, silent = noise(2 / 60, 0.1)
    assert np.abs(master.step(falling, shape(fade=0.0))).max() > 0.0
    assert not master.step(silent, shape(fade=0.0)).any()


def test_restart_fades_out_within_a_block_and_rises_from_silence():
    master = MasteringChain(LAYERS_ALONE)
    through(master, noise(2, AS_EXPECTED))
    master.restart()
    audio = through(master, noise(12, AS_EXPECTED))
    falling, risen = audio[:BLOCK_FRAMES], audio[-SAMPLE_RATE:]
    assert np.abs(falling[:100]).max() > 0.5 * np.abs(risen).max()
    assert np.abs(falling[-20:]).max() < 0.05 * np.abs(risen).max()
    loudness = [np.sqrt(np.mean(part**2)) for part in np.array_split(audio[BLOCK_FRAMES:], 24)]
    assert loudness[0] < 0.1 * loudness[-1]
    assert all(later > earlier for earlier, later in pairwise(loudness[:19]))


@pytest.mark.parametrize("gains", [(0.0,) * 8, (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)])
def test_music_after_silence_begins_at_the_reference(gains):
    master = MasteringChain(LAYERS_ALONE)
    through(master, np.zeros((600, 2, BLOCK_FRAMES)), fade=0.0, layer_gains=gains)
    audio = through(master, noise(6, AS_EXPECTED))
    loudness = [pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(part) for part in np.split(audio, 6)]
    assert loudness == pytest.approx([-23.0] * 6, abs=2.0)


def test_music_comes_back_after_a_burst_at_the_level_it_had():
    master = MasteringChain(LAYERS_ALONE)
    before = through(master, noise(10, AS_EXPECTED))[-3 * SAMPLE_RATE :]
    through(master, noise(1, 99.0))
    after = through(master, noise(16, AS_EXPECTED))[-3 * SAMPLE_RATE :]
    assert 20 * np.log10(np.std(after) / np.std(before)) == pytest.approx(0.0, abs=1.5)


@settings(max_examples=8)
@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(["noise", "direct current", "impulses", "nyquist", "silence"]),
            st.floats(-40.0, 40.0),
            st.integers(1, 90),
            st.floats(-18.0, 0.0),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_leaves_the_chain_is_safe_whatever_enters_it(parts):
    master = MasteringChain(LAYERS_ALONE)
    heard = []
    for seed, (kind, db, count, level_db) in enumerate(parts):
        blocks = adversary(kind, 10 ** (db / 20), count, seed)
        heard.append(through(master, blocks, level_db=level_db))
    heard.append(through(master, noise(3.5, AS_EXPECTED)))
    audio = np.concatenate(heard)
    assert np.isfinite(audio).all()
    assert true_peak_db(audio) <= -3.0
    assert max(short_term(audio)) <= -20.0


def adversary(kind, amplitude, count, seed):
    """Blocks of the worst that can come out of a broken sound engine."""
    shape = (count, 2, BLOCK_FRAMES)
    match kind:
        case "noise":
            return noise(count / 60, amplitude, seed)
        case "direct current":
            return np.full(shape, amplitude)
        case "impulses":
            return np.where(np.random.default_rng(seed).random(shape) < 0.002, amplitude, 0.0)
        case "nyquist":  # alternating signs that slip once in a while: the worst between samples
            signs = np.where(np.arange(BLOCK_FRAMES) // 3 % 2, 1.0, -1.0)
            return np.broadcast_to(amplitude * signs * (-1.0) ** np.arange(BLOCK_FRAMES), shape)
    return np.zeros(shape)
