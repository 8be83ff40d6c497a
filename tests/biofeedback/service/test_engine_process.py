"""The engine as a process: one for each data folder, killed in mid-session, started anew, asked to leave."""

import signal
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from biofeedback.client import connect, start_engine
from biofeedback.recording.reader import read_recording

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def killed(launch, tmp_path_factory) -> SimpleNamespace:
    """An engine that was killed in mid-session while another tried to start, and the one that came after."""
    told = SimpleNamespace(folder=tmp_path_factory.mktemp("killed") / "data")
    first = launch(told.folder)
    told.endpoint = (told.folder / "engine.json").stat()
    first.begin()
    command = [sys.executable, "-m", "biofeedback", "engine", "--data", str(told.folder)]
    told.second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    with start_engine(told.folder) as same:
        told.same = same.url
    told.url = first.client.url
    first.until(lambda state: state.session.recording.bytes > 0 and state.session.snapshot.elapsed_s > 4)
    told.directory = told.folder / "sessions" / first.client.state().session.recording.session_id
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    told.client_of_the_dead = connect(told.folder)
    told.cut_off = read_recording(told.directory)
    told.third = launch(told.folder)
    return told


def test_a_second_engine_is_refused_in_one_line(killed: SimpleNamespace) -> None:
    assert killed.second.returncode == 2
    (line,) = killed.second.stderr.strip().splitlines()
    assert "running already" in line
    assert killed.url in line
    assert killed.same == killed.url


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps who may read apart from the mode")
def test_only_this_user_reads_the_token(killed: SimpleNamespace) -> None:
    assert stat.S_IMODE(killed.endpoint.st_mode) == 0o600
    assert stat.S_IMODE(killed.folder.stat().st_mode) == 0o700


def test_a_killed_engine_leaves_a_recording_that_opens(killed: SimpleNamespace) -> None:
    assert not killed.cut_off.complete
    ecg = killed.cut_off.streams["ecg"]
    assert ecg.times[-1] - ecg.times[0] > 2
    assert killed.client_of_the_dead is None


def test_the_next_start_takes_the_place_of_the_dead_and_recovers_its_session(
    killed: SimpleNamespace,
) -> None:
    (session,) = killed.third.client.sessions()
    assert (session.state, session.directory) == ("recovered", killed.directory)
    assert read_recording(killed.directory).meta["end"]["reason"] == "cut off"
    assert killed.third.client.state().engine.stage == "idle"


def test_asked_to_leave_it_ends_the_session_and_removes_what_it_announced(killed: SimpleNamespace) -> None:
    engine = killed.third
    engine.begin()
    session_id = engine.client.state().session.recording.session_id
    engine.process.send_signal(signal.SIGINT)
    assert engine.process.wait(90) == 0
    assert not (killed.folder / "engine.json").exists()
    recording = read_recording(killed.folder / "sessions" / session_id)
    assert recording.complete
    assert recording.meta["end"]["reason"].startswith("it was stopped")
