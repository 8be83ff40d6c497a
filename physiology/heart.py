"""Heart rate and its variability from the beat log, and the one signal they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from physiology.beats import BeatLog, BeatTracker
from physiology.feature import Feature
from physiology.quality import complaint
from physiology.samples import SampleBuffer
from physiology.state import Beat, FloatArray
from physiology.waveform import ECG, PPG

HR_WINDOW_S, HR_LEAST_S = 30.0, 10.0
RMSSD_WINDOW_S, RMSSD_LEAST_S = 60.0, 30.0
NEWEST_BEAT_S = 5.0
HR_LARGEST_SHARE, RMSSD_LARGEST_SHARE = 0.20, 0.10
DOUBTFUL_QUALITY = 0.3
HR_RANGE_BPM = (30.0, 220.0)


def heart_rate(beats: Sequence[Beat], now: float) -> Feature:
    """Return 60 000 over the mean good RR interval of the last 30 s, in beats per minute.

    An interval is bad if it fails the live artefact rule or ends in a beat of quality below 0.3. The rate
    is withheld with less than 10 s of good intervals, with more than 20 % of them bad, and when there is
    none in the last 5 s or fewer than half of them are good.
    """
    return _from_intervals(
        _intervals(beats, now - HR_WINDOW_S),
        now,
        window_s=HR_WINDOW_S,
        least_s=HR_LEAST_S,
        largest_share=HR_LARGEST_SHARE,
        compute=lambda chosen: 60_000 / float(np.mean([beat.rr_ms for beat in chosen if _is_good(beat)])),
    )


def rmssd(beats: Sequence[Beat], now: float) -> Feature:
    """Return the root mean square of successive differences of the last 60 s, in ms.

    From PPG it is pulse-rate variability, not heart-rate variability. Differences are taken between good
    neighbours only, never across a gap or a corrected interval. It is withheld with less than 30 s of good
    intervals, with more than 10 % of them bad, and like the rate when the last 5 s are silent or bad.
    """
    return _from_intervals(
        _intervals(beats, now - RMSSD_WINDOW_S),
        now,
        window_s=RMSSD_WINDOW_S,
        least_s=RMSSD_LEAST_S,
        largest_share=RMSSD_LARGEST_SHARE,
        compute=_rmssd_ms,
    )


def _rmssd_ms(beats: Sequence[Beat]) -> float | None:
    differences = [
        beat.rr_ms - before.rr_ms
        for before, beat in pairwise(beats)
        if _is_good(before) and _is_good(beat) and _are_neighbours(before, beat)
    ]
    return float(np.sqrt(np.mean(np.square(differences)))) if len(differences) >= 10 else None


def _are_neighbours(before: Beat, beat: Beat) -> bool:
    """Tell whether no beat was lost between two: in a series of RR intervals only their times show it."""
    return 1000 * (beat.r_time_s - before.r_time_s) < 1.5 * beat.rr_ms


def _intervals(beats: Sequence[Beat], since: float) -> list[Beat]:
    """Return the beats after `since`; those without an interval too, for nothing is taken across them."""
    return [beat for beat in beats if beat.r_time_s > since]


def _is_good(beat: Beat) -> bool:
    return not np.isnan(beat.rr_ms) and not beat.corrected and beat.quality >= DOUBTFUL_QUALITY


def _is_going_on(beats: Sequence[Beat], now: float) -> bool:
    """Tell whether most intervals of the last 5 s are good: in noise a good one turns up now and then."""
    newest = [b for b in beats if b.r_time_s >= now - NEWEST_BEAT_S and not np.isnan(b.rr_ms)]
    return bool(newest) and sum(map(_is_good, newest)) >= len(newest) / 2


def _from_intervals(
    beats: list[Beat],
    now: float,
    *,
    window_s: float,
    least_s: float,
    largest_share: float,
    compute: Callable[[Sequence[Beat]], float | None],
) -> Feature:
    good = [beat for beat in beats if _is_good(beat)]
    if not good:
        return Feature()
    age_s = now - good[-1].r_time_s
    count = sum(not np.isnan(beat.rr_ms) for beat in beats)
    good_s = sum(beat.rr_ms for beat in good) / 1000
    too_bad = 1 - len(good) / count > largest_share or not _is_going_on(beats, now)
    value = None if too_bad or good_s < least_s else compute(beats)
    if value is None:
        return Feature(age_s=age_s)
    quality = sum(beat.quality for beat in good) / count
    return Feature(value=value, quality=quality, age_s=age_s, filled=min(1.0, good_s / (window_s - 1)))


@dataclass(frozen=True, slots=True)
class HeartReport:
    """What the heart's signal says now: rate, variability, and a complaint in words or None."""

    hr: Feature
    rmssd: Feature
    reason: str | None


