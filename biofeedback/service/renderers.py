"""Previews of protocols and reports of sessions, each rendered in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from biofeedback.errors import RecordingError, UsageError
from biofeedback.report import is_complete
from protocols.loading import parse

LONGEST_S = 120.0
SECONDS = 30
BYTES = SECONDS * 48_000 * 2 * 3
"""Of half a minute of sound: 48 kHz, two channels of 24 bits."""

NICENESS = 10

REPORT_NAME = "report.html"
REPORT_S = 300.0
"""How long a report may take."""


class PreviewRenderer:
    """Renders one preview at a time, the newest: it takes the place of the one before. Any thread may ask.

    As a context it ends what is being rendered when it is left.

    Parameters
    ----------
    longest_s : float
        How long a preview may take, in seconds.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._made: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    @property
    def progress(self) -> float | None:
        """How much of the preview is rendered, 0 to 1; None where none is."""
        if (made := self._made) is None:
            return None
        try:
            # The sound is written beside its final name, which it takes when it is whole.
            return min(1.0, sum(file.stat().st_size for file in made.parent.glob("*.wav")) / BYTES)
        except OSError:
            return 0.0

    def cancel(self) -> None:
        """Cancel the preview that is being rendered; its caller gets a `UsageError`."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def listen(self, text: str, hr_bpm: float) -> bytes:
        """Return half a minute of a protocol in fast motion, as WAV.

        Raises
        ------
        InvalidProtocolError
            If it is not a protocol.
        UsageError
            If it cannot be heard: it plans no music, took too long, was cancelled or replaced by another.
        """
        parse(text.encode(), "protocol")
        with TemporaryDirectory(prefix="biofeedback-") as folder:
            file, made = Path(folder) / "protocol.yaml", Path(folder) / "preview.wav"
            file.write_text(text, encoding="utf-8")
            command = [sys.executable, "-P", "-m", "biofeedback", "protocols", "preview", str(file)]
            command += ["--hr", str(hr_bpm), "--seconds", str(SECONDS), "--wav", str(made)]
            with self._rendering(command, made) as process:
                try:
                    _, said = process.communicate(timeout=self._longest_s)
                except subprocess.TimeoutExpired:
                    raise UsageError(f"the preview took longer than {self._longest_s:g} s") from None
            if process.returncode < 0:
                raise UsageError("the preview was cancelled")
            if process.returncode != 0 or not made.exists():
                last = " ".join(said.strip().splitlines()[-1:])
                raise UsageError(last.removeprefix("biofeedback: ") or "the preview could not be made")
            return made.read_bytes()

    @contextmanager
    def _rendering(self, command: list[str], made: Path) -> Iterator[subprocess.Popen[str]]:
        """Run a process in place of the one before; it ends with the context."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
            self._process, self._made = process, made
        try:
            if sys.platform != "win32":
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            yield process
        finally:
            with self._lock:
                if self._process is process:
                    self._process = self._made = None
            process.kill()
            process.communicate()


class ReportRenderer:
    """Writes the report of a closed session, one at a time. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def render(self, directory: Path) -> Path:
        """Return the report of a closed session; a process of its own writes it where there is no whole one.

        Raises
        ------
        RecordingError
            If it cannot be written.
        """
        path = directory / REPORT_NAME
        with self._lock:
            if is_complete(path):
                return path
            command = [sys.executable, "-P", "-m", "biofeedback", "report", str(directory)]
            try:
                done = subprocess.run(  # noqa: S603 - our own interpreter and module
                    command, capture_output=True, text=True, timeout=REPORT_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise RecordingError(f"the report could not be written: {error}") from None
            if done.returncode != 0:
                last = " ".join(done.stderr.strip().splitlines()[-1:])
                raise RecordingError(f"the report could not be written: {last}")
            return path
