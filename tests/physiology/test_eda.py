"""Skin conductance: responses by an absolute threshold, and nothing invented."""

import numpy as np
import pytest

from physiology.contact import is_valid

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
    valid = is_valid(conductance, 8)
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
        (0.01, "below 0.05 µS: no contact, or not in µS"),
        (512.0, "above 60 µS: saturated, or not in µS"),
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
