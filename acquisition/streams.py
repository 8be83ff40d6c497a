"""What every source delivers: streams, chunks, markers, clock pairs, incidents and status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from textwrap import shorten
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from acquisition.errors import SourceError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

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


UNITS_OF_KIND: Mapping[Kind, tuple[str, ...]] = {
    Kind.EDA: ("uS", UNKNOWN_UNIT),
    Kind.RR: ("ms", "s"),
    Kind.HR: ("bpm",),
}
"""Units in which a live signal of a kind is accepted; kinds that are not listed take any."""


def known_unit(text: str) -> str:
    """Return the project's spelling of a unit, or ``a.u.`` for an unknown one.

    >>> known_unit("microvolts"), known_unit("furlong")
    ('uV', 'a.u.')
    """
    return _UNITS.get(text, UNKNOWN_UNIT)


def unit_of_kind(kind: Kind, stated: str) -> str:
    """Return the unit of a signal: as stated; heart rates without a stated unit are in bpm."""
    return "bpm" if kind is Kind.HR and stated == UNKNOWN_UNIT else stated


def find_channel(
    labels: Sequence[str], wanted: str | None, place: str, example: str, what: str = "channel"
) -> int:
    """Return the index of a channel by its label or its number from 0; None asks for the only one.

    Parameters
    ----------
    labels : sequence of str
        The channels there are.
    wanted : str or None
        Label or number.
    place : str
        The file or stream, for messages.
    example : str
        How a channel is named, up to its label, for messages.
    what : str
        What a channel is called, for messages.

    Raises
    ------
    SourceError
        If there is no such channel or several; the message names those there are.

    Examples
    --------
    >>> find_channel(["I", "II"], "II", place="rec.edf", example="rec.edf:")
    1
    """
    if wanted is None:
        if len(labels) == 1:
            return 0
        problem = f"{len(labels)} {what}s: say which, as in {example}{''.join(labels[-1:])[:40]}"
    elif (count := labels.count(wanted)) == 1:
        return labels.index(wanted)
    elif count:
        problem = f"{count} {what}s called {wanted!r}"
    elif wanted.isdecimal() and int(wanted) < len(labels):
        return int(wanted)
    else:
        problem = f"no {what} {wanted!r}"
    there_are = shorten(", ".join(filter(None, labels)), 200) or "none"
    raise SourceError(f"{place} has {problem}; it has {there_are}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """A stream's description.

    Attributes
    ----------
    stream_id : str
        Stable between runs: the same sensor or file column always has the same id.
    name : str
        Name shown to people.
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
        The stream they belong to.
    times : ndarray, float64, shape (n,)
        Engine seconds, strictly increasing. Gaps are not filled.
    samples : ndarray, float64, shape (n, channels)
        Values in the stream's unit. NaN marks a missing sample.
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


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """Samples with their times, which increase.

    Attributes
    ----------
    times : ndarray, float64, shape (n,)
        Seconds, on the clock that the context names.
    values : ndarray, float64, shape (n, channels)
        NaN where a sample is missing.
    """

    times: FloatArray
    values: FloatArray

    def __add__(self, later: SampleBlock) -> SampleBlock:
        """Return these samples followed by others."""
        return joined((self, later))

    def __getitem__(self, which: slice | BoolArray) -> SampleBlock:
        """Return some of the samples."""
        return SampleBlock(self.times[which], self.values[which])

    @property
    def size(self) -> int:
        """Number of samples."""
        return int(self.times.size)

    def split(self, t: float) -> tuple[SampleBlock, SampleBlock]:
        """Return the samples at or before time `t`, and those after it."""
        end = int(np.searchsorted(self.times, t, side="right"))
        return self[:end], self[end:]


def joined(blocks: Sequence[SampleBlock]) -> SampleBlock:
    """Return consecutive blocks as one."""
    times = np.concatenate([block.times for block in blocks])
    return SampleBlock(times, np.concatenate([block.values for block in blocks]))


