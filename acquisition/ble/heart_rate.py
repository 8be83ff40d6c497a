"""The Bluetooth heart-rate measurement (characteristic 0x2A37): its bytes, and when its beats were."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from pylsl import local_clock

from acquisition.errors import SourceError
from acquisition.spec import BluetoothSpec
from acquisition.stream_status import StreamStatusTracker
from acquisition.streams import Chunk, ClockPair, FloatArray, Kind, SourceIncident, Status, StreamInfo

TICKS_PER_S = 1024
LONGEST_DELAY_S = 2.5
"""Straps send about once a second; a beat that would be older than this when it comes follows lost ones."""

MEMORY = 30
"""Over so many packets the least delayed one sets the clock."""

STEP_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRateMeasurement:
    """What one packet says.

    Attributes
    ----------
    hr_bpm : float or None
        None where the strap says 0: it has none.
    contact : bool or None
        Whether it touches the skin; None where the strap cannot tell.
    rr_ms : tuple of float
        Intervals that ended since the packet before, oldest first.
    """

    hr_bpm: float | None
    contact: bool | None
    rr_ms: tuple[float, ...]


def parse_measurement(payload: bytes) -> HeartRateMeasurement | None:
    """Return what a payload says, None if it is cut or is not one.

    Flags (first byte): bit 0 the rate has two bytes, bits 1 and 2 contact and whether it is known, bit 3
    two bytes of energy follow, bit 4 intervals of 1/1024 s follow (Bluetooth SIG, Heart Rate Service 1.0).
    Intervals of 0 are none.
    """
    if len(payload) < 2:
        return None
    flags, wide = payload[0], payload[0] & 0x01
    start = 1 + (2 if wide else 1) + (2 if flags & 0x08 else 0)
    rest = payload[start:]
    if len(payload) < start or (rest and not flags & 0x10) or len(rest) % 2:
        return None
    rate = int.from_bytes(payload[1 : 3 if wide else 2], "little")
    intervals = (int.from_bytes(rest[place : place + 2], "little") for place in range(0, len(rest), 2))
    return HeartRateMeasurement(
        hr_bpm=float(rate) if rate else None,
        contact=bool(flags & 0x02) if flags & 0x04 else None,
        rr_ms=tuple(1000 * ticks / TICKS_PER_S for ticks in intervals if ticks),
    )


class BeatTimeEstimator:
    """Engine times of beats that come as intervals, some at a time, each packet up to a second late.

    The intervals add up to the strap's own time; engine time is that plus the least delay of the last 30
    packets, so jitter of the radio does not show and no beat lies in the future. Where beats were lost, the
    sum falls behind: a beat that would be older than `LONGEST_DELAY_S` on arrival begins anew.
    """

    def __init__(self) -> None:
        self._strap_s = 0.0
        self._delays: deque[float] = deque(maxlen=MEMORY)
        self._last_s = -math.inf

    @property
    def strap_s(self) -> float:
        """The strap's own time: the sum of the intervals."""
        return self._strap_s

    def arrived(self, arrival_s: float, rr_ms: tuple[float, ...]) -> tuple[FloatArray, bool]:
        """Return the times of the beats that end the intervals, and whether beats were lost before them.

        Times strictly increase and are not after `arrival_s`, apart from the 1 ms by which they are set
        apart where the strap delivers more than time has passed.
        """
        beats = self._strap_s + np.cumsum(rr_ms) / 1000
        self._strap_s = float(beats[-1])
        delay = arrival_s - self._strap_s
        lost = bool(self._delays) and delay - min(self._delays) > LONGEST_DELAY_S
        if lost:
            self._delays.clear()
        self._delays.append(delay)
        times = beats + min(self._delays)
        for place, time in enumerate(times.tolist()):
            self._last_s = max(time, self._last_s + STEP_S)
            times[place] = self._last_s
        return times, lost


HEART_RATE_SERVICE = "0000180d-0000-1000-8000-00805f9b34fb"
HEART_RATE_MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"
FIND_S = 10.0
AGAIN_S = 2.0
FIRST_PACKET_S = 20.0
SILENT_AFTER_S = 5.0
CLOCK_PAIR_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class HeartRateDevice:
    """A strap that was seen: its name, its address, and the adapter's own handle."""

    name: str
    address: str
    handle: Any


class BluetoothAdapter(Protocol):
    """What is needed of a computer's Bluetooth."""

    async def seen(self, seconds: float) -> list[HeartRateDevice]:
        """Return the straps that announce themselves within some seconds."""
        ...

    async def listen(
        self, strap: HeartRateDevice, receive: Callable[[bytes], None], stop: asyncio.Event
    ) -> None:
        """Connect, pass on each payload, and return when `stop` is set or the strap has gone."""
        ...


