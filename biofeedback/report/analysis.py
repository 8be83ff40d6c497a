"""Rates, variability, breathing and skin conductance of each phase and of the whole session.

Each number says how many seconds it stands on, what share of the phase these are and what share of its beats
was corrected, or why it is withheld. Spectral power is no measure of arousal, and no ratio of it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biofeedback.recording.reader import Recording
from biofeedback.report.rhythm import PULSE, Beats, beats, breathing_sources, heart_sources
from biofeedback.report.tables import (
    HeartOf,
    Phase,
    PhaseStatistics,
    Value,
    duration_s,
    heart_of,
    mean_feature,
    numeric,
    phase_statistics,
    phases,
)
from physiology.offline import LEAST_HF_S, LEAST_LF_S, Spectrum, spectrum

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
class Analysed:
    """A phase, or the whole session, and its measures; always the same ones in the same order."""

    phase: Phase
    measures: tuple[Measure, ...]


def analyse(recording: Recording) -> tuple[Analysed, ...]:
    """Return the measures of each phase in order of time, and of the whole session last.

    Parameters
    ----------
    recording : Recording
        Complete or cut off.
    """
    every, end_s = beats(recording), duration_s(recording)
    whole = Phase(name="whole session", kind="session", begin_s=0.0, end_s=end_s, cut=not recording.complete)
    stretches = (*phases(recording), whole)
    return tuple(
        Analysed(stretch, tuple(_measures(recording, stretch, every)))
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


def _measures(recording: Recording, phase: Phase, every: Beats) -> Iterator[Measure]:
    table = phase_statistics(recording, phase, every)
    yield from _heart(recording, table, heart_of(phase, every))
    breath_from = breathing_sources(recording, phase.begin_s, phase.end_s)
    breath_s = _valid_s(recording, phase, "breathing_rate")
    skin_s, phasic_s = (_valid_s(recording, phase, label) for label in ("scl_uS", "phasic_auc"))
    area = mean_feature(recording, phase, "phasic_auc", "phasic area")
    breath = _measure("breathing", table.breathing, breath_s, phase)
    yield replace(breath, label=f"{breath.label} ({' and '.join(breath_from)})") if breath_from else breath
    yield _measure("scl", table.scl, skin_s, phase)
    yield _measure("scr_rate", table.scr_rate, skin_s, phase)
    yield _measure("phasic_auc", area, phasic_s, phase)


def _measure(key: str, value: Value, window_s: float, phase: Phase) -> Measure:
    label, unit, digits = NAMES[key]
    usable = min(1.0, window_s / phase.duration_s)
    return Measure(
        key=key, label=label, unit=unit, digits=digits, value=value, window_s=window_s, usable_share=usable
    )


def _heart(recording: Recording, table: PhaseStatistics, heart: HeartOf) -> Iterator[Measure]:
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


def _longest_spectrum(heart: HeartOf, begin_s: float) -> tuple[Spectrum, float]:
    """Return the spectrum of the longest stretch of intervals without a gap, and where it begins."""
    places = np.split(np.arange(heart.rr_ms.size), np.flatnonzero(~heart.together))
    longest = max(places, key=lambda stretch: float(heart.rr_ms[stretch].sum()))
    found = spectrum(heart.end_s[longest], heart.rr_ms[longest])
    return found, float(heart.end_s[longest[0]]) if longest.size else begin_s


def _spectral(heart: HeartOf, power: float | None, window_s: float, needed_s: float, at_s: float) -> Value:
    if heart.no_variability:
        return Value(None, heart.no_variability, heart.first_bad_s)
    if power is None:
        longest = f"the longest stretch without a gap is {window_s:.0f} s; {needed_s:.0f} s are needed"
        return Value(None, longest, at_s)
    return Value(power, "", at_s)


def _valid_s(recording: Recording, phase: Phase, label: str) -> float:
    times, values = numeric(recording, "features", label)
    return float(np.count_nonzero(phase.holds(times) & np.isfinite(values)))
