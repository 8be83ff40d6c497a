"""The files of a session, and writing files so that a kill or a power failure leaves none half written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError

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
        pass
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


XDF_NAME = "session.xdf"
META_NAME = "session.json"
FILES = (XDF_NAME, "audio.flac", "audio.wav", "score.mid", "session.xdf.rest", "audio.flac.rest")
"""The files of a session whose checksums are kept."""

Write = Callable[[int, memoryview], int]
Sync = Callable[[int], None]


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write, which takes the place of `path` once the context ends without error.

    Whatever interrupts the writing, `path` holds what it held before, or all that was written. The file to
    write lies beside `path` as ``.STEM.part.SUFFIX``; what an interruption left of it is written over by the
    next attempt.

    Raises
    ------
    RecordingError
        If it cannot be written, or another process is writing it.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise cannot_write(path, error) from None
    if not hold(descriptor):
        os.close(descriptor)
        raise RecordingError(f"{path} is being written by another process; try again when it has finished")
    with contextlib.ExitStack() as stack:
        stack.callback(part.unlink, missing_ok=True)
        held = stack.enter_context(contextlib.ExitStack())
        held.callback(os.close, descriptor)
        yield part
        try:
            os.fsync(descriptor)
            if os.name == "nt":  # an open file cannot be replaced there
                held.close()
            part.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise cannot_write(path, error) from None


@contextlib.contextmanager
def atomic_paths(*paths: Path | None) -> Iterator[tuple[Path | None, ...]]:
    """Yield `atomic_path` of each path, None for None; all are replaced at the end, or none."""
    with contextlib.ExitStack() as stack:
        yield tuple(None if path is None else stack.enter_context(atomic_path(path)) for path in paths)


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder, which takes the name of `folder` once the context ends without error.

    Otherwise it is removed. `folder` must not exist, or be empty.

    Raises
    ------
    RecordingError
        If it cannot be written, or an earlier attempt was interrupted and left its folder behind.
    """
    part = folder.with_name(f"{folder.name}.part")
    if part.exists():
        raise RecordingError(f"{part} was left behind when an earlier attempt was interrupted; remove it")
    try:
        part.mkdir(parents=True)
        yield part
        for path in part.rglob("*"):
            if path.is_file():
                with path.open("r+b") as file:
                    os.fsync(file.fileno())
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        raise cannot_write(folder, error) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that its name holds either what it held before or all of `data`.

    Raises
    ------
    RecordingError
        If it cannot be written.
    """
    with atomic_path(path) as part:
        try:
            part.write_bytes(data)
        except OSError as error:
            raise cannot_write(path, error) from None


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all; errors as `write_whole`."""
    write_whole(path, text.encode("utf-8"))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a directory cannot be opened, nor need it be
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> RecordingError:
    """Return the error to raise where `path` cannot be written."""
    return RecordingError(f"{path} cannot be written: {error.strerror or error}")


def write_at(descriptor: int, position: int, view: memoryview, write: Write = os.write) -> None:
    """Write all of `view` at a position of an open file."""
    os.lseek(descriptor, position, os.SEEK_SET)
    while view:
        view = view[write(descriptor, view) :]


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
        hold(self._descriptor)  # so that nobody takes the session for one that was cut off
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
            write_at(self._descriptor, self._end + 1, view[1:], self._write)
            write_at(self._descriptor, self._end, view[:1], self._write)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise cannot_write(self._path, error) from None
        self._end += len(data)

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
    """Brings a file to the disk on a thread of its own, which starts at once: that may take seconds.

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


def new_session_directory(folder: Path, name: str, now: datetime) -> Path:
    """Return the path of a new directory in `folder` for a session, named after its time and `name`."""
    base = folder / f"{now:%Y-%m-%d-%H%M%S}-{re.sub(r'[^a-z0-9-]+', '-', name.lower())}"
    candidates = (base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 1000)))
    return next(path for path in candidates if not path.exists())


def write_meta(directory: Path, meta: Mapping[str, Any]) -> None:
    """Write ``session.json``, whole or not at all.

    Raises
    ------
    RecordingError
        If it cannot be written.
    """
    from biofeedback.recording.streams import plain  # noqa: PLC0415 - it needs NumPy

    text = json.dumps(plain(meta), indent=2, ensure_ascii=False)
    # Names of files may hold bytes that are not UTF-8; backslashreplace writes them as JSON escapes.
    write_whole(directory / META_NAME, text.encode(errors="backslashreplace") + b"\n")


def checksums(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a session that is there, by its name."""
    return {name: file_sha256(directory / name) for name in FILES if (directory / name).exists()}


def read_meta(directory: Path) -> dict[str, Any]:
    """Return what a session's ``session.json`` holds.

    Raises
    ------
    RecordingError
        If it is missing, cannot be read, or is not the description of a session.
    """
    path = directory / META_NAME
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RecordingError(f"{directory} holds no session: there is no {META_NAME} in it") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("t0_s"), int | float):
        raise RecordingError(f"{path} is not the description of a session: it has no t0_s")
    return meta


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
