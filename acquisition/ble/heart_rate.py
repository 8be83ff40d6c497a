"""Bluetooth Low Energy heart-rate devices (Heart Rate Service): decoding, beat times, and the source."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pylsl import local_clock

from acquisition.errors import SourceError
from acquisition.spec import BluetoothSpec
from acquisition.stream_status import DeviceSource, ReceiverThread
from acquisition.streams import (
    Chunk,
    FloatArray,
    Kind,
    SampleBlock,
    StreamInfo,
    StreamReason,
    StreamReasonCode,
    no_samples,
)

HEART_RATE_SERVICE = "0000180d-0000-1000-8000-00805f9b34fb"
HEART_RATE_MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"

TICKS_PER_S = 1024
"""Unit of RR intervals in the Heart Rate Service 1.0."""

LONGEST_DELAY_S = 2.5
"""Devices send about once a second; if a beat is older than this on arrival, beats before it were lost."""

MEMORY = 30
"""Number of packets of which the least delayed one sets the clock."""

STEP_S = 0.001
"""Distance set between beats whose times do not increase."""

FIND_S = 10.0
FIND_AGAIN_S = 2.0
FIRST_PACKET_S = 20.0
SILENT_AFTER_S = 5.0
"""Seconds without a packet after which the device counts as silent: it sends about once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRateMeasurement:
    """The content of one packet.

    Attributes
    ----------
    hr_bpm : float or None
        None where the device sends 0: it has no rate yet.
    contact : bool or None
        Whether the sensor has skin contact; None where the device cannot tell.
    rr_ms : tuple of float
        Intervals that ended since the previous packet, oldest first.
    """

    hr_bpm: float | None
    contact: bool | None
    rr_ms: tuple[float, ...]


def parse_measurement(payload: bytes) -> HeartRateMeasurement | None:
    """Decode a heart-rate measurement (characteristic 0x2A37); None if it is truncated or something else.

    Flags (first byte): bit 0, the rate has two bytes; bits 1 and 2, skin contact and whether it is known;
    bit 3, two bytes of energy follow; bit 4, intervals of 1/1024 s follow (Bluetooth SIG, Heart Rate Service
    1.0). Intervals of 0 are ignored.

    >>> parse_measurement(bytes([0x10, 72, 0x00, 0x04]))
    HeartRateMeasurement(hr_bpm=72.0, contact=None, rr_ms=(1000.0,))
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


class BeatTimes(NamedTuple):
    """Times of the beats of one packet.

    Attributes
    ----------
    times : ndarray, float64, shape (n,)
        Engine seconds of the beats that end the intervals.
    beats_lost : bool
        Whether beats were lost before them.
    """

    times: FloatArray
    beats_lost: bool


class BeatTimeEstimator:
    """Engine times of beats that arrive as intervals, several per packet, up to a second late.

    The sum of the intervals is the device's own time. Engine time is that sum plus the least delay of the
    last `MEMORY` packets, which removes the jitter of the radio and places no beat in the future. Where beats
    were lost the sum falls behind; a beat older than `LONGEST_DELAY_S` on arrival restarts the estimate.

    Attributes
    ----------
    device_s : float
        The device's own time: the sum of the intervals.
    """

    def __init__(self) -> None:
        self.device_s = 0.0
        self._delays: deque[float] = deque(maxlen=MEMORY)
        self._last_s = -math.inf

    def add(self, arrival_s: float, rr_ms: tuple[float, ...]) -> BeatTimes:
        """Return the times of the beats that end the intervals.

        Times strictly increase and are not after `arrival_s`, except for the 1 ms by which they are separated
        where the device delivers intervals longer than the time that has passed.
        """
        beats = self.device_s + np.cumsum(rr_ms) / 1000
        self.device_s = float(beats[-1])
        delay = arrival_s - self.device_s
        lost = bool(self._delays) and delay - min(self._delays) > LONGEST_DELAY_S
        if lost:
            self._delays.clear()
        self._delays.append(delay)
        times = beats + min(self._delays)
        for place, time in enumerate(times.tolist()):
            self._last_s = max(time, self._last_s + STEP_S)
            times[place] = self._last_s
        return BeatTimes(times, lost)


@dataclass(frozen=True, slots=True)
class HeartRateDevice:
    """A device in range: its name, its address, and the adapter's own handle."""

    name: str
    address: str
    handle: Any


