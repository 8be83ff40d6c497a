"""Clients and what they have agreed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypedDict, Unpack, cast

import sqlalchemy as sa

from biofeedback.errors import NotFoundError, UsageError
from biofeedback.store.database import Repository
from biofeedback.store.pseudonym import check_pseudonym
from biofeedback.store.records import NEEDED, SCOPES, Client, ClientOverview, Consent, Scope
from biofeedback.store.tables import CLIENTS, CONSENTS, SESSIONS, canonical
from generator.preferences import Preferences
from generator.state import VOLUME_RANGE_DB

_BY_CODE = sa.select(CLIENTS).order_by(CLIENTS.c.code)


class ClientFields(TypedDict, total=False):
    """What is known of a client beside code and preferences, as `Client` has it.

    A field that is left out is not given; a volume of None makes it unknown.
    """

    volume_db: float | None
    cautions: Sequence[str]
    goals: Sequence[str]


class ClientRepository(Repository):
    """Clients and their consents."""

    def add(
        self, code: str, *, preferences: Preferences | None = None, **fields: Unpack[ClientFields]
    ) -> Client:
        """Add a client by a pseudonym.

        Raises
        ------
        UsageError
            If the code is none (`biofeedback.store.pseudonym.check_pseudonym`) or taken, or the volume is out
            of range.
        """
        values = {"code": check_pseudonym(code), **blank(), **_columns(preferences, fields)}
        with self._transactions.write() as transaction:
            if transaction.connection.scalar(sa.select(CLIENTS.c.id).where(CLIENTS.c.code == code)):
                raise UsageError(f"there is a client {code} already")
            client_id = transaction.insert(CLIENTS, {**values, "created_at": transaction.at})
            transaction.log("client added", "client", client_id)
        return self.get(code)

    def get(self, code: str) -> Client:
        """Return a client.

        Raises
        ------
        UsageError
            If there is none of that code.
        """
        with self._transactions.database.reading() as connection:
            return _client(client_row(connection, code))

    def list(self) -> tuple[Client, ...]:
        """Return all clients, by code."""
        return tuple(_client(row) for row in self._rows(_BY_CODE))

    def overviews(self, code: str | None = None) -> tuple[ClientOverview, ...]:
        """Return all clients, or one, by code, each with consent and number of sessions, in three statements.

        Raises
        ------
        NotFoundError
            If there is no client of that code.
        """
        with self._transactions.database.reading() as connection:
            rows = (
                connection.execute(_BY_CODE).mappings().all()
                if code is None
                else [client_row(connection, code)]
            )
            consents = newest_consents(connection)
            counts = (
                sa.select(SESSIONS.c.client_id, sa.func.count())
                .where(SESSIONS.c.state != "deleted")
                .group_by(SESSIONS.c.client_id)
            )
            sessions = {row[0]: row[1] for row in connection.execute(counts)}
        return tuple(
            ClientOverview(
                client=_client(row), consent=consents.get(row["code"]), sessions=sessions.get(row["id"], 0)
            )
            for row in rows
        )

    def change(
        self,
        code: str,
        *,
        preferences: Callable[[Preferences], Preferences] | None = None,
        **fields: Unpack[ClientFields],
    ) -> Client:
        """Change the fields that are given; every other field stays.

        Parameters
        ----------
        code : str
            The client's.
        preferences : callable, optional
            Returns the new preferences, given those that the client has.
        **fields
            The new values; an empty list clears.

        Raises
        ------
        UsageError
            If there is no such client, or the volume is out of range.
        """
        with self._transactions.write() as transaction:
            row = client_row(transaction.connection, code)
            new = None if preferences is None else preferences(_client(row).preferences)
            transaction.update(CLIENTS, row["id"], _columns(new, fields))
            transaction.log("client changed", "client", row["id"])
        return self.get(code)

    def give_consent(
        self, code: str, *, version: str, scopes: Iterable[Scope] = NEEDED, keep_days: int | None = None
    ) -> Consent:
        """Write down what a client has agreed to; it takes the place of what was agreed to before.

        Parameters
        ----------
        code : str
            The client's.
        version : str
            Which text was signed, up to 64 characters.
        scopes : iterable of Scope
            What was agreed to; see `SCOPES`.
        keep_days : int, optional
            How long recordings may be kept; from 1.

        Raises
        ------
        UsageError
            If there is no such client, or a value cannot be.
        """
        given = tuple(scope for scope in SCOPES if scope in set(scopes := tuple(scopes)))
        if unknown := set(scopes) - set(SCOPES):
            raise UsageError(f"consent to {min(unknown)!r} does not exist; there are {', '.join(SCOPES)}")
        if not given:
            raise UsageError(f"a consent needs at least one of {', '.join(SCOPES)}")
        if not version.strip() or len(version) > 64:
            raise UsageError("say which text was signed, in up to 64 characters, such as 2026-03")
        if keep_days is not None and keep_days < 1:
            raise UsageError(f"recordings cannot be kept for {keep_days} days; give 1 or more")
        with self._transactions.write() as transaction:
            client_id = client_row(transaction.connection, code)["id"]
            of_client = CONSENTS.c.client_id == client_id
            newest = sa.select(sa.func.max(CONSENTS.c.number)).where(of_client)
            consent_id = transaction.insert(
                CONSENTS,
                {
                    "client_id": client_id,
                    "number": (transaction.connection.scalar(newest) or 0) + 1,
                    "version": version,
                    "scopes": canonical(given),
                    "given_at": transaction.at,
                    "withdrawn": canonical({}),
                    "keep_days": keep_days,
                },
            )
            transaction.log("consent given", "consent", consent_id)
        return cast(Consent, self.consent_of(code))

    def consent_of(self, code: str) -> Consent | None:
        """Return what a client has agreed to last; None where nothing was ever written down.

        Raises
        ------
        UsageError
            If there is no such client.
        """
        with self._transactions.database.reading() as connection:
            return newest_consent(connection, client_row(connection, code)["id"])

    def consents_given(self, code: str) -> dict[str, tuple[str, ...]]:
        """Return the scopes of every consent a client has ever given, by its id.

        Raises
        ------
        UsageError
            If there is no such client.
        """
        with self._transactions.database.reading() as connection:
            client_id = client_row(connection, code)["id"]
            query = sa.select(CONSENTS.c.id, CONSENTS.c.scopes).where(CONSENTS.c.client_id == client_id)
            return {row.id: tuple(json.loads(row.scopes)) for row in connection.execute(query)}


def blank() -> dict[str, Any]:
    """Return the columns of a client of whom nothing but the code is kept."""
    return _columns(Preferences(), {"volume_db": None, "cautions": (), "goals": ()})


def client_row(connection: sa.Connection, code: str) -> sa.RowMapping:
    """Return the row of a client.

    Raises
    ------
    UsageError
        If there is none.
    """
    row = connection.execute(sa.select(CLIENTS).where(CLIENTS.c.code == code)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no client {code}; add one with biofeedback clients add {code}")
    return row


def newest_consents(connection: sa.Connection) -> dict[str, Consent]:
    """Return the newest consent of each client who has one, by the client's code."""
    query = sa.select(CONSENTS, CLIENTS.c.code).join_from(CONSENTS, CLIENTS).order_by(CONSENTS.c.number)
    return {row["code"]: _consent(row) for row in connection.execute(query).mappings()}


