"""What a profile is: the data, and the pure functions, by which a serial device is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from acquisition.streams import UNKNOWN_UNIT, FloatArray, Kind

ANALOG = (Kind.ECG, Kind.PPG, Kind.EDA, Kind.RSP)
"""What may hang on an input that takes any sensor."""

ProfileOptions = Mapping[str, float | str]
"""A profile's own options, each with its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChannel:
    """One signal of a device.

    Attributes
    ----------
    label : str
        As printed on the device; an ``A`` before a number may be left out.
    kinds : tuple of Kind
        What it may measure.
    top : int or None
        Largest raw count; None if what is sent is no count but any number.
    """

    label: str
    kinds: tuple[Kind, ...] = ANALOG
    top: int | None = 1023


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOption:
    """Something that differs between devices of a profile.

    Attributes
    ----------
    name : str
        As in ``name=value``.
    default : float or str
        What it is where it is not given. A number must be above 0.
    choices : tuple of str
        What it may be, if it is no number.
    """

    name: str
    default: float | str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """How a device on one port is used.

    Attributes
    ----------
    rate_hz : float
        Samples per second.
    channels : tuple of str
        Labels of the channels wanted, in the order in which a parser shall return them.
    options : mapping
        The profile's own options.
    """

    rate_hz: float
    channels: tuple[str, ...]
    options: ProfileOptions = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeStep:
    """One turn of a handshake. What came before it is dropped.

    Attributes
    ----------
    send : bytes
        To the device.
    answer : bytes
        Regular expression for what must come back; empty where nothing must. What comes after it belongs
        to the data.
    says : str
        What the answer means, in words, for when it does not come.
    limit_s : float
        How long is waited for it.
    pause_s : float
        How long the device needs before the next turn.
    """

    send: bytes
    answer: bytes = b""
    says: str = ""
    limit_s: float = 2.0
    pause_s: float = 0.0


class TransferFunction(Protocol):
    """A transfer function between raw counts and a physical value."""

    @property
    def unit(self) -> str:
        """Unit of the physical value."""
        ...

    def from_raw(self, raw: FloatArray) -> FloatArray:
        """Return physical values; NaN for counts that cannot come from a sensor in use."""
        ...

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts, neither rounded nor limited to what the converter can show."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearTransfer:
    """Delivered is count × scale + offset, in `unit`."""

    unit: str = UNKNOWN_UNIT
    scale: float = 1.0
    offset: float = 0.0

    def from_raw(self, raw: FloatArray) -> FloatArray:
        """Return physical values."""
        return raw * self.scale + self.offset

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts."""
        return (values - self.offset) / self.scale


class SampleParser(Protocol):
    """Bytes to samples, whatever pieces the bytes come in; bounded in memory, never an exception."""

    @property
    def frames(self) -> int:
        """How many lines or frames were understood."""
        ...

    @property
    def rejected(self) -> int:
        """How many, at least, were not."""
        ...

    @property
    def last_rejected(self) -> bytes:
        """The last of those, its beginning."""
        ...

    @property
    def troubles(self) -> Counter[str]:
        """How often what went wrong, in words; counts only grow."""
        ...

    def feed(self, data: bytes) -> FloatArray:
        """Return the samples that these bytes complete: raw counts, shape (n, channels).

        A sample known to be missing keeps its place and is NaN.
        """
        ...

    def reset(self) -> None:
        """Forget what was begun: what comes next has no relation to what came before."""
        ...


class EmulatedDevice(Protocol):
    """The other end of the cable: what a device of the profile does, for emulation.

    Attributes
    ----------
    streaming : bool
        Whether it sends samples now.
    rate_hz : float
        How many per second.
    """

    streaming: bool
    rate_hz: float

    def receive(self, data: bytes) -> bytes:
        """Take in what the host sent, and return the answer."""
        ...

    def send(self, number: int, raw: Mapping[str, float]) -> bytes:
        """Return the bytes of sample `number` since it began to stream.

        `raw` holds a count for each channel that has a signal, NaN where it is missing. A device that
        cannot say that all is missing returns nothing.
        """
        ...


class FreeRunningDevice:
    """A device that sends from when it has power, and listens to nobody.

    Parameters
    ----------
    rate_hz : float
        Samples per second.
    encode : callable
        Counts of the channels to bytes.
    """

    def __init__(self, rate_hz: float, encode: Callable[[Mapping[str, float]], bytes]) -> None:
        self.streaming = True
        self.rate_hz = rate_hz
        self._encode = encode

    def receive(self, data: bytes) -> bytes:  # noqa: ARG002 - it listens to nobody
        """Return nothing."""
        return b""

    def send(self, number: int, raw: Mapping[str, float]) -> bytes:  # noqa: ARG002 - its samples have no number
        """Return the bytes of a sample."""
        return self._encode(raw)


def as_counts(channel: str, kind: Kind, options: ProfileOptions) -> TransferFunction:  # noqa: ARG001 - as `Profile.transfer`
    """Return the transfer function of a device whose counts have no published unit."""
    return LinearTransfer(unit="bpm" if kind is Kind.HR else UNKNOWN_UNIT)


def no_start(settings: DeviceSettings) -> tuple[HandshakeStep, ...]:  # noqa: ARG001 - as `Profile.start`
    """Return no exchange, for a device that sends from when it has power."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A device, or one of its outputs.

    Attributes
    ----------
    name : str
        As in ``profile=name``.
    title : str
        For people.
    baud : int
        Bits per second.
    rate_hz : float or None
        Nominal samples per second; None if every device has its own, so that it must be given.
    rates : tuple of float
        Which rates it can be told; empty if it cannot, and then the rate that it really has is measured.
    channels : tuple of DeviceChannel
        Its signals.
    parser : callable
        Setting to a new parser.
    device : callable
        Setting to an emulated device.
    transfer : callable
        Channel, kind and options to the transfer function.
    options : tuple of ProfileOption
        What else can be set.
    start : callable
        Setting to the exchanges that make it send.
    stop : tuple of HandshakeStep
        Those that end it.
    """

    name: str
    title: str
    baud: int
    rate_hz: float | None
    rates: tuple[float, ...] = ()
    channels: tuple[DeviceChannel, ...]
    parser: Callable[[DeviceSettings], SampleParser]
    device: Callable[[DeviceSettings], EmulatedDevice]
    transfer: Callable[[str, Kind, ProfileOptions], TransferFunction] = as_counts
    options: tuple[ProfileOption, ...] = ()
    start: Callable[[DeviceSettings], tuple[HandshakeStep, ...]] = no_start
    stop: tuple[HandshakeStep, ...] = ()

    def channel(self, name: str) -> DeviceChannel | None:
        """Return the channel called so, with or without an ``A`` before its number; None if there is none."""
        for channel in self.channels:
            if name.upper() in {channel.label.upper(), channel.label.upper().removeprefix("A")}:
                return channel
        return None
