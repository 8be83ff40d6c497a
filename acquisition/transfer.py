"""From the counts in a recording to what a sensor measures, by the transfer function of its device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from acquisition.errors import SourceError, SpecError
from acquisition.livespec import finite_number, parse_options
from acquisition.profiles import Profile, known_profiles
from acquisition.profiles.profile import Option, Transfer
from acquisition.series import UNKNOWN_UNIT, Series
from acquisition.streams import Kind

_RIGHT = "eda=eda.txt:A3?profile=bitalino"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How counts become units.

    Attributes
    ----------
    profile : str
        Name of the device.
    transfer : Transfer
        From the device's own counts to a unit.
    top : int
        Largest of its own counts.
    bits : int or None
        Resolution of the recorded counts, where it was given.
    """

    profile: str
    transfer: Transfer
    top: int
    bits: int | None = None

    def of(self, series: Series, where: str) -> Series:
        """Return a signal in the sensor's unit.

        Counts of another resolution than the device's own, which the recording or the specification says,
        are taken for the same share of the converter's range.

        Raises
        ------
        SourceError
            If values are no counts of that resolution.
        """
        bits = self.bits or series.bits
        highest = self.top if bits is None else 2**bits - 1
        low, high = float(np.nanmin(series.values)), float(np.nanmax(series.values))
        if low < 0 or high > highest:
            raise SourceError(
                f"{where}: values from {low:g} to {high:g} are not counts from 0 to {highest}; say their "
                "resolution, as in &bits=12, or leave the profile away"
            )
        own = series.values * ((self.top + 1) / (highest + 1))
        return replace(series, unit=self.transfer.unit, values=self.transfer.of_raw(own))


def conversion_of(profile: Profile, kind: Kind, options: Mapping[str, float | str]) -> Conversion | None:
    """Return what a device does to a kind of signal; None if its counts have no published unit."""
    whole = {option.name: option.default for option in profile.options} | dict(options)
    for channel in profile.channels:
        if kind in channel.kinds and channel.top is not None:
            transfer = profile.transfer(channel.label, kind, whole)
            if transfer.unit not in {UNKNOWN_UNIT, "bpm"}:
                return Conversion(profile=profile.name, transfer=transfer, top=channel.top)
    return None


def parse_conversion(text: str, kind: Kind, query: str) -> Conversion:
    """Understand ``profile=bitalino&board=2014&bits=12``.

    Raises
    ------
    SpecError
        In one line that shows a right specification.
    """
    name = dict(part.partition("=")[::2] for part in query.split("&")).get("profile")
    profiles = known_profiles()
    if name not in profiles or conversion_of(profiles[name], kind, {}) is None:
        there_are = ", ".join(known for known in profiles if conversion_of(profiles[known], kind, {}))
        raise SpecError(
            f"{text!r}: there is no profile {name!r} for {kind}, there are {there_are or 'none'}; "
            f"write for example {_RIGHT}"
        )
    profile = profiles[name]
    given = parse_options(text, query, ("profile", "bits", *(o.name for o in profile.options)), _RIGHT)
    options = {option.name: _option(text, option, given) for option in profile.options}
    conversion = conversion_of(profile, kind, options)
    assert conversion is not None  # noqa: S101 - whether a unit is known does not depend on the options
    return replace(conversion, bits=_bits(text, given.get("bits")))


def _option(text: str, option: Option, given: Mapping[str, str]) -> float | str:
    if option.name not in given:
        return option.default
    value = given[option.name]
    if isinstance(option.default, float):
        number = finite_number(value)
        if number is not None and number > 0:
            return number
        right = "a number above 0"
    elif value in option.choices:
        return value
    else:
        right = f"one of {', '.join(option.choices)}"
    raise SpecError(f"{text!r}: {option.name}={value} is wrong, it is {right}; write for example {_RIGHT}")


def _bits(text: str, given: str | None) -> int | None:
    if given is None:
        return None
    if not given.isdecimal() or not 1 <= int(given) <= 32:
        raise SpecError(
            f"{text!r}: bits={given} is wrong, it is a number from 1 to 32; "
            f"write for example {_RIGHT}&bits=10"
        )
    return int(given)
