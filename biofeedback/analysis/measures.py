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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from biofeedback.analysis.heart_rhythm import PULSE, Beats, beats, breathing_sources, heart_sources
from biofeedback.analysis.phases import RecordedPhase, numeric, phases, valid_feature, whole_session
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


class Quantity(NamedTuple):
    """What is measured in words, its unit, and the decimals worth showing."""

    label: str
    unit: str
    digits: int


NAMES = {
    "hr_mean": Quantity("heart rate, mean", "bpm", 1),
    "hr_median": Quantity("heart rate, median", "bpm", 1),
    "rmssd": Quantity("RMSSD", "ms", 1),
    "sdnn": Quantity("SDNN", "ms", 1),
    "pnn50": Quantity("pNN50", "%", 1),
    "lf": Quantity("LF power, 0.04–0.15 Hz", "ms²", 0),
    "hf": Quantity("HF power, 0.15–0.4 Hz", "ms²", 0),
    "total": Quantity("power, 0.04–0.4 Hz", "ms²", 0),
    "peak": Quantity("spectral peak", "Hz", 3),
    "breathing": Quantity("breathing rate", "per min", 1),
    "scl": Quantity("SCL", "µS", 2),
    "scr_rate": Quantity("SCR rate", "per min", 1),
    "phasic_auc": Quantity("phasic area", "µS·s per min", 2),
}
"""Each measure by its key."""

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
    phase : RecordedPhase
        Which phase.
    end_s, rr_ms : ndarray, shape (n,)
        The corrected intervals, and when each ends.
    together : ndarray of bool, shape (n,)
        Whether an interval follows the one before it without a gap.
    steps_ms : ndarray
        Successive differences.
    window_s : float
        Seconds of intervals.
    corrected : Value
        Per cent of the beats, at the first corrected one; withheld where there are none.
    no_rate, no_variability : str
        Why heart rate or variability is withheld; empty where it is not.
    """

    phase: RecordedPhase
    end_s: FloatArray
    rr_ms: FloatArray
    together: BoolArray
    steps_ms: FloatArray
    window_s: float
    corrected: Value
    no_rate: str
    no_variability: str

    def value(self, withheld: str, compute: Callable[[], float]) -> Value:
        """Return what is computed, unless there is a reason why it is withheld."""
        if withheld:
            return Value(None, withheld, self.corrected.at_s)
        return Value(compute(), "", self.phase.begin_s)


@dataclass(frozen=True, slots=True)
class PhaseStatistics:
    """One row of the per-phase table: a phase and its statistics by name, in the table's order.

    Heart rate in bpm (its SD over beats), variability in ms, SCL in µS, rates per minute, `usable_*` in
    per cent of the phase's seconds, `corrected` in per cent of its beats, `*_window` in seconds of valid
    signal that went into the numbers.
    """

    phase: RecordedPhase
    values: Mapping[str, Value]

    def __getitem__(self, name: str) -> Value:
        """Return a statistic by its name."""
        return self.values[name]


@dataclass(frozen=True, slots=True)
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
    every = beats(recording)
    return tuple(
        PhaseMeasures(stretch, tuple(_measures(recording, stretch, every)))
        for stretch in (*phases(recording), whole_session(recording))
        if stretch.duration_s > 0
    )


def as_dict(recording: Recording) -> dict[str, Any]:
    """Return the analysis as JSON knows it; a withheld value is null and has a reason."""
    return {
        "complete": recording.complete,
        "stretches": [
            {
                **asdict(stretch.phase),
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
    heart = _phase_heart(phase, every)
    table = _statistics(recording, phase, heart)
    yield from _heart_measures(recording, table, heart)
    breath = _measure("breathing", table["breathing"], _valid_s(recording, phase, "breathing_rate"), phase)
    breath_from = breathing_sources(recording, phase)
    yield replace(breath, label=f"{breath.label} ({' and '.join(breath_from)})") if breath_from else breath
    skin_s, phasic_s = (_valid_s(recording, phase, label) for label in ("scl_uS", "phasic_auc"))
    yield _measure("scl", table["scl"], skin_s, phase)
    yield _measure("scr_rate", table["scr_rate"], skin_s, phase)
    area = mean_feature(recording, phase, "phasic_auc", "phasic area")
    yield _measure("phasic_auc", area, phasic_s, phase)


def _measure(
    key: str, value: Value, window_s: float, phase: RecordedPhase, corrected_share: float | None = None
) -> Measure:
    usable_share = min(1.0, window_s / phase.duration_s)
    return Measure(key, *NAMES[key], value, window_s, usable_share, corrected_share)


def _heart_measures(recording: Recording, table: PhaseStatistics, heart: PhaseHeart) -> Iterator[Measure]:
    phase, rr, steps = heart.phase, heart.rr_ms, heart.steps_ms
    sources = heart_sources(recording, phase)
    share = None if heart.corrected.number is None else heart.corrected.number / 100
    rates = {
        "hr_mean": table["hr"],
        "hr_median": heart.value(heart.no_rate, lambda: 60_000 / float(np.median(rr))),
    }
    for key, value in rates.items():
        found = _measure(key, value, heart.window_s, phase, share)
        yield replace(found, label=found.label.replace("heart", "pulse")) if sources == [PULSE] else found
    power, from_s = _longest_spectrum(heart)
    large_steps = heart.value(
        heart.no_variability, lambda: 100 * float(np.mean(np.abs(steps) > LARGE_STEP_MS))
    )
    variability = {
        "rmssd": (table["rmssd"], heart.window_s),
        "sdnn": (table["sdnn"], heart.window_s),
        "pnn50": (large_steps, heart.window_s),
        "lf": (_spectral(heart, power.lf_ms2, power.window_s, LEAST_LF_S, from_s), power.window_s),
        "hf": (_spectral(heart, power.hf_ms2, power.window_s, LEAST_HF_S, from_s), power.window_s),
        "total": (_spectral(heart, power.total_ms2, power.window_s, LEAST_LF_S, from_s), power.window_s),
        "peak": (_spectral(heart, power.peak_hz, power.window_s, LEAST_HF_S, from_s), power.window_s),
    }
    for key, (value, window_s) in variability.items():
        if len(sources) > 1 and value.number is not None:
            value = Value(None, TWO_SENSORS.format(" and ".join(sources)), phase.begin_s)  # noqa: PLW2901 - withheld
        found = _measure(key, value, window_s, phase, share)
        yield replace(found, label=f"{found.label} of the pulse rate") if PULSE in sources else found


def _longest_spectrum(heart: PhaseHeart) -> tuple[Spectrum, float]:
    """Return the spectrum of the longest stretch of intervals without a gap, and where it begins."""
    places = np.split(np.arange(heart.rr_ms.size), np.flatnonzero(~heart.together))
    longest = max(places, key=lambda stretch: float(heart.rr_ms[stretch].sum()))
    found = spectrum(heart.end_s[longest], heart.rr_ms[longest])
    return found, float(heart.end_s[longest[0]]) if longest.size else heart.phase.begin_s


def _spectral(heart: PhaseHeart, power: float | None, window_s: float, needed_s: float, at_s: float) -> Value:
    if heart.no_variability:
        return Value(None, heart.no_variability, heart.corrected.at_s)
    reason = f"the longest stretch without a gap is {window_s:.0f} s; {needed_s:.0f} s are needed"
    return Value(power, reason if power is None else "", at_s)


def _valid_s(recording: Recording, phase: RecordedPhase, label: str) -> float:
    return float(valid_feature(recording, label, phase).times.size)


def phase_table(recording: Recording) -> tuple[PhaseStatistics, ...]:
    """Return the statistics of each phase, in order of time."""
    every = beats(recording)
    return tuple(_statistics(recording, phase, _phase_heart(phase, every)) for phase in phases(recording))


def baseline_of(table: Sequence[PhaseStatistics]) -> PhaseStatistics | None:
    """Return the row changes are measured from: the first phase of kind baseline."""
    return next((row for row in table if row.phase.kind == "baseline"), None)


def _statistics(recording: Recording, phase: RecordedPhase, heart: PhaseHeart) -> PhaseStatistics:
    def mean(label: str, name: str) -> Value:
        return mean_feature(recording, phase, label, name)

    rr, steps = heart.rr_ms, heart.steps_ms
    values = {
        "hr": heart.value(heart.no_rate, lambda: 60_000.0 / float(rr.mean())),
        "hr_sd": heart.value(heart.no_rate, lambda: float((60_000.0 / rr).std(ddof=1))),
        "rmssd": heart.value(heart.no_variability, lambda: math.sqrt(float(np.mean(steps**2)))),
        "sdnn": heart.value(heart.no_variability, lambda: float(rr.std(ddof=1))),
        "scl": mean("scl_uS", "skin conductance"),
        "scr_rate": _response_rate(recording, phase),
        "breathing": mean("breathing_rate", "breathing"),
        "activation": mean("activation", "activation"),
        "heart_activation": mean("heart_activation", "activation of the heart alone"),
        "eda_activation": mean("eda_activation", "activation of the skin alone"),
        "usable_hr": _usable(recording, phase, "hr_bpm"),
        "usable_eda": _usable(recording, phase, "scl_uS"),
        "corrected": heart.corrected,
        "hr_window": Value(heart.window_s, "", phase.begin_s),
        "eda_window": Value(_valid_s(recording, phase, "scl_uS"), "", phase.begin_s),
    }
    return PhaseStatistics(phase, values)


def _phase_heart(phase: RecordedPhase, every: Beats) -> PhaseHeart:
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
    first_bad_s = float(next(iter(every.r_time_s[within][corrected]), phase.begin_s))
    return PhaseHeart(
        phase=phase,
        end_s=every.interval_end_s[inside],
        rr_ms=rr,
        together=together,
        steps_ms=steps,
        window_s=window,
        corrected=Value(share, "", first_bad_s) if corrected.size else Value(None, no_rate, phase.begin_s),
        no_rate=no_rate,
        no_variability=no_variability,
    )


def _why_no_intervals(count: int, window: float, needed: float, share: float, limit: float) -> str:
    if not count:
        return "no beats were found"
    if share > limit:
        return f"{share:.0f} % of the beats were corrected; at most {limit:.0f} % is accepted"
    if window < needed:
        return f"only {window:.0f} s of valid intervals; {needed:.0f} s are needed"
    return ""


def _response_rate(recording: Recording, phase: RecordedPhase) -> Value:
    """Return the rate of responses whose second (the row that ends it) is valid."""
    window = _valid_s(recording, phase, "scl_uS")
    if "scrs" not in recording.streams:
        return Value(None, "no skin conductance responses were recorded", phase.begin_s)
    if window < VARIABILITY_WINDOW_S:
        lack = f"only {window:.0f} s of valid skin conductance; {VARIABILITY_WINDOW_S:.0f} s are needed"
        return Value(None, lack, phase.begin_s)
    seconds, scl = numeric(recording, "features", "scl_uS")
    onsets = numeric(recording, "scrs", "onset_s").values - recording.t0_s
    rows = np.searchsorted(seconds, onsets)
    known = rows < seconds.size
    known[known] = np.isfinite(scl[rows[known]])
    onsets = onsets[phase.holds(onsets) & known]
    return Value(60.0 * onsets.size / window, "", float(onsets[0]) if onsets.size else phase.begin_s)


def mean_feature(recording: Recording, phase: RecordedPhase, label: str, name: str) -> Value:
    """Return the mean of a feature's valid seconds in a phase, withheld with fewer than 30 of them."""
    values = valid_feature(recording, label, phase).values
    if values.size >= HR_WINDOW_S:
        return Value(float(values.mean()), "", phase.begin_s)
    if values.size:
        reason = f"only {values.size} s of valid {name}; {HR_WINDOW_S:.0f} s are needed"
    else:
        hint = " (it exists only once the baseline is frozen)" if label.endswith("activation") else ""
        reason = f"no valid {name}{hint}"
    return Value(None, reason, phase.begin_s)


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
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes:02d}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a duration in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def number(value: float | None, digits: int, *, signed: bool = False) -> str:
    """Return a number with a true minus sign; zero has no sign, None is `WITHHELD`."""
    if value is None:
        return WITHHELD
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", "−")
