"""All instruments: in tune, finite, safe in mono, touched by velocity, the same in every process."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.catalog import INSTRUMENTS
from generator.synthesis.instruments.sample import PEAK, Sample, normalized
from tests.generator.synthesis.instruments.rendered import (
    HELD,
    MIXED,
    hertz,
    level_db,
    loop_of,
    middle,
    mono,
    places,
    rendered,
    share_above,
    strongest_near,
)

BYTES_A_FRAME = 4
every_instrument = pytest.mark.parametrize("name", INSTRUMENTS)


def test_a_catalog_knows_each_instrument_by_its_name():
    assert all(name == instrument.name for name, instrument in INSTRUMENTS.items())


PLAYED = {
    "harp": (36, 94),
    "nylon-guitar": (48, 94),
    "kalimba": (60, 92),
    "marimba": (48, 94),
    "felt-piano": (36, 94),
    "celesta": (60, 94),
    "handbells": (67, 90),
    "singing-bowl": (48, 80),
    "bowed-ensemble": (41, 90),
    "solo-strings": (48, 92),
    "low-strings": (36, 57),
    "flute": (52, 92),
    "glass": (41, 90),
    "choir": (54, 81),
    "low-choir": (36, 66),
    "warm-pad": (36, 78),
    "sub-bass": (24, 47),
    "breath": (55, 78),
}
"""Lowest and highest note of what each is used for."""


@every_instrument
def test_each_note_that_is_played_lies_within_a_semitone_of_a_rendered_one(name):
    lowest, highest = PLAYED[name]
    pitches = np.array(INSTRUMENTS[name].pitches)
    assert all(np.abs(pitches - note).min() <= 1 for note in range(lowest, highest + 1))


@every_instrument
def test_velocities_are_one_for_a_pad_and_two_else(name):
    pads = {"warm-pad", "sub-bass", "breath", "low-choir", "glass"}
    assert INSTRUMENTS[name].velocities == ((48,) if name in pads else (36, 84))


def test_all_instruments_fit_into_three_hundred_megabytes():
    size = 0.0
    for name, instrument in INSTRUMENTS.items():
        frames = np.mean([len(rendered(name, pitch).audio) for pitch in places(name)])
        size += frames * len(instrument.pitches) * len(instrument.velocities) * BYTES_A_FRAME
    assert size < 300e6


@every_instrument
def test_a_note_is_finite_stereo_of_single_precision_within_full_scale(name):
    for velocity in INSTRUMENTS[name].velocities:
        audio = rendered(name, velocity=velocity).audio
        assert audio.dtype == np.float32
        assert audio.ndim == 2
        assert audio.shape[1] == 2
        assert np.isfinite(audio).all()
        assert 0.02 < np.abs(audio).max() < 2.0


@every_instrument
@pytest.mark.parametrize("place", [0, -1])
def test_a_note_is_within_two_cents_of_equal_temperament(name, place):
    pitch = INSTRUMENTS[name].pitches[place]
    sample = rendered(name, pitch)
    if sample.loop is None:
        found = strongest_near(mono(sample)[SAMPLE_RATE // 20 :], hertz(pitch))
        assert abs(1200 * np.log2(found / hertz(pitch))) < 2.0
    else:
        # Vibrato and detuning spread a partial: the centre of gravity of all is the tone.
        sound = loop_of(sample)
        power = (np.abs(np.fft.rfft(sound, axis=0)) ** 2).sum(axis=1)
        place = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
        found = []
        for number in range(1, 7):
            near = np.abs(place / (number * hertz(pitch)) - 1) < 0.03
            found.append((place[near] * power[near]).sum() / power[near].sum() / (number * hertz(pitch)))
        assert abs(1200 * np.log2(np.mean(found))) < 2.0


@every_instrument
def test_there_is_no_direct_current(name):
    sample = rendered(name)
    sound = sample.audio.astype(float) if sample.loop is None else loop_of(sample)
    assert np.abs(sound.mean(axis=0)).max() < 1e-4 * np.abs(sound).max()


@every_instrument
def test_sides_differ_but_are_safe_in_mono(name):
    alike = []
    for pitch in places(name):
        sample = rendered(name, pitch)
        sound = sample.audio.astype(float) if sample.loop is None else loop_of(sample)
        assert level_db(sound) - level_db(sound.mean(axis=1)) < 1.25
        alike.append(np.corrcoef(sound.T)[0, 1])
    assert min(alike) > 0.4
    assert name == "sub-bass" or np.mean(alike) < 0.9


@pytest.mark.parametrize("name", MIXED)
def test_velocity_makes_a_note_louder_and_brighter(name):
    soft, hard = (
        mono(rendered(name, velocity=velocity))[: 2 * SAMPLE_RATE]
        for velocity in INSTRUMENTS[name].velocities
    )
    assert 6.0 < level_db(hard) - level_db(soft) < 14.0
    edge = 3 * hertz(middle(name))
    assert share_above(hard, edge) > 1.15 * share_above(soft, edge)


@pytest.mark.parametrize("name", MIXED)
def test_a_mix_of_two_velocities_has_no_notch(name):
    for pitch in places(name):
        soft, hard = (rendered(name, pitch, velocity) for velocity in INSTRUMENTS[name].velocities)
        a, b = (
            each.audio[:SAMPLE_RATE].astype(float) if each.loop is None else loop_of(each)
            for each in (soft, hard)
        )
        both = min(len(a), len(b))
        # At equal levels a difference of phase would show most.
        a, b = (sound[:both] / np.sqrt(np.mean(sound[:both] ** 2)) for sound in (a, b))
        assert level_db((a + b) / 2) > -1.0


@every_instrument
def test_a_note_starts_from_silence(name):
    assert np.abs(rendered(name).audio[0]).max() < 1e-3


def test_notes_are_the_same_in_another_process_with_another_number_of_threads():
    names = ("harp", "felt-piano", "bowed-ensemble")
    program = (
        "import hashlib\n"
        "from generator.synthesis.instruments.catalog import INSTRUMENTS\n"
        f"for name in {names!r}:\n"
        "    instrument = INSTRUMENTS[name]\n"
        "    pitch = instrument.pitches[len(instrument.pitches) // 2]\n"
        "    audio = instrument.render(pitch, 84).audio\n"
        "    print(hashlib.sha256(audio.tobytes()).hexdigest())\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    here = [hashlib.sha256(rendered(name).audio.tobytes()).hexdigest() for name in names]
    assert other.stdout.split() == here


def test_normalizing_gives_the_loudest_the_peak_and_keeps_the_relation():
    soft, hard = (
        Sample(60, 40, np.full((4, 2), 0.1, np.float32)),
        Sample(60, 90, np.full((4, 2), 0.3, np.float32)),
    )
    quieter, louder = normalized([soft, hard])
    assert louder.peak == pytest.approx(PEAK)
    assert quieter.peak == pytest.approx(PEAK / 3)


def test_a_narrower_range_renders_the_pitches_that_its_notes_need():
    pitches = {sample.pitch for sample in INSTRUMENTS["marimba"].render_all(lowest=61, highest=68)}
    assert pitches == {61, 64, 67}


def test_held_instruments_loop_and_others_do_not():
    assert {name for name in INSTRUMENTS if rendered(name).loop is not None} == set(HELD)
