"""Serial devices as sources: received bytes become samples with times and units.

Devices that do not say when they sampled get sample times from arrival times.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from pylsl import local_clock

from acquisition.errors import SourceError
from acquisition.serial.receiver import SerialReceiver
from acquisition.serial.spec import LINES, SerialSpec, settings_for
from acquisition.stream_status import DeviceSource
from acquisition.streams import (
    Chunk,
    FloatArray,
    SampleBlock,
    StreamInfo,
    StreamReason,
    StreamReasonCode,
    no_samples,
)

LATE_S = 0.1
"""Samples later than this either waited in a buffer, or follow a gap."""

SETTLE_S = 0.3
"""Seconds without a decrease of the lateness after which it is taken for a gap."""

LESS_LATE_S = 0.02
"""Least decrease of the lateness that counts."""

MEMORY = 10
"""Seconds of samples that the line is fitted to."""

TRUSTED = 3
"""Seconds after which the line is trusted; before, a device with another rate may seem late."""

RATE_TOLERANCE = 0.1
"""Greatest deviation of the true rate from the nominal one, as a fraction."""

SLEW = 0.05
"""Greatest deviation of the spacing of samples from the period during corrections, as a fraction."""


class SampleTimeEstimator:
    """Times of samples that arrive in blocks, each some time after it was taken.

    Sample *n* lies at *n* periods on a line. Of each second the sample with the least delay is kept, and the
    line is the least-squares fit to those of the last `MEMORY` seconds. This removes jitter and bursts and
    follows drift. The returned times approach the line by spacing samples up to `SLEW` wider or closer; they
    strictly increase.

    Blocks later than `LATE_S` are held back. If the lateness goes, they had waited in a buffer and keep their
    spacing; if it stays for `SETTLE_S`, samples are missing, and the least lateness is the length of the gap.

    The method is our own; `benchmarks/acquisition.py` measures its errors (see docs/acquisition.md).

    Parameters
    ----------
    rate_hz : float
        Nominal rate.

    Attributes
    ----------
    count : int
        Number of samples that have a time.

    Examples
    --------
    >>> estimator = SampleTimeEstimator(10.0)
    >>> [round(float(t), 3) for t in estimator.add(arrival_s=5.0, count=3)]
    [4.8, 4.9, 5.0]
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_s = 1.0 / rate_hz
        self._window = max(1, round(rate_hz))
        # The line: the last sample with a time, number `count`, lies at `_line_s`.
        self.count = 0
        self._line_s = math.nan
        self._period_s = self._nominal_s
        # What it is fitted to: number and arrival of the sample with the least delay of each second.
        self._fitted: deque[tuple[int, float]] = deque(maxlen=MEMORY)
        self._least_delayed = (math.inf, 0, math.nan)
        self._second_from = (0, math.nan)
        # The times that are returned.
        self._first_s = self._last_s = math.nan
        self._step_s = self._nominal_s
        # Samples held back, their least lateness, and when the lateness last decreased.
        self._held = 0
        self._gap_s = math.inf
        self._less_late_s, self._less_late_at_s = math.inf, math.nan

    def add(self, arrival_s: float, count: int) -> FloatArray:
        """Add a block of samples.

        Parameters
        ----------
        arrival_s : float
            When it was received; not before the previous block.
        count : int
            Number of samples, at least one.

        Returns
        -------
        ndarray, float64, shape (n,)
            Times of the oldest `n` samples without a time; none if the block is held back.
        """
        if math.isnan(self._line_s):
            self._line_s = self._last_s = arrival_s - count * self._period_s
            self._first_s = arrival_s
            self._begin_second(arrival_s)
        self._held += count
        late_s = arrival_s - (self._line_s + self._held * self._period_s)
        if late_s > self._late_from(arrival_s):
            if late_s < self._less_late_s - LESS_LATE_S:
                self._less_late_s, self._less_late_at_s = late_s, arrival_s
            self._gap_s = min(self._gap_s, late_s)
            return self.settle(arrival_s)
        was_late, times = self._held > count, self._release_held()
        if was_late:
            self._begin_second(arrival_s)
        else:
            self._keep_least_delayed(late_s, arrival_s)
        return times

    def settle(self, now_s: float) -> FloatArray:
        """Return the times of blocks that were held back long enough; call it also when no block arrives."""
        if not self._held or now_s - self._less_late_at_s < SETTLE_S:
            return np.empty(0)
        self._line_s += self._gap_s
        self._last_s += self._gap_s
        self._fitted = deque(((n, fitted_s + self._gap_s) for n, fitted_s in self._fitted), maxlen=MEMORY)
        self._begin_second(now_s)
        return self._release_held()

    def _late_from(self, arrival_s: float) -> float:
        trusted = len(self._fitted) >= TRUSTED
        return LATE_S if trusted else LATE_S + RATE_TOLERANCE * (arrival_s - self._first_s)

    def _release_held(self) -> FloatArray:
        """Return the times of all samples held back."""
        times: FloatArray = self._last_s + self._step_s * np.arange(1.0, self._held + 1)
        self._last_s = float(times[-1])
        self.count += self._held
        self._line_s += self._held * self._period_s
        self._held, self._gap_s, self._less_late_s = 0, math.inf, math.inf
        return times

    def _begin_second(self, arrival_s: float) -> None:
        self._least_delayed = (math.inf, 0, math.nan)
        self._second_from = (self.count, arrival_s)

    def _keep_least_delayed(self, late_s: float, arrival_s: float) -> None:
        """Keep the sample with the least delay; fit the line again at the end of each second."""
        self._least_delayed = min(self._least_delayed, (late_s, self.count, arrival_s))
        samples, seconds = self.count - self._second_from[0], arrival_s - self._second_from[1]
        if samples >= self._window and seconds >= (1.0 - RATE_TOLERANCE) * self._window * self._nominal_s:
            self._fitted.append(self._least_delayed[1:])
            self._begin_second(arrival_s)
            self._fit()

    def _fit(self) -> None:
        """Fit the line, and choose the spacing that reaches it within a second."""
        numbers, arrivals = np.array(self._fitted).T
        before = numbers - self.count
        if len(self._fitted) > 1:
            slope_s = float(np.polyfit(before, arrivals - arrivals[0], 1)[0])
            self._period_s = _within(slope_s, self._nominal_s, RATE_TOLERANCE)
        self._line_s = float(np.mean(arrivals - before * self._period_s))
        wanted_s = (self._line_s + self._window * self._period_s - self._last_s) / self._window
        self._step_s = _within(wanted_s, self._period_s, SLEW)


