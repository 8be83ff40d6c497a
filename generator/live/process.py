"""The sound's process, as the engine's sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Self

from generator.errors import SoundError
from generator.live.link import Link
from generator.live.messages import Leave, Setup

GONE_S = 0.1


class SoundProcess:
    """A fresh interpreter that makes itself ready and waits for `Start`.

    A process of `subprocess`, not of `multiprocessing`: that would import the engine's main program into
    the sound's process, and have it killed when the engine ends, instead of fading. Nothing that it or
    the libraries in it print reaches the user.
    """

    def __init__(self, process: subprocess.Popen[bytes], link: Link) -> None:
        self._process = process
        self.link = link

    @classmethod
    def spawn(cls, setup: Setup) -> Self:
        """Start a process and tell it what it is for.

        Raises
        ------
        SoundError
            If no process can be started.
        """
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "generator.live.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                # An interruption at the terminal is the engine's to handle.
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise SoundError(f"the sound's process cannot be started: {error}") from error
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        link = Link(process.stdout, process.stdin)
        link.open()
        link.send(setup)
        return cls(process, link)

    @property
    def pid(self) -> int:
        """Its number in the operating system."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def ending(self) -> str:
        """Say how it ended."""
        try:
            status = self._process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            return "was lost"
        if status < 0:
            return f"was killed by signal {-status} ({signal.strsignal(-status)})"
        return f"ended with status {status}"

    def kill(self) -> None:
        """End it at once, without waiting for it to be gone."""
        self._process.kill()

    def close(self, timeout_s: float) -> None:
        """Ask it to fade and end, and see it gone: by force after `timeout_s`. Closing twice is harmless."""
        self.link.send(Leave())
        self.link.close(timeout_s)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout_s)
        self.link.join(timeout_s)


def environment() -> dict[str, str]:
    """Return the environment in which processes that load pyo are started."""
    defaults = {
        "PYO_GUI_WX": "0",
        "JACK_NO_START_SERVER": "1",
        "OMP_NUM_THREADS": "1",
    }
    # The ALSA in pyo's wheels looks for its plugins where Debian and Ubuntu do not keep them.
    plugins = Path("/usr/lib") / str(sysconfig.get_config_var("MULTIARCH")) / "alsa-lib"
    if plugins.is_dir():
        defaults["ALSA_PLUGIN_DIR"] = str(plugins)
    found_here = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {**defaults, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, found_here))}
