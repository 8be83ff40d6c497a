"""An LSL stream of numbers as a source."""

from __future__ import annotations

import math
import time

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from acquisition.errors import SourceError
from acquisition.lsl.connection import LslConnection
from acquisition.lsl.timestamps import Dejitterer, monotonize, timestamp_jitter
from acquisition.stream_status import SILENT_AFTER_S, StreamStatusTracker
from acquisition.streams import (
    Chunk,
    ClockPair,
    Condition,
    FloatArray,
    Mark,
    SourceIncident,
    Status,
    StreamInfo,
)

CLOCK_PAIR_EVERY_S = 5.0
SILENT_AFTER_IRREGULAR_S = 10.0
STRAY_S = 5.0
"""A stamp further in the future is not of LSL's clock."""

BACKWARD_S = 0.5
"""Samples stamped earlier than the one before by up to this are moved, by more are dropped."""

IRREGULAR_STEP_S = 0.001
"""By how much irregular samples are set apart whose stamps do not increase."""

TRIAL_S = 2.0
"""How long a stream is looked at before it is accepted."""

RATE_TOLERANCE = 0.1
"""How far the true rate may lie from the one stated, as a fraction."""

UNEVEN = 0.2
"""From which share of a period on stamps are evened."""

PULL_EVERY_S = 0.5
"""Only an attempt to pull tells that a stream is lost; it costs more than to ask what is there."""

_CHUNK = 4096

_NOTHING: FloatArray = np.empty(0)


