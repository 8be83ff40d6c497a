"""LSL streams as sources of samples and markers, and their time stamps: dejittered, strictly increasing."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from acquisition.errors import SourceError
from acquisition.lsl.connection import LslConnection
from acquisition.stream_status import SILENT_AFTER_S, DeviceSource
from acquisition.streams import (
    BoolArray,
    Chunk,
    Condition,
    FloatArray,
    Mark,
    SampleBlock,
    StreamInfo,
    StreamReason,
    StreamReasonCode,
    no_samples,
)

MEMORY_S = 10.0
"""Seconds of time stamps that the line is fitted to."""

SLOPE_S = 2.0
"""Seconds of time stamps from which on the period is fitted too; before, it is the nominal one."""

GAP_S = 0.25
"""Time stamps further apart than this plus one period have a gap between them."""


def timestamp_jitter(stamps: FloatArray, rate_hz: float) -> float:
    """Return the standard deviation of time stamps about a straight line, in s; 0 for fewer than 10 stamps.

    >>> round(timestamp_jitter(np.arange(100) / 250, rate_hz=250.0), 6)
    0.0
    """
    if stamps.size < 10:
        return 0.0
    number = np.arange(stamps.size)
    spacing = np.diff(stamps)
    if spacing.max() > GAP_S + 1 / rate_hz:
        return 0.0  # nothing can be said across an interruption
    return float(np.std(stamps - np.polyval(np.polyfit(number, stamps, 1), number)))


class Dejitterer:
    """Places time stamps that scatter about the true times on a line through those of the last 10 s.

    The line is fitted by least squares to sample number and time stamp, as pyxdf does for whole recordings
    afterwards; here only the stamps up to the present block are used. A gap begins a new line, so gaps are
    kept.

    Parameters
    ----------
    rate_hz : float
        Nominal rate: the slope of the line until enough stamps have arrived.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1 / rate_hz
        self._most = max(2, round(MEMORY_S * rate_hz))
        self._enough = round(SLOPE_S * rate_hz)
        self._stamps: FloatArray = np.empty(0)
        self._last_s = -math.inf

    def dejitter(self, stamps: FloatArray) -> FloatArray:
        """Return the times of the next samples from their time stamps; strictly increasing."""
        gaps = np.flatnonzero(np.diff(stamps) > GAP_S + self._nominal_s) + 1
        return np.concatenate([self._block(part) for part in np.split(stamps, gaps)])

    def _block(self, stamps: FloatArray) -> FloatArray:
        if not stamps.size:
            return stamps
        if self._stamps.size and stamps[0] - self._stamps[-1] > GAP_S + self._nominal_s:
            self._stamps = np.empty(0)
        self._stamps = np.concatenate((self._stamps, stamps))[-self._most :]
        number = np.arange(self._stamps.size, dtype=np.float64)
        period_s = self._nominal_s
        if number.size >= self._enough:
            fitted = float(np.polyfit(number, self._stamps - self._stamps[0], 1)[0])
            period_s = min(max(fitted, 0.9 * self._nominal_s), 1.1 * self._nominal_s)
        line = self._stamps.mean() + (number - number.mean()) * period_s
        times = monotonize(line[-stamps.size :], self._last_s, step_s=0.1 * self._nominal_s, limit_s=math.inf)
        self._last_s = float(times[-1])
        return times


def monotonize(times: FloatArray, last_s: float, *, step_s: float, limit_s: float) -> FloatArray:
    """Return strictly increasing times; those that increase already are unchanged.

    Parameters
    ----------
    times : ndarray, float64, shape (n,)
        Seconds.
    last_s : float
        The time before the first.
    step_s : float
        A time that is not after the previous one is moved to this much after it.
    limit_s : float
        A time further than this before the previous one is not moved.

    Returns
    -------
    ndarray, float64, shape (n,)
        NaN where a time could not be moved.

    Examples
    --------
    >>> monotonize(np.array([1.0, 0.9, 2.0]), 0.0, step_s=0.5, limit_s=1.0)
    array([1. , 1.5, 2. ])
    """
    if np.all(np.diff(times, prepend=last_s) > 0):
        return times
    ordered = times.copy()
    for index, time_s in enumerate(times):
        if time_s < last_s - limit_s:
            ordered[index] = np.nan
            continue
        if time_s <= last_s:
            ordered[index] = last_s + step_s
        last_s = float(ordered[index])
    return ordered


