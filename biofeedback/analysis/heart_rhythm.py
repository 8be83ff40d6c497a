"""Heart beats of a session: final state of the beat log, intervals corrected by the whole series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biofeedback.analysis.phases import RecordedPhase, valid_feature
from biofeedback.recording.reader import Recording
from physiology.offline import LEAST_BEATS, correct
from physiology.state import BeatAction
from physiology.variability import DOUBTFUL_QUALITY

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PULSE = "ppg"
LATEST = 1.5
"""A beat that comes later than so many of its intervals after the beat before was not the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """Heart beats as the recording finally has them, and their intervals after correction.

    Attributes
    ----------
    r_time_s, rr_ms : ndarray, shape (n,)
        Beats in order of time, seconds from the session's start, and the interval from the beat before as it
        was measured; NaN where there is none or a gap lies between.
    corrected : ndarray of bool, shape (n,)
        Which are artefacts by the whole series (see `physiology.offline.correct`) or by the rule that is
        used live. The first adapts to the series, so it does not see artefacts where half of the intervals
        are some; the second does.
    doubtful : ndarray of bool, shape (n,)
        Which have a quality below 0.3: the intervals beside them count as missing, as they do live.
    interval_end_s, interval_ms : ndarray, shape (m,)
        The corrected intervals of all stretches without a gap that are long enough to be judged, and when
        each ends.
    follows : ndarray of bool, shape (m,)
        Whether an interval has the one before it in the array before it in time, too.
    """

    r_time_s: FloatArray
    rr_ms: FloatArray
    corrected: BoolArray
    doubtful: BoolArray
    interval_end_s: FloatArray
    interval_ms: FloatArray
    follows: BoolArray

    @property
    def usable(self) -> BoolArray:
        """Which intervals count as they were measured: present, not doubtful and not corrected."""
        usable: BoolArray = np.isfinite(self.rr_ms) & ~self.corrected & ~_beside(self.doubtful)
        return usable


def beats(recording: Recording) -> Beats:
    """Return the beats after every line of the beat log has been applied, corrected by the whole series."""
    stream = recording.streams.get("beats")
    final: dict[int, tuple[float, float, float, float]] = {}
    if stream is not None and stream.times.size:
        labels = ("id", "r_time_s", "rr_ms", "corrected", "quality", "action")
        columns = [stream.column(label).tolist() for label in labels]
        for beat_id, r_time, rr, live, quality, action in zip(*columns, strict=True):
            if action == BeatAction.WITHDRAWN:
                final.pop(int(beat_id), None)
            else:
                final[int(beat_id)] = (r_time - recording.t0_s, rr, live, quality)
    lines = sorted(final.values(), key=lambda line: line[0])
    times, rr_ms, live, quality = np.array(lines, dtype=np.float64).reshape(-1, 4).T
    return _corrected(times, rr_ms, live > 0, quality < DOUBTFUL_QUALITY)


def _corrected(times: FloatArray, rr_ms: FloatArray, live: BoolArray, doubtful: BoolArray) -> Beats:
    corrected = live.copy()
    ends, intervals, follows = [np.empty(0)], [np.empty(0)], [np.empty(0, dtype=np.bool_)]
    for places in _series(times, rr_ms, doubtful):
        # A sensor that delivers intervals stamps them less exactly than it measures them.
        since_s = np.concatenate([[0.0], np.cumsum(rr_ms[places[1:]]) / 1000])
        correction = correct(float(times[places[0]]) + since_s)
        corrected[places[np.concatenate(list(correction.artefacts.values()))]] = True
        ends.append(correction.times_s[1:])
        intervals.append(correction.rr_ms)
        follows.append(np.arange(correction.rr_ms.size) > 0)
    return Beats(
        r_time_s=times,
        rr_ms=rr_ms,
        corrected=corrected & ~_beside(doubtful),
        doubtful=doubtful,
        interval_end_s=np.concatenate(ends),
        interval_ms=np.concatenate(intervals),
        follows=np.concatenate(follows),
    )


def _beside(doubtful: BoolArray) -> BoolArray:
    """Return which intervals begin or end in a doubtful beat."""
    beside = doubtful.copy()
    beside[1:] |= doubtful[:-1]
    return beside


def _series(times: FloatArray, rr_ms: FloatArray, doubtful: BoolArray) -> list[npt.NDArray[np.int64]]:
    """Return the places of beats that follow each other without a gap or a doubtful one between."""
    with np.errstate(invalid="ignore"):
        near = 1000 * np.diff(times, prepend=-np.inf) < LATEST * rr_ms
    linked = near & ~_beside(doubtful)
    series = np.split(np.arange(times.size), np.flatnonzero(~linked))
    return [places for places in series if places.size >= LEAST_BEATS]


def heart_sources(recording: Recording, phase: RecordedPhase) -> list[str]:
    """Return the kinds of signal beats came from in a phase, by what was recorded where no code tells."""
    named = _named(recording, "heart_source", phase)
    if named:
        return named
    kinds = {stream.kind for stream in recording.streams.values() if stream.times.size}
    return [PULSE] if "PPG" in kinds and not kinds & {"ECG", "RR"} else []


def breathing_sources(recording: Recording, phase: RecordedPhase) -> list[str]:
    """Return what breathing was derived from in a phase: ``belt``, ``ecg-derived``, ``ppg-derived``."""
    return _named(recording, "breathing_source", phase)


def _named(recording: Recording, label: str, phase: RecordedPhase) -> list[str]:
    """Return the names of the codes in a column of ``features`` that occur in a phase."""
    codes = valid_feature(recording, label, phase).values
    if not codes.size:
        return []
    names = recording.streams["features"].desc[f"{label}s"].split(",")
    return [names[code] for code in sorted({int(code) for code in codes})]
