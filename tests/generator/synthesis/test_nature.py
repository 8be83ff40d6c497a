"""Nature sounds: even, seeded, made of single sounds, without a loop, a click or a start; gone in silence."""

import tracemalloc
from contextlib import closing
from functools import cache

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import butter, find_peaks, sosfilt
from scipy.stats import kurtosis

from benchmarks.reverb_measures import mono_loss_db
from generator.errors import StateError
from generator.performance.controls import SILENCE_FADE_S
from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.state import EARLIER_NATURES, NATURES, MusicState, Piece
from generator.synthesis.nature import NATURE_SOUNDS, NaturePlayer, room_db
from generator.synthesis.nature.bed import CHUNK_FRAMES, Drift, GrainMixer, NoiseTexture
from generator.synthesis.nature.grain_tables import bands, bubble, pink
from generator.synthesis.nature.night import CRICKETS
from generator.synthesis.nature.sea import Wave
from generator.synthesis.synth import Synth

MINUTES = 2
BANDS_HZ = ((60, 250), (250, 700), (700, 2000), (2000, 5000), (5000, 11000))


def bed(name, seconds, level_db=-12.0, seed=0):
    nature = NaturePlayer(name, level_db, seed)
    return np.concatenate([nature.step(i * BLOCK_FRAMES) for i in range(round(seconds * 60))], axis=1).T


@cache
def long_bed(name):
    return bed(name, 60 * MINUTES, level_db=-10.0)


@cache
def surrogate(name):
    """Noise of the same spectrum as a bed: filtered, and nothing else."""
    spectrum = np.fft.rfft(long_bed(name)[: 60 * SAMPLE_RATE, 0])
    phases = np.random.default_rng(0).random(spectrum.size)
    return np.fft.irfft(np.abs(spectrum) * np.exp(2j * np.pi * phases))[:, None]


def music(seconds, piece, state=None, silent_from_s=1e9):
    state = state or MusicState(layers=3)
    quiet = MusicState(layers=3, sounding=False)
    performance = Performance(piece, fade_in_s=1.0)
    with closing(Synth(piece)) as synth:
        return np.concatenate(
            [
                synth.render(performance.block(state if i < silent_from_s * 60 else quiet))
                for i in range(round(seconds * 60))
            ]
        )


def loudness(audio):
    return pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio.astype(float))


