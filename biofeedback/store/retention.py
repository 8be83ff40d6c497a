"""Retention, deletion, and withdrawal of consent."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from biofeedback.errors import StoreError, UsageError
from biofeedback.recording.storage import XDF_NAME, held_by_us
from biofeedback.store.clients import ClientRepository, blank, client_row, newest_consent, newest_consents
from biofeedback.store.database import Repository, Transactions
from biofeedback.store.records import SCOPES, RetentionRule, Scope, Session, counted
from biofeedback.store.sessions import SessionRepository
from biofeedback.store.tables import (
    CLIENTS,
    CONSENTS,
    DIGEST,
    FACTS,
    RETENTION,
    SESSIONS,
    canonical,
    columns_without,
)

WITHDRAWN, EXPIRED, ASKED = "consent withdrawn", "retention", "asked for"
"""Why a session was deleted."""

_LEFT = {"id", "salt", "meta_sha256", "deleted_at", "deleted_why"}
"""What an entry of a deleted session still holds: that it was, and the fingerprint of what it was."""


class Retention(Repository):
    """How long things are kept, and how they are removed.

    Parameters
    ----------
    transactions : Transactions
        Of the store.
    clients : ClientRepository
        In it.
    sessions : SessionRepository
        In it.
    """

    def __init__(
        self, transactions: Transactions, clients: ClientRepository, sessions: SessionRepository
    ) -> None:
        super().__init__(transactions)
        self._clients = clients
        self._sessions = sessions

    def set_rule(self, days: int | None, client: str | None = None) -> None:
        """Say for how many days from their start sessions are kept; None takes the rule away.

        Parameters
        ----------
        days : int or None
            From 1.
        client : str, optional
            For this client only; else for all without a rule of their own.

        Raises
        ------
        UsageError
            If there is no such client, or the number cannot be.
        """
        if days is not None and days < 1:
            raise UsageError(f"sessions cannot be kept for {days} days; give 1 or more")
        with self._transactions.write() as transaction:
            client_id = None if client is None else client_row(transaction.connection, client)["id"]
            of_client = (
                RETENTION.c.client_id.is_(None) if client_id is None else RETENTION.c.client_id == client_id
            )
            rule_id = transaction.connection.scalar(sa.select(RETENTION.c.id).where(of_client))
            if days is None:
                if rule_id is None:
                    raise UsageError("there is no such rule")
                transaction.delete(RETENTION, RETENTION.c.id == rule_id)
            elif rule_id is None:
                rule_id = transaction.insert(RETENTION, {"client_id": client_id, "days": days})
            else:
                transaction.update(RETENTION, rule_id, {"days": days})
            transaction.log("retention removed" if days is None else "retention set", "retention", rule_id)

    def rules(self) -> tuple[RetentionRule, ...]:
        """Return the rules, that for everybody first."""
        query = sa.select(CLIENTS.c.code, RETENTION.c.days).join_from(RETENTION, CLIENTS, isouter=True)
        rules = [RetentionRule(client=row["code"], days=row["days"]) for row in self._rows(query)]
        return tuple(sorted(rules, key=lambda rule: rule.client or ""))

    def past(self) -> tuple[Session, ...]:
        """Return the sessions that have been kept as long as they may be, the oldest first.

        A client's consent says how long; else the rule for the client; else that for everybody.
        """
        rules = {rule.client: rule.days for rule in self.rules()}
        with self._transactions.database.reading() as connection:
            consents = newest_consents(connection)
        now = self._transactions.now().astimezone(UTC)

        def is_past(session: Session) -> bool:
            consent = consents.get(session.client or "")
            agreed = None if consent is None else consent.keep_days
            days = rules.get(session.client, rules.get(None)) if agreed is None else agreed
            started = datetime.fromisoformat(session.begun_at)
            return days is not None and now - started > timedelta(days=days)

        return tuple(
            session
            for session in self._sessions.list()[::-1]
            if session.state in {"closed", "recovered"} and is_past(session)
        )

    def apply(self) -> tuple[Session, ...]:
        """Delete what `past` returns, and return it.

        Raises
        ------
        StoreError
            As `delete_session`.
        """
        past = self.past()
        for session in past:
            self.delete_session(session.id, why=EXPIRED)
        return past

    def delete_session(self, session_id: str, *, why: str = ASKED) -> None:
        """Remove a session's files and facts, and see that they are gone.

        An entry stays, with the time, the reason and the SHA-256 of what was ``session.json``. Back-ups made
        before are not touched.

        Raises
        ------
        UsageError
            If there is no such session, or it is being recorded.
        StoreError
            If something cannot be removed; it is tried again whenever the store is opened.
        """
        session = self._sessions.get(session_id)
        if session.state == "deleted":
            raise UsageError(f"session {session_id} was deleted before")
        if _is_recorded(session):
            raise UsageError(f"session {session_id} is being recorded; stop it first")
        with self._transactions.write() as transaction:
            for table in FACTS:
                transaction.delete(table, table.c.session_id == session.id)
            transaction.update(SESSIONS, session.id, {"state": "deleting", "deleted_why": why})
            transaction.log("session deletion begun", "session", session.id)
        self.finish_deletion(self._sessions.get(session.id))

    def finish_deletion(self, session: Session) -> None:
        """Remove the files of a session in state ``deleting``.

        Raises
        ------
        StoreError
            As `delete_session`.
        """
        if session.directory is not None:
            _remove(session.directory)
        gone = {column.name: None for column in columns_without(SESSIONS, *_LEFT, DIGEST)}
        with self._transactions.write() as transaction:
            changes = {**gone, "state": "deleted", "begun_at": transaction.at, "deleted_at": transaction.at}
            transaction.update(SESSIONS, session.id, changes)
            transaction.log("session deleted", "session", session.id)
        self._transactions.database.tidy()

    def delete_client(self, code: str) -> int:
        """Remove a client with all sessions, consents and rules; return how many sessions were removed.

        Raises
        ------
        UsageError
            If there is no such client, or a session is being recorded.
        StoreError
            As `delete_session`.
        """
        client_id = self._clients.get(code).id
        sessions = self._sessions.list(client=code)
        if any(map(_is_recorded, sessions)):
            raise UsageError(f"a session of client {code} is being recorded; stop it first")
        for session in sessions:
            self.delete_session(session.id)
        with self._transactions.write() as transaction:
            for kind, table in (("consent", CONSENTS), ("retention", RETENTION)):
                of_client = table.c.client_id == client_id
                ids = transaction.connection.scalars(sa.select(table.c.id).where(of_client)).all()
                transaction.delete(table, of_client)
                for row_id in ids:
                    transaction.log(f"{kind} deleted", kind, row_id)
            transaction.delete(CLIENTS, CLIENTS.c.id == client_id)
            transaction.log("client deleted", "client", client_id)
        self._transactions.database.tidy()
        return len(sessions)

    def what_withdrawal_does(self, code: str, scopes: Iterable[Scope]) -> tuple[str, ...]:
        """Return, in sentences, what withdrawing consent would remove and stop.

        Raises
        ------
        UsageError
            If there is no such client, or nothing of the kind was agreed to.
        """
        return tuple(self._consequence(code, scope) for scope in self._agreed(code, scopes))

    def withdraw_consent(self, code: str, scopes: Iterable[Scope]) -> tuple[str, ...]:
        """Take back what a client agreed to, and carry it out: see `what_withdrawal_does`.

        Returns
        -------
        tuple of str
            What was done, in sentences.

        Raises
        ------
        UsageError
            As `what_withdrawal_does`.
        StoreError
            As `delete_session`.
        """
        agreed = self._agreed(code, scopes)
        with self._transactions.write() as transaction:
            consent = newest_consent(transaction.connection, client_row(transaction.connection, code)["id"])
            assert consent is not None  # noqa: S101 - _agreed has seen it
            withdrawn = {**consent.withdrawn, **dict.fromkeys(agreed, transaction.at)}
            transaction.update(CONSENTS, consent.id, {"withdrawn": canonical(withdrawn)})
            transaction.log("consent withdrawn", "consent", consent.id)
        said = [f"client {code} no longer agrees to {SCOPES[scope]}" for scope in agreed]
        if "storage" in agreed:
            said.append(self.carry_out_withdrawal(code))
        return tuple(said)

    def carry_out_withdrawal(self, code: str) -> str:
        """Remove what may not be kept of a client any more, and say what it was.

        Raises
        ------
        StoreError
            As `delete_session`.
        """
        sessions = self._sessions.list(client=code)
        going_on = [session for session in sessions if _is_recorded(session)]
        for session in sessions:
            if session not in going_on:
                self.delete_session(session.id, why=WITHDRAWN)
        with self._transactions.write() as transaction:
            client_id = client_row(transaction.connection, code)["id"]
            transaction.update(CLIENTS, client_id, blank())
            transaction.log("client cleared", "client", client_id)
        self._transactions.database.tidy()
        later = "; one that is being recorded goes when the store is next opened" if going_on else ""
        count = len(sessions) - len(going_on)
        return f"deleted: {counted(count, 'session')}, and what was written about the client{later}"

    def _agreed(self, code: str, scopes: Iterable[Scope]) -> tuple[Scope, ...]:
        consent = self._clients.consent_of(code)
        holds = () if consent is None else consent.scopes
        asked = set(scopes)
        if not asked or asked - set(holds):
            there_is = ", ".join(holds) or "none"
            wanted = ", ".join(sorted(asked - set(holds))) or "nothing"
            raise UsageError(f"client {code} has no consent to {wanted} to withdraw; there is: {there_is}")
        return tuple(scope for scope in holds if scope in asked)

    def _consequence(self, code: str, scope: Scope) -> str:
        if scope == "sessions":
            return f"no further session can begin for client {code}; what is recorded stays"
        if scope == "research":
            return f"the recordings of client {code} may no longer be used for research; they stay"
        count = len(self._sessions.list(client=code))
        return (
            f"{counted(count, 'session')} of client {code} will be deleted for good, with preferences, "
            "cautions and goals, and no further session can begin; back-ups made before are not touched"
        )


def _is_recorded(session: Session) -> bool:
    with suppress(OSError):
        if session.directory is not None:
            with held_by_us(session.directory / XDF_NAME) as free:
                return not free
    return False


def _remove(directory: Path) -> None:
    try:
        if directory.exists():
            shutil.rmtree(directory)
    except OSError as error:
        raise StoreError(f"{directory} cannot be removed: {error.strerror or error}") from None
    if directory.exists():
        raise StoreError(f"{directory} is still there although it was removed")
