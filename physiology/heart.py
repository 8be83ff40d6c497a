"""Heart rate and variability from each kind of heart signal, and which of several signals is used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from physiology.beats.log import BeatLog
from physiology.beats.tracker import ChannelChoice, ChannelSelector
from physiology.beats.waveform import ECG, PPG
from physiology.breathing import DerivedBreathing
from physiology.fault_reasons import CAUSE_WINDOW_S, FaultKind, FaultReason, likely_cause, sample_fault
from physiology.samples import FloatArray, SampleBuffer
from physiology.state import NO_READING, Beat, BeatAction, Reading
from physiology.variability import NEWEST_BEAT_S, Intervals

HR_RANGE_BPM = (30.0, 220.0)
"""Heart rates outside, as a device sends them, are missing. Convention."""

RR_RANGE_MS = (200.0, 3000.0)
"""Intervals outside, as a device sends them, are no beats. Convention: wider than the artefact rule, which
judges what is inside."""

RATE_WINDOW_S = 10.0
"""Window of the median where a device sends heart rates only. Convention."""

LOST_S = 10.0
"""A signal that gave no heart rate for so long is lost, and another one takes over. Convention."""

BACK_S = 30.0
"""The better signal takes back after so long without a fault. Convention: beats of two sensors do not mix, so
the choice must not flicker."""

STARTING_S = 20.0
"""A signal may take so long to its first heart rate before it counts as lost. Convention; polarity and four
beats take 5 to 15 s."""

GOOD_QUALITY = 0.5
"""A signal that takes over gives a heart rate of at least this quality. Convention, as in
`physiology.beats.tracker`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartReport:
    """What a heart signal yields now: rates, variability, and what is wrong with it, if anything."""

    hr: Reading = NO_READING
    fast_hr: Reading = NO_READING
    rmssd: Reading = NO_READING
    sdnn: Reading = NO_READING
    pnn50: Reading = NO_READING
    breathing: Reading = NO_READING
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
        Its channels; of several the best is used (see `ChannelSelector`).
    """

    def __init__(self, kind: str, rate_hz: float, *, breathing: bool, labels: Sequence[str] = ("",)) -> None:
        waveform = ECG if kind == "ecg" else PPG
        self._buffers = [SampleBuffer(kind, keep_s=waveform.window_s + 1) for _ in labels]
        self._channels = ChannelSelector(waveform, rate_hz, labels)
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
    def choice(self) -> ChannelChoice | None:
        """Which of several channels is used, where there was a choice."""
        return self._channels.choice

    @property
    def _buffer(self) -> SampleBuffer:
        return self._buffers[self._channels.chosen or 0]

    def update(self, now: float) -> list[Beat]:
        """Return the new lines of the beat log at `now`."""
        lines = self._channels.update(now, self._buffers)
        if self._breathing:
            for line in lines:
                if line.action in {BeatAction.NEW, BeatAction.INSERTED}:
                    self._breathing.measure(line, self._buffer)
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
        # Where samples are missing or no channel is chosen, there is nothing to find a cause in.
        if found.fault and found.fault.kind not in {FaultKind.MISSING_SAMPLES, FaultKind.NO_CLEAR_PULSE}:
            cause = likely_cause(
                self._kind,
                times,
                values,
                since_first_s=now - self._first_s,
                usual_amplitude=self._channels.usual_amplitude,
            )
            found = replace(found, fault=cause or found.fault)
        return replace(found, breathing=self._breathing.rate(beats, now)) if self._breathing else found


class _DeviceHeart:
    """A heart signal of which the device sends intervals or rates."""

    def __init__(self, kind: str, keep_s: float) -> None:
        self._buffer = SampleBuffer(kind, keep_s)

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in intervals in ms, each stamped with the beat that ends it, or rates in beats per minute."""
        self._buffer.push(times, values)


class IntervalHeart(_DeviceHeart):
    """Beats, rate and variability from a series of RR intervals in ms."""

    def __init__(self) -> None:
        super().__init__("rr", keep_s=1)
        self._log = BeatLog()
        self._read_s = -np.inf

    def update(self, now: float) -> list[Beat]:
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


class RateHeart(_DeviceHeart):
    """Heart rate from a device that delivers nothing else: the median of its last 10 s."""

    def __init__(self) -> None:
        super().__init__("hr", keep_s=RATE_WINDOW_S + 1)

    def update(self, _now: float) -> list[Beat]:
        """Return nothing: there are no beats."""
        return []

    def report(self, now: float) -> HeartReport:
        """Return the heart rate at `now`; values outside 30 to 220 bpm count as missing."""
        times, values = self._buffer.window(now - RATE_WINDOW_S, now)
        self._buffer.forget(now)
        low, high = HR_RANGE_BPM
        valid = (values >= low) & (values <= high)
        if not valid.any():
            fault = FaultReason(FaultKind.NO_HEART_RATE, RATE_WINDOW_S)
            return HeartReport(hr=Reading(window_s=RATE_WINDOW_S), fault=fault)
        age_s, share = now - float(times[valid][-1]), float(valid.mean())
        rate = Reading(age_s=age_s, usable_share=share, window_s=RATE_WINDOW_S)
        if age_s > NEWEST_BEAT_S:
            fault = FaultReason(FaultKind.NO_HEART_RATE, NEWEST_BEAT_S)
            return HeartReport(hr=rate, fast_hr=rate, fault=fault)
        rate = replace(rate, value=float(np.median(values[valid])), quality=share)
        return HeartReport(hr=rate, fast_hr=rate)


