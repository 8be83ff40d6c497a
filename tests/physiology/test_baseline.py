"""The frozen baseline: robust, and with a verdict on itself."""

import math

import numpy as np
import pytest

from physiology.baseline import TERMS, WEIGHTS_VERSION, Verdict, freeze, fuse
from physiology.state import NO_READING, Reading

REST = {"phasic_auc": 1.0, "hr_bpm": 65.0, "scl_us": 5.0, "rmssd_ms": 40.0}
ALL = "phasic area, heart rate, skin conductance level, RMSSD"


def rows(duration=300, **changed):
    """One row a second; a feature may be given as a function of its second, which may return None."""
    made = []
    for t in range(1, duration + 1):
        values = {name: changed.get(name, value) for name, value in REST.items()}
        values = {name: value(t) if callable(value) else value for name, value in values.items()}
        made.append(
            (
                float(t),
                {
                    name: NO_READING
                    if value is None
                    else Reading(value=value, quality=1.0, age_s=0.0, usable_share=1.0)
                    for name, value in values.items()
                },
            )
        )
    return made


def frozen(duration=300, names=tuple(TERMS), **changed):
    return freeze(rows(duration, **changed), names, 0.0, float(duration))


def noise(seed, size):
    values = np.random.default_rng(seed).standard_normal(400)
    return lambda t: size * float(values[t])


def test_a_calm_baseline_of_full_length_is_good():
    baseline = frozen()
    assert (baseline.verdict, baseline.usable, baseline.short) == (Verdict.GOOD, True, False)
    assert baseline.sentence == f"good: 300 s with {ALL}"
    assert baseline.extend_s == 0
    assert baseline.weights == WEIGHTS_VERSION


def test_a_short_one_is_good_and_could_be_extended_to_full_confidence():
    baseline = frozen(120)
    assert (baseline.verdict, baseline.usable, baseline.short) == (Verdict.GOOD, True, True)
    assert baseline.sentence == f"good: 120 s with {ALL}; extend by 180 s for full confidence"
    assert baseline.extend_s == 180
    assert fuse(rows(1)[0][1], baseline).confidence == pytest.approx(0.8)


def test_less_than_a_minute_is_too_short():
    baseline = frozen(40)
    assert (baseline.verdict, baseline.usable, baseline.extend_s) == (Verdict.TOO_SHORT, False, 20)
    assert baseline.sentence == "not usable, too short: 40 s, 60 s are needed; extend by 20 s"
    assert fuse(rows(1)[0][1], baseline).activation is None


def test_without_valid_data_it_is_too_noisy_and_not_usable():
    baseline = frozen(120, names=("hr_bpm",), hr_bpm=lambda t: None)
    assert (baseline.verdict, baseline.usable) == (Verdict.TOO_NOISY, False)
    assert baseline.sentence == (
        "not usable, too noisy: heart rate 0 s of valid data, 30 are needed; extend by 60 s"
    )


def test_a_feature_with_too_little_data_is_left_out_and_named():
    baseline = frozen(120, phasic_auc=lambda t: None if t > 20 else 1.0)
    assert baseline.usable
    assert "phasic_auc" not in baseline.features
    assert "without phasic area 20 s of valid data, 30 are needed" in baseline.sentence


def test_a_feature_that_comes_and_goes_is_noisy():
    baseline = frozen(hr_bpm=lambda t: None if t % 10 >= 5 else 65.0)
    assert (baseline.verdict, baseline.usable) == (Verdict.TOO_NOISY, True)
    assert baseline.noisy == {"hr_bpm": "valid only 50 % of the time"}
    assert baseline.sentence.startswith("too noisy: 300 s with")
    # A window that had to fill first is no noise.
    assert frozen(120, phasic_auc=lambda t: None if t < 60 else 1.0).verdict is Verdict.GOOD


def test_a_restless_heart_is_too_noisy_for_a_rest():
    restless = noise(1, 12.0)
    baseline = frozen(hr_bpm=lambda t: 80 + restless(t))
    assert baseline.noisy == {"hr_bpm": "varied too much for a rest"}


@pytest.mark.parametrize(
    ("name", "begin", "end", "told"),
    [
        ("scl_us", 4.0, 6.0, "skin conductance level rose by 49 %"),
        ("scl_us", 6.0, 4.0, "skin conductance level fell by 33 %"),
        ("hr_bpm", 75.0, 65.0, "heart rate fell by 10.1 bpm"),
    ],
)
def test_a_steady_change_is_a_drift_and_named(name, begin, end, told):
    wobble = noise(2, 0.01)
    baseline = frozen(**{name: lambda t: (begin + (end - begin) * t / 300) * (1 + wobble(t))})
    assert (baseline.verdict, baseline.usable, baseline.extend_s) == (Verdict.DRIFTING, True, 60)
    assert tuple(baseline.drifting) == (name,)
    assert told in baseline.sentence
    assert baseline.sentence.endswith("extend by 60 s")


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_swings_without_a_trend_are_no_drift(seed):
    wobble = noise(seed, 0.5)
    baseline = frozen(
        hr_bpm=lambda t: 65 + 3 * math.sin(t / 9) + wobble(t), scl_us=lambda t: 5 + 0.2 * wobble(t)
    )
    assert baseline.verdict is Verdict.GOOD


def test_one_burst_moves_neither_median_nor_spread():
    burst = frozen(hr_bpm=lambda t: 120.0 if 100 < t <= 140 else 65.0 + t % 3)
    calm = frozen(hr_bpm=lambda t: 65.0 + t % 3)
    assert burst.features["hr_bpm"].median == calm.features["hr_bpm"].median
    assert burst.features["hr_bpm"].scale == pytest.approx(calm.features["hr_bpm"].scale, abs=0.5)


def test_it_says_how_much_activation_varied_in_it():
    assert frozen().activation_sd == 0.2
    assert frozen(names=("hr_bpm",), hr_bpm=lambda t: 65 + 8 * math.sin(t / 30)).activation_sd > 0.3


def test_a_short_baseline_is_not_believed_to_have_been_calm():
    assert frozen(120).activation_sd == 0.5
