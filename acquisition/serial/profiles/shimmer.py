"""Shimmer3 GSR+, skin conductance and pulse on Bluetooth's serial port profile.

Frames contain the device's clock (32768 Hz, 24 bits). The GSR amplifier has four ranges, given in the upper
two bits of its count, with feedback resistors of 40.2, 287, 1000 and 3300 kΩ and a reference of 0.5 V.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
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
    ProfileOptions,
    TransferFunction,
    sent_counts,
)
from acquisition.streams import FloatArray, Kind

TICK_HZ = 32768
TICKS = 1 << 24
LENGTH = 8

PPG, GSR = "ppg", "gsr"

RATES = (32.0, 51.2, 64.0, 128.0, 256.0, 512.0)
ACKNOWLEDGED = b"\xff"

SENSORS, EXPANSION_POWER, RATE, START, STOP = 0x08, 0x5E, 0x05, 0x07, 0x20

ARGUMENTS = {SENSORS: 3, EXPANSION_POWER: 1, RATE: 2, START: 0, STOP: 0}
FEEDBACK_KOHM = (40.2, 287.0, 1000.0, 3300.0)
REFERENCE_V = 0.5

FULL_SCALE, SUPPLY_V = 4095, 3.0

LONGEST_LOSS = 2 * TICK_HZ
MOST_LOST = 16
"""Most periods between two frames, without skipped bytes, for the second to follow with certainty."""


class ShimmerFrame(NamedTuple):
    """Ticks of the device's clock, and the counts of PPG and GSR."""

    ticks: int
    ppg: int
    gsr: int


def decode(frame: bytes) -> ShimmerFrame | None:
    """Decode a frame; None if the bytes cannot be a frame."""
    ppg, gsr = struct.unpack_from("<HH", frame, 4)
    if frame[0] != 0 or ppg > FULL_SCALE or gsr & 0x3000:
        return None
    return ShimmerFrame(int.from_bytes(frame[1:4], "little"), ppg, gsr)


def encode(ticks: int, ppg: int, gsr: int) -> bytes:
    """Encode a frame; the ticks wrap around."""
    return b"\x00" + (ticks % TICKS).to_bytes(3, "little") + struct.pack("<HH", ppg, gsr)


@dataclass(frozen=True, slots=True)
class TickOrder:
    """Order of frames by the device's clock."""

    period: int

    def follows(self, before: int, after: int, skipped: int) -> bool:
        """Return whether a whole number of periods lies between, about as many as fit the skipped bytes.

        A frame read one byte too early shows a clock that runs 256 times as fast.
        """
        step = (after - before) % TICKS
        frames = round(step / self.period)
        off = abs(step - frames * self.period)
        return 1 <= frames <= MOST_LOST + max(0, skipped) // LENGTH and off <= self.period // 10

    def lost(self, before: int, after: int, skipped: int) -> int:  # noqa: ARG002 - the clock suffices
        """Return the number of periods between the two frames, less one."""
        step = (after - before) % TICKS
        return max(0, round(step / self.period) - 1) if step <= LONGEST_LOSS else 0


def period_of(rate_hz: float) -> int:
    """Return the ticks between samples."""
    return round(TICK_HZ / rate_hz)


def parser(settings: DeviceSettings) -> FrameParser:
    """Return a parser of the wanted channels."""
    places = [(PPG, GSR).index(label) for label in settings.channels]

    def read(frame: bytes) -> Frame | None:
        if (found := decode(frame)) is None:
            return None
        ticks, *counts = found
        return Frame(ticks, tuple(float(counts[place]) for place in places))

    order = TickOrder(period_of(settings.rate_hz))
    return FrameParser(length=LENGTH, width=len(places), decode=read, order=order)


