"""Serial devices as sources: what a receiver brings, parsed, timed and in units."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from pylsl import local_clock

from acquisition.errors import SourceError
from acquisition.serial.receiver import SerialReceiver
from acquisition.serial.sample_times import RATE_TOLERANCE, SampleTimeEstimator
from acquisition.serial.spec import LINES, SerialSpec, settings_for
from acquisition.stream_status import StreamStatusTracker
from acquisition.streams import Chunk, ClockPair, FloatArray, SourceIncident, Status, StreamInfo

CLOCK_PAIR_EVERY_S = 5.0
TRIAL_S = 2.0
"""How long a device is looked at before it is accepted."""

TRIAL_LIMIT_S = 6.0
"""How long is waited for it to begin: some start anew when their port is opened."""

UNREADABLE_AFTER_S = 3.0
"""How long it may send what is not understood."""

PAUSE_S = 0.5
"""A device that pauses for longer begins anew."""

TRIAL_SAMPLES = 20
"""Fewer do not tell the rate."""

OUT_OF_RANGE = "samples outside what the sensor shows when it is worn"


class SerialSource:
    """A device on a serial port that sends a sample per line or frame.

    Parameters
    ----------
    specs : sequence of SerialSpec
        One per stream, all of one port and of one mind on it; see `settings_for`.
    streams : sequence of StreamInfo
        Their descriptions, in the same order.
    clock : callable
        Engine time now.
    """

    def __init__(
        self,
        specs: Sequence[SerialSpec],
        streams: Sequence[StreamInfo],
        *,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        settings, first = settings_for(specs), specs[0]
        self._specs = tuple(specs)
        self._streams = tuple(streams)
        self._clock = clock
        self._receiver = SerialReceiver(
            first.port,
            first.baud,
            clock,
            start_with=first.profile.start(settings),
            stop_with=first.profile.stop,
        )
        self._parser = first.profile.parser(settings)
        self._told: Counter[str] = Counter()
        self._rate_hz = first.rate_hz
        self._sample_times = SampleTimeEstimator(first.rate_hz)
        self._status = StreamStatusTracker(streams[0].stream_id)
        # Samples that were received; the first of them have a time already.
        self._times = np.empty(0)
        self._samples = np.empty((0, len(specs)))
        self._begin_s = -math.inf
        self._pairs: list[ClockPair] = []
        self._pair_due_s = -math.inf
        # When bytes first came, and how many; how many samples.
        self._first_byte_s = math.nan
        self._bytes = 0
        self._count = 0
        # Arrival and number of the latest samples, and of those that ended the last pause.
        self._latest = self._first = (-math.inf, 0)
        self._pause_s = max(PAUSE_S, 5.0 / first.rate_hz)

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """One per specification; their rate may be another after `try_out`."""
        return self._streams

    @property
    def ended(self) -> bool:
        """Never: a cable that was pulled may be plugged in again."""
        return False

    def open(self) -> None:
        """Open the port, make the device send and begin to receive; the thread is stopped by `close`.

        Raises
        ------
        SourceError
            If it cannot be opened, or the device does not answer.
        """
        self._receiver.open()

    def try_out(self, seconds: float = TRIAL_S, limit_s: float = TRIAL_LIMIT_S) -> None:
        """Receive for some seconds and refuse a device that does not send what was said.

        A rate that was not stated and that the device cannot be told is measured: where it is far from the
        profile's, it takes its place, and this is told as an incident.

        Raises
        ------
        SourceError
            If nothing comes within `limit_s`, if most of it is not understood, or if the rate is far from the
            one that was stated.
        """
        opened_s = self._clock()
        while not self._count or self._latest[0] - self._first[0] < seconds:
            now_s = self._clock()
            if now_s - opened_s > limit_s + seconds:
                break
            if not self._parser.frames and now_s - self._first_byte_s > UNREADABLE_AFTER_S:
                break
            time.sleep(0.02)
            self._take_in(self._clock())
        self._require_sense(self._clock() - opened_s)
        self._require_rate(*self._first, *self._latest)

    def begin(self, t0: float) -> None:
        """Drop what was sampled before `t0`."""
        self._begin_s = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return sample numbers at the nominal rate against engine time, one pair about every 5 s."""
        pairs, self._pairs = tuple(self._pairs), []
        return pairs

    def incidents(self) -> tuple[SourceIncident, ...]:
        """Return what happened since the last call."""
        return self._status.take()

    def statuses(self) -> tuple[Status, ...]:
        """Return how the streams are doing: all of one device alike."""
        return tuple(replace(self._status.status, stream_id=s.stream_id) for s in self._streams)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples taken up to engine time `t` that were not read before."""
        received = self._take_in(t)
        self._status.heard(t, samples=received > 0)
        ready = int(np.searchsorted(self._times, t, side="right"))
        times, samples = self._times[:ready], self._samples[:ready]
        self._times, self._samples = self._times[ready:], self._samples[ready:]
        inside = times >= self._begin_s
        times, samples = times[inside], samples[inside]
        if not times.size:
            return []
        return [
            Chunk(stream, times, self._in_units(spec, samples[:, [index]]))
            for index, (spec, stream) in enumerate(zip(self._specs, self._streams, strict=True))
        ]

    def close(self) -> None:
        """Stop receiving and let go of the port."""
        self._receiver.stop()

    def _in_units(self, spec: SerialSpec, raw: FloatArray) -> FloatArray:
        values = spec.transfer.from_raw(raw)
        self._status.count(int(np.sum(np.isnan(values) & ~np.isnan(raw))), OUT_OF_RANGE)
        return values

    def _take_in(self, now_s: float) -> int:
        """Parse and time what was received; return the number of samples."""
        before = self._count
        for arrival_s, data in self._receiver.take():
            if isinstance(data, str):
                tell = self._status.lost if data.endswith("was lost") else self._status.note
                tell(arrival_s, data)
                self._parser.reset()
                continue
            if data and not self._bytes:
                self._first_byte_s = arrival_s
            self._bytes += len(data)
            rows = self._parser.feed(data)
            if rows.size:
                self._count += len(rows)
                self._samples = np.concatenate((self._samples, rows))
                if arrival_s - self._latest[0] > self._pause_s:
                    self._first = (arrival_s, self._count)
                self._latest = (arrival_s, self._count)
                self._place(self._sample_times.arrived(arrival_s, len(rows)))
        self._place(self._sample_times.settle(now_s))
        for trouble, times in (self._parser.troubles - self._told).items():
            self._status.count(times, trouble)
        self._told = self._parser.troubles.copy()
        return self._count - before

    def _place(self, times: FloatArray) -> None:
        if not times.size:
            return
        self._times = np.concatenate((self._times, times))
        if times[-1] >= self._pair_due_s:
            self._pair_due_s = float(times[-1]) + CLOCK_PAIR_EVERY_S
            device_s = (self._sample_times.count - 1) / self._rate_hz
            self._pairs += [
                ClockPair(stream_id=stream.stream_id, source_time_s=device_s, engine_time_s=float(times[-1]))
                for stream in self._streams
            ]

    def _require_sense(self, waited_s: float) -> None:
        spec, parser = self._specs[0], self._parser
        if not self._bytes:
            raise SourceError(
                f"{spec.port}: nothing came within {waited_s:.2g} s at {spec.baud} baud; check the cable, "
                "and that the device is on"
            )
        shown = f", such as {_shown(parser.last_rejected)}" if parser.rejected else ""
        if spec.profile.name == LINES:
            columns = ", ".join(one.channel for one in self._specs)
            check = f"check column={columns}, separator= and baud={spec.baud}"
        else:
            check = f"is the profile right, and baud={spec.baud}?"
        if not parser.frames:
            raise SourceError(
                f"{spec.port}: nothing readable as {spec.profile.name} in {waited_s:.2g} s: "
                f"{self._bytes} bytes, 0 frames{shown}; {check}"
            )
        if parser.rejected > parser.frames:
            raise SourceError(
                f"{spec.port}: little readable as {spec.profile.name}: {parser.rejected} of "
                f"{parser.rejected + parser.frames} frames are not{shown}; {check}"
            )

    def _require_rate(self, first_s: float, first: int, latest_s: float, latest: int) -> None:
        if latest - first < TRIAL_SAMPLES:
            return
        rate_hz = (latest - first) / (latest_s - first_s)
        spec = self._specs[0]
        if abs(rate_hz - spec.rate_hz) <= RATE_TOLERANCE * spec.rate_hz:
            return
        if spec.rate_stated:
            raise SourceError(
                f"{spec.port}: {rate_hz:.3g} samples come per second where {spec.text!r} says "
                f"{spec.rate_hz:g}; write the true rate="
            )
        self._adopt(float(f"{rate_hz:.3g}"), latest_s)

    def _adopt(self, rate_hz: float, now_s: float) -> None:
        """Take a measured rate for the nominal one, and drop what was timed by that."""
        self._status.note(
            now_s,
            f"{rate_hz:g} samples come per second, not the {self._rate_hz:g} usual of "
            f"{self._specs[0].profile.name}; the measured rate is used",
        )
        self._rate_hz = rate_hz
        self._streams = tuple(replace(stream, rate_hz=rate_hz) for stream in self._streams)
        self._sample_times = SampleTimeEstimator(rate_hz)
        self._times, self._samples = np.empty(0), np.empty((0, len(self._specs)))
        self._pairs, self._pair_due_s = [], -math.inf


def _shown(garbage: bytes) -> str:
    text = garbage.decode("ascii", "replace")
    return repr(text) if text.isprintable() and "�" not in text else garbage[:8].hex(" ")
