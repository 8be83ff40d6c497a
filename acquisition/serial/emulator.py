"""An emulator of every serial device: plays recorded signals in the device's format on a pseudo-terminal."""

from __future__ import annotations

import math
import os
import random
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from acquisition.errors import SourceError, SpecError
from acquisition.serial.profiles.profile import EmulatedDevice, LinearTransfer, Profile, TransferFunction
from acquisition.serial.spec import SerialSpec, parse_serial, settings_for
from acquisition.streams import UNKNOWN_UNIT, FloatArray, SampleBlock, Source, StreamInfo, no_samples

BLOCK = 256
"""Most samples sent at once, so that commands are received in between."""

GAIN_S = 10.0
"""Seconds of a signal without a suitable unit that set the gain."""

AHEAD_S = 2.0
"""How far ahead a source is read, so that there is a sample on either side of each moment."""

SAME_S = 1e-6
"""Moments that differ by less are equal."""

IRREGULAR_GAP_S = 3.0
"""Longest gap of an irregular signal that is interpolated."""

LEAST_WAIT_S = 0.005
"""Samples due within this time are sent together, as by a USB adapter."""

MOST_WAIT_S = 0.25

LONGEST_BURST = 60
"""Most bytes of garbage at once."""


class SourceReader:
    """Reads the streams of a source, and keeps samples only as long as they are needed.

    Parameters
    ----------
    source : Source
        A recording or a virtual listener.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._kept = {stream.name: no_samples() for stream in source.streams}

    @property
    def end_s(self) -> float:
        """When the source ends; infinity as long as that is unknown."""
        if not self.source.ended:
            return np.inf
        return max((float(kept.times[-1]) for kept in self._kept.values() if kept.size), default=0.0)

    def window(self, stream: StreamInfo, begin_s: float, end_s: float) -> SampleBlock:
        """Return the samples from the last one before `begin_s` to beyond `end_s`; drop older ones."""
        for chunk in self.source.read(end_s + AHEAD_S):
            self._kept[chunk.stream.name] += SampleBlock(chunk.times, chunk.samples[:, :1])
        kept = self._kept[stream.name]
        old = max(0, int(np.searchsorted(kept.times, begin_s, side="right")) - 1)
        self._kept[stream.name] = kept[old:]
        return kept[old:]


class ChannelPlayback:
    """One stream on one channel of a device, as counts of its converter.

    Parameters
    ----------
    reader : SourceReader
        Reads the stream.
    stream : StreamInfo
        The stream.
    transfer : TransferFunction
        Of the channel. If its unit is not the stream's, the range of the signal's first seconds is mapped to
        the middle half of the converter's range, as one would set an amplifier.
    top : int or None
        Largest count; None for numbers that are sent unchanged.
    """

    def __init__(
        self, reader: SourceReader, stream: StreamInfo, transfer: TransferFunction, top: int | None
    ) -> None:
        self._reader = reader
        self._stream = stream
        self._top = top
        self._transfer = transfer
        if top is not None and (transfer.unit != stream.unit or stream.unit == UNKNOWN_UNIT):
            self._transfer = self._fitted(top)
        self._longest_s = 2.5 / stream.rate_hz if stream.rate_hz else IRREGULAR_GAP_S

    def counts(self, moments: FloatArray) -> FloatArray:
        """Return the counts at some moments, shape (n,); NaN where the signal is missing.

        Values between samples are interpolated, unfiltered. Counts are limited to the converter's range.
        """
        window = self._reader.window(self._stream, float(moments[0]), float(moments[-1]))
        times, values = window.times, window.values[:, 0]
        if not window.size:
            return np.full(moments.shape, np.nan)
        after = np.minimum(np.searchsorted(times, moments - SAME_S), times.size - 1)
        before = np.maximum(after - 1, 0)
        at_sample = np.abs(times[after] - moments) <= SAME_S
        found = np.interp(moments, times, values, left=np.nan, right=np.nan)
        found[times[after] - times[before] > self._longest_s] = np.nan
        found[at_sample] = values[after[at_sample]]
        raw = self._transfer.to_raw(found)
        # Adding 0 turns −0, which would be printed with its sign, into 0.
        return raw if self._top is None else np.clip(np.round(raw), 0, self._top) + 0.0

    def _fitted(self, top: int) -> TransferFunction:
        values = self._reader.window(self._stream, 0.0, GAIN_S).values
        there = values[np.isfinite(values)]
        low, high = np.percentile(there, (1, 99)) if there.size else (0.0, 1.0)
        scale = max(float(high - low), 1e-9) / (0.5 * top)
        return LinearTransfer(scale=scale, offset=float(low) - 0.25 * top * scale)


class DeviceEmulation:
    """What an emulated device sends and answers, without a port or a clock.

    The recording begins when the device begins to send, and pauses while it does not.

    Parameters
    ----------
    device : EmulatedDevice
        The device's side of the connection.
    playbacks : mapping of str to ChannelPlayback
        By channel.
    readers : sequence of SourceReader
        The readers of the playbacks.
    """

    def __init__(
        self,
        device: EmulatedDevice,
        playbacks: Mapping[str, ChannelPlayback],
        readers: Sequence[SourceReader],
    ) -> None:
        self._device = device
        self._playbacks = dict(playbacks)
        self._readers = tuple(readers)
        # The present run: when it began, from where in the recording, and the number of samples sent.
        self._since_s = 0.0
        self._from_s = 0.0
        self._number = 0

    @property
    def rate_hz(self) -> float:
        """Samples per second at present."""
        return self._device.rate_hz

    @property
    def played_s(self) -> float:
        """Position in the recording."""
        return self._from_s + self._number / self._device.rate_hz

    @property
    def ended(self) -> bool:
        """Whether the recordings were played to their ends."""
        return self.played_s > self._end_s

    @property
    def _end_s(self) -> float:
        return max(reader.end_s for reader in self._readers) + SAME_S

    @property
    def due_s(self) -> float:
        """When the next sample is due; infinity while the device does not send."""
        return self._since_s + self._number / self._device.rate_hz if self._device.streaming else math.inf

    def receive(self, data: bytes, t: float) -> bytes:
        """Process what the host sent at time `t`, in seconds since power-on; return the answer."""
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
            if moments[place] <= self._end_s  # after a delay the block may reach beyond the recording
        )


class EmulatedInput(NamedTuple):
    """An emulated device, and the inputs that read it.

    Attributes
    ----------
    emulation : DeviceEmulation
        The device.
    specs : tuple of SerialSpec
        How each channel is read; the port is called ``PORT``.
    """

    emulation: DeviceEmulation
    specs: tuple[SerialSpec, ...]


def emulate(
    profile: Profile,
    sources: Sequence[Source],
    *,
    channels: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
) -> EmulatedInput:
    """Make a device that plays recorded signals.

    Parameters
    ----------
    profile : Profile
        The device's profile.
    sources : sequence of Source
        Recordings, or a virtual listener, whose signals are played as far as the device can measure them.
    channels : sequence of str
        The channel of each signal; may be omitted where there is no choice.
    options : mapping
        ``rate`` and the profile's own options.

    Raises
    ------
    SpecError
        If the device cannot measure such a signal, or the numbers of signals and channels differ.

    Examples
    --------
    >>> from acquisition.sources import open_sources
    >>> from acquisition.serial.profiles import known_profiles
    >>> device = emulate(known_profiles()["grove-gsr"], open_sources(["listener=virtual:responder"], seed=1))
    >>> [spec.text for spec in device.specs]
    ['eda=serial:PORT?profile=grove-gsr']
    >>> len(device.emulation.due(0.1).split())
    3
    """
    readers = [SourceReader(source) for source in sources]
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
        spec.channel: ChannelPlayback(reader, stream, spec.transfer, tops[spec.channel])
        for spec, (reader, stream) in zip(specs, signals, strict=True)
    }
    emulation = DeviceEmulation(profile.device(settings_for(specs)), playbacks, readers)
    return EmulatedInput(emulation, specs)


def _measurable(profile: Profile, source: Source) -> Sequence[StreamInfo]:
    """Return the signals that the device can measure; for a source with one signal always that one."""
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


class PseudoTerminal:
    """A pseudo-terminal: a serial port that a host can open, without hardware. POSIX only.

    Raises
    ------
    SourceError
        On Windows, which has no pseudo-terminals.
    """

    name: str
    """Path of the port that the host opens."""

    _device: int
    _host: int

    def __init__(self) -> None:
        if sys.platform != "win32":
            import pty  # noqa: PLC0415 - these two modules exist on POSIX only
            import tty  # noqa: PLC0415

            # The host's end stays open here too: without it, sending while no host is connected is an error.
            self._device, self._host = pty.openpty()
            tty.setraw(self._host)
            os.set_blocking(self._device, False)
            self.name = os.ttyname(self._host)
        else:
            raise SourceError(
                "an emulated device needs a pseudo-terminal, which Windows does not have; use Linux or macOS"
            )

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for bytes from the host; return whether there are any."""
        return bool(select.select([self._device], [], [], max(0.0, seconds))[0])

    def read(self) -> bytes:
        """Return what the host sent."""
        try:
            return os.read(self._device, 4096)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the host; what the host does not read is lost, as on a real serial line."""
        try:
            os.write(self._device, data)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Remove the port."""
        os.close(self._device)
        os.close(self._host)


