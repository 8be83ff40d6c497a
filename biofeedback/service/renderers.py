"""Previews of protocols, reports of sessions and samples of instruments, each rendered in its own process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from biofeedback.errors import RecordingError, UsageError
from biofeedback.report import is_complete
from biofeedback.service.latest_process import LatestProcess
from generator.errors import SoundError
from generator.synthesis.sample_cache import NOT_KEPT, missing
from protocols.loading import parse

LONGEST_S = 120.0
SECONDS = 30
BYTES = SECONDS * 48_000 * 2 * 3
"""Of half a minute of sound: 48 kHz, two channels of 24 bits."""

REPORT_NAME = "report.html"
REPORT_S = 300.0
"""How long a report may take."""


class PreviewRenderer(LatestProcess):
    """Renders one preview at a time, the newest; `cancel` lets its caller get a `UsageError`.

    Parameters
    ----------
    longest_s : float
        How long a preview may take, in seconds.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        super().__init__()
        self._longest_s = longest_s
        self._made: Path | None = None

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
            command = ["-m", "biofeedback", "protocols", "preview", str(file)]
            command += ["--hr", str(hr_bpm), "--seconds", str(SECONDS), "--wav", str(made)]
            with self.running(command) as process:
                self._made = made
                try:
                    _, said = process.communicate(timeout=self._longest_s)
                except subprocess.TimeoutExpired:
                    raise UsageError(f"the preview took longer than {self._longest_s:g} s") from None
                finally:
                    if self._made is made:
                        self._made = None
            if process.returncode < 0:
                raise UsageError("the preview was cancelled")
            if process.returncode != 0 or not made.exists():
                last = " ".join(said.strip().splitlines()[-1:])
                raise UsageError(last.removeprefix("biofeedback: ") or "the preview could not be made")
            return made.read_bytes()


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


class InstrumentRenderer:
    """Renders the samples that the cache lacks before a session plays them. Any thread may ask.

    As a context it ends what is being rendered when it is left; instruments that are whole by then stay.

    Attributes
    ----------
    progress : float or None
        How much is rendered, 0 to 1; None where nothing has to be.
    not_kept : str
        Why samples cannot be kept in the cache, so that every sound process renders its own; else empty.
    palette_fault : str
        What is wrong with the palette file, and what plays instead; else empty.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self.progress: float | None = None
        self.not_kept = ""
        self.palette_fault = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Give up what is being rendered; its caller gets a `SoundError`."""
        if (process := self._process) is not None:
            process.kill()

    def render(self, palette: str) -> str:
        """Render what the cache lacks of a palette's instruments, unless it cannot be kept.

        Returns what will play: the palette, or the built-in one that takes the place of a faulty file.

        Raises
        ------
        SoundError
            If they cannot be rendered, or it was cancelled.
        """
        # Palettes have rooms, and these need SciPy: a second that the engine's start does not wait for.
        from biofeedback.palette_faults import instead_text  # noqa: PLC0415
        from generator.synthesis.palette_resolution import resolve_palette  # noqa: PLC0415

        with self._lock:
            self.not_kept = ""
            resolved = resolve_palette(palette)
            self.palette_fault = instead_text(resolved)
            if missing(resolved.palette.instruments, verify=True):
                self.progress = 0.0
                try:
                    self._render(resolved.instead or palette)
                finally:
                    self.progress = None
        return resolved.instead or palette

    def _render(self, palette: str) -> None:
        command = [sys.executable, "-P", "-m", "generator.synthesis.palette_resolution", palette]
        with subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            self._process = process
            try:
                for line in process.stdout or ():
                    self.progress = float(line.partition(" ")[0])
                _, said = process.communicate()
            finally:
                self._process = None
        last = " ".join(said.strip().splitlines()[-1:])
        if process.returncode == NOT_KEPT:
            self.not_kept = last
        elif process.returncode != 0:
            raise SoundError(f"the instruments were not rendered: {last or 'it was cancelled'}")