class BluetoothAdapter:
    """The computer's Bluetooth, through bleak."""

    async def scan(self, seconds: float) -> list[HeartRateDevice]:
        """Return the heart-rate devices that advertise themselves within some seconds."""
        from bleak import BleakScanner  # noqa: PLC0415 - half a second that only Bluetooth needs

        found = await BleakScanner.discover(seconds, return_adv=True, service_uuids=[HEART_RATE_SERVICE])
        return [
            HeartRateDevice(advertised.local_name or device.name or "", device.address.upper(), device)
            for device, advertised in found.values()
            if HEART_RATE_SERVICE in advertised.service_uuids
        ]

    async def listen(
        self, device: HeartRateDevice, receive: Callable[[bytes], None], stop: asyncio.Event
    ) -> None:
        """Connect and pass on each payload; return when `stop` is set or the device has disconnected."""
        from bleak import BleakClient  # noqa: PLC0415 - as above

        gone = asyncio.Event()
        async with BleakClient(device.handle, disconnected_callback=lambda _: gone.set()) as client:
            await client.start_notify(HEART_RATE_MEASUREMENT, lambda _, data: receive(bytes(data)))
            waits = [asyncio.ensure_future(event.wait()) for event in (gone, stop)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


def visible_heart_rate_devices(
    seconds: float, adapter: BluetoothAdapter | None = None
) -> list[HeartRateDevice]:
    """Return the heart-rate devices that advertise themselves within some seconds, sorted by name.

    Raises
    ------
    SourceError
        If there is no Bluetooth, or it is switched off.
    """
    try:
        found = asyncio.run((adapter or BluetoothAdapter()).scan(seconds))
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, there is no Bluetooth then
        raise SourceError(f"no Bluetooth: is it there and on? ({error})") from None
    return sorted(found, key=lambda device: (device.name, device.address))


class HeartRateReceiver(ReceiverThread):
    """Receives and time-stamps the packets of a device; searches for a device that was lost.

    It is a thread because bleak needs an event loop of its own.

    Parameters
    ----------
    spec : BluetoothSpec
        Which device.
    adapter : BluetoothAdapter
        The computer's Bluetooth.
    clock : callable
        Returns engine time.
    """

    def __init__(self, spec: BluetoothSpec, adapter: BluetoothAdapter, clock: Callable[[], float]) -> None:
        super().__init__("heart-rate device", clock)
        self._spec = spec
        self._adapter = adapter
        self._arrived = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self.refusal: SourceError | None = None
        """Why the device cannot be reached at present."""

    def wait(self, seconds: float) -> bool:
        """Wait until a payload has arrived; return whether one has."""
        return self._arrived.wait(seconds)

    def stop(self) -> None:
        """Stop receiving and disconnect."""
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self.is_alive():
            self.join(timeout=5.0)

    def run(self) -> None:
        """Receive until stopped."""
        asyncio.run(self._receive())

    async def _receive(self) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        connected = False
        while not self._stopping.is_set():
            try:
                device = self._choose(await self._adapter.scan(FIND_AGAIN_S if connected else FIND_S))
                if connected:
                    self._report(StreamReasonCode.DEVICE_BACK, device)
                connected = True
                await self._adapter.listen(device, self._receive_payload, self._stopping)
                if not self._stopping.is_set():
                    self._report(StreamReasonCode.OUT_OF_REACH, device)
            except Exception as error:  # noqa: BLE001 - whatever a driver raises, the next attempt may succeed
                why = f"no Bluetooth: is it there and on? ({str(error) or type(error).__name__})"
                self.refusal = (
                    error if isinstance(error, SourceError) else SourceError(f"{self._spec.text!r}: {why}")
                )
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), FIND_AGAIN_S)

    def _choose(self, visible: Sequence[HeartRateDevice]) -> HeartRateDevice:
        name, address = self._spec.device
        fitting = [
            d for d in visible if (d.address == address if address else name.lower() in d.name.lower())
        ]
        if len(fitting) == 1:
            return fitting[0]
        there_are = ", ".join(f"{d.name or 'without a name'} ({d.address})" for d in visible) or "none"
        how = "several straps fit" if fitting else "no strap fits"
        raise SourceError(
            f"{self._spec.text!r}: {how}; straps seen: {there_are}. A strap announces itself only while it "
            "is worn, with moist electrodes, and not connected to a watch or telephone"
        )

    def _receive_payload(self, payload: bytes) -> None:
        self._add(payload)
        self._arrived.set()

    def _report(self, code: StreamReasonCode, device: HeartRateDevice) -> None:
        self._add(StreamReason(code, {"device": device.name}))


