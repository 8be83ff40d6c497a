"""Measures of timbre, on sounds whose measures are known."""

import numpy as np
import pytest

from benchmarks import timbre_measures as measured
from benchmarks.timbre_measures import SAMPLE_RATE, attacks_ms, long_term_spectrum


def noise(seconds=10.0, seed=1):
    """Return white noise, both sides independent."""
    return 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * SAMPLE_RATE), 2))


def times(seconds=10.0):
    """Return the time of every sample."""
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def tone(hz, seconds=10.0):
    """Return a sine on both sides."""
    return np.repeat(np.sin(2 * np.pi * hz * times(seconds))[:, None], 2, axis=1)


class TestBalance:
    def test_each_tone_counts_in_its_band(self):
        # −10 dB of power in the lower tone's band, −0.4 dB in the other's.
        levels = measured.balance(long_term_spectrum(tone(100.0) + 3.0 * tone(3000.0)))
        assert levels["band_60_150_db"] == pytest.approx(-10.0, abs=0.02)
        assert levels["band_2000_5000_db"] == pytest.approx(-0.46, abs=0.02)
        assert max(levels["band_500_2000_db"], levels["band_10000_16000_db"], levels["band_20_60_db"]) < -60.0

    def test_white_noise_has_the_power_of_a_bands_width(self):
        levels = measured.balance(long_term_spectrum(noise()))
        for name, (low, high) in measured.BANDS_HZ.items():
            expected = 10 * np.log10((high - low) / 24_000.0)
            assert levels[f"band_{name}_db"] == pytest.approx(expected, abs=1.2 if high < 200.0 else 0.3)

    def test_the_boxy_band_is_a_third_octave_around_630_hz(self):
        inside, outside = (measured.balance(long_term_spectrum(tone(hz))) for hz in (690.0, 730.0))
        assert inside["band_630_third_db"] == pytest.approx(0.0, abs=0.1)
        assert outside["band_630_third_db"] < -20.0

    def test_third_octaves_of_white_noise_rise_by_one_decibel_each(self):
        middles, levels = measured.third_octaves_db(long_term_spectrum(noise(20.0)))
        assert middles[[0, 12, -1]] == pytest.approx([62.5, 1000.0, 12_699.2], abs=0.1)
        assert np.diff(levels)[8:] == pytest.approx(np.full(len(levels) - 9, 1.0), abs=0.5)

    def test_the_level_of_a_sound_is_no_measure(self):
        sound = noise(5.0) * np.linspace(0.1, 1.0, 5 * SAMPLE_RATE)[:, None]
        loud, soft = (measured.sound_measures(gain * sound) for gain in (1.0, 0.001))
        assert soft == pytest.approx(loud, rel=1e-4, abs=1e-4)


class TestWidth:
    @pytest.mark.parametrize("share", [-0.5, 0.0, 0.6, 1.0])
    def test_the_correlation_is_that_of_the_mixture(self, share):
        left, own = noise().T
        sound = np.stack((left, share * left + np.sqrt(1.0 - share**2) * own), axis=1)
        found = measured.width(sound, long_term_spectrum(sound))
        assert found["correlation"] == pytest.approx(share, abs=0.01)
        assert found["correlation_5000_10000"] == pytest.approx(share, abs=0.02)

    def test_bands_are_told_apart(self):
        high = tone(3000.0) * (1.0, -1.0)
        sound = tone(100.0) + high + 0.001 * noise()
        found = measured.width(sound, long_term_spectrum(sound))
        assert found["correlation_60_150"] == pytest.approx(1.0, abs=0.01)
        assert found["correlation_2000_5000"] == pytest.approx(-1.0, abs=0.01)
        assert found["correlation_10000_16000"] == pytest.approx(0.0, abs=0.05)
        assert found["correlation"] == pytest.approx(0.0, abs=0.01)


