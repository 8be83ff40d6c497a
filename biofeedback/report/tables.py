"""What happened, in tables: phases, beats, and the statistics of each phase.

Statistics of the heart are computed from the final state of the beat log, corrected by the whole series, not
from what was known live; other features are averages of the valid seconds of the 1-Hz ``features`` stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from biofeedback.recording.reader import Recording
from biofeedback.report.rhythm import Beats, beats

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Timed = tuple[float, Mapping[str, Any]]
"""A JSON object and when it was recorded, in seconds from the session's start."""

HR_WINDOW_S = 30.0
"""Valid intervals a mean heart rate needs; SCL, breathing and activation need as many valid seconds."""

VARIABILITY_WINDOW_S = 60.0
"""Valid intervals RMSSD and SDNN need, and valid seconds a rate of responses needs."""

LEAST_STEPS = 10
MAX_CORRECTED_FOR_VARIABILITY = 10.0
MAX_CORRECTED_FOR_HR = 20.0
"""Per cent of beats corrected above which variability, then heart rate too, is withheld."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of the session, in seconds from its start.

    Attributes
    ----------
    name, kind : str
        As the protocol names it, and what it does (``baseline``, ``match``, ``lead`` …).
    begin_s, end_s : float
        It holds ``begin_s <= t < end_s``.
    cut : bool
        Whether the recording was cut off in it, so that `end_s` is only the last that is known of it.
    """

    name: str
    kind: str
    begin_s: float
    end_s: float
    cut: bool = False

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return self.end_s - self.begin_s

    def holds(self, times: FloatArray) -> BoolArray:
        """Return which of `times` lie within."""
        within: BoolArray = (times >= self.begin_s) & (times < self.end_s)
        return within


