"""The listener at rest, and physiological activation: features against a frozen baseline, as one number.

How features enter the activation is a convention. It may be varied in studies; another set of numbers
takes another `WEIGHTS_VERSION`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from physiology.samples import FloatArray
from physiology.state import Reading

WEIGHTS_VERSION = "activation-1"
"""Names what `TERMS` holds; another set of numbers takes another name."""

WINSOR = 3.0
"""A z beyond this counts as this, so that one feature cannot outvote the others. Convention."""

ROBUST_SD = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""

SHORTEST_BASELINE_S, FULL_BASELINE_S = 60.0, 300.0
"""A baseline is usable from the first on, and not short from the second on: research takes 5 min.
Convention."""

LEAST_VALUES = 30
"""A feature needs so many valid seconds. Convention."""

LEAST_SHARE = 0.7
"""A feature that is valid for less of the time since its first value is noisy. Convention."""

DRIFT_SPREADS = 2.5
"""A feature drifts if its straight line changes by more than so many spreads around that line. Convention."""

EXTEND_S = 60.0
"""A noisy or drifting baseline is to be extended by so much. Convention."""

LEAST_ACTIVATION_SD = 0.2
"""Least standard deviation of the activation at rest, in which gates are set. Convention."""

LEAST_ACTIVATION_SD_IF_SHORT = 0.5
"""The same for a short baseline. Once windows have filled it holds a few independent values of smoothed
activation, too few to tell its spread. Independent features of unit variance, weighted as in `TERMS`, give
0.52."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationTerm:
    """How one feature enters the activation.

    Attributes
    ----------
    words : str
        Its name for people.
    modality : str
        ``heart`` or ``eda``.
    weight : float
        Its part before quality.
    floor, ceiling : float
        Least scale of its robust z, and the largest of somebody at rest, in its unit (or of its logarithm).
    sign : int
        −1 where more of it means less activation.
    logarithmic : bool
        Whether its natural logarithm is compared.
    unit : str
        For people; of no matter where the logarithm is compared.
    """

    words: str
    modality: str
    weight: float
    floor: float
    ceiling: float = math.inf
    sign: int = 1
    logarithmic: bool = False
    unit: str = ""


TERMS: Mapping[str, ActivationTerm] = {
    "phasic_auc": ActivationTerm(words="phasic area", modality="eda", weight=0.35, floor=0.5, unit="µS·s"),
    "hr_bpm": ActivationTerm(
        words="heart rate", modality="heart", weight=0.30, floor=2.0, ceiling=8.0, unit="bpm"
    ),
    "scl_us": ActivationTerm(
        words="skin conductance level",
        modality="eda",
        weight=0.20,
        floor=0.05,
        ceiling=0.3,
        logarithmic=True,
    ),
    "rmssd_ms": ActivationTerm(
        words="RMSSD", modality="heart", weight=0.15, floor=0.15, ceiling=0.7, sign=-1, logarithmic=True
    ),
}
"""The features of the activation. Weights, floors and ceilings are conventions. The floor of the phasic area
is that of a single response of 0.15 µS: one response a minute more or less, which is the floor of the
response rate. It has no ceiling, because how large it gets differs from one person to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureBaseline:
    """A feature at rest, from `count` values: median and robust scale, of the logarithm where compared so."""

    median: float
    scale: float
    count: int


class WeightedZ(NamedTuple):
    """A feature's signed z against rest, winsorised to ±3, and its weight times its quality."""

    z: float
    pull: float


def weighed(features: Mapping[str, Reading], rest: Mapping[str, FeatureBaseline]) -> dict[str, WeightedZ]:
    """Return z and weight of each feature that is there now and was there at rest."""
    found = {}
    for name, baseline in rest.items():
        value = compared(name, features[name])
        if value is None or features[name].quality <= 0:
            continue
        z = min(WINSOR, max(-WINSOR, (value - baseline.median) / baseline.scale))
        found[name] = WeightedZ(TERMS[name].sign * z, TERMS[name].weight * features[name].quality)
    return found


def mean_z(found: Mapping[str, WeightedZ]) -> float | None:
    """Return the weighted mean, ``Σ w q s z / Σ w q``; None of nothing."""
    total = sum(pull for _, pull in found.values())
    return sum(z * pull for z, pull in found.values()) / total if total > 0 else None


def compared(name: str, feature: Reading) -> float | None:
    """Return what is compared with the baseline: the value or its logarithm."""
    if feature.value is None or not TERMS[name].logarithmic:
        return feature.value
    return math.log(feature.value) if feature.value > 0 else None


class ExponentialSmoother:
    """An exponential moving average over time, τ = 15 s, that starts at its first value."""

    TAU_S = 15.0

    def __init__(self) -> None:
        self._value: float | None = None
        self._t = 0.0

    def update(self, t: float, value: float) -> float:
        """Return the average after `value` at engine second `t`."""
        keep = math.exp(-(t - self._t) / self.TAU_S) if self._value is not None else 0.0
        self._value = keep * (self._value or 0.0) + (1 - keep) * value
        self._t = t
        return self._value