SILENT_AFTER_IRREGULAR_S = 10.0
"""Seconds without a sample after which an irregular stream counts as silent (our convention)."""

STRAY_S = 5.0
"""A time stamp further in the future does not come from LSL's clock."""

BACKWARD_S = 0.5
"""Samples stamped before the previous one by up to this are moved, others are dropped."""

IRREGULAR_STEP_S = 0.001
"""Distance set between irregular samples whose time stamps do not increase."""

TRIAL_S = 2.0
"""Seconds for which a stream is observed before it is accepted."""

RATE_TOLERANCE = 0.1
"""Greatest deviation of the true rate from the stated one, as a fraction."""

UNEVEN = 0.2
"""Jitter from which time stamps are dejittered, as a fraction of the sampling period."""

PULL_EVERY_S = 0.5
"""Only pulling samples shows that a stream is lost, and it costs more than asking how many there are."""

_CHUNK = 4096
_MARKER_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class _Return:
    """Samples counted since a stream came back, to measure its rate."""

    since_s: float
    count: int = 0


class _LslDevice(DeviceSource):
    """What the sources of one LSL stream have in common.

    Parameters
    ----------
    connection : LslConnection
        See `connect`.
    stream : StreamInfo
        Its description.
    silent_after_s : float
        See `StreamStatusTracker`.
    """

    def __init__(self, connection: LslConnection, stream: StreamInfo, *, silent_after_s: float) -> None:
        super().__init__((stream,), silent_after_s=silent_after_s)
        self._connection = connection
        self._last_s = -math.inf
        now_s = pylsl.local_clock()
        self._compare_clocks(now_s, now_s - connection.correction_s)

    def close(self) -> None:
        """Stop receiving."""
        self._connection.inlet.close_stream()

    def _correction(self, t: float) -> float | None:
        """Return the present offset to engine time; None while LSL estimates it again."""
        try:
            correction_s = float(self._connection.inlet.time_correction(0.0))
        except (LslTimeoutError, LostError):
            return None
        self._compare_clocks(t, t - correction_s)
        return correction_s


