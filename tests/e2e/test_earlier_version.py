"""What an earlier version left behind still opens, replays, reports, exports, recovers and restores."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from biofeedback.cli import exit_status

VERSION = Path(__file__).parents[1] / "fixtures" / "version-0.1"
SESSIONS = ("with-sound", "silent", "killed")


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data and settings folders, where the commands find them."""
    folder = tmp_path / "clinic"
    shutil.copytree(VERSION / "clinic", folder)
    shutil.copytree(VERSION / "settings", tmp_path / "settings")
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(folder))
    monkeypatch.setenv("BIOFEEDBACK_SETTINGS", str(tmp_path / "settings"))
    return folder


@pytest.fixture
def session(request: pytest.FixtureRequest, clinic: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "session"
    shutil.copytree(VERSION / request.param, copy)
    return copy


def of_client(clinic: Path, number: int) -> Path:
    return sorted((clinic / "sessions").iterdir())[{2: 0, 1: 1}[number]]


@pytest.mark.parametrize("session", SESSIONS, indirect=True)
def test_a_session_is_reported_and_analysed(
    session: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_status(["report", str(session)]) == 0
    assert (session / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    capsys.readouterr()
    assert exit_status(["analyse", str(session), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("session", ["with-sound"], indirect=True)
def test_the_music_is_played_as_it_was_recorded(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.flac"
    assert exit_status(["replay", str(session), "--wav", str(again)]) == 0
    assert "18 of 18 recorded notes were played as they sounded" in capsys.readouterr().out
    was, _ = sf.read(session / "audio.flac")
    played, _ = sf.read(again)
    # It had other instruments: the same notes, levels and fades sound different.
    assert was.shape == played.shape
    seconds = len(was) // 48_000
    levels_db = [
        20 * np.log10(np.std(sound[: seconds * 48_000].reshape(seconds, -1), axis=1) + 1e-6)
        for sound in (was, played)
    ]
    assert np.abs(levels_db[0] - levels_db[1]).max() < 8.0
    assert min(levels_db[0]) == min(levels_db[1]) == -120.0  # nothing before the music began


@pytest.mark.parametrize("session", SESSIONS, indirect=True)
@pytest.mark.parametrize("form", ["csv", "parquet", "bids", "edf", "midi"])
def test_a_session_without_a_client_is_exported_in_every_format(
    session: Path, form: str, tmp_path: Path
) -> None:
    assert exit_status(["export", str(session), "--to", form, "--out", str(tmp_path / "out")]) == 0
    assert any(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_consent_that_the_store_keeps_holds_for_sessions_of_before(clinic: Path, tmp_path: Path) -> None:
    refused = exit_status(["export", str(of_client(clinic, 1)), "--to", "csv", "--out", str(tmp_path / "1")])
    allowed = exit_status(["export", str(of_client(clinic, 2)), "--to", "csv", "--out", str(tmp_path / "2")])
    assert (refused, allowed) == (2, 0)


def test_clients_sessions_and_audit_are_as_they_were(
    clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(["audit", "verify"]) == 0
    capsys.readouterr()
    assert exit_status(["clients", "show", "1"]) == 0
    client = json.loads(capsys.readouterr().out)
    assert client["cautions"] == ["Herzschrittmacher"]
    assert client["preferences"]["palette"] == "harp-bells"
    assert client["preferences"]["unwanted"] == ["bells"]
    assert exit_status(["sessions", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(of_client(clinic, number).name[:10] in listed for number in (1, 2))


def test_protocols_and_set_ups_of_both_homes_are_there(
    clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(["protocols", "list"]) == 0
    assert "aus-dem-browser" in capsys.readouterr().out
    assert exit_status(["setups", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(title in listed for title in ("Raum 1", "Raum 2", "Raum 1 im Browser"))


def test_a_killed_session_is_recovered_with_its_sound(clinic: Path) -> None:
    killed = clinic / "sessions" / "2026-11-30-000000-long"
    shutil.copytree(VERSION / "killed", killed)
    assert exit_status(["sessions", "recover"]) == 0
    sound, rate = sf.read(killed / "audio.flac")
    assert rate == 48_000
    assert len(sound) > 10 * rate
    assert json.loads((killed / "session.json").read_text(encoding="utf-8"))["end"]


def test_a_back_up_is_restored(clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "elsewhere"
    assert exit_status(["restore", str(VERSION / "backup.zip"), "--data", str(elsewhere)]) == 0
    assert exit_status(["audit", "verify", "--data", str(elsewhere)]) == 0
    assert sorted(path.name for path in (elsewhere / "sessions").iterdir()) == sorted(
        path.name for path in (clinic / "sessions").iterdir()
    )
