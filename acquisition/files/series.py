"""Recorded signals in memory, and their conversion from counts to units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from acquisition.errors import SourceError, SpecError
from acquisition.serial.profiles import known_profiles
from acquisition.serial.profiles.profile import Profile, TransferFunction
from acquisition.spec_options import OptionReader
from acquisition.streams import UNKNOWN_UNIT, FloatArray, Kind


class FileMarker(NamedTuple):
    """A marker or annotation in a file: its time on the file's clock, and its text."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One signal of a recording, on the file's own clock.

    Attributes
    ----------
    label : str
        Name of the column or channel.
    unit : str
        As stated in the file; ``a.u.`` where it is not.
    rate_hz : float
        Nominal rate; 0 for RR intervals, and for heart rates with their own times.
    times : ndarray, float64, shape (n,)
        Seconds on the file's clock, strictly increasing.
    values : ndarray, float64, shape (n,)
        NaN where a sample is missing.
    origin_s : float
        Begin of the recording on the file's clock, also if the first samples are missing.
    absolute : bool
        Whether the file's clock is Unix time. It is not where a file has a local time without a zone (EDF,
        WFDB, OpenSignals), or counts from the start of a computer (LSL).
    bits : int or None
        Resolution of raw counts, where the file states it.
    """

    label: str
    unit: str
    rate_hz: float
    times: FloatArray
    values: FloatArray
    origin_s: float = 0.0
    absolute: bool = False
    bits: int | None = None


def evenly_sampled(
    label: str,
    unit: str,
    rate_hz: float,
    values: FloatArray,
    *,
    unix_start_s: float | None = None,
    bits: int | None = None,
) -> Series:
    """Return a signal with one sample per period, from 0 or from the Unix time of its start."""
    origin_s = unix_start_s or 0.0
    return Series(
        label=label,
        unit=unit,
        rate_hz=rate_hz,
        times=origin_s + np.arange(values.size) / rate_hz,
        values=values,
        origin_s=origin_s,
        absolute=unix_start_s is not None,
        bits=bits,
    )


def rr_in_ms(intervals: FloatArray, unit: str, where: str) -> FloatArray:
    """Return RR intervals in milliseconds.

    Where the unit is not stated, the median determines it: intervals of 200 to 3000 are ms, of 0.2 to 3 s.

    Raises
    ------
    SourceError
        If the median lies outside 200 to 3000 ms, or the unit is not a unit of time.
    """
    if unit not in {"ms", "s", UNKNOWN_UNIT}:
        raise SourceError(f"{where}: RR intervals are in ms or s, not in {unit}")
    median = float(np.nanmedian(intervals))
    for name, factor in (("ms", 1.0), ("s", 1000.0)):
        if unit in {name, UNKNOWN_UNIT} and 200.0 <= median * factor <= 3000.0:
            return intervals * factor
    stated = "" if unit == UNKNOWN_UNIT else f" {unit}"
    raise SourceError(
        f"{where}: a median of {median:g}{stated} cannot be RR intervals; expected are 200 to 3000 ms"
    )


def nominal_rate(times: FloatArray, where: str) -> float:
    """Return the sampling rate of time stamps, without gaps, rounded to 0.001 Hz.

    Raises
    ------
    SourceError
        With fewer than two samples.
    """
    steps = np.diff(times)
    if steps.size == 0:
        raise SourceError(f"{where}: one sample is not enough to tell the sampling rate")
    return round(float(1.0 / np.mean(steps[steps <= 1.5 * np.median(steps)])), 3)


def require_signal(values: FloatArray, where: str) -> None:
    """Refuse a signal without any number.

    Raises
    ------
    SourceError
        If every value is missing.
    """
    if not np.isfinite(values).any():
        raise SourceError(f"{where}: there is not one number among {values.size} samples")


_RIGHT_CONVERSION = "eda=eda.txt:A3?profile=bitalino"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Conversion of counts to the unit of a sensor.

    Attributes
    ----------
    transfer : TransferFunction
        From the device's own counts to a unit.
    top : int
        Largest of the device's own counts.
    bits : int or None
        Resolution of the recorded counts, where the specification states it.
    """

    transfer: TransferFunction
    top: int
    bits: int | None = None

    def apply(self, series: Series, where: str) -> Series:
        """Return a signal in the sensor's unit.

        Counts of another resolution than the device's own, as stated by the specification or the recording,
        are scaled to the device's range.

        Raises
        ------
        SourceError
            If values are not counts of that resolution.
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
        return replace(series, unit=self.transfer.unit, values=self.transfer.from_raw(own))


def conversion_of(profile: Profile, kind: Kind, options: Mapping[str, float | str]) -> Conversion | None:
    """Return the conversion for a device and a kind of signal; None if its counts have no published unit."""
    values = {option.name: option.default for option in profile.options} | dict(options)
    for channel in profile.channels:
        if kind in channel.kinds and channel.top is not None:
            transfer = profile.transfer(channel.label, kind, values)
            if transfer.unit not in {UNKNOWN_UNIT, "bpm"}:
                return Conversion(transfer=transfer, top=channel.top)
    return None


def parse_conversion(text: str, kind: Kind, query: str) -> Conversion:
    """Parse ``profile=bitalino&board=2014&bits=12``.

    Raises
    ------
    SpecError
        In one line that shows a correct specification.
    """
    name = dict(part.partition("=")[::2] for part in query.split("&")).get("profile")
    profiles = known_profiles()
    if name not in profiles or conversion_of(profiles[name], kind, {}) is None:
        there_are = ", ".join(known for known in profiles if conversion_of(profiles[known], kind, {}))
        raise SpecError(
            f"{text!r}: there is no profile {name!r} for {kind}, there are {there_are or 'none'}; "
            f"write for example {_RIGHT_CONVERSION}"
        )
    profile = profiles[name]
    names = ("profile", "bits", *(option.name for option in profile.options))
    reader = OptionReader(text, query, names, _RIGHT_CONVERSION)
    options = {o.name: reader.value(o.name, o.default, o.choices) for o in profile.options}
    conversion = conversion_of(profile, kind, options)
    assert conversion is not None  # noqa: S101 - whether a unit is known does not depend on the options
    if "bits" not in reader.given:
        return conversion
    bits = reader.number("bits", None, lambda x: x == int(x) and 1 <= x <= 32, "a number from 1 to 32")
    return replace(conversion, bits=int(bits))


def require_sampled(kind: Kind, stated_hz: float | None, rate_hz: float, where: str) -> None:
    """Refuse RR intervals from a file of waveforms, and a stated rate that is not the file's.

    Parameters
    ----------
    kind : Kind
        What the specification asks for.
    stated_hz : float or None
        Sampling rate in the specification.
    rate_hz : float
        Sampling rate in the file.
    where : str
        The file and signal, for the message.

    Raises
    ------
    SourceError
        Saying what the file holds.
    """
    if kind is Kind.RR:
        raise SourceError(f"{where} holds samples at {rate_hz:g} Hz, no RR intervals")
    if stated_hz is not None and abs(stated_hz - rate_hz) > 0.02 * rate_hz:
        raise SourceError(f"{where} says {rate_hz:g} Hz, the specification {stated_hz:g} Hz; leave @ away")
