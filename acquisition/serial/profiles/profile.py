"""Device profiles: the data and the pure functions that describe a serial device."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from acquisition.streams import UNKNOWN_UNIT, FloatArray, Kind, StreamReasonCode

ANALOG = (Kind.ECG, Kind.PPG, Kind.EDA, Kind.RSP)
"""What an analogue input may measure."""

ProfileOptions = Mapping[str, float | str]
"""A profile's own options and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChannel:
    """One signal of a device.

    Attributes
    ----------
    label : str
        As printed on the device; an ``A`` before a number may be omitted.
    kinds : tuple of Kind
        What it may measure.
    top : int or None
        Largest raw count; None if the device sends numbers that are not counts.
    """

    label: str
    kinds: tuple[Kind, ...] = ANALOG
    top: int | None = 1023


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOption:
    """A property that differs between devices of one profile.

    Attributes
    ----------
    name : str
        As in ``name=value``.
    default : float or str
        Value if none is given. A number must be above 0.
    choices : tuple of str
        Allowed values, if it is not a number.
    """

    name: str
    default: float | str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """Settings of the device on one port.

    Attributes
    ----------
    rate_hz : float
        Samples per second.
    channels : tuple of str
        Labels of the wanted channels, in the order in which a parser returns them.
    options : mapping
        The profile's own options.
    """

    rate_hz: float
    channels: tuple[str, ...]
    options: ProfileOptions = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeStep:
    """One command of a handshake and its answer. Bytes received before the command are discarded.

    Attributes
    ----------
    send : bytes
        The command.
    answer : bytes
        Regular expression for the answer; empty where there is none. Bytes after the answer are data.
    says : str
        What the answer means, for the message if it does not come.
    limit_s : float
        Time limit for the answer.
    pause_s : float
        Pause that the device needs before the next step.
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
        """Return physical values; NaN for counts that a sensor in use cannot produce."""
        ...

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts, neither rounded nor limited to the converter's range."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearTransfer:
    """Delivered is count × scale + offset, in `unit`.

    >>> import numpy as np
    >>> LinearTransfer(unit="mV", scale=0.5, offset=-1.0).from_raw(np.array([0.0, 4.0]))
    array([-1.,  1.])
    """

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
    """Bytes to samples. The result does not depend on how the bytes are split up.

    A parser has bounded memory and raises no exception, whatever the bytes are.

    Attributes
    ----------
    frames : int
        Number of readable lines or frames.
    last_rejected : bytes
        Beginning of the last unreadable line or frame.
    defects : Counter
        How often each defect occurred; counts only grow.
    """

    frames: int
    last_rejected: bytes
    defects: Counter[StreamReasonCode]

    @property
    def rejected(self) -> int:
        """Least number of unreadable lines or frames."""
        ...

    def feed(self, data: bytes) -> FloatArray:
        """Return the samples that these bytes complete: raw counts, shape (n, channels).

        A sample known to be missing keeps its place and is NaN.
        """
        ...

    def reset(self) -> None:
        """Discard incomplete data: the next bytes do not continue the last ones."""
        ...


class EmulatedDevice(Protocol):
    """The device's side of the connection, for the emulator.

    Attributes
    ----------
    streaming : bool
        Whether it sends samples now.
    rate_hz : float
        Samples per second.
    """

    streaming: bool
    rate_hz: float

    def receive(self, data: bytes) -> bytes:
        """Process bytes from the host, and return the answer."""
        ...

    def send(self, number: int, raw: Mapping[str, float]) -> bytes:
        """Return the bytes of sample `number`, counted from the start of streaming.

        `raw` holds a count for each channel that has a signal, NaN where it is missing. If all values are
        missing and the device has no way to say so, nothing is returned.
        """
        ...


class FreeRunningDevice:
    """A device that sends from power-on and accepts no commands.

    Parameters
    ----------
    rate_hz : float
        Samples per second.
    encode : callable
        Takes the counts of the channels; returns bytes.
    """

    def __init__(self, rate_hz: float, encode: Callable[[Mapping[str, float]], bytes]) -> None:
        self.streaming = True
        self.rate_hz = rate_hz
        self._encode = encode

    def receive(self, data: bytes) -> bytes:  # noqa: ARG002 - it accepts no commands
        """Return nothing."""
        return b""

    def send(self, number: int, raw: Mapping[str, float]) -> bytes:  # noqa: ARG002 - samples have no number
        """Return the bytes of a sample."""
        return self._encode(raw)


def sent_counts(raw: Mapping[str, float], labels: Sequence[str]) -> list[int] | None:
    """Return the counts of a frame, 0 where one is missing; None if all of them are missing."""
    if all(math.isnan(value) for value in raw.values()):
        return None
    values = [raw.get(label, 0.0) for label in labels]
    return [0 if math.isnan(value) else round(value) for value in values]


def as_counts(channel: str, kind: Kind, options: ProfileOptions) -> TransferFunction:  # noqa: ARG001 - as `Profile.transfer`
    """Return the transfer function of a device whose counts have no published unit."""
    return LinearTransfer(unit="bpm" if kind is Kind.HR else UNKNOWN_UNIT)


def no_start(settings: DeviceSettings) -> tuple[HandshakeStep, ...]:  # noqa: ARG001 - as `Profile.start`
    """Return no step, for a device that sends from power-on."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A device, or one of its output formats.

    Attributes
    ----------
    name : str
        As in ``profile=name``.
    title : str
        Name shown to people.
    baud : int
        Bits per second.
    rate_hz : float or None
        Nominal samples per second; None if it differs between devices and must be given.
    rates : tuple of float
        Rates that the device can be set to; empty if it cannot be set, and its real rate is measured.
    channels : tuple of DeviceChannel
        Its signals.
    parser : callable
        Takes settings; returns a new parser.
    device : callable
        Takes settings; returns an emulated device.
    transfer : callable
        Takes channel, kind and options; returns the transfer function.
    options : tuple of ProfileOption
        What else can be set.
    start : callable
        Takes settings; returns the handshake that makes the device send.
    stop : tuple of HandshakeStep
        The handshake that stops it.
    """

    name: str
    title: str
    baud: int = 115200
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
        """Return the channel of that label, also without its leading ``A``; None if there is none."""
        for channel in self.channels:
            if name.upper() in {channel.label.upper(), channel.label.upper().removeprefix("A")}:
                return channel
        return None
