"""Specifications of serial devices: ``eda=serial:/dev/ttyUSB0?profile=bitalino&channel=3``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from acquisition.errors import SpecError
from acquisition.serial.profiles import known_profiles
from acquisition.serial.profiles.profile import (
    DeviceSettings,
    LinearTransfer,
    Profile,
    ProfileOption,
    ProfileOptions,
    TransferFunction,
)
from acquisition.spec_options import OptionReader
from acquisition.streams import UNITS_OF_KIND, UNKNOWN_UNIT, Kind

LINES = "lines"
_RIGHT = {LINES: "ecg=serial:/dev/ttyUSB0?profile=lines&rate=250"}
_SEPARATOR_NAMES = {"tab": "\t", "space": " "}
_SCALING = ("unit", "scale", "offset")


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSpec:
    """One channel of a serial device.

    Attributes
    ----------
    text : str
        The specification as written.
    kind : Kind
        What it measures.
    port : str
        ``/dev/ttyUSB0``, ``COM3``.
    profile : Profile
        The device's profile.
    baud : int
        Bits per second.
    rate_hz : float
        Nominal samples per second.
    rate_stated : bool
        Whether a device with another rate is refused; otherwise its rate is measured and used.
    channel : str
        Label of the channel; for the profile ``lines`` the number of the column, counted from 0.
    options : mapping
        The profile's own options.
    transfer : TransferFunction
        From counts to the delivered unit.
    """

    text: str
    kind: Kind
    port: str
    profile: Profile
    baud: int
    rate_hz: float
    rate_stated: bool
    channel: str
    options: ProfileOptions
    transfer: TransferFunction

    @property
    def device(self) -> str:
        """The port, which identifies the device."""
        return self.port


def parse_serial(text: str, kind: Kind, where: str) -> SerialSpec:
    """Parse what follows ``serial:``.

    Raises
    ------
    SpecError
        In one line that shows a correct specification.
    """
    port, _, query = where.partition("?")
    name = dict(part.partition("=")[::2] for part in query.split("&")).get("profile")
    if not port or name is None:
        raise SpecError(
            f"{text!r}: a serial input has a port and a profile; write for example {_RIGHT[LINES]}"
        )
    profiles = known_profiles()
    if name not in profiles:
        raise SpecError(
            f"{text!r}: there is no profile {name!r}, there are {', '.join(profiles)}; "
            f"write for example {_RIGHT[LINES]}"
        )
    if kind is Kind.RR:
        raise SpecError(
            f"{text!r}: lines and frames come at a fixed rate, RR intervals do not; give the signal, "
            f"as in {_RIGHT[LINES]}"
        )
    return _SerialReader(text, kind, port, profiles[name], query).spec()


class _SerialReader(OptionReader):
    """Reads the options of one channel of a serial device."""

    def __init__(self, text: str, kind: Kind, port: str, profile: Profile, query: str) -> None:
        self._kind, self._port, self._profile = kind, port, profile
        self._channel_option = "column" if profile.name == LINES else "channel"
        own = (option.name for option in profile.options)
        names = ("profile", self._channel_option, "rate", *_SCALING, "baud", *own)
        super().__init__(text, query, names, _right(profile))

    def spec(self) -> SerialSpec:
        """Return the specification."""
        options = {option.name: self._option(option) for option in self._profile.options}
        channel = self._channel()
        return SerialSpec(
            text=self._text,
            kind=self._kind,
            port=self._port,
            profile=self._profile,
            baud=int(self.number("baud", self._profile.baud, _is_count, "bits per second")),
            rate_hz=self._rate(),
            rate_stated=bool(self._profile.rates) or "rate" in self.given,
            channel=channel,
            options=options,
            transfer=self._transfer(self._profile.transfer(channel, self._kind, options)),
        )

    def _channel(self) -> str:
        fitting = [channel.label for channel in self._profile.channels if self._kind in channel.kinds]
        given = self.given.get(self._channel_option)
        if self._profile.name == LINES:
            column = self.number("column", 0, lambda x: _is_whole(x) and x < len(fitting), "a number from 0")
            return str(int(column))
        if not fitting:
            raise self.wrong(f"{self._profile.title} has no {self._kind}")
        if given is None and len(fitting) > 1:
            raise self.wrong(f"say which channel; there are {', '.join(fitting)}")
        channel = self._profile.channel(given) if given is not None else self._profile.channel(fitting[0])
        if channel is None or channel.label not in fitting:
            raise self.wrong(f"channel={given} is wrong, for {self._kind} there are {', '.join(fitting)}")
        return channel.label

    def _rate(self) -> float:
        rates = self._profile.rates
        if rates:
            words = f"one of {', '.join(f'{rate:g}' for rate in rates)}"
            return self.number("rate", self._profile.rate_hz, lambda x: x in rates, words)
        return self.number("rate", self._profile.rate_hz, lambda x: x > 0, "the number of lines per second")

    def _option(self, option: ProfileOption) -> float | str:
        if option.name == "separator":
            return self._separator(self.given.get(option.name, str(option.default)))
        return self.value(option.name, option.default, option.choices)

    def _transfer(self, transfer: TransferFunction) -> TransferFunction:
        """Return the transfer function, with the given unit and scale where the profile has no unit."""
        stated = [name for name in _SCALING if name in self.given]
        if stated and transfer.unit not in {UNKNOWN_UNIT, "bpm"}:
            raise self.wrong(f"{stated[0]} cannot be given, {self._profile.title} is in {transfer.unit}")
        if not isinstance(transfer, LinearTransfer):
            return transfer
        unit = self.unit(transfer.unit)
        if unit not in (units := UNITS_OF_KIND.get(self._kind, (unit,))):
            raise self.wrong(f"{self._kind} is in {units[0]}, not in {unit}")
        return replace(
            transfer,
            unit=unit,
            scale=self.number("scale", transfer.scale, lambda x: x != 0, "a factor other than 0"),
            offset=self.number("offset", transfer.offset, math.isfinite, "a number"),
        )

    def _separator(self, given: str) -> str:
        separator = _SEPARATOR_NAMES.get(given, given)
        if len(separator) != 1 or separator.isalnum() or separator in "+-._\r\n" or not separator.isascii():
            what = "it is tab, space or one character that numbers do not have"
            raise self.wrong(f"separator={given} is wrong, {what}", "&separator=tab")
        return separator


def _right(profile: Profile) -> str:
    """Return a correct specification for a profile."""
    if profile.name in _RIGHT:
        return _RIGHT[profile.name]
    channel = profile.channels[-1]
    kind = Kind.EDA if Kind.EDA in channel.kinds else channel.kinds[0]
    return f"{kind}=serial:/dev/ttyUSB0?profile={profile.name}&channel={channel.label}"


def _is_whole(value: float) -> bool:
    return value >= 0 and value == int(value)


def _is_count(value: float) -> bool:
    return _is_whole(value) and value > 0


def settings_for(specs: Sequence[SerialSpec]) -> DeviceSettings:
    """Return the settings of the device that all these specifications use.

    Raises
    ------
    SpecError
        If they need different settings, naming two of them and the option.
    """
    first = specs[0]
    for spec in specs[1:]:
        for option, one, other in (
            ("profile", first.profile.name, spec.profile.name),
            ("baud", first.baud, spec.baud),
            ("separator", first.options.get("separator"), spec.options.get("separator")),
            ("rate", first.rate_hz, spec.rate_hz),
        ):
            if one != other:
                raise SpecError(
                    f"{spec.text!r}: {option} differs from that in {first.text!r}; a port is read in one "
                    "way, give both the same"
                )
    return DeviceSettings(
        rate_hz=first.rate_hz,
        channels=tuple(spec.channel for spec in specs),
        options=first.options,
    )
