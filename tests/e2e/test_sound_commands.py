"""Sound check, preview in fast motion and a listener's preferences, through the command line."""

import json
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile as sf

from biofeedback.calibration import calibrated_devices, keep_calibration
from biofeedback.cli import exit_status, music, protocols, sessions
from biofeedback.recording.reader import read_recording
from biofeedback.settings import VARIABLE, calibration_file
from generator.synthesis.calibration import Calibration


def loudness(path: Path) -> float:
    """Between the fades; it must end in silence."""
    samples, rate = sf.read(path)
    assert np.abs(samples[-10:]).max() < 1e-3
    return float(pyloudnorm.Meter(rate).integrated_loudness(samples[rate : -2 * rate]))


@pytest.mark.parametrize("level", ["0", "-12"])
def test_the_sound_check_is_as_loud_as_the_session(level: str, tmp_path: Path) -> None:
    wav = tmp_path / "check.wav"
    assert exit_status(["soundcheck", "--level", level, "--wav", str(wav)]) == 0
    assert len(sf.read(wav)[0]) == 10 * 48_000
    assert loudness(wav) == pytest.approx(-23.0 + float(level), abs=2.0)


def test_the_reference_noise_is_the_reference(tmp_path: Path) -> None:
    wav = tmp_path / "noise.wav"
    assert exit_status(["soundcheck", "--noise", "--wav", str(wav), "--seconds", "6"]) == 0
    assert loudness(wav) == pytest.approx(-23.0, abs=0.3)


def test_a_protocol_can_be_heard_in_fast_motion(protocol_file: Path, tmp_path: Path) -> None:
    wav = tmp_path / "short.wav"
    assert (
        exit_status(["protocols", "preview", str(protocol_file), "--wav", str(wav), "--seconds", "12"]) == 0
    )
    samples, rate = sf.read(wav)
    assert len(samples) == 12 * rate
    assert np.std(samples[4 * rate : 8 * rate]) > 0.01


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The palettes whose instruments were prepared by commands, in order."""
    palettes: list[str] = []

    def prepare(palette: str) -> str:
        palettes.append(palette)
        return palette

    for module in (music, protocols, sessions):
        monkeypatch.setattr(module, "prepare_instruments", prepare)
    return palettes


def test_every_command_prepares_the_instruments_before_sound_and_for_sound_only(
    prepared: list[str], session_arguments: list[str], protocol_file: Path, tmp_path: Path
) -> None:
    states = tmp_path / "states.csv"
    states.write_text("time_s,tempo_bpm\n0,60\n2,60\n", encoding="utf-8")
    render = ["render", "--trajectory", str(states)]
    soundcheck = ["soundcheck", "--seconds", "2", "--palette", "soft-strings"]
    preview = ["protocols", "preview", str(protocol_file), "--seconds", "10"]
    run = [*session_arguments, "--palette", "harp-bells", "--out"]
    replay = ["replay", str(tmp_path / "heard")]
    silent = [
        [*render, "--midi", str(tmp_path / "score.mid")],
        [*soundcheck, "--noise", "--wav", str(tmp_path / "noise.wav")],
        [*preview, "--png", str(tmp_path / "plan.png")],
        [*run, str(tmp_path / "unheard"), "--audio", "none"],
    ]
    for arguments in silent:
        assert exit_status(arguments) == 0
    assert prepared == []
    sounding = [
        [*render, "--wav", str(tmp_path / "render.wav")],
        [*soundcheck, "--wav", str(tmp_path / "check.wav")],
        [*preview, "--wav", str(tmp_path / "preview.wav")],
        [*run, str(tmp_path / "heard"), "--audio", "file"],
        [*replay, "--wav", str(tmp_path / "replay.wav")],
    ]
    for arguments in sounding:
        assert exit_status(arguments) == 0
    assert prepared == ["warm-pads", "soft-strings", "warm-pads", "harp-bells", "harp-bells"]
    assert exit_status([*replay, "--events", str(tmp_path / "events.csv")]) == 0
    assert len(prepared) == len(sounding)


def test_preferences_are_heard_recorded_and_replayed(
    session_arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    liked = ["--tonic", "7", "--without", "melody", "--without", "bass", "--register", "0.1:0.3"]
    assert exit_status([*session_arguments, *liked, "--audio", "none", "--out", str(out)]) == 0
    piece = json.loads((out / "session.json").read_text(encoding="utf-8"))["piece"]
    assert (piece["tonic"], piece["unwanted"]) == (7, ["melody", "bass"])
    assert piece["register_range"] == [0.1, 0.3]
    assert not {1.0, 2.0} & set(read_recording(out).streams["notes"].column("layer"))
    capsys.readouterr()
    assert exit_status(["replay", str(out), "--events", str(tmp_path / "events.csv")]) == 0
    rebuilt, _, recorded = capsys.readouterr().out.split()[:3]
    assert rebuilt == recorded
    assert int(recorded) > 0


def test_what_was_measured_of_a_device_can_be_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for name in ("Kopfhörer", "Speakers", "Speakers 2"):
        keep_calibration(Calibration(device=name, dba=62.0, noise_dbfs_a=-26.0), calibration_file())
    assert exit_status(["soundcheck", "--forget", "--device", "kopf"]) == 0
    assert "Kopfhörer is uncalibrated" in capsys.readouterr().out
    assert calibrated_devices(calibration_file()) == ("Speakers", "Speakers 2")
    for unclear in ("kopf", "speak"):
        assert exit_status(["soundcheck", "--forget", "--device", unclear]) == 2
        assert "there are: Speakers, Speakers 2" in capsys.readouterr().err
    assert exit_status(["soundcheck", "--forget", "--device", "Speakers"]) == 0
    assert calibrated_devices(calibration_file()) == ("Speakers 2",)


@pytest.mark.parametrize(
    "arguments",
    [
        ["soundcheck", "--forget", "--measured", "62"],
        ["soundcheck", "--audio", "none"],
        ["soundcheck", "--level", "3", "--wav", "x.wav"],
        ["soundcheck", "--register", "high", "--wav", "x.wav"],
        ["soundcheck", "--without", "drums", "--wav", "x.wav"],
        ["soundcheck", "--register", "0.8:0.2", "--wav", "x.wav"],
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
