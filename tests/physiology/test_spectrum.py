"""Spectral measures: the power that is in the series, and nothing from a stretch too short for it."""

import numpy as np
import pytest

from physiology.offline import spectrum


def series(duration_s, *, lf_ms=0.0, hf_ms=0.0):
    """Intervals of 0.8 s with waves of known amplitude at 0.1 and 0.25 Hz."""
    times, rr, t = [], [], 0.0
    while t < duration_s:
        interval = 800 + lf_ms * np.sin(2 * np.pi * 0.1 * t) + hf_ms * np.sin(2 * np.pi * 0.25 * t)
        t += interval / 1000
        times.append(t)
        rr.append(interval)
    return np.array(times), np.array(rr)


def test_power_is_half_the_square_of_the_amplitude_in_its_band():
    found = spectrum(*series(300, lf_ms=40, hf_ms=30))
    assert found.lf_ms2 == pytest.approx(800, rel=0.1)
    assert found.hf_ms2 == pytest.approx(450, rel=0.15)
    assert found.total_ms2 == pytest.approx(found.lf_ms2 + found.hf_ms2)
    assert found.peak_hz == pytest.approx(0.1, abs=0.005)
    assert found.window_s == pytest.approx(300, abs=1)


def test_below_120_s_there_is_hf_only():
    found = spectrum(*series(90, lf_ms=40, hf_ms=30))
    assert (found.lf_ms2, found.total_ms2) == (None, None)
    assert found.hf_ms2 == pytest.approx(450, rel=0.2)
    assert found.peak_hz == pytest.approx(0.25, abs=0.02)


def test_below_60_s_there_is_nothing():
    found = spectrum(*series(55, hf_ms=30))
    assert (found.hf_ms2, found.peak_hz) == (None, None)
    assert found.window_s == pytest.approx(55, abs=1)
    assert spectrum(np.empty(0), np.empty(0)).window_s == 0.0


def test_a_slow_drift_is_not_low_frequency_power():
    times, rr = series(300, hf_ms=30)
    assert spectrum(times, rr + 0.3 * times).lf_ms2 < 5
