"""Sessions, begun under the store or not, taken in from their directories by one path."""

import shutil

import pytest

from biofeedback.errors import RecordingError, UsageError
from protocols.loading import load

REST = load("isoprinciple-relaxation")


def test_the_facts_are_those_of_the_recording(store, kept):
    assert (kept.state, kept.client, kept.protocol, kept.arm) == ("closed", "P-017", "rest", "closed-loop")
    assert (kept.duration_s, kept.reason, kept.seed, kept.clock) == (30.0, "complete", 7, "real")
    assert (kept.inputs, kept.complete) == (("eda",), True)
    facts = store.sessions.facts(kept.id)
    assert [(phase.name, phase.begin_s, phase.end_s) for phase in facts.phases] == [("quiet", 0.0, 30.0)]
    assert [(note.t_s, note.text) for note in facts.notes] == [(1.0, "slept badly")]
    assert [(event.t_s, event.severity, event.text) for event in facts.adverse_events] == [
        (2.0, "mild", "dizzy")
    ]
    assert [(rating.t_s, rating.scale, rating.value) for rating in facts.ratings] == [(4.0, "pain-nrs", 3.0)]
    assert [(event.type, event.text) for event in facts.events] == [("marker", "door slammed")]
    assert [(command.name, command.accepted) for command in facts.commands] == [
        ("note", True),
        ("adverse event", True),
        ("skip", False),
    ]


def test_a_session_begun_under_the_store_is_the_same_one_when_it_is_taken_in(store, client, record):
    begun = store.sessions.begin(store.sessions.new_directory("Zur Ruhe"), client=client, protocol=REST)
    assert begun.state == "open"
    assert begun.directory.name.endswith("-zur-ruhe")
    record(begun.directory)
    taken = store.sessions.adopt(begun.directory)
    assert (taken.id, taken.client, taken.state) == (begun.id, client, "closed")
    assert store.audit.verify() == []


def test_without_consent_no_session_begins(store):
    store.clients.add("P-2")
    directory = store.sessions.new_directory("x")
    with pytest.raises(UsageError, match="client P-2 has not agreed to carrying out sessions"):
        store.sessions.begin(directory, client="P-2", protocol=REST)
    store.clients.give_consent("P-2", version="1", scopes=("sessions",))
    with pytest.raises(UsageError, match="has not agreed to keeping the recordings"):
        store.sessions.begin(directory, client="P-2", protocol=REST)
    assert store.sessions.list() == ()


def test_a_session_of_which_nothing_was_recorded_can_be_forgotten(store, client, record):
    begun = store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=REST)
    store.sessions.abandon(begun.id)
    assert store.sessions.list() == ()
    assert store.audit.verify() == []
    again = store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=REST)
    record(again.directory)
    with pytest.raises(UsageError, match="has a recording"):
        store.sessions.abandon(again.id)


def test_a_directory_from_elsewhere_is_copied_in_and_stays_where_it_is(store, client, record, tmp_path):
    elsewhere = record(tmp_path / "Großmutter")
    session = store.sessions.adopt(elsewhere, client)
    assert session.directory == store.folder / "sessions" / "Großmutter"
    assert (elsewhere / "session.xdf").read_bytes() == (session.directory / "session.xdf").read_bytes()
    assert store.audit.verify() == []
    with pytest.raises(UsageError, match=f"in the store already, as session {session.id}"):
        store.sessions.adopt(elsewhere)


def test_two_directories_of_one_name_are_two_sessions(store, record, tmp_path):
    first = store.sessions.adopt(record(tmp_path / "a" / "s"))
    second = store.sessions.adopt(record(tmp_path / "b" / "s", note="other"))
    assert [session.directory.name for session in (first, second)] == ["s", "s-2"]


def test_taking_in_again_changes_nothing_and_keeps_what_was_written_afterwards(store, kept):
    store.sessions.add_note(kept.id, "called next day: well")
    store.sessions.add_adverse_event(kept.id, "headache at night", "moderate")
    before = store.sessions.facts(kept.id)
    assert store.sessions.adopt(kept.directory) == store.sessions.get(kept.id) == kept
    assert store.sessions.facts(kept.id) == before
    assert [note.text for note in before.notes] == ["slept badly", "called next day: well"]
    assert before.notes[1].t_s is None
    assert before.notes[1].written_at is not None
    assert store.audit.verify() == []


def test_what_is_no_closed_session_is_refused(store, record, folder, tmp_path):
    with pytest.raises(RecordingError, match="holds no session"):
        store.sessions.adopt(tmp_path)
    with pytest.raises(RecordingError, match="was not closed"):
        store.sessions.adopt(record(tmp_path / "cut", end=None))
    assert list((folder / "sessions").iterdir()) == []


def test_sessions_are_listed_newest_first_and_searched(store, client, record, edit_meta, tmp_path):
    for number, note in enumerate(["slept badly", "50% of the Pain", "umarmt"], start=1):
        directory = record(tmp_path / f"s{number}", note=note)
        edit_meta(directory, lambda meta, day=number: meta.update(t0_wall=f"2026-03-0{day}T23:30:00-08:00"))
        store.sessions.adopt(directory, client if number == 2 else None)

    def names(*args, **kwargs):
        return [session.directory.name for session in store.sessions.list(*args, **kwargs)]

    assert names() == ["s3", "s2", "s1"]
    assert names(limit=1, offset=1) == ["s2"]
    assert names("BADLY") == ["s1"]
    assert names("p-017 pain") == ["s2"]
    assert names("50%") == ["s2"]
    assert names("%") == ["s2"]
    assert names("2026-03-03") == ["s3"]
    assert names("slammed") == names("Coming") == ["s3", "s2", "s1"]
    assert names("nowhere") == []
    assert names(client=client) == ["s2"]


def test_a_session_is_known_by_its_directory_too(store, kept):
    assert store.sessions.get("one") == kept
    with pytest.raises(UsageError, match="there is no session two"):
        store.sessions.get("two")


def test_numbers_and_texts_that_no_database_keeps_do_no_harm(store, record, edit_meta, tmp_path):
    directory = record(tmp_path / "odd", note="a\x00b\ud800c")
    edit_meta(directory, lambda meta: meta["end"].update(reason="x\ud800", duration_s=float("nan")))
    session = store.sessions.adopt(directory)
    assert session.duration_s is None
    assert store.sessions.facts(session.id).notes[0].text == "a\N{REPLACEMENT CHARACTER}b?c"
    assert store.audit.verify() == []
    shutil.rmtree(session.directory)
    assert [finding.what for finding in store.audit.verify()] == ["is missing"]
