"""The virtual listener as a source: samples, and the effect of music."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.simulated.listener import VirtualListener
from acquisition.simulated.persona import PERSONAS
from acquisition.streams import Kind, MusicListener

STEADY = {"novelty": 0.0, "breath_rate": 0.0, "breath_depth": 0.0}
SLOW = STEADY | {"tempo_bpm": 52.0, "density": 0.15, "level_db": -10.0, "brightness": 0.15}
FAST = STEADY | {"tempo_bpm": 120.0, "density": 0.9, "level_db": 0.0, "brightness": 0.9, "novelty": 0.6}
SWELLING = SLOW | {"breath_rate": 6.0, "breath_depth": 0.6}


@cache
def live(music, *, seconds, persona="responder", seed=3, kappa=1.0, step_s=1.0):
    """Return the samples by kind and the arousal at each step; `music` is a function of time.

    The same life is lived once only: those who read it must not change it.
    """
    listener = VirtualListener(persona, seed=seed, kappa=kappa)
    samples = {kind: [] for kind in (Kind.ECG, Kind.EDA, Kind.RSP)}
    arousal = []
    for number in range(1, round(seconds / step_s) + 1):
        t = number * step_s
        for chunk in listener.read(t):
            samples[chunk.stream.kind].append(chunk.samples[:, 0])
        listener.observe_music(t, music(t))
        arousal.append(listener.arousal)
    return {kind: np.concatenate(parts) for kind, parts in samples.items()}, np.array(arousal)


def silence(_t):
    return None


def slow(_t):
    return SLOW


def fast(_t):
    return FAST


def test_three_streams_with_units_and_rates():
    listener = VirtualListener("responder", seed=1)
    described = [(stream.kind, stream.unit, stream.rate_hz) for stream in listener.streams]
    assert described == [(Kind.ECG, "mV", 250.0), (Kind.EDA, "uS", 32.0), (Kind.RSP, "a.u.", 25.0)]
    assert isinstance(listener, MusicListener)
    assert not listener.ended


def test_nothing_has_arrived_before_time_0():
    assert VirtualListener("responder", seed=1).read(-1.0) == []


def test_a_session_that_begins_later_finds_the_same_listener():
    # Steps of 1/8 s and a power of 2 lose nothing in floating point.
    early, late, t0 = VirtualListener("responder", seed=4), VirtualListener("responder", seed=4), 2.0**17
    late.begin(t0)
    for step in range(60 * 8):
        t = step / 8
        for one, other in zip(early.read(t), late.read(t0 + t), strict=True):
            np.testing.assert_array_equal(other.times, t0 + one.times)
            assert other.samples.tobytes() == one.samples.tobytes()
        early.observe_music(t, FAST)
        late.observe_music(t0 + t, FAST)
    assert {pair.engine_time_s for pair in late.clock_pairs()} == {t0}


@settings(max_examples=20)
@given(st.lists(st.floats(0.0, 12.0), max_size=25).map(sorted))
def test_samples_do_not_depend_on_how_often_they_are_read(reads):
    whole = {chunk.stream: chunk for chunk in VirtualListener("responder", seed=5).read(12.0)}
    listener = VirtualListener("responder", seed=5)
    chunks = [chunk for t in [*reads, 12.0] for chunk in listener.read(t)]
    for stream, expected in whole.items():
        parts = [chunk for chunk in chunks if chunk.stream == stream]
        assert np.concatenate([chunk.samples for chunk in parts]).tobytes() == expected.samples.tobytes()
        assert np.concatenate([chunk.times for chunk in parts]).tobytes() == expected.times.tobytes()
        np.testing.assert_allclose(np.diff(expected.times), 1.0 / stream.rate_hz)


def test_samples_do_not_depend_on_how_often_it_is_said_what_sounds():
    seldom, _ = live(slow, seconds=60, step_s=1.0)
    often, _ = live(slow, seconds=60, step_s=0.05)
    for kind, samples in seldom.items():
        np.testing.assert_allclose(often[kind], samples, atol=1e-6)


def test_a_seed_is_a_person():
    first, _ = live(slow, seconds=20, seed=1)
    again, _ = live(slow, seconds=20, seed=1)
    other, _ = live(slow, seconds=20, seed=2)
    for kind in first:
        assert first[kind].tobytes() == again[kind].tobytes()
        assert first[kind].tobytes() != other[kind].tobytes()


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("music", [slow, fast])
def test_with_kappa_0_music_changes_nothing(persona, music):
    unheard, _ = live(silence, seconds=60, persona=persona, kappa=0.0)
    heard, _ = live(music, seconds=60, persona=persona, kappa=0.0)
    for kind, samples in unheard.items():
        assert heard[kind].tobytes() == samples.tobytes()


def test_silence_is_the_same_whatever_kappa_is():
    null, _ = live(silence, seconds=60, kappa=0.0)
    full, _ = live(silence, seconds=60, kappa=1.0)
    for kind, samples in null.items():
        assert full[kind].tobytes() == samples.tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_a_responder_calms_more_under_slow_quiet_music_than_under_fast_loud_music(seed):
    _, calmed = live(slow, seconds=400, seed=seed)
    _, roused = live(fast, seconds=400, seed=seed)
    assert calmed[200:].mean() < roused[200:].mean() - 0.2


@pytest.mark.parametrize("seed", range(4))
def test_a_leading_piece_helps_and_rest_does_most(seed):
    def lead(t):
        part = min(1.0, max(0.0, (t - 60.0) / 300.0))
        return {
            "tempo_bpm": 75.0 - 11.0 * part,
            "density": 0.45 - 0.25 * part,
            "level_db": -6.0 * part,
            "brightness": 0.45 - 0.2 * part,
            **STEADY,
        }

    _, led = live(lead, seconds=600, seed=seed)
    _, resting = live(silence, seconds=600, seed=seed)
    by_music = (resting - led)[-60:].mean()
    by_rest = led[0] - resting[-60:].mean()
    assert 0.03 < by_music < by_rest


def test_a_nonresponder_does_not_follow_tempo_or_texture():
    def near(tempo_bpm, density):
        return lambda _t: SLOW | {"tempo_bpm": tempo_bpm, "density": density}

    _, one = live(near(68.0, 0.1), seconds=120, persona="nonresponder")
    _, other = live(near(80.0, 0.9), seconds=120, persona="nonresponder")
    _, responder = live(near(68.0, 0.1), seconds=120)
    _, stirred = live(near(80.0, 0.9), seconds=120)
    np.testing.assert_array_equal(one, other)
    assert stirred[-1] > responder[-1]


def test_a_fade_does_not_calm_more_than_the_quietest_music():
    _, quiet = live(lambda _t: SLOW | {"level_db": -18.0}, seconds=90)
    _, faded = live(lambda _t: SLOW | {"level_db": -80.0}, seconds=90)
    np.testing.assert_array_equal(faded, quiet)


def test_music_acts_with_a_delay_and_a_change_is_answered_by_the_skin_within_3_s():
    def change(t):
        return FAST | {"novelty": 1.0} if t == 40.0 else None

    quiet, _ = live(silence, seconds=60)
    heard, _ = live(change, seconds=60)
    assert heard[Kind.ECG][: 44 * 250].tobytes() == quiet[Kind.ECG][: 44 * 250].tobytes()
    difference = np.flatnonzero(heard[Kind.EDA] != quiet[Kind.EDA]) / 32.0
    assert 40.0 <= difference[0] <= 43.0


def test_a_listener_comes_aroused_and_finds_rest_by_itself():
    arousal = np.array([live(silence, seconds=600, seed=seed)[1] for seed in range(6)])
    assert np.all(arousal[:, 0] > 0.5)
    assert np.mean(arousal[:, 0] - arousal[:, -60:].mean(axis=1)) > 0.5


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("seed", range(5))
def test_signals_lie_where_those_of_people_lie(persona, seed):
    samples, _ = live(silence, seconds=60, persona=persona, seed=seed)
    ecg, eda = samples[Kind.ECG], samples[Kind.EDA]
    high = np.flatnonzero((ecg[1:-1] > 0.6 * ecg.max()) & (ecg[1:-1] >= ecg[:-2]) & (ecg[1:-1] > ecg[2:]))
    beats = 1 + np.sum(np.diff(high) > 75)
    assert 58 <= beats <= 88
    assert 0.6 < np.ptp(ecg) < 2.5
    assert 2.0 <= eda.min() <= eda.max() <= 16.0
    assert np.abs(np.diff(eda) * 32).max() < 10.0
    rsp = samples[Kind.RSP] - samples[Kind.RSP].mean()
    spectrum = np.abs(np.fft.rfft(rsp))
    assert 0.15 <= np.argmax(spectrum) / 60.0 <= 0.3
