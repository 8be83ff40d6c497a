"""PhysioKit and other Arduino sketches that print their analogue inputs between commas.

An AVR board (Uno, Nano) prints counts of 10 bits at 115200 baud, a Due of 12 bits at 2 000 000. What a count
means depends on the sensor, so it is delivered as it is unless `unit`, `scale` and `offset` say more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from acquisition.lines import Line, LineParser, matching
from acquisition.profiles.profile import Channel, Device, Profile, Setting, Talker

LINES = (Line(pattern=rb"(?P<A0>\d{1,4})(?:,(?P<A1>\d{1,4}))?(?:,(?P<A2>\d{1,4}))?(?:,(?P<A3>\d{1,4}))?"),)
UNCONNECTED = 512


def parser(setting: Setting) -> LineParser:
    """Return a parser of the inputs wanted."""
    return LineParser(len(setting.channels), matching(LINES, setting.channels))


def encode(raw: Mapping[str, float]) -> bytes:
    """Return the line of a sample; nothing if all of it is missing."""
    if all(math.isnan(value) for value in raw.values()):
        return b""
    inputs = [f"A{number}" for number in range(1 + max(int(label[1:]) for label in raw))]
    counts = [raw.get(label, UNCONNECTED) for label in inputs]
    return (",".join("0" if math.isnan(count) else f"{count:.0f}" for count in counts) + "\r\n").encode()


def device(setting: Setting) -> Device:
    """Return a board with such a sketch; digits sent to it as feedback are ignored."""
    return Talker(setting.rate_hz, encode)


PROFILES = (
    Profile(
        name="physiokit",
        title="PhysioKit, or an Arduino that prints a0,a1,…",
        baud=115200,
        rate_hz=250.0,
        channels=tuple(Channel(label=f"A{number}", top=4095) for number in range(4)),
        parser=parser,
        device=device,
    ),
)