@dataclass(frozen=True, slots=True)
class Value:
    """A number of the table, or the reason why it is withheld.

    Attributes
    ----------
    number : float or None
        None where withheld.
    reason : str
        Empty unless withheld.
    at_s : float
        The moment of the raw signal to look at for it, seconds from the session's start.
    """

    number: float | None
    reason: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeartOf:
    """The heart in one phase: what its numbers are made from.

    Attributes
    ----------
    end_s, rr_ms : ndarray, shape (n,)
        The corrected intervals, and when each ends.
    together : ndarray of bool, shape (n,)
        Whether an interval follows the one before it without a gap.
    steps_ms : ndarray
        Successive differences.
    window_s : float
        Seconds of intervals.
    corrected : float
        Per cent of the beats; NaN where there are none.
    first_bad_s : float
        The first corrected beat, or the phase's beginning.
    no_rate, no_variability : str
        Why heart rate or variability is withheld; empty where it is not.
    """

    end_s: FloatArray
    rr_ms: FloatArray
    together: BoolArray
    steps_ms: FloatArray
    window_s: float
    corrected: float
    first_bad_s: float
    no_rate: str
    no_variability: str

    def rate(self, compute: Callable[[], float], at_s: float) -> Value:
        """Return what is computed, or why a heart rate is withheld."""
        return Value(None, self.no_rate, self.first_bad_s) if self.no_rate else Value(compute(), "", at_s)

    def variability(self, compute: Callable[[], float], at_s: float) -> Value:
        """Return what is computed, or why variability is withheld."""
        if self.no_variability:
            return Value(None, self.no_variability, self.first_bad_s)
        return Value(compute(), "", at_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStatistics:
    """One row of the per-phase table.

    Heart rate in bpm (its SD over beats), variability in ms, SCL in µS, rates per minute, `usable_*` in
    per cent of the phase's seconds, `corrected` in per cent of its beats, `*_window` in seconds of valid
    signal that went into the numbers.
    """

    phase: Phase
    hr: Value
    hr_sd: Value
    rmssd: Value
    sdnn: Value
    scl: Value
    scr_rate: Value
    breathing: Value
    activation: Value
    heart_activation: Value
    eda_activation: Value
    usable_hr: Value
    usable_eda: Value
    corrected: Value
    hr_window: Value
    eda_window: Value

    def values(self) -> Iterator[tuple[str, Value]]:
        """Iterate over the statistics and their names, in the table's order."""
        for field in fields(self)[1:]:
            yield field.name, getattr(self, field.name)


def duration_s(recording: Recording) -> float:
    """Return the last moment of which anything is recorded, in seconds from the session's start."""
    ends = [float(stream.times[-1]) for stream in recording.streams.values() if stream.times.size]
    return max(0.0, max(ends, default=recording.t0_s) - recording.t0_s)


def numeric(recording: Recording, stream: str, label: str) -> tuple[FloatArray, FloatArray]:
    """Return times from the session's start and one column of a stream; both empty if it is not there."""
    found = recording.streams.get(stream)
    if found is None or label not in found.labels or not found.times.size:
        return np.empty(0), np.empty(0)
    return found.times - recording.t0_s, found.column(label)


def texts(recording: Recording, stream: str) -> list[Timed]:
    """Return the JSON objects of a stream with their times; what is not an object is left out."""
    found = recording.streams.get(stream)
    if found is None:
        return []
    pairs = zip((found.times - recording.t0_s).tolist(), found.json(), strict=True)
    return [(time, entry) for time, entry in pairs if isinstance(entry, Mapping)]


def phases(recording: Recording) -> tuple[Phase, ...]:
    """Return the phases in order of time.

    They are taken from the phase markers. Where these lack, because the file was cut or they were never
    written, the phase each decision names stands in for them.
    """
    end = duration_s(recording)
    cut = not recording.complete
    marked = _marked_phases(texts(recording, "markers"), end, cut=cut)
    covered = [(phase.begin_s, phase.end_s) for phase in marked]
    decided = [
        (time, str(decision["phase"]))
        for time, decision in texts(recording, "decisions")
        if decision.get("phase") and not any(begin <= time <= stop for begin, stop in covered)
    ]
    return tuple(
        sorted([*marked, *_decided_phases(decided, marked, end, cut=cut)], key=lambda phase: phase.begin_s)
    )


def _marked_phases(markers: list[Timed], end: float, *, cut: bool) -> list[Phase]:
    found: list[Phase] = []
    begun: dict[str, tuple[float, str]] = {}
    for time, marker in markers:
        if marker.get("type") != "phase":
            continue
        name = str(marker.get("name", "unnamed"))
        if marker.get("event") == "begin":
            begun[name] = (time, str(marker.get("kind", name)))
        elif name in begun:
            begin, kind = begun.pop(name)
            found.append(Phase(name=name, kind=kind, begin_s=begin, end_s=time))
    starts = [phase.begin_s for phase in found] + [begin for begin, _ in begun.values()]
    for name, (begin, kind) in begun.items():
        until = min((start for start in starts if start > begin), default=end)
        found.append(Phase(name=name, kind=kind, begin_s=begin, end_s=until, cut=cut))
    return [phase for phase in found if phase.duration_s > 0]


def _decided_phases(
    decided: list[tuple[float, str]], marked: list[Phase], end: float, *, cut: bool
) -> Iterator[Phase]:
    kinds = {phase.name: phase.kind for phase in marked}
    changes = [
        (time, name)
        for index, (time, name) in enumerate(decided)
        if index == 0 or decided[index - 1][1] != name
    ]
    for index, (begin, name) in enumerate(changes):
        later = [time for time, _ in changes[index + 1 : index + 2]]
        later += [phase.begin_s for phase in marked if phase.begin_s > begin]
        until = min(later, default=end)
        if until > begin:
            yield Phase(
                name=name, kind=kinds.get(name, name), begin_s=begin, end_s=until, cut=cut and not later
            )


def phase_table(recording: Recording) -> tuple[PhaseStatistics, ...]:
    """Return the statistics of each phase, in order of time."""
    all_beats = beats(recording)
    return tuple(phase_statistics(recording, phase, all_beats) for phase in phases(recording))


def phase_statistics(recording: Recording, phase: Phase, all_beats: Beats) -> PhaseStatistics:
    """Return the statistics of one phase."""
    return PhaseStatistics(
        phase=phase,
        **_heart(phase, all_beats),
        **_skin(recording, phase),
        breathing=mean_feature(recording, phase, "breathing_rate", "breathing"),
        activation=mean_feature(recording, phase, "activation", "activation"),
        heart_activation=mean_feature(recording, phase, "heart_activation", "activation of the heart alone"),
        eda_activation=mean_feature(recording, phase, "eda_activation", "activation of the skin alone"),
        usable_hr=_usable(recording, phase, "hr_bpm"),
        usable_eda=_usable(recording, phase, "scl_uS"),
    )


def heart_of(phase: Phase, every: Beats) -> HeartOf:
    """Return the corrected intervals of a phase, and why they may not be used."""
    inside, within = phase.holds(every.interval_end_s), phase.holds(every.r_time_s)
    rr = every.interval_ms[inside]
    together = every.follows[inside]
    together[:1] = False
    count = int(within.sum())
    within &= ~every.doubtful
    corrected = every.corrected[within]
    window = float(rr.sum()) / 1000
    share = 100.0 * float(corrected.mean()) if corrected.size else math.nan
    limits = ((HR_WINDOW_S, MAX_CORRECTED_FOR_HR), (VARIABILITY_WINDOW_S, MAX_CORRECTED_FOR_VARIABILITY))
    no_rate, no_variability = (
        _why_no_intervals(count, window, needed, share, limit) for needed, limit in limits
    )
    steps = np.diff(rr)[together[1:]]
    if not no_variability and steps.size < LEAST_STEPS:
        no_variability = f"fewer than {LEAST_STEPS} intervals follow each other"
    bad = every.r_time_s[within][corrected]
    return HeartOf(
        end_s=every.interval_end_s[inside],
        rr_ms=rr,
        together=together,
        steps_ms=steps,
        window_s=window,
        corrected=share,
        first_bad_s=float(bad[0]) if bad.size else phase.begin_s,
        no_rate=no_rate,
        no_variability=no_variability,
    )


def _heart(phase: Phase, every: Beats) -> dict[str, Value]:
    heart, at = heart_of(phase, every), phase.begin_s
    rr, steps = heart.rr_ms, heart.steps_ms
    no_beats = math.isnan(heart.corrected)
    return {
        "hr": heart.rate(lambda: 60_000.0 / float(rr.mean()), at),
        "hr_sd": heart.rate(lambda: float((60_000.0 / rr).std(ddof=1)), at),
        "rmssd": heart.variability(lambda: math.sqrt(float(np.mean(steps**2))), at),
        "sdnn": heart.variability(lambda: float(rr.std(ddof=1)), at),
        "corrected": Value(None, heart.no_rate, at)
        if no_beats
        else Value(heart.corrected, "", heart.first_bad_s),
        "hr_window": Value(heart.window_s, "", at),
    }


def _why_no_intervals(count: int, window: float, needed: float, share: float, limit: float) -> str:
    if not count:
        return "no beats were found"
    if share > limit:
        return f"{share:.0f} % of the beats were corrected; at most {limit:.0f} % is accepted"
    if window < needed:
        return f"only {window:.0f} s of valid intervals; {needed:.0f} s are needed"
    return ""


def _skin(recording: Recording, phase: Phase) -> dict[str, Value]:
    times, scl = numeric(recording, "features", "scl_uS")
    valid = times[phase.holds(times) & np.isfinite(scl)]
    window, at = float(valid.size), phase.begin_s
    scrs = recording.streams.get("scrs")
    if scrs is None:
        rate = Value(None, "no skin conductance responses were recorded", at)
    elif window < VARIABILITY_WINDOW_S:
        needed = VARIABILITY_WINDOW_S
        rate = Value(None, f"only {window:.0f} s of valid skin conductance; {needed:.0f} s are needed", at)
    else:
        onsets = _valid_onsets(recording, phase, times, np.isfinite(scl))
        rate = Value(60.0 * onsets.size / window, "", float(onsets[0]) if onsets.size else at)
    return {
        "scl": mean_feature(recording, phase, "scl_uS", "skin conductance"),
        "scr_rate": rate,
        "eda_window": Value(window, "", at),
    }


def _valid_onsets(recording: Recording, phase: Phase, seconds: FloatArray, valid: BoolArray) -> FloatArray:
    """Return onsets of responses in the phase whose second (the row that ends it) is valid."""
    _, found = numeric(recording, "scrs", "onset_s")
    onsets = found - recording.t0_s
    rows = np.searchsorted(seconds, onsets)
    known = rows < seconds.size
    known[known] = valid[rows[known]]
    return onsets[phase.holds(onsets) & known]


def mean_feature(recording: Recording, phase: Phase, label: str, name: str) -> Value:
    """Return the mean of a feature's valid seconds in a phase, withheld with fewer than 30 of them."""
    times, values = numeric(recording, "features", label)
    valid = values[phase.holds(times) & np.isfinite(values)]
    if not valid.size:
        hint = " (it exists only once the baseline is frozen)" if label.endswith("activation") else ""
        return Value(None, f"no valid {name}{hint}", phase.begin_s)
    if valid.size < HR_WINDOW_S:
        reason = f"only {valid.size} s of valid {name}; {HR_WINDOW_S:.0f} s are needed"
        return Value(None, reason, phase.begin_s)
    return Value(float(valid.mean()), "", phase.begin_s)


def _usable(recording: Recording, phase: Phase, label: str) -> Value:
    times, values = numeric(recording, "features", label)
    within = phase.holds(times)
    seconds = max(1, round(phase.duration_s))
    share = min(100.0, 100.0 * float(np.isfinite(values[within]).sum()) / seconds)
    bad = times[within & ~np.isfinite(values)]
    return Value(share, "", float(bad[0]) if bad.size else phase.begin_s)
