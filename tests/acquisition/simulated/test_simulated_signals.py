"""Heart, skin and music history of the virtual listener, each against its formula."""

from dataclasses import replace

import neurokit2 as nk
import numpy as np
import pytest

from acquisition.simulated.autonomic_state import (
    SILENCE,
    AutonomicSample,
    AutonomicState,
    ExternalEvents,
    MusicHistory,
    PerceivedMusic,
)
from acquisition.simulated.listener import ECG_RATE_HZ, EDA_RATE_HZ, Electrodes, Heart, Skin
from acquisition.simulated.persona import PERSONAS

SOUND = {
    "tempo_bpm": 60.0,
    "density": 0.5,
    "level_db": -6.0,
    "brightness": 0.4,
    "novelty": 0.0,
    "breath_rate": 0.0,
    "breath_depth": 0.0,
}


def person(seed=1, **changes):
    return replace(PERSONAS["responder"].draw(np.random.default_rng(seed)), **changes)


def steady(number, *, arousal=0.0, breath_hz=0.25):
    return AutonomicSample(
        number=number,
        arousal=(arousal, arousal),
        sympathetic=(arousal, arousal),
        breath_hz=(breath_hz, breath_hz),
        breath_depth=(1.0, 1.0),
        breath_phase=2 * np.pi * breath_hz * number,
    )


@pytest.fixture(scope="module")
def electrocardiogram():
    """Five minutes of beats and of the ECG they make."""
    listener = person()
    events = ExternalEvents(listener, pain_at_s=0.0, rng=np.random.default_rng(4))
    nerves = AutonomicState(listener, kappa=1.0, events=events, rng=np.random.default_rng(2))
    heart, electrodes = (kind(listener, rng=np.random.default_rng(3)) for kind in (Heart, Electrodes))
    seconds = [nerves.step(MusicHistory()) for _ in range(303)]
    beats, ecg = [], []
    for now, coming in zip([None, *seconds], seconds, strict=False):
        beats.append(heart.beats(coming))
        electrodes.add(beats[-1])
        if now is not None and now.number >= 0:
            ecg.append(electrodes.samples(now))
    return np.concatenate(beats), np.concatenate(ecg)


def test_each_r_maximum_stands_at_its_beat(electrocardiogram):
    beats, ecg = electrocardiogram
    inside = beats[(beats > 0.1) & (beats < len(ecg) / ECG_RATE_HZ - 0.1)]
    for beat in inside:
        nearest = round(beat * ECG_RATE_HZ)
        window = ecg[nearest - 10 : nearest + 11]
        assert abs((nearest - 10 + np.argmax(window)) / ECG_RATE_HZ - beat) < 0.006


def test_neurokit_finds_the_heart_rate_of_the_beats(electrocardiogram):
    beats, ecg = electrocardiogram
    found = nk.ecg_peaks(nk.ecg_clean(ecg, ECG_RATE_HZ), ECG_RATE_HZ)[1]["ECG_R_Peaks"] / ECG_RATE_HZ
    # A complex cut through by the end of the signal is not NeuroKit's to find.
    found, true = (times[(times > 2.01) & (times < 298.01)] for times in (found, beats))
    assert len(found) == len(true)
    assert 60 / np.mean(np.diff(found)) == pytest.approx(60 / np.mean(np.diff(true)), abs=0.3)


def test_breathing_and_the_slow_rhythm_modulate_the_beats():
    heart = Heart(person(rsa_depth=0.05, lf_depth=0.03), rng=np.random.default_rng(1))
    beats = np.concatenate([heart.beats(steady(number)) for number in range(512)])
    grid = np.arange(2.0, 510.0, 0.5)
    rate = np.interp(grid, beats[1:], 1 / np.diff(beats))
    power = np.abs(np.fft.rfft((rate - rate.mean()) * np.hanning(rate.size))) ** 2
    hz = np.fft.rfftfreq(rate.size, 0.5)

    def peak(low, high):
        band = (hz >= low) & (hz < high)
        return hz[band][np.argmax(power[band])], power[band].sum()

    assert peak(0.15, 0.4)[0] == pytest.approx(0.25, abs=0.01)
    assert peak(0.06, 0.15)[0] == pytest.approx(0.10, abs=0.02)
    assert peak(0.15, 0.4)[1] > 3 * peak(0.4, 0.6)[1]


