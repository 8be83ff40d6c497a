"""Any device that sends lines of numbers, one line per sample."""

from __future__ import annotations

import math
from collections.abc import Mapping

from acquisition.lines import MAX_LINE_BYTES, LineParser, cells
from acquisition.profiles.profile import ANALOG, Channel, Device, Option, Profile, Setting, Talker
from acquisition.streams import Kind

COLUMNS = MAX_LINE_BYTES // 2


def parser(setting: Setting) -> LineParser:
    """Return a parser of the columns wanted."""
    columns = [int(label) for label in setting.channels]
    return LineParser(len(columns), cells(str(setting.options["separator"]), columns))


def encode(raw: Mapping[str, float], separator: str) -> bytes:
    """Return a line of all columns up to the last that has a signal; what is missing is an empty cell."""
    width = 1 + max(int(label) for label in raw)
    values = [raw.get(str(column), math.nan) for column in range(width)]
    blank = "nan" if separator == " " or width == 1 else ""
    line = separator.join(blank if math.isnan(value) else f"{value:.9g}" for value in values)
    return f"{line}\r\n".encode()


def device(setting: Setting) -> Device:
    """Return a device that sends such lines."""
    separator = str(setting.options["separator"])
    return Talker(setting.rate_hz, lambda raw: encode(raw, separator))


PROFILES = (
    Profile(
        name="lines",
        title="any device that sends lines of numbers",
        baud=115200,
        rate_hz=None,
        channels=tuple(
            Channel(label=str(column), kinds=(*ANALOG, Kind.HR, Kind.ACC), top=None)
            for column in range(COLUMNS)
        ),
        options=(Option(name="separator", default=","),),
        parser=parser,
        device=device,
    ),
)
