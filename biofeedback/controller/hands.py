"""What people lay over the course: parameters in their hands, and steps of intensity. Nothing jumps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generator.performance.controls import approach
from generator.state import RANGES, Mode, MusicState
from protocols.fields import clip
from protocols.limits import DECISION_S, OVERRIDE_BPM_PER_MIN, RateLimiter
from protocols.schema import Limits

GLIDE_PER_S = 0.02
"""Density, register, brightness, articulation and depth of breath: a tenth in one decision interval."""

BREATH_RATE_PER_S = 0.2
"""The rate of breath: one per minute in one decision interval."""

LAYER_S = DECISION_S
"""Least time between two layers that enter or leave."""

MOST_STEPS = 3
STEP: Mapping[str, float] = {"density": 0.06, "brightness": 0.06, "level_db": 1.0}
"""What one step of intensity changes."""

ENERGY_STEP = 0.1
_SMOOTH = ("density", "register", "brightness", "articulation", "breath_depth")
_TINY = 1e-9


class Hands:
    """Lays overrides and steps of intensity over what the course asks for.

    The course goes on underneath as if there were none. What is taken, given back or stepped moves there
    within the limits: tempo 8 bpm a minute and the protocol's share a bar, mode one rung at a time, level 0.2
    dB a second, layers one in 5 s, all else 0.02 a second (rate of breath 0.2).

    Parameters
    ----------
    limits : Limits
        Of the protocol, until a phase has its own.

    Attributes
    ----------
    music : MusicState
        What was last asked for.
    overrides : dict of str to float
        What is in somebody's hands, and where they want it.
    steps : int
        Steps of intensity, -3 to 3.
    """

    def __init__(self, limits: Limits) -> None:
        self._limiter = RateLimiter(limits)
        self.obey(limits)
        self._t = self._layers_t = 0.0
        self._moving: set[str] = set()
        self.music = MusicState(sounding=False)
        self.overrides: dict[str, float] = {}
        self.steps = 0

    @property
    def moving(self) -> tuple[str, ...]:
        """What is on its way to or from somebody's hands, by name."""
        return tuple(sorted(self._moving))

    def obey(self, limits: Limits) -> None:
        """Go by these limits from now on: those of the present phase."""
        self._limiter.obey(limits)
        self._fastest = max(OVERRIDE_BPM_PER_MIN, limits.tempo_bpm_per_min)

    def override(self, name: str, value: float) -> float:
        """Take a parameter; return the value as it will be."""
        value = Mode.of(value).openness if name == "mode" else value
        self.overrides[name] = value
        self.touch(name)
        return value

    def release(self, name: str) -> tuple[str, ...]:
        """Give a parameter, or ``all``, back to the course; return what was in hand."""
        given = tuple(self.overrides) if name == "all" else tuple({name} & self.overrides.keys())
        for each in given:
            del self.overrides[each]
        self.touch(*given)
        return given

    def step(self, way: int) -> bool:
        """Take a step of intensity; return whether there was one left."""
        if abs(self.steps + way) > MOST_STEPS:
            return False
        self.steps += way
        self.touch(*STEP)
        return True

    def touch(self, *names: str) -> None:
        """Let parameters glide until they are where they are wanted."""
        self._moving.update(names)

    def wanted(self, base: MusicState, *, steps: bool, silent: bool) -> MusicState:
        """Return what is wanted in place of what the course asks for.

        `steps` says whether steps of intensity count here, `silent` whether the music is held.
        """
        changed: dict[str, Any] = {}
        if steps and self.steps:
            for name, size in STEP.items():
                changed[name] = clip(getattr(base, name) + self.steps * size, *RANGES[name])
        changed |= self.overrides
        if "layers" in changed:
            changed["layers"] = int(changed["layers"])
        return replace(base, **changed, sounding=base.sounding and not silent)

    def grant(self, t: float, wanted: MusicState) -> MusicState:
        """Return the state to ask for at `t`, which moves toward the one wanted, and remember it."""
        dt = min(t - self._t, DECISION_S)
        glided = self._glide(t, dt, wanted) if self.music.sounding and wanted.sounding else wanted
        free = "tempo_bpm" in self._moving
        self.music = self._limiter.grant(t, glided, tempo_bpm_per_min=self._fastest if free else None)
        self._t = t
        if wanted.sounding:
            self._moving = {
                name
                for name in self._moving
                if abs(getattr(self.music, name) - getattr(wanted, name)) > _TINY
            }
        return self.music

    def _glide(self, t: float, dt: float, wanted: MusicState) -> MusicState:
        last, changed = self.music, dict[str, Any]()
        for name in self._moving.intersection(_SMOOTH):
            changed[name] = approach(getattr(last, name), getattr(wanted, name), GLIDE_PER_S * dt)
        if "breath_rate" in self._moving and last.breath_rate and last.breath_depth and wanted.breath_rate:
            changed["breath_rate"] = approach(last.breath_rate, wanted.breath_rate, BREATH_RATE_PER_S * dt)
        if "layers" in self._moving and wanted.layers != last.layers:
            if t - self._layers_t >= LAYER_S - _TINY:
                self._layers_t = t
                changed["layers"] = last.layers + (1 if wanted.layers > last.layers else -1)
            else:
                changed["layers"] = last.layers
        return replace(wanted, **changed)
