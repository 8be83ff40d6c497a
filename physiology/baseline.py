"""The listener at rest: frozen, robust, and judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from physiology.feature import Feature
from physiology.samples import FloatArray
from physiology.weights import (
    TERMS,
    WEIGHTS_VERSION,
    FeatureBaseline,
    Smoother,
    compared,
    mean_z,
    robust_scale,
    weighed,
)

SHORTEST_BASELINE_S, FULL_BASELINE_S = 60.0, 300.0
LEAST_VALUES = 30
LEAST_SHARE = 0.7
DRIFT_SPREADS = 2.5
EXTEND_S = 60.0
LEAST_ACTIVATION_SD = 0.2
LEAST_ACTIVATION_SD_IF_SHORT = 0.5
"""After windows have filled, a short baseline holds a few independent values of smoothed activation: too few
to tell its spread. Independent features of unit variance, weighted as in `TERMS`, give 0.52."""

Rows = Sequence[tuple[float, Mapping[str, Feature]]]


class Verdict(StrEnum):
    """What a baseline is worth."""

    GOOD = "good"
    TOO_SHORT = "too short"
    TOO_NOISY = "too noisy"
    DRIFTING = "still drifting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The listener at rest, frozen.

    Attributes
    ----------
    start_s, end_s : float
        Engine seconds.
    usable : bool
        Whether activation can be computed against it.
    short : bool
        Less than 300 s: usable, with confidence × 0.8.
    features : mapping of str to FeatureBaseline
        What it holds.
    missing : mapping of str to str
        Why a feature of the activation is not in it, in words.
    noisy, drifting : mapping of str to str
        What is wrong with a feature that it does hold, in words.
    verdict : Verdict
        For machines: the first that holds of too short, too noisy, still drifting, good.
    sentence : str
        The same for people.
    extend_s : float
        By how many seconds more of rest it would become better; 0 where that would not help.
    weights : str
        The version of the weights it was made for.
    activation_sd : float
        Standard deviation of the smoothed activation during the baseline itself, at least 0.2 (0.5 if short).
    """

    start_s: float
    end_s: float
    usable: bool
    short: bool
    features: Mapping[str, FeatureBaseline]
    missing: Mapping[str, str]
    noisy: Mapping[str, str]
    drifting: Mapping[str, str]
    verdict: Verdict
    sentence: str
    extend_s: float
    weights: str
    activation_sd: float


def freeze(rows: Rows, names: Sequence[str], start_s: float, end_s: float) -> Baseline:
    """Summarise the features of a rest.

    Parameters
    ----------
    rows : sequence of (float, mapping)
        Engine second and features, one a second.
    names : sequence of str
        The features that the configured signals can yield, as in `TERMS`.
    start_s, end_s : float
        The rest.

    Notes
    -----
    A feature is noisy if less than 70 % of the seconds since its first value are valid, or its spread is
    larger than that of somebody at rest. It still drifts if its straight line changes, over the baseline, by
    more than 2.5 times the spread around that line (at least the floor of the feature's scale). All are
    conventions.
    """
    duration_s = end_s - start_s
    found: dict[str, FeatureBaseline] = {}
    missing: dict[str, str] = {}
    noisy: dict[str, str] = {}
    drifting: dict[str, str] = {}
    for name in names:
        times, values = _column(rows, name)
        if values.size < LEAST_VALUES:
            missing[name] = f"{values.size} s of valid data, {LEAST_VALUES} are needed"
            continue
        scale = robust_scale(values)
        found[name] = FeatureBaseline(
            median=float(np.median(values)), scale=max(scale, TERMS[name].floor), count=values.size
        )
        share = values.size / sum(t >= times[0] for t, _ in rows)
        if share < LEAST_SHARE:
            noisy[name] = f"valid only {100 * share:.0f} % of the time"
        elif scale > TERMS[name].ceiling:
            noisy[name] = "varied too much for a rest"
        change = _drift(name, times, values)
        if change:
            drifting[name] = _told(name, change)
    usable, short = duration_s >= SHORTEST_BASELINE_S and bool(found), duration_s < FULL_BASELINE_S
    verdict = _verdict(duration_s, found, noisy, drifting)
    extend_s = _extension_s(verdict, duration_s)
    least_sd = LEAST_ACTIVATION_SD_IF_SHORT if short else LEAST_ACTIVATION_SD
    return Baseline(
        start_s=start_s,
        end_s=end_s,
        usable=usable,
        short=short,
        features=found,
        missing=missing,
        noisy=noisy,
        drifting=drifting,
        verdict=verdict,
        sentence=_sentence(
            verdict,
            duration_s,
            found=found,
            missing=missing,
            faults=drifting | noisy,
            extend_s=extend_s,
        ),
        extend_s=extend_s,
        weights=WEIGHTS_VERSION,
        activation_sd=max(least_sd, _activation_sd(rows, found) if usable else 0.0),
    )


