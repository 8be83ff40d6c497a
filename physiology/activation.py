"""Physiological activation: features against a frozen baseline, fused into one number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from physiology.feature import Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How one feature enters the activation.

    Attributes
    ----------
    modality : str
        ``heart`` or ``eda``.
    weight : float
        Its part before quality.
    sign : int
        −1 where more of it means less activation.
    logarithmic : bool
        Whether its natural logarithm is compared.
    floor : float
        Least scale of its robust z, in its unit (or of its logarithm).
    """

    modality: str
    weight: float
    sign: int
    logarithmic: bool
    floor: float


TERMS: Mapping[str, Term] = {
    # The floor of the area is that of a single response of 0.15 µS: one response a minute more or less,
    # which is the floor of the response rate.
    "phasic_auc": Term(modality="eda", weight=0.35, sign=1, logarithmic=False, floor=0.5),
    "hr_bpm": Term(modality="heart", weight=0.30, sign=1, logarithmic=False, floor=2.0),
    "scl_us": Term(modality="eda", weight=0.20, sign=1, logarithmic=True, floor=0.05),
    "rmssd_ms": Term(modality="heart", weight=0.15, sign=-1, logarithmic=True, floor=0.15),
}
"""The features of the activation, version 1: a convention, to be varied in studies and never in silence."""

SHORTEST_BASELINE_S, FULL_BASELINE_S = 60.0, 300.0
LEAST_VALUES = 30
WINSOR = 3.0
SINGLE_MODALITY_CAP = 0.8
SHORT_BASELINE_FACTOR = 0.8
DISAGREEMENT_Z, DISAGREEMENT_FACTOR = 1.5, 0.7
SMOOTHING_TAU_S = 15.0
TRANSITION_FACTOR = 0.3
LEAST_ACTIVATION_SD = 0.2
LEAST_ACTIVATION_SD_IF_SHORT = 0.5
"""After windows have filled, a short baseline holds a few independent values of smoothed activation: too few
to tell its spread. Independent features of unit variance, weighted as in `TERMS`, give 0.52."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureBaseline:
    """A feature at rest, from `count` values: median and robust scale, of the logarithm where compared so."""

    median: float
    scale: float
    count: int


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
    verdict : str
        One sentence for people.
    activation_sd : float
        Standard deviation of the smoothed activation during the baseline itself, at least 0.2 (0.5 if short).
    """

    start_s: float
    end_s: float
    usable: bool
    short: bool
    features: Mapping[str, FeatureBaseline]
    missing: Mapping[str, str]
    verdict: str
    activation_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """The activation of one moment, not smoothed: None where no feature is usable."""

    activation: float | None
    confidence: float
    contributions: Mapping[str, float]


NOTHING = Fusion(activation=None, confidence=0.0, contributions={})


class Smoother:
    """An exponential moving average over time, τ = 15 s, that starts at its first value."""

    def __init__(self) -> None:
        self._value: float | None = None
        self._t = 0.0

    def update(self, t: float, value: float) -> float:
        """Return the average after `value` at engine second `t`."""
        keep = math.exp(-(t - self._t) / SMOOTHING_TAU_S) if self._value is not None else 0.0
        self._value = keep * (self._value or 0.0) + (1 - keep) * value
        self._t = t
        return self._value


def freeze(
    rows: Sequence[tuple[float, Mapping[str, Feature]]], names: Sequence[str], start_s: float, end_s: float
) -> Baseline:
    """Summarise the features of a rest.

    Parameters
    ----------
    rows : sequence of (float, mapping)
        Engine second and features, one a second.
    names : sequence of str
        The features that the configured signals can yield, as in `TERMS`.
    start_s, end_s : float
        The rest.
    """
    duration = end_s - start_s
    found: dict[str, FeatureBaseline] = {}
    missing: dict[str, str] = {}
    for name in names:
        values = np.array([x for _, features in rows if (x := _compared(name, features[name])) is not None])
        if values.size < LEAST_VALUES:
            missing[name] = f"{values.size} s of valid data, {LEAST_VALUES} are needed"
            continue
        median = float(np.median(values))
        scale = max(1.4826 * float(np.median(np.abs(values - median))), TERMS[name].floor)
        found[name] = FeatureBaseline(median=median, scale=scale, count=values.size)
    short = duration < FULL_BASELINE_S
    least_sd = LEAST_ACTIVATION_SD_IF_SHORT if short else LEAST_ACTIVATION_SD
    long_enough = duration >= SHORTEST_BASELINE_S
    usable = long_enough and bool(found)
    if not long_enough:
        verdict = f"not usable: {duration:.0f} s are too short, {SHORTEST_BASELINE_S:.0f} s are needed"
    elif not found:
        verdict = "not usable: too little valid data (" + _listed(missing) + ")"
    else:
        length = "short" if short else "full length"
        verdict = f"usable: {length}, {duration:.0f} s, with {', '.join(found)}"
        verdict += f"; without {_listed(missing)}" if missing else ""
    return Baseline(
        start_s=start_s,
        end_s=end_s,
        usable=usable,
        short=short,
        features=found,
        missing=missing,
        verdict=verdict,
        activation_sd=max(least_sd, _activation_sd(rows, found) if usable else 0.0),
    )


