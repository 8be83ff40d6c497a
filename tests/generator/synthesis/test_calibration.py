"""Sound pressure and dose, from a measurement of the reference noise."""

from itertools import count

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import sosfreqz

from generator.errors import StateError
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, ControlFrame
from generator.synthesis.calibration import (
    Calibration,
    Exposure,
    ExposureMeter,
    ReferenceNoise,
    a_weighting,
    check_state,
    exposure,
    noise_dbfs_a,
    reference_noise,
)

MEASURED = Calibration(device="Headphones", dba=65.0, noise_dbfs_a=noise_dbfs_a())


@pytest.mark.parametrize(
    ("hz", "db"),
    [(31.5, -39.4), (125, -16.1), (500, -3.2), (1000, 0.0), (2000, 1.2), (4000, 1.0), (6300, -0.1)],
)
def test_a_weighting_is_that_of_the_standard(hz, db):
    _, response = sosfreqz(a_weighting(), [hz], fs=SAMPLE_RATE)
    assert 20 * np.log10(abs(response[0])) == pytest.approx(db, abs=0.4)


def test_a_tone_of_1_khz_counts_with_its_power():
    meter = ExposureMeter()
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE)
    for part in np.split(np.stack((tone, tone), axis=1).astype(np.float32), 600):
        meter.accumulate(part)
    assert meter.energy_s == pytest.approx(10 * 0.5**2 / 2, rel=0.01)


def energy_s(dba, seconds):
    return seconds * 10 ** ((dba - MEASURED.full_scale_dba) / 10)


@pytest.mark.parametrize(
    ("dba", "hours", "adults", "children"),
    [
        (80.0, 40.0, 100.0, 316.2),
        (75.0, 40.0, 31.6, 100.0),
        (83.01, 20.0, 100.0, 316.2),
        (55.0, 0.5, 0.00395, 0.0125),
    ],
)
def test_dose_is_that_of_the_recommendation(dba, hours, adults, children):
    found = exposure(energy_s(dba, hours * 3600), hours * 3600, MEASURED)
    assert found.laeq_dba == pytest.approx(dba)
    assert found.hours == hours
    assert found.adults_percent == pytest.approx(adults, rel=0.01)
    assert found.children_percent == pytest.approx(children, rel=0.01)


def test_the_noise_itself_is_as_loud_as_it_was_measured():
    meter = ExposureMeter()
    meter.accumulate(reference_noise().T.astype(np.float32))
    assert exposure(meter.energy_s, 10.0, MEASURED).laeq_dba == pytest.approx(65.0, abs=0.05)


def test_silence_has_no_level_and_no_dose():
    assert exposure(0.0, 60.0, MEASURED) == Exposure(
        hours=1 / 60, laeq_dba=None, adults_percent=0.0, children_percent=0.0
    )


@pytest.mark.parametrize("dba", [0.0, 29.9, 130.0, float("nan")])
def test_an_unlikely_measurement_is_refused(dba):
    with pytest.raises(StateError, match="dBA"):
        Calibration(device="Headphones", dba=dba, noise_dbfs_a=-26.0)


def test_reference_noise_is_pink_and_as_loud_as_the_reference():
    noise = reference_noise()
    assert pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(noise.T) == pytest.approx(-23.0, abs=0.1)
    power = np.abs(np.fft.rfft(noise[0])) ** 2
    hz = np.fft.rfftfreq(noise.shape[1], 1 / SAMPLE_RATE)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (80, 320, 1280, 5120)]
    assert np.ptp(10 * np.log10(octaves)) < 0.2


@pytest.mark.parametrize("level_db", [0.0, -9.5])
def test_noise_is_played_at_the_level_asked_for(level_db):
    shape = ControlFrame(
        level_db=level_db,
        breath_db=0.0,
        fade=1.0,
        brightness=0.4,
        articulation=0.2,
        density=0.4,
        layer_gains=(1.0,) * 8,
    )
    noise = ReferenceNoise()
    blocks = [
        noise.render(Block(start_frame=frame, notes=(), note_ends=(), beats=(), shape=shape))
        for frame, _ in zip(count(0, BLOCK_FRAMES), range(600), strict=False)
    ]
    heard = np.concatenate(blocks)[SAMPLE_RATE:]
    measured = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(heard.astype(float))
    assert measured == pytest.approx(-23.0 + level_db, abs=0.2)


def test_a_sound_check_is_at_the_session_level():
    assert check_state(-6.0).level_db == -6.0
    with pytest.raises(StateError, match="level_db"):
        check_state(3.0)