def _column(rows: Rows, name: str) -> tuple[FloatArray, FloatArray]:
    """Return when a feature was valid, and its values as they are compared."""
    valid = [(t, x) for t, features in rows if (x := compared(name, features[name])) is not None]
    times, values = np.array(valid, dtype=np.float64).reshape(-1, 2).T
    return times, values


def _drift(name: str, times: FloatArray, values: FloatArray) -> float:
    """Return by how much a feature changed steadily over the baseline; 0 if that is no more than noise."""
    line = np.polynomial.Polynomial.fit(times, values, 1)
    change = float(line(times[-1]) - line(times[0]))
    around = max(robust_scale(values - line(times)), TERMS[name].floor)
    return change if abs(change) > DRIFT_SPREADS * around else 0.0


def _told(name: str, change: float) -> str:
    """Return a drift in words."""
    way = "rose" if change > 0 else "fell"
    if TERMS[name].logarithmic:
        return f"{way} by {100 * abs(math.expm1(change)):.0f} %"
    return f"{way} by {abs(change):.1f} {TERMS[name].unit}"


def _verdict(
    duration_s: float,
    found: Mapping[str, FeatureBaseline],
    noisy: Mapping[str, str],
    drifting: Mapping[str, str],
) -> Verdict:
    if duration_s < SHORTEST_BASELINE_S:
        return Verdict.TOO_SHORT
    if not found or noisy:
        return Verdict.TOO_NOISY
    return Verdict.DRIFTING if drifting else Verdict.GOOD


def _extension_s(verdict: Verdict, duration_s: float) -> float:
    """Return how much more rest would help."""
    if verdict is Verdict.TOO_SHORT:
        return float(math.ceil(SHORTEST_BASELINE_S - duration_s))
    if verdict is Verdict.GOOD:
        return float(max(0, math.ceil(FULL_BASELINE_S - duration_s)))
    return EXTEND_S


def _sentence(
    verdict: Verdict,
    duration_s: float,
    *,
    found: Mapping[str, FeatureBaseline],
    missing: Mapping[str, str],
    faults: Mapping[str, str],
    extend_s: float,
) -> str:
    length = f"{duration_s:.0f} s"
    if verdict is Verdict.TOO_SHORT:
        text = f"not usable, too short: {length}, {SHORTEST_BASELINE_S:.0f} s are needed"
    elif not found:
        text = f"not usable, too noisy: {_listed(missing)}"
    else:
        words = [TERMS[name].words for name in found]
        text = f"{verdict}: {length} with {', '.join(words)}"
        if faults:
            text += f"; {_listed(faults)}"
        if missing:
            text += f"; without {_listed(missing)}"
    if not extend_s:
        return text
    why = " for full confidence" if verdict is Verdict.GOOD else ""
    return f"{text}; extend by {extend_s:.0f} s{why}"


def _listed(what: Mapping[str, str]) -> str:
    return ", ".join(f"{TERMS[name].words} {why}" for name, why in what.items())


def _activation_sd(rows: Rows, found: Mapping[str, FeatureBaseline]) -> float:
    """Return how much the smoothed activation would have varied over the baseline itself."""
    smoother = Smoother()
    smoothed = [
        smoother.update(t, z) for t, features in rows if (z := mean_z(weighed(features, found))) is not None
    ]
    return float(np.std(smoothed)) if smoothed else 0.0
