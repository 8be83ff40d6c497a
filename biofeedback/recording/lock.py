"""Whether a recording is being written just now: the writing process holds a lock on its file.

The system lets go of it when the process ends, whatever ends it. Where a file system has no locks, nothing is
ever held.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 40  # Windows locks bytes, and keeps others from reading them: one that the file never has

    def _try(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold(descriptor: int) -> bool:
    """Hold a file open for writing until its descriptor is closed; false if another process holds it.

    Where a file system has no locks, true is returned and nothing is held.
    """
    try:
        _try(descriptor)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


@contextmanager
def held_by_us(path: Path) -> Iterator[bool]:
    """Hold a file while the context lasts, unless another holds it; yields whether it is held by us.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be opened for writing.
    """
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        yield hold(descriptor)
    finally:
        os.close(descriptor)