def loudness_over_time(audio, window_s):
    """Loudness of every window of that length, ten a second."""
    weighted = audio
    for each in pyloudnorm.Meter(SAMPLE_RATE)._filters.values():
        weighted = each.passband_gain * np.stack([each.apply_filter(side) for side in weighted.T], axis=1)
    sums = np.cumsum(np.concatenate(([0.0], (weighted**2).sum(axis=1))))
    window = round(window_s * SAMPLE_RATE)
    starts = np.arange(0, len(audio) - window, SAMPLE_RATE // 10)
    return -0.691 + 10 * np.log10((sums[starts + window] - sums[starts]) / window)


def band(audio, low_hz, high_hz):
    sections = butter(4, (low_hz, high_hz), "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(sections, audio, axis=0)


def envelope(audio, low_hz, high_hz, step_s=0.02):
    """RMS of a band in steps of 20 ms."""
    step = round(step_s * SAMPLE_RATE)
    filtered = band(audio, low_hz, high_hz).mean(axis=1)
    return np.sqrt((filtered[: filtered.size // step * step].reshape(-1, step) ** 2).mean(axis=1))


def autocorrelation(values):
    """Of every lag, by the number of pairs that there are."""
    values = values - values.mean()
    power = np.abs(np.fft.rfft(values, 2 * values.size)) ** 2
    pairs = np.arange(values.size, 0, -1) / values.size
    found = np.fft.irfft(power)[: values.size] / pairs
    return found / found[0]


def test_every_bed_but_none_can_be_made():
    assert set(NATURES) == {"none", *NATURE_SOUNDS}


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_is_as_loud_as_set_in_every_minute(name):
    audio = long_bed(name)
    minutes = [loudness(minute) for minute in np.split(audio, MINUTES)]
    assert minutes == pytest.approx([-33.0] * MINUTES, abs=1.0)
    assert 20 * np.log10(abs(audio.mean(axis=0)).max()) < -80.0


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_stays_even_and_startles_nobody(name):
    audio = long_bed(name)
    short_term = loudness_over_time(audio, 3.0) - loudness(audio)
    assert abs(short_term).max() <= (3.0 if name == "sea" else 1.5) + 0.3  # two minutes of one seed
    momentary = loudness_over_time(audio, 0.4)
    assert np.percentile(momentary[8:] - momentary[:-8], 99) <= 6.4


@pytest.mark.parametrize(("name", "floor"), [("rain", 2.0), ("stream", 1.0), ("night", 1.0)])
def test_rain_stream_and_night_are_single_sounds_and_not_filtered_noise(name, floor):
    audio = long_bed(name)[: 60 * SAMPLE_RATE, :1]
    excess, of_noise = (kurtosis(band(each, 1000, 8000)[:, 0]) for each in (audio, surrogate(name)))
    assert excess >= of_noise + floor


@pytest.mark.parametrize("name", ["wind", "sea"])
def test_the_timbre_of_wind_and_sea_moves_as_that_of_filtered_noise_does_not(name):
    def movement(audio):
        seconds = envelope(audio, 2000, 8000, 1.0)[1:] / envelope(audio, 100, 500, 1.0)[1:]
        return np.std(np.log(seconds))

    assert movement(long_bed(name)) > 3.0 * movement(surrogate(name))


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_nothing_is_heard_to_loop(name):
    for low_hz, high_hz in BANDS_HZ:
        alike = autocorrelation(envelope(long_bed(name), low_hz, high_hz))
        assert alike[20 * 50 : 30 * MINUTES * 50].max() <= 0.35, (low_hz, high_hz)


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_the_same_seed_gives_the_same_samples_and_no_other_does(name):
    once = bed(name, 1, seed=4)
    assert np.array_equal(bed(name, 1, seed=4), once)
    assert not np.allclose(bed(name, 1, seed=5), once)


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_has_width_and_no_seams_and_loses_nothing_in_mono(name):
    audio = long_bed(name)
    assert 0.0 <= np.corrcoef(audio.T)[0, 1] < 0.75
    assert mono_loss_db(audio) <= 0.0
    for frames in (BLOCK_FRAMES, CHUNK_FRAMES):
        seams = audio[frames - 1 :: frames][:-1] - audio[frames::frames]
        steps = np.diff(audio, axis=0)
        assert np.sqrt(np.mean(seams**2)) < 1.3 * np.sqrt(np.mean(steps**2))


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_has_nothing_sharp_in_it(name):
    audio = long_bed(name)[: 20 * SAMPLE_RATE]
    high = sosfilt(butter(6, 14_000, "highpass", fs=SAMPLE_RATE, output="sos"), audio, axis=0)
    assert 20 * np.log10(abs(high).max() / abs(audio).max()) < -12.0


@pytest.mark.parametrize("name", NATURE_SOUNDS)
def test_a_bed_takes_no_more_memory_as_it_goes_on(name):
    nature = NaturePlayer(name, -12.0, 0)
    tracemalloc.start()
    try:
        held = []
        for i in range(30 * 60):
            nature.step(i * BLOCK_FRAMES)
            if i % 20 == 0:
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    half = len(held) // 2
    assert np.median(held[half:]) - np.median(held[:half]) < 50_000


def test_after_a_gap_nothing_rings_on():
    mixer = GrainMixer(2 * CHUNK_FRAMES)
    mixer.add(np.ones(2 * CHUNK_FRAMES, dtype=np.float32), 0, np.ones(2))
    assert mixer.take().all()
    mixer.clear()
    assert not mixer.take().any()


def test_a_grain_is_heard_at_its_frame_for_ever():
    mixer = GrainMixer(CHUNK_FRAMES + 100)
    grain = np.arange(1.0, 101.0, dtype=np.float32)
    heard = []
    for _ in range(40):
        mixer.add(grain, CHUNK_FRAMES - 50, np.array([1.0, 0.5]))
        heard.append(mixer.take())
    left, right = np.concatenate(heard, axis=1)
    assert np.array_equal(left[CHUNK_FRAMES - 50 : CHUNK_FRAMES + 50], grain)
    assert np.array_equal(left, 2.0 * right)
    assert np.array_equal(left[39 * CHUNK_FRAMES - 50 : 39 * CHUNK_FRAMES + 50], grain)
    assert left.sum() == pytest.approx(39 * grain.sum() + grain[:50].sum())


def test_a_texture_has_the_power_of_its_gains_and_follows_them():
    rng = np.random.default_rng(1)
    texture = NoiseTexture(bands(pink(rng), (200.0, 400.0, 800.0, 1600.0)), rng)
    gains = np.array([[0.0, 0.2, 0.0, 0.0], [0.0, 0.0, 0.2, 0.0]])
    power = [np.mean(texture.chunk(gains) ** 2) for _ in range(600)]
    assert np.mean(power) == pytest.approx(0.2**2, rel=0.1)
    assert np.array_equal(texture.chunk(0.0 * gains)[:, -1], [0.0, 0.0])
    assert not texture.chunk(0.0 * gains).any()


def test_a_drift_has_unit_variance_and_no_period():
    drift = Drift((0.2, 1.0), np.random.default_rng(2))
    values = np.array([drift.step() for _ in range(20_000)])
    assert values.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.1)
    assert abs(values).max() <= Drift.LIMIT
    assert autocorrelation(values[:, 0])[1000:5000].max() < 0.2


def test_a_bubble_rises_and_decays_as_its_radius_says():
    tone = bubble(600.0, 0.1, 0.004)
    crossings = np.flatnonzero(np.diff(np.signbit(tone)))
    gaps = np.diff(crossings)
    assert gaps[:4].mean() > 1.1 * gaps[40:44].mean()
    # 0.13/r + 0.0072 r^-1.5 for r = 5 mm
    level = [abs(tone[round(s * SAMPLE_RATE) :][:96]).max() for s in (0.02, 0.06)]
    assert np.log(level[0] / level[1]) / 0.04 == pytest.approx(46.4, rel=0.1)


@pytest.mark.parametrize("cricket", CRICKETS)
def test_a_cricket_chirps_as_its_kind_does(cricket):
    chirp = cricket.chirp(np.random.default_rng(3))
    level = np.convolve(abs(chirp), np.ones(240) / 240, "same")
    pulses, _ = find_peaks(level, height=0.3 * level.max(), distance=960)
    assert pulses.size == cricket.pulses
    assert 24.0 <= SAMPLE_RATE / np.diff(pulses).mean() <= 30.0
    spectrum = abs(np.fft.rfft(chirp, 2**16))
    assert np.argmax(spectrum) * SAMPLE_RATE / 2**16 == pytest.approx(cricket.hz, rel=0.02)


def test_a_wave_approaches_breaks_washes_up_and_runs_back():
    for seed in range(20):
        wave = Wave.draw(10.0, np.random.default_rng(seed))
        times = np.arange(0.0, 40.0, 0.05)
        stages = np.array([wave.stages(time) for time in times])
        assert (np.diff(times[stages.argmax(axis=0)]) > 0.0).all()
        assert not any(wave.ended(time) for time in times[stages.max(axis=1) > 0.05])


def test_music_and_bed_together_are_as_loud_as_the_music_alone():
    pieces = [Piece(), Piece(nature="stream", nature_db=-6.0)]
    alone, with_bed = (loudness(music(14, piece)[6 * SAMPLE_RATE :]) for piece in pieces)
    assert with_bed == pytest.approx(alone, abs=0.5)
    assert room_db(-6.0) == pytest.approx(0.97, abs=0.01)


def test_silence_is_digital_zero_under_a_bed_too():
    audio = music(2 + SILENCE_FADE_S + 2, Piece(nature="wind"), silent_from_s=2.0).reshape(
        -1, BLOCK_FRAMES, 2
    )
    assert audio[1:300].any(axis=(1, 2)).all()
    assert not audio[-60:].any()


@pytest.mark.parametrize(("earlier", "today"), EARLIER_NATURES.items())
def test_an_earlier_name_plays_the_bed_of_today(earlier, today):
    assert Piece(nature=earlier) == Piece(nature=today)
    assert today in NATURE_SOUNDS
    assert earlier not in NATURES


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"nature": "traffic"}, "there are none, rain, stream, wind, sea, night"),
        ({"nature_db": 0.0}, "between -30 and -6"),
        ({"nature_db": float("nan")}, "between -30 and -6"),
    ],
)
def test_what_there_is_not_is_refused_by_name(wrong, says):
    with pytest.raises(StateError, match=says):
        Piece(**wrong)
