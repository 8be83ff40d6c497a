"""Activation against a frozen baseline."""

import math

import numpy as np
import pytest

from physiology.baseline import TERMS, WEIGHTS_VERSION, ExponentialSmoother, displayed, freeze, fuse
from physiology.errors import PhysiologyError
from physiology.pipeline import Physiology, SignalConfig
from physiology.state import NO_READING, Reading

REST = {"phasic_auc": 1.0, "hr_bpm": 65.0, "scl_us": 5.0, "rmssd_ms": 40.0}


def features(**changed):
    return {
        name: Reading(value=value, quality=1.0, age_s=0.0, usable_share=1.0)
        for name, value in (REST | changed).items()
    }


def rest(duration=300, names=tuple(TERMS), **changed):
    rows = [(float(t), features(**changed)) for t in range(1, duration + 1)]
    return freeze(rows, names, 0.0, float(duration))


def test_at_rest_activation_is_zero_with_full_confidence():
    fusion = fuse(features(), rest())
    assert fusion.activation == pytest.approx(0.0)
    assert fusion.confidence == pytest.approx(1.0)
    assert displayed(0.0) == 50.0


@pytest.mark.parametrize(
    ("changed", "sign"),
    [
        ({"hr_bpm": 75.0}, 1),
        ({"hr_bpm": 55.0}, -1),
        ({"rmssd_ms": 70.0}, -1),
        ({"rmssd_ms": 20.0}, 1),
        ({"scl_us": 7.0}, 1),
        ({"phasic_auc": 4.0}, 1),
    ],
)
def test_the_sign_of_each_feature(changed, sign):
    assert math.copysign(1, fuse(features(**changed), rest()).activation) == sign


def test_z_is_robust_floored_and_winsorised():
    # Constant at rest: the scale is the floor of 2 bpm, so 4 bpm more are z = 2.
    fusion = fuse(features(hr_bpm=69.0), rest())
    assert fusion.contributions["hr_bpm"] == pytest.approx(0.30 * 2.0)
    assert fuse(features(hr_bpm=165.0), rest()).contributions["hr_bpm"] == pytest.approx(0.30 * 3.0)
    assert fusion.activation == pytest.approx(sum(fusion.contributions.values()))


def test_a_missing_feature_takes_its_weight_from_the_confidence_only():
    present = features(hr_bpm=69.0)
    present["phasic_auc"] = present["scl_us"] = NO_READING
    fusion = fuse(present, rest())
    assert fusion.activation == pytest.approx(0.30 * 2.0 / 0.45)
    assert fusion.confidence == pytest.approx(0.45)


def test_one_modality_alone_is_capped_at_08():
    fusion = fuse(features(), rest(names=("hr_bpm", "rmssd_ms")))
    assert fusion.confidence == pytest.approx(0.8)


def test_heart_and_skin_alone_stand_beside_the_fused_one():
    both = fuse(features(hr_bpm=69.0, phasic_auc=2.5), rest())
    heart = fuse(features(hr_bpm=69.0), rest(names=("hr_bpm", "rmssd_ms")))
    skin = fuse(features(phasic_auc=2.5), rest(names=("phasic_auc", "scl_us")))
    assert (both.heart, both.eda) == (pytest.approx(heart.activation), pytest.approx(skin.activation))
    assert both.activation == pytest.approx(0.45 * both.heart + 0.55 * both.eda)
    assert (both.basis, heart.basis, skin.basis) == ("heart and skin", "heart only", "skin only")
    assert (heart.eda, skin.heart) == (None, None)


def test_a_half_filled_window_halves_the_confidence():
    half = {
        name: Reading(value=value, quality=1.0, age_s=0.0, usable_share=0.5) for name, value in REST.items()
    }
    assert fuse(half, rest()).confidence == pytest.approx(0.5)


def test_disagreement_of_heart_and_skin_costs_30_percent():
    fusion = fuse(features(hr_bpm=60.0, phasic_auc=2.0), rest())
    assert fusion.confidence == pytest.approx(0.7)


def test_a_silent_skin_leaves_the_sum():
    fusion = fuse(features(hr_bpm=69.0), rest(), left_out=frozenset({"eda"}))
    assert set(fusion.contributions) == {"hr_bpm", "rmssd_ms"}
    assert fusion.confidence == pytest.approx(0.8)