def newest_consent(connection: sa.Connection, client_id: str) -> Consent | None:
    """Return a client's newest consent, if there is one."""
    of_client = sa.select(CONSENTS).where(CONSENTS.c.client_id == client_id)
    row = connection.execute(of_client.order_by(CONSENTS.c.number.desc()).limit(1)).mappings().first()
    return None if row is None else _consent(row)


def _consent(row: sa.RowMapping) -> Consent:
    return Consent(
        id=row["id"],
        version=row["version"],
        given_at=row["given_at"],
        given=tuple(json.loads(row["scopes"])),
        withdrawn=json.loads(row["withdrawn"]),
        keep_days=row["keep_days"],
    )


def require_consent(connection: sa.Connection, client_id: str, code: str) -> None:
    """Refuse a session that a client has not agreed to.

    Raises
    ------
    UsageError
        Saying what is missing or was withdrawn.
    """
    consent = newest_consent(connection, client_id)
    for scope in NEEDED:
        if consent is None or scope not in consent.given:
            raise UsageError(
                f"client {code} has not agreed to {SCOPES[scope]}; write a consent down with "
                f"biofeedback consent give {code}"
            )
        if when := consent.withdrawn.get(scope):
            raise UsageError(f"client {code} has withdrawn, on {when[:10]}, the consent to {SCOPES[scope]}")


def _columns(preferences: Preferences | None, fields: ClientFields) -> dict[str, Any]:
    """Return the columns of the fields that are given."""
    low, high = VOLUME_RANGE_DB
    volume_db = fields.get("volume_db")
    if volume_db is not None and not low <= volume_db <= high:
        raise UsageError(f"a volume of {volume_db:g} dB is out of range; give one from {low:g} to {high:g}")
    values: dict[str, Any] = {**fields}
    values |= {name: canonical(values[name]) for name in ("cautions", "goals") if name in values}
    if preferences is not None:
        values["preferences"] = canonical(asdict(preferences))
    return values


def _client(row: sa.RowMapping) -> Client:
    kept = json.loads(row["preferences"])
    lists = {name: tuple(kept[name]) for name in ("unwanted", "register_range")}
    return Client(
        id=row["id"],
        code=row["code"],
        created_at=row["created_at"],
        preferences=Preferences(**{**kept, **lists}),
        volume_db=row["volume_db"],
        cautions=tuple(json.loads(row["cautions"])),
        goals=tuple(json.loads(row["goals"])),
    )
