"""Serial devices as sources: received bytes become samples with times and units."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from pylsl import local_clock

from acquisition.errors import SourceError
from acquisition.serial.receiver import SerialReceiver
from acquisition.serial.sample_times import RATE_TOLERANCE, SampleTimeEstimator
from acquisition.serial.spec import LINES, SerialSpec, settings_for
from acquisition.stream_status import DeviceSource
from acquisition.streams import Chunk, FloatArray, StreamInfo, StreamReason, StreamReasonCode

TRIAL_S = 2.0
"""Seconds for which a device is observed before it is accepted."""

TRIAL_LIMIT_S = 6.0
"""Seconds to wait for the first samples: some boards restart when their port is opened."""

UNREADABLE_AFTER_S = 3.0
"""Seconds for which a device may send unreadable data before it is refused."""

PAUSE_S = 0.5
"""After a longer pause the measurement of the rate starts again."""

TRIAL_SAMPLES = 20
"""Fewer samples do not determine the rate."""


class _Arrival(NamedTuple):
    """When samples arrived, and how many had arrived by then."""

    time_s: float
    samples: int


class SerialSource(DeviceSource):
    """A device on a serial port that sends one sample per line or frame.

    Parameters
    ----------
    specs : sequence of SerialSpec
        One per stream, for the same port and with the same settings (see `settings_for`).
    streams : sequence of StreamInfo
        Their descriptions, in the same order.
    clock : callable
        Returns engine time.
    """

    def __init__(
        self,
        specs: Sequence[SerialSpec],
        streams: Sequence[StreamInfo],
        *,
        clock: Callable[[], float] = local_clock,
    ) -> None:
        super().__init__(streams)
        settings, first = settings_for(specs), specs[0]
        self._specs = tuple(specs)
        self._clock = clock
        self._receiver = SerialReceiver(
            first.port,
            first.baud,
            clock,
            start_with=first.profile.start(settings),
            stop_with=first.profile.stop,
        )
        self._parser = first.profile.parser(settings)
        self._counted: Counter[StreamReasonCode] = Counter()
        self._rate_hz = first.rate_hz
        self._estimator = SampleTimeEstimator(first.rate_hz)
        # Received samples that were not read; the first of them have a time already.
        self._times = np.empty(0)
        self._samples = np.empty((0, len(specs)))
        self._first_byte_s = math.nan
        self._bytes = 0
        self._count = 0
        # The arrival that ended the last pause, and the latest.
        self._first = self._latest = _Arrival(-math.inf, 0)
        self._pause_s = max(PAUSE_S, 5.0 / first.rate_hz)

    def open(self) -> None:
        """Open the port, start the device and begin to receive; `close` ends this.

        Raises
        ------
        SourceError
            If the port cannot be opened, or the device does not answer.
        """
        self._receiver.open()

    def try_out(self, seconds: float = TRIAL_S, limit_s: float = TRIAL_LIMIT_S) -> None:
        """Receive for some seconds, and refuse a device that does not send what the specification says.

        The rate is measured where the specification does not state it and the device cannot be set to one. A
        measured rate far from the profile's is used in its place, and reported as an incident.

        Raises
        ------
        SourceError
            If nothing comes within `limit_s`, if most of it is unreadable, or if the rate is far from the
            stated one.
        """
        opened_s = self._clock()
        while not self._count or self._latest.time_s - self._first.time_s < seconds:
            now_s = self._clock()
            if now_s - opened_s > limit_s + seconds:
                break
            if not self._parser.frames and now_s - self._first_byte_s > UNREADABLE_AFTER_S:
                break
            time.sleep(0.02)
            self._gather(self._clock())
        self._require_readable(self._clock() - opened_s)
        self._require_rate(self._first, self._latest)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples taken up to engine time `t` that were not read before."""
        received = self._gather(t)
        self._tracker.update(t, samples=received > 0)
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
        """Stop receiving and release the port."""
        self._receiver.stop()

    def _in_units(self, spec: SerialSpec, raw: FloatArray) -> FloatArray:
        values = spec.transfer.from_raw(raw)
        outside = int(np.sum(np.isnan(values) & ~np.isnan(raw)))
        self._tracker.count(outside, StreamReason(StreamReasonCode.OUT_OF_RANGE))
        return values

    def _gather(self, now_s: float) -> int:
        """Parse and time what was received; return the number of samples."""
        before = self._count
        for arrival_s, content in self._receiver.take():
            if isinstance(content, StreamReason):
                lost = content.code is StreamReasonCode.PORT_LOST
                (self._tracker.lose if lost else self._tracker.report)(arrival_s, content)
                self._parser.reset()
            else:
                self._parse(arrival_s, content)
        self._add_times(self._estimator.settle(now_s))
        for code, number in (self._parser.defects - self._counted).items():
            self._tracker.count(number, StreamReason(code))
        self._counted = self._parser.defects.copy()
        return self._count - before

    def _parse(self, arrival_s: float, data: bytes) -> None:
        if data and not self._bytes:
            self._first_byte_s = arrival_s
        self._bytes += len(data)
        rows = self._parser.feed(data)
        if not rows.size:
            return
        self._count += len(rows)
        self._samples = np.concatenate((self._samples, rows))
        if arrival_s - self._latest.time_s > self._pause_s:
            self._first = _Arrival(arrival_s, self._count)
        self._latest = _Arrival(arrival_s, self._count)
        self._add_times(self._estimator.add(arrival_s, len(rows)))

    def _add_times(self, times: FloatArray) -> None:
        if times.size:
            self._times = np.concatenate((self._times, times))
            self._compare_clocks(float(times[-1]), (self._estimator.count - 1) / self._rate_hz)

    def _require_readable(self, waited_s: float) -> None:
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

    def _require_rate(self, first: _Arrival, latest: _Arrival) -> None:
        if latest.samples - first.samples < TRIAL_SAMPLES:
            return
        rate_hz = (latest.samples - first.samples) / (latest.time_s - first.time_s)
        spec = self._specs[0]
        if abs(rate_hz - spec.rate_hz) <= RATE_TOLERANCE * spec.rate_hz:
            return
        if spec.rate_stated:
            raise SourceError(
                f"{spec.port}: {rate_hz:.3g} samples come per second where {spec.text!r} says "
                f"{spec.rate_hz:g}; write the true rate="
            )
        self._adopt(float(f"{rate_hz:.3g}"), latest.time_s)

    def _adopt(self, rate_hz: float, now_s: float) -> None:
        """Use a measured rate as the nominal one, and drop the samples timed with the old rate."""
        parameters: dict[str, float | str] = {
            "rate_hz": rate_hz,
            "nominal_hz": self._rate_hz,
            "profile": self._specs[0].profile.name,
        }
        self._tracker.report(now_s, StreamReason(StreamReasonCode.RATE_MEASURED, parameters))
        self._rate_hz = rate_hz
        self._streams = tuple(replace(stream, rate_hz=rate_hz) for stream in self._streams)
        self._estimator = SampleTimeEstimator(rate_hz)
        self._times, self._samples = np.empty(0), np.empty((0, len(self._specs)))
        self._clock_pairs, self._clock_pair_due_s = [], -math.inf


def _shown(data: bytes) -> str:
    text = data.decode("ascii", "replace")
    return repr(text) if text.isprintable() and "�" not in text else data[:8].hex(" ")
