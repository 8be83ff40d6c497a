"""``biofeedback export``: refusals, exit statuses, the key, and memory that does not grow."""

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pyedflib
import pytest

from biofeedback.cli import exit_status
from biofeedback.errors import UsageError
from biofeedback.exports import FORMATS
from biofeedback.exports.consent import key_of, number_participants
from biofeedback.exports.export import export
from biofeedback.recording import xdf
from biofeedback.recording.reader import BLOCK_SAMPLES, open_streams
from biofeedback.store.store import Store


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_all_formats_at_once_each_in_its_folder(session_directory, tmp_path, capsys, data):
    out = tmp_path / "größe"
    assert exit_status(["export", str(session_directory), "--to", "all", "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == set(FORMATS)
    for kind in FORMATS:
        text = (out / kind / "README.md").read_text(encoding="utf-8")
        assert (
            "For research and therapist-supervised use; not for diagnosis, monitoring or treatment." in text
        )
    assert str(out) in capsys.readouterr().out
    assert (data / "export.key").stat().st_mode & 0o077 == 0


def test_nothing_is_overwritten(session_directory, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    arguments = ["export", str(session_directory), "--to", "csv", "--out", str(tmp_path / "out")]
    assert exit_status(arguments) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["export", "--to", "csv", "--out", "x"], "DIR"),
        (["export", ".", "--out", "x"], "--to"),
        (["export", ".", "--to", "xls", "--out", "x"], "xls"),
        (["export", ".", "--to", "csv"], "--out"),
    ],
    ids=["no session", "no format", "unknown format", "no folder"],
)
def test_wrong_use_is_one_line(arguments, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert exit_status(arguments) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err


def test_a_folder_without_a_session_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert exit_status(["export", str(tmp_path / "empty"), "--to", "csv", "--out", str(tmp_path / "o")]) == 2
    assert "holds no session" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_session_given_twice_and_an_export_into_a_session_are_refused(session_directory, order):
    with pytest.raises(UsageError, match="twice"):
        export([session_directory, session_directory], order("csv"))
    inside = order("csv").__class__(formats=("csv",), out=session_directory / "out", key=b"k" * 32)
    with pytest.raises(UsageError, match="lies in a session"):
        export([session_directory], inside)


def test_an_export_that_identifies_ends_with_status_3(session_directory, tmp_path, capsys, monkeypatch):
    def written(*_):
        wrote = write(*_)
        (_[2] / "leak.txt").write_text("Praxis Dr. Sommerfeld", encoding="utf-8")
        return wrote

    module = export.__globals__
    write = module["_write_session"]
    monkeypatch.setitem(module, "_write_session", written)
    out = tmp_path / "out"
    assert exit_status(["export", str(session_directory), "--to", "midi", "--out", str(out)]) == 3
    assert "leak.txt: session.json: arguments.setup" in capsys.readouterr().err
    assert not out.exists()


def test_a_cut_off_session_is_exported_and_says_so(recorded, tmp_path, order):
    directory = recorded.record(tmp_path / "cut", close=False, until_s=20.0, sound=False)
    data = (directory / "session.xdf").read_bytes()
    (directory / "session.xdf").write_bytes(data[: len(data) - 777])
    folder = export([directory], order("csv", "edf")).folder
    for kind in ("csv", "edf"):
        assert "was cut off" in (folder / kind / "README.md").read_text(encoding="utf-8")
        told = json.loads((folder / kind / "provenance.json").read_text(encoding="utf-8"))
        assert told["sessions"][0]["complete"] is False


def test_a_session_of_nothing_is_exported(recorded, tmp_path, order):
    directory = recorded.record(tmp_path / "nothing", until_s=0.0, sound=False)
    exported = export([directory], order(*FORMATS))
    assert "edf, sub-001_ses-001: no signal with a rate was recorded" in exported.left_out


CODES = ("K-17", "K-18", "K-19", None, "K-17")


def test_numbers_follow_the_key_and_not_the_codes():
    sessions = [(code, f"2026-0{number}-01") for number, code in enumerate(CODES, start=1)]
    orders = {
        tuple(one.subject for one in number_participants(sessions, bytes([key]) * 32)) for key in range(40)
    }
    assert len(orders) > 10
    for subjects in orders:
        assert subjects[0] == subjects[4]
        assert len(set(subjects)) == 4
    found = number_participants(sessions, b"k" * 32)
    assert (found[0].session, found[4].session) == ("001", "002")
    assert found == number_participants(sessions, b"k" * 32)


def test_the_key_is_kept_and_must_be_one(tmp_path):
    key = key_of(tmp_path / "new" / "my.key")
    assert key == key_of(tmp_path / "new" / "my.key")
    (tmp_path / "short").write_text("abc", encoding="utf-8")
    with pytest.raises(UsageError, match="too short"):
        key_of(tmp_path / "short")


def test_long_sessions_are_read_and_written_a_block_at_a_time(recorded, tmp_path, order):
    directory = recorded.record(tmp_path / "long", until_s=2.0, sound=False, close=False)
    lengthen(directory / "session.xdf", seconds=1500)
    blocks = [times.size for times, _ in open_streams(directory)["ecg"].blocks()]
    assert sum(blocks) == 1500 * 250
    assert max(blocks) <= BLOCK_SAMPLES + 125
    folder = export([directory], order("csv", "bids", "edf")).folder
    with (folder / "csv" / "sub-001" / "ses-001" / "ecg.csv").open("rb") as file:
        assert sum(1 for _ in file) == 1 + 1500 * 250
    (physio,) = folder.rglob("*recording-ecg_physio.tsv.gz")
    assert gzip.decompress(physio.read_bytes()).count(b"\n") == 1500 * 250
    with pyedflib.EdfReader(str(next(folder.rglob("*.edf")))) as file:
        assert file.getNSamples()[0] == 1500 * 250


def lengthen(path, *, seconds):
    """Append ECG of so many seconds to a recording, as chunks of half a second."""
    with path.open("ab") as file:
        for half in range(4, 2 * seconds):
            times = 5065.25 + half / 2 + np.arange(125) / 250
            samples = np.sin(times)[:, None]
            file.write(xdf.samples_chunk(1, 125, xdf.numeric_samples(times, samples)))


def test_clients_come_from_what_is_known(session_directory, recorded, agreed, tmp_path, order):
    other = recorded.record(tmp_path / "other", until_s=5.0, sound=False)
    clients = {session_directory.name: "K-17", "other": "K-18"}
    folder = export(
        [session_directory, other], order("midi"), know=lambda path: agreed(clients[path.name])
    ).folder
    assert {path.name for path in folder.glob("sub-*")} == {"sub-001", "sub-002"}


def test_what_the_store_knows_does_not_leave(recorded, tmp_path, data):
    directory = recorded.record(tmp_path / "recorded", until_s=5.0, sound=False)
    with Store.open(data, now=lambda: datetime(2026, 3, 1, 10, tzinfo=UTC)) as store:
        store.clients.add("Q-4711")
        session = store.sessions.adopt(directory, "Q-4711")
        store.sessions.add_note(session.id, "Rief abends noch einmal an")
        store.clients.give_consent("Q-4711", version="1", scopes=("sessions", "storage", "research"))
    out = tmp_path / "out"
    arguments = ["export", str(session.directory), "--out", str(out), "--to"]
    assert exit_status([*arguments, "csv"]) == 0
    told = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert told["sessions"][0]["session"] == "sub-001_ses-001"
    for path in out.rglob("*.*"):
        assert not {"Q-4711", "abends", session.id} & {
            *path.read_text(encoding="utf-8").replace('"', " ").split()
        }
    assert exit_status([*arguments[:3], str(tmp_path / "named"), "--to", "csv", "--identified"]) == 0
    named = json.loads((tmp_path / "named" / "provenance.json").read_text(encoding="utf-8"))
    assert named["sessions"][0]["identified"]["client"] == "Q-4711"