class LslSource(_LslDevice):
    """One channel of an LSL stream, with LSL's own time stamps on engine time.

    Time stamps are corrected by LSL's estimate of the offset between the clocks, which LSL renews every few
    seconds. If `try_out` finds them uneven (stamped when a packet arrived, not when it was sampled), they are
    dejittered (`Dejitterer`), gaps kept; otherwise they stay as they are. Where they would not increase,
    because the estimate or the outlet goes back, a sample is moved to half a period after the previous one
    (by up to `BACKWARD_S`, otherwise it is dropped); both are counted and reported as incidents.

    A stream that ends and comes back under its source id continues by itself; its first samples wait until
    the clocks have been compared again. A stream that comes back with another rate is closed.

    Parameters
    ----------
    connection : LslConnection
        See `connect`.
    stream : StreamInfo
        Its description.
    """

    def __init__(self, connection: LslConnection, stream: StreamInfo) -> None:
        silent_after_s = SILENT_AFTER_S if stream.rate_hz else SILENT_AFTER_IRREGULAR_S
        super().__init__(connection, stream, silent_after_s=silent_after_s)
        self._scale = 1000.0 if connection.unit == "s" else 1.0
        self._step_s = 0.5 / stream.rate_hz if stream.rate_hz else IRREGULAR_STEP_S
        self._received = no_samples()  # on the outlet's clock, until the clocks are compared
        self._placed = no_samples()  # on engine time, until they are read
        self._ended = False
        self._pull_due_s = -math.inf
        self._dejitterer: Dejitterer | None = None
        self._returned: _Return | None = None

    @property
    def ended(self) -> bool:
        """Whether the stream is lost and has no source id under which it could come back."""
        return self._ended

    def try_out(self, seconds: float = TRIAL_S) -> None:
        """Observe a regular stream for some seconds; dejitter its time stamps from then on if necessary.

        A stream that sends nothing yet is accepted: its status tells.

        Raises
        ------
        SourceError
            If samples come at a rate far from the stated one.
        """
        rate_hz = self._streams[0].rate_hz
        if not rate_hz:
            return
        until = pylsl.local_clock() + 2 * seconds
        while pylsl.local_clock() < until and (
            not self._received.size or np.ptp(self._received.times) < seconds
        ):
            time.sleep(0.02)
            self._gather(pylsl.local_clock())
        self._require_rate(rate_hz)
        jitter_s = timestamp_jitter(self._received.times, rate_hz)
        if jitter_s > UNEVEN / rate_hz:
            self._dejitterer = Dejitterer(rate_hz)
            reason = StreamReason(StreamReasonCode.UNEVEN_STAMPS, {"jitter_ms": 1000 * jitter_s})
            self._tracker.report(pylsl.local_clock(), reason)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples stamped up to engine time `t` that have arrived and were not read before."""
        self._gather(t)
        if not (self._received.size or self._placed.size or t >= self._clock_pair_due_s):
            return []
        if (correction_s := self._correction(t)) is not None:
            times = self._received.times + correction_s
            times = times if self._dejitterer is None else self._dejitterer.dejitter(times)
            self._place(t, replace(self._received, times=times))
            self._received = no_samples()
        ready, self._placed = self._placed.split(t)
        return [Chunk(self._streams[0], ready.times, ready.values)] if ready.size else []

    def close(self) -> None:
        """Stop receiving."""
        self._ended = True
        super().close()

    def _gather(self, t: float) -> None:
        """Collect the samples that have arrived."""
        block = self._pull(t)
        was_lost = self._tracker.status.condition is Condition.LOST
        self._tracker.update(t, samples=block.size > 0)
        if not block.size:
            return
        self._received += block
        if was_lost and self._streams[0].rate_hz:
            self._returned = _Return(float(block.times[0]))
        if self._returned is not None:
            self._check_rate_again(t, self._returned, block.times)

    def _check_rate_again(self, t: float, returned: _Return, stamps: FloatArray) -> None:
        """Close a stream that came back with another rate."""
        returned = replace(returned, count=returned.count + stamps.size)
        self._returned = returned
        if (seconds := float(stamps[-1]) - returned.since_s) < TRIAL_S:
            return
        self._returned = None
        nominal_hz, rate_hz = self._streams[0].rate_hz, (returned.count - 1) / seconds
        if abs(rate_hz - nominal_hz) > RATE_TOLERANCE * nominal_hz:
            parameters = {"rate_hz": rate_hz, "nominal_hz": nominal_hz}
            self._tracker.close(t, StreamReason(StreamReasonCode.RATE_CHANGED, parameters))
            self.close()

    def _require_rate(self, stated_hz: float) -> None:
        stamps = self._received.times
        if stamps.size < 2 or np.ptp(stamps) < TRIAL_S / 2:
            return
        rate_hz = (stamps.size - 1) / float(np.ptp(stamps))
        if abs(rate_hz - stated_hz) > RATE_TOLERANCE * stated_hz:
            raise SourceError(
                f"{self._connection.text!r}: {rate_hz:.3g} samples come per second where the stream states "
                f"{stated_hz:g}; set the device to the rate it states"
            )

    def _pull(self, t: float) -> SampleBlock:
        inlet, channel = self._connection.inlet, self._connection.channel
        pulled = no_samples()
        if self._ended or (t < self._pull_due_s and not inlet.samples_available()):
            return pulled
        self._pull_due_s = t + PULL_EVERY_S
        try:
            while pulled.size % _CHUNK == 0:
                samples, stamps = inlet.pull_chunk(0.0, _CHUNK, as_numpy=True)
                if not len(stamps):
                    break
                values = np.asarray(samples, dtype=np.float64)[:, [channel]]
                pulled += SampleBlock(np.asarray(stamps, dtype=np.float64), values)
        except LostError:
            self._ended = True
            self._tracker.close(t, StreamReason(StreamReasonCode.STREAM_LOST))
        return replace(
            pulled, values=np.where(np.isfinite(pulled.values), pulled.values * self._scale, np.nan)
        )

    def _place(self, t: float, block: SampleBlock) -> None:
        """Add samples to those that wait to be read, in strictly increasing order."""
        stray = block.times > t + STRAY_S
        self._count(stray, StreamReasonCode.STAMPS_AHEAD, limit_s=STRAY_S)
        wanted = block[~stray & (block.times >= self._begin_s)]
        moved = monotonize(wanted.times, self._last_s, step_s=self._step_s, limit_s=BACKWARD_S)
        kept = np.isfinite(moved)
        self._count(~kept, StreamReasonCode.STAMPS_BEHIND, limit_s=BACKWARD_S)
        self._count(moved[kept] != wanted.times[kept], StreamReasonCode.STAMPS_MOVED)
        self._placed += SampleBlock(moved[kept], wanted.values[kept])
        if kept.any():
            self._last_s = float(moved[kept][-1])

    def _count(self, which: BoolArray, code: StreamReasonCode, **parameters: float) -> None:
        self._tracker.count(int(which.sum()), StreamReason(code, parameters))


class LslMarkerSource(_LslDevice):
    """The texts of one channel of an LSL stream of markers, with their time stamps on engine time.

    Markers are rare, so silence is normal. Times never go back: a marker stamped before the previous one is
    given the previous one's time.

    Parameters
    ----------
    connection : LslConnection
        See `connect`.
    stream : StreamInfo
        Its description.
    """

    clock_pair_every_s = 0.0

    def __init__(self, connection: LslConnection, stream: StreamInfo) -> None:
        super().__init__(connection, stream, silent_after_s=math.inf)
        self._waiting: list[tuple[float, str]] = []
        self._marks: list[Mark] = []
        self._tracker.update(pylsl.local_clock(), samples=True)

    @property
    def ended(self) -> bool:
        """True: markers alone do not keep a session running."""
        return True

    def read(self, t: float) -> list[Chunk]:
        """Receive the markers up to engine time `t`; `marks` returns them. There are no chunks."""
        if self._tracker.status.condition is Condition.CLOSED:
            return []
        try:
            samples, stamps = self._connection.inlet.pull_chunk(0.0, _MARKER_CHUNK)
        except LostError:
            self._tracker.close(t, StreamReason(StreamReasonCode.STREAM_LOST))
            return []
        channel = self._connection.channel
        self._waiting += [
            (stamp, str(sample[channel])) for sample, stamp in zip(samples or [], stamps, strict=True)
        ]
        if self._waiting:
            self._place(t)
        return []

    def marks(self) -> tuple[Mark, ...]:
        """Return the markers received since the last call, in order of time."""
        marks, self._marks = tuple(self._marks), []
        return marks

    def _place(self, t: float) -> None:
        if (correction_s := self._correction(t)) is None:
            return  # the markers wait
        for stamp, text in self._waiting:
            time_s = stamp + correction_s
            if time_s >= self._begin_s:
                self._last_s = max(time_s, self._last_s)
                self._marks.append(Mark(stream_id=self._streams[0].stream_id, time_s=self._last_s, text=text))
        self._waiting = []