def _within(value: float, middle: float, fraction: float) -> float:
    return min(max(value, middle * (1 - fraction)), middle * (1 + fraction))


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
        # Received samples that were not read: those that have a time already, and those after them.
        self._timed = no_samples(len(specs))
        self._untimed = self._timed.values
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
        ready, self._timed = self._timed.split(t)
        ready = ready[ready.times >= self._begin_s]
        if not ready.size:
            return []
        return [
            Chunk(stream, ready.times, self._in_units(spec, ready.values[:, [index]]))
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
        self._untimed = np.concatenate((self._untimed, rows))
        if arrival_s - self._latest.time_s > self._pause_s:
            self._first = _Arrival(arrival_s, self._count)
        self._latest = _Arrival(arrival_s, self._count)
        self._add_times(self._estimator.add(arrival_s, len(rows)))

    def _add_times(self, times: FloatArray) -> None:
        if times.size:
            self._timed += SampleBlock(times, self._untimed[: times.size])
            self._untimed = self._untimed[times.size :]
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
        self._timed = no_samples(len(self._specs))
        self._untimed = self._timed.values
        self._clock_pairs, self._clock_pair_due_s = [], -math.inf


def _shown(data: bytes) -> str:
    text = data.decode("ascii", "replace")
    return repr(text) if text.isprintable() and "�" not in text else data[:8].hex(" ")
