"""Where the engine of a data folder can be reached, written where only this user can read it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from biofeedback.errors import UsageError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        """Take hold of a file, without waiting; OSError if another process has it."""
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        """Take hold of a file, without waiting; OSError if another process has it."""
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


FILE_NAME = "engine.json"
LOCK_NAME = "engine.lock"


class EngineEndpoint(BaseModel):
    """The address of an engine, what it asks for, and its process."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: str
    pid: int


def read_endpoint(folder: Path) -> EngineEndpoint | None:
    """Return where the engine of a data folder said it is; None if it said nothing. It may be gone."""
    try:
        return EngineEndpoint.model_validate_json((folder / FILE_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


class EngineLock:
    """The right to be the engine of a data folder; the system takes it back when the process ends.

    Parameters
    ----------
    folder : Path
        The data folder, made where it is missing.

    Raises
    ------
    UsageError
        On entering, if another engine has it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self._folder / LOCK_NAME).open("ab")
        try:
            _lock(self._lock)
        except OSError:
            self._lock.close()
            found = read_endpoint(self._folder)
            where = f" at {found.url}, process {found.pid}" if found else ""
            raise UsageError(f"an engine is running already for {self._folder}{where}") from None
        return self

    def announce(self, endpoint: EngineEndpoint) -> None:
        """Write down where the engine is; in place of what a dead one left."""
        path = self._folder / FILE_NAME
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(endpoint.model_dump(), file)
        new.replace(path)

    def __exit__(self, *_: object) -> None:
        (self._folder / FILE_NAME).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
