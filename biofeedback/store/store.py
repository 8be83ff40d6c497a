"""The store: everything that is known beside the recordings, and about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from biofeedback.errors import StoreError
from biofeedback.store.clients import ClientBook
from biofeedback.store.database import Database
from biofeedback.store.sessions import SESSIONS_FOLDER, SessionBook
from biofeedback.store.shelf import Shelf

STORE_NAME = "store.sqlite"


class Store(ClientBook, Shelf, SessionBook):
    """Clients, consents, protocols, set-ups, sessions and the audit of one data folder.

    Any thread may call any method: each has a connection and a transaction of its own. Every change is kept
    together with a row of the audit.
    """

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], datetime]) -> Self:
        """Open the store of a data folder; both are made where they do not exist.

        Parameters
        ----------
        folder : Path
            The data folder, as `biofeedback.settings.data_folder` gives it.
        now : callable
            The wall clock, with its offset from UTC.

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
        store = cls(folder, database, now)
        with database.reading() as connection:
            store._heads.catch_up(connection)
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
