"""``biofeedback palettes play``, ``bed`` and ``impulse``: what they write, play and refuse."""

import math
import time

import numpy as np
import pyloudnorm
import pytest
import soundfile as sf

from benchmarks.reverb_measures import semitone_range_db, tail_spectrum_sd_db
from biofeedback.cli import exit_status, palettes
from generator.live import devices
from generator.live.devices import BackEnd
from generator.player import NO_LATENCY
from generator.state import NATURES, PALETTES


@pytest.fixture
def wav(tmp_path):
    return tmp_path / "heard.wav"


def heard(wav, seconds=20):
    """Return sound and loudness of a file, whose ends must be silent."""
    sound, rate = sf.read(wav)
    assert sound.shape == (seconds * rate, 2)
    assert max(np.abs(sound[:10]).max(), np.abs(sound[-10:]).max()) < 1e-3
    return sound, pyloudnorm.Meter(rate).integrated_loudness(sound)


@pytest.mark.parametrize("name", PALETTES)
def test_a_palette_is_heard_for_20_s_as_loud_as_a_session(name, wav):
    assert exit_status(["palettes", "play", name, "--wav", str(wav)]) == 0
    sound, loudness = heard(wav)
    assert loudness == pytest.approx(-23.0, abs=2.0)
    assert sound[4 * 48_000 : 16 * 48_000].std() > 0.01


@pytest.mark.parametrize("name", NATURES[1:])
def test_a_bed_is_heard_for_20_s_12_db_below_the_music(name, wav):
    assert exit_status(["palettes", "bed", name, "--wav", str(wav)]) == 0
    assert heard(wav)[1] == pytest.approx(-35.0, abs=2.0)


def test_length_seed_and_bed_of_an_audition_can_be_chosen(tmp_path):
    sounds = {}
    for name, options in {
        "plain": [],
        "again": [],
        "seed": ["--seed", "7"],
        "bed": ["--nature", "rain"],
    }.items():
        file = tmp_path / f"{name}.flac"
        arguments = ["palettes", "play", "felt-piano", "--seconds", "8", *options, "--wav", str(file)]
        assert exit_status(arguments) == 0
        sounds[name] = heard(file, 8)[0]
    assert np.array_equal(sounds["plain"], sounds["again"])
    assert not np.array_equal(sounds["plain"], sounds["seed"])
    assert not np.array_equal(sounds["plain"], sounds["bed"])


def test_the_impulse_of_a_room_is_written_to_be_measured(wav):
    assert exit_status(["palettes", "impulse", "soft-strings", "--wav", str(wav)]) == 0
    assert sf.info(wav).subtype == "FLOAT"
    long, rate = sf.read(wav)
    assert (long.shape, rate) == ((8 * 48_000, 2), 48_000)
    assert tail_spectrum_sd_db(long) <= 7.0
    assert semitone_range_db(long) <= 15.0
    assert exit_status(["palettes", "impulse", "soft-strings", "--articulation", "1", "--wav", str(wav)]) == 0
    short, _ = sf.read(wav)
    late = slice(2 * rate, 3 * rate)
    assert np.abs(short[late]).max() < 0.1 * np.abs(long[late]).max()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["play", "no-such", "--wav", "x.wav"], "'no-such' is none of warm-pads, "),
        (["play", "mine.yaml", "--wav", "x.wav"], "mine.yaml: there is no such file"),
        (["play", "felt-piano", "--wav", "x.mp3"], "x.mp3 must end in .wav or .flac"),
        (["play", "felt-piano", "--wav", "x.wav", "--device", "y"], "give --wav or --device, not both"),
        (["bed", "none", "--wav", "x.wav"], "'none' is not one of 'rain'"),
        (["impulse", "felt-piano", "--wav", "x.flac"], "x.flac must end in .wav"),
        (["impulse", "felt-piano"], "Missing option '--wav'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert exit_status(["palettes", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.realtime
def test_a_bed_is_played_on_the_device_where_no_file_is_asked_for(monkeypatch):
    paced = BackEnd(kind="paced", name="no device", latency=NO_LATENCY)
    monkeypatch.setattr(devices, "find_back_end", lambda *_, **__: paced)
    energies = []
    play_live = palettes.play_live
    monkeypatch.setattr(palettes, "play_live", lambda *of, **how: energies.append(play_live(*of, **how)))

    began = time.monotonic()
    assert exit_status(["palettes", "bed", "stream", "--seconds", "8"]) == 0
    assert time.monotonic() - began >= 8.0
    # A-weighted, the stream is within some dB of −35 LUFS; music would be at −23.
    assert 10.0 * math.log10(energies[0] / 8.0) == pytest.approx(-38.0, abs=6.0)
