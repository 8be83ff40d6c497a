"""Skin conductance: responses by an absolute threshold, and nothing invented."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physiology.eda import SkinConductance, is_valid

RESPONSES = ((20.0, 0.5), (32.0, 0.12), (34.2, 0.3), (50.0, 0.08), (62.0, 0.03), (75.0, 1.5))


@pytest.mark.parametrize("rate", [4, 8, 32, 1000])
def test_responses_are_found_with_onset_peak_and_amplitude(synth, rate):
    t = synth.seconds(95, rate)
    update, _ = synth.stream({"eda": (rate, "uS", t, synth.eda(t, RESPONSES, noise=0.001))})
    # At 62 s: below the threshold of 0.05 µS.
    expected = [response for response in RESPONSES if response[1] >= 0.05]
    assert len(update.scrs) == len(expected)
    for scr, (onset, amplitude) in zip(update.scrs, expected, strict=True):
        assert scr.onset_s == pytest.approx(onset, abs=0.5)
        assert scr.peak_s == pytest.approx(onset + 1.13, abs=0.4)
        assert scr.amplitude_us == pytest.approx(amplitude, rel=0.25)
        assert 0 < scr.known_at_s - scr.peak_s <= 1.5


def test_the_threshold_is_absolute(synth):
    t = synth.seconds(95, 32)
    data = {"eda": (32, "uS", t, synth.eda(t, RESPONSES, noise=0.001))}
    counts = [len(synth.stream(data, scr_threshold_us=x)[0].scrs) for x in (0.02, 0.05, 0.2, 2.0)]
    assert counts == [6, 5, 3, 0]


@pytest.mark.parametrize("slope", [-0.05, -0.01, 0.0, 0.01, 0.05])
def test_no_response_on_a_calm_slope(synth, slope):
    t = synth.seconds(120, 32)
    update, _ = synth.stream({"eda": (32, "uS", t, synth.eda(t, (), level=8, slope=slope, noise=0.01))})
    assert update.scrs == ()


def test_no_response_where_a_drift_begins_and_ends(synth):
    t = synth.seconds(90, 32)
    drift = np.interp(t, [0, 30, 60, 90], [4, 4, 5, 5])
    update, _ = synth.stream({"eda": (32, "uS", t, drift + 0.002 * np.sin(40 * t))})
    assert update.scrs == ()


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0, 5.0])
def test_no_response_from_a_step_or_spike(synth, step):
    t = synth.seconds(60, 32)
    x = synth.eda(t, ())
    x[t > 30.3] += step
    x[(t > 45.3) & (t < 45.6)] += step
    update, _ = synth.stream({"eda": (32, "uS", t, x)})
    assert update.scrs == ()


def test_validity_after_kleckner_with_the_causal_half_of_the_dilation():
    conductance = np.full(160, 5.0)
    conductance[20] = 0.02  # below the range
    conductance[100:] = 9.0  # a jump of 32 µS/s
    valid = is_valid(conductance)
    assert valid[:20].all()
    assert not valid[20:62].any()
    assert valid[62:100].all()
    assert not valid[100:141].any()
    assert valid[141:].all()


def test_level_rate_and_area(synth):
    t = synth.seconds(130, 32)
    responses = [(onset, 0.4) for onset in range(70, 130, 10)]
    update, _ = synth.stream({"eda": (32, "uS", t, synth.eda(t, responses, level=6.0))})
    calm, aroused = update.states[58], update.states[-1]
    assert calm.scl_us.value == pytest.approx(6.0, abs=0.01)
    assert calm.scr_rate_per_min.value == 0.0
    assert calm.phasic_auc.value < 0.2
    assert aroused.scr_rate_per_min.value == pytest.approx(6, abs=1)
    # Six responses hold 0.4 × 3.5 µS·s each; the high-pass takes about half away.
    assert 2 < aroused.phasic_auc.value < 8.5


def test_level_after_10_s_rate_and_area_after_48(synth):
    t = synth.seconds(60, 32)
    update, _ = synth.stream({"eda": (32, "uS", t, synth.eda(t, ()))})
    first = {
        name: next(s.t for s in update.states if getattr(s, name).value is not None)
        for name in ("scl_us", "scr_rate_per_min", "phasic_auc")
    }
    assert 10 <= first["scl_us"] <= 11
    assert 48 <= first["scr_rate_per_min"] == first["phasic_auc"] <= 49


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (0.0, "no contact, or a lead is off: below 0.05 µS"),
        (-1.0, "no contact, or a lead is off: below 0.05 µS"),
        (512.0, "saturated, or not in µS: above 60 µS"),
        (np.nan, "missing samples"),
        (4.0, "flat line"),
    ],
)
def test_a_fault_withholds_everything_and_says_why(synth, values, reason):
    t = synth.seconds(100, 32)
    x = synth.eda(t, ())
    x[t > 70] = values
    update, pipeline = synth.stream({"eda": (32, "uS", t, x)}, steps=np.arange(1.0, 101.0))
    last = update.states[-1]
    assert (last.scl_us.value, last.scr_rate_per_min.value, last.phasic_auc.value) == (None, None, None)
    assert pipeline.reasons()["eda"] == reason


def found(synth, x, rate=32, unit="uS", **options):
    t = np.arange(x.size) / rate
    return synth.stream({"eda": (rate, unit, t, x)}, **options)


def test_overlapping_responses_are_told_apart_by_the_trough_between(synth):
    t = synth.seconds(60, 32)
    responses = [(20.0, 0.5), (22.0, 0.4), (40.0, 0.3), (42.5, 0.3), (44.5, 0.3)]
    update, _ = found(synth, synth.eda(t, responses, noise=0.001))
    assert [scr.onset_s for scr in update.scrs] == pytest.approx([onset for onset, _ in responses], abs=0.5)


def test_the_drift_of_the_last_20_s_is_subtracted_whatever_was_before(synth):
    t = synth.seconds(90, 32)
    drift = np.interp(t, [0, 60, 90], [8.8, 7.6, 8.2])
    ripple = 0.02 * np.sin(2 * np.pi * t / 3)
    update, _ = found(synth, drift + ripple)
    assert [scr for scr in update.scrs if scr.peak_s > 82] == []


@pytest.mark.parametrize("slope", [-0.03, 0.03])
def test_small_responses_on_a_steep_drift(synth, slope):
    t = synth.seconds(120, 32)
    onsets = [30.0, 50.0, 70.0, 90.0]
    update, _ = found(synth, synth.eda(t, [(s, 0.2) for s in onsets], level=8, slope=slope, noise=0.001))
    assert [scr.onset_s for scr in update.scrs] == pytest.approx(onsets, abs=0.5)


def test_the_way_back_from_an_abrupt_fall_is_no_response(synth):
    t = synth.seconds(90, 32)
    notch = np.interp(t, [40, 40.8, 41.2, 43], [0, -0.4, -0.4, 0])
    update, _ = found(synth, synth.eda(t, [(70.0, 0.3)], noise=0.001) + notch)
    assert [scr.onset_s for scr in update.scrs] == pytest.approx([70.0], abs=0.5)


def test_a_fast_rise_is_a_response_only_if_it_recovers_like_one(synth):
    t = synth.seconds(90, 100)
    since = np.clip(t - 30, 0, None)
    # As NeuroKit2 simulates them: up within 0.4 s, half of it gone 0.7 s later.
    fast = 0.8 * np.where(since < 0.4, since / 0.4, np.exp(-(since - 0.4)))
    update, _ = found(synth, synth.eda(t, (), noise=0.001) + fast, rate=100)
    assert [scr.peak_s for scr in update.scrs] == pytest.approx([30.4], abs=0.2)
    step = 0.8 * np.clip(since / 0.4, 0, 1)
    assert found(synth, synth.eda(t, (), noise=0.001) + step, rate=100)[0].scrs == ()


def test_the_steps_of_a_converter_are_no_responses_at_the_lowest_threshold(synth):
    t = synth.seconds(120, 100)
    lsb = 0.012
    wander = 6 - 0.003 * t + 0.004 * np.sin(0.9 * t)
    update, _ = found(synth, lsb * np.round(wander / lsb), rate=100, scr_threshold_us=0.01)
    assert update.scrs == ()


def test_noise_is_no_response(synth):
    t = synth.seconds(150, 32)
    assert found(synth, synth.eda(t, (), noise=0.05))[0].scrs == ()


@pytest.mark.parametrize(
    ("disturb", "reason"),
    [
        (lambda t: np.where(t > 78, 1.3, 1.0), "movement: the conductance jumped"),
        (lambda t: np.full(t.size, 0.02), "poor contact, or very dry skin: less than 0.2 µS"),
        (lambda t: 1 + 0.004 * t, "sensor warming up: the electrodes are settling"),
    ],
)
def test_a_doubtful_contact_lowers_the_quality_and_says_why(synth, disturb, reason):
    t = synth.seconds(80, 32)
    update, _ = found(synth, synth.eda(t, [(20.0, 0.3)], level=5.0, noise=0.001) * disturb(t))
    signal = update.states[-1].signals["eda"]
    assert signal.reason == reason
    assert 0 < signal.quality <= 0.8


def test_a_good_contact_has_nothing_to_say(synth):
    t = synth.seconds(80, 32)
    update, _ = found(synth, synth.eda(t, [(20.0, 0.3)]))
    signal = update.states[-1].signals["eda"]
    assert signal.reason is None
    assert signal.quality > 0.99


def test_counts_of_a_converter_are_not_compared_in_microsiemens(synth):
    t = synth.seconds(60, 32)
    counts = np.round(20 * synth.eda(t, [(20.0, 0.5)], level=1.0))
    assert counts.max() < 60
    update, pipeline = found(synth, counts, unit="a.u.")
    assert update.scrs == ()
    assert all(state.scl_us.value is None for state in update.states)
    assert pipeline.reasons()["eda"] == "not in µS: whole numbers, as a converter counts them"


@settings(max_examples=10)
@given(
    late_s=st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.9]), min_size=4, max_size=12), seed=st.integers(0, 9)
)
def test_samples_that_come_late_are_not_lost(synth, late_s, seed):
    t = synth.seconds(40, 16)
    x = synth.eda(t, [(10.0, 0.4), (22.0, 0.3)], noise=0.001, seed=seed)
    punctual, delayed = (SkinConductance(scr_threshold_us=0.05) for _ in range(2))
    told, fed = ([], []), [0, 0]
    for step in range(1, 80):
        now = step / 2
        for which, (skin, late) in enumerate(((punctual, 0.0), (delayed, late_s[step % len(late_s)]))):
            due = max(fed[which], int(np.searchsorted(t, now - late, side="right")))
            skin.push(t[fed[which] : due], x[fed[which] : due])
            fed[which] = due
            told[which].extend(skin.update(now))
    delayed.push(t[fed[1] : fed[0]], x[fed[1] : fed[0]])
    for skin in (punctual, delayed):
        skin.update(40.0)
    assert delayed._signal.lost == 0
    assert delayed.level().value == punctual.level().value
    assert [scr.peak_s for scr in told[1]] == pytest.approx([scr.peak_s for scr in told[0]], abs=0.13)


def test_memory_does_not_grow_with_time(synth):
    t = synth.seconds(400, 100)
    x = synth.eda(t, [(s, 0.2) for s in range(10, 400, 8)])
    skin, sizes = SkinConductance(scr_threshold_us=0.05), []
    for step in range(1, 801):
        first, last = np.searchsorted(t, (step / 2 - 0.5, step / 2), side="right")
        skin.push(t[first:last], x[first:last])
        skin.update(step / 2)
        sizes.append(len(pickle.dumps(skin)))
    assert max(sizes[600:]) <= max(sizes[200:300]) + 8192
