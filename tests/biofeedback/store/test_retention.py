"""Retention, verified deletion, withdrawal of consent."""

from datetime import timedelta

import pytest

from biofeedback.errors import StoreError, UsageError
from biofeedback.store import retention
from biofeedback.store.store import Store
from protocols.loading import load


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_what_is_deleted_is_gone_from_every_file(store, kept):
    store.sessions.add_note(kept.id, "called next day: well")
    assert b"slept badly" in bytes_of(store.folder)
    store.retention.delete_session(kept.id)
    left = bytes_of(store.folder)
    for text in (b"slept badly", b"dizzy", b"door slammed", b"called next day", b"Coming to rest"):
        assert text not in left
    assert not kept.directory.exists()
    assert store.audit.verify() == []


def test_an_entry_without_content_stays(store, kept):
    store.retention.delete_session(kept.id)
    assert store.sessions.list() == ()
    (left,) = store.sessions.list(deleted=True)
    assert (left.id, left.state, left.deleted_why) == (kept.id, "deleted", "asked for")
    assert left.meta_sha256 == kept.meta_sha256
    assert (left.client, left.directory, left.protocol, left.started, left.reason) == (None,) * 5
    with pytest.raises(UsageError, match="was deleted before"):
        store.retention.delete_session(kept.id)
    with pytest.raises(UsageError, match="was deleted"):
        store.sessions.add_note(kept.id, "more")


def test_a_directory_that_cannot_be_removed_is_said_and_removed_at_the_next_start(
    store, kept, folder, clock, monkeypatch
):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(retention.shutil, "rmtree", refuse)
        with pytest.raises(StoreError, match="one cannot be removed: Permission denied"):
            store.retention.delete_session(kept.id)
        assert store.sessions.get(kept.id).state == "deleting"
        with Store.open(folder, now=clock) as later:
            assert "its deletion cannot be finished: " in str(later.recovered[0])
    with Store.open(folder, now=clock) as later:
        assert [str(entry) for entry in later.recovered] == [f"{kept.id}: its deletion was finished"]
        assert not kept.directory.exists()
        assert later.audit.verify() == []


def test_withdrawing_storage_deletes_sessions_and_what_was_written_about_the_client(store, client, kept):
    (said,) = store.retention.what_withdrawal_does(client, ["storage"])
    assert "1 session of client P-017 will be deleted for good" in said
    assert store.sessions.get(kept.id) == kept
    done = store.retention.withdraw_consent(client, ["storage"])
    assert done[-1] == "deleted: 1 session, and what was written about the client"
    assert not kept.directory.exists()
    assert b"tinnitus" not in bytes_of(store.folder)
    assert store.clients.consent_of(client).scopes == ("sessions", "research")
    with pytest.raises(UsageError, match="has withdrawn, on 2026-03-01, the consent to keeping"):
        store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=load("u-arc"))
    assert store.audit.verify() == []


@pytest.mark.parametrize("scope", ["sessions", "research"])
def test_withdrawing_anything_else_deletes_nothing(store, client, kept, scope):
    (said,) = store.retention.what_withdrawal_does(client, [scope])
    assert said.endswith(("stay", "stays"))
    store.retention.withdraw_consent(client, [scope])
    assert store.sessions.get(kept.id) == kept
    assert scope not in store.clients.consent_of(client).scopes
    assert store.audit.verify() == []


def test_what_was_not_agreed_to_cannot_be_withdrawn(store, client):
    store.retention.withdraw_consent(client, ["research"])
    with pytest.raises(UsageError, match="no consent to research to withdraw; there is: sessions, storage"):
        store.retention.withdraw_consent(client, ["research"])


def test_a_session_that_is_going_on_when_consent_is_withdrawn_goes_later(
    store, client, record, folder, clock
):
    begun = store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=load("u-arc"))
    record(begun.directory)
    path = begun.directory / "session.xdf"
    with retention.held_by_us(path) as held:
        assert held
        with pytest.raises(UsageError, match="is being recorded; stop it first"):
            store.retention.delete_session(begun.id)
        done = store.retention.withdraw_consent(client, ["storage"])
        assert done[-1].startswith("deleted: 0 sessions")
        assert begun.directory.exists()
    store.sessions.adopt(begun.directory)
    with Store.open(folder, now=clock) as later:
        assert [entry.did for entry in later.recovered] == [
            ("deleted: 1 session, and what was written about the client",)
        ]
        assert not begun.directory.exists()


def test_a_client_is_deleted_with_everything(store, client, kept):
    store.retention.set_rule(30, client)
    assert store.retention.delete_client(client) == 1
    assert store.clients.list() == ()
    assert store.retention.rules() == ()
    assert b"P-017" not in bytes_of(store.folder)
    assert store.audit.verify() == []


@pytest.fixture
def aged(store, client, clock, record, folder):
    """Sessions of the client, of another and of nobody; 100 days later."""
    store.clients.add("P-2")
    for number, whose in enumerate([client, "P-2", None]):
        store.sessions.adopt(record(folder / "sessions" / f"s{number}", note=f"{number}"), whose)
    clock.at += timedelta(days=100)
    return store


def past(store):
    return [session.client for session in store.retention.past()]


def test_without_a_rule_everything_is_kept(aged):
    assert past(aged) == []


def test_consent_goes_before_the_clients_rule_and_that_before_the_rule_for_all(aged, client):
    aged.retention.set_rule(99)
    assert sorted(past(aged), key=str) == [None, "P-017", "P-2"]
    aged.retention.set_rule(101, "P-2")
    assert sorted(past(aged), key=str) == [None, "P-017"]
    aged.clients.give_consent(client, version="2", keep_days=200)
    assert past(aged) == [None]
    aged.retention.set_rule(None)
    assert past(aged) == []
    with pytest.raises(UsageError, match="there is no such rule"):
        aged.retention.set_rule(None)


def test_what_is_past_its_time_is_deleted_and_nothing_else(aged):
    aged.retention.set_rule(50, "P-2")
    (gone,) = aged.retention.apply()
    assert (gone.client, gone.directory.exists()) == ("P-2", False)
    assert len(aged.sessions.list()) == 2
    assert [session.deleted_why for session in aged.sessions.list(deleted=True) if session.deleted_why] == [
        "retention"
    ]
    assert aged.retention.apply() == ()
    assert aged.audit.verify() == []


def test_a_clock_that_was_set_back_makes_nothing_old(aged, clock):
    aged.retention.set_rule(1)
    clock.at -= timedelta(days=200)
    assert past(aged) == []
