"""One process at a time, the newest, at low priority."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

NICENESS = 10


class LatestProcess:
    """Runs one process at a time: a newer one takes the place of the one before. Any thread may ask.

    As a context it ends the process when it is left.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    @property
    def pid(self) -> int | None:
        """The process that runs; None where none does."""
        process = self._process
        return None if process is None else process.pid

    def cancel(self) -> None:
        """Kill the process; who runs it finds it ended."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    @contextmanager
    def running(self, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """Run our own interpreter in place of the process before, with these arguments.

        Standard output and standard error are pipes. The process ends with the context.
        """
        with self._lock:
            if self._process is not None:
                self._process.kill()
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
            self._process = process
        try:
            if sys.platform != "win32":
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            yield process
        finally:
            with self._lock:
                if self._process is process:
                    self._process = None
            process.kill()
            process.communicate()
