"""Devices that send one line of text per sample: Arduino boards, PulseSensor, and any other.

AD8232
    A one-lead ECG amplifier behind an Arduino with SparkFun's sketch. It prints a count per line, or ``!``
    while an electrode is off. At 9600 baud the line carries about 190 samples per second, whatever delays
    the sketch contains. Gain and reference depend on the board, so counts are delivered unchanged.
Grove GSR
    A skin resistance sensor behind an Arduino that prints its count. The transfer function is the one in the
    maker's wiki: R = (1024 + 2x)·resistor / (calibration − x), in Ω. The calibration is the count with
    nothing connected, which a potentiometer on the board sets: 512 as delivered.
PhysioKit
    PhysioKit and other Arduino sketches that print their analogue inputs separated by commas. An AVR board
    (Uno, Nano) prints 10-bit counts at 115200 baud, a Due 12-bit counts at 2 000 000. What a count means
    depends on the sensor, so counts are delivered unchanged unless `unit`, `scale` and `offset` are given.
PulseSensor
    One profile for each output of its Playground sketches. The signal is a count of the board's converter,
    without a unit. `bpm` and `ibi` (ms) are the sketch's own beat detection; RR intervals are better computed
    from the signal.
Lines
    Any other device that sends lines of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from acquisition.serial.parsers import MAX_LINE_BYTES, LineParser, LinePattern, cells, matching
from acquisition.serial.profiles.profile import (
    ANALOG,
    DeviceChannel,
    DeviceSettings,
    FreeRunningDevice,
    Profile,
    ProfileOption,
    ProfileOptions,
    TransferFunction,
)
from acquisition.streams import FloatArray, Kind, StreamReasonCode

AD8232_LINES = (
    LinePattern(pattern=rb"(?P<ecg>\d{1,4})"),
    LinePattern(pattern=rb"!", defect=StreamReasonCode.ELECTRODE_OFF),
)
GROVE_LINES = (LinePattern(pattern=rb"(?P<gsr>\d{1,4})"),)
PHYSIOKIT_LINES = (
    LinePattern(pattern=rb"(?P<A0>\d{1,4})(?:,(?P<A1>\d{1,4}))?(?:,(?P<A2>\d{1,4}))?(?:,(?P<A3>\d{1,4}))?"),
)
PLOTTER_LINES = (LinePattern(pattern=rb"(?P<bpm>\d{1,3}),(?P<ibi>\d{1,5}),(?P<signal>\d{1,4})"),)
VISUALISER_LINES = (
    LinePattern(pattern=rb"S(?P<signal>\d{1,4})"),
    LinePattern(pattern=rb"B(?P<bpm>\d{1,3})", sample=False),
    LinePattern(pattern=rb"Q(?P<ibi>\d{1,5})", sample=False),
)
STARTED_LINES = (LinePattern(pattern=rb"Signal (?P<signal>\d{1,4})"),)
COACH_LINES = (
    LinePattern(pattern=rb"(?:S[:=])?(?P<signal>\d{1,4})"),
    LinePattern(pattern=rb"\d+(?:\.\d+)?,(?P<signal>\d{1,4})"),
    LinePattern(
        pattern=rb'\{(?:[^{}]*,)?\s*"(?:signal|value)"\s*:\s*(?P<signal>\d{1,4}(?:\.\d+)?)\s*(?:,[^{}]*)?\}'
    ),
)

UNCONNECTED_COUNT = 512
"""What the PhysioKit emulator sends for an input without a signal: mid-range of a 10-bit converter."""

COLUMNS = MAX_LINE_BYTES // 2
"""Columns that a line of the greatest length can hold: one digit and one separator each."""

Encode = Callable[[Mapping[str, float]], bytes]


@dataclass(frozen=True, slots=True)
class GroveTransfer:
    """Counts of a Grove GSR to conductance in µS; NaN from the calibration on, where nothing is connected."""

    resistor_ohm: float
    calibration: float
    unit: str = "uS"

    def from_raw(self, raw: FloatArray) -> FloatArray:
        """Return µS."""
        siemens = (self.calibration - raw) / ((1024.0 + 2.0 * raw) * self.resistor_ohm)
        return np.where(raw < self.calibration, 1e6 * siemens, np.nan)

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts."""
        loaded = values * 1e-6 * self.resistor_ohm
        return (self.calibration - 1024.0 * loaded) / (1.0 + 2.0 * loaded)


def grove_transfer(channel: str, kind: Kind, options: ProfileOptions) -> TransferFunction:  # noqa: ARG001 - one channel
    """Return the transfer function of a Grove board."""
    return GroveTransfer(float(options["resistor"]), float(options["calibration"]))


def _number(raw: Mapping[str, float], name: str) -> str:
    """Return a count as text; empty if it is missing."""
    value = raw.get(name, math.nan)
    return "" if math.isnan(value) else f"{value:.0f}"


def encode_ad8232(raw: Mapping[str, float]) -> bytes:
    """Return the line of a sample; a missing one is sent as ``!``, an electrode that is off."""
    return f"{_number(raw, 'ecg') or '!'}\r\n".encode()


def encode_signal(channel: str, before: str, raw: Mapping[str, float]) -> bytes:
    """Return the count of one channel after a prefix; nothing if it is missing."""
    number = _number(raw, channel)
    return f"{before}{number}\r\n".encode() if number else b""