def no_samples(channels: int = 1) -> SampleBlock:
    """Return samples to which others are added."""
    return SampleBlock(np.empty(0), np.empty((0, channels)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPair:
    """One moment read on two clocks, recorded so that a stream's own time can be recovered.

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
class Mark:
    """A text with a time stamp from another program, such as the onset of a stimulus or a key press.

    Attributes
    ----------
    stream_id : str
        Which stream.
    time_s : float
        Engine seconds.
    text : str
        The text as it was received.
    """

    stream_id: str
    time_s: float
    text: str


class StreamReasonCode(Enum):
    """What happened to a live stream, or why it is in its condition; the values are texts with parameters."""

    NO_SAMPLES_YET = "no samples yet"
    NO_SAMPLES = "no samples"
    SILENT = "no samples for {seconds:.1f} s"
    RESUMED = "samples again after {seconds:.1f} s"
    PORT_LOST = "{device} was lost"
    OUT_OF_REACH = "{device} was lost: out of reach, or its battery is empty"
    DEVICE_BACK = "{device} is back"
    DEVICE_NOT_ANSWERING = "{device} is back, but {problem}"
    STREAM_LOST = "the stream was lost; without a source id it cannot be found again"
    RATE_CHANGED = "came back with {rate_hz:.3g} samples a second where it had {nominal_hz:g}: closed"
    RATE_MEASURED = (
        "{rate_hz:g} samples come per second, not the {nominal_hz:g} usual of {profile}; the "
        "measured rate is used"
    )
    UNEVEN_STAMPS = "time stamps are uneven ({jitter_ms:.0f} ms); they are dejittered"
    NO_SKIN_CONTACT = "the sensor has no skin contact"
    SKIN_CONTACT = "the sensor has skin contact again"
    BEATS_LOST = "beats were lost in transmission"
    UNREADABLE_LINES = "lines without a number"
    UNREADABLE_PACKETS = "unreadable packets, such as {example}"
    FRAMES_LOST = "frames lost in transmission"
    STRAY_BYTES = "bytes outside any frame"
    ELECTRODE_OFF = "samples while an electrode was off"
    OUT_OF_RANGE = "samples outside the range of a worn sensor"
    STAMPS_AHEAD = "samples dropped, stamped more than {limit_s:g} s ahead"
    STAMPS_BEHIND = "samples dropped, stamped more than {limit_s:g} s back"
    STAMPS_MOVED = "samples moved, stamped out of order"


@dataclass(frozen=True, slots=True)
class StreamReason:
    """A reason with its parameters.

    Attributes
    ----------
    code : StreamReasonCode
        What happened.
    parameters : mapping
        Values for the text, such as ``seconds`` or ``device``; ``count`` where it happened repeatedly.
    despite : StreamReasonCode or None
        For `NO_SAMPLES`: what was received instead of samples.
    """

    code: StreamReasonCode
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    despite: StreamReasonCode | None = None

    @property
    def text(self) -> str:
        """The reason as a person reads it.

        >>> StreamReason(StreamReasonCode.SILENT, {"seconds": 2.04}).text
        'no samples for 2.0 s'
        """
        text = self.code.value.format(**self.parameters)
        if "count" in self.parameters:
            text = f"{self.parameters['count']} {text}"
        if self.despite is not None:
            text = f"{text}, but {StreamReason(self.despite, self.parameters).text}"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIncident:
    """Something that happened to a live stream, for the recording and the report.

    Attributes
    ----------
    stream_id : str
        Which stream.
    engine_time_s : float
        When it was noticed, engine seconds.
    reason : StreamReason
        What happened.
    """

    stream_id: str
    engine_time_s: float
    reason: StreamReason

    @property
    def text(self) -> str:
        """The incident as a person reads it, such as ``no samples for 2.0 s``."""
        return self.reason.text


class Condition(StrEnum):
    """Condition of a live stream."""

    OPENING = "opening"
    STREAMING = "streaming"
    DOUBTFUL = "doubtful"
    LOST = "lost"
    RECOVERING = "recovering"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Condition of a live stream, with the reason.

    Attributes
    ----------
    stream_id : str
        Which stream.
    condition : Condition
        Doubtful: samples arrive, with defects. Recovering: samples arrive again, but have not for long.
    reason : StreamReason or None
        None where the condition needs no reason.
    since_s : float
        Engine seconds at which the condition began.
    """

    stream_id: str
    condition: Condition
    reason: StreamReason | None
    since_s: float

    @property
    def text(self) -> str:
        """The reason as a person reads it; empty where there is none."""
        return "" if self.reason is None else self.reason.text


class Source(Protocol):
    """Anything chunks can be read from. Reading never blocks.

    Engine time is `pylsl.local_clock` in real time and begins at 0 in virtual time.
    """

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The streams it delivers, known before the first read."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no further samples will come (a recording read to its end)."""
        ...

    def begin(self, t0: float) -> None:
        """Start the session at engine time `t0`: called once, before the first read.

        Time 0 of a recording is placed at `t0`; a live source delivers samples stamped from `t0` on. Without
        this call `t0` is 0.
        """
        ...

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the clock comparisons made since the last call.

        A recording returns one, after `begin`; a live source one when it was opened and then one about every
        5 s.
        """
        ...

    def read(self, t: float) -> list[Chunk]:
        """Return all samples up to engine time `t` that have arrived and were not read before."""
        ...

    def close(self) -> None:
        """Release files and devices. Closing twice is harmless."""
        ...


@runtime_checkable
class MusicListener(Protocol):
    """A source that responds to music: the virtual listener."""

    def observe_music(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Take in the music of the step that ended at engine time `t`.

        Parameters
        ----------
        t : float
            Engine seconds.
        sounded : mapping or None
            ``tempo_bpm``, ``density``, ``level_db``, ``brightness``, ``novelty`` (0 to 1: size of the change
            that was heard), ``breath_rate`` per minute and ``breath_depth`` (0 to 1) of swells, 0 without
            swells; None in silence.
        """
        ...


@runtime_checkable
class LiveSource(Protocol):
    """A source backed by a device or a network stream, which can fail and recover."""

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return what happened since the last call: silence, losses, defective data, recovery."""
        ...

    def statuses(self) -> tuple[Status, ...]:
        """Return the status of each stream, as of the last read."""
        ...


@runtime_checkable
class MarkerSource(Protocol):
    """A source of markers; it delivers no chunks."""

    def marks(self) -> tuple[Mark, ...]:
        """Return the markers read since the last call, in order of time."""
        ...
