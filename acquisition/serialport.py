"""Serial devices as sources: a thread that receives bytes and stamps them, and all the rest without one."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import serial
from pylsl import local_clock
from serial.tools import list_ports

from acquisition.errors import SourceError, SpecError
from acquisition.incidents import Diary
from acquisition.lines import LinesParser
from acquisition.livespec import LinesSpec
from acquisition.sampleclock import RATE_TOLERANCE, SampleClock
from acquisition.streams import Chunk, ClockPair, FloatArray, Incident, StreamInfo

REOPEN_EVERY_S = 1.0
CLOCK_PAIR_EVERY_S = 5.0
TRIAL_S = 2.0
"""How long a device is looked at before it is accepted."""

TRIAL_LIMIT_S = 6.0
"""How long is waited for it to begin: some start anew when their port is opened."""

PAUSE_S = 0.5
"""A device that pauses for longer begins anew."""

TRIAL_LINES = 20
"""Fewer do not tell the rate."""


class Receiver(threading.Thread):
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
    """

    def __init__(self, port: str, baud: int, clock: Callable[[], float]) -> None:
        super().__init__(name=f"serial {port}", daemon=True)
        self._port = port
        self._baud = baud
        self._clock = clock
        self._stopping = threading.Event()
        self._received: deque[tuple[float, bytes | str]] = deque()
        self._device: serial.Serial | None = None

    def open(self) -> None:
        """Open the port and begin to receive.

        Raises
        ------
        SourceError
            If there is no such port or it cannot be opened; names those there are.
        """
        try:
            self._device = self._opened()
        except (OSError, ValueError) as error:
            there_are = ", ".join(sorted(port.device for port in list_ports.comports())) or "none"
            raise SourceError(
                f"the serial port {self._port} cannot be opened ({error}); ports there are: {there_are}"
            ) from error
        self.start()

    def take(self) -> list[tuple[float, bytes | str]]:
        """Return what was received since the last call: engine time and bytes, or words on the port."""
        return [self._received.popleft() for _ in range(len(self._received))]

    def stop(self) -> None:
        """End receiving and let go of the port."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=1.0)

    def run(self) -> None:
        """Receive until stopped."""
        while not self._stopping.is_set():
            try:
                if self._device is None:
                    self._device = self._opened()
                    self._received.append((self._clock(), f"{self._port} is back"))
                self._receive(self._device)
            except Exception:  # noqa: BLE001 - whatever a driver raises, the next try may succeed
                if self._device is not None:
                    self._received.append((self._clock(), f"{self._port} was lost"))
                self._let_go()
                self._stopping.wait(REOPEN_EVERY_S)
        self._let_go()

    def _opened(self) -> serial.Serial:
        return serial.Serial(self._port, self._baud, timeout=0.1, exclusive=True)

    def _receive(self, device: serial.Serial) -> None:
        if data := device.read(1):
            data += device.read(device.in_waiting)
            self._received.append((self._clock(), data))
            self._stopping.wait(0.01)  # so that what comes byte by byte does not wake us for each

    def _let_go(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            with suppress(OSError):
                device.close()


class LinesSource:
    """A device that sends lines of numbers, one line per sample.

    Parameters
    ----------
    specs : sequence of LinesSpec
        One per stream, all of one port; see `require_agreement`.
    streams : sequence of StreamInfo
        Their descriptions, in the same order.
    clock : callable
        Engine time now.
    """

    def __init__(
        self,
        specs: Sequence[LinesSpec],
        streams: Sequence[StreamInfo],
        *,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        self._specs = tuple(specs)
        self._streams = tuple(streams)
        self._clock = clock
        self._receiver = Receiver(specs[0].port, specs[0].baud, clock)
        self._parser = LinesParser(separator=specs[0].separator, columns=[spec.column for spec in specs])
        self._sample_clock = SampleClock(specs[0].rate_hz)
        self._diary = Diary(streams[0].stream_id)
        self._scale = np.array([spec.scale for spec in specs])
        self._offset = np.array([spec.offset for spec in specs])
        # Samples that were received; the first of them have a time already.
        self._times = np.empty(0)
        self._samples = np.empty((0, len(specs)))
        self._begin_s = -math.inf
        self._pairs: list[ClockPair] = []
        self._pair_due_s = -math.inf
        # Arrival and number of the latest lines, and of those with which they began to come without a pause.
        self._latest = self._first = (-math.inf, 0)
        self._pause_s = max(PAUSE_S, 5.0 / specs[0].rate_hz)

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """One per specification."""
        return self._streams

    @property
    def ended(self) -> bool:
        """Never: a cable that was pulled may be plugged in again."""
        return False

    def open(self) -> None:
        """Open the port and begin to receive; the thread is stopped by `close`.

        Raises
        ------
        SourceError
            If it cannot be opened.
        """
        self._receiver.open()

    def try_out(self, seconds: float = TRIAL_S, limit_s: float = TRIAL_LIMIT_S) -> None:
        """Receive for some seconds and refuse a device that does not send what was said.

        Raises
        ------
        SourceError
            If no line comes within `limit_s`, if most lines lack a number that is wanted, or if their rate
            is far from the nominal one.
        """
        opened_s = self._clock()
        while not self._parser.lines or self._latest[0] - self._first[0] < seconds:
            if self._clock() - opened_s > limit_s + seconds:
                break
            time.sleep(0.02)
            self._take_in(self._clock())
        spec = self._specs[0]
        lines, rejected = self._parser.lines, self._parser.rejected
        if not lines:
            raise SourceError(
                f"{spec.port}: no line came within {limit_s + seconds:g} s at {spec.baud} baud; check the "
                "cable, baud= and that the device is on"
            )
        if rejected > lines / 2:
            columns = ", ".join(str(one.column) for one in self._specs)
            raise SourceError(
                f"{spec.port}: {rejected} of {lines} lines, such as {self._shown_line()}, have no number in "
                f"column {columns}; check column=, separator= and baud={spec.baud}"
            )
        self._require_rate(*self._first, *self._latest)

    def begin(self, t0: float) -> None:
        """Drop what was sampled before `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return sample numbers at the nominal rate against engine time, one pair about every 5 s."""
        pairs, self._pairs = tuple(self._pairs), []
        return pairs

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened since the last call."""
        return self._diary.take()

    def read(self, t: float) -> list[Chunk]:
        """Return the samples taken up to engine time `t` that were not read before."""
        received = self._take_in(t)
        self._diary.heard(t, samples=received > 0)
        ready = int(np.searchsorted(self._times, t, side="right"))
        times, samples = self._times[:ready], self._samples[:ready]
        self._times, self._samples = self._times[ready:], self._samples[ready:]
        inside = times >= self._begin_s
        times, samples = times[inside], samples[inside] * self._scale + self._offset
        if not times.size:
            return []
        return [Chunk(stream, times, samples[:, [index]]) for index, stream in enumerate(self._streams)]

    def close(self) -> None:
        """Stop receiving and let go of the port."""
        self._receiver.stop()

    def _take_in(self, now_s: float) -> int:
        """Parse and time what was received; return the number of samples."""
        received = 0
        rejected = self._parser.rejected
        for arrival_s, data in self._receiver.take():
            if isinstance(data, str):
                self._diary.note(arrival_s, data)
                self._parser.reset()
                continue
            rows = self._parser.feed(data)
            if rows.size:
                received += len(rows)
                self._samples = np.concatenate((self._samples, rows))
                if arrival_s - self._latest[0] > self._pause_s:
                    self._first = (arrival_s, self._parser.lines)
                self._latest = (arrival_s, self._parser.lines)
                self._place(self._sample_clock.arrived(arrival_s, len(rows)))
        self._place(self._sample_clock.settle(now_s))
        if rejected != self._parser.rejected:
            self._diary.count(
                self._parser.rejected - rejected, f"lines without a number, such as {self._shown_line()}"
            )
        return received

    def _place(self, times: FloatArray) -> None:
        if not times.size:
            return
        self._times = np.concatenate((self._times, times))
        if times[-1] >= self._pair_due_s:
            self._pair_due_s = float(times[-1]) + CLOCK_PAIR_EVERY_S
            device_s = (self._sample_clock.count - 1) / self._specs[0].rate_hz
            self._pairs += [
                ClockPair(stream_id=stream.stream_id, source_time_s=device_s, engine_time_s=float(times[-1]))
                for stream in self._streams
            ]

    def _shown_line(self) -> str:
        return repr(self._parser.last_rejected.decode("ascii", "replace"))

    def _require_rate(self, first_s: float, first: int, latest_s: float, latest: int) -> None:
        if latest - first < TRIAL_LINES:
            return
        rate_hz = (latest - first) / (latest_s - first_s)
        spec = self._specs[0]
        if abs(rate_hz - spec.rate_hz) > RATE_TOLERANCE * spec.rate_hz:
            raise SourceError(
                f"{spec.port}: {rate_hz:.3g} lines come per second where {spec.text!r} says "
                f"{spec.rate_hz:g}; write the true rate="
            )


def require_agreement(specs: Sequence[LinesSpec]) -> None:
    """Refuse specifications of one port that would read it in different ways.

    Raises
    ------
    SpecError
        Naming the two and the option.
    """
    first = specs[0]
    for spec in specs[1:]:
        for option, one, other in (
            ("baud", first.baud, spec.baud),
            ("separator", first.separator, spec.separator),
            ("rate", first.rate_hz, spec.rate_hz),
        ):
            if one != other:
                raise SpecError(
                    f"{spec.text!r}: {option} differs from that in {first.text!r}; a port is read in one "
                    "way, give both the same"
                )
