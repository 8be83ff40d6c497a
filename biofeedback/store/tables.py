"""The tables of the store, and the fingerprints of their rows.

Nothing here is particular to SQLite. Moments are ISO 8601 texts in UTC, lists and mappings canonical JSON:
whatever database holds them, a row has one text and one fingerprint (`digest`), and any changed byte shows.
Rows are referred to by random ids; a client's code stands in `clients` and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

DIGEST = "digest"
"""The column that holds a row's own fingerprint."""


def canonical(value: Any) -> str:
    """Return JSON in one way only: keys sorted, no spaces, ASCII.

    What JSON does not have (a value that damage has turned into bytes) is written as Python shows it, so that
    even damage has a fingerprint.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def sha256_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def row_digest(row: Mapping[str, Any]) -> str:
    """Return the fingerprint of a row by its columns; empty ones are left out.

    A column that a later version adds thus leaves the fingerprints of earlier rows as they are.
    """
    return sha256_of({name: value for name, value in row.items() if value is not None and name != DIGEST})


def joint_digest(rows: Iterable[tuple[str, str]]) -> str:
    """Return the fingerprint of rows that belong together, each given as its table and its own digest."""
    return sha256_of(sorted(rows))


def _table(
    name: str, *columns: Column[str] | Column[float] | Column[int] | UniqueConstraint, salted: bool = False
) -> Table:
    """Return a table whose rows have a random id and a fingerprint.

    With `salted`, they have a random text too: without it, the fingerprint of a short row could be guessed
    from its content.
    """
    salt = [Column("salt", String(32), nullable=False)] if salted else []
    return Table(name, METADATA, Column("id", String(32), primary_key=True), *columns, *salt, _digest())


def columns_without(table: Table, *names: str) -> list[Column[Any]]:
    """Return the columns of a table but those of some names."""
    return [column for column in table.c if column.name not in names]


def _digest() -> Column[str]:
    return Column(DIGEST, String(64), nullable=False)


CLIENTS = _table(
    "clients",
    Column("code", String(32), nullable=False, unique=True),
    Column("created_at", String(40), nullable=False),
    Column("preferences", Text, nullable=False),
    Column("volume_db", Float),
    Column("cautions", Text, nullable=False),
    Column("goals", Text, nullable=False),
    salted=True,
)

CONSENTS = _table(
    "consents",
    Column("client_id", String(32), ForeignKey("clients.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("version", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("given_at", String(40), nullable=False),
    Column("withdrawn", Text, nullable=False),
    Column("keep_days", Integer),
    salted=True,
)

PROTOCOLS = _table(
    "protocols",
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("saved_at", String(40), nullable=False),
    Column("used_at", String(40)),
    UniqueConstraint("name", "version"),
)

SETUPS = _table(
    "setups",
    Column("name", String(64), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("saved_at", String(40), nullable=False),
)

SETUP_FILES = _table(
    "setup_files",
    Column("name", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("saved_as", String(64), nullable=False),
    Column("migrated_at", String(40), nullable=False),
    UniqueConstraint("name", "sha256"),
)
"""Set-up files of earlier versions that were copied into `SETUPS`: each is copied once."""

SESSIONS = _table(
    "sessions",
    Column("client_id", String(32), ForeignKey("clients.id"), index=True),
    Column("protocol_row", String(32), ForeignKey("protocols.id")),
    Column("state", String(16), nullable=False),
    Column("location", Text),
    Column("begun_at", String(40), nullable=False, index=True),
    Column("started", String(40)),
    Column("duration_s", Float),
    Column("reason", Text),
    Column("protocol", String(64)),
    Column("protocol_version", Integer),
    Column("protocol_title", Text),
    Column("protocol_sha256", String(64)),
    Column("arm", String(32)),
    Column("seed", Integer),
    Column("clock", String(16)),
    Column("inputs", Text),
    Column("software", String(64)),
    Column("complete", Integer),
    Column("bytes", Integer),
    Column("meta_sha256", String(64)),
    Column("words", Text),
    Column("deleted_at", String(40)),
    Column("deleted_why", String(32)),
    salted=True,
)


def _fact(name: str, *columns: Column[str] | Column[float] | Column[int]) -> Table:
    """Return a table of a session's facts, its rows numbered from 0."""
    return Table(
        name,
        METADATA,
        Column("session_id", String(32), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        *columns,
        _digest(),
        ForeignKeyConstraint(["session_id"], ["sessions.id"]),
    )


PHASES = _fact(
    "phases",
    Column("name", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("begin_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
)

EVENTS = _fact(
    "events",
    Column("t_s", Float, nullable=False),
    Column("type", Text, nullable=False),
    Column("text", Text),
    Column("data", Text, nullable=False),
)

RATINGS = _fact(
    "ratings",
    Column("t_s", Float, nullable=False),
    Column("scale", Text, nullable=False),
    Column("value", Float),
    Column("data", Text, nullable=False),
    Column("written_at", String(40)),
)

COMMANDS = _fact(
    "commands",
    Column("t_s", Float, nullable=False),
    Column("name", Text, nullable=False),
    Column("origin", Text),
    Column("accepted", Integer),
    Column("answer", Text),
    Column("args", Text, nullable=False),
)

NOTES = _fact(
    "notes",
    Column("t_s", Float),
    Column("text", Text, nullable=False),
    Column("written_at", String(40)),
)

ADVERSE_EVENTS = _fact(
    "adverse_events",
    Column("t_s", Float),
    Column("severity", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("written_at", String(40)),
)

RETENTION = _table(
    "retention",
    Column("client_id", String(32), ForeignKey("clients.id"), unique=True),
    Column("days", Integer, nullable=False),
    salted=True,
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("action", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("state", String(64)),
    Column("previous", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("audit_subject", "kind", "subject"),
)
"""Each row names a subject by its random id and holds the joint fingerprint of the subject's rows after the
action (`state`; empty where they are gone), the row before's SHA-256 and its own."""

FACTS = (PHASES, EVENTS, RATINGS, COMMANDS, NOTES, ADVERSE_EVENTS)
"""What a session's recording says of it, beside the session's own row."""

SUBJECTS: dict[str, tuple[tuple[Table, str], ...]] = {
    "client": ((CLIENTS, "id"),),
    "consent": ((CONSENTS, "id"),),
    "protocol": ((PROTOCOLS, "id"),),
    "set-up": ((SETUPS, "id"),),
    "set-up file": ((SETUP_FILES, "id"),),
    "retention": ((RETENTION, "id"),),
    "store": (),
    "session": ((SESSIONS, "id"), *((table, "session_id") for table in FACTS)),
}
"""What an audit row may be about: the tables of its rows, and the column of its id in each."""
