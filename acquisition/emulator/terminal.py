"""A pseudo-terminal with a device at its other end."""

from __future__ import annotations

import math
import os
import random
import select
import sys
from collections.abc import Callable

from acquisition.emulator.emulation import Emulation
from acquisition.errors import SourceError

LEAST_WAIT_S = 0.005
"""Samples due within are sent together, as a USB adapter does."""

MOST_WAIT_S = 0.25

LONGEST_BURST = 60
"""Bytes of garbage at once, at most."""


class Terminal:
    """A serial port that a host can open.

    Raises
    ------
    SourceError
        Where there are no pseudo-terminals.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise SourceError("an emulated device needs a pseudo-terminal, which Windows has not")
        import pty  # noqa: PLC0415 - there is none on Windows
        import tty  # noqa: PLC0415

        # The host's end is kept open here too: otherwise what is sent while no host is there is an error.
        self._device, self._host = pty.openpty()
        tty.setraw(self._host)
        os.set_blocking(self._device, False)
        self.name = os.ttyname(self._host)

    def wait(self, seconds: float) -> bool:
        """Wait so long for bytes from the host; return whether there are any."""
        return bool(select.select([self._device], [], [], max(0.0, seconds))[0])

    def read(self) -> bytes:
        """Return what the host sent."""
        try:
            return os.read(self._device, 4096)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the host; what it does not fetch is lost, as on a real line."""
        try:
            os.write(self._device, data)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Take the port away."""
        os.close(self._device)
        os.close(self._host)


class Interference:
    """Bursts of random bytes on the line, between what the device sends.

    Parameters
    ----------
    per_minute : float
        How many, on average.
    chance : random.Random
        When and what.
    """

    def __init__(self, per_minute: float, chance: random.Random) -> None:
        self._per_s = per_minute / 60
        self._chance = chance
        self._due_s = chance.expovariate(self._per_s) if per_minute else math.inf

    def spoil(self, data: bytes, t: float) -> bytes:
        """Return what arrives of `data` sent at time `t`: preceded by garbage, when that is due."""
        while t >= self._due_s:
            self._due_s += self._chance.expovariate(self._per_s)
            data = self._chance.randbytes(self._chance.randint(1, LONGEST_BURST)) + data
        return data


def play(
    emulation: Emulation,
    terminal: Terminal,
    *,
    clock: Callable[[], float],
    interference: Interference | None = None,
) -> None:
    """Be the device until the recording has ended.

    Parameters
    ----------
    emulation : Emulation
        What it sends and answers.
    terminal : Terminal
        Where.
    clock : callable
        Seconds, from any moment on.
    interference : Interference, optional
        Garbage on the line.
    """
    power_s = clock()
    while not emulation.ended:
        due_in_s = emulation.due_s - (clock() - power_s)
        if terminal.wait(min(max(due_in_s, LEAST_WAIT_S), MOST_WAIT_S)):
            answer = emulation.receive(terminal.read(), clock() - power_s)
            if answer:
                terminal.write(answer)
        if data := emulation.due(clock() - power_s):
            terminal.write(data if interference is None else interference.spoil(data, clock() - power_s))