def start(settings: DeviceSettings) -> tuple[HandshakeStep, ...]:
    """Return the handshake that makes the device send both channels at the wanted rate."""

    def command(code: int, arguments: bytes, says: str) -> HandshakeStep:
        return HandshakeStep(send=bytes((code,)) + arguments, answer=ACKNOWLEDGED, says=says)

    return (
        # It may still be sending from a previous session, so no answer is expected.
        HandshakeStep(send=bytes((STOP,)), pause_s=0.3),
        command(SENSORS, bytes((0x04, 0x01, 0x00)), "that it has GSR and PPG"),
        command(EXPANSION_POWER, bytes((0x01,)), "that PPG has power"),
        command(RATE, struct.pack("<H", period_of(settings.rate_hz)), "that it takes the rate"),
        command(START, b"", "that it begins"),
    )


class ShimmerUnit:
    """An emulated device."""

    def __init__(self, settings: DeviceSettings) -> None:
        self.streaming = False
        self.rate_hz = settings.rate_hz
        self._begun = b""

    def receive(self, data: bytes) -> bytes:
        """Execute commands and acknowledge each."""
        self._begun += data
        answer = b""
        while self._begun:
            code = self._begun[0]
            length = 1 + ARGUMENTS.get(code, 0)
            if len(self._begun) < length:
                break
            arguments, self._begun = self._begun[1:length], self._begun[length:]
            if code not in ARGUMENTS:
                continue
            answer += ACKNOWLEDGED
            if code == RATE:
                self.rate_hz = TICK_HZ / max(1, int.from_bytes(arguments, "little"))
            elif code in {START, STOP}:
                self.streaming = code == START
        return answer

    def send(self, number: int, raw: Mapping[str, float]) -> bytes:
        """Return a frame, with 0 for missing values; nothing if all values are missing."""
        counts = sent_counts(raw, (PPG, GSR))
        return b"" if counts is None else encode(number * period_of(self.rate_hz), *counts)


@dataclass(frozen=True, slots=True)
class ShimmerTransfer:
    """Counts with their range to µS; NaN where no current flows (electrodes off)."""

    unit: str = "uS"

    def from_raw(self, raw: FloatArray) -> FloatArray:
        """Return µS."""
        codes = np.nan_to_num(raw, nan=0.0).astype(np.int64)
        feedback = np.array(FEEDBACK_KOHM)[codes >> 14 & 3]
        volts = (codes & 0x3FFF) * SUPPLY_V / FULL_SCALE
        conductance = 1000.0 * (volts / REFERENCE_V - 1.0) / feedback
        return np.where(np.isfinite(raw) & (volts > REFERENCE_V), conductance, np.nan)

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts in the most sensitive range that holds the value, else in the least sensitive."""
        codes = np.full(values.shape, np.nan)
        for code, feedback in enumerate(FEEDBACK_KOHM):
            volts = REFERENCE_V * (1.0 + values * feedback / 1000.0)
            count = np.round(volts * FULL_SCALE / SUPPLY_V)
            fits = (count <= FULL_SCALE) & (values >= 0) if code else np.isfinite(values)
            codes = np.where(fits, np.clip(count, 0, FULL_SCALE) + (code << 14), codes)
        return codes


def transfer(channel: str, kind: Kind, options: ProfileOptions) -> TransferFunction:  # noqa: ARG001 - each channel has one
    """Return the transfer function of a channel."""
    return (
        ShimmerTransfer()
        if channel == GSR
        else LinearTransfer(unit="mV", scale=1000.0 * SUPPLY_V / FULL_SCALE)
    )


PROFILES = (
    Profile(
        name="shimmer3-gsr",
        title="Shimmer3 GSR+",
        rate_hz=128.0,
        rates=RATES,
        channels=(
            DeviceChannel(label=PPG, kinds=(Kind.PPG,), top=FULL_SCALE),
            DeviceChannel(label=GSR, kinds=(Kind.EDA,), top=0xFFFF),
        ),
        transfer=transfer,
        parser=parser,
        device=ShimmerUnit,
        start=start,
        stop=(HandshakeStep(send=bytes((STOP,)), answer=ACKNOWLEDGED, says="that it stops", limit_s=0.5),),
    ),
)
