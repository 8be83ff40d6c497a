"""Specifications of serial devices: ``eda=serial:/dev/ttyUSB0?profile=bitalino&channel=3``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
from acquisition.spec_options import finite_number, parse_options, parse_unit
from acquisition.streams import UNKNOWN_UNIT, Kind

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
        As it was written.
    kind : Kind
        What it measures.
    port : str
        ``/dev/ttyUSB0``, ``COM3``.
    profile : Profile
        What the device is.
    baud : int
        Bits per second.
    rate_hz : float
        Nominal samples per second.
    rate_stated : bool
        Whether the device must keep to it; otherwise the rate it has is taken.
    channel : str
        Its label; for lines the number of the column from 0.
    options : mapping
        The profile's own.
    transfer : TransferFunction
        From counts to what is delivered.
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


def parse_serial(text: str, kind: Kind, where: str) -> SerialSpec:
    """Understand what follows ``serial:``.

    Raises
    ------
    SpecError
        In one line that shows a right specification.
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
    return _Reader(text, kind, port, profiles[name], query).spec()


class _Reader:
    """What was written for one profile, option by option."""

    def __init__(self, text: str, kind: Kind, port: str, profile: Profile, query: str) -> None:
        self._text, self._kind, self._port, self._profile = text, kind, port, profile
        self._channel_option = "column" if profile.name == LINES else "channel"
        self._right = _right(profile)
        own = tuple(option.name for option in profile.options)
        names = ("profile", self._channel_option, "rate", *_SCALING, "baud", *own)
        self._given = parse_options(text, query, names, self._right)

    def spec(self) -> SerialSpec:
        """Return all of it."""
        options = {option.name: self._option(option) for option in self._profile.options}
        channel = self._channel()
        return SerialSpec(
            text=self._text,
            kind=self._kind,
            port=self._port,
            profile=self._profile,
            baud=int(self._number("baud", self._profile.baud, _is_count, "bits per second")),
            rate_hz=self._rate(),
            rate_stated=bool(self._profile.rates) or "rate" in self._given,
            channel=channel,
            options=options,
            transfer=self._transfer(self._profile.transfer(channel, self._kind, options)),
        )

    def _channel(self) -> str:
        fitting = [channel.label for channel in self._profile.channels if self._kind in channel.kinds]
        given = self._given.get(self._channel_option)
        if self._profile.name == LINES:
            column = self._number("column", 0, lambda x: _is_whole(x) and x < len(fitting), "a number from 0")
            return str(int(column))
        if not fitting:
            raise self._wrong(f"{self._profile.title} has no {self._kind}")
        if given is None and len(fitting) > 1:
            raise self._wrong(f"say which channel; there are {', '.join(fitting)}")
        channel = self._profile.channel(given) if given is not None else self._profile.channel(fitting[0])
        if channel is None or channel.label not in fitting:
            raise self._wrong(f"channel={given} is wrong, for {self._kind} there are {', '.join(fitting)}")
        return channel.label

    def _rate(self) -> float:
        rates = self._profile.rates
        if rates:
            words = f"one of {', '.join(f'{rate:g}' for rate in rates)}"
            return self._number("rate", self._profile.rate_hz, lambda x: x in rates, words)
        return self._number("rate", self._profile.rate_hz, lambda x: x > 0, "the number of lines per second")

    def _option(self, option: ProfileOption) -> float | str:
        if isinstance(option.default, float):
            return self._number(option.name, option.default, lambda x: x > 0, "a number above 0")
        value = self._given.get(option.name, option.default)
        if option.name == "separator":
            return self._separator(value)
        if value not in option.choices:
            raise self._wrong(f"{option.name}={value} is wrong, it is one of {', '.join(option.choices)}")
        return value

    def _transfer(self, transfer: TransferFunction) -> TransferFunction:
        """Return the transfer function with what was said of unit and scale, where there is no unit yet."""
        stated = [name for name in _SCALING if name in self._given]
        if stated and transfer.unit not in {UNKNOWN_UNIT, "bpm"}:
            raise self._wrong(f"{stated[0]} cannot be given, {self._profile.title} is in {transfer.unit}")
        if not isinstance(transfer, LinearTransfer):
            return transfer
        return replace(
            transfer,
            unit=parse_unit(self._text, self._given.get("unit", transfer.unit), self._right),
            scale=self._number("scale", transfer.scale, lambda x: x != 0, "a factor other than 0"),
            offset=self._number("offset", transfer.offset, math.isfinite, "a number"),
        )

    def _number(
        self, name: str, default: float | None, is_right: Callable[[float], bool], words: str
    ) -> float:
        given = self._given.get(name)
        value = default if given is None else finite_number(given)
        if value is None or not is_right(value):
            raise self._wrong(
                f"{name} is missing, it is {words}"
                if given is None
                else f"{name}={given} is wrong, it is {words}"
            )
        return value

    def _separator(self, given: str) -> str:
        separator = _SEPARATOR_NAMES.get(given, given)
        if len(separator) != 1 or separator.isalnum() or separator in "+-._\r\n" or not separator.isascii():
            raise SpecError(
                f"{self._text!r}: separator={given} is wrong, it is tab, space or one character that numbers "
                f"do not have; write for example {self._right}&separator=tab"
            )
        return separator

    def _wrong(self, what: str) -> SpecError:
        return SpecError(f"{self._text!r}: {what}; write for example {self._right}")


def _right(profile: Profile) -> str:
    """Return a right specification of a profile."""
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
    """Return how the device is used that all these specifications read.

    Raises
    ------
    SpecError
        If they would read it in different ways, naming two of them and the option.
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
