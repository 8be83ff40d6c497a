"""The sea at a beach: single waves that approach, break, wash up and run back, and the foam's bubbles."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np

from generator.score import SAMPLE_RATE, FloatArray
from generator.synthesis.nature.bed import (
    CHUNK_FRAMES,
    CHUNK_S,
    Bed,
    Drift,
    Float32Array,
    NoiseTexture,
    panned,
)
from generator.synthesis.nature.grain_tables import bands, bubble, evenly_in_octaves, pink, shower, trimmed

_MIDDLES_HZ = (75.0, 180.0, 430.0, 1000.0, 2200.0, 4800.0, 10500.0)
_SURF = np.array([0.33, 0.37, 0.33, 0.24, 0.14, 0.070, 0.027])
"""Gains of the bands in the far surf, which never ends."""

_STAGES = np.array(
    [
        [0.60, 0.45, 0.16, 0.05, 0.02, 0.00, 0.000],
        [0.55, 0.62, 0.60, 0.42, 0.25, 0.13, 0.050],
        [0.05, 0.12, 0.22, 0.30, 0.30, 0.22, 0.110],
        [0.03, 0.08, 0.16, 0.17, 0.10, 0.04, 0.015],
    ]
)
"""Gains of the bands in a wave's approach, break, wash and backwash."""


_PERIOD_S = (6.0, 12.0)
_FOAM_PER_S = 240.0


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave, drawn anew.

    Attributes
    ----------
    breaks_s : float
        When it breaks, on the sea's own clock.
    height : float
        About 1.
    place, drift : float
        Where it breaks, 0 (left) to 1 (right), and how far its wash runs to the side.
    rise_s, fall_s, wash_s : float
        How long it takes to break, to fall and to wash up.
    """

    breaks_s: float
    height: float
    place: float
    drift: float
    rise_s: float
    fall_s: float
    wash_s: float

    @classmethod
    def draw(cls, breaks_s: float, rng: np.random.Generator) -> Wave:
        """Return a wave that breaks then."""
        height, place, drift, rise, fall, wash = rng.random(6)
        return cls(
            breaks_s=breaks_s,
            height=0.75 + 0.35 * height,
            place=0.2 + 0.6 * place,
            drift=0.8 * (drift - 0.5),
            rise_s=1.1 + 0.9 * rise,
            fall_s=1.0 + 0.9 * fall,
            wash_s=2.2 + 1.6 * wash,
        )

    def ended(self, now_s: float) -> bool:
        """Return whether nothing of it is heard any longer."""
        return now_s > self.breaks_s + self.rise_s + 4.0 * self.wash_s + 6.0

    def stages(self, now_s: float) -> FloatArray:
        """Return how strong approach, break, wash and backwash are."""
        since = now_s - self.breaks_s
        peak = since - self.rise_s
        approach = exp(since / 1.9) if since < 0.0 else exp(-since / self.rise_s)
        breaking = _ramp(since / self.rise_s) * exp(-max(peak, 0.0) / self.fall_s)
        # The wash begins as the wave falls over and thins out slowly; then the water runs back.
        wash = _ramp((since - 0.4 * self.rise_s) / 2.2) * exp(-max(peak - 0.8, 0.0) / self.wash_s)
        back = (peak - self.wash_s) / 2.0
        backwash = _ramp(back) * exp(-max(back - 1.0, 0.0) * 1.1)
        return self.height * np.array((approach, breaking, wash, backwash))

    def place_at(self, now_s: float) -> float:
        """Return where its wash is heard."""
        return float(np.clip(self.place + self.drift * (now_s - self.breaks_s) / 8.0, 0.1, 0.9))


def _ramp(part: float) -> float:
    done = min(max(part, 0.0), 1.0)
    return done * done * (3.0 - 2.0 * done)


class Sea(Bed):
    """Waves at a sandy beach, 6 to 12 s apart."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, longest=SAMPLE_RATE)
        self._foam = [
            trimmed((1100.0 / hz) ** 0.5 * bubble(hz, 0.06 * rng.random(), 0.0012))
            for hz in evenly_in_octaves(1100.0, 13000.0, 96, rng)
        ]
        deep = [trimmed(bubble(hz, 0.02, 0.004)) for hz in evenly_in_octaves(90.0, 900.0, 80, rng)]
        dense = bands(shower([*deep, *self._foam], 1500.0, rng, spread=1.0), _MIDDLES_HZ)
        self._water = NoiseTexture(dense + np.float32(0.7) * bands(pink(rng), _MIDDLES_HZ), rng)
        self._churn = Drift((0.12,) * (2 * _SURF.size), rng)
        self._far = Drift((4.0, 4.0), rng)
        self._now_s = 0.0
        self._waves = [Wave.draw(-float(rng.uniform(1.0, 6.0)), rng)]
        self._draw_next()

    def _draw_next(self) -> None:
        last = self._waves[-1].breaks_s
        self._waves.append(Wave.draw(last + float(self._rng.uniform(*_PERIOD_S)), self._rng))

    def chunk(self) -> Float32Array:
        """Return the next `CHUNK_FRAMES` frames, shape (2, n)."""
        self._now_s += CHUNK_S
        self._waves = [wave for wave in self._waves if not wave.ended(self._now_s)]
        if self._waves[-1].breaks_s - self._now_s < _PERIOD_S[1]:
            self._draw_next()
        far = np.exp(0.12 * self._far.step())
        power = far[:, None] ** 2 * _SURF**2
        for wave in self._waves:
            stages = wave.stages(self._now_s)
            washed = wave.place_at(self._now_s)
            sides = panned(np.array([0.5, wave.place, washed, washed]), stages)
            power = power + sides**2 @ _STAGES**2
            self._fizz(float(stages[2] + 0.5 * stages[3]), washed)
        churn = np.exp(0.16 * self._churn.step().reshape(2, -1))
        return self._water.chunk(np.sqrt(power) * churn) + self._grains.take()

    def _fizz(self, strength: float, place: float) -> None:
        """Let single bubbles of the foam burst."""
        count = int(self._rng.poisson(_FOAM_PER_S * strength * CHUNK_S))
        if count:
            places = np.clip(place + 0.25 * self._rng.standard_normal(count), 0.02, 0.98)
            gains = 0.6 * np.exp(0.7 * self._rng.standard_normal(count))
            self._grains.add_all(
                self._foam,
                self._rng.integers(0, len(self._foam), count),
                self._rng.integers(0, CHUNK_FRAMES, count),
                panned(places, np.minimum(gains, 1.5)),
            )
