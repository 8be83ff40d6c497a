"""What an emulated device sends and answers, from moment to moment, without a port or a clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from acquisition.emulator.playback import SAME_S, Playback, Reader
from acquisition.errors import SpecError
from acquisition.profiles import Profile
from acquisition.profiles.profile import Device
from acquisition.serialspec import SerialSpec, parse_serial, setting_of
from acquisition.streams import Source, StreamInfo

BLOCK = 256
"""So many samples at most are sent at once, so that commands are heard in between."""


class Emulation:
    """A device that plays recorded signals.

    The recording begins when the device begins to send, and waits while it does not.

    Parameters
    ----------
    device : Device
        The other end of the cable.
    playbacks : mapping of str to Playback
        By channel.
    readers : sequence of Reader
        What they read from.
    """

    def __init__(self, device: Device, playbacks: Mapping[str, Playback], readers: Sequence[Reader]) -> None:
        self._device = device
        self._playbacks = dict(playbacks)
        self._readers = tuple(readers)
        # The stream sent now: since when, from where in the recording, and how many samples of it.
        self._since_s = 0.0
        self._from_s = 0.0
        self._number = 0

    @property
    def rate_hz(self) -> float:
        """Samples per second now."""
        return self._device.rate_hz

    @property
    def played_s(self) -> float:
        """How far the recording was played."""
        return self._from_s + self._number / self._device.rate_hz

    @property
    def ended(self) -> bool:
        """Whether the recordings were played to their ends."""
        return self.played_s > max(reader.end_s for reader in self._readers) + SAME_S

    @property
    def due_s(self) -> float:
        """When the next sample is due; infinity while the device does not send."""
        return self._since_s + self._number / self._device.rate_hz if self._device.streaming else math.inf

    def receive(self, data: bytes, t: float) -> bytes:
        """Take in what the host sent at time `t`, seconds since the device has power; return the answer."""
        was_streaming, position_s = self._device.streaming, self.played_s
        answer = self._device.receive(data)
        if was_streaming != self._device.streaming:
            self._since_s, self._from_s, self._number = t, position_s, 0
        return answer

    def due(self, t: float) -> bytes:
        """Return what has to be sent up to time `t`."""
        if not self._device.streaming or t < self.due_s or self.ended:
            return b""
        number = min(BLOCK, 1 + math.floor((t - self._since_s) * self.rate_hz) - self._number)
        numbers = self._number + np.arange(max(1, number))
        moments = self._from_s + numbers / self.rate_hz
        counts = {label: playback.counts(moments) for label, playback in self._playbacks.items()}
        self._number += numbers.size
        return b"".join(
            self._device.send(int(one), {label: float(raw[place]) for label, raw in counts.items()})
            for place, one in enumerate(numbers)
        )


def emulate(
    profile: Profile,
    sources: Sequence[Source],
    *,
    channels: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
) -> tuple[Emulation, tuple[SerialSpec, ...]]:
    """Let a device play recorded signals.

    Parameters
    ----------
    profile : Profile
        What the device is.
    sources : sequence of Source
        Recordings, or a virtual listener, of which those signals are played that the device can measure.
    channels : sequence of str
        On which channel each signal is; may be left out where there is no choice.
    options : mapping
        ``rate`` and the profile's own.

    Returns
    -------
    Emulation
        The device.
    tuple of SerialSpec
        How each channel has to be read.

    Raises
    ------
    SpecError
        If the device cannot measure such a signal, or there are more signals than channels or fewer.
    """
    readers = [Reader(source) for source in sources]
    signals = [(reader, stream) for reader in readers for stream in _measurable(profile, reader.source)]
    if channels and len(channels) != len(signals):
        names = ", ".join(stream.name for _, stream in signals)
        raise SpecError(f"{len(signals)} signals ({names}) need as many channels, not {len(channels)}")
    if not channels and profile.rate_hz is None:
        channels = [str(column) for column in range(len(signals))]
    specs = tuple(
        _spec(profile, stream, channels[place] if channels else None, options or {})
        for place, (_, stream) in enumerate(signals)
    )
    labels = [spec.channel for spec in specs]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise SpecError(f"channel {twice[0]} is given two signals; give each its own with --channel")
    tops = {channel.label: channel.top for channel in profile.channels}
    playbacks = {
        spec.channel: Playback(reader, stream, spec.transfer, tops[spec.channel])
        for spec, (reader, stream) in zip(specs, signals, strict=True)
    }
    return Emulation(profile.device(setting_of(specs)), playbacks, readers), specs


def _measurable(profile: Profile, source: Source) -> Sequence[StreamInfo]:
    """Return all signals of a recording; of a source of several those that the device can measure."""
    if len(source.streams) == 1:
        return source.streams
    kinds = {kind for channel in profile.channels for kind in channel.kinds}
    return [stream for stream in source.streams if stream.kind in kinds]


def _spec(
    profile: Profile, stream: StreamInfo, channel: str | None, options: Mapping[str, str]
) -> SerialSpec:
    given = dict(options)
    if profile.rate_hz is None:
        given.setdefault("rate", f"{stream.rate_hz:g}")
        given.setdefault("unit", stream.unit)
    if channel is not None:
        given["column" if profile.rate_hz is None else "channel"] = channel
    query = "".join(f"&{name}={value}" for name, value in given.items())
    where = f"PORT?profile={profile.name}{query}"
    return parse_serial(f"{stream.kind}=serial:{where}", stream.kind, where)
