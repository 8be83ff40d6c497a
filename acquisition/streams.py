"""What every source delivers: streams and their chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Kind(StrEnum):
    """What a stream measures."""

    ECG = "ecg"
    PPG = "ppg"
    EDA = "eda"
    RSP = "rsp"
    RR = "rr"
    HR = "hr"
    ACC = "acc"
    MARKERS = "markers"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """A stream's description.

    Attributes
    ----------
    stream_id : str
        Stable from one run to the next: the same sensor or file column has the same id.
    name : str
        For people.
    kind : Kind
        What it measures.
    unit : str
        Unit of the samples (``mV``, ``uS``, ``ms``, ``bpm``, ``a.u.``).
    rate_hz : float
        Nominal rate; 0 for irregular streams.
    labels : tuple of str
        One per channel.
    """

    stream_id: str
    name: str
    kind: Kind
    unit: str
    rate_hz: float
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of one stream.

    Attributes
    ----------
    stream : StreamInfo
        Where they come from.
    times : ndarray, float64, shape (n,)
        Engine seconds, strictly increasing. A gap is a gap: nothing is filled in.
    samples : ndarray, float64, shape (n, channels)
        Values in the stream's unit. NaN marks a sample that is missing.
    """

    stream: StreamInfo
    times: FloatArray
    samples: FloatArray

    def __post_init__(self) -> None:
        expected = (self.times.shape[0], len(self.stream.labels))
        if self.times.ndim != 1 or self.samples.shape != expected:
            raise ValueError(
                f"stream {self.stream.name!r}: samples have shape {self.samples.shape}, {expected} is needed"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPair:
    """One moment read on two clocks, kept so that a stream's own time can be recovered.

    Attributes
    ----------
    stream_id : str
        Which stream.
    source_time_s : float
        On the source's clock (Unix time, device time, or seconds from the first sample).
    engine_time_s : float
        The same moment in engine seconds.
    """

    stream_id: str
    source_time_s: float
    engine_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIncident:
    """Something that happened to a live input, for the record and the report.

    Attributes
    ----------
    stream_id : str
        Which stream.
    engine_time_s : float
        When it was noticed, engine seconds.
    what : str
        In words, such as ``no samples for 2.0 s``.
    """

    stream_id: str
    engine_time_s: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A text that another program stamped: a stimulus began, a button was pressed.

    Attributes
    ----------
    stream_id : str
        Which stream.
    time_s : float
        Engine seconds.
    text : str
        As it came.
    """

    stream_id: str
    time_s: float
    text: str


class Condition(StrEnum):
    """How a live stream is doing."""

    OPENING = "opening"
    STREAMING = "streaming"
    DOUBTFUL = "doubtful"
    LOST = "lost"
    RECOVERING = "recovering"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a live stream is doing, why, and since when.

    Attributes
    ----------
    stream_id : str
        Which stream.
    condition : Condition
        Doubtful: samples come, with trouble. Recovering: they come again, but have not for long.
    reason : str
        In words; empty where there is nothing to say.
    since_s : float
        Engine seconds.
    """

    stream_id: str
    condition: Condition
    reason: str
    since_s: float


class Source(Protocol):
    """Anything chunks can be read from. It never blocks.

    Engine time is `pylsl.local_clock` in real time and begins at 0 in virtual time.
    """

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The streams it delivers, known before the first read."""
        ...

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more (a recording read to its end)."""
        ...

    def begin(self, t0: float) -> None:
        """Start the session at engine time `t0`: called once, before the first read.

        A recording's time 0 falls there; a live source delivers what is stamped from there on. Without
        this call `t0` is 0.
        """
        ...

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return what became known of the source's clocks since the last call.

        A recording says once how its clock relates to engine time, after `begin`; a live source when it
        was opened and about every 5 s.
        """
        ...

    def read(self, t: float) -> list[Chunk]:
        """Return all that has arrived up to engine time `t` and was not read before."""
        ...

    def close(self) -> None:
        """Let go of files and devices. Closing twice is harmless."""
        ...


@runtime_checkable
class MusicListener(Protocol):
    """A source with ears: the virtual listener."""

    def observe_music(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Take in what sounded in the step that ended at engine time `t`.

        Parameters
        ----------
        t : float
            Engine seconds.
        sounded : mapping or None
            ``tempo_bpm``, ``density``, ``level_db``, ``brightness``, ``novelty`` (0 to 1: how large a change
            was heard), ``breath_rate`` per minute and ``breath_depth`` (0 to 1) of swells, 0 where there are
            none; None in silence.
        """
        ...


@runtime_checkable
class LiveSource(Protocol):
    """A source behind which stands a device: things happen to it."""

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return what happened since the last call: silence, return, losses, lines not understood."""
        ...

    def statuses(self) -> tuple[Status, ...]:
        """Return how each stream is doing, as of the last read."""
        ...


@runtime_checkable
class MarkerSource(Protocol):
    """A source of marks; what it reads is no chunk."""

    def marks(self) -> tuple[Mark, ...]:
        """Return the marks that were read since the last call, in order of time."""
        ...


UNKNOWN_UNIT = "a.u."
_UNITS = {
    "mV": "mV",
    "millivolts": "mV",
    "uV": "uV",
    "µV": "uV",
    "μV": "uV",
    "microvolts": "uV",
    "V": "V",
    "uS": "uS",
    "µS": "uS",
    "μS": "uS",
    "microsiemens": "uS",
    "ms": "ms",
    "s": "s",
    "bpm": "bpm",
}


def known_unit(text: str) -> str:
    """Return our spelling of a unit, or ``a.u.`` for one we do not know."""
    return _UNITS.get(text, UNKNOWN_UNIT)


def unit_of_kind(kind: Kind, stated: str) -> str:
    """Return the unit of a signal: as stated; heart rates are in bpm where nothing else is stated."""
    return "bpm" if kind is Kind.HR and stated == UNKNOWN_UNIT else stated
