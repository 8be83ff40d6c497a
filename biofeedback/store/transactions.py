"""Transactions on the database of the store, each with the audit rows of its changes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from biofeedback.store import audit
from biofeedback.store.audit import Heads
from biofeedback.store.database import Database
from biofeedback.store.records import AuditHead
from biofeedback.store.tables import row_digest

Row = Mapping[str, Any]


class Transactions:
    """The database of a store, in which every change leaves a row in the audit.

    Any thread may call any method: each call has a connection and a transaction of its own.

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
    folder, database, now
        As given.
    heads : Heads
        The file that repeats the fingerprints of the audit.
    """

    def __init__(self, folder: Path, database: Database, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self.database = database
        self.now = now
        self.heads = Heads(folder / audit.HEADS_NAME)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Yield a transaction that is kept as a whole, or not at all after an exception.

        Raises
        ------
        StoreError
            If the database fails.
        """
        at = self.now().astimezone(UTC).isoformat(timespec="milliseconds")
        with self.database.writing() as connection:
            transaction = Transaction(connection, at)
            yield transaction
        # After the rows are kept: a head that is only in the file would tell of rows cut off.
        self.heads.add(transaction.heads)


class Transaction:
    """Writes rows, each with its fingerprint, and the audit rows of what was changed.

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