def fuse(
    features: Mapping[str, Feature],
    baseline: Baseline,
    *,
    left_out: frozenset[str] = frozenset(),
    in_transition: bool = False,
) -> Fusion:
    """Fuse features into activation and confidence.

    ``A = Σ w q s z / Σ w q`` with z winsorised to ±3. The confidence is ``Σ w q / Σ w`` over the features
    of the baseline, × the filled part of their windows, × 0.7 where heart and skin disagree in sign by
    more than 1.5 z, × 0.8 for a short baseline, and at most 0.8 where only one modality speaks.

    Parameters
    ----------
    features : mapping of str to Feature
        By the names of `TERMS`.
    baseline : Baseline
        Frozen.
    left_out : frozenset of str
        Modalities that leave the sum (the skin of a listener who shows no response).
    in_transition : bool
        Whether the music has just made a large change, which provokes skin conductance responses of its
        own: their features count × 0.3.
    """
    names = [name for name in baseline.features if TERMS[name].modality not in left_out]
    if not baseline.usable or not names:
        return NOTHING
    z, pull = {}, {}
    for name in names:
        compared = _compared(name, features[name])
        if compared is None or features[name].quality <= 0:
            continue
        term, rest = TERMS[name], baseline.features[name]
        z[name] = term.sign * float(np.clip((compared - rest.median) / rest.scale, -WINSOR, WINSOR))
        damping = TRANSITION_FACTOR if in_transition and term.modality == "eda" else 1.0
        pull[name] = term.weight * features[name].quality * damping
    total = sum(pull.values())
    if total <= 0:
        return NOTHING
    contributions = {name: pull[name] * z[name] / total for name in z}
    filled = sum(pull[name] * features[name].filled for name in z) / total
    confidence = total / sum(TERMS[name].weight for name in names) * min(1.0, filled)
    confidence *= DISAGREEMENT_FACTOR if _disagree(z) else 1.0
    confidence *= SHORT_BASELINE_FACTOR if baseline.short else 1.0
    if len({TERMS[name].modality for name in z}) == 1:
        confidence = min(confidence, SINGLE_MODALITY_CAP)
    return Fusion(activation=sum(contributions.values()), confidence=confidence, contributions=contributions)


def displayed(activation: float) -> float:
    """Return the activation on the scale 0 to 100, where 50 is the own baseline."""
    return 100 / (1 + math.exp(-activation))


def _compared(name: str, feature: Feature) -> float | None:
    """Return what is compared with the baseline: the value or its logarithm."""
    if feature.value is None or not TERMS[name].logarithmic:
        return feature.value
    return math.log(feature.value) if feature.value > 0 else None


def _disagree(z: Mapping[str, float]) -> bool:
    """Tell whether heart and skin point to different sides, more than 1.5 z apart."""
    means = {}
    for modality in ("heart", "eda"):
        names = [name for name in z if TERMS[name].modality == modality]
        if not names:
            return False
        weight = sum(TERMS[name].weight for name in names)
        means[modality] = sum(TERMS[name].weight * z[name] for name in names) / weight
    opposite = means["heart"] * means["eda"] < 0
    return opposite and abs(means["heart"] - means["eda"]) > DISAGREEMENT_Z


def _activation_sd(
    rows: Sequence[tuple[float, Mapping[str, Feature]]], found: Mapping[str, FeatureBaseline]
) -> float:
    """Return how much the smoothed activation would have varied over the baseline itself."""
    probe = Baseline(
        start_s=0,
        end_s=0,
        usable=True,
        short=False,
        features=found,
        missing={},
        verdict="",
        activation_sd=0.0,
    )
    smoother = Smoother()
    smoothed = [
        smoother.update(t, fusion.activation)
        for t, features in rows
        if (fusion := fuse(features, probe)).activation is not None
    ]
    return float(np.std(smoothed)) if smoothed else 0.0


def _listed(missing: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {why}" for name, why in missing.items())
