"""Marks that another program sends by LSL: a stimulus began, a button was pressed."""

from __future__ import annotations

import math

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from acquisition.lsl.connection import Connection
from acquisition.streams import Chunk, ClockPair, Condition, Incident, Mark, Status, StreamInfo

_MOST = 1024


class LslMarks:
    """The texts of one channel of an LSL stream, each with its stamp on engine time.

    Marks are rare, so that none come is no trouble. Stamps never go back: a mark stamped before the one
    before it is given that one's time.

    Parameters
    ----------
    connection : Connection
        See `connect`.
    stream : StreamInfo
        Its description.
    """

    def __init__(self, connection: Connection, stream: StreamInfo) -> None:
        self._inlet = connection.inlet
        self._channel = connection.channel
        self._stream = stream
        self._waiting: list[tuple[float, str]] = []
        self._marks: list[Mark] = []
        self._last_s = -math.inf
        self._begin_s = -math.inf
        self._pairs = [self._pair(pylsl.local_clock(), connection.correction_s)]
        self._incidents: list[Incident] = []
        self._status = Status(
            stream_id=stream.stream_id,
            condition=Condition.STREAMING,
            reason="",
            since_s=self._pairs[0].engine_time_s,
        )

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The one stream."""
        return (self._stream,)

    @property
    def ended(self) -> bool:
        """Always: marks alone make no session."""
        return True

    def begin(self, t0: float) -> None:
        """Drop what is stamped before `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the outlet's clock against engine time, as at the opening."""
        pairs, self._pairs = tuple(self._pairs), []
        return pairs

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened since the last call."""
        incidents, self._incidents = tuple(self._incidents), []
        return incidents

    def statuses(self) -> tuple[Status, ...]:
        """Return how the stream is doing."""
        return (self._status,)

    def read(self, t: float) -> list[Chunk]:
        """Take in the marks that have come up to engine time `t`; they are returned by `marks`."""
        if self._status.condition is Condition.CLOSED:
            return []
        try:
            samples, stamps = self._inlet.pull_chunk(0.0, _MOST)
        except LostError:
            what = "the stream of marks was lost; without a source id it cannot be found again"
            self._incidents.append(Incident(stream_id=self._stream.stream_id, engine_time_s=t, what=what))
            self._status = Status(
                stream_id=self._stream.stream_id, condition=Condition.CLOSED, reason=what, since_s=t
            )
            return []
        self._waiting += [
            (stamp, str(sample[self._channel])) for sample, stamp in zip(samples or [], stamps, strict=True)
        ]
        if self._waiting:
            self._place(t)
        return []

    def marks(self) -> tuple[Mark, ...]:
        """Return the marks that were taken in since the last call, in order of time."""
        marks, self._marks = tuple(self._marks), []
        return marks

    def close(self) -> None:
        """Stop receiving."""
        self._inlet.close_stream()

    def _place(self, t: float) -> None:
        try:
            correction_s = float(self._inlet.time_correction(0.0))
        except (LslTimeoutError, LostError):
            return  # being estimated anew: they wait
        self._pairs.append(self._pair(t, correction_s))
        for stamp, text in self._waiting:
            time_s = stamp + correction_s
            if time_s >= self._begin_s:
                self._last_s = max(time_s, self._last_s)
                self._marks.append(Mark(stream_id=self._stream.stream_id, time_s=self._last_s, text=text))
        self._waiting = []

    def _pair(self, t: float, correction_s: float) -> ClockPair:
        return ClockPair(stream_id=self._stream.stream_id, source_time_s=t - correction_s, engine_time_s=t)