class BleakAdapter:
    """The computer's Bluetooth, through bleak."""

    async def seen(self, seconds: float) -> list[HeartRateDevice]:
        """Return the straps that announce themselves within some seconds."""
        from bleak import BleakScanner  # noqa: PLC0415 - half a second that only straps need

        found = await BleakScanner.discover(seconds, return_adv=True, service_uuids=[HEART_RATE_SERVICE])
        return [
            HeartRateDevice(advertised.local_name or device.name or "", device.address.upper(), device)
            for device, advertised in found.values()
            if HEART_RATE_SERVICE in advertised.service_uuids
        ]

    async def listen(
        self, strap: HeartRateDevice, receive: Callable[[bytes], None], stop: asyncio.Event
    ) -> None:
        """Connect, pass on each payload, and return when `stop` is set or the strap has gone."""
        from bleak import BleakClient  # noqa: PLC0415 - as above

        gone = asyncio.Event()
        async with BleakClient(strap.handle, disconnected_callback=lambda _: gone.set()) as client:
            await client.start_notify(HEART_RATE_MEASUREMENT, lambda _, data: receive(bytes(data)))
            waits = [asyncio.ensure_future(event.wait()) for event in (gone, stop)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


def visible_heart_rate_devices(
    seconds: float, adapter: BluetoothAdapter | None = None
) -> list[HeartRateDevice]:
    """Return the straps that announce themselves within some seconds.

    Raises
    ------
    SourceError
        If there is no Bluetooth, or it is switched off.
    """
    try:
        found = asyncio.run((adapter or BleakAdapter()).seen(seconds))
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, there is no Bluetooth then
        raise SourceError(f"no Bluetooth: is it there and on? ({error})") from None
    return sorted(found, key=lambda strap: (strap.name, strap.address))


class HeartRateReceiver(threading.Thread):
    """Receives and stamps a strap's packets; a strap that went away is looked for again.

    A thread, because Bluetooth comes through an event loop of its own.

    Parameters
    ----------
    spec : BluetoothSpec
        Which strap.
    adapter : BluetoothAdapter
        The computer's Bluetooth.
    clock : callable
        Engine time now.
    """

    def __init__(self, spec: BluetoothSpec, adapter: BluetoothAdapter, clock: Callable[[], float]) -> None:
        super().__init__(name="heart-rate strap", daemon=True)
        self._spec = spec
        self._adapter = adapter
        self._clock = clock
        self._received: deque[tuple[float, bytes | str]] = deque()
        self._news = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self.refusal = ""
        """Why the strap asked for cannot be had at present, in words."""

    def take(self) -> list[tuple[float, bytes | str]]:
        """Return what was received since the last call: engine time and payload, or words."""
        self._news.clear()
        return [self._received.popleft() for _ in range(len(self._received))]

    def wait(self, seconds: float) -> bool:
        """Wait until something was received; tell whether it was."""
        return self._news.wait(seconds)

    def stop(self) -> None:
        """End receiving and let go of the strap."""
        if self._loop is not None and self._over is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._over.set)
        if self.is_alive():
            self.join(timeout=5.0)

    def run(self) -> None:
        """Receive until stopped."""
        asyncio.run(self._receive())

    async def _receive(self) -> None:
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        connected = False
        while not self._over.is_set():
            try:
                strap = self._chosen(await self._adapter.seen(FIND_S if not connected else AGAIN_S))
                if connected:
                    self._tell(f"{strap.name} is back")
                connected = True
                await self._adapter.listen(strap, self._payload, self._over)
                if not self._over.is_set():
                    self._tell(f"{strap.name} was lost: out of reach, or its battery is empty")
            except Exception as error:  # noqa: BLE001 - whatever a driver raises, the next try may succeed
                self.refusal = str(error) or type(error).__name__
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), AGAIN_S)

    def _chosen(self, seen: Sequence[HeartRateDevice]) -> HeartRateDevice:
        name, address = self._spec.device
        fitting = [s for s in seen if (s.address == address if address else name.lower() in s.name.lower())]
        if len(fitting) == 1:
            return fitting[0]
        there_are = ", ".join(f"{s.name or 'without a name'} ({s.address})" for s in seen) or "none"
        how = "several straps fit" if fitting else "no strap fits"
        raise SourceError(
            f"{self._spec.text!r}: {how}; straps seen: {there_are}. A strap announces itself only while it "
            "is worn, with moist electrodes, and not connected to a watch or telephone"
        )

    def _payload(self, payload: bytes) -> None:
        self._received.append((self._clock(), payload))
        self._news.set()

    def _tell(self, words: str) -> None:
        self._received.append((self._clock(), words))


