"""A thread that receives and time-stamps the bytes of a serial port, and starts the device."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import serial
from serial.tools import list_ports

from acquisition.errors import SourceError
from acquisition.serial.profiles.profile import HandshakeStep
from acquisition.stream_status import Received, ReceiverThread
from acquisition.streams import StreamReason, StreamReasonCode

REOPEN_EVERY_S = 1.0
READ_TIMEOUT_S = 0.1
LONGEST_ANSWER = 4096

RESTART_AFTER_S = 5.0
"""Seconds of silence after which a device that needs a start command is sent it again."""


class SerialPort(Protocol):
    """The part of `serial.Serial` that is used here."""

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once."""
        ...

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, fewer after the timeout."""
        ...

    def write(self, data: bytes) -> int | None:
        """Send bytes."""
        ...

    def reset_input_buffer(self) -> None:
        """Discard what was received."""
        ...

    def close(self) -> None:
        """Release the port."""
        ...


class NoAnswerError(SourceError):
    """A device did not answer a handshake in time."""


def perform_handshake(
    port: SerialPort,
    steps: Sequence[HandshakeStep],
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> bytes:
    """Send the commands of a handshake and wait for each answer.

    Returns
    -------
    bytes
        What followed the last answer: the first data.

    Raises
    ------
    NoAnswerError
        If an answer does not come within its time limit.
    OSError
        If the port is lost.
    """
    rest = b""
    for step in steps:
        port.reset_input_buffer()
        port.write(step.send)
        received, pattern = b"", re.compile(step.answer, re.DOTALL)
        deadline = clock() + step.limit_s
        while (match := pattern.search(received)) is None:
            if clock() > deadline:
                raise NoAnswerError(
                    f"it did not tell {step.says} within {step.limit_s:g} s "
                    f"({len(received)} other bytes came)"
                )
            received = received[-LONGEST_ANSWER:] + port.read(1) + port.read(port.in_waiting)
        rest = received[match.end() :]
        if step.pause_s:
            wait(step.pause_s)
    return rest


class SerialReceiver(ReceiverThread):
    """Receives and time-stamps bytes from a port; reopens a port that was lost.

    It is a thread because arrival times must not depend on when the engine reads, and because some systems
    take seconds to open a port that has gone.

    Parameters
    ----------
    port : str
        Name of the port; a device that is plugged in again must come back under it.
    baud : int
        Bits per second.
    clock : callable
        Returns engine time.
    start_with, stop_with : sequence of HandshakeStep
        What makes the device send, each time the port was opened, and what stops it.
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
        super().__init__(f"serial {port}", clock)
        self._port = port
        self._baud = baud
        self._start_with = tuple(start_with)
        self._stop_with = tuple(stop_with)
        self._stopping = threading.Event()
        self._device: SerialPort | None = None
        self._silence_reported = False
        self._newest_s = 0.0

    def open(self) -> None:
        """Open the port, start the device, and begin to receive.

        Raises
        ------
        SourceError
            If the port does not exist or cannot be opened (the message names the ports there are), or if the
            device does not answer. The port is closed then.
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
        self._add(data)
        self.start()

    def stop(self) -> None:
        """Stop receiving, stop the device and release the port."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=2.0)
        else:
            self._release()

    def run(self) -> None:
        """Receive until stopped."""
        while not self._stopping.is_set():
            try:
                if self._device is None:
                    self._device, data = self._opened()
                    self._add(self._event(StreamReasonCode.DEVICE_BACK))
                    self._add(data)
                    self._silence_reported = False
                self._receive(self._device)
            except NoAnswerError as error:
                if not self._silence_reported:
                    self._add(self._event(StreamReasonCode.DEVICE_NOT_ANSWERING, problem=str(error)))
                    self._silence_reported = True
                self._stopping.wait(REOPEN_EVERY_S)
            except Exception:  # noqa: BLE001 - whatever a driver raises, the next attempt may succeed
                if self._device is not None:
                    self._add(self._event(StreamReasonCode.PORT_LOST))
                self._release()
                self._stopping.wait(REOPEN_EVERY_S)
        if self._device is not None:
            with suppress(Exception):
                perform_handshake(self._device, self._stop_with)
        self._release()

    def _event(self, code: StreamReasonCode, **parameters: str) -> StreamReason:
        return StreamReason(code, {"device": self._port, **parameters})

    def _opened(self) -> tuple[SerialPort, bytes]:
        """Open the port and start the device; return the port and the first data."""
        device: SerialPort = serial.Serial(
            self._port, self._baud, timeout=READ_TIMEOUT_S, write_timeout=1.0, exclusive=True
        )
        try:
            data = perform_handshake(device, self._start_with, wait=self._stopping.wait)
        except BaseException:
            with suppress(OSError):
                device.close()
            raise
        self._newest_s = self._clock()
        return device, data

    def _receive(self, device: SerialPort) -> None:
        if data := device.read(1):
            data += device.read(device.in_waiting)
            self._newest_s = self._clock()
            self._received.append(Received(self._newest_s, data))
            self._stopping.wait(0.001)  # one wake-up for several bytes that arrive one by one
        elif self._start_with and self._clock() - self._newest_s > RESTART_AFTER_S:
            raise OSError("silent: a device that was switched off needs its start command again")

    def _release(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            with suppress(OSError):
                device.close()