class LslSource:
    """One channel of an LSL stream, with LSL's own stamps on engine time.

    Stamps are corrected by LSL's estimate of the offset between the clocks, which it renews every few
    seconds. Where they come unevenly (they say when a packet arrived, not when it was sampled), `try_out`
    finds it out and they are evened by a line through them (`Dejitterer`), gaps kept; else they are left as
    they are. Where they would not increase, because the estimate or the
    outlet goes back, a sample is moved to half a period after the one before it (`BACKWARD_S` at most,
    else it is dropped); both are counted and told as incidents. A stream that ends and comes back under
    its source id goes on by itself; samples then wait until its clock has been compared again. One that
    comes back at another rate is closed.

    Parameters
    ----------
    connection : LslConnection
        See `connect`.
    stream : StreamInfo
        Its description.
    """

    def __init__(self, connection: LslConnection, stream: StreamInfo) -> None:
        self._inlet = connection.inlet
        self._channel = connection.channel
        self._stream = stream
        self._scale = 1000.0 if connection.unit == "s" else 1.0
        self._step_s = 0.5 / stream.rate_hz if stream.rate_hz else IRREGULAR_STEP_S
        silent_after_s = SILENT_AFTER_S if stream.rate_hz else SILENT_AFTER_IRREGULAR_S
        self._status = StreamStatusTracker(stream.stream_id, silent_after_s=silent_after_s)
        # As received, waiting for the clock comparison; and on engine time, waiting for their time.
        self._stamps, self._values = np.empty(0), np.empty(0)
        self._times, self._samples = np.empty(0), np.empty(0)
        self._last_s = -math.inf
        self._begin_s = -math.inf
        self._ended = False
        self._pull_due_s = -math.inf
        self._dejitterer: Dejitterer | None = None
        self._text = connection.text
        # Since when, and how many samples, after a silence: to see whether the rate is still the same.
        self._again: tuple[float, int] | None = None
        self._pairs: list[ClockPair] = []
        self._pair_due_s = -math.inf
        self._pair(pylsl.local_clock(), connection.correction_s)

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The one stream."""
        return (self._stream,)

    @property
    def ended(self) -> bool:
        """Whether the stream is lost and has no source id to come back under."""
        return self._ended

    def try_out(self, seconds: float = TRIAL_S) -> None:
        """Look at a regular stream for some seconds, and even its stamps from now on if that is needed.

        A stream that sends nothing yet is accepted: its status says so.

        Raises
        ------
        SourceError
            If samples come at a rate far from the one it states.
        """
        if not self._stream.rate_hz:
            return
        until = pylsl.local_clock() + 2 * seconds
        while pylsl.local_clock() < until and (not self._stamps.size or np.ptp(self._stamps) < seconds):
            time.sleep(0.02)
            self._gather(pylsl.local_clock())
        self._require_rate()
        jitter_s = timestamp_jitter(self._stamps, self._stream.rate_hz)
        if jitter_s > UNEVEN / self._stream.rate_hz:
            self._dejitterer = Dejitterer(self._stream.rate_hz)
            self._status.note(
                pylsl.local_clock(), f"stamps come unevenly ({1000 * jitter_s:.0f} ms); they are evened"
            )

    def begin(self, t0: float) -> None:
        """Drop what is stamped before `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return the outlet's clock against engine time: at the opening, then about every 5 s."""
        pairs, self._pairs = tuple(self._pairs), []
        return pairs

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return what happened since the last call."""
        return self._status.take()

    def statuses(self) -> tuple[Status, ...]:
        """Return how the stream is doing."""
        return (self._status.status,)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples stamped up to engine time `t` that have arrived and were not read before."""
        self._gather(t)
        if not (self._stamps.size or self._times.size or t >= self._pair_due_s):
            return []
        if (correction_s := self._correction(t)) is not None:
            stamps = self._stamps + correction_s
            self._place(
                t, stamps if self._dejitterer is None else self._dejitterer.dejitter(stamps), self._values
            )
            self._stamps, self._values = np.empty(0), np.empty(0)
        ready = int(np.searchsorted(self._times, t, side="right"))
        times, samples = self._times[:ready], self._samples[:ready]
        self._times, self._samples = self._times[ready:], self._samples[ready:]
        return [Chunk(self._stream, times, samples.reshape(-1, 1))] if ready else []

    def close(self) -> None:
        """Stop receiving."""
        self._ended = True
        self._inlet.close_stream()

    def _gather(self, t: float) -> None:
        """Take in what has come."""
        stamps, values = self._pull(t)
        was_lost = self._status.status.condition is Condition.LOST
        self._status.heard(t, samples=stamps.size > 0)
        if not stamps.size:
            return
        self._stamps = np.concatenate((self._stamps, stamps))
        self._values = np.concatenate((self._values, values))
        if was_lost and self._stream.rate_hz:
            self._again = (float(stamps[0]), 0)
        if self._again is not None:
            self._watch_rate(t, stamps)

    def _watch_rate(self, t: float, stamps: FloatArray) -> None:
        """Close a stream that came back at another rate."""
        if self._again is None:
            return
        since_s, count = self._again[0], self._again[1] + stamps.size
        self._again = (since_s, count)
        if (seconds := float(stamps[-1]) - since_s) < TRIAL_S:
            return
        self._again = None
        rate_hz = (count - 1) / seconds
        if abs(rate_hz - self._stream.rate_hz) > RATE_TOLERANCE * self._stream.rate_hz:
            was = f"{self._stream.rate_hz:g}"
            self._status.close(t, f"came back with {rate_hz:.3g} samples a second where it had {was}: closed")
            self.close()

    def _require_rate(self) -> None:
        stated = self._stream.rate_hz
        if self._stamps.size < 2 or np.ptp(self._stamps) < TRIAL_S / 2:
            return
        rate_hz = (self._stamps.size - 1) / float(np.ptp(self._stamps))
        if abs(rate_hz - stated) > RATE_TOLERANCE * stated:
            raise SourceError(
                f"{self._text!r}: {rate_hz:.3g} samples come per second where the stream states {stated:g}; "
                "set the device to the rate it states"
            )

    def _pull(self, t: float) -> tuple[FloatArray, FloatArray]:
        if t < self._pull_due_s and not self._inlet.samples_available():
            return _NOTHING, _NOTHING
        self._pull_due_s = t + PULL_EVERY_S
        stamps: list[FloatArray] = [_NOTHING]
        values: list[FloatArray] = [_NOTHING]
        try:
            while not self._ended and (len(values) == 1 or len(values[-1]) == _CHUNK):
                samples, times = self._inlet.pull_chunk(0.0, _CHUNK, as_numpy=True)
                stamps.append(np.asarray(times, dtype=np.float64))
                values.append(np.asarray(samples, dtype=np.float64)[:, self._channel])
        except LostError:
            self._ended = True
            self._status.close(t, "the stream was lost; without a source id it cannot be found again")
        taken = np.concatenate(values)
        return np.concatenate(stamps), np.where(np.isfinite(taken), taken * self._scale, np.nan)

    def _correction(self, t: float) -> float | None:
        """Return the present offset to engine time; None while it is being estimated anew."""
        try:
            correction_s = float(self._inlet.time_correction(0.0))
        except (LslTimeoutError, LostError):
            return None
        self._pair(t, correction_s)
        return correction_s

    def _pair(self, t: float, correction_s: float) -> None:
        if t >= self._pair_due_s:
            self._pair_due_s = t + CLOCK_PAIR_EVERY_S
            self._pairs.append(
                ClockPair(stream_id=self._stream.stream_id, source_time_s=t - correction_s, engine_time_s=t)
            )

    def _place(self, t: float, times: FloatArray, samples: FloatArray) -> None:
        """Add samples to those that wait for their time, in strictly increasing order."""
        stray = times > t + STRAY_S
        self._status.count(
            int(stray.sum()), f"samples dropped that are stamped more than {STRAY_S:g} s ahead"
        )
        wanted = ~stray & (times >= self._begin_s)
        moved = monotonize(times[wanted], self._last_s, step_s=self._step_s, limit_s=BACKWARD_S)
        kept = np.isfinite(moved)
        self._status.count(
            int((~kept).sum()), f"samples dropped that are stamped more than {BACKWARD_S:g} s back"
        )
        self._status.count(
            int((moved[kept] != times[wanted][kept]).sum()), "samples moved whose stamps went back"
        )
        self._times = np.concatenate((self._times, moved[kept]))
        self._samples = np.concatenate((self._samples, samples[wanted][kept]))
        if kept.any():
            self._last_s = float(moved[kept][-1])


_MOST_MARKS = 1024


class LslMarkerSource:
    """The texts of one channel of an LSL stream, each with its stamp on engine time.

    Marks are rare, so that none come is no trouble. Stamps never go back: a mark stamped before the one
    before it is given that one's time.

    Parameters
    ----------
    connection : LslConnection
        See `connect`.
    stream : StreamInfo
        Its description.
    """

    def __init__(self, connection: LslConnection, stream: StreamInfo) -> None:
        self._inlet = connection.inlet
        self._channel = connection.channel
        self._stream = stream
        self._waiting: list[tuple[float, str]] = []
        self._marks: list[Mark] = []
        self._last_s = -math.inf
        self._begin_s = -math.inf
        self._pairs = [self._pair(pylsl.local_clock(), connection.correction_s)]
        self._incidents: list[SourceIncident] = []
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

    def incidents(self) -> tuple[SourceIncident, ...]:
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
            samples, stamps = self._inlet.pull_chunk(0.0, _MOST_MARKS)
        except LostError:
            what = "the stream of marks was lost; without a source id it cannot be found again"
            self._incidents.append(
                SourceIncident(stream_id=self._stream.stream_id, engine_time_s=t, what=what)
            )
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