def test_a_transition_of_the_music_damps_the_skin():
    aroused = features(phasic_auc=3.0)
    before, during = fuse(aroused, rest()), fuse(aroused, rest(), in_transition=True)
    # Only the phasic area speaks (z = 3): 0.35 of 1, then 0.3 × 0.35 of 0.45 + 0.3 × 0.55.
    assert before.activation == pytest.approx(0.35 * 3)
    assert during.activation == pytest.approx(0.3 * 0.35 * 3 / (0.45 + 0.3 * 0.55))
    assert during.heart == before.heart
    assert during.eda == pytest.approx(before.eda)


def test_a_transition_lasts_6_s(synth):
    _, _, _, calm = session(synth, 64, until=150.0)
    _, _, _, marked = session(synth, 64, until=150.0)
    marked.mark_transition(150.0)
    pairs = list(zip(calm.step(169.0).states, marked.step(169.0).states, strict=True))
    differs = [a.t for a, b in pairs if a.contributions != b.contributions]
    assert differs == [151.0, 152.0, 153.0, 154.0, 155.0, 156.0]
    assert all(a.confidence > b.confidence for a, b in pairs[:6])


def test_smoothing_has_a_time_constant_of_15_s_also_after_a_pause():
    smoother = ExponentialSmoother()
    assert smoother.update(0.0, 0.0) == 0.0
    for t in range(1, 16):
        value = smoother.update(float(t), 1.0)
    assert value == pytest.approx(1 - math.exp(-1))
    assert smoother.update(115.0, 0.0) == pytest.approx(value * math.exp(-100 / 15))


def session(synth, bpm_after, *, responses=((50.0, 0.3), (140.0, 0.3)), until=169.0):
    """Ninety seconds at 64 bpm, frozen as the baseline, then a minute at another rate."""
    beats = np.concatenate([synth.beat_times(100, bpm=64), 100.4 + synth.beat_times(70, bpm=bpm_after)])
    te = synth.seconds(170, 8)
    pipeline = Physiology([SignalConfig("rr", 0, "ms"), SignalConfig("eda", 8, "uS")])
    pipeline.push("rr", beats[1:], 1000 * np.diff(beats))
    pipeline.push("eda", te, synth.eda(te, responses))
    pipeline.step(10.0)
    pipeline.begin_baseline(10.0)
    before = pipeline.step(100.0).states
    baseline = pipeline.freeze_baseline(100.0)
    return before, baseline, pipeline.step(until).states, pipeline


def test_activation_rises_with_the_heart_rate(synth):
    before, baseline, states, pipeline = session(synth, 76)
    assert all(s.activation is None and s.confidence == 0 for s in before)
    assert set(baseline.features) == set(TERMS)
    assert states[-1].activation > 0.5
    assert states[-1].activation_0_100 > 60
    assert states[-1].contributions["hr_bpm"] > 0
    assert "phasic_auc" in states[-1].contributions
    assert states[-1].heart_activation > states[-1].activation > states[-1].eda_activation
    assert states[-1].activation_basis == "heart and skin"
    assert baseline.weights == states[-1].activation_weights == WEIGHTS_VERSION == "activation-1"
    assert before[-1].activation_weights is None
    assert pipeline.reasons() == {}


def test_activation_falls_with_the_heart_rate(synth):
    _, _, states, _ = session(synth, 54)
    assert states[-1].activation < -0.5
    assert states[-1].activation_0_100 < 40


def test_skin_without_any_response_is_left_out_until_there_is_one_and_this_is_said(synth):
    _, _, states, _ = session(synth, 76, responses=((130.0, 0.3),))
    assert set(states[20].contributions) == {"hr_bpm", "rmssd_ms"}
    assert states[20].confidence <= 0.8
    assert (states[20].activation_basis, states[20].eda_activation) == ("heart only", None)
    assert states[20].activation == states[20].heart_activation
    assert "phasic_auc" in states[-1].contributions
    silent = Physiology([SignalConfig("eda", 8, "uS")])
    t = synth.seconds(90, 8)
    silent.push("eda", t, synth.eda(t, ()))
    silent.begin_baseline(0.0)
    silent.step(70.0)
    assert silent.freeze_baseline(70.0).usable
    assert silent.step(89.0).states[-1].activation is None
    assert silent.reasons() == {"eda": "no response yet: left out of the activation"}


def test_a_baseline_must_be_begun():
    with pytest.raises(PhysiologyError, match=r"frozen at 3\.0 s, but none was begun"):
        Physiology([SignalConfig("ecg", 250, "mV")]).freeze_baseline(3.0)