Heart = WaveformHeart | IntervalHeart | RateHeart


def heart_for(kind: str, rate_hz: float, *, breathing: bool, labels: Sequence[str] = ("",)) -> Heart:
    """Return the reader of a heart signal of that kind, with or without breathing derived from it."""
    if kind == "rr":
        return IntervalHeart()
    return RateHeart() if kind == "hr" else WaveformHeart(kind, rate_hz, breathing=breathing, labels=labels)


@dataclass(slots=True)
class _Source:
    """A heart signal, its last report, and since when it has been good."""

    heart: Heart
    report: HeartReport
    given_s: float
    """When it last gave a heart rate."""
    good_since_s: float = math.inf


class HeartSources:
    """The heart signals that are configured, and the one that is used now.

    Beats and features come from one signal at a time, never from two: each keeps its own series of
    intervals, only lines about beats that were reported while a signal is in use are passed on, and the
    first of them has no interval. After 10 s without a heart rate the next best signal that is good takes
    over; the better one takes back after 30 s without a fault.

    Parameters
    ----------
    hearts : mapping of str to Heart
        By kind of signal, best first; at least one.
    """

    def __init__(self, hearts: Mapping[str, Heart]) -> None:
        self._sources = {kind: _Source(heart, HeartReport(), math.inf) for kind, heart in hearts.items()}
        self._kinds = tuple(hearts)
        self._first_id: int | None = -1
        self.kind = self._kinds[0]
        """The kind of the signal that is used."""

    def push(self, kind: str, times: FloatArray, values: FloatArray) -> None:
        """Take in samples of one of the signals (see `SampleBuffer.push`)."""
        self._sources[kind].heart.push(times, values)

    def update(self, now: float) -> list[Beat]:
        """Return the new lines of the beat log at `now`, those of the signal that is used."""
        lines = {kind: source.heart.update(now) for kind, source in self._sources.items()}
        return [line for beat in lines[self.kind] if (line := self._renumbered(beat))]

    def report(self, now: float) -> HeartReport:
        """Return the features at `now`, a whole second, and choose the signal that is used from now on."""
        for source in self._sources.values():
            source.report = source.heart.report(now)
            self._update(source, now)
        self._choose(now)
        return self._sources[self.kind].report

    def faults(self) -> Mapping[str, FaultReason | None]:
        """Return what is wrong with each signal; None where nothing is."""
        found: dict[str, FaultReason | None] = {}
        place = self._kinds.index(self.kind)
        for rank, kind in enumerate(self._kinds):
            fault = self._sources[kind].report.fault
            if rank > place:
                fault = FaultReason(FaultKind.STANDBY, in_use=self.kind)
            elif rank < place:
                fault = replace(fault or FaultReason(FaultKind.RECOVERED), in_use=self.kind)
            found[kind] = fault
        return found

    def choices(self) -> Mapping[str, ChannelChoice]:
        """Return which of several channels is used, by kind of signal."""
        return {
            kind: source.heart.choice
            for kind, source in self._sources.items()
            if isinstance(source.heart, WaveformHeart) and source.heart.choice
        }

    def qualities(self) -> Mapping[str, float]:
        """Return each signal's quality: that of its heart rate, 0 while that is withheld."""
        return {kind: source.report.hr.quality for kind, source in self._sources.items()}

    def _renumbered(self, beat: Beat) -> Beat | None:
        """Return a line as it goes into the log, or None if it is about a beat from before the change."""
        beat_id = beat.beat_id * len(self._kinds) + self._kinds.index(self.kind)
        if self._first_id is None and beat.action is BeatAction.NEW:
            self._first_id = beat_id
        if self._first_id is None or beat_id < self._first_id:
            return None
        if beat_id == self._first_id:
            return replace(beat, beat_id=beat_id, rr_ms=math.nan, corrected=False)
        return replace(beat, beat_id=beat_id)

    def _update(self, source: _Source, now: float) -> None:
        if source.given_s == math.inf:
            source.given_s = now + STARTING_S - LOST_S
        if source.report.hr.value is None:
            source.good_since_s = math.inf
            return
        source.given_s = max(now, source.given_s)
        good = source.report.fault is None and source.report.hr.quality >= GOOD_QUALITY
        source.good_since_s = min(source.good_since_s, now) if good else math.inf

    def _choose(self, now: float) -> None:
        place = self._kinds.index(self.kind)
        lost = now - self._sources[self.kind].given_s >= LOST_S
        for rank, kind in enumerate(self._kinds):
            good_for_s = now - self._sources[kind].good_since_s
            if (rank < place and good_for_s >= BACK_S) or (rank != place and lost and good_for_s >= 0):
                self.kind, self._first_id = kind, None
                return
