"""Overrides of the music by people: parameters set by hand, and steps of intensity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generator.performance.controls import approach
from generator.state import RANGES, Mode, MusicState
from protocols.fields import DECISION_S, OVERRIDE_BPM_PER_MIN, Limits, RateLimiter, clip

GLIDE_PER_S = 0.02
"""Density, register, brightness, articulation, breathing depth: a tenth in a decision interval. [C]"""

BREATH_RATE_PER_S = 0.2
"""Breathing rate: one per minute in a decision interval. [C]"""

LAYER_S = DECISION_S
"""Shortest time between two layers that enter or leave. [C]"""

MOST_STEPS = 3
"""Largest number of steps of intensity in each direction. [C]"""

INTENSITY_STEP: Mapping[str, float] = {"density": 0.06, "brightness": 0.06, "level_db": 1.0}
"""Change of each parameter by one step of intensity. [C]"""

ENERGY_STEP = 0.1
_SMOOTH = ("density", "register", "brightness", "articulation", "breath_depth")
_TINY = 1e-9


class MusicOverrides:
    """Applies overrides and steps of intensity to what the course asks for.

    The course itself goes on as if there were none. A parameter that is overridden, released or stepped
    glides to its new value within limits: tempo 8 bpm per minute and the protocol's share per bar, mode one
    rung at a time, level 0.2 dB per second, layers one in 5 s, breathing rate 0.2 per second, all else 0.02
    per second.

    Parameters
    ----------
    limits : Limits
        Those of the protocol.

    Attributes
    ----------
    music : MusicState
        What was last asked for.
    values : dict of str to float
        Overridden parameters, with the values asked for.
    steps : int
        Steps of intensity, -3 to 3.
    """

    def __init__(self, limits: Limits) -> None:
        self._limiter = RateLimiter(limits)
        self.set_limits(limits)
        self._t = self._layers_t = 0.0
        self._gliding: set[str] = set()
        self.music = MusicState(sounding=False)
        self.values: dict[str, float] = {}
        self.steps = 0

    @property
    def gliding(self) -> tuple[str, ...]:
        """Names of the parameters that glide."""
        return tuple(sorted(self._gliding))

    def set_limits(self, limits: Limits) -> None:
        """Use the limits of the present phase from now on."""
        self._limiter.limits = limits
        self._fastest = max(OVERRIDE_BPM_PER_MIN, limits.tempo_bpm_per_min)

    def override(self, name: str, value: float) -> float:
        """Override a parameter; return the value it will have."""
        value = Mode.of(value).openness if name == "mode" else value
        self.values[name] = value
        self.start_glide(name)
        return value

    def release(self, name: str) -> tuple[str, ...]:
        """Release a parameter, or ``all``; return the names that were overridden."""
        released = tuple(self.values) if name == "all" else tuple({name} & self.values.keys())
        for each in released:
            del self.values[each]
        self.start_glide(*released)
        return released

    def change_intensity(self, by: int) -> bool:
        """Change intensity by so many steps; return False where the limit is reached."""
        if abs(self.steps + by) > MOST_STEPS:
            return False
        self.steps += by
        self.start_glide(*INTENSITY_STEP)
        return True

    def start_glide(self, *names: str) -> None:
        """Let parameters glide until they have the wanted values."""
        self._gliding.update(names)

    def wanted(self, base: MusicState, *, steps: bool, silent: bool) -> MusicState:
        """Return what is wanted in place of what the course asks for.

        Steps of intensity count where `steps` is true; `silent` means that the music is held.
        """
        changed: dict[str, Any] = {}
        if steps and self.steps:
            for name, size in INTENSITY_STEP.items():
                changed[name] = clip(getattr(base, name) + self.steps * size, *RANGES[name])
        changed |= self.values
        if "layers" in changed:
            changed["layers"] = int(changed["layers"])
        return replace(base, **changed, sounding=base.sounding and not silent)

    def request(self, t: float, wanted: MusicState) -> MusicState:
        """Return the state to ask for at `t`: the wanted one as far as the limits allow."""
        dt = min(t - self._t, DECISION_S)
        glided = self._glide(t, dt, wanted) if self.music.sounding and wanted.sounding else wanted
        by_hand = "tempo_bpm" in self._gliding
        self.music = self._limiter.grant(t, glided, tempo_bpm_per_min=self._fastest if by_hand else None)
        self._t = t
        if wanted.sounding:
            self._gliding = {
                name
                for name in self._gliding
                if abs(getattr(self.music, name) - getattr(wanted, name)) > _TINY
            }
        return self.music

    def _glide(self, t: float, dt: float, wanted: MusicState) -> MusicState:
        last, changed = self.music, dict[str, Any]()
        for name in self._gliding.intersection(_SMOOTH):
            changed[name] = approach(getattr(last, name), getattr(wanted, name), GLIDE_PER_S * dt)
        if "breath_rate" in self._gliding and last.breath_rate and last.breath_depth and wanted.breath_rate:
            changed["breath_rate"] = approach(last.breath_rate, wanted.breath_rate, BREATH_RATE_PER_S * dt)
        if "layers" in self._gliding and wanted.layers != last.layers:
            if t - self._layers_t >= LAYER_S - _TINY:
                self._layers_t = t
                changed["layers"] = last.layers + (1 if wanted.layers > last.layers else -1)
            else:
                changed["layers"] = last.layers
        return replace(wanted, **changed)
