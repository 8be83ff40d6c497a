"""The status of live streams, and what all live sources have in common."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

from acquisition.streams import (
    ClockPair,
    Condition,
    SourceIncident,
    Status,
    StreamInfo,
    StreamReason,
    StreamReasonCode,
)

SILENT_AFTER_S = 2.0
"""Seconds without a sample after which a regular stream counts as silent (our convention)."""

REPEAT_AFTER_S = 10.0
"""Least time between two incidents of the same defect."""

SETTLED_AFTER_S = 10.0
"""Seconds without a further defect after which a doubtful or recovering stream counts as streaming."""


class Received(NamedTuple):
    """Bytes from a device or an event of its connection, with the arrival in engine seconds."""

    arrival_s: float
    content: bytes | StreamReason


class ReceiverThread(threading.Thread):
    """A thread that keeps what a device sends, with its arrival, until it is taken.

    Parameters
    ----------
    name : str
        Name of the thread.
    clock : callable
        Returns engine time.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        super().__init__(name=name, daemon=True)
        self._clock = clock
        self._received: deque[Received] = deque()

    def take(self) -> list[Received]:
        """Return what was received since the last call."""
        return [self._received.popleft() for _ in range(len(self._received))]

    def _add(self, content: bytes | StreamReason) -> None:
        self._received.append(Received(self._clock(), content))


class StreamStatusTracker:
    """Condition and incidents of one stream.

    Parameters
    ----------
    stream_id : str
        Which stream.
    silent_after_s : float
        Seconds without a sample after which the stream counts as silent.
    """

    def __init__(self, stream_id: str, *, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._stream_id = stream_id
        self._silent_after_s = silent_after_s
        self._incidents: list[SourceIncident] = []
        self._newest_s: float | None = None
        self._counts: dict[StreamReasonCode, int] = {}
        self._latest: dict[StreamReasonCode, StreamReason] = {}
        self._reported_s: dict[StreamReasonCode, float] = {}
        self._defect: StreamReason | None = None
        self._settled_from_s = -math.inf
        self._status = Status(
            stream_id=stream_id,
            condition=Condition.OPENING,
            reason=StreamReason(StreamReasonCode.NO_SAMPLES_YET),
            since_s=math.nan,
        )

    @property
    def status(self) -> Status:
        """Condition of the stream as of the last `update`."""
        return self._status

    def report(self, t: float, reason: StreamReason) -> None:
        """Add an incident at engine time `t`."""
        self._incidents.append(SourceIncident(stream_id=self._stream_id, engine_time_s=t, reason=reason))

    def lose(self, t: float, reason: StreamReason) -> None:
        """Report the loss of the stream at engine time `t`; new samples make it recover."""
        self.report(t, reason)
        self._become(t, Condition.LOST, reason)

    def close(self, t: float, reason: StreamReason | None = None) -> None:
        """Mark the stream as closed for good, and report the reason if there is one."""
        if reason is not None:
            self.report(t, reason)
        self._become(t, Condition.CLOSED, reason)

    def count(self, number: int, reason: StreamReason) -> None:
        """Count a defect that may occur often; `update` reports the sum every `REPEAT_AFTER_S`."""
        if number:
            self._counts[reason.code] = self._counts.get(reason.code, 0) + number
            self._latest[reason.code] = self._defect = reason

    def update(self, t: float, *, samples: bool) -> None:
        """Update the condition at engine time `t`.

        Parameters
        ----------
        t : float
            Engine seconds.
        samples : bool
            Whether samples have arrived since the last call.
        """
        if self._newest_s is None:
            self._newest_s = t
            self._become(t, Condition.OPENING, StreamReason(StreamReasonCode.NO_SAMPLES_YET))
        self._judge(t, samples=samples, missing_s=t - self._newest_s)
        if samples:
            self._newest_s = t
        for code in list(self._counts):
            if t - self._reported_s.get(code, -math.inf) >= REPEAT_AFTER_S:
                latest = self._latest[code]
                counted = {**latest.parameters, "count": self._counts.pop(code)}
                self.report(t, replace(latest, parameters=counted))
                self._reported_s[code] = t
        self._defect = None

    def take_incidents(self) -> tuple[SourceIncident, ...]:
        """Return the incidents since the last call."""
        taken, self._incidents = tuple(self._incidents), []
        return taken

    def _judge(self, t: float, *, samples: bool, missing_s: float) -> None:
        was = self._status.condition
        if was is Condition.CLOSED or (was is Condition.LOST and not samples):
            return
        if was is Condition.LOST:
            resumed = StreamReason(StreamReasonCode.RESUMED, {"seconds": missing_s})
            self.report(t, resumed)
            self._become(t, Condition.RECOVERING, resumed)
        elif not samples and missing_s > self._silent_after_s:
            self.report(t, StreamReason(StreamReasonCode.SILENT, {"seconds": missing_s}))
            reason = StreamReason(StreamReasonCode.NO_SAMPLES)
            if self._defect is not None:
                reason = replace(reason, parameters=self._defect.parameters, despite=self._defect.code)
            self._become(t - missing_s, Condition.LOST, reason)
        elif self._defect is not None:
            self._become(t, Condition.DOUBTFUL, self._defect)
        elif samples and t >= self._settled_from_s:
            self._become(t, Condition.STREAMING, None)

    def _become(self, t: float, condition: Condition, reason: StreamReason | None) -> None:
        if condition in {Condition.DOUBTFUL, Condition.RECOVERING}:
            self._settled_from_s = t + SETTLED_AFTER_S
        since_s = self._status.since_s if condition is self._status.condition else t
        self._status = replace(self._status, condition=condition, reason=reason, since_s=since_s)


class DeviceSource:
    """What sources of one device have in common: description, start, clock pairs, incidents and status.

    Parameters
    ----------
    streams : sequence of StreamInfo
        The streams of the device; all of them share one status.
    silent_after_s : float
        See `StreamStatusTracker`.

    Attributes
    ----------
    clock_pair_every_s : float
        Least time between two clock pairs of a stream.
    """

    clock_pair_every_s: ClassVar[float] = 5.0

    def __init__(self, streams: Sequence[StreamInfo], *, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._streams = tuple(streams)
        self._tracker = StreamStatusTracker(self._streams[0].stream_id, silent_after_s=silent_after_s)
        self._begin_s = -math.inf
        self._clock_pairs: list[ClockPair] = []
        self._clock_pair_due_s = -math.inf

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The streams that are delivered."""
        return self._streams

    @property
    def ended(self) -> bool:
        """False: a device that was lost may come back."""
        return False

    def begin(self, t0: float) -> None:
        """Drop what is stamped before engine time `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the source's own time against engine time, about one pair every 5 s."""
        pairs, self._clock_pairs = tuple(self._clock_pairs), []
        return pairs

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return what happened since the last call."""
        return self._tracker.take_incidents()

    def statuses(self) -> tuple[Status, ...]:
        """Return the status of each stream: the same for all streams of one device."""
        return tuple(replace(self._tracker.status, stream_id=s.stream_id) for s in self._streams)

    def _compare_clocks(self, engine_time_s: float, source_time_s: float) -> None:
        """Add a clock pair for each stream, if the last is at least `clock_pair_every_s` old."""
        if engine_time_s >= self._clock_pair_due_s:
            self._clock_pair_due_s = engine_time_s + self.clock_pair_every_s
            self._clock_pairs += [
                ClockPair(stream_id=one.stream_id, source_time_s=source_time_s, engine_time_s=engine_time_s)
                for one in self._streams
            ]
