"""BITalino, a board with six analogue inputs on Bluetooth's serial port profile or USB.

Frames have a sequence number and a checksum of four bits each. Transfer functions are those of the maker's
data sheets, with a supply of 3.3 V: ECG ±1.5 mV at a gain of 1100; EDA 0–25 µS on the (r)evolution board,
1/(1 − ADC/2ⁿ) µS on the board of 2014. Everything else is delivered as 10-bit counts. Another edition of the
(r)evolution's sheet subtracts 0.574 V before dividing, which lowers the level by 4.3 µS; this module follows
the edition whose result begins at 0. Changes of conductance are the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from acquisition.serial.parsers import Frame, FrameParser
from acquisition.serial.profiles.profile import (
    DeviceChannel,
    DeviceSettings,
    HandshakeStep,
    LinearTransfer,
    Profile,
    ProfileOption,
    ProfileOptions,
    TransferFunction,
    as_counts,
    sent_counts,
)
from acquisition.streams import FloatArray, Kind

LABELS = ("A1", "A2", "A3", "A4", "A5", "A6")
RATES = (1.0, 10.0, 100.0, 1000.0)

VERSION, STOP, IDLE = 0x07, 0x00, 0xFF

FULL_SCALE = 1024.0
SUPPLY_V = 3.3
WIDE = 4
"""Number of inputs per frame with 10 bits; the others have 6."""

PAUSE_S = 0.12
"""Pause after a command byte: the board needs 0.1 s."""


def _shifted(x: int) -> int:
    """Return the state of the checksum after four zero bits."""
    for _ in range(4):
        x = (x << 1) ^ (0x13 if x & 8 else 0)
    return x


_SHIFTED = tuple(_shifted(x) for x in range(16))


def frame_bytes(inputs: int) -> int:
    """Return the length of a frame in bytes."""
    bits = 12 + 10 * inputs if inputs <= WIDE else 52 + 6 * (inputs - WIDE)
    return -(-bits // 8)


def checksum(frame: bytes) -> int:
    """Return the checksum that the last four bits of a frame must contain."""
    x = 0
    for byte in (*frame[:-1], frame[-1] & 0xF0):
        x = _SHIFTED[_SHIFTED[x] ^ byte >> 4] ^ byte & 15
    return x


class BitalinoFrame(NamedTuple):
    """Sequence number, digital lines I1 I2 O1 O2, and the count of each input."""

    sequence: int
    digital: int
    counts: list[int]


def decode(frame: bytes, inputs: int) -> BitalinoFrame | None:
    """Decode a frame; None if its checksum is wrong.

    Read backward from its last byte, a frame consists of sequence, checksum, digital lines, inputs.
    """
    if checksum(frame) != frame[-1] & 15:
        return None
    bits, left = int.from_bytes(frame, "little"), 8 * len(frame) - 12
    counts = []
    for place in range(inputs):
        width = 10 if place < WIDE else 6
        left -= width
        counts.append(bits >> left & (1 << width) - 1)
    return BitalinoFrame(frame[-1] >> 4, frame[-2] >> 4, counts)


def encode(sequence: int, digital: int, counts: Sequence[int]) -> bytes:
    """Encode a frame; counts after the fourth have 6 bits."""
    length = frame_bytes(len(counts))
    left = 8 * length - 12
    bits = (sequence & 15) << left + 8 | digital << left
    for place, count in enumerate(counts):
        left -= 10 if place < WIDE else 6
        bits |= count << left
    frame = bits.to_bytes(length, "little")
    return frame[:-1] + bytes((frame[-1] | checksum(frame),))


@dataclass(frozen=True, slots=True)
class SequenceOrder:
    """Order of frames by a 4-bit sequence number, for frames of one length."""

    length: int

    def follows(self, before: int, after: int, skipped: int) -> bool:
        """Return whether the skipped bytes are exactly the frames missing from the sequence."""
        between, rest = divmod(skipped, self.length)
        return rest == 0 and between < 16 and (after - before - 1) % 16 == between

    def lost(self, before: int, after: int, skipped: int) -> int:
        """Return the number of missing frames that fits the sequence and is nearest to the skipped bytes."""
        between = skipped / self.length
        if between >= 16:
            return 0
        modulo = (after - before - 1) % 16
        return max(0, modulo + 16 * round((between - modulo) / 16))


def parser(settings: DeviceSettings) -> FrameParser:
    """Return a parser of the wanted inputs; 6-bit counts are scaled to 10 bits."""
    inputs = inputs_of(settings)
    places = [inputs.index(label) for label in settings.channels]
    length = frame_bytes(len(inputs))

    def read(data: bytes) -> Frame | None:
        if (found := decode(data, len(inputs))) is None:
            return None
        counts = (found.counts[place] if place < WIDE else found.counts[place] << 4 for place in places)
        return Frame(found.sequence, tuple(map(float, counts)))

    return FrameParser(length=length, width=len(places), decode=read, order=SequenceOrder(length))


def inputs_of(settings: DeviceSettings) -> list[str]:
    """Return the inputs in a frame, in its order."""
    return sorted(set(settings.channels))


def start(settings: DeviceSettings) -> tuple[HandshakeStep, ...]:
    """Return the handshake that makes the board send the wanted inputs at the wanted rate."""
    mask = sum(1 << 2 + LABELS.index(label) for label in inputs_of(settings))
    return (
        HandshakeStep(send=bytes((STOP,)), pause_s=PAUSE_S),
        HandshakeStep(
            send=bytes((VERSION,)), answer=rb"BITalino[^\n]*\n", says="its version", pause_s=PAUSE_S
        ),
        HandshakeStep(send=bytes((RATES.index(settings.rate_hz) << 6 | 3,)), pause_s=PAUSE_S),
        HandshakeStep(send=bytes((mask | 1,))),
    )


class BitalinoBoard:
    """An emulated board."""

    def __init__(self, settings: DeviceSettings) -> None:
        self.streaming = False
        self.rate_hz = RATES[-1]
        self._inputs = inputs_of(settings)

    def receive(self, data: bytes) -> bytes:
        """Execute commands of one byte each; answer the one for the version."""
        answer = b""
        for byte in data:
            if byte in {STOP, IDLE}:
                self.streaming = False
            elif self.streaming:
                pass  # commands that set the digital lines
            elif byte == VERSION:
                answer += b"BITalino_v5.2\n"
            elif byte & 0x3F == 0x03:
                self.rate_hz = RATES[byte >> 6]
            elif byte & 3 == 1 and byte >> 2:
                self._inputs = [label for place, label in enumerate(LABELS) if byte >> 2 + place & 1]
                self.streaming = True
        return answer

    def send(self, number: int, raw: Mapping[str, float]) -> bytes:
        """Return a frame, with 0 for missing values; nothing if all values are missing."""
        if (counts := sent_counts(raw, self._inputs)) is None:
            return b""
        return encode(number, 0, counts[:WIDE] + [count >> 4 for count in counts[WIDE:]])


@dataclass(frozen=True, slots=True)
class Bitalino2014Transfer:
    """Counts to µS for the EDA sensor of the board of 2014, whose least value is 1 µS."""

    unit: str = "uS"

    def from_raw(self, raw: FloatArray) -> FloatArray:
        """Return µS."""
        return np.asarray(1.0 / (1.0 - raw / FULL_SCALE))

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts."""
        return np.asarray(FULL_SCALE * (1.0 - 1.0 / values))


ECG = LinearTransfer(
    unit="mV", scale=1000.0 * SUPPLY_V / 1100.0 / FULL_SCALE, offset=-500.0 * SUPPLY_V / 1100.0
)

EDA: Mapping[str, TransferFunction] = {
    "revolution": LinearTransfer(unit="uS", scale=SUPPLY_V / 0.132 / FULL_SCALE),
    "2014": Bitalino2014Transfer(),
}


def transfer(channel: str, kind: Kind, options: ProfileOptions) -> TransferFunction:
    """Return the transfer function of the sensor for this kind of signal."""
    if kind is Kind.ECG:
        return ECG
    if kind is Kind.EDA:
        return EDA[str(options["board"])]
    return as_counts(channel, kind, options)


PROFILES = (
    Profile(
        name="bitalino",
        title="BITalino board",
        rate_hz=1000.0,
        rates=RATES,
        channels=tuple(DeviceChannel(label=label) for label in LABELS),
        options=(ProfileOption(name="board", default="revolution", choices=("revolution", "2014")),),
        transfer=transfer,
        parser=parser,
        device=BitalinoBoard,
        start=start,
        stop=(HandshakeStep(send=bytes((STOP,)), pause_s=PAUSE_S),),
    ),
)
