"""The command line of the store: every refusal is one line, every exit status means one thing."""

import json
import shutil

import pytest

from biofeedback.store.store import Store

PROTOCOL = """\
id: short
version: 1
title: Short
rationale: long enough
sources: [none]
arm: closed-loop
cautions: [none]
phases:
  - {kind: silence, name: before, duration_s: 5}
  - {kind: match, name: match, duration_s: 10, tempo_bpm: 70}
end_fade_s: 15
"""


@pytest.fixture
def data(folder, monkeypatch):
    """The data folder that every command uses."""
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(folder))
    return folder


@pytest.fixture
def session(run, tmp_path):
    """Return a function that carries out a short session for a client."""
    (tmp_path / "short.yaml").write_text(PROTOCOL)

    def carry_out(*arguments, protocol=tmp_path / "short.yaml"):
        listener = ("--input", "listener=virtual:responder", "--time", "virtual", "--audio", "none")
        return run("run", "--protocol", protocol, *listener, *arguments)

    return carry_out


def test_from_a_client_to_a_verified_session_and_its_end(run, session, data, tmp_path):
    assert session("--client", "P-017")[::2] == (
        2,
        "biofeedback: there is no client P-017; add one with biofeedback clients add P-017\n",
    )
    assert run("clients", "add", "P-017", "--caution", "tinnitus", "--palette", "harp-bells")[0] == 0
    status, _, said = session("--client", "P-017")
    assert (status, said.count("\n")) == (2, 1)
    assert "has not agreed to carrying out sessions" in said
    assert list((data / "sessions").iterdir()) == []
    assert run("consent", "give", "P-017", "--version", "2026-03")[0] == 0

    status, out, _ = session("--client", "P-017")
    assert status == 0
    session_id = out.splitlines()[-1].split()[-1]
    (directory,) = (data / "sessions").iterdir()
    meta = json.loads((directory / "session.json").read_text())
    assert meta["arguments"]["audit_head"]["number"] == 4
    assert meta["end"]["audit_head"]["number"] == 4
    assert meta["piece"]["palette"] == "harp-bells"
    assert run("audit", "verify") == (0, "everything is as it was left\n", "")
    assert session_id in run("sessions", "list", "--search", "short")[1]
    assert json.loads(run("sessions", "show", session_id)[1])["client"] == "P-017"

    changed = tmp_path / "changed.yaml"
    changed.write_text(PROTOCOL.replace("tempo_bpm: 70", "tempo_bpm: 71"))
    status, _, said = session("--client", "P-017", protocol=changed)
    assert status == 2
    assert said == (
        "biofeedback: protocol short, version 1, was used before with another content; "
        "give the changed protocol another version\n"
    )
    assert session("--client", "P-017", "--set", "match.tempo_bpm=71")[0] == 0

    xdf = directory / "session.xdf"
    damaged = bytearray(xdf.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    xdf.write_bytes(damaged)
    status, out, _ = run("audit", "verify")
    assert (status, out) == (3, f"{xdf}: was changed\n1 finding\n")

    before = run("consent", "withdraw", "P-017")[1]
    assert "2 sessions of client P-017 will be deleted for good" in before
    assert "nothing was done yet" in before
    assert "done: deleted: 2 sessions" in run("consent", "withdraw", "P-017", "--yes")[1]
    assert list((data / "sessions").iterdir()) == []
    assert "has withdrawn" in session("--client", "P-017")[2]
    assert run("audit", "verify")[0] == 0
    assert "P-017" not in run("audit", "list")[1]


def test_a_session_that_cannot_begin_leaves_nothing(run, session, data):
    run("clients", "add", "P-1")
    run("consent", "give", "P-1", "--version", "1")
    assert session("--client", "P-1", "--set", "match.layers=99")[0] == 2
    assert session("--client", "P-1", "--inject", "ecg:silence@5+5")[0] == 2
    assert run("sessions", "list")[1] == "no sessions\n"
    assert run("audit", "verify")[0] == 0


def test_a_client_and_a_directory_are_not_given_together(session, tmp_path):
    status, _, said = session("--client", "P-1", "--out", tmp_path / "s")
    assert status == 2
    assert "not both" in said


def test_back_up_and_restore_are_one_command_each(run, store, kept, tmp_path):
    assert run("backup", tmp_path / "b.zip")[0] == 0
    status, _, said = run("restore", tmp_path / "b.zip")
    assert (status, said.count("\n")) == (2, 1)
    new = tmp_path / "new"
    status, out, _ = run("restore", tmp_path / "b.zip", "--data", new)
    assert (status, out.startswith(f"{new}: restored 1 session, 1 client, 0 saved protocols, ")) == (0, True)
    assert out.endswith("; every file is as it was written\n")
    assert run("audit", "verify", "--data", new, "--backup", tmp_path / "b.zip")[0] == 0


def test_what_was_cut_off_is_told_at_the_next_start(run, record, data, tmp_path):
    record(data / "sessions" / "one", end=None)
    status, _, said = run("clients", "list")
    assert status == 0
    assert said.startswith("biofeedback: recovered one: 29.9 s of recording are there; ")
    record(data / "sessions" / "two", end=None)
    assert run("sessions", "recover")[1].startswith("recovered two: ")
    assert run("sessions", "recover")[1] == "nothing was cut off\n"
    record(tmp_path / "three", end=None)
    assert "29.9 s of recording are there" in run("sessions", "recover", tmp_path / "three")[1]
    assert "nothing was done" in run("sessions", "recover", tmp_path / "three")[1]


def test_sessions_are_adopted_noted_and_deleted(run, store, client, record, tmp_path):
    session_id, directory = run("sessions", "adopt", record(tmp_path / "s"), "--client", client)[1].split()
    assert run("sessions", "note", session_id, "called: well")[0] == 0
    assert session_id in run("sessions", "list", "--search", "WELL")[1]
    assert "add --yes" in run("sessions", "delete", session_id)[1]
    assert run("sessions", "delete", "s", "--yes")[0] == 0
    assert not (store.folder / directory).exists()
    listed = json.loads(run("sessions", "list", "--deleted", "--json")[1])
    assert [entry["state"] for entry in listed] == ["deleted"]


def test_retention_is_set_shown_and_applied(run, store, kept):
    assert run("retention", "list")[1].startswith("no rules")
    run("retention", "set", 1)
    run("retention", "set", 5000, "--client", "P-017")
    assert "client P-017" in run("retention", "list")[1]
    assert run("retention", "apply", "--dry-run")[1] == "would be deleted: 0 sessions\n"
    run("retention", "remove", "--client", "P-017")
    assert "would be deleted: 1 session" in run("retention", "apply", "--dry-run")[1]
    assert store.sessions.get(kept.id) == kept
    assert "\ndeleted: 1 session" in run("retention", "apply")[1]
    assert not kept.directory.exists()


def test_clients_are_changed_shown_and_deleted(run, store, kept):
    run("clients", "change", "P-017", "--goal", "walk", "--volume-db", "-6")
    known = json.loads(run("clients", "show", "P-017")[1])
    assert (known["goals"], known["volume_db"], known["sessions"]) == (["walk"], -6.0, [kept.id])
    assert "storage" in run("consent", "show", "P-017")[1]
    assert "add --yes" in run("clients", "delete", "P-017")[1]
    assert run("clients", "delete", "P-017", "--yes")[0] == 0
    assert run("clients", "list")[1] == "none yet; add one with: biofeedback clients add CODE\n"
    assert run("clients", "list", "--json")[1] == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("clients", "add", "Anna Schmidt"),
        ("clients", "show", "P-9"),
        ("consent", "withdraw", "P-9"),
        ("sessions", "show", "x"),
        ("sessions", "adopt", "."),
        ("retention", "remove"),
        ("restore", "nothing.zip"),
    ],
    ids=" ".join,
)
def test_a_refusal_is_one_line(run, arguments):
    status, _, said = run(*arguments)
    assert (status, said.count("\n")) == (2, 1)
    assert said.startswith("biofeedback: ")


def test_a_store_that_cannot_be_opened_is_a_finding(run, store, data, clock):
    store.close()
    (data / "store.sqlite").write_bytes(b"not a database " * 100)
    shutil.rmtree(data / "sessions")
    status, out, _ = run("audit", "verify")
    assert status == 3
    assert "file is not a database" in out
    assert isinstance(store, Store)
