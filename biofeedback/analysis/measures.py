"""Measures of each phase and of the whole session, and how their numbers are written as text.

Measures of the heart are computed from the final state of the beat log, corrected by the whole series, not
from what was known live; other features are averages of the valid seconds of the 1-Hz ``features`` stream.
Each number says how many seconds it stands on, what share of the phase these are and what share of its beats
was corrected, or why it is withheld. Spectral power is no measure of arousal, and no ratio of it is given.

>>> from pathlib import Path
>>> from biofeedback.analysis.measures import analyse
>>> from biofeedback.recording.reader import read_recording
>>> recording = read_recording(Path("tests/fixtures/version-0.1/silent"))
>>> for part in analyse(recording):
...     print(part.phase.name, part["hr_mean"].value.number, part["hr_mean"].value.reason)
baseline None only 11 s of valid intervals; 30 s are needed
match None only 7 s of valid intervals; 30 s are needed
end None only 11 s of valid intervals; 30 s are needed
whole session None only 28 s of valid intervals; 30 s are needed
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from biofeedback.analysis.heart_rhythm import PULSE, Beats, beats, breathing_sources, heart_sources
from biofeedback.analysis.phases import RecordedPhase, duration_s, numeric, phases
from biofeedback.recording.reader import Recording
from physiology.offline import LEAST_HF_S, LEAST_LF_S, Spectrum, spectrum

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

HR_WINDOW_S = 30.0
"""Valid intervals a mean heart rate needs; SCL, breathing and activation need as many valid seconds."""

VARIABILITY_WINDOW_S = 60.0
"""Valid intervals RMSSD and SDNN need, and valid seconds a rate of responses needs."""

LEAST_STEPS = 10
MAX_CORRECTED_FOR_VARIABILITY = 10.0
MAX_CORRECTED_FOR_HR = 20.0
"""Per cent of beats corrected above which variability, then heart rate too, is withheld."""


NAMES = {
    "hr_mean": ("heart rate, mean", "bpm", 1),
    "hr_median": ("heart rate, median", "bpm", 1),
    "rmssd": ("RMSSD", "ms", 1),
    "sdnn": ("SDNN", "ms", 1),
    "pnn50": ("pNN50", "%", 1),
    "lf": ("LF power, 0.04–0.15 Hz", "ms²", 0),
    "hf": ("HF power, 0.15–0.4 Hz", "ms²", 0),
    "total": ("power, 0.04–0.4 Hz", "ms²", 0),
    "peak": ("spectral peak", "Hz", 3),
    "breathing": ("breathing rate", "per min", 1),
    "scl": ("SCL", "µS", 2),
    "scr_rate": ("SCR rate", "per min", 1),
    "phasic_auc": ("phasic area", "µS·s per min", 2),
}
"""Label, unit and digits of each measure."""

LARGE_STEP_MS = 50.0
TWO_SENSORS = "intervals of two sensors, {}: they are not mixed"


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
class PhaseHeart:
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

    phase: RecordedPhase
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number about one stretch of the session.

    Attributes
    ----------
    key : str
        For programs.
    label, unit : str
        For people. Variability from a pulse sensor is named as that of the pulse rate, derived breathing as
        derived.
    digits : int
        Decimals worth showing.
    value : Value
        The number, or why it is withheld.
    window_s : float
        Seconds of valid signal it stands on (spectra: of the longest stretch of beats without a gap).
    usable_share : float
        0 to 1: those seconds over the stretch's.
    corrected_share : float or None
        0 to 1: corrected beats over all; None for what is not made of beats, or where there are none.
    """

    key: str
    label: str
    unit: str
    digits: int
    value: Value
    window_s: float
    usable_share: float
    corrected_share: float | None = None


@dataclass(frozen=True, slots=True)
class PhaseMeasures:
    """A phase, or the whole session, and its measures; always the same ones in the same order."""

    phase: RecordedPhase
    measures: tuple[Measure, ...]

    def __getitem__(self, key: str) -> Measure:
        """Return a measure by its key, one of `NAMES`."""
        return next(measure for measure in self.measures if measure.key == key)


def analyse(recording: Recording) -> tuple[PhaseMeasures, ...]:
    """Return the measures of each phase in order of time, and of the whole session last.

    Parameters
    ----------
    recording : Recording
        Complete or cut off.
    """
    every, end_s = beats(recording), duration_s(recording)
    whole = RecordedPhase(
        name="whole session", kind="session", begin_s=0.0, end_s=end_s, cut=not recording.complete
    )
    stretches = (*phases(recording), whole)
    return tuple(
        PhaseMeasures(stretch, tuple(_measures(recording, stretch, every)))
        for stretch in stretches
        if stretch.duration_s > 0
    )


