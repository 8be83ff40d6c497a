"""What is understood of a file of another program, and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acquisition.files.series import Series
from acquisition.streams import Kind

KIND_OF_WORD: Mapping[str, Kind] = {
    "ECG": Kind.ECG,
    "EKG": Kind.ECG,
    "PPG": Kind.PPG,
    "BVP": Kind.PPG,
    "PLETH": Kind.PPG,
    "EDA": Kind.EDA,
    "GSR": Kind.EDA,
    "RSP": Kind.RSP,
    "RESP": Kind.RSP,
    "RESPIRATION": Kind.RSP,
    "RR": Kind.RR,
    "IBI": Kind.RR,
    "HR": Kind.HR,
    "ACC": Kind.ACC,
}
"""What other programs call the kinds of signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal, in one channel or several of the same times."""

    kind: Kind
    channels: tuple[Series, ...]


@dataclass(slots=True, kw_only=True)
class Found:
    """What was found in a file.

    Attributes
    ----------
    name : str
        Of the file, without its folder.
    form : str
        Its format, in words.
    sha256 : str
        Its checksum.
    signals : list of Signal
        What was understood.
    marks : dict of str to tuple of (float, str)
        Marks by the name of their stream: seconds on the file's clock, and text.
    left_out : list of str
        What was not understood, and why.
    """

    name: str
    form: str
    sha256: str
    signals: list[Signal] = field(default_factory=list)
    marks: dict[str, tuple[tuple[float, str], ...]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def absolute(self) -> bool:
        """Whether all its signals are on Unix time."""
        return all(channel.absolute for signal in self.signals for channel in signal.channels)

    @property
    def origin_s(self) -> float:
        """Where its first signal begins on its clock; of a file of marks only, the first mark."""
        begins = [channel.origin_s for signal in self.signals for channel in signal.channels]
        return min(begins or [marks[0][0] for marks in self.marks.values() if marks])
