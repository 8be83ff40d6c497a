"""Beats of ECG and PPG: found, announced once, taken back in public."""

import numpy as np
import pytest

from physiology.beats.log import BeatLog, is_artefact
from physiology.state import BeatAction


def first_reported(update, since=5.0, until=np.inf):
    lines = [b for b in update.beats if b.action in (BeatAction.NEW, BeatAction.INSERTED)]
    return np.sort([b.r_time_s for b in lines if since < b.r_time_s < until])


def last_rate_at(update):
    return max((s.t for s in update.states if s.hr_bpm.value is not None), default=-np.inf)


@pytest.mark.parametrize("rate", [32, 64, 100, 250, 500, 2000])
def test_ecg_beats_are_found_at_every_rate(synth, rate):
    t, beats = synth.seconds(45, rate), synth.beat_times(45)
    width_floor = 0.02 if rate < 100 else 0.0  # at 32 Hz an R wave lies between samples
    update, _ = synth.stream({"ecg": (rate, "mV", t, synth.ecg(t, beats))})
    reference = beats[(beats > 5) & (beats < 44)]
    sensitivity, ppv = synth.match(reference, first_reported(update, until=44), 0.03 + width_floor)
    assert sensitivity >= 0.99
    assert ppv >= 0.99


def test_r_times_are_those_of_the_r_maximum(synth):
    t, beats = synth.seconds(40, 250), synth.beat_times(40)
    update, _ = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, beats, noise=0.0))})
    found = first_reported(update)
    errors = [np.abs(beats - time).min() for time in found]
    assert max(errors) < 0.004


def test_a_beat_is_announced_soon_and_once(synth):
    t, beats = synth.seconds(60, 250), synth.beat_times(60)
    update, _ = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, beats, noise=0.05))})
    lags = [b.known_at_s - b.r_time_s for b in update.beats if b.r_time_s > 7]
    assert min(lags) >= 0.2
    assert np.median(lags) <= 0.35
    assert max(lags) <= 0.6
    assert np.diff(first_reported(update)).min() > 0.25
    assert len({b.beat_id for b in update.beats}) == len(update.beats)