def as_dict(recording: Recording) -> dict[str, Any]:
    """Return the analysis as JSON knows it; a withheld value is null and has a reason."""
    return {
        "complete": recording.complete,
        "stretches": [
            {
                "name": stretch.phase.name,
                "kind": stretch.phase.kind,
                "begin_s": stretch.phase.begin_s,
                "end_s": stretch.phase.end_s,
                "cut": stretch.phase.cut,
                "measures": {measure.key: _plain(measure) for measure in stretch.measures},
            }
            for stretch in analyse(recording)
        ],
    }


def _plain(measure: Measure) -> dict[str, Any]:
    return {
        "label": measure.label,
        "unit": measure.unit,
        "value": measure.value.number,
        "reason": measure.value.reason or None,
        "at_s": measure.value.at_s,
        "window_s": measure.window_s,
        "usable_share": measure.usable_share,
        "corrected_share": measure.corrected_share,
    }


def footing(measure: Measure) -> str:
    """Return in words what a number stands on."""
    text = f"{measure.window_s:.0f} s, {100 * measure.usable_share:.0f} % usable"
    if measure.corrected_share is not None:
        text += f", {100 * measure.corrected_share:.1f} % corrected"
    return text


def _measures(recording: Recording, phase: RecordedPhase, every: Beats) -> Iterator[Measure]:
    table = phase_statistics(recording, phase, every)
    yield from _heart(recording, table, phase_heart(phase, every))
    breath_from = breathing_sources(recording, phase.begin_s, phase.end_s)
    breath_s = _valid_s(recording, phase, "breathing_rate")
    skin_s, phasic_s = (_valid_s(recording, phase, label) for label in ("scl_uS", "phasic_auc"))
    area = mean_feature(recording, phase, "phasic_auc", "phasic area")
    breath = _measure("breathing", table.breathing, breath_s, phase)
    yield replace(breath, label=f"{breath.label} ({' and '.join(breath_from)})") if breath_from else breath
    yield _measure("scl", table.scl, skin_s, phase)
    yield _measure("scr_rate", table.scr_rate, skin_s, phase)
    yield _measure("phasic_auc", area, phasic_s, phase)


def _measure(key: str, value: Value, window_s: float, phase: RecordedPhase) -> Measure:
    label, unit, digits = NAMES[key]
    usable = min(1.0, window_s / phase.duration_s)
    return Measure(
        key=key, label=label, unit=unit, digits=digits, value=value, window_s=window_s, usable_share=usable
    )


def _heart(recording: Recording, table: PhaseStatistics, heart: PhaseHeart) -> Iterator[Measure]:
    phase, at, rr, steps = table.phase, table.phase.begin_s, heart.rr_ms, heart.steps_ms
    sources = heart_sources(recording, phase.begin_s, phase.end_s)
    share = None if np.isnan(heart.corrected) else heart.corrected / 100
    rates = {
        "hr_mean": table.hr,
        "hr_median": heart.rate(lambda: 60_000 / float(np.median(rr)), at),
    }
    for key, value in rates.items():
        found = replace(_measure(key, value, heart.window_s, phase), corrected_share=share)
        yield replace(found, label=found.label.replace("heart", "pulse")) if sources == [PULSE] else found
    power, from_s = _longest_spectrum(heart, at)
    variability = {
        "rmssd": (table.rmssd, heart.window_s),
        "sdnn": (table.sdnn, heart.window_s),
        "pnn50": (
            heart.variability(lambda: 100 * float(np.mean(np.abs(steps) > LARGE_STEP_MS)), at),
            heart.window_s,
        ),
        "lf": (_spectral(heart, power.lf_ms2, power.window_s, LEAST_LF_S, from_s), power.window_s),
        "hf": (_spectral(heart, power.hf_ms2, power.window_s, LEAST_HF_S, from_s), power.window_s),
        "total": (_spectral(heart, power.total_ms2, power.window_s, LEAST_LF_S, from_s), power.window_s),
        "peak": (_spectral(heart, power.peak_hz, power.window_s, LEAST_HF_S, from_s), power.window_s),
    }
    for key, (value, window_s) in variability.items():
        if len(sources) > 1 and value.number is not None:
            value = Value(None, TWO_SENSORS.format(" and ".join(sources)), at)  # noqa: PLW2901 - withheld
        found = replace(_measure(key, value, window_s, phase), corrected_share=share)
        yield replace(found, label=f"{found.label} of the pulse rate") if PULSE in sources else found


