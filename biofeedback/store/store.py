"""The store of one data folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from biofeedback.errors import StoreError
from biofeedback.settings import STORE_NAME
from biofeedback.store.backup import Backup, unpack
from biofeedback.store.clients import ClientRepository
from biofeedback.store.database import Database, Transactions
from biofeedback.store.protocol_versions import ProtocolVersionRepository, SetupRepository
from biofeedback.store.records import Recovered
from biofeedback.store.recovery import AuditLog, Recovery
from biofeedback.store.retention import Retention
from biofeedback.store.sessions import SESSIONS_FOLDER, SessionRepository


class Store:
    """Clients, consents, protocols, set-ups, sessions and the audit of one data folder.

    Any thread may call any method: each has a connection and a transaction of its own. Every change is kept
    together with a row of the audit.

    Parameters
    ----------
    transactions : Transactions
        On the database of the data folder; `Store.open` makes them.

    Attributes
    ----------
    folder : Path
        The data folder.
    database : Database
        In it.
    clients : ClientRepository
        Clients and their consents.
    sessions : SessionRepository
        Sessions and what is known of them.
    protocol_versions : ProtocolVersionRepository
        Saved protocols.
    setups : SetupRepository
        Saved sensor set-ups.
    retention : Retention
        Rules, deletion, withdrawal of consent.
    audit : AuditLog
        What was done, and whether everything is as it was left.
    backup : Backup
        Writes everything into one file; see `Store.restore`.
    recovered : tuple of Recovered
        What was found cut off when the store was opened, and what was done about it.
    """

    def __init__(self, transactions: Transactions) -> None:
        self.folder = transactions.folder
        self.database = transactions.database
        self.clients = ClientRepository(transactions)
        self.sessions = SessionRepository(transactions)
        self.protocol_versions = ProtocolVersionRepository(transactions)
        self.setups = SetupRepository(transactions)
        self.retention = Retention(transactions, self.clients, self.sessions)
        self.audit = AuditLog(transactions, self.sessions)
        self.backup = Backup(transactions)
        self.recovered: tuple[Recovered, ...] = ()
        self._recovery = Recovery(transactions, self.sessions, self.retention, self.audit)

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], datetime], recover: bool = True) -> Self:
        """Open the store of a data folder; both are made where they do not exist.

        Parameters
        ----------
        folder : Path
            The data folder, as `biofeedback.settings.data_folder` gives it.
        now : callable
            The wall clock, with its offset from UTC.
        recover : bool
            Whether what was cut off is recovered, which `recovered` then tells.

        Raises
        ------
        StoreError
            If the folder or its store cannot be read and written.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / SESSIONS_FOLDER).mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder} cannot be the data folder: {error.strerror or error}") from None
        database = Database(sa.URL.create("sqlite", database=str(folder / STORE_NAME)))
        transactions = Transactions(folder, database, now)
        store = cls(transactions)
        if recover:
            with database.reading() as connection:
                transactions.heads.catch_up(connection)
            store.recovered = store.recover()
        return store

    @classmethod
    def restore(
        cls, file: Path, folder: Path, *, now: Callable[[], datetime], calibration: Path | None = None
    ) -> Self:
        """Make a data folder of a back-up, after every byte was checked, and open its store.

        Parameters
        ----------
        file : Path
            The back-up.
        folder : Path
            Must not exist, or be empty.
        now : callable
            The wall clock.
        calibration : Path, optional
            The file of calibrations, to which those of the back-up are added; a device that has one keeps it.

        Raises
        ------
        UsageError
            If `folder` holds something.
        StoreError
            If `file` is no back-up, half of one, or not as it was written; nothing is left behind then.
        """
        unpack(file, folder, calibration)
        store = cls.open(folder, now=now)
        store.audit.log_event("restored")
        return store

    def recover(self) -> tuple[Recovered, ...]:
        """Close and index sessions that were cut off, and finish deletions; return what was done."""
        return self._recovery.recover()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