class BluetoothSource(DeviceSource):
    """RR intervals and heart rate of one device.

    Each interval is stamped with the time of the beat that ends it (see `BeatTimeEstimator`), each rate with
    its arrival. While the device reports no skin contact, nothing is delivered.

    Parameters
    ----------
    specs : sequence of BluetoothSpec
        One per stream, for the same device.
    streams : sequence of StreamInfo
        Their descriptions, in the same order.
    adapter : BluetoothAdapter
        The computer's Bluetooth.
    clock : callable
        Returns engine time.
    """

    def __init__(
        self,
        specs: Sequence[BluetoothSpec],
        streams: Sequence[StreamInfo],
        *,
        adapter: BluetoothAdapter | None = None,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        super().__init__(streams, silent_after_s=SILENT_AFTER_S)
        self._text = specs[0].text
        self._receiver = HeartRateReceiver(specs[0], adapter or BluetoothAdapter(), clock)
        self._beats = BeatTimeEstimator()
        self._unread = {Kind.RR: no_samples(), Kind.HR: no_samples()}
        self._newest_rate_s = -math.inf
        self._contact = True

    def open(self, limit_s: float = FIRST_PACKET_S) -> None:
        """Find the device and wait for its first packet; `close` ends what this started.

        Raises
        ------
        SourceError
            If no packet arrives within `limit_s`; nothing stays open then.
        """
        self._receiver.start()
        if not self._receiver.wait(limit_s):
            refusal = self._receiver.refusal
            self.close()
            raise refusal or SourceError(f"{self._text!r}: the strap is there but sends nothing")

    def read(self, t: float) -> list[Chunk]:
        """Return the intervals and rates up to engine time `t` that were not read before."""
        packets = self._receiver.take()
        payloads = False
        for arrival_s, content in packets:
            if isinstance(content, bytes):
                payloads = True
                self._add(arrival_s, content)
            elif content.code is StreamReasonCode.OUT_OF_REACH:
                self._tracker.lose(arrival_s, content)
            else:
                self._tracker.report(arrival_s, content)
        self._tracker.update(t, samples=payloads)
        ready = {}
        for kind, unread in self._unread.items():
            before, self._unread[kind] = unread.split(t)
            ready[kind] = before[before.times >= self._begin_s]
        chunks = [Chunk(one, ready[one.kind].times, ready[one.kind].values) for one in self._streams]
        return [chunk for chunk in chunks if chunk.times.size]

    def close(self) -> None:
        """Stop receiving and disconnect."""
        self._receiver.stop()

    def _add(self, arrival_s: float, payload: bytes) -> None:
        measurement = parse_measurement(payload)
        if measurement is None:
            example = {"example": payload[:20].hex(" ")}
            self._tracker.count(1, StreamReason(StreamReasonCode.UNREADABLE_PACKETS, example))
            return
        contact = measurement.contact is not False
        if contact != self._contact:
            self._contact = contact
            code = StreamReasonCode.SKIN_CONTACT if contact else StreamReasonCode.NO_SKIN_CONTACT
            self._tracker.report(arrival_s, StreamReason(code))
        if measurement.rr_ms:
            self._add_beats(arrival_s, measurement.rr_ms)
        if contact and measurement.hr_bpm is not None and arrival_s > self._newest_rate_s:
            self._newest_rate_s = arrival_s
            rate = np.array([[measurement.hr_bpm]])
            self._unread[Kind.HR] += SampleBlock(np.array([arrival_s]), rate)

    def _add_beats(self, arrival_s: float, rr_ms: tuple[float, ...]) -> None:
        beats = self._beats.add(arrival_s, rr_ms)
        if beats.beats_lost:
            self._tracker.report(arrival_s, StreamReason(StreamReasonCode.BEATS_LOST))
        if self._contact:
            self._unread[Kind.RR] += SampleBlock(beats.times, np.reshape(rr_ms, (-1, 1)))
        self._compare_clocks(float(beats.times[-1]), self._beats.device_s)