def test_arousal_raises_heart_rate_by_its_gain():
    listener = person(resting_hr_bpm=66.0, hr_per_arousal_bpm=4.0)
    counts = []
    for arousal in (0.0, 2.0):
        heart = Heart(listener, rng=np.random.default_rng(1))
        counts.append(sum(heart.beats(steady(number, arousal=arousal)).size for number in range(600)) / 10)
    assert counts == pytest.approx([66.0, 74.0], abs=0.8)


@pytest.mark.parametrize(("arousal", "rate_per_min"), [(-2.0, 0.5), (0.0, 2.0), (1.0, 6.0)])
def test_skin_conductance_responses_come_at_the_rate_of_the_formula(arousal, rate_per_min):
    # With next to no level under them, the mean is rate × mean amplitude × area of the kernel.
    skin = Skin(person(resting_scl_us=1e-9), kappa=1.0, rng=np.random.default_rng(4))
    mean = np.mean([skin.samples(steady(n, arousal=arousal), SILENCE) for n in range(8000)])
    amplitude, area_s = 0.15 * np.exp(0.6**2 / 2), (2.0 - 0.7) / 0.369
    assert mean == pytest.approx(rate_per_min / 60 * amplitude * area_s, rel=0.25)


def test_a_change_in_the_music_makes_a_response_with_the_shape_of_the_formula():
    def trace(novelty):
        skin = Skin(person(), kappa=1.0, rng=np.random.default_rng(5))
        heard = PerceivedMusic(sounding=1.0, novelty=novelty)
        return np.concatenate([skin.samples(steady(n), heard if n == 20 else SILENCE) for n in range(40)])

    response = trace(1.0) - trace(0.0)
    onset = np.flatnonzero(response)[0] / EDA_RATE_HZ
    assert 20.0 <= onset <= 21.0 + 1 / EDA_RATE_HZ
    assert np.argmax(response) / EDA_RATE_HZ - onset == pytest.approx(1.13, abs=0.08)
    assert 0.02 < response.max() < 1.2


def test_memory_weighs_what_sounded_by_time():
    memory = MusicHistory()
    memory.add(0.25, SOUND | {"tempo_bpm": 80.0})
    memory.add(0.5, None)
    memory.add(1.0, SOUND | {"tempo_bpm": 50.0, "novelty": 0.3})
    first = memory.second(0)
    assert (first.sounding, first.tempo_bpm, first.novelty) == (0.75, 60.0, 0.3)


def test_memory_spreads_a_long_step_over_its_seconds_and_novelty_over_none_but_the_last():
    memory = MusicHistory()
    memory.add(3.0, SOUND | {"novelty": 0.8})
    assert [memory.second(n).sounding for n in range(4)] == [1.0, 1.0, 1.0, 0.0]
    assert [memory.second(n).novelty for n in range(3)] == [0.0, 0.0, 0.8]


def test_memory_counts_how_much_music_there_was_before():
    memory = MusicHistory()
    memory.add(2.0, SOUND)
    memory.add(3.0, None)
    memory.add(3.5, SOUND)
    memory.add(5.0, SOUND)
    assert [memory.second(n).heard_before_s for n in range(5)] == [0.0, 1.0, 0.0, 2.0, 3.0]


def test_memory_holds_silence_where_nothing_was_heard_and_ignores_the_past():
    memory = MusicHistory()
    memory.add(2.0, None)
    memory.add(1.0, SOUND)
    assert [memory.second(n) for n in (-1, 0, 1, 2)] == [SILENCE] * 4
