"""Sessions: begun, indexed from their directories, listed, and annotated afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from biofeedback.errors import NotFoundError, RecordingError, StoreError, UsageError
from biofeedback.recording.consent import KEY as CONSENT
from biofeedback.recording.consent import RecordedConsent
from biofeedback.recording.storage import (
    META_NAME,
    XDF_NAME,
    file_sha256,
    new_session_directory,
    read_meta,
    write_meta,
)
from biofeedback.store.clients import client_row, newest_consent, require_consent
from biofeedback.store.database import Repository, Transaction
from biofeedback.store.protocol_versions import keep_protocol
from biofeedback.store.records import (
    AdverseEventFact,
    CommandFact,
    EventFact,
    Facts,
    NoteFact,
    PhaseFact,
    RatingFact,
    Session,
    Severity,
)
from biofeedback.store.session_index import SessionRows, index_session, listed_files
from biofeedback.store.tables import (
    ADVERSE_EVENTS,
    CLIENTS,
    DIGEST,
    EVENTS,
    FACTS,
    NOTES,
    RATINGS,
    SESSIONS,
    canonical,
    columns_without,
)
from protocols.scales import SCALES
from protocols.schema import Protocol

SESSIONS_FOLDER = "sessions"

WRITTEN_FROM = 1_000_000
"""Numbers of what is added: far from those of what is in the recording, which taking it in writes anew."""

_RECORDS = dict(
    zip(FACTS, (PhaseFact, EventFact, RatingFact, CommandFact, NoteFact, AdverseEventFact), strict=True)
)
"""The record of each table of facts."""


class SessionRepository(Repository):
    """Sessions, what their recordings say of them, and what is written down afterwards.

    A closed recording is never changed. What is added afterwards stands in the store with the moment at which
    it was written, goes into the audit, and stays when the session is indexed again.
    """

    def new_directory(self, name: str) -> Path:
        """Return a new directory's path in the data folder for a session, after the time and `name`."""
        folder = self._transactions.folder / SESSIONS_FOLDER
        return new_session_directory(folder, name, self._transactions.now().astimezone())

    def directories(self) -> list[Path]:
        """Return the directories of sessions in the data folder, whether the store knows them or not."""
        folder = self._transactions.folder / SESSIONS_FOLDER
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def begin(self, directory: Path, *, client: str, protocol: Protocol) -> Session:
        """Write down that a session is about to be recorded.

        Parameters
        ----------
        directory : Path
            Where it will be; directly below ``sessions`` in the data folder (`new_directory`).
        client : str
            The client's code.
        protocol : Protocol
            What is carried out, before anything is changed for this session alone. This version of it then
            stays as it is.

        Raises
        ------
        UsageError
            If there is no such client, consent is missing or withdrawn, or this version of the protocol was
            used before with other content.
        """
        location = self._location(directory)
        with self._transactions.write() as transaction:
            client_id = client_row(transaction.connection, client)["id"]
            require_consent(transaction.connection, client_id, client)
            kept = keep_protocol(transaction, protocol, use=True)
            row = {
                "client_id": client_id,
                "protocol_row": kept.id,
                "state": "open",
                "location": location,
                "begun_at": transaction.at,
                "protocol": protocol.id,
                "protocol_version": protocol.version,
                "protocol_title": protocol.title,
                "arm": protocol.arm,
                "words": f"{protocol.id}\n{protocol.title}".casefold(),
            }
            session_id = transaction.insert(SESSIONS, row)
            transaction.log("session begun", "session", session_id)
        return self.get(session_id)

    def recorded_consent(self, session_id: str) -> RecordedConsent | None:
        """Return the consent to be written into a session's recording; None for a session without a client.

        Raises
        ------
        UsageError
            If there is no such session.
        """
        session = self.get(session_id)
        return None if session.client is None else self._recorded_consent(session.client, session.id)

    def _recorded_consent(self, client: str, session_id: str | None) -> RecordedConsent:
        with self._transactions.database.reading() as connection:
            consent = newest_consent(connection, client_row(connection, client)["id"])
        if consent is None:
            return RecordedConsent(scopes=(), session=session_id)
        return RecordedConsent(scopes=consent.scopes, consent=consent.id, session=session_id)

    def abandon(self, session_id: str) -> None:
        """Forget a session that was begun but of which nothing was recorded.

        Raises
        ------
        UsageError
            If something was recorded.
        """
        session = self.get(session_id)
        if session.state != "open" or (session.directory and (session.directory / META_NAME).exists()):
            raise UsageError(f"session {session_id} has a recording; it cannot be abandoned")
        with self._transactions.write() as transaction:
            transaction.delete(SESSIONS, SESSIONS.c.id == session_id)
            transaction.log("session abandoned", "session", session_id)

    def adopt(self, directory: Path, client: str | None = None, *, recovered: bool = False) -> Session:
        """Take the facts of a closed session from its directory into the store.

        A directory outside the data folder is copied into it; the one that was given stays as it is. Taking
        the same session in again takes its facts anew; what was written afterwards stays.

        Parameters
        ----------
        directory : Path
            Holds ``session.json`` and ``session.xdf``.
        client : str, optional
            Whose session it is; where left out, what the store knows of it.
        recovered : bool
            Whether it was cut off.

        Raises
        ------
        RecordingError
            If the directory holds no session, it cannot be read, or it has no end yet.
        UsageError
            If there is no such client, or the session is in the store from another directory.
        """
        rows = index_session(directory)
        if rows.session["reason"] is None:
            raise RecordingError(
                f"{directory} was not closed; if no session is going on in it, recover it with "
                "biofeedback sessions recover"
            )
        with self._transactions.database.reading() as connection:
            known = self._known(connection, directory, rows)
        if known is None and not self._is_inside(directory):
            directory = self._brought_in(directory)
        if client is not None and (meta := read_meta(directory)).get(CONSENT) is None:
            meta[CONSENT] = self._recorded_consent(client, None if known is None else known["id"]).entry(meta)
            write_meta(directory, meta)
            rows = index_session(directory)
        with self._transactions.write() as transaction:
            session_id = self._keep(transaction, directory, rows, client, recovered=recovered)
        return self.get(session_id)

    def list(
        self,
        search: str = "",
        client: str | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
        deleted: bool = False,
    ) -> tuple[Session, ...]:
        """Return sessions, the newest first.

        Parameters
        ----------
        search : str
            Only those that have each of these words, in whatever case, in the client's code, the protocol's
            name or title, the reason of the end, the date, a note, an adverse event or a marker.
        client : str, optional
            Only this client's.
        limit, offset : int
            How many, from which on.
        deleted : bool
            Whether entries of deleted sessions are returned too.
        """
        query = _SESSION.order_by(SESSIONS.c.begun_at.desc(), SESSIONS.c.id).limit(limit).offset(offset)
        if not deleted:
            query = query.where(SESSIONS.c.state != "deleted")
        if client is not None:
            query = query.where(CLIENTS.c.code == client)
        for word in search.split():
            query = query.where(_mentions(word))
        return tuple(self._session(row) for row in self._rows(query))

    def get(self, session_id: str) -> Session:
        """Return a session by its id, or by the name of its directory.

        Raises
        ------
        UsageError
            If there is none.
        """
        is_it = (SESSIONS.c.id == session_id) | (SESSIONS.c.location == f"{SESSIONS_FOLDER}/{session_id}")
        for row in self._rows(_SESSION.where(is_it)):
            return self._session(row)
        raise NotFoundError(f"there is no session {session_id}; see biofeedback sessions list")

    def facts(self, session_id: str) -> Facts:
        """Return what is known of a session beside its `Session`; nothing where it is still being recorded.

        Raises
        ------
        UsageError
            If there is no such session.
        """
        session_id = self.get(session_id).id
        facts: dict[str, Any] = {}
        with self._transactions.database.reading() as connection:
            for table, record in _RECORDS.items():
                columns = columns_without(table, "session_id", "number", DIGEST)
                query = sa.select(*columns).where(table.c.session_id == session_id).order_by(table.c.number)
                rows = connection.execute(query).mappings()
                facts[table.name] = tuple(record(**_decoded(row)) for row in rows)
        return Facts(**facts)

    def add_note(self, session_id: str, text: str) -> None:
        """Write a note on a session, afterwards.

        Raises
        ------
        UsageError
            If there is no such session, or the note is empty.
        """
        self._write_down(session_id, NOTES, "note added", {"text": _words(text)})

    def add_adverse_event(self, session_id: str, text: str, severity: Severity) -> None:
        """Write down, afterwards, that something untoward happened in a session.

        Raises
        ------
        UsageError
            As `add_note`.
        """
        values = {"text": _words(text), "severity": severity}
        self._write_down(session_id, ADVERSE_EVENTS, "adverse event added", values)

    def add_rating(self, session_id: str, scale: str, value: float | None) -> None:
        """Write down what the client said of their state once the recording was closed.

        Parameters
        ----------
        session_id : str
            As in `session`.
        scale : str
            One of `protocols.scales.SCALES`.
        value : float or None
            On it; None where the client did not want to say.

        Raises
        ------
        UsageError
            If there is no such session or scale, or the value does not lie on the scale.
        """
        if (known := SCALES.get(scale)) is None:
            raise UsageError(f"there is no scale {scale!r}; there are {', '.join(SCALES)}")
        if value is not None and not known.low <= value <= known.high:
            raise UsageError(f"{scale} is {value:g}; it must lie between {known.low} and {known.high}")
        begun = datetime.fromisoformat(self.get(session_id).begun_at)
        t_s = round(max(0.0, (self._transactions.now().astimezone(UTC) - begun).total_seconds()), 3)
        said = {"scale": scale, "value": value}
        data = canonical({**said, "at": "afterwards"})
        self._write_down(session_id, RATINGS, "rating added", {"t_s": t_s, **said, "data": data})

    def _write_down(self, session_id: str, table: sa.Table, action: str, values: Mapping[str, Any]) -> None:
        session = self.get(session_id)
        if session.state in {"deleting", "deleted"}:
            raise UsageError(f"session {session_id} was deleted")
        newest = sa.select(sa.func.max(table.c.number)).where(table.c.session_id == session.id)
        with self._transactions.write() as transaction:
            last = transaction.connection.scalar(newest)
            number = max(-1 if last is None else last, WRITTEN_FROM - 1) + 1
            row = {"session_id": session.id, "number": number, "written_at": transaction.at, **values}
            transaction.insert_all(table, [row])
            transaction.update(SESSIONS, session.id, {"words": words_of(transaction.connection, session.id)})
            transaction.log(action, "session", session.id)

    def _keep(
        self,
        transaction: Transaction,
        directory: Path,
        rows: SessionRows,
        client: str | None,
        *,
        recovered: bool,
    ) -> str:
        known = self._known(transaction.connection, directory, rows)
        state = "recovered" if recovered else "closed"
        if known is not None and known["state"] == "deleting":
            raise UsageError(f"session {known['id']} is being deleted")
        if known is not None and known["state"] == "recovered":
            state = "recovered"
        values = {**rows.session, "location": self._location(directory), "state": state}
        if client is not None:
            values["client_id"] = client_row(transaction.connection, client)["id"]
        if known is None:
            session_id = transaction.insert(SESSIONS, values)
        else:
            session_id = known["id"]
            transaction.update(SESSIONS, session_id, values)
        for table in FACTS:
            recorded = table.c.session_id == session_id
            if "written_at" in table.c:
                recorded &= table.c.written_at.is_(None)
            transaction.delete(table, recorded)
            facts = [{"session_id": session_id, **row} for row in rows.facts[table.name]]
            transaction.insert_all(table, facts)
        transaction.update(SESSIONS, session_id, {"words": words_of(transaction.connection, session_id)})
        transaction.log("session recovered" if recovered else "session taken in", "session", session_id)
        return session_id

    def _known(self, connection: sa.Connection, directory: Path, rows: SessionRows) -> sa.RowMapping | None:
        """Return the row of a session that is in the store already, from this directory or as a copy."""
        here = SESSIONS.c.location == self._location(directory) if self._is_inside(directory) else sa.false()
        row = connection.execute(sa.select(SESSIONS).where(here)).mappings().first()
        if row is not None:
            return row
        # Not by session.json alone: a consent may have been written into it here.
        same = SESSIONS.c.meta_sha256 == rows.session["meta_sha256"]
        same |= SESSIONS.c.begun_at == rows.session["begun_at"]
        copies = sa.select(SESSIONS).where(same & SESSIONS.c.location.is_not(None))
        for copy in connection.execute(copies).mappings():
            xdf_sha256 = _xdf_sha256(self._transactions.folder / copy["location"])
            same_xdf = xdf_sha256 is not None and xdf_sha256 == _xdf_sha256(directory)
            is_copy = same_xdf and not self._is_inside(directory)
            if is_copy or copy["meta_sha256"] == rows.session["meta_sha256"]:
                raise UsageError(f"{directory} is in the store already, as session {copy['id']}")
        return None

    def _brought_in(self, directory: Path) -> Path:
        """Copy a directory into the data folder, whole or not at all, and return the copy."""
        name = directory.resolve().name
        folder = self._transactions.folder / SESSIONS_FOLDER
        names = chain([name], (f"{name}-{number}" for number in count(2)))
        target = next(path for path in map(folder.joinpath, names) if not path.exists())
        part = target.with_name(f".{target.name}.part")
        try:
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(directory, part)
            for path in part.rglob("*"):
                if path.is_file() and file_sha256(path) != file_sha256(directory / path.relative_to(part)):
                    raise StoreError(f"{path} is not what was copied from {directory}")
            part.rename(target)
        except OSError as error:
            raise StoreError(f"{directory} cannot be copied to {target}: {error.strerror or error}") from None
        return target

    def _is_inside(self, directory: Path) -> bool:
        return directory.resolve().parent == (self._transactions.folder / SESSIONS_FOLDER).resolve()

    def _location(self, directory: Path) -> str:
        if not self._is_inside(directory):
            raise UsageError(f"{directory} does not lie in {self._transactions.folder / SESSIONS_FOLDER}")
        return f"{SESSIONS_FOLDER}/{directory.resolve().name}"

    def _session(self, row: sa.RowMapping) -> Session:
        values = dict(row)
        location = values.pop("location")
        values["directory"] = None if location is None else self._transactions.folder / location
        values["inputs"] = tuple(json.loads(values["inputs"] or "[]"))
        values["complete"] = bool(values["complete"])
        return Session(**values)


