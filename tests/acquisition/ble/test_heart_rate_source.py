"""The Bluetooth heart-rate source, with a fake adapter."""

import asyncio
import queue
from collections.abc import Callable

import numpy as np
import pytest

from acquisition.ble.heart_rate import BluetoothSource, HeartRateDevice, visible_heart_rate_devices
from acquisition.errors import SourceError, SpecError
from acquisition.spec import BluetoothSpec, parse_bluetooth
from acquisition.streams import Condition, Kind, StreamInfo

pytestmark = pytest.mark.realtime

POLAR = HeartRateDevice("Polar H10 1234", "A0:9E:1A:00:00:01", None)
OTHER = HeartRateDevice("Polar OH1 5678", "A0:9E:1A:00:00:02", None)
GONE = object()


class FakeAdapter:
    """Straps that are seen, and what they send when it is put into `sends`."""

    def __init__(self, *straps: HeartRateDevice) -> None:
        self.straps = list(straps)
        self.sends: queue.SimpleQueue = queue.SimpleQueue()
        self.connected: list[HeartRateDevice] = []
        self.closed = 0

    async def scan(self, seconds: float) -> list[HeartRateDevice]:
        return self.straps

    async def listen(
        self, strap: HeartRateDevice, receive: Callable[[bytes], None], stop: asyncio.Event
    ) -> None:
        self.connected.append(strap)
        try:
            while not stop.is_set():
                if self.sends.empty():
                    await asyncio.sleep(0.001)
                elif (payload := self.sends.get()) is GONE:
                    return
                else:
                    receive(payload)
        finally:
            self.closed += 1


class Clock:
    """Engine time that goes on by a second for each look."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def source(adapter: FakeAdapter, *kinds: Kind, name: str = "H10") -> BluetoothSource:
    specs = [BluetoothSpec(text=f"{k}=ble:name={name}", kind=k, name=name, address="") for k in kinds]
    units = {Kind.RR: "ms", Kind.HR: "bpm"}
    streams = [
        StreamInfo(stream_id=str(k), name=str(k), kind=k, unit=units[k], rate_hz=0.0, labels=("0",))
        for k in kinds
    ]
    return BluetoothSource(specs, streams, adapter=adapter, clock=Clock())


def read_until(strap: BluetoothSource, enough: Callable[[dict], bool]) -> dict[str, np.ndarray]:
    """Read until what came is enough: rows of time and value per stream."""
    rows = {stream.name: np.empty((0, 2)) for stream in strap.streams}
    while not enough(rows):
        strap._receiver.wait(5.0)
        for chunk in strap.read(1e9):
            new = np.column_stack((chunk.times, chunk.samples))
            rows[chunk.stream.name] = np.concatenate((rows[chunk.stream.name], new))
    return rows


@pytest.fixture
def adapter() -> FakeAdapter:
    return FakeAdapter(POLAR, OTHER)


def test_intervals_and_rate_of_one_strap_come_as_two_streams(adapter: FakeAdapter) -> None:
    strap = source(adapter, Kind.RR, Kind.HR)
    adapter.sends.put(bytes.fromhex("16 48 00 04"))
    strap.open()
    adapter.sends.put(bytes.fromhex("16 49 00 03 00 03"))
    rows = read_until(strap, lambda rows: len(rows["rr"]) == 3)
    strap.close()
    assert adapter.connected == [POLAR]
    assert rows["rr"][:, 1].tolist() == [1000.0, 750.0, 750.0]
    assert np.diff(rows["rr"][1:, 0]) == pytest.approx(0.75)
    assert rows["hr"][:, 1].tolist() == [72.0, 73.0]
    assert adapter.closed == 1
    assert len(strap.clock_pairs()) == 2


def test_without_contact_nothing_is_delivered_and_it_is_said(adapter: FakeAdapter) -> None:
    strap = source(adapter, Kind.RR, Kind.HR)
    adapter.sends.put(bytes.fromhex("16 48 00 04"))
    strap.open()
    for payload in ("14 48 00 04", "14 00 00 05", "16 50 00 03", "ff"):
        adapter.sends.put(bytes.fromhex(payload))
    rows = read_until(strap, lambda rows: 80.0 in rows["hr"][:, 1])
    strap.close()
    assert rows["rr"][:, 1].tolist() == [1000.0, 750.0]
    assert rows["hr"][:, 1].tolist() == [72.0, 80.0]
    told = [incident.text for incident in strap.incidents()]
    assert told[:2] == ["the sensor has no skin contact", "the sensor has skin contact again"]


def test_a_strap_that_goes_away_is_taken_up_again(adapter: FakeAdapter) -> None:
    strap = source(adapter, Kind.RR)
    adapter.sends.put(bytes.fromhex("16 48 00 04"))
    strap.open()
    adapter.sends.put(GONE)
    adapter.sends.put(bytes.fromhex("16 48 00 03"))
    rows = read_until(strap, lambda rows: len(rows["rr"]) == 2)
    strap.close()
    assert rows["rr"][:, 1].tolist() == [1000.0, 750.0]
    told = [incident.text for incident in strap.incidents()]
    assert any("Polar H10 1234 was lost" in text for text in told)
    assert "Polar H10 1234 is back" in told
    assert strap.statuses()[0].condition is Condition.RECOVERING


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Garmin", "no strap fits; straps seen: Polar H10 1234 (A0:9E:1A:00:00:01), Polar OH1"),
        ("Polar", "several straps fit"),
    ],
)
def test_a_strap_that_is_not_there_or_not_the_only_one_is_refused(
    adapter: FakeAdapter, name: str, says: str
) -> None:
    strap = source(adapter, Kind.RR, name=name)
    with pytest.raises(SourceError) as refused:
        strap.open(limit_s=0.5)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_computer_without_bluetooth_is_told_so_in_one_line() -> None:
    class Without(FakeAdapter):
        async def scan(self, seconds: float) -> list[HeartRateDevice]:
            raise OSError("no adapter")

    with pytest.raises(SourceError, match=r"no Bluetooth: is it there and on\? \(no adapter\)"):
        source(Without(), Kind.RR).open(limit_s=0.5)


def test_straps_in_range_are_listed_by_name(adapter: FakeAdapter) -> None:
    adapter.straps.reverse()
    assert visible_heart_rate_devices(0.1, adapter) == [POLAR, OTHER]

    class Without(FakeAdapter):
        async def scan(self, seconds: float) -> list[HeartRateDevice]:
            raise OSError("no adapter")

    with pytest.raises(SourceError, match="no Bluetooth"):
        visible_heart_rate_devices(0.1, Without())


def test_a_specification_names_a_strap_in_one_way() -> None:
    assert parse_bluetooth("rr=ble:name=Polar%26Co", Kind.RR, "name=Polar%26Co").device == ("Polar&Co", "")
    assert parse_bluetooth("hr=ble:address=a0:9e", Kind.HR, "address=a0:9e").device == ("", "A0:9E")
    with pytest.raises(SpecError, match="a strap delivers rr and hr, not ecg"):
        parse_bluetooth("ecg=ble:name=x", Kind.ECG, "name=x")
    with pytest.raises(SpecError, match="by its name or its address"):
        parse_bluetooth("rr=ble:name=x&address=y", Kind.RR, "name=x&address=y")
    with pytest.raises(SpecError, match="'battery' is not an option"):
        parse_bluetooth("rr=ble:battery=9", Kind.RR, "battery=9")
