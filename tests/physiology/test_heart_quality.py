"""Quality of heart signals: low where a beat is not to be believed, high again where it is."""

import numpy as np
import pytest

from physiology.pipeline import Physiology, SignalConfig
from physiology.state import BeatAction

NEW = (BeatAction.NEW, BeatAction.INSERTED)


def jolts(t, since, size, seed=9):
    """Return what a moving electrode adds: steps and slow swings in the band of the QRS."""
    rng = np.random.default_rng(seed)
    x = np.zeros_like(t)
    for slot in np.arange(since, t[-1], 0.35):
        at = slot + rng.uniform(0, 0.3)
        x += size * rng.standard_normal() * np.exp(-0.5 * ((t - at) / rng.uniform(0.01, 0.06)) ** 2)
    return x


def test_good_beats_amid_jolts_are_beats(synth):
    t, beats = synth.seconds(100, 250), synth.beat_times(100)
    update, _ = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, beats) + jolts(t, 40, 0.8))})
    good = np.sort([b.r_time_s for b in update.beats if b.action in NEW and b.quality >= 0.5])
    _, ppv = synth.match(beats[beats > 40], good[good > 40])
    assert ppv >= 0.95
    assert all(s.hr_bpm.value == pytest.approx(66, abs=5) for s in update.states if s.hr_bpm.value)


def test_noise_from_the_start_is_not_taken_for_the_pattern(synth):
    t, beats = synth.seconds(60, 250), synth.beat_times(60)
    update, _ = synth.stream({"ecg": (250, "mV", t, 0.1 * synth.ecg(t, beats) + jolts(t, 0, 1.0))})
    late = [b for b in update.beats if b.action in NEW and b.r_time_s > 20]
    assert np.mean([b.quality >= 0.5 for b in late]) <= 0.05
    assert all(s.hr_bpm.value is None for s in update.states)


def test_quality_comes_back_when_the_noise_ends(synth):
    t, beats = synth.seconds(90, 250), synth.beat_times(90)
    noise = jolts(t, 0, 1.0)
    noise[t > 30] = 0
    update, pipeline = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, beats) + noise)})
    assert np.median([b.quality for b in update.beats if b.r_time_s > 70]) >= 0.9
    assert update.states[-1].hr_bpm.value == pytest.approx(66, abs=1.5)
    assert pipeline.reasons() == {}


def test_a_beat_in_noise_is_where_it_is(synth):
    t, beats = synth.seconds(80, 250), synth.beat_times(80)
    update, _ = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, beats) + jolts(t, 30, 0.35))})
    found = np.sort([b.r_time_s for b in update.beats if b.action in NEW and b.r_time_s > 30])
    reference = beats[(beats > 30) & (beats < 79)]
    sensitivity, ppv = synth.match(reference, found[found < 79])
    assert min(sensitivity, ppv) >= 0.95


def test_a_pattern_survives_a_slow_change_of_size(synth):
    t, beats = synth.seconds(120, 250), synth.beat_times(120)
    x = synth.ecg(t, beats) * np.interp(t, [30, 90], [1.0, 0.4])
    update, _ = synth.stream({"ecg": (250, "mV", t, x)})
    late = [b for b in update.beats if b.action in NEW and 95 < b.r_time_s < 119]
    sensitivity, ppv = synth.match(beats[(beats > 95) & (beats < 119)], [b.r_time_s for b in late])
    assert min(sensitivity, ppv) >= 0.96
    assert np.median([b.quality for b in late]) >= 0.8


def test_beats_do_not_depend_on_chunks(synth):
    t, beats = synth.seconds(40, 128), synth.beat_times(40)
    x = synth.ecg(t, beats) + jolts(t, 20, 0.4)
    x[(t > 26) & (t < 26.6)] = np.nan
    cuts = np.unique(np.random.default_rng(3).integers(1, t.size, 60))
    whole, _ = synth.stream({"ecg": (128, "mV", t, x)}, steps=np.array([40.0]))
    parts, _ = synth.stream({"ecg": (128, "mV", t, x)}, chunks={"ecg": cuts}, steps=np.arange(1, 801) / 20)
    assert [repr(b) for b in parts.beats if b.known_at_s <= 39] == [
        repr(b) for b in whole.beats if b.known_at_s <= 39
    ]


def test_what_the_heart_keeps_is_bounded(synth):
    pipeline = Physiology([SignalConfig("ppg", 30, "a.u.", ("R", "G"))])
    t, beats = synth.seconds(160, 30), synth.beat_times(160)
    assert len(beats) > 120 + 50
    x = np.repeat(100 - synth.ppg(t, beats)[:, None], 2, axis=1)
    for now in range(1, 161):
        inside = (t > now - 1) & (t <= now)
        pipeline.push("ppg", t[inside], x[inside])
        pipeline.step(now)
    channels = pipeline._heart._sources["ppg"].heart._channels
    assert len(channels._reported_ids) <= 64
    assert all(len(tracker.log.beats) < 120 for tracker in channels._trackers)
    assert all(len(tracker._likeness) < 120 for tracker in channels._trackers)
