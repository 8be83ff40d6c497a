"""What is written down once a recording is closed: beside it, with its time, and in the audit."""

import hashlib

import pytest
import sqlalchemy as sa

from biofeedback.errors import UsageError
from biofeedback.store.store import Store


def fingerprints(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


def test_a_rating_given_afterwards_stands_beside_those_of_the_recording(store, kept):
    before = fingerprints(kept.directory)
    store.sessions.add_rating(kept.id, "relaxation-vas", 70)
    store.sessions.add_rating(kept.id, "pain-nrs", None)
    recorded, later, refused = store.sessions.facts(kept.id).ratings
    assert (recorded.value, recorded.written_at) == (3.0, None)
    assert (later.scale, later.value, later.data["at"]) == ("relaxation-vas", 70.0, "afterwards")
    assert later.written_at > kept.begun_at
    assert (refused.scale, refused.value) == ("pain-nrs", None)
    assert fingerprints(kept.directory) == before
    assert [entry.action for entry in store.audit.entries()][-2:] == ["rating added", "rating added"]
    assert store.audit.verify() == []


def test_taking_a_session_in_again_keeps_what_was_added(store, kept):
    store.sessions.add_rating(kept.id, "pain-nrs", 2)
    store.sessions.add_note(kept.id, "slept on the way home")
    store.sessions.adopt(kept.directory)
    facts = store.sessions.facts(kept.id)
    assert [rating.value for rating in facts.ratings] == [3.0, 2.0]
    assert facts.notes[-1].text == "slept on the way home"
    assert store.audit.verify() == []


@pytest.mark.parametrize(
    ("scale", "value", "words"),
    [
        ("mood", 3, "there is no scale 'mood'; there are pain-nrs"),
        ("pain-nrs", 11, "pain-nrs is 11; it must lie between 0 and 10"),
        ("sam-arousal", 0, "sam-arousal is 0; it must lie between 1 and 9"),
    ],
)
def test_what_is_on_no_scale_is_refused(store, kept, scale, value, words):
    with pytest.raises(UsageError, match=words):
        store.sessions.add_rating(kept.id, scale, value)
    assert len(store.sessions.facts(kept.id).ratings) == 1


def test_a_deleted_session_takes_nothing_more(store, kept):
    store.retention.delete_session(kept.id)
    with pytest.raises(UsageError, match="was deleted"):
        store.sessions.add_rating(kept.id, "pain-nrs", 1)


def test_a_store_of_the_version_before_is_brought_up_to_date(store, kept, folder, clock):
    with store.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE ratings DROP COLUMN written_at"))
        connection.execute(sa.text("DROP TABLE setup_files"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with Store.open(folder, now=clock) as later:
        later.sessions.add_rating(kept.id, "pain-nrs", 1)
        assert [rating.value for rating in later.sessions.facts(kept.id).ratings] == [3.0, 1.0]
        assert later.audit.verify() == []
