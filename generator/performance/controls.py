"""Smooth movement of the controls from what is asked for to what sounds, without audible jumps."""

from __future__ import annotations

from collections.abc import Collection
from math import cos, exp, log10, pi, sin
from operator import sub

from generator.composition.notation import NO_ARC, FormArc
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, AudibleMusic, ControlFrame
from generator.state import LAYERS, LEVEL_RANGE_DB, Metre, MusicState

BLOCK_S = BLOCK_FRAMES / SAMPLE_RATE
SILENCE_FADE_S = 15.0
BRIGHTNESS_TAU_S = 1.0
MAX_BRIGHTNESS_SLOPE_PER_S = 0.35
"""Filters change block by block; faster changes would be audible as steps."""

BREATH_TAU_S = 3.0
FAINTEST = 0.01
"""Amplitude (−40 dB) below which a listener hears no difference."""

BREATH_BRIGHTNESS_PER_DB = 0.03
"""Brightness changes with the breath: at full depth by a tenth of the cutoff to either side."""

LAYER_BARS = 3.0
"""Bars over which a layer enters or leaves."""

MAX_LEVEL_SLOPE_DB_PER_S = 0.2
BREATH_DB = 2.0
"""Swing of the breath envelope to either side at full depth."""

UNHEARD_DEPTH = 1e-3
"""Depth (2 thousandths of a dB) below which the rate may jump."""


def approach(value: float, target: float, step: float) -> float:
    """Return the value moved towards a target by at most `step`."""
    return target if abs(target - value) <= step else value + (step if target > value else -step)


def smooth_towards(value: float, target: float, dt: float, tau: float) -> float:
    """Return the value after `dt` seconds of a one-pole glide; 95 % of the way takes three `tau`."""
    return target + (value - target) * exp(-dt / tau)


class BreathEnvelope:
    """A sine of loudness with a continuous phase, and a rate and depth that change smoothly."""

    def __init__(self) -> None:
        self.rate = 0.0
        self.depth = 0.0
        self._phase = 0.0

    def advance(self, rate: float, depth: float, dt: float, tau: float) -> float:
        """Move on by `dt` seconds towards a rate (per minute) and depth; return the envelope in dB."""
        if rate > 0.0:
            unheard = self.depth < UNHEARD_DEPTH
            self.rate = rate if unheard else smooth_towards(self.rate, rate, dt, tau)
        self.depth = smooth_towards(self.depth, depth if rate > 0.0 else 0.0, dt, tau)
        self._phase = (self._phase + self.rate / 60.0 * dt) % 1.0
        return BREATH_DB * self.depth * sin(2.0 * pi * self._phase)


class Fade:
    """The fader for fade-in, silence, end and stop: a raised cosine in both directions.

    Attributes
    ----------
    position : float
        Share of a whole fade-out that is left, 0 to 1.
    """

    def __init__(self) -> None:
        self.position = 0.0

    @property
    def amplitude(self) -> float:
        """Linear amplitude, 0 to 1; flat at either end."""
        return 0.5 - 0.5 * cos(pi * self.position)

    @property
    def silent(self) -> bool:
        """Whether the amplitude is 0."""
        return self.position == 0.0

    def rise(self, dt: float, seconds: float) -> None:
        """Move up for `dt`, at the pace of a whole fade-in of `seconds`."""
        self.position = approach(self.position, 1.0, dt / seconds)

    def fall(self, dt: float, seconds: float) -> None:
        """Move down for `dt`, at the pace of a whole fade-out of `seconds`."""
        self.position = approach(self.position, 0.0, dt / seconds)