class WaveformHeart:
    """Beats, rate and variability from an ECG or PPG.

    Parameters
    ----------
    kind : str
        ``ecg`` or ``ppg``.
    rate_hz : float
        Nominal rate of the signal, 0 if irregular.
    """

    def __init__(self, kind: str, rate_hz: float) -> None:
        waveform = ECG if kind == "ecg" else PPG
        self._buffer = SampleBuffer(kind, keep_s=waveform.window_s + 1)
        self._tracker = BeatTracker(waveform, rate_hz)

    def push(self, times: FloatArray, values: FloatArray) -> None:
        """Take in samples (see `SampleBuffer.push`)."""
        self._buffer.push(times, values)

    def hop(self, now: float) -> list[Beat]:
        """Return the new lines of the beat log at `now`."""
        lines = self._tracker.hop(now, self._buffer)
        self._buffer.forget(now)
        return lines

    def report(self, now: float) -> HeartReport:
        """Return the features at `now`."""
        beats = self._tracker.log.beats
        times, values = self._buffer.window(now - 3, now)
        reason = complaint(times, values, now, usual_amplitude=self._tracker.usual_amplitude)
        return HeartReport(
            heart_rate(beats, now), rmssd(beats, now), reason or complaint_about_beats(beats, now)
        )


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
        """Return a line for each interval up to `now` not read before."""
        lines = []
        times, values = self._buffer.window(self._read_s, now)
        for time, rr_ms in zip(times.tolist(), values.tolist(), strict=True):
            lines += self._log.add(time, quality=1.0, known_at_s=time, rr_ms=rr_ms)
        self._read_s = now
        self._log.forget(now)
        self._buffer.forget(now)
        return lines

    def report(self, now: float) -> HeartReport:
        """Return the features at `now`."""
        beats = self._log.beats
        return HeartReport(heart_rate(beats, now), rmssd(beats, now), complaint_about_beats(beats, now))


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
            return HeartReport(Feature(), Feature(), "no valid heart rate for 10 s")
        age_s = now - float(times[valid][-1])
        if age_s > NEWEST_BEAT_S:
            return HeartReport(Feature(age_s=age_s), Feature(), "no valid heart rate for 5 s")
        share = float(valid.mean())
        value = float(np.median(values[valid]))
        return HeartReport(Feature(value=value, quality=share, age_s=age_s, filled=1.0), Feature(), None)


Heart = WaveformHeart | IntervalHeart | RateHeart


def heart_for(kind: str, rate_hz: float) -> Heart:
    """Return what reads the heart from a signal of that kind."""
    if kind == "rr":
        return IntervalHeart()
    return RateHeart() if kind == "hr" else WaveformHeart(kind, rate_hz)


def complaint_about_beats(beats: Sequence[Beat], now: float) -> str | None:
    """Return why there is no heart rate, or None."""
    if not beats:
        return "no beats yet"
    if now - beats[-1].r_time_s > 3.0:
        return "no beats for 3 s"
    recent = [b for b in beats if b.r_time_s > now - HR_WINDOW_S and not np.isnan(b.rr_ms)]
    good = [beat for beat in recent if _is_good(beat)]
    if recent and 1 - len(good) / len(recent) > HR_LARGEST_SHARE:
        doubtful = sum(beat.quality < DOUBTFUL_QUALITY for beat in recent)
        irregular = sum(beat.corrected for beat in recent)
        return "beats look unlike each other" if doubtful >= irregular else "irregular beats"
    if not _is_going_on(recent, now):
        return "doubtful beats in the last 5 s"
    if sum(beat.rr_ms for beat in good) / 1000 < HR_LEAST_S:
        return f"less than {HR_LEAST_S:.0f} s of beats"
    return None
