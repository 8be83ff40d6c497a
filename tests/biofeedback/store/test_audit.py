"""Every change leaves a row of the audit; every byte that is not as it was left is found and named."""

import random
import shutil
import sqlite3
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.errors import StoreError
from biofeedback.settings import STORE_NAME
from biofeedback.store.audit import HEADS_NAME
from biofeedback.store.store import Store
from biofeedback.store.tables import AUDIT, METADATA, NOTES, sha256_of
from protocols.loading import load

FEW = settings(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def full(store, client, kept, record):
    """A store with something in every table."""
    store.setups.save("room-1", "title: Room\ninputs: [ecg=lsl:name=Polar]\n")
    store.retention.set_rule(3650)
    store.sessions.add_note(kept.id, "called next day: well")
    begun = store.sessions.begin(
        store.sessions.new_directory("rest"), client=client, protocol=load("isoprinciple-relaxation")
    )
    record(begun.directory, about=store.audit.anchor())
    store.sessions.adopt(begun.directory)
    assert store.audit.verify() == []
    return store


def change(store, statement, *values):
    """Change the database behind the store's back."""
    with closing(sqlite3.connect(store.folder / STORE_NAME)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(statement, values)
        connection.commit()


@contextmanager
def as_it_was(store):
    """Put the database back afterwards."""
    connection = sqlite3.connect(store.folder / STORE_NAME)
    copy = sqlite3.connect(":memory:")
    connection.backup(copy)
    try:
        yield
    finally:
        copy.backup(connection)
        copy.close()
        connection.close()


def flipped(value, place, bit):
    """Return a value of a row with one bit of one byte changed."""
    if isinstance(value, int):
        return value ^ (1 << bit)
    if isinstance(value, float):
        return value + 2.0 ** (bit - 4)
    data = bytearray(value.encode())
    data[place % len(data)] ^= 1 << bit
    return bytes(data)


def rows_of(store):
    """Return (table, rowid, column, value) of everything that is in the database, in one order."""
    connection = sqlite3.connect(store.folder / STORE_NAME)
    found = []
    for table in METADATA.sorted_tables:
        names = [column.name for column in table.c]
        for row in connection.execute(f"SELECT rowid, {', '.join(names)} FROM {table.name} ORDER BY rowid"):  # noqa: S608 - names of ours
            found += [
                (table.name, row[0], name, value)
                for name, value in zip(names, row[1:], strict=True)
                if value not in (None, "")
            ]
    connection.close()
    return found


@FEW
@given(data=st.data())
def test_a_byte_flipped_in_any_row_is_found_and_the_row_is_named(full, data):
    before = rows_of(full)
    table, rowid, column, value = data.draw(st.sampled_from(before))
    changed = flipped(value, data.draw(st.integers(0, 200)), data.draw(st.integers(0, 7)))
    new = "CAST(? AS TEXT)" if isinstance(changed, bytes) else "?"
    with as_it_was(full):
        try:
            change(full, f"UPDATE {table} SET {column} = {new} WHERE rowid = ?", changed, rowid)  # noqa: S608
        except sqlite3.IntegrityError:  # another row has that number: the database itself refuses it
            return
        named = " ".join(str(finding) for finding in full.audit.verify())
    assert ("audit row" if table == "audit" else f"{table} row") in named
    assert full.audit.verify() == []


def test_a_consent_that_cannot_be_read_is_found_and_the_row_is_named(full):
    with as_it_was(full):
        change(full, "UPDATE consents SET scopes = '[\"sessions'")
        named = " ".join(str(finding) for finding in full.audit.verify())
    assert "consents row" in named


@FEW
@given(data=st.data())
def test_a_byte_flipped_in_any_kept_file_is_found_and_the_file_is_named(full, data):
    files = [path for path in sorted(full.folder.rglob("*")) if path.is_file() and "sqlite" not in path.name]
    path = data.draw(st.sampled_from(files))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    findings = full.audit.verify()
    path.write_bytes(whole)
    assert any(str(path) in str(finding) for finding in findings)
    assert full.audit.verify() == []


@FEW
@given(data=st.data())
def test_a_row_that_is_removed_is_found(full, data):
    table, rowid, *_ = data.draw(st.sampled_from(rows_of(full)))
    with as_it_was(full):
        change(full, f"DELETE FROM {table} WHERE rowid = ?", rowid)  # noqa: S608 - a name of ours
        assert full.audit.verify()
    assert full.audit.verify() == []


def newest(store):
    return store.audit.head().number


def test_an_audit_that_is_cut_off_at_its_end_is_found_by_the_file_of_its_heads(full):
    last = newest(full)
    full.audit.log_event("back-up made")
    change(full, "DELETE FROM audit WHERE number > ?", last)
    assert [str(finding) for finding in full.audit.verify()] == [
        f"audit row {last + 1}: is missing; {full.folder / HEADS_NAME} {last + 1} knows it"
    ]


def test_an_audit_that_is_cut_off_with_the_file_of_its_heads_is_found_by_a_session(full, clock, record):
    record(full.sessions.new_directory("later"), about=full.audit.anchor())
    lines = (full.folder / HEADS_NAME).read_text().splitlines(keepends=True)
    (full.folder / HEADS_NAME).write_text("".join(lines[:-1]))
    change(full, "DELETE FROM audit WHERE number = ?", newest(full))
    assert any("later/session.json (arguments) knows it" in str(finding) for finding in full.audit.verify())


def test_a_chain_that_was_written_anew_is_found_by_what_others_hold(full):
    """Somebody who knows how the chain is made changes a row and all that follow."""
    head = full.audit.head()
    entries = full.audit.entries()
    change(full, "DELETE FROM audit")
    previous = "0" * 64
    with full.database.writing() as connection:
        for entry in entries:
            values = {**entry.values(), "previous": previous}
            if entry.number == 2:
                values["at"] = "2020-01-01T00:00:00.000+00:00"
            previous = sha256_of(values)
            connection.execute(sa.insert(AUDIT).values(**values, sha256=previous))
    (full.folder / HEADS_NAME).unlink()
    findings = {str(finding) for finding in full.audit.verify({"b.zip": head})}
    assert f"audit row {head.number}: is not the one that b.zip knows" in findings
    assert f"{full.folder / HEADS_NAME}: is missing" in findings
    assert any("session.json (arguments) knows" in finding for finding in findings)


def test_facts_that_contradict_the_recording_are_found_although_the_audit_agrees(full, kept):
    """Somebody changes a fact through the store's own means."""
    with full.sessions._transactions.write() as entry:
        entry.delete(NOTES, (NOTES.c.session_id == kept.id) & (NOTES.c.number == 0))
        note = {"session_id": kept.id, "number": 0, "t_s": 1.0, "text": "slept well", "written_at": None}
        entry.insert_all(NOTES, [note])
        entry.log("note added", "session", kept.id)
    assert [str(finding) for finding in full.audit.verify()] == [
        f"notes row 0 of session {kept.id}: contradicts the recording"
    ]


def test_a_session_directory_that_is_gone_or_new_is_named(full, kept, record, folder):
    shutil.rmtree(kept.directory)
    record(folder / "sessions" / "unknown")
    record(folder / "sessions" / "cut", end=None)
    findings = {str(finding) for finding in full.audit.verify()}
    assert f"{kept.directory / 'session.json'}: is missing" in findings
    assert any("unknown: is not in the store" in finding for finding in findings)
    assert any("cut: was cut off" in finding for finding in findings)


def test_a_byte_flipped_anywhere_in_the_database_file_is_found_unless_no_row_is_touched(full, clock):
    before = rows_of(full)
    full.database.tidy()
    full.close()
    path = full.folder / STORE_NAME
    whole = path.read_bytes()
    rng = random.Random(5)
    outcomes = set()
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[rng.randrange(4096, len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            with Store.open(full.folder, now=clock, recover=False) as store:
                found = bool(store.audit.verify())
        except StoreError:
            found = True
        if not found:
            assert rows_of(full) == before
        outcomes.add(found)
        for name in (f"{STORE_NAME}-wal", f"{STORE_NAME}-shm"):
            (full.folder / name).unlink(missing_ok=True)
    assert outcomes == {True, False}


def test_neither_pseudonym_nor_free_text_is_in_the_audit_or_its_file(full, client, kept, record, tmp_path):
    full.sessions.adopt(record(tmp_path / "Anna-Schmidt", note="divorced"), client)
    full.sessions.add_adverse_event(kept.id, "fainted", "severe")
    full.retention.withdraw_consent(client, ["storage"])
    full.retention.delete_client(client)
    audit = " ".join(f"{entry}" for entry in full.audit.entries()) + (full.folder / HEADS_NAME).read_text()
    for private in (
        "P-017",
        "slept",
        "dizzy",
        "Anna",
        "divorced",
        "fainted",
        "called",
        "tinnitus",
        "sleep better",
        "Room",
    ):
        assert private not in audit
