"""Frames for live screens: decimated samples, new beats, and a queue for each watcher.

A queue that is full drops its oldest frame.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import numpy as np

from acquisition.streams import Chunk, FloatArray, StreamInfo
from physiology.state import Beat, BeatAction

SHOWN_HZ = 125.0
"""Most values per second that are shown of a regular signal."""

GAP_STEPS = 2.5
"""Between samples further apart than this many steps (or buckets) there is a gap."""

QUEUE = 60
"""Frames that wait for a slow watcher: three seconds of them."""

MOST_WATCHERS = 32


class Decimator:
    """Reduces the samples of one stream to at most 125 per second if it is regular.

    Of each bucket of samples the least and the greatest are kept, in their order, so that an R wave or an
    artefact is as high as it was.

    Parameters
    ----------
    stream : StreamInfo
        The first channel is shown.
    """

    def __init__(self, stream: StreamInfo) -> None:
        rate_hz = stream.rate_hz
        self._step_s = 1.0 / rate_hz if rate_hz > 0 else math.inf
        self._bucket = 1 if rate_hz <= SHOWN_HZ else 2 * math.ceil(rate_hz / SHOWN_HZ)
        self._times: FloatArray = np.empty(0)
        self._values: FloatArray = np.empty(0)

    def take(self, chunk: Chunk) -> None:
        """Take in new samples; those on both sides of a gap are never shown as one bucket."""
        breaks = np.flatnonzero(np.diff(chunk.times) > GAP_STEPS * self._bucket * self._step_s) + 1
        values = chunk.samples[:, 0]
        for times, part in zip(np.split(chunk.times, breaks), np.split(values, breaks), strict=True):
            if times.size:
                self._append(times, part)

    def _append(self, times: FloatArray, values: FloatArray) -> None:
        if self._times.size and times[0] - self._times[-1] > GAP_STEPS * self._bucket * self._step_s:
            # Fill the last bucket up with what is missing, and one more: the gap is seen whatever is kept.
            lacking = self._bucket + -self._times.size % self._bucket
            empty = self._times[-1] + self._step_s * np.arange(1, lacking + 1)
            times = np.concatenate((empty, times))
            values = np.concatenate((np.full(lacking, np.nan), values))
        self._times = np.concatenate((self._times, times))
        self._values = np.concatenate((self._values, values))

    def give(self) -> tuple[FloatArray, FloatArray]:
        """Return times and values since the last call; what does not fill a bucket waits.

        Returns
        -------
        tuple of ndarray
            Both of shape (n,); NaN where a sample is missing.
        """
        whole = self._times.size - self._times.size % self._bucket
        times, self._times = self._times[:whole], self._times[whole:]
        values, self._values = self._values[:whole], self._values[whole:]
        if self._bucket == 1 or not whole:
            return times, values
        rows = values.reshape(-1, self._bucket)
        missing = np.isnan(rows)
        low = np.argmin(np.where(missing, np.inf, rows), axis=1)
        high = np.argmax(np.where(missing, -np.inf, rows), axis=1)
        first, last = np.minimum(low, high), np.maximum(low, high)
        # A flat bucket has its least and greatest in one place; it still gives two values.
        last = np.where(first == last, self._bucket - 1, last)
        row = np.arange(rows.shape[0])
        kept = np.column_stack((rows[row, first], rows[row, last])).ravel()
        starts = times[:: self._bucket]
        half_s = self._step_s * self._bucket / 2
        return np.column_stack((starts, starts + half_s)).ravel(), kept


class LiveFrameBuilder:
    """Gathers what is new since the last frame; belongs to the thread that steps.

    Parameters
    ----------
    streams : sequence of StreamInfo
        What will come.
    """

    def __init__(self, streams: Sequence[StreamInfo]) -> None:
        self._streams = {stream.stream_id: stream for stream in streams}
        self._decimators = {stream.stream_id: Decimator(stream) for stream in streams}
        self._newest_s: dict[str, float] = {}
        self._beats: list[dict[str, Any]] = []

    def raw(self, chunk: Chunk) -> None:
        """Take in samples."""
        self._decimators[chunk.stream.stream_id].take(chunk)
        if chunk.times.size:
            self._newest_s[chunk.stream.stream_id] = float(chunk.times[-1])

    def silent_s(self, stream_id: str, t: float) -> float | None:
        """Return the seconds from a stream's newest sample to `t`; None before the first. Thread-safe."""
        newest_s = self._newest_s.get(stream_id)
        return None if newest_s is None else t - newest_s

    def beats(self, beats: Iterable[Beat]) -> None:
        """Take in lines of the beat log; those of new beats are shown."""
        self._beats += (
            {"r_time_s": round(beat.r_time_s, 4), "rr_ms": rounded(beat.rr_ms, 1), "quality": beat.quality}
            for beat in beats
            if beat.action is BeatAction.NEW
        )

    def frame(self) -> dict[str, Any]:
        """Return the signals and beats that are new, as JSON takes them."""
        signals = {}
        for stream_id, decimator in self._decimators.items():
            times, values = decimator.give()
            if times.size:
                stream = self._streams[stream_id]
                signals[stream.name] = _samples(stream, times, values)
        beats, self._beats = self._beats, []
        return {"signals": signals, "beats": beats}


