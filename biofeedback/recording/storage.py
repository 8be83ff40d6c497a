"""Files that are whole at every moment, whatever kills the program."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.recording import lock

Write = Callable[[int, memoryview], int]
Sync = Callable[[int], None]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that its name holds either what it held before or all of `data`.

    Raises
    ------
    RecordingError
        If it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        if os.name == "posix":  # elsewhere a directory cannot be opened, nor need it be
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> RecordingError:
    """Return the error to raise where `path` cannot be written."""
    return RecordingError(f"{path} cannot be written: {error.strerror or error}")


class AppendFile:
    """An existing file that grows by appends of which each is there entirely or not at all.

    The first byte of an append is written last. Until it is there, a zero stands in its place, which no
    XDF chunk begins with, so readers take the rest for damage and end before it. Without this, a file cut
    off between a chunk's length and its tag, or within its last sample, makes pyxdf 1.17 fail or
    return a sample that never was.

    Parameters
    ----------
    path : Path
        The file.
    write, sync : callable
        What writes and what brings to the disk.

    Raises
    ------
    RecordingError
        If it cannot be opened.
    """

    def __init__(self, path: Path, *, write: Write = os.write, sync: Sync = os.fsync) -> None:
        self._path = path
        self._write = write
        self._sync = sync
        try:
            self._descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise cannot_write(path, error) from None
        lock.hold(self._descriptor)  # so that nobody takes the session for one that was cut off
        self._end = os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> None:
        """Append `data`; after a failure the file ends where it ended before.

        Raises
        ------
        RecordingError
            If it cannot be written, as on a full disk.
        """
        view = memoryview(data)
        try:
            self._write_at(self._end + 1, view[1:])
            self._write_at(self._end, view[:1])
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise cannot_write(self._path, error) from None
        self._end += len(data)

    def _write_at(self, position: int, view: memoryview) -> None:
        os.lseek(self._descriptor, position, os.SEEK_SET)
        while view:
            view = view[self._write(self._descriptor, view) :]

    def sync(self) -> None:
        """Return when all that was appended is on the disk.

        Raises
        ------
        RecordingError
            If it cannot be brought there.
        """
        try:
            self._sync(self._descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


class SyncThread:
    """Brings a file to the disk on a thread of its own, because that may take seconds.

    Parameters
    ----------
    sync : callable
        Returns when all is on the disk, or raises RecordingError.
    """

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._wanted = threading.Event()
        self._stopping = False
        self._error: RecordingError | None = None
        self._thread = threading.Thread(target=self._run, name="recording-sync", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def request(self) -> None:
        """Ask for what is written now to be brought to the disk; requests while it works become one.

        Raises
        ------
        RecordingError
            If an earlier request failed.
        """
        self.check()
        self._wanted.set()

    def check(self) -> None:
        """Raise the RecordingError of an earlier request, if one failed."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Bring the last to the disk and wait for the thread's end.

        Raises
        ------
        RecordingError
            If a request failed.
        """
        self._stopping = True
        self._wanted.set()
        self._thread.join()
        self.check()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            self._wanted.wait()
            self._wanted.clear()
            stopping = self._stopping
            try:
                self._sync()
            except RecordingError as error:
                self._error = error
                return
