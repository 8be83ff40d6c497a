"""Verification of a store, and recovery of sessions and deletions that were interrupted."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from biofeedback.errors import BiofeedbackError, RecordingError, StoreError
from biofeedback.recording.consent import recorded_consent
from biofeedback.recording.storage import META_NAME, XDF_NAME, file_sha256, held_by_us, read_meta
from biofeedback.store import audit
from biofeedback.store.clients import newest_consents
from biofeedback.store.database import Repository, Transactions, sealed
from biofeedback.store.records import AuditEntry, AuditFinding, AuditHead, Recovered, Session, SessionState
from biofeedback.store.retention import Retention
from biofeedback.store.session_index import index_session, listed_files
from biofeedback.store.sessions import SESSIONS_FOLDER, SessionRepository
from biofeedback.store.tables import CONSENTS, DIGEST, FACTS, SESSIONS, SUBJECTS, joint_digest, row_digest

_NEVER_BEGAN = timedelta(days=1)
"""After so long, a session that was begun but of which nothing was recorded is forgotten."""


class Recovery(Repository):
    """Completes what an interruption left unfinished.

    Parameters
    ----------
    transactions : Transactions
        Of the store.
    sessions : SessionRepository
        In it.
    retention : Retention
        In it.
    audit : AuditLog
        In it.
    """

    def __init__(
        self, transactions: Transactions, sessions: SessionRepository, retention: Retention, audit: AuditLog
    ) -> None:
        super().__init__(transactions)
        self._sessions = sessions
        self._retention = retention
        self._audit = audit

    def recover(self) -> tuple[Recovered, ...]:
        """Close and take in sessions that were cut off, and finish deletions; return what was done.

        A session that is being recorded is left alone, whichever process records it. What cannot be
        recovered is told, and stays as it is.
        """
        done = []
        for directory in self._unfinished():
            try:
                if did := self._take_up(directory):
                    done.append(Recovered(what=directory.name, did=did))
            except (BiofeedbackError, OSError) as error:
                done.append(Recovered(what=directory.name, did=(f"cannot be recovered: {error}",)))
        return (*done, *self._finished_deletions(), *self._forgotten())

    def _unfinished(self) -> list[Path]:
        """Return the directories of sessions that the store does not know as closed."""
        query = sa.select(SESSIONS.c.location).where(SESSIONS.c.state != "open")
        known = {row["location"] for row in self._rows(query)}
        return [
            directory
            for directory in self._sessions.directories()
            if f"{SESSIONS_FOLDER}/{directory.name}" not in known and (directory / META_NAME).exists()
        ]

    def _take_up(self, directory: Path) -> tuple[str, ...]:
        # Imported here: it reads and writes sound, which listing clients or protocols does not.
        from biofeedback.recording.recovery import recover  # noqa: PLC0415

        did = recover(directory, at=self._transactions.now(), about=self._audit.anchor())
        if did is None and "end" not in read_meta(directory):  # it is being recorded
            return ()
        self._sessions.adopt(directory, recovered=did is not None)
        return (*(did or ("it was closed, but not taken in",)), "it was taken into the store")

    def _finished_deletions(self) -> list[Recovered]:
        done = []
        for session in self._in_state("deleting"):
            try:
                self._retention.finish_deletion(session)
                done.append(Recovered(what=session.id, did=("its deletion was finished",)))
            except BiofeedbackError as error:
                done.append(Recovered(what=session.id, did=(f"its deletion cannot be finished: {error}",)))
        with self._transactions.database.reading() as connection:
            consents = newest_consents(connection)
        for client in sorted(consents):
            if "storage" not in consents[client].withdrawn:
                continue
            if any(session.state != "open" for session in self._sessions.list(client=client)):
                try:
                    did = self._retention.carry_out_withdrawal(client)
                except BiofeedbackError as error:
                    did = f"cannot be carried out: {error}"
                done.append(Recovered(what="withdrawn consent", did=(did,)))
        return done

    def _forgotten(self) -> list[Recovered]:
        """Forget sessions that were begun but never recorded, and copies that never were complete."""
        before = self._transactions.now().astimezone(UTC) - _NEVER_BEGAN
        done = []
        for session in self._in_state("open"):
            recorded = session.directory is not None and (session.directory / META_NAME).exists()
            if not recorded and datetime.fromisoformat(session.begun_at) < before:
                self._sessions.abandon(session.id)
                done.append(Recovered(what=session.id, did=("nothing of it was recorded; it was forgotten",)))
        for directory in (self._transactions.folder / SESSIONS_FOLDER).iterdir():
            old = datetime.fromtimestamp(directory.stat().st_mtime, UTC) < before
            empty = {path.name for path in directory.glob("*")} <= {f"{META_NAME}.part"}
            if old and (empty or directory.match(".*.part")):
                shutil.rmtree(directory, ignore_errors=True)
        return done

    def _in_state(self, state: SessionState) -> list[Session]:
        return [session for session in self._sessions.list() if session.state == state]


Row = sa.RowMapping


class AuditLog(Repository):
    """The audit of a store, and the check that everything is as it was left.

    Parameters
    ----------
    transactions : Transactions
        Of the store.
    sessions : SessionRepository
        In it.
    """

    def __init__(self, transactions: Transactions, sessions: SessionRepository) -> None:
        super().__init__(transactions)
        self._sessions = sessions

    def head(self) -> AuditHead:
        """Return number and SHA-256 of the newest row.

        Raises
        ------
        StoreError
            As every method, if the database fails.
        """
        with self._transactions.database.reading() as connection:
            return audit.head_of(connection)

    def entries(self, limit: int | None = None) -> tuple[AuditEntry, ...]:
        """Return the newest rows, oldest first."""
        with self._transactions.database.reading() as connection:
            return audit.entries(connection, limit=limit)

    def log_event(self, action: str, subject: str = "") -> None:
        """Add a row about the store as a whole, such as ``back-up made``.

        `subject` is the beginning of the SHA-256 of what it was done with, where that is not in the store.
        """
        with self._transactions.write() as transaction:
            transaction.log(action, "store", subject)

    def anchor(self) -> dict[str, Any]:
        """Return the head for ``session.json``; a store that fails must not stop a recording."""
        try:
            head = self.head()
        except StoreError:
            return {"audit_head": None}
        return {"audit_head": {"number": head.number, "sha256": head.sha256}}

    def verify(self, heads: Mapping[str, AuditHead] | None = None) -> list[AuditFinding]:
        """Look at every row and every kept file.

        Parameters
        ----------
        heads : mapping of str to AuditHead, optional
            Heads of the audit that others hold (back-ups), by where they come from.

        Returns
        -------
        list of AuditFinding
            Empty where everything is as it was left.
        """
        # Rows are read last: whatever knows them was there before, also while somebody writes.
        directories = self._sessions.directories()
        database, path = self._transactions.database, self._transactions.heads.path
        listed, damaged = self._transactions.heads.read()
        findings = [AuditFinding(f"{path} line {place}", "was changed") for place in damaged]
        known = {f"{path} {number}": AuditHead(number, sha256) for number, sha256 in listed.items()}
        known |= {**_anchors(directories), **(heads or {})}
        try:
            findings += [AuditFinding(database.name, line) for line in database.damage()]
            with database.reading() as connection:
                chain = audit.entries(connection)
                rows = {
                    table.name: connection.execute(sa.select(table)).mappings().all()
                    for tables in SUBJECTS.values()
                    for table, _ in tables
                }
        except StoreError as error:
            return [*findings, AuditFinding(database.name, str(error))]
        if chain and not path.exists():
            findings.append(AuditFinding(str(path), "is missing"))
        findings += [*_of_chain(chain, known), *_of_rows(chain, rows), *self._of_files(directories, rows)]
        return list(dict.fromkeys(findings))

    def _of_files(self, directories: list[Path], rows: Mapping[str, Iterable[Row]]) -> Iterator[AuditFinding]:
        facts: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for table in FACTS:
            for row in rows[table.name]:
                if row.get("written_at") is None:
                    facts[row["session_id"]][table.name].append(row)
        closed = {
            self._transactions.folder / str(row["location"]): row
            for row in rows[SESSIONS.name]
            if row["location"] is not None and row["state"] in {"closed", "recovered"}
        }
        for directory, row in closed.items():
            found = list(_of_directory(directory, row))
            yield from found or _contradictions(directory, row, facts[row["id"]])
        given = {
            row["id"]: set(json.loads(row["scopes"]))
            for row in rows[CONSENTS.name]
            if row_digest(dict(row)) == row["digest"]  # one that was changed is told with the rows
        }
        for directory in directories:
            yield from _of_consent(directory, given)
            if directory not in closed:
                yield from _of_unknown(directory)


def _anchors(directories: Iterable[Path]) -> dict[str, AuditHead]:
    """Return the heads of the audit that ``session.json`` files hold."""
    found = {}
    for directory in directories:
        with suppress(BiofeedbackError):  # told with the files
            meta = read_meta(directory)
            for part in ("arguments", "end"):
                head = meta[part].get("audit_head") if isinstance(meta.get(part), dict) else None
                if isinstance(head, dict) and isinstance(head.get("number"), int):
                    source = f"{directory / META_NAME} ({part})"
                    found[source] = AuditHead(head["number"], str(head.get("sha256")))
    return found


def _of_chain(chain: tuple[AuditEntry, ...], heads: Mapping[str, AuditHead]) -> Iterator[AuditFinding]:
    """Look at the chain itself, and compare it with the heads that others know."""
    yield from audit.breaks(chain)
    known = {entry.number: entry.sha256 for entry in chain}
    for source, head in heads.items():
        if head.number and head.number not in known:
            yield AuditFinding(f"audit row {head.number}", f"is missing; {source} knows it")
        elif head.number and known[head.number] != head.sha256:
            yield AuditFinding(f"audit row {head.number}", f"is not the one that {source} knows")


def _of_rows(chain: Iterable[AuditEntry], rows: Mapping[str, Iterable[Row]]) -> Iterator[AuditFinding]:
    """Compare rows with their own fingerprints, and these with what the audit holds of their subject."""
    last = {(entry.kind, entry.subject): entry.state for entry in chain}
    for kind, tables in SUBJECTS.items():
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        changed = set()
        for table, key in tables:
            for row in rows[table.name]:
                subject = str(row[key])
                found[subject].append((table.name, str(row["digest"])))
                if row_digest(dict(row)) != row["digest"]:
                    changed.add(subject)
                    yield AuditFinding(_row_name(table.name, row), "was changed")
        expected = {subject: state for (of, subject), state in last.items() if of == kind}
        for subject in sorted({*found, *expected}):
            state = joint_digest(found[subject]) if subject in found else None
            if subject not in expected:
                yield AuditFinding(f"{kind} {subject}", "is not in the audit")
            elif state is None and expected[subject] is not None:
                yield AuditFinding(f"{kind} {subject}", "is missing")
            elif state != expected[subject] and subject not in changed:
                yield AuditFinding(f"{kind} {subject}", "has rows that were added, removed or replaced")


def _of_directory(directory: Path, row: Row) -> Iterator[AuditFinding]:
    """Compare a session's files with their checksums."""
    path = directory / META_NAME
    if not path.exists():
        yield AuditFinding(str(path), "is missing")
        return
    if file_sha256(path) != row["meta_sha256"]:
        yield AuditFinding(str(path), "was changed")
    try:
        listed = listed_files(read_meta(directory))
    except BiofeedbackError as error:
        yield AuditFinding(str(path), str(error))
        return
    for name, sha256 in {XDF_NAME: "", **listed}.items():
        if not (directory / name).exists():
            yield AuditFinding(str(directory / name), "is missing")
        elif file_sha256(directory / name) != sha256:
            yield AuditFinding(str(directory / name), "was changed")