class TestFlatnessAndFlux:
    def test_noise_is_flat(self):
        # The power of a line of noise is exponentially distributed: the mean of its logarithm lies Euler's
        # constant below the logarithm of its mean, 2.51 dB.
        assert measured.flatness_and_flux(noise())["flatness_db"] == pytest.approx(-2.51, abs=0.2)

    def test_a_bare_tone_is_not_and_breath_lies_between(self):
        bare = measured.flatness_and_flux(tone(440.0) + 1e-5 * noise())["flatness_db"]
        breathy = measured.flatness_and_flux(tone(440.0) + noise())["flatness_db"]
        assert bare < -50.0
        # Of the noise (power .005 in the middle of both sides) a third lies in the band, the tone has .5.
        assert breathy == pytest.approx(10 * np.log10(0.005 / 3 / 0.5) - 2.51, abs=0.5)

    def test_a_steady_sound_does_not_move(self):
        steady = sum(tone(hz) for hz in measured.HALF_OCTAVES_HZ[:-1] * 1.2)
        assert measured.flatness_and_flux(steady)["flux"] < 0.01

    def test_flux_is_the_mean_rise_in_nepers(self):
        # One tone in each half octave, all rising by 6 dB a second for one second and falling for the next.
        steady = sum(tone(hz) for hz in measured.HALF_OCTAVES_HZ[:-1] * 1.2)
        triangle = 1.0 - np.abs(times() % 2.0 - 1.0)
        found = measured.flatness_and_flux(steady * 2.0 ** triangle[:, None])
        assert found["flux"] == pytest.approx(np.log(2.0) * 2048 / SAMPLE_RATE / 2.0, rel=0.1)

    def test_pauses_do_not_dilute_it(self):
        sound = noise(10.0)
        sound[-SAMPLE_RATE // 3 :] = 0.0  # less than the softest twentieth of the frames
        assert measured.flatness_and_flux(sound)["flatness_db"] == pytest.approx(-2.51, abs=0.2)


class TestRise:
    def test_a_tone_of_a_kilohertz_has_the_loudness_of_the_standard(self):
        # BS.1770: a sine of 0 dBFS at 997 Hz on one side measures −3.01 LUFS.
        sound = tone(997.0) * (1.0, 0.0)
        assert measured.momentary_lufs(sound)[5:] == pytest.approx(-3.01, abs=0.1)

    def test_a_steady_rise_is_told_by_its_slope(self):
        rising = noise(20.0) * 10 ** (times(20.0)[:, None] / 20.0 * 5.0)  # 5 dB a second
        assert measured.rise_db(rising) == pytest.approx(4.0, abs=0.3)

    def test_the_jump_that_a_moment_of_a_hundred_passes_counts(self):
        sound = noise(20.0)
        sound[: 10 * SAMPLE_RATE] *= 10 ** (-12.0 / 20.0)
        assert measured.rise_db(sound) == pytest.approx(12.0, abs=0.5)
        sound = noise(200.0)
        sound[: 10 * SAMPLE_RATE] *= 10 ** (-12.0 / 20.0)
        assert measured.rise_db(sound) < 1.0  # now it is rarer

    def test_a_pause_counts_as_forty_decibels_at_most(self):
        sound = noise(20.0)
        sound[: 10 * SAMPLE_RATE] *= 1e-4
        assert measured.rise_db(sound) == pytest.approx(40.0, abs=0.5)


def struck(onset_s, rise_s, seconds, hz=1000.0, decay_s=0.3):
    """Return a tone that rises linearly from its onset and dies away."""
    since = times(seconds) - onset_s
    envelope = np.clip(since / rise_s, 0.0, 1.0) * np.exp(-np.maximum(0.0, since - rise_s) / decay_s)
    return tone(hz, seconds) * envelope[:, None]


class TestAttack:
    @pytest.mark.parametrize("rise_ms", [20.0, 50.0, 200.0])
    def test_a_linear_rise_takes_six_tenths_of_its_length(self, rise_ms):
        sound = struck(0.5, rise_ms / 1000.0, 2.0)
        assert attacks_ms(sound, [0.5]) == pytest.approx([0.6 * rise_ms], abs=1.5)

    def test_the_envelope_cannot_tell_faster_attacks(self):
        assert 0.5 < attacks_ms(struck(0.5, 1e-4, 2.0), [0.5])[0] < 3.0

    def test_notes_that_cannot_be_told_from_what_rings_are_left_out(self):
        sound = struck(0.5, 0.02, 6.0, decay_s=10.0) + struck(2.0, 0.02, 6.0)
        assert len(attacks_ms(sound, [0.5, 2.0])) == 1  # the first one rings
        sound = struck(0.5, 0.02, 6.0) + struck(1.2, 0.05, 6.0) + struck(4.0, 0.05, 6.0)
        found = attacks_ms(sound, [0.5, 1.2, 4.0])  # the second follows too soon
        assert found == pytest.approx([12.0, 30.0], abs=1.5)

    def test_notes_at_the_edges_are_left_out(self):
        assert attacks_ms(struck(0.02, 0.01, 2.0), [0.02, 1.8]).size == 0


def test_a_sound_has_every_measure_of_the_recordings():
    assert list(measured.sound_measures(noise(4.0))) == list(measured.CALM_RECORDINGS)


def test_a_silent_sound_has_no_measures():
    with pytest.raises(ValueError, match="3 s is silent"):
        measured.sound_measures(np.zeros((3 * SAMPLE_RATE, 2)))
