"""The lock of a data folder's engine, and the file with its address and token, for this user only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from biofeedback.errors import UsageError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        """Lock a file without waiting; OSError if another process holds the lock."""
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        """Lock a file without waiting; OSError if another process holds the lock."""
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


FILE_NAME = "engine.json"
LOCK_NAME = "engine.lock"


class EngineEndpoint(BaseModel):
    """The address of an engine, its token and its process."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: str
    pid: int


def read_endpoint(folder: Path) -> EngineEndpoint | None:
    """Return the endpoint that the engine of a data folder wrote, or None; the engine may be gone."""
    try:
        return EngineEndpoint.model_validate_json((folder / FILE_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write_endpoint(folder: Path, endpoint: EngineEndpoint) -> None:
    """Write down where the engine of a data folder is; in place of what a dead one left."""
    path = folder / FILE_NAME
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(endpoint.model_dump_json())
    new.replace(path)


@contextmanager
def engine_lock(folder: Path) -> Iterator[None]:
    """Be the engine of a data folder while the context lasts; the system unlocks it when the process ends.

    Parameters
    ----------
    folder : Path
        The data folder, made where it is missing.

    Raises
    ------
    UsageError
        If another engine has it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK_NAME).open("ab") as file:
        try:
            _lock(file)
        except OSError:
            found = read_endpoint(folder)
            where = f" at {found.url}, process {found.pid}" if found else ""
            raise UsageError(f"an engine is running already for {folder}{where}") from None
        try:
            yield
        finally:
            (folder / FILE_NAME).unlink(missing_ok=True)
