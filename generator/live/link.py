"""Messages between two processes, without ever waiting for the other one."""

from __future__ import annotations

import pickle
import queue
import threading
from collections.abc import Iterator
from typing import IO, Any

_END = object()

LONGEST_STEP_S = 0.25


class Link:
    """Both ends of a pipe, read and written by threads of their own.

    A process that is stopped in the middle of a message, or no longer reads, holds up its thread and nothing
    else.

    Parameters
    ----------
    reader, writer : binary files
        Belong to the link from now on.
    """

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = False
        self._threads = tuple(
            threading.Thread(target=work, name=f"link {work.__name__}", daemon=True)
            for work in (self._read, self._write)
        )

    def open(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    @property
    def closed(self) -> bool:
        """Whether the other side has closed its end, and all it said before has been received."""
        return self._closed

    def send(self, message: object) -> None:
        """Post a message; lost if the other side is gone. Any thread may call it."""
        self._outbox.put(message)

    def receive(self, timeout_s: float = 0.0) -> list[Any]:
        """Return the messages that have come, after waiting for the first for `timeout_s` at most."""
        return list(self._arrived(timeout_s))

    def _arrived(self, timeout_s: float) -> Iterator[Any]:
        try:
            message = self._inbox.get(block=timeout_s > 0.0, timeout=timeout_s or None)
            while message is not _END:
                yield message
                message = self._inbox.get_nowait()
            self._closed = True
        except queue.Empty:
            return

    def close(self, timeout_s: float) -> None:
        """Send what is posted and close this side's end, within `timeout_s`."""
        self._outbox.put(_END)
        self._threads[1].join(timeout_s)

    def join(self, timeout_s: float) -> None:
        """Wait for both threads; they end with the other process."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _read(self) -> None:
        with self._reader:
            try:
                while True:
                    self._inbox.put(pickle.load(self._reader))  # noqa: S301 - our own process at the other end
            except (EOFError, OSError, ValueError, ImportError, AttributeError, pickle.UnpicklingError):
                self._inbox.put(_END)  # gone, or killed in the middle of a word

    def _write(self) -> None:
        try:
            with self._writer:
                while (message := self._outbox.get()) is not _END:
                    pickle.dump(message, self._writer, protocol=pickle.HIGHEST_PROTOCOL)
                    self._writer.flush()
        except (OSError, ValueError):
            return  # gone; the reader finds out too


class Silence:
    """How long the other side has not said a word.

    The time is added up from look to look, and a look after a long pause adds `LONGEST_STEP_S` at most: who
    was held up himself does not take that for the other's silence.
    """

    def __init__(self, now: float) -> None:
        self._seen = now
        self._seconds = 0.0

    def look(self, now: float, *, word: bool) -> float:
        """Return how many seconds ago the last word was; `word` says whether one has just come."""
        self._seconds = 0.0 if word else self._seconds + min(now - self._seen, LONGEST_STEP_S)
        self._seen = now
        return self._seconds
