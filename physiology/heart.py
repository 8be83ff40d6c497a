"""The signals that heart rate and variability come from, each in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from physiology.beats import BeatLog
from physiology.channels import Channels
from physiology.derived_breathing import DerivedBreathing
from physiology.fault_reasons import CAUSE_WINDOW_S, FaultKind, FaultReason, likely_cause, sample_fault
from physiology.feature import Feature
from physiology.samples import FloatArray, SampleBuffer
from physiology.state import Beat, BeatAction
from physiology.variability import NEWEST_BEAT_S, Intervals
from physiology.waveform import ECG, PPG

HR_RANGE_BPM = (30.0, 220.0)
RR_RANGE_MS = (200.0, 3000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartReport:
    """What a heart signal yields now: rates, variability, and what is wrong with it, if anything."""

    hr: Feature = field(default_factory=Feature)
    fast_hr: Feature = field(default_factory=Feature)
    rmssd: Feature = field(default_factory=Feature)
    sdnn: Feature = field(default_factory=Feature)
    pnn50: Feature = field(default_factory=Feature)
    breathing: Feature = field(default_factory=Feature)
    fault: FaultReason | None = None


def report_of(beats: Sequence[Beat], now: float, fault: FaultReason | None = None) -> HeartReport:
    """Return the features of beats at `now`; `fault` is what is wrong with the samples themselves."""
    intervals = Intervals(beats, now)
    return HeartReport(
        hr=intervals.heart_rate(),
        fast_hr=intervals.fast_heart_rate(),
        rmssd=intervals.rmssd(),
        sdnn=intervals.sdnn(),
        pnn50=intervals.pnn50(),
        fault=fault or intervals.fault(),
    )


class WaveformHeart:
    """Beats, rate and variability from an ECG or PPG.

    Parameters
    ----------
    kind : str
        ``ecg`` or ``ppg``.
    rate_hz : float
        Nominal rate of the signal, 0 if irregular.
    breathing : bool
        Whether the breathing rate is to be derived from it.
    labels : sequence of str
        Its channels; of several the best is listened to (see `Channels`).
    """

    def __init__(self, kind: str, rate_hz: float, *, breathing: bool, labels: Sequence[str] = ("",)) -> None:
        waveform = ECG if kind == "ecg" else PPG
        self._buffers = [SampleBuffer(kind, keep_s=waveform.window_s + 1) for _ in labels]
        self._channels = Channels(waveform, rate_hz, labels)
        self._breathing = DerivedBreathing(kind) if breathing else None
        self._kind = kind
        self._first_s = np.inf

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples, of several channels as columns (see `SampleBuffer.push`)."""
        if times.size:
            self._first_s = min(self._first_s, float(times[0]))
        for place, buffer in enumerate(self._buffers):
            buffer.push(times, values if values.ndim == 1 else values[:, place])

    @property
    def choice(self) -> str | None:
        """Which of several channels is listened to and why, in words."""
        return self._channels.why

    @property
    def _buffer(self) -> SampleBuffer:
        return self._buffers[self._channels.chosen or 0]

    def hop(self, now: float) -> list[Beat]:
        """Return the new lines of the beat log at `now`."""
        lines = self._channels.hop(now, self._buffers)
        if self._breathing:
            for line in lines:
                if line.action in {BeatAction.NEW, BeatAction.INSERTED}:
                    self._breathing.see(line, self._buffer)
        for buffer in self._buffers:
            buffer.forget(now)
        return lines

    def report(self, now: float) -> HeartReport:
        """Return the features at `now`."""
        times, values = self._buffer.window(now - CAUSE_WINDOW_S, now)
        fault = sample_fault(times, values, now, usual_amplitude=self._channels.usual_amplitude)
        if self._channels.chosen is None:
            fault = FaultReason(FaultKind.NO_CLEAR_PULSE)
        beats = self._channels.log.beats
        found = report_of(beats, now, fault)
        if self._channels.chosen is not None and _may_have_a_cause(found.fault):
            found = replace(found, fault=self._cause(times, values, now) or found.fault)
        return replace(found, breathing=self._breathing.rate(beats, now)) if self._breathing else found

    def _cause(self, times: FloatArray, values: FloatArray, now: float) -> FaultReason | None:
        return likely_cause(
            self._kind,
            times,
            values,
            since_first_s=now - self._first_s,
            usual_amplitude=self._channels.usual_amplitude,
        )


def _may_have_a_cause(fault: FaultReason | None) -> bool:
    """Tell whether a cause is to be looked for: where samples are missing there is nothing to look at."""
    return fault is not None and fault.kind is not FaultKind.MISSING_SAMPLES


class IntervalHeart:
    """Beats, rate and variability from a series of RR intervals in ms."""

    def __init__(self) -> None:
        self._buffer = SampleBuffer("rr", keep_s=1)
        self._log = BeatLog()
        self._read_s = -np.inf

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in intervals, each stamped with the beat that ends it."""
        self._buffer.push(times, values)

    def hop(self, now: float) -> list[Beat]:
        """Return a line for each interval up to `now` not read before; what is not 0.2 to 3 s is no beat."""
        lines = []
        shortest, longest = RR_RANGE_MS
        times, values = self._buffer.window(self._read_s, now)
        for time, rr_ms in zip(times.tolist(), values.tolist(), strict=True):
            if shortest <= rr_ms <= longest:
                lines += self._log.add(time, quality=1.0, known_at_s=time, rr_ms=rr_ms)
        self._read_s = now
        self._log.forget(now)
        self._buffer.forget(now)
        return lines

    def report(self, now: float) -> HeartReport:
        """Return the features at `now`."""
        return report_of(self._log.beats, now)


class RateHeart:
    """Heart rate from a device that delivers nothing else: the median of its last 10 s."""

    WINDOW_S = 10.0

    def __init__(self) -> None:
        self._buffer = SampleBuffer("hr", keep_s=self.WINDOW_S + 1)

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in heart rates in beats per minute."""
        self._buffer.push(times, values)

    def hop(self, _now: float) -> list[Beat]:
        """Return nothing: there are no beats."""
        return []

    def report(self, now: float) -> HeartReport:
        """Return the heart rate at `now`; values outside 30 to 220 bpm count as missing."""
        times, values = self._buffer.window(now - self.WINDOW_S, now)
        self._buffer.forget(now)
        low, high = HR_RANGE_BPM
        valid = (values >= low) & (values <= high)
        if not valid.any():
            silent = Feature(window_s=self.WINDOW_S)
            return HeartReport(hr=silent, fault=FaultReason(FaultKind.NO_HEART_RATE, self.WINDOW_S))
        age_s, share = now - float(times[valid][-1]), float(valid.mean())
        if age_s > NEWEST_BEAT_S:
            silent = Feature(age_s=age_s, filled=share, window_s=self.WINDOW_S)
            return HeartReport(
                hr=silent, fast_hr=silent, fault=FaultReason(FaultKind.NO_HEART_RATE, NEWEST_BEAT_S)
            )
        value = float(np.median(values[valid]))
        rate = Feature(value=value, quality=share, age_s=age_s, filled=share, window_s=self.WINDOW_S)
        return HeartReport(hr=rate, fast_hr=rate)


Heart = WaveformHeart | IntervalHeart | RateHeart


def heart_for(kind: str, rate_hz: float, *, breathing: bool, labels: Sequence[str] = ("",)) -> Heart:
    """Return what reads the heart from a signal of that kind, and breathing from a waveform if it shall."""
    if kind == "rr":
        return IntervalHeart()
    return RateHeart() if kind == "hr" else WaveformHeart(kind, rate_hz, breathing=breathing, labels=labels)
