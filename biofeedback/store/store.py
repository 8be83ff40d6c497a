"""The store: everything that is known beside the recordings, and about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from biofeedback.errors import StoreError
from biofeedback.store.database import Database
from biofeedback.store.records import Recovered
from biofeedback.store.recovering import Recovery
from biofeedback.store.sessions import SESSIONS_FOLDER
from biofeedback.store.shelf import Shelf
from biofeedback.store.verification import Verification

STORE_NAME = "store.sqlite"


class Store(Shelf, Recovery, Verification):
    """Clients, consents, protocols, set-ups, sessions and the audit of one data folder.

    Any thread may call any method: each has a connection and a transaction of its own. Every change is kept
    together with a row of the audit.

    Attributes
    ----------
    recovered : tuple of Recovered
        What was found cut off when the store was opened, and what was done about it.
    """

    recovered: tuple[Recovered, ...] = ()

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
            Whether what was cut off is taken up, which `recovered` then tells.

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
        if recover:
            with database.reading() as connection:
                store._heads.catch_up(connection)
            store.recovered = store.recover()
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
