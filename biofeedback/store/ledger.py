"""Rows that are written together with the audit row that tells of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from biofeedback.errors import StoreError
from biofeedback.store import audit
from biofeedback.store.audit import Heads
from biofeedback.store.database import Database
from biofeedback.store.digests import row_digest
from biofeedback.store.records import AuditEntry, AuditHead

Row = Mapping[str, Any]


class Ledger:
    """The database of the store and its audit, as every part of the store uses them.

    Parameters
    ----------
    folder : Path
        The data folder.
    database : Database
        In it.
    now : callable
        The wall clock, with its offset from UTC.

    Attributes
    ----------
    folder, database
        As given.
    """

    def __init__(self, folder: Path, database: Database, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self.database = database
        self._now = now
        self._heads = Heads(folder / audit.HEADS_NAME)

    def audit_head(self) -> AuditHead:
        """Return number and SHA-256 of the newest row of the audit.

        Raises
        ------
        StoreError
            As every method, if the database fails.
        """
        with self.database.reading() as connection:
            return audit.head_of(connection)

    def audit(self, limit: int | None = None) -> tuple[AuditEntry, ...]:
        """Return the newest rows of the audit, oldest first."""
        with self.database.reading() as connection:
            return audit.entries(connection, limit=limit)

    def log_event(self, action: str, subject: str = "") -> None:
        """Write down that something was done with the store as a whole, such as ``back-up made``.

        `subject` is the beginning of the SHA-256 of what it was done with, where that is not in the store.
        """
        with self._writing() as entry:
            entry.log(action, "store", subject)

    def anchor(self) -> dict[str, Any]:
        """Return the audit's head for ``session.json``; a store that fails must not stop a recording."""
        try:
            head = self.audit_head()
        except StoreError:
            return {"audit_head": None}
        return {"audit_head": {"number": head.number, "sha256": head.sha256}}

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def _moment(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="milliseconds")

    @contextmanager
    def _writing(self) -> Iterator[Entry]:
        with self.database.writing() as connection:
            entry = Entry(connection, self._moment())
            yield entry
        # After the rows are kept: a head that is only in the file would tell of rows cut off.
        self._heads.add(entry.heads)


class Entry:
    """What is written in one transaction, each row with its fingerprint, each change with its audit row.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    at : str
        The moment of all that it writes.

    Attributes
    ----------
    heads : list of AuditHead
        Those of the audit rows written.
    """

    def __init__(self, connection: sa.Connection, at: str) -> None:
        self.connection = connection
        self.at = at
        self.heads: list[AuditHead] = []

    def insert(self, table: sa.Table, row: Row) -> str:
        """Insert a row, with an id and a salt where the table has them; its id is returned, if it has one."""
        drawn = {name: secrets.token_hex(16) for name in ("id", "salt") if name in table.c}
        values = sealed(table, {**drawn, **row})
        self.connection.execute(sa.insert(table).values(**values))
        return str(values.get("id", ""))

    def insert_all(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows of a table without ids."""
        if rows:
            self.connection.execute(sa.insert(table), [sealed(table, row) for row in rows])

    def update(self, table: sa.Table, row_id: str, changes: Row) -> None:
        """Change columns of a row."""
        of_id = table.c.id == row_id
        before = self.connection.execute(sa.select(table).where(of_id)).mappings().one()
        values = sealed(table, {**before, **changes})
        self.connection.execute(sa.update(table).where(of_id).values(**values))

    def delete(self, table: sa.Table, condition: sa.ColumnElement[bool]) -> None:
        """Delete rows."""
        self.connection.execute(sa.delete(table).where(condition))

    def log(self, action: str, kind: str, subject: str) -> None:
        """Write the audit row of what was done to `subject`; to be called after it was done."""
        self.heads.append(
            audit.append(self.connection, at=self.at, action=action, kind=kind, subject=subject)
        )


def sealed(table: sa.Table, row: Row) -> dict[str, Any]:
    """Return a row exactly as the database will give it back, and its fingerprint."""
    values = {name: _as_kept(value, is_float=_is_float(table.c[name])) for name, value in row.items()}
    return {**values, "digest": row_digest(values)}


def _is_float(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.Float)


def _as_kept(value: Any, *, is_float: bool) -> Any:
    if isinstance(value, str):
        # Neither lone surrogates nor NUL are text to every database.
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return float(value) if is_float and value is not None else value
