"""What live screens are shown: frames of new samples, and a queue for each watcher that drops the oldest."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from acquisition.streams import Chunk, FloatArray, StreamInfo
from biofeedback.service.decimate import GAP_STEPS, Decimator
from physiology.state import Beat, BeatAction

QUEUE = 60
"""Frames that wait for a slow watcher: three seconds of them."""

MOST_WATCHERS = 32


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

    def newest_s(self, stream_id: str) -> float | None:
        """Return the time of a stream's newest sample, None before the first. Any thread may call it."""
        return self._newest_s.get(stream_id)

    def beats(self, beats: Iterable[Beat]) -> None:
        """Take in lines of the beat log; those of new beats are shown."""
        self._beats += (
            {"r_time_s": round(beat.r_time_s, 4), "rr_ms": _number(beat.rr_ms), "quality": beat.quality}
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
    shown = [round(value, 5) if math.isfinite(value) else None for value in values.tolist()]
    if stream.rate_hz == 0:
        return {"times_s": np.round(times, 4).tolist(), "values": shown}
    steps = np.diff(times)
    if steps.size and steps.max() > GAP_STEPS * steps.min():
        return {"times_s": np.round(times, 4).tolist(), "dt_s": 1.0 / stream.rate_hz, "values": shown}
    dt_s = float(steps.mean()) if steps.size else 1.0 / stream.rate_hz
    return {"t0_s": round(float(times[0]), 4), "dt_s": round(dt_s, 6), "values": shown}


def _number(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None


class Watcher:
    """One live connection: what waits for it."""

    def __init__(self) -> None:
        self._frames: deque[str] = deque(maxlen=QUEUE)
        self._news = asyncio.Event()

    def offer(self, frame: str) -> None:
        """Let a frame wait; the oldest makes room."""
        self._frames.append(frame)
        self._news.set()

    async def next(self) -> str:
        """Return the oldest frame that waits, once there is one."""
        while not self._frames:
            self._news.clear()
            await self._news.wait()
        return self._frames.popleft()


class Hub:
    """Hands frames from the thread that steps to every watcher."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    @property
    def watching(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def join(self) -> Watcher | None:
        """Return a new watcher, None if there are too many; called on the server's loop."""
        if len(self._watchers) >= MOST_WATCHERS:
            return None
        watcher = Watcher()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Let a watcher go; called on the server's loop."""
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
