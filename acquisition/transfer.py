"""From the counts of a converter to what a sensor measures, by its published transfer function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from acquisition.errors import SourceError
from acquisition.series import Series
from acquisition.streams import FloatArray, Kind

SUPPLY_V = 3.3
ECG_GAIN = 1100.0
EDA_V_PER_US = 0.132
GROVE_BITS = 10


def bitalino_ecg_mv(share: FloatArray) -> FloatArray:
    """Return millivolts for counts as a share of the converter's range (BITalino ECG)."""
    return (share - 0.5) * SUPPLY_V / ECG_GAIN * 1000.0


def bitalino_eda_us(share: FloatArray) -> FloatArray:
    """Return microsiemens for counts as a share of the converter's range (BITalino (r)evolution EDA)."""
    return share * SUPPLY_V / EDA_V_PER_US


def bitalino_2014_eda_us(share: FloatArray) -> FloatArray:
    """Return microsiemens for counts as a share of the converter's range (first BITalino board's EDA)."""
    return 1.0 / (1.0 - share)


def grove_gsr_us(share: FloatArray) -> FloatArray:
    """Return microsiemens for counts as a share of 1024 (Grove GSR); NaN from half the range on."""
    counts = share * 2**GROVE_BITS
    conductance = 1e6 * (512.0 - counts) / ((1024.0 + 2.0 * counts) * 10_000.0)
    return np.where(counts < 512.0, conductance, np.nan)


Transfer = Callable[[FloatArray], FloatArray]

PROFILES: Mapping[str, Mapping[Kind, tuple[str, Transfer]]] = {
    "bitalino": {Kind.ECG: ("mV", bitalino_ecg_mv), Kind.EDA: ("uS", bitalino_eda_us)},
    "bitalino2014": {Kind.ECG: ("mV", bitalino_ecg_mv), Kind.EDA: ("uS", bitalino_2014_eda_us)},
    "grove": {Kind.EDA: ("uS", grove_gsr_us)},
}
"""By profile and kind: the unit, and the function from a share of the converter's range."""


def converted(series: Series, profile: str, kind: Kind, bits: int | None, where: str) -> Series:
    """Return a signal in its sensor's unit.

    Parameters
    ----------
    series : Series
        Counts from 0 to 2**bits − 1.
    profile : str
        One of `PROFILES` that knows the kind.
    kind : Kind
        What the signal measures.
    bits : int or None
        The converter's resolution; None for what the recording says.
    where : str
        For messages.

    Raises
    ------
    SourceError
        If the resolution is not known, or values are not counts of that resolution.
    """
    unit, transfer = PROFILES[profile][kind]
    known = bits or series.bits or (GROVE_BITS if profile == "grove" else None)
    if known is None:
        raise SourceError(f"{where}: it does not say the resolution of its counts; add it, as in &bits=10")
    lowest, highest = float(np.nanmin(series.values)), float(np.nanmax(series.values))
    if lowest < 0 or highest >= 2**known:
        raise SourceError(
            f"{where}: values from {lowest:g} to {highest:g} are not counts of {known} bits "
            f"(0 to {2**known - 1}); leave profile away, or give bits"
        )
    return replace(series, unit=unit, values=transfer(series.values / 2**known))