class Controls:
    """The continuous controls, each with its own rate of change.

    Parameters
    ----------
    layers : tuple of str
        The layers of the piece, in the order in which they enter.
    """

    def __init__(self, layers: tuple[str, ...]) -> None:
        self._layers = layers
        self.fade = Fade()
        self.breath = BreathEnvelope()
        self.level_db = self._breath_db = 0.0
        self.brightness = self.articulation = self.density = 0.0
        self._gains = self._full_gains = [0.0] * len(LAYERS)
        self._full_count = 0
        self._set = False

    def advance(
        self,
        state: MusicState,
        at_bar: MusicState,
        *,
        layers: Collection[str] = (),
        arc: FormArc = NO_ARC,
        metre: Metre = Metre.COMMON,
    ) -> None:
        """Move on by one block towards a state and what the form adds to it.

        Parameters
        ----------
        state, at_bar : MusicState
            The state at the end of the block, and that of the last bar line, from which comes what changes by
            bars.
        layers : collection of str
            The layers of the bar.
        arc : FormArc
            What the form adds. It never raises the level.
        metre : Metre
            Of the bar.
        """
        entering = _gains_of(layers)
        full = _gains_of({*layers, *self._without_form(len(layers), arc, at_bar)})
        level_db = _within(state.level_db + min(0.0, arc.level_db), LEVEL_RANGE_DB)
        brightness = _within(state.brightness + arc.brightness)
        density = _within(at_bar.density + arc.density)
        if not self._set:  # nothing has sounded yet, so no jump can be heard
            self.level_db = level_db
            self.brightness = brightness
            self.articulation = at_bar.articulation
            self.density = density
            self._gains = self._full_gains = entering
            self._set = bool(layers)
        self.level_db = approach(self.level_db, level_db, MAX_LEVEL_SLOPE_DB_PER_S * BLOCK_S)
        brighter = smooth_towards(self.brightness, brightness, BLOCK_S, BRIGHTNESS_TAU_S)
        self.brightness = approach(self.brightness, brighter, MAX_BRIGHTNESS_SLOPE_PER_S * BLOCK_S)
        self.articulation = smooth_towards(self.articulation, at_bar.articulation, BLOCK_S, BRIGHTNESS_TAU_S)
        self.density = smooth_towards(self.density, density, BLOCK_S, BRIGHTNESS_TAU_S)
        if (self._gains, self._full_gains) != (entering, full):
            step = BLOCK_S / (LAYER_BARS * metre.pulses * 60.0 / state.tempo_bpm)
            self._gains = _glided(self._gains, entering, step)
            self._full_gains = _glided(self._full_gains, full, step)
        self._breath_db = self.breath.advance(state.breath_rate, state.breath_depth, BLOCK_S, BREATH_TAU_S)

    def _without_form(self, playing: int, arc: FormArc, at_bar: MusicState) -> tuple[str, ...]:
        """Return the layers that would play without the form, given how many do.

        Layers leave and enter one a bar, so while one comes back it counts as if it had never left.
        """
        asked = min(int(at_bar.layers), len(self._layers))
        count = min(playing - min(0, arc.layers), asked)
        self._full_count = max(playing, count, min(self._full_count, asked))
        return self._layers[: self._full_count]

    def shape(self) -> ControlFrame:
        """Return their present values."""
        return ControlFrame(
            level_db=self.level_db,
            breath_db=self._breath_db,
            fade=self.fade.amplitude,
            brightness=_within(self.brightness + BREATH_BRIGHTNESS_PER_DB * self._breath_db),
            articulation=self.articulation,
            density=self.density,
            layer_gains=tuple(self._gains),
            withheld_gains=tuple(map(sub, self._full_gains, self._gains)),
        )

    def heard(self, tempo_bpm: float, novelty: float) -> AudibleMusic | None:
        """Return what a listener hears of music at full volume; None in silence."""
        if self.fade.silent:
            return None
        return AudibleMusic(
            tempo_bpm=tempo_bpm,
            density=self.density,
            level_db=self.level_db + 20.0 * log10(max(self.fade.amplitude, FAINTEST)),
            brightness=self.brightness,
            novelty=novelty,
            breath_rate=self.breath.rate,
            breath_depth=self.breath.depth,
        )


def _gains_of(layers: Collection[str]) -> list[float]:
    return [1.0 if layer in layers else 0.0 for layer in LAYERS]


def _glided(gains: list[float], targets: list[float], step: float) -> list[float]:
    return [approach(gain, target, step) for gain, target in zip(gains, targets, strict=True)]


def _within(value: float, limits: tuple[float, float] = (0.0, 1.0)) -> float:
    low, high = limits
    return min(max(value, low), high)
