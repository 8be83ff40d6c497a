"""How each feature enters the activation: a convention, to be varied in studies and never in silence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from physiology.feature import Feature

WEIGHTS_VERSION = "activation-1"
"""Names what `TERMS` holds; another set of numbers takes another name."""

WINSOR = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How one feature enters the activation.

    Attributes
    ----------
    words : str
        Its name for people.
    modality : str
        ``heart`` or ``eda``.
    weight : float
        Its part before quality.
    sign : int
        −1 where more of it means less activation.
    logarithmic : bool
        Whether its natural logarithm is compared.
    floor, ceiling : float
        Least scale of its robust z, and the largest of somebody at rest, in its unit (or of its logarithm).
    unit : str
        For people; of no matter where the logarithm is compared.
    """

    words: str
    modality: str
    weight: float
    sign: int
    logarithmic: bool
    floor: float
    ceiling: float
    unit: str = ""


TERMS: Mapping[str, Term] = {
    # The floor of the area is that of a single response of 0.15 µS: one response a minute more or less,
    # which is the floor of the response rate. How large it gets differs from one person to the next.
    "phasic_auc": Term(
        words="phasic area",
        modality="eda",
        weight=0.35,
        sign=1,
        logarithmic=False,
        floor=0.5,
        ceiling=math.inf,
        unit="µS·s",
    ),
    "hr_bpm": Term(
        words="heart rate",
        modality="heart",
        weight=0.30,
        sign=1,
        logarithmic=False,
        floor=2.0,
        ceiling=8.0,
        unit="bpm",
    ),
    "scl_us": Term(
        words="skin conductance level",
        modality="eda",
        weight=0.20,
        sign=1,
        logarithmic=True,
        floor=0.05,
        ceiling=0.3,
    ),
    "rmssd_ms": Term(
        words="RMSSD", modality="heart", weight=0.15, sign=-1, logarithmic=True, floor=0.15, ceiling=0.7
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureBaseline:
    """A feature at rest, from `count` values: median and robust scale, of the logarithm where compared so."""

    median: float
    scale: float
    count: int


class Weighed(NamedTuple):
    """A feature's signed z against rest, winsorised to ±3, and its weight times its quality."""

    z: float
    pull: float


def weighed(features: Mapping[str, Feature], rest: Mapping[str, FeatureBaseline]) -> dict[str, Weighed]:
    """Return what each feature that is there now and was there at rest has to say."""
    found = {}
    for name, baseline in rest.items():
        value = compared(name, features[name])
        if value is None or features[name].quality <= 0:
            continue
        z = min(WINSOR, max(-WINSOR, (value - baseline.median) / baseline.scale))
        found[name] = Weighed(TERMS[name].sign * z, TERMS[name].weight * features[name].quality)
    return found


def mean_z(found: Mapping[str, Weighed]) -> float | None:
    """Return the weighted mean, ``Σ w q s z / Σ w q``; None of nothing."""
    total = sum(pull for _, pull in found.values())
    return sum(z * pull for z, pull in found.values()) / total if total > 0 else None


def compared(name: str, feature: Feature) -> float | None:
    """Return what is compared with the baseline: the value or its logarithm."""
    if feature.value is None or not TERMS[name].logarithmic:
        return feature.value
    return math.log(feature.value) if feature.value > 0 else None


class Smoother:
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
    """Return 1.4826 × the median absolute deviation: the standard deviation of what is normal."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