def _samples(stream: StreamInfo, times: FloatArray, values: FloatArray) -> dict[str, Any]:
    shown = [rounded(value, 5) for value in values.tolist()]
    if stream.rate_hz == 0:
        return {"times_s": np.round(times, 4).tolist(), "values": shown}
    steps = np.diff(times)
    if steps.size and steps.max() > GAP_STEPS * steps.min():
        return {"times_s": np.round(times, 4).tolist(), "dt_s": 1.0 / stream.rate_hz, "values": shown}
    dt_s = float(steps.mean()) if steps.size else 1.0 / stream.rate_hz
    return {"t0_s": round(float(times[0]), 4), "dt_s": round(dt_s, 6), "values": shown}


def rounded(value: float | None, digits: int) -> float | None:
    """Return a number as JSON takes it: None where it is not known or not finite."""
    return round(value, digits) if value is not None and math.isfinite(value) else None


class LiveConnection:
    """A live connection, and the frames that wait for it."""

    def __init__(self) -> None:
        self._frames: deque[str] = deque(maxlen=QUEUE)
        self._news = asyncio.Event()

    def offer(self, frame: str) -> None:
        """Queue a frame; a full queue drops its oldest."""
        self._frames.append(frame)
        self._news.set()

    async def frames(self) -> AsyncIterator[str]:
        """Yield frames as they come, the oldest first."""
        while True:
            while self._frames:
                yield self._frames.popleft()
            self._news.clear()
            await self._news.wait()


class Broadcaster:
    """Hands frames from the thread that steps to every watcher."""

    def __init__(self) -> None:
        self._watchers: set[LiveConnection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    @property
    def watching(self) -> int:
        """Number of live connections."""
        return len(self._watchers)

    def join(self) -> LiveConnection | None:
        """Return a new watcher, None if there are too many; called on the server's loop."""
        if len(self._watchers) >= MOST_WATCHERS:
            return None
        watcher = LiveConnection()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: LiveConnection) -> None:
        """Remove a watcher; called on the server's loop."""
        with self._lock:
            self._watchers.discard(watcher)

    def publish(self, frame: dict[str, Any]) -> None:
        """Offer a frame to everybody; any thread may call it, and it never waits."""
        with self._lock:
            loop = self._loop
            if not self._watchers or loop is None or loop.is_closed():
                return
        text = json.dumps(frame, separators=(",", ":"), allow_nan=False)
        loop.call_soon_threadsafe(self._hand_out, text)

    def _hand_out(self, text: str) -> None:
        for watcher in tuple(self._watchers):
            watcher.offer(text)