_MARKED_BY_PEOPLE = ("marker", "mark")
"""Types of events whose words are searched; the others are the program's own."""

_SESSION = sa.select(
    *columns_without(SESSIONS, "client_id", "protocol_row", "words", "salt", DIGEST),
    CLIENTS.c.code.label("client"),
).join_from(SESSIONS, CLIENTS, isouter=True)


def _mentions(word: str) -> sa.ColumnElement[bool]:
    """Return the condition that a session, or its client's code, has a word somewhere."""
    in_code = sa.func.lower(CLIENTS.c.code).contains(word.lower(), autoescape=True)
    return in_code | SESSIONS.c.words.contains(word.casefold(), autoescape=True)


def words_of(connection: sa.Connection, session_id: str) -> str:
    """Return all that a session can be found by, but its client, in one text: a search reads nothing else."""
    columns = (SESSIONS.c.protocol, SESSIONS.c.protocol_title, SESSIONS.c.reason, SESSIONS.c.started)
    session = sa.select(*columns).where(SESSIONS.c.id == session_id)
    found = [text for text in connection.execute(session).one() if text is not None]
    for table in (NOTES, ADVERSE_EVENTS, EVENTS):
        query = sa.select(table.c.text).where(table.c.session_id == session_id, table.c.text.is_not(None))
        if table is EVENTS:
            query = query.where(EVENTS.c.type.in_(_MARKED_BY_PEOPLE))
        found += connection.scalars(query.order_by(table.c.number))
    return "\n".join(found).casefold()


def _xdf_sha256(directory: Path) -> str | None:
    try:
        return listed_files(read_meta(directory)).get(XDF_NAME)
    except RecordingError:  # told by `Store.verify`
        return None


def _decoded(row: sa.RowMapping) -> dict[str, Any]:
    values = dict(row)
    for name in {"data", "args"} & values.keys():
        values[name] = json.loads(values[name])
    if values.get("accepted") is not None:
        values["accepted"] = bool(values["accepted"])
    return values


def _words(text: str) -> str:
    if not text.strip():
        raise UsageError("a note needs words")
    return text