def encode_physiokit(raw: Mapping[str, float]) -> bytes:
    """Return the line of a sample; nothing if all of its values are missing."""
    if all(math.isnan(value) for value in raw.values()):
        return b""
    last = max(int(label[1:]) for label in raw)
    counts = {f"A{number}": float(UNCONNECTED_COUNT) for number in range(1 + last)} | dict(raw)
    return (",".join(_number(counts, label) or "0" for label in counts) + "\r\n").encode()


def encode_plotter(raw: Mapping[str, float]) -> bytes:
    """Return ``BPM,IBI,Signal``; nothing without a signal."""
    beat = ",".join(_number(raw, name) or "0" for name in ("bpm", "ibi"))
    return encode_signal("signal", f"{beat},", raw)


def encode_visualiser(raw: Mapping[str, float]) -> bytes:
    """Return ``S…``, preceded by ``B…`` and ``Q…`` where there is a beat."""
    lines = (("bpm", "B"), ("ibi", "Q"), ("signal", "S"))
    return b"".join(encode_signal(channel, letter, raw) for channel, letter in lines)


def encode_cells(raw: Mapping[str, float], separator: str) -> bytes:
    """Return a line of all columns up to the last that has a signal; a missing value is an empty cell."""
    width = 1 + max(int(label) for label in raw)
    values = [raw.get(str(column), math.nan) for column in range(width)]
    blank = "nan" if separator == " " or width == 1 else ""
    line = separator.join(blank if math.isnan(value) else f"{value:.9g}" for value in values)
    return f"{line}\r\n".encode()


def _matching_parser(patterns: Sequence[LinePattern], settings: DeviceSettings) -> LineParser:
    return LineParser(len(settings.channels), matching(patterns, settings.channels))


def _cells_parser(settings: DeviceSettings) -> LineParser:
    columns = [int(label) for label in settings.channels]
    return LineParser(len(columns), cells(str(settings.options["separator"]), columns))


def _free_running(encode: Encode, settings: DeviceSettings) -> FreeRunningDevice:
    return FreeRunningDevice(settings.rate_hz, encode)


def _cells_device(settings: DeviceSettings) -> FreeRunningDevice:
    separator = str(settings.options["separator"])
    return FreeRunningDevice(settings.rate_hz, partial(encode_cells, separator=separator))


_PULSE_CHANNEL = DeviceChannel(label="signal", kinds=(Kind.PPG,), top=4095)
_BPM_CHANNEL = DeviceChannel(label="bpm", kinds=(Kind.HR,), top=999)
_PULSESENSORS: Mapping[str, tuple[str, Sequence[LinePattern], Encode]] = {
    "pulsesensor": ("serial plotter (BPM,IBI,Signal)", PLOTTER_LINES, encode_plotter),
    "pulsesensor-visualiser": (
        "Processing visualiser (S512, B72, Q833)",
        VISUALISER_LINES,
        encode_visualiser,
    ),
    "pulsesensor-started": (
        "getting started (Signal 512)",
        STARTED_LINES,
        partial(encode_signal, "signal", "Signal "),
    ),
    "pulsesensor-coach": (
        "signal coach (512, S:512, time,512, JSON)",
        COACH_LINES,
        partial(encode_signal, "signal", ""),
    ),
}

PROFILES = (
    Profile(
        name="ad8232",
        title="AD8232 ECG amplifier",
        baud=9600,
        rate_hz=190.0,
        channels=(DeviceChannel(label="ecg", kinds=(Kind.ECG,)),),
        parser=partial(_matching_parser, AD8232_LINES),
        device=partial(_free_running, encode_ad8232),
    ),
    Profile(
        name="grove-gsr",
        title="Grove GSR skin resistance",
        baud=9600,
        rate_hz=20.0,
        channels=(DeviceChannel(label="gsr", kinds=(Kind.EDA,)),),
        options=(
            ProfileOption(name="resistor", default=10000.0),
            ProfileOption(name="calibration", default=512.0),
        ),
        transfer=grove_transfer,
        parser=partial(_matching_parser, GROVE_LINES),
        device=partial(_free_running, partial(encode_signal, "gsr", "")),
    ),
    Profile(
        name="physiokit",
        title="PhysioKit, or an Arduino that prints a0,a1,…",
        rate_hz=250.0,
        channels=tuple(DeviceChannel(label=f"A{number}", top=4095) for number in range(4)),
        parser=partial(_matching_parser, PHYSIOKIT_LINES),
        device=partial(_free_running, encode_physiokit),
    ),
    *(
        Profile(
            name=name,
            title=f"PulseSensor, {title}",
            rate_hz=50.0,
            channels=(_PULSE_CHANNEL, _BPM_CHANNEL) if name == "pulsesensor" else (_PULSE_CHANNEL,),
            parser=partial(_matching_parser, lines),
            device=partial(_free_running, encode),
        )
        for name, (title, lines, encode) in _PULSESENSORS.items()
    ),
    Profile(
        name="lines",
        title="any device that sends lines of numbers",
        rate_hz=None,
        channels=tuple(
            DeviceChannel(label=str(column), kinds=(*ANALOG, Kind.HR, Kind.ACC), top=None)
            for column in range(COLUMNS)
        ),
        options=(ProfileOption(name="separator", default=","),),
        parser=_cells_parser,
        device=_cells_device,
    ),
)