class BluetoothSource:
    """Intervals and heart rate of one strap.

    Each interval is stamped with the time of the beat that ends it (see `BeatTimeEstimator`), each rate with
    its arrival. While the device reports no skin contact, nothing is delivered.

    Parameters
    ----------
    specs : sequence of BluetoothSpec
        What is wanted of the strap.
    streams : sequence of StreamInfo
        Their descriptions, in the same order.
    adapter : BluetoothAdapter
        The computer's Bluetooth.
    clock : callable
        Engine time now.
    """

    def __init__(
        self,
        specs: Sequence[BluetoothSpec],
        streams: Sequence[StreamInfo],
        *,
        adapter: BluetoothAdapter | None = None,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        self._streams = tuple(streams)
        self._text = specs[0].text
        self._receiver = HeartRateReceiver(specs[0], adapter or BleakAdapter(), clock)
        self._status = StreamStatusTracker(streams[0].stream_id, silent_after_s=SILENT_AFTER_S)
        self._beats = BeatTimeEstimator()
        self._kept: dict[Kind, list[tuple[float, float]]] = {Kind.RR: [], Kind.HR: []}
        self._newest_rate_s = -math.inf
        self._contact = True
        self._begin_s = -math.inf
        self._pairs: list[ClockPair] = []
        self._pair_due_s = -math.inf

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """One per specification."""
        return self._streams

    @property
    def ended(self) -> bool:
        """Never: a strap that went away may come back."""
        return False

    def open(self, limit_s: float = FIRST_PACKET_S) -> None:
        """Look for the strap and wait for its first packet; `close` stops what this started.

        Raises
        ------
        SourceError
            If none comes within `limit_s`.
        """
        self._receiver.start()
        if not self._receiver.wait(limit_s):
            why = self._receiver.refusal or f"{self._text!r}: the strap is there but sends nothing"
            self.close()
            raise SourceError(
                why if "strap" in why else f"{self._text!r}: no Bluetooth: is it there and on? ({why})"
            )

    def begin(self, t0: float) -> None:
        """Drop what is stamped before `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the strap's own time, the sum of its intervals, against engine time, about every 5 s."""
        pairs, self._pairs = tuple(self._pairs), []
        return pairs

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return what happened since the last call."""
        return self._status.take()

    def statuses(self) -> tuple[Status, ...]:
        """Return how the streams are doing: all of one device alike."""
        return tuple(replace(self._status.status, stream_id=s.stream_id) for s in self._streams)

    def read(self, t: float) -> list[Chunk]:
        """Return the intervals and rates up to engine time `t` that were not read before."""
        received = self._receiver.take()
        for arrival_s, what in received:
            if isinstance(what, str) and "was lost" in what:
                self._status.lost(arrival_s, what)
            elif isinstance(what, str):
                self._status.note(arrival_s, what)
            else:
                self._take_in(arrival_s, what)
        self._status.heard(t, samples=any(isinstance(what, bytes) for _, what in received))
        chunks = [self._chunk(stream, t) for stream in self._streams]
        for kept in self._kept.values():
            kept[:] = [(time, value) for time, value in kept if time > t]
        return [chunk for chunk in chunks if chunk.times.size]

    def close(self) -> None:
        """Stop receiving and let go of the strap."""
        self._receiver.stop()

    def _take_in(self, arrival_s: float, payload: bytes) -> None:
        said = parse_measurement(payload)
        if said is None:
            self._status.count(1, f"packets not understood, such as {payload[:20].hex(' ')}")
            return
        touches = said.contact is not False
        if touches != self._contact:
            self._contact = touches
            self._status.note(
                arrival_s,
                "the strap touches the skin again" if touches else "the strap does not touch the skin",
            )
        if said.rr_ms:
            self._take_in_beats(arrival_s, said.rr_ms)
        if touches and said.hr_bpm is not None and arrival_s > self._newest_rate_s:
            self._newest_rate_s = arrival_s
            self._kept[Kind.HR].append((arrival_s, said.hr_bpm))

    def _take_in_beats(self, arrival_s: float, rr_ms: tuple[float, ...]) -> None:
        times, lost = self._beats.arrived(arrival_s, rr_ms)
        if lost:
            self._status.note(arrival_s, "beats were lost on the way from the strap")
        if self._contact:
            self._kept[Kind.RR] += zip(times.tolist(), rr_ms, strict=True)
        if times[-1] >= self._pair_due_s:
            self._pair_due_s = float(times[-1]) + CLOCK_PAIR_EVERY_S
            self._pairs += [
                ClockPair(
                    stream_id=stream.stream_id,
                    source_time_s=self._beats.strap_s,
                    engine_time_s=float(times[-1]),
                )
                for stream in self._streams
            ]

    def _chunk(self, stream: StreamInfo, t: float) -> Chunk:
        ready = [pair for pair in self._kept[stream.kind] if self._begin_s <= pair[0] <= t]
        rows = np.array(ready, dtype=np.float64).reshape(-1, 2)
        return Chunk(stream, rows[:, 0], rows[:, [1]])
