"""Grove GSR, a skin resistance sensor behind an Arduino that prints its count.

The transfer function is that of the maker's wiki: R = (1024 + 2x)·resistor / (calibration − x), in Ω. The
calibration is the count with nothing connected, which a potentiometer on the board sets: 512 as delivered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from acquisition.lines import Line, LineParser, matching
from acquisition.profiles.profile import (
    Channel,
    Device,
    Option,
    Options,
    Profile,
    Setting,
    Talker,
    Transfer,
)
from acquisition.streams import FloatArray, Kind

LINES = (Line(pattern=rb"(?P<gsr>\d{1,4})"),)


@dataclass(frozen=True, slots=True)
class Bridge:
    """Counts to conductance in µS; NaN from the calibration on, where nothing is connected."""

    resistor_ohm: float
    calibration: float
    unit: str = "uS"

    def of_raw(self, raw: FloatArray) -> FloatArray:
        """Return µS."""
        siemens = (self.calibration - raw) / ((1024.0 + 2.0 * raw) * self.resistor_ohm)
        return np.where(raw < self.calibration, 1e6 * siemens, np.nan)

    def to_raw(self, values: FloatArray) -> FloatArray:
        """Return counts."""
        loaded = values * 1e-6 * self.resistor_ohm
        return (self.calibration - 1024.0 * loaded) / (1.0 + 2.0 * loaded)


def transfer(channel: str, kind: Kind, options: Options) -> Transfer:  # noqa: ARG001 - there is one channel
    """Return the transfer function of a board."""
    return Bridge(float(options["resistor"]), float(options["calibration"]))


def parser(setting: Setting) -> LineParser:
    """Return a parser of the count."""
    return LineParser(len(setting.channels), matching(LINES, setting.channels))


def encode(raw: Mapping[str, float]) -> bytes:
    """Return the line of a sample; nothing if it is missing."""
    return b"" if math.isnan(raw["gsr"]) else f"{raw['gsr']:.0f}\r\n".encode()


def device(setting: Setting) -> Device:
    """Return a board with such a sketch."""
    return Talker(setting.rate_hz, encode)


PROFILES = (
    Profile(
        name="grove-gsr",
        title="Grove GSR skin resistance",
        baud=9600,
        rate_hz=20.0,
        channels=(Channel(label="gsr", kinds=(Kind.EDA,)),),
        options=(Option(name="resistor", default=10000.0), Option(name="calibration", default=512.0)),
        transfer=transfer,
        parser=parser,
        device=device,
    ),
)