def test_an_inverted_ecg_gives_the_same_beats(synth):
    t, beats = synth.seconds(40, 250), synth.beat_times(40)
    x = synth.ecg(t, beats)
    upright, _ = synth.stream({"ecg": (250, "mV", t, x)})
    inverted, _ = synth.stream({"ecg": (250, "mV", t, -x)})
    assert first_reported(inverted) == pytest.approx(first_reported(upright), abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("rate", [30, 64, 100])
def test_ppg_beats_are_found_whatever_the_polarity(synth, rate, sign):
    t, beats = synth.seconds(45, rate), synth.beat_times(45)
    update, _ = synth.stream({"ppg": (rate, "a.u.", t, 300 + sign * 40 * synth.ppg(t, beats))})
    reference = beats[(beats > 5) & (beats < 43)]
    sensitivity, ppv = synth.match(reference, first_reported(update, until=43), 0.1)
    assert sensitivity >= 0.98
    assert ppv >= 0.98
    assert update.states[-1].hr_bpm.value == pytest.approx(66, abs=1.5)


def test_camera_frames_may_come_when_they_come(synth):
    t = np.cumsum(np.random.default_rng(5).choice([0.033, 0.034, 0.066], size=1600, p=[0.5, 0.45, 0.05]))
    beats = synth.beat_times(t[-1])
    update, _ = synth.stream({"ppg": (0, "a.u.", t, 90 - synth.ppg(t, beats))})
    reference, found = beats[(beats > 5) & (beats < t[-1] - 2)], first_reported(update, until=t[-1] - 2)
    sensitivity, ppv = synth.match(reference, found, 0.1)
    assert min(sensitivity, ppv) >= 0.97


@pytest.mark.parametrize("fault", ["flat", "nan", "gone", "hum", "rail"])
@pytest.mark.parametrize("kind", ["ecg", "ppg"])
def test_a_lost_lead_ends_the_heart_rate_within_5_s(synth, kind, fault):
    rate, off = 250 if kind == "ecg" else 100, 25.0
    t = synth.seconds(45, rate)
    x = getattr(synth, kind)(t, synth.beat_times(45))
    rng, after = np.random.default_rng(6), t >= off
    if fault == "flat":
        x[after] = x[after][0]
    elif fault == "nan":
        x[after] = np.nan
    elif fault == "gone":
        t, x = t[~after], x[~after]
    elif fault == "hum":
        hum = np.sin(2 * np.pi * 50 * t[after]) + 0.3 * rng.standard_normal(after.sum())
        x[after] = 0.5 * hum
    else:
        x[after] = 3.3 + 0.002 * np.round(rng.standard_normal(after.sum()))
    update, pipeline = synth.stream({kind: (rate, "mV", t, x)}, steps=np.arange(1, 46))
    assert off - 1 <= last_rate_at(update) <= off + 5
    assert kind in pipeline.reasons()


def test_an_interval_never_spans_a_gap_and_the_rate_comes_back(synth):
    t, beats = synth.seconds(80, 250), synth.beat_times(80)
    x = synth.ecg(t, beats)
    x[(t > 30) & (t < 33)] = np.nan
    update, _ = synth.stream({"ecg": (250, "mV", t, x)})
    across = [b for b in update.beats if 33 < b.r_time_s < 34.5]
    assert np.isnan(across[0].rr_ms)
    assert not any(b.corrected for b in update.beats)
    assert update.states[-1].hr_bpm.value == pytest.approx(66, abs=1.5)


@pytest.mark.parametrize("values", [0.0, 7.5, np.nan])
@pytest.mark.parametrize("kind", ["ecg", "ppg", "eda", "rsp"])
def test_nothing_is_made_of_a_constant_or_missing_signal(synth, kind, values):
    t = synth.seconds(40, 100)
    update, pipeline = synth.stream(
        {kind: (100, "uS" if kind == "eda" else "mV", t, np.full_like(t, values))}
    )
    assert update.beats == ()
    assert update.scrs == ()
    last = update.states[-1]
    for reading in (last.hr_bpm, last.rmssd_ms, last.scl_us, last.phasic_auc, last.breathing_rate):
        assert reading.value is None
    assert kind in pipeline.reasons()


def test_noise_has_low_quality_and_no_heart_rate(synth):
    t = synth.seconds(60, 250)
    noise = np.random.default_rng(7).standard_normal(t.size)
    update, _ = synth.stream({"ecg": (250, "mV", t, noise)})
    assert all(s.hr_bpm.value is None for s in update.states)
    assert all(b.quality < 0.5 for b in update.beats)


def test_clean_beats_have_high_quality(synth):
    t = synth.seconds(40, 250)
    update, pipeline = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, synth.beat_times(40)))})
    assert min(b.quality for b in update.beats) > 0.8
    assert pipeline.reasons() == {}


@pytest.mark.parametrize(
    ("rr_ms", "recent_ms", "expected"),
    [
        (800, [800] * 11, False),
        (990, [800] * 11, False),
        (1010, [800] * 11, True),
        (590, [800] * 11, True),
        (299, [], True),
        (2001, [], True),
        (1500, [800, 800], False),
        (np.nan, [800] * 11, False),
    ],
)
def test_the_live_artefact_rule(rr_ms, recent_ms, expected):
    assert is_artefact(rr_ms, recent_ms) is expected


def test_the_log_says_what_an_inserted_beat_does_to_the_next_interval():
    log = BeatLog()
    for time in (1.0, 2.0, 4.0):
        log.add(time, quality=1.0, known_at_s=time + 1)
    inserted, following = log.add(3.0, quality=1.0, known_at_s=5.5)
    assert (inserted.action, inserted.rr_ms) == (BeatAction.INSERTED, 1000.0)
    assert (following.action, following.r_time_s, following.rr_ms) == (BeatAction.MOVED, 4.0, 1000.0)
    withdrawn, following = log.withdraw(inserted.beat_id, 6.0)
    assert (withdrawn.action, withdrawn.beat_id) == (BeatAction.WITHDRAWN, inserted.beat_id)
    assert following.rr_ms == 2000.0
    assert log.was_withdrawn(3.05)
