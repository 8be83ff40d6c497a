"""Physiological activation: features against a frozen baseline, fused into one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from physiology.baseline import TERMS, Baseline, WeightedZ, mean_z, weighed
from physiology.state import Reading

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

ONLY = {"heart": "heart only", "eda": "skin only"}


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

    Notes ----- ``A = Σ w q s z / Σ w q`` with weight w, quality q, sign s, and z winsorised to ±3. The
    confidence is ``Σ w q / Σ w`` over the features of the baseline, × the filled part of their windows, × 0.7
    where heart and skin disagree in sign by more than 1.5 z, × 0.8 for a short baseline, and at most 0.8
    where there is only one modality. The rule and its numbers are a convention of this project (see
    `WEIGHTS_VERSION`).
    """
    rest = {name: x for name, x in baseline.features.items() if TERMS[name].modality not in left_out}
    if not baseline.usable:
        return NOTHING
    found = weighed(features, rest)
    if in_transition:
        found = {name: _damped(name, z, pull) for name, (z, pull) in found.items()}
    activation = mean_z(found)
    if activation is None:
        return NOTHING
    total = sum(pull for _, pull in found.values())
    filled = sum(pull * features[name].usable_share for name, (_, pull) in found.items()) / total
    confidence = total / sum(TERMS[name].weight for name in rest) * min(1.0, filled)
    confidence *= SHORT_BASELINE_FACTOR if baseline.short else 1.0
    heart, eda = (
        mean_z({name: x for name, x in found.items() if TERMS[name].modality == modality})
        for modality in ("heart", "eda")
    )
    if heart is None or eda is None:
        basis = ONLY["eda" if heart is None else "heart"]
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


def _damped(name: str, z: float, pull: float) -> WeightedZ:
    """Return a feature with less weight if it is of the skin."""
    return WeightedZ(z, pull * (TRANSITION_FACTOR if TERMS[name].modality == "eda" else 1.0))


def _disagree(found: Mapping[str, WeightedZ]) -> bool:
    """Return whether heart and skin differ in sign by more than 1.5 z, qualities left aside."""
    heart, eda = (
        mean_z(
            {n: WeightedZ(z, TERMS[n].weight) for n, (z, _) in found.items() if TERMS[n].modality == which}
        )
        for which in ("heart", "eda")
    )
    return heart is not None and eda is not None and heart * eda < 0 and abs(heart - eda) > DISAGREEMENT_Z