class LineNoise:
    """Bursts of random bytes between what the device sends.

    Parameters
    ----------
    per_minute : float
        Mean number of bursts.
    rng : random.Random
        Determines their times and bytes.
    """

    def __init__(self, per_minute: float, rng: random.Random) -> None:
        self._per_s = per_minute / 60
        self._rng = rng
        self._due_s = rng.expovariate(self._per_s) if per_minute else math.inf

    def add_to(self, data: bytes, t: float) -> bytes:
        """Return `data` sent at time `t`, preceded by a burst if one is due."""
        while t >= self._due_s:
            self._due_s += self._rng.expovariate(self._per_s)
            data = self._rng.randbytes(self._rng.randint(1, LONGEST_BURST)) + data
        return data


def play(
    emulation: DeviceEmulation,
    terminal: PseudoTerminal,
    *,
    clock: Callable[[], float],
    noise: LineNoise | None = None,
) -> None:
    """Run the device until the recording has ended.

    Parameters
    ----------
    emulation : DeviceEmulation
        What it sends and answers.
    terminal : PseudoTerminal
        Its port.
    clock : callable
        Returns seconds, from any origin.
    noise : LineNoise, optional
        Garbage on the line.
    """
    power_on_s = clock()
    while not emulation.ended:
        due_in_s = emulation.due_s - (clock() - power_on_s)
        if terminal.wait(min(max(due_in_s, LEAST_WAIT_S), MOST_WAIT_S)):
            answer = emulation.receive(terminal.read(), clock() - power_on_s)
            if answer:
                terminal.write(answer)
        if data := emulation.due(clock() - power_on_s):
            terminal.write(data if noise is None else noise.add_to(data, clock() - power_on_s))
