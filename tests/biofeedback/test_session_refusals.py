"""A session that is refused while it begins leaves nothing behind, and can be begun again."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from biofeedback.cli import exit_status
from biofeedback.commands import EmergencyStop
from biofeedback.errors import RecordingError
from biofeedback.recording import recorder, storage
from biofeedback.session import SessionConfig, run_session
from biofeedback.store.store import Store
from generator.errors import SoundError
from protocols.loading import load


@pytest.fixture
def eda(tmp_path: Path) -> Path:
    """20 s of skin conductance, in a column that says mV, and in one that says µS."""
    values = 5 + np.sin(np.arange(640) / 40)
    path = tmp_path / "x.csv"
    rows = "\n".join(f"{value:.4f},{value:.4f}" for value in values)
    path.write_text(f"EDA_mV,EDA_uS\n{rows}\n", encoding="utf-8")
    return path


def now() -> datetime:
    return datetime.now(UTC)


def run(spec: str, *more: str) -> list[str]:
    return ["run", "--protocol", "isoprinciple-relaxation", "--audio", "none", "--input", spec, *more]


def test_a_refused_unit_leaves_no_directory_and_the_retry_works(
    eda: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    assert exit_status(run(f"eda={eda}:EDA_mV@32", "--out", str(out))) == 2
    assert "eda is in 'mV'; it must be in uS" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == [eda]
    assert exit_status(run(f"eda={eda}:EDA_uS@32", "--out", str(out))) == 0
    assert (out / "session.xdf").exists()


def test_a_refused_unit_leaves_no_session_in_the_client_s_history(eda: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Store.open(data, now=now) as store:
        store.clients.add("P-017")
        store.clients.give_consent("P-017", version="2026-03", scopes=("sessions", "storage"))
    arguments = ("--client", "P-017", "--data", str(data))
    assert exit_status(run(f"eda={eda}:EDA_mV@32", *arguments)) == 2
    with Store.open(data, now=now) as store:
        store.recover()
        assert store.sessions.list(client="P-017") == ()
        assert list((data / "sessions").iterdir()) == []
    assert exit_status(run(f"eda={eda}:EDA_uS@32", *arguments)) == 0


def config(out: Path, **options: object) -> SessionConfig:
    return SessionConfig(
        protocol=load("isoprinciple-relaxation"),
        inputs=("listener=virtual:responder",),
        directory=out,
        seed=1,
        **{"keep_sound": True, **options},
    )


def begin(out: Path) -> None:
    run_session(config(out), watch=lambda _: None)


def test_a_sound_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        path.write_bytes(b"fLaC")
        raise SoundError(f"{path} cannot be written: no space left on device")

    monkeypatch.setattr("biofeedback.session.SoundFile", refuse)
    with pytest.raises(SoundError, match="no space"):
        begin(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writes", [0, 1], ids=["session.json", "session.xdf"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    written = []
    write_whole = storage.write_whole

    def fill(path: Path, data: bytes) -> None:
        if len(written) == writes:
            path.with_name(f"{path.name}.part").write_bytes(data[:100])
            raise storage.cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))
        written.append(path)
        write_whole(path, data)

    for module in (storage, recorder):
        monkeypatch.setattr(module, "write_whole", fill)
    with pytest.raises(RecordingError, match="No space left"):
        begin(tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_of_somebody_else_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise SoundError("refused")

    monkeypatch.setattr("biofeedback.session.SoundFile", refuse)
    with pytest.raises(SoundError):
        begin(out)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_a_directory_that_holds_a_session_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "session.xdf").write_bytes(b"XDF:")
    with pytest.raises(RecordingError, match="holds a session already"):
        begin(tmp_path)
    assert (tmp_path / "session.xdf").read_bytes() == b"XDF:"


def test_whatever_fails_at_the_close_the_recording_is_closed(tmp_path: Path) -> None:
    def fail() -> dict[str, object]:
        raise RecordingError("the store is gone")

    script = ((1.0, EmergencyStop()),)
    with pytest.raises(RecordingError, match="the store is gone"):
        run_session(
            config(tmp_path / "out", keep_sound=False, at_close=fail, script=script), watch=lambda _: None
        )
    assert '"end"' in (tmp_path / "out" / "session.json").read_text(encoding="utf-8")
