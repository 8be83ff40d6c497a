"""Recovery of sessions and deletions that were interrupted."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from biofeedback.errors import BiofeedbackError
from biofeedback.recording.reader import read_meta
from biofeedback.recording.recorder import META_NAME
from biofeedback.recording.recovery import recover
from biofeedback.store.clients import newest_consents
from biofeedback.store.records import Recovered, Session, SessionState
from biofeedback.store.retention import Retention
from biofeedback.store.sessions import SESSIONS_FOLDER, SessionRepository
from biofeedback.store.tables import SESSIONS
from biofeedback.store.transactions import Transactions
from biofeedback.store.verification import AuditLog

_NEVER_BEGAN = timedelta(days=1)
"""After so long, a session that was begun but of which nothing was recorded is forgotten."""


class Recovery:
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
        self,
        transactions: Transactions,
        sessions: SessionRepository,
        retention: Retention,
        audit: AuditLog,
    ) -> None:
        self._transactions = transactions
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
        with self._transactions.database.reading() as connection:
            known = set(connection.scalars(query))
        folder = self._transactions.folder / SESSIONS_FOLDER
        return sorted(
            path
            for path in folder.iterdir()
            if f"{SESSIONS_FOLDER}/{path.name}" not in known and (path / META_NAME).exists()
            if not path.name.startswith(".")
        )

    def _take_up(self, directory: Path) -> tuple[str, ...]:
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
            if old and {path.name for path in directory.glob("*")} <= {f"{META_NAME}.part"}:
                shutil.rmtree(directory, ignore_errors=True)
        for part in (self._transactions.folder / SESSIONS_FOLDER).glob(".*.part"):
            if datetime.fromtimestamp(part.stat().st_mtime, UTC) < before:
                shutil.rmtree(part, ignore_errors=True)
        return done

    def _in_state(self, state: SessionState) -> list[Session]:
        return [session for session in self._sessions.list() if session.state == state]
