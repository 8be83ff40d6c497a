"""Artefact correction after the session: each class is found, named and mended."""

import numpy as np
import pytest

from physiology.offline import CLASSES, correct


@pytest.fixture
def truth():
    rng, at = np.random.default_rng(1), np.arange(200)
    return np.cumsum(0.9 * (1 + 0.04 * np.sin(0.9 * at) + 0.01 * rng.standard_normal(200)))


def classes(correction):
    return {name: places.tolist() for name, places in correction.artefacts.items() if places.size}


def rmssd(rr_ms):
    return np.sqrt(np.mean(np.diff(rr_ms) ** 2))


def test_a_series_without_artefacts_stays_as_it_is(truth):
    correction = correct(truth)
    assert correction.times_s == pytest.approx(truth, abs=1e-4)
    assert correction.rr_ms == pytest.approx(1000 * np.diff(truth), abs=0.2)
    assert (classes(correction), correction.share) == ({}, 0.0)


def test_the_intervals_of_an_ectopic_beat_are_interpolated(truth):
    beats = truth.copy()
    beats[100] -= 0.3
    correction = correct(beats)
    assert classes(correction) == {"ectopic": [101], "longshort": [100]}
    assert correction.times_s == pytest.approx(beats)
    assert correction.rr_ms[[99, 100]] == pytest.approx(900, abs=60)
    assert rmssd(correction.rr_ms) == pytest.approx(rmssd(1000 * np.diff(truth)), rel=0.05)


def test_a_missed_beat_is_put_in(truth):
    correction = correct(np.delete(truth, 100))
    assert classes(correction) == {"missed": [100]}
    assert correction.times_s.size == truth.size
    assert correction.times_s[100] == pytest.approx(truth[100], abs=0.06)
    assert correction.share == pytest.approx(1 / 199)


def test_an_extra_beat_is_left_out(truth):
    correction = correct(np.insert(truth, 100, truth[99] + 0.4))
    assert classes(correction) == {"extra": [100]}
    assert correction.times_s == pytest.approx(truth)


@pytest.mark.parametrize("by_s", [0.5, -0.45])
def test_a_long_or_short_interval_is_evened_out(truth, by_s):
    beats = truth.copy()
    beats[100:] += by_s
    correction = correct(beats)
    assert correction.artefacts["longshort"].tolist() == [100]
    assert correction.rr_ms == pytest.approx(900, abs=80)


def test_several_artefacts_leave_the_variability_of_the_rest(truth):
    beats = truth.copy()
    beats[150] -= 0.3
    beats = np.insert(np.delete(beats, 100), 50, beats[49] + 0.35)
    correction = correct(beats)
    assert correction.artefacts["extra"].tolist() == [50]
    assert correction.artefacts["missed"].tolist() == [101]
    assert correction.share == pytest.approx(sum(len(p) for p in correction.artefacts.values()) / 200)
    assert rmssd(1000 * np.diff(beats)) > 2 * rmssd(1000 * np.diff(truth))
    assert rmssd(correction.rr_ms) == pytest.approx(rmssd(1000 * np.diff(truth)), rel=0.05)


def test_every_artefact_has_one_class(truth):
    beats = np.delete(truth, [30, 31, 80, 140])
    beats[60] += 0.35
    places = np.concatenate([correct(beats).artefacts[name] for name in CLASSES])
    assert len(set(places.tolist())) == places.size
    assert all(0 <= place < beats.size for place in places)


@pytest.mark.parametrize("count", [0, 1, 11])
def test_few_beats_are_left_alone(truth, count):
    beats = truth[:count]
    correction = correct(beats)
    assert correction.times_s == pytest.approx(beats)
    assert (correction.rr_ms.size, correction.share) == (max(0, count - 1), 0.0)
