"""Protocols drawn and heard in processes of their own: a session that runs must not wait for them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from biofeedback.errors import UsageError
from protocols.loading import parse

LONGEST_S = 120.0


class Previews:
    """Makes one preview after another; any thread may ask."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def arc(self, text: str, hr_bpm: float, suffix: str) -> bytes:
        """Return a picture of what a protocol plans, ``.svg`` or ``.png``.

        Raises
        ------
        InvalidProtocolError
            If it is not a protocol.
        UsageError
            If it cannot be drawn.
        """
        return self._made(text, hr_bpm, "--png", f"arc{suffix}")

    def listen(self, text: str, hr_bpm: float) -> bytes:
        """Return half a minute of a protocol in fast motion, as WAV.

        Raises
        ------
        InvalidProtocolError
            If it is not a protocol.
        UsageError
            If it cannot be heard: it plans no music.
        """
        return self._made(text, hr_bpm, "--wav", "preview.wav")

    def _made(self, text: str, hr_bpm: float, option: str, name: str) -> bytes:
        parse(text.encode(), "protocol")
        with self._one_at_a_time, TemporaryDirectory(prefix="biofeedback-") as folder:
            file, made = Path(folder) / "protocol.yaml", Path(folder) / name
            file.write_text(text, encoding="utf-8")
            command = [sys.executable, "-P", "-m", "biofeedback", "protocols", "preview", str(file)]
            try:
                done = subprocess.run(  # noqa: S603 - our own interpreter and module
                    [*command, "--hr", str(hr_bpm), option, str(made)],
                    capture_output=True,
                    text=True,
                    timeout=LONGEST_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise UsageError(f"the preview took longer than {LONGEST_S:g} s") from None
            if done.returncode != 0 or not made.exists():
                last = " ".join(done.stderr.strip().splitlines()[-1:])
                raise UsageError(last.removeprefix("biofeedback: ") or "the preview could not be made")
            return made.read_bytes()
