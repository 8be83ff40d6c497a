"""AD8232, a one-lead ECG amplifier behind an Arduino with SparkFun's sketch.

It prints a count per line, or ``!`` while an electrode is off. 9600 baud carries about 190 lines per second,
whatever the sketch's pauses say. Gain and reference depend on the board, so counts are delivered as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from acquisition.lines import Line, LineParser, matching
from acquisition.profiles.profile import Channel, Device, Profile, Setting, Talker
from acquisition.streams import Kind

LINES = (
    Line(pattern=rb"(?P<ecg>\d{1,4})"),
    Line(pattern=rb"!", says="samples while an electrode was off"),
)


def parser(setting: Setting) -> LineParser:
    """Return a parser of the ECG."""
    return LineParser(len(setting.channels), matching(LINES, setting.channels))


def encode(raw: Mapping[str, float]) -> bytes:
    """Return the line of a sample; a missing one is an electrode that is off."""
    return b"!\r\n" if math.isnan(raw["ecg"]) else f"{raw['ecg']:.0f}\r\n".encode()


def device(setting: Setting) -> Device:
    """Return a board with such a sketch."""
    return Talker(setting.rate_hz, encode)


PROFILES = (
    Profile(
        name="ad8232",
        title="AD8232 ECG amplifier",
        baud=9600,
        rate_hz=190.0,
        channels=(Channel(label="ecg", kinds=(Kind.ECG,)),),
        parser=parser,
        device=device,
    ),
)