def _longest_spectrum(heart: PhaseHeart, begin_s: float) -> tuple[Spectrum, float]:
    """Return the spectrum of the longest stretch of intervals without a gap, and where it begins."""
    places = np.split(np.arange(heart.rr_ms.size), np.flatnonzero(~heart.together))
    longest = max(places, key=lambda stretch: float(heart.rr_ms[stretch].sum()))
    found = spectrum(heart.end_s[longest], heart.rr_ms[longest])
    return found, float(heart.end_s[longest[0]]) if longest.size else begin_s


def _spectral(heart: PhaseHeart, power: float | None, window_s: float, needed_s: float, at_s: float) -> Value:
    if heart.no_variability:
        return Value(None, heart.no_variability, heart.first_bad_s)
    if power is None:
        longest = f"the longest stretch without a gap is {window_s:.0f} s; {needed_s:.0f} s are needed"
        return Value(None, longest, at_s)
    return Value(power, "", at_s)


def _valid_s(recording: Recording, phase: RecordedPhase, label: str) -> float:
    times, values = numeric(recording, "features", label)
    return float(np.count_nonzero(phase.holds(times) & np.isfinite(values)))


def phase_table(recording: Recording) -> tuple[PhaseStatistics, ...]:
    """Return the statistics of each phase, in order of time."""
    all_beats = beats(recording)
    return tuple(phase_statistics(recording, phase, all_beats) for phase in phases(recording))


def baseline_of(table: Sequence[PhaseStatistics]) -> PhaseStatistics | None:
    """Return the row changes are measured from: the first phase of kind baseline."""
    return next((row for row in table if row.phase.kind == "baseline"), None)


def phase_statistics(recording: Recording, phase: RecordedPhase, all_beats: Beats) -> PhaseStatistics:
    """Return the statistics of one phase."""
    return PhaseStatistics(
        phase=phase,
        **_heart_statistics(phase, all_beats),
        **_skin(recording, phase),
        breathing=mean_feature(recording, phase, "breathing_rate", "breathing"),
        activation=mean_feature(recording, phase, "activation", "activation"),
        heart_activation=mean_feature(recording, phase, "heart_activation", "activation of the heart alone"),
        eda_activation=mean_feature(recording, phase, "eda_activation", "activation of the skin alone"),
        usable_hr=_usable(recording, phase, "hr_bpm"),
        usable_eda=_usable(recording, phase, "scl_uS"),
    )


def phase_heart(phase: RecordedPhase, every: Beats) -> PhaseHeart:
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
    return PhaseHeart(
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


def _heart_statistics(phase: RecordedPhase, every: Beats) -> dict[str, Value]:
    heart, at = phase_heart(phase, every), phase.begin_s
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


def _skin(recording: Recording, phase: RecordedPhase) -> dict[str, Value]:
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


def _valid_onsets(
    recording: Recording, phase: RecordedPhase, seconds: FloatArray, valid: BoolArray
) -> FloatArray:
    """Return onsets of responses in the phase whose second (the row that ends it) is valid."""
    _, found = numeric(recording, "scrs", "onset_s")
    onsets = found - recording.t0_s
    rows = np.searchsorted(seconds, onsets)
    known = rows < seconds.size
    known[known] = valid[rows[known]]
    return onsets[phase.holds(onsets) & known]


def mean_feature(recording: Recording, phase: RecordedPhase, label: str, name: str) -> Value:
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


def _usable(recording: Recording, phase: RecordedPhase, label: str) -> Value:
    times, values = numeric(recording, "features", label)
    within = phase.holds(times)
    seconds = max(1, round(phase.duration_s))
    share = min(100.0, 100.0 * float(np.isfinite(values[within]).sum()) / seconds)
    bad = times[within & ~np.isfinite(values)]
    return Value(share, "", float(bad[0]) if bad.size else phase.begin_s)


WITHHELD = "–"
"""What stands in place of a value that is withheld."""


def clock(seconds: float) -> str:
    """Return a time in the session as ``mm:ss``, or ``h:mm:ss`` from one hour on."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes:02d}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a duration in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with a true minus sign; zero has no sign."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", "−")
