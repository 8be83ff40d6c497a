"""Consent to research: it travels with the recording, and the store's present consent outranks it."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from biofeedback.cli import exit_status
from biofeedback.exports.consent import Permission, permission
from biofeedback.recording.consent import RecordedConsent, recorded_consent
from biofeedback.recording.storage import read_meta
from biofeedback.store.store import Store
from protocols.loading import load

CARE = ("sessions", "storage")
ALL = (*CARE, "research")


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def open_store(folder):
    return Store.open(folder, now=lambda: datetime(2026, 3, 1, 10, tzinfo=UTC))


@pytest.fixture
def session_of_client(recorded):
    """Return a function that records a session of a client into a data folder, as ``run --client`` does."""

    def make(folder, scopes):
        with open_store(folder) as store:
            store.clients.add("Q-4711")
            store.clients.give_consent("Q-4711", version="1", scopes=scopes)
            directory = store.sessions.new_directory("rest")
            begun = store.sessions.begin(directory, client="Q-4711", protocol=load("isoprinciple-relaxation"))
            consent = store.sessions.recorded_consent(begun.id)
            recorded.record(directory, until_s=5.0, sound=False, consent=consent)
            store.sessions.adopt(directory)
        return directory

    return make


@pytest.fixture
def export(tmp_path, capsys):
    """Return a function that exports a directory and returns status and what was said."""
    count = iter(range(100))

    def run(directory, *options):
        out = tmp_path / f"out{next(count)}"
        status = exit_status(["export", str(directory), "--to", "csv", "--out", str(out), *options])
        assert out.exists() == (status == 0)
        return status, capsys.readouterr().err

    return run


def edit(directory, change):
    path = directory / "session.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    change(meta)
    path.write_text(json.dumps(meta), encoding="utf-8")


def as_recorded_before(meta):
    """Make a ``session.json`` as it was before consents were recorded."""
    del meta["consent"]
    meta["arguments"]["audit_head"] = {"number": 3, "sha256": "cd" * 32}


def test_a_copy_of_a_session_that_is_not_for_research_is_refused(session_of_client, export, data, tmp_path):
    copy = shutil.copytree(session_of_client(data, CARE), tmp_path / "copy")
    status, said = export(copy)
    assert status == 2
    assert "its client has not agreed to research" in said


def test_a_session_in_another_data_folder_is_refused(session_of_client, export, tmp_path):
    directory = session_of_client(tmp_path / "elsewhere", CARE)
    assert export(directory)[0] == 2
    shutil.rmtree(tmp_path / "elsewhere" / "store.sqlite", ignore_errors=True)
    copy = shutil.copytree(directory, tmp_path / "no store beside it")
    status, said = export(copy)
    assert status == 2
    assert "its client has not agreed to research" in said
    assert export(copy, "--identified")[0] == 0


def test_consent_to_research_goes_with_the_recording(session_of_client, export, tmp_path):
    directory = session_of_client(tmp_path / "elsewhere", ALL)
    assert export(shutil.copytree(directory, tmp_path / "copy"))[0] == 0


def test_a_consent_withdrawn_later_outranks_the_recording(session_of_client, export, data, tmp_path):
    directory = session_of_client(data, ALL)
    copy = shutil.copytree(directory, tmp_path / "copy")
    assert export(directory)[0] == 0
    with open_store(data) as store:
        store.retention.withdraw_consent("Q-4711", ("research",))
    for place in (directory, copy):
        status, said = export(place)
        assert status == 2
        assert "has withdrawn the consent to research" in said
    assert export(copy, "--identified")[0] == 0


def test_a_consent_given_later_outranks_the_recording(session_of_client, export, data, tmp_path):
    copy = shutil.copytree(session_of_client(data, CARE), tmp_path / "copy")
    with open_store(data) as store:
        store.clients.give_consent("Q-4711", version="2", scopes=ALL)
    assert export(copy)[0] == 0


def test_the_copy_of_a_deleted_session_is_refused(session_of_client, export, data, tmp_path):
    directory = session_of_client(data, ALL)
    copy = shutil.copytree(directory, tmp_path / "copy")
    with open_store(data) as store:
        store.retention.delete_session(directory.name)
    status, said = export(copy)
    assert status == 2
    assert "has deleted it" in said


def test_a_scope_added_by_hand_is_noticed(session_of_client, export, data, tmp_path):
    directory = session_of_client(tmp_path / "elsewhere", CARE)
    copy = shutil.copytree(directory, tmp_path / "copy")
    edit(copy, lambda meta: meta["consent"].update(scopes=list(ALL)))
    status, said = export(copy)
    assert status == 2
    assert "the file was changed" in said
    edit(directory, lambda meta: meta["consent"].update(scopes=list(ALL)))
    with open_store(tmp_path / "elsewhere") as store:
        assert "the consent in session.json was changed" in str([str(one) for one in store.audit.verify()])


def test_a_scope_added_with_its_checksum_is_noticed_by_the_store(session_of_client, export, data, tmp_path):
    def widen(meta):
        consent = recorded_consent(meta)
        wider = RecordedConsent(scopes=ALL, consent=consent.consent, session=consent.session)
        meta["consent"] = wider.entry(meta)

    directory = session_of_client(data, CARE)
    copy = shutil.copytree(directory, tmp_path / "copy")
    edit(copy, widen)
    status, said = export(copy)
    assert status == 2
    assert "the file was changed" in said
    edit(directory, widen)
    with open_store(data) as store:
        assert "holds a consent that the client has not given" in str(
            [str(one) for one in store.audit.verify()]
        )


def test_a_consent_of_another_session_does_not_fit(session_of_client, recorded, tmp_path):
    consent = read_meta(session_of_client(tmp_path / "elsewhere", ALL))["consent"]
    meta = {**read_meta(recorded.record(tmp_path / "own", until_s=1.0, sound=False)), "seed": 8}
    assert permission({**meta, "consent": consent}, None) is Permission.ALTERED


@pytest.mark.parametrize(
    "consent", ["research", ["research"], {"scopes": ["research"]}, {"scopes": 1, "consent": 1, "session": 1}]
)
def test_what_is_no_consent_is_refused(consent):
    assert permission({"consent": consent}, None) is Permission.ALTERED


def test_a_recording_of_before_with_a_client_needs_the_store_or_somebodys_word(
    recorded, export, data, tmp_path
):
    directory = recorded.record(tmp_path / "before", until_s=5.0, sound=False)
    edit(directory, as_recorded_before)
    status, said = export(directory)
    assert status == 2
    assert "--consent research --by NAME" in said
    assert "BIOFEEDBACK_DATA" in said
    status, said = export(directory, "--consent", "research", "--by", "Dr. Sommer")
    assert status == 0, said
    with open_store(data) as store:
        assert store.audit.entries()[-1].action == "research stated by Dr. Sommer"
        assert store.audit.verify() == []
        store.clients.add("Q-4711")
        store.sessions.adopt(directory, "Q-4711")
    assert export(directory, "--consent", "research", "--by", "Dr. Sommer")[0] == 2
    with open_store(data) as store:
        store.clients.give_consent("Q-4711", version="1", scopes=ALL)
    assert export(directory)[0] == 0


def test_a_recording_of_before_without_a_client_is_exported(recorded, export, tmp_path):
    directory = recorded.record(tmp_path / "before", until_s=5.0, sound=False)
    edit(directory, lambda meta: meta.pop("consent"))
    assert export(directory)[0] == 0


def test_a_session_of_nobody_recorded_with_the_store_is_exported(recorded, export, data, tmp_path):
    with open_store(data) as store:
        store.audit.log_event("back-up made")
        head = store.audit.anchor()
        directory = recorded.record(store.sessions.new_directory("rest"), until_s=5.0, sound=False)
        edit(directory, lambda meta: (meta.pop("consent"), meta["arguments"].update(head)))
        store.sessions.adopt(directory)
    assert export(directory)[0] == 0
    elsewhere = recorded.record(tmp_path / "of another store", until_s=4.0, sound=False)
    edit(elsewhere, as_recorded_before)
    with open_store(data) as store:
        adopted = store.sessions.adopt(elsewhere)
    assert export(adopted.directory)[0] == 2


def test_adopting_a_session_for_a_client_writes_the_consent_into_it(recorded, export, data, tmp_path):
    directory = recorded.record(tmp_path / "recorded", until_s=5.0, sound=False)
    with open_store(data) as store:
        store.clients.add("Q-4711")
        store.clients.give_consent("Q-4711", version="1", scopes=CARE)
        adopted = store.sessions.adopt(directory, "Q-4711")
        assert store.audit.verify() == []
    assert recorded_consent(read_meta(adopted.directory)).scopes == CARE
    copy = shutil.copytree(adopted.directory, tmp_path / "copy")
    shutil.rmtree(data)
    assert export(copy)[0] == 2


@pytest.mark.parametrize(
    "options", [["--consent", "research"], ["--by", "N"], ["--consent", "research", "--by", "N" * 41]]
)
def test_a_stated_consent_needs_a_name(session_directory, export, options):
    assert export(session_directory, *options)[0] == 2


def test_who_stated_a_consent_is_not_in_the_export(recorded, export, tmp_path):
    directory = recorded.record(tmp_path / "before", until_s=5.0, sound=False)
    edit(directory, as_recorded_before)
    assert export(directory, "--consent", "research", "--by", "Sommer")[0] == 0
    for path in (tmp_path / "out0").rglob("*.*"):
        assert "Sommer" not in path.read_text(encoding="utf-8").replace("Sommerfeld", "")