def robust_scale(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return 1.4826 × the median absolute deviation, which is the standard deviation of normal values."""
    return ROBUST_SD * float(np.median(np.abs(values - np.median(values))))


Rows = Sequence[tuple[float, Mapping[str, Reading]]]


class Verdict(StrEnum):
    """How good a baseline is."""

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
        The first that holds of too short, too noisy, still drifting, good.
    sentence : str
        The verdict and its reasons in words.
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
        if change := _drift(name, times, values):
            drifting[name] = _drift_text(name, change)
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


def _drift_text(name: str, change: float) -> str:
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
    smoother = ExponentialSmoother()
    smoothed = [
        smoother.update(t, z) for t, features in rows if (z := mean_z(weighed(features, found))) is not None
    ]
    return float(np.std(smoothed)) if smoothed else 0.0


SINGLE_MODALITY_CAP = 0.8
"""Highest confidence from heart or skin alone. Convention."""

SHORT_BASELINE_FACTOR = 0.8
"""Factor of the confidence after a short baseline. Convention."""

DISAGREEMENT_Z, DISAGREEMENT_FACTOR = 1.5, 0.7
"""Heart and skin disagree when they differ in sign by more than the first; the second is the factor of the
confidence then. Convention."""

TRANSITION_FACTOR = 0.3
"""Weight of the skin just after a large change of the music, which provokes responses by itself.
Convention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """The activation of one moment, not smoothed: None where no feature is usable.

    Attributes
    ----------
    activation, heart, eda : float or None
        Fused, and from heart or skin alone.
    basis : str or None
        ``heart and skin``, ``heart only`` or ``skin only``.
    confidence : float
        Of the fused one, 0 to 1.
    contributions : mapping of str to float
        Each feature's part of the fused one.
    """

    activation: float | None = None
    heart: float | None = None
    eda: float | None = None
    basis: str | None = None
    confidence: float = 0.0
    contributions: Mapping[str, float]


NOTHING = Fusion(contributions={})


def fuse(
    features: Mapping[str, Reading],
    baseline: Baseline,
    *,
    left_out: frozenset[str] = frozenset(),
    in_transition: bool = False,
) -> Fusion:
    """Fuse features into activation and confidence.

    Parameters
    ----------
    features : mapping of str to Reading
        By the names of `TERMS`.
    baseline : Baseline
        Frozen.
    left_out : frozenset of str
        Modalities that leave the sum (the skin of a listener who shows no response).
    in_transition : bool
        Whether the music has just made a large change, which provokes skin conductance responses of its
        own: their features count × 0.3.

    Returns
    -------
    Fusion
        `NOTHING` where the baseline or all features are unusable.

    Notes
    -----
    ``A = Σ w q s z / Σ w q`` with weight w, quality q, sign s, and z winsorised to ±3. The confidence is ``Σ
    w q / Σ w`` over the features of the baseline, × the filled part of their windows, × 0.7 where heart and
    skin disagree in sign by more than 1.5 z, × 0.8 for a short baseline, and at most 0.8 where there is only
    one modality. The rule and its numbers are a convention of this project (see `WEIGHTS_VERSION`).
    """
    rest = {name: x for name, x in baseline.features.items() if TERMS[name].modality not in left_out}
    if not baseline.usable:
        return NOTHING
    found = weighed(features, rest)
    if in_transition:
        found |= {name: WeightedZ(z, pull * TRANSITION_FACTOR) for name, (z, pull) in _of("eda", found)}
    activation = mean_z(found)
    if activation is None:
        return NOTHING
    total = sum(pull for _, pull in found.values())
    filled = sum(pull * features[name].usable_share for name, (_, pull) in found.items()) / total
    confidence = total / sum(TERMS[name].weight for name in rest) * min(1.0, filled)
    confidence *= SHORT_BASELINE_FACTOR if baseline.short else 1.0
    heart, eda = (mean_z(dict(_of(modality, found))) for modality in ("heart", "eda"))
    if heart is None or eda is None:
        basis = "skin only" if heart is None else "heart only"
        confidence = min(confidence, SINGLE_MODALITY_CAP)
    else:
        basis = "heart and skin"
        confidence *= DISAGREEMENT_FACTOR if _disagree(found) else 1.0
    return Fusion(
        activation=activation,
        heart=heart,
        eda=eda,
        basis=basis,
        confidence=confidence,
        contributions={name: pull * z / total for name, (z, pull) in found.items()},
    )


def displayed(activation: float) -> float:
    """Return the activation on a scale from 0 to 100, where 50 is the listener's own baseline."""
    return 100 / (1 + math.exp(-activation))


def _of(modality: str, found: Mapping[str, WeightedZ]) -> list[tuple[str, WeightedZ]]:
    """Return the features of the heart or of the skin, with their names."""
    return [(name, weighted) for name, weighted in found.items() if TERMS[name].modality == modality]


def _disagree(found: Mapping[str, WeightedZ]) -> bool:
    """Return whether heart and skin differ in sign by more than 1.5 z, qualities left aside."""
    heart, eda = (
        mean_z({name: WeightedZ(z, TERMS[name].weight) for name, (z, _) in _of(modality, found)})
        for modality in ("heart", "eda")
    )
    return heart is not None and eda is not None and heart * eda < 0 and abs(heart - eda) > DISAGREEMENT_Z
