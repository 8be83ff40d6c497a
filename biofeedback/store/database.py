"""The database behind the store: how it is opened, brought up to date, and read and written.

This is the only module that knows of SQLite, in `_prepare`; every statement of the store is compiled by
SQLAlchemy for whatever database is behind it.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from biofeedback.errors import StoreError
from biofeedback.store import audit
from biofeedback.store.audit import Heads
from biofeedback.store.records import AuditHead
from biofeedback.store.tables import DIGEST, METADATA, row_digest

REVISION = "0003"
"""The newest migration."""

BUSY_S = 10.0
"""How long a writer waits for another."""

_REVISION_COLUMN = sa.Column("version_num", sa.String(32), primary_key=True)
_VERSION = sa.Table("alembic_version", sa.MetaData(), _REVISION_COLUMN)
"""Where Alembic keeps the newest migration that was carried out."""


class Database:
    """A database whose tables are those of this version.

    Every call has a connection and a transaction of its own, so any thread may call.

    Parameters
    ----------
    url : sqlalchemy.URL
        Where it is.

    Raises
    ------
    StoreError
        If it cannot be opened, or is of a later version.
    """

    def __init__(self, url: sa.URL) -> None:
        self.name = url.database or str(url)
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            _prepare(self._engine)
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Yield a connection that sees one moment of the database.

        Raises
        ------
        StoreError
            If the database fails.
        """
        with self._errors_named(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Yield a connection whose changes are kept together at the end, or none of them after an exception.

        Raises
        ------
        StoreError
            If the database fails.
        """
        with (
            self._errors_named(),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def tidy(self) -> None:
        """Let nothing that was deleted stay behind in the files of the database, if nobody reads just now."""
        if self._engine.dialect.name == "sqlite":
            with self._errors_named(), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def damage(self) -> list[str]:
        """Return what the database itself finds wrong with its files; not every database can tell.

        Raises
        ------
        StoreError
            If it is too damaged to look.
        """
        if self._engine.dialect.name != "sqlite":
            return []
        with self.reading() as connection:
            lines = [str(line) for (line,) in connection.exec_driver_sql("PRAGMA integrity_check")]
        return [line for line in lines if line != "ok"]

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            if _revision(connection) == REVISION:
                return
        with self.writing() as connection:
            # Another process may have been quicker: this transaction has waited for it.
            found = _revision(connection)
            if found is None:
                METADATA.create_all(connection)
                _VERSION.create(connection)
                connection.execute(sa.insert(_VERSION).values(version_num=REVISION))
            elif found < REVISION:
                _migrate(connection)
            elif found > REVISION:
                raise StoreError(
                    f"{self.name} was written by a later version of this program; use that version"
                )

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Raise the errors of the database as `StoreError`."""
        try:
            yield
        except SQLAlchemyError as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise StoreError(f"{self.name} cannot be used: {' '.join(str(reason).split())}") from error


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_REVISION_COLUMN))


def _migrate(connection: sa.Connection) -> None:
    # Imported here: it takes longer than all that most calls do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")


def _prepare(engine: sa.Engine) -> None:
    """Make SQLite safe for several threads and processes, durable, and forgetful of what is deleted."""

    @sa.event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        # Transactions begin where SQLAlchemy says, not where the driver guesses.
        connection.isolation_level = None
        connection.text_factory = _text
        for pragma in (
            f"busy_timeout = {round(1000 * BUSY_S)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later would fail, not wait, if another wrote between.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _text(data: bytes) -> str:
    """Return what a damaged text still says, so that its damage can be named."""
    return data.decode("utf-8", "surrogateescape")


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


class Repository:
    """Base of what reads and writes one part of a store.

    Parameters
    ----------
    transactions : Transactions
        Of the store.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        """Return the rows of a query, all of one moment."""
        with self._transactions.database.reading() as connection:
            return connection.execute(query).mappings().all()


def sealed(table: sa.Table, row: Row) -> dict[str, Any]:
    """Return a row exactly as the database will give it back, and its fingerprint."""
    values = {name: _as_kept(table.c[name], value) for name, value in row.items()}
    return {**values, DIGEST: row_digest(values)}


def _as_kept(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(value, str):
        # Neither lone surrogates nor NUL are text to every database.
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return float(value) if isinstance(column.type, sa.Float) and value is not None else value