def _contradictions(directory: Path, row: Row, facts: Mapping[str, list[Row]]) -> Iterator[AuditFinding]:
    """Compare a session's rows with what its recording says."""
    try:
        taken = index_session(directory)
    except BiofeedbackError as error:
        yield AuditFinding(str(directory), str(error))
        return
    for name, value in sealed(SESSIONS, taken.session).items():
        if name != DIGEST and row[name] != value:
            yield AuditFinding(_row_name(SESSIONS.name, row), f"contradicts the recording in {name}")
    for table in FACTS:
        kept = {fact["number"]: fact for fact in facts[table.name]}
        recorded = {fact["number"]: sealed(table, fact) for fact in taken.facts[table.name]}
        for number in sorted(kept.keys() | recorded.keys()):
            where = f"{table.name} row {number} of session {row['id']}"
            if number not in kept:
                yield AuditFinding(where, "is missing; it is in the recording")
            elif number not in recorded:
                yield AuditFinding(where, "is not in the recording")
            elif any(
                kept[number][name] != value for name, value in recorded[number].items() if name != DIGEST
            ):
                yield AuditFinding(where, "contradicts the recording")


def _of_consent(directory: Path, given: Mapping[str, set[str]]) -> Iterator[AuditFinding]:
    """Compare the consent in ``session.json`` with the one that was given."""
    try:
        meta = read_meta(directory)
    except BiofeedbackError:  # told with the files
        return
    try:
        recorded = recorded_consent(meta)
    except RecordingError as error:
        yield AuditFinding(str(directory / META_NAME), str(error))
        return
    known = None if recorded is None else given.get(recorded.consent or "")
    if recorded is not None and known is not None and not {*recorded.scopes} <= known:
        yield AuditFinding(str(directory / META_NAME), "holds a consent that the client has not given")


def _of_unknown(directory: Path) -> Iterator[AuditFinding]:
    """Tell of a directory that the store does not know as closed."""
    if not any((directory / name).exists() for name in (META_NAME, XDF_NAME)):
        return
    where = str(directory)
    try:
        if "end" in read_meta(directory):
            yield AuditFinding(where, "is not in the store; take it in with biofeedback sessions adopt")
            return
        with held_by_us(directory / XDF_NAME) as free:
            if free:
                yield AuditFinding(where, "was cut off; take it up with biofeedback sessions recover")
    except (BiofeedbackError, OSError) as error:
        yield AuditFinding(where, str(error))


def _row_name(table: str, row: Row) -> str:
    if "session_id" in row:
        return f"{table} row {row['number']} of session {row['session_id']}"
    return f"{table} row {row['id']}"
