"""A serial port kept open: a thread that receives bytes and stamps them, and brings a device to send."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import serial
from serial.tools import list_ports

from acquisition.errors import SourceError
from acquisition.serial.profiles.profile import HandshakeStep

REOPEN_EVERY_S = 1.0
READ_TIMEOUT_S = 0.1
LONGEST_ANSWER = 4096
RESTART_AFTER_S = 5.0
"""A device that must be told to send, and is silent for longer, is told again."""


class SerialPort(Protocol):
    """What is needed of `serial.Serial`."""

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read at once."""
        ...

    def read(self, size: int) -> bytes:
        """Return up to so many bytes, fewer after a time limit."""
        ...

    def write(self, data: bytes) -> int | None:
        """Send bytes."""
        ...

    def reset_input_buffer(self) -> None:
        """Drop what was received."""
        ...

    def close(self) -> None:
        """Let go of the port."""
        ...


class NoAnswerError(Exception):
    """A device did not answer; the message says to what."""


def perform_handshake(
    port: SerialPort,
    exchanges: Sequence[HandshakeStep],
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> bytes:
    """Carry out a handshake.

    Returns
    -------
    bytes
        What came behind the last answer: data already.

    Raises
    ------
    NoAnswerError
        If an answer does not come within its limit.
    OSError
        If the port is lost.
    """
    behind = b""
    for exchange in exchanges:
        port.reset_input_buffer()
        port.write(exchange.send)
        received, pattern = b"", re.compile(exchange.answer, re.DOTALL)
        deadline = clock() + exchange.limit_s
        while (match := pattern.search(received)) is None:
            if clock() > deadline:
                raise NoAnswerError(
                    f"it did not tell {exchange.says} within {exchange.limit_s:g} s "
                    f"({len(received)} other bytes came)"
                )
            received = received[-LONGEST_ANSWER:] + port.read(1) + port.read(port.in_waiting)
        behind = received[match.end() :]
        if exchange.pause_s:
            wait(exchange.pause_s)
    return behind


class SerialReceiver(threading.Thread):
    """Receives bytes from a port and stamps them; a port that was lost is opened again.

    A thread, because arrival times must not depend on when the engine comes to read, and because some
    systems take seconds to open a port that is gone.

    Parameters
    ----------
    port : str
        Its name, under which it comes back when it was plugged in again.
    baud : int
        Bits per second.
    clock : callable
        Engine time now.
    start_with, stop_with : sequence of HandshakeStep
        What makes the device send, whenever the port was opened, and what ends it.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        clock: Callable[[], float],
        *,
        start_with: Sequence[HandshakeStep] = (),
        stop_with: Sequence[HandshakeStep] = (),
    ) -> None:
        super().__init__(name=f"serial {port}", daemon=True)
        self._port = port
        self._baud = baud
        self._clock = clock
        self._start_with = tuple(start_with)
        self._stop_with = tuple(stop_with)
        self._stopping = threading.Event()
        self._received: deque[tuple[float, bytes | str]] = deque()
        self._device: SerialPort | None = None
        self._told_silent = False
        self._heard_s = 0.0

    def open(self) -> None:
        """Open the port, make the device send, and begin to receive.

        Raises
        ------
        SourceError
            If there is no such port or it cannot be opened, naming those there are; or if the device does
            not answer.
        """
        try:
            self._device, data = self._opened()
        except NoAnswerError as error:
            raise SourceError(
                f"{self._port}: {error}; is the profile right, and the device on and not in use elsewhere?"
            ) from error
        except (OSError, ValueError) as error:
            there_are = ", ".join(sorted(port.device for port in list_ports.comports())) or "none"
            raise SourceError(
                f"the serial port {self._port} cannot be opened ({error}); ports there are: {there_are}"
            ) from error
        self._received.append((self._clock(), data))
        self.start()

    def take(self) -> list[tuple[float, bytes | str]]:
        """Return what was received since the last call: engine time and bytes, or words on the port."""
        return [self._received.popleft() for _ in range(len(self._received))]

    def stop(self) -> None:
        """End receiving, tell the device to stop and let go of the port."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=2.0)

    def run(self) -> None:
        """Receive until stopped."""
        while not self._stopping.is_set():
            try:
                if self._device is None:
                    self._device, data = self._opened()
                    self._received.append((self._clock(), f"{self._port} is back"))
                    self._received.append((self._clock(), data))
                    self._told_silent = False
                self._receive(self._device)
            except NoAnswerError as error:
                if not self._told_silent:
                    self._received.append((self._clock(), f"{self._port} is back, but {error}"))
                    self._told_silent = True
                self._stopping.wait(REOPEN_EVERY_S)
            except Exception:  # noqa: BLE001 - whatever a driver raises, the next try may succeed
                if self._device is not None:
                    self._received.append((self._clock(), f"{self._port} was lost"))
                self._let_go()
                self._stopping.wait(REOPEN_EVERY_S)
        if self._device is not None:
            with suppress(Exception):
                perform_handshake(self._device, self._stop_with)
        self._let_go()

    def _opened(self) -> tuple[SerialPort, bytes]:
        """Open the port and make the device send; returns with it the first of its data."""
        device: SerialPort = serial.Serial(
            self._port, self._baud, timeout=READ_TIMEOUT_S, write_timeout=1.0, exclusive=True
        )
        try:
            data = perform_handshake(device, self._start_with, wait=self._stopping.wait)
        except BaseException:
            with suppress(OSError):
                device.close()
            raise
        self._heard_s = self._clock()
        return device, data

    def _receive(self, device: SerialPort) -> None:
        if data := device.read(1):
            data += device.read(device.in_waiting)
            self._heard_s = self._clock()
            self._received.append((self._heard_s, data))
            self._stopping.wait(0.001)  # so that what comes byte by byte does not wake us for each
        elif self._start_with and self._clock() - self._heard_s > RESTART_AFTER_S:
            raise OSError("silent: a device that was off has to be told again to send")

    def _let_go(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            with suppress(OSError):
                device.close()
