"""Wind, water and rain under the music: bands of noise with moving levels, and drops. Pure and seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log10, pi
from zlib import crc32

import numpy as np

from generator.score import BLOCK_FRAMES, SAMPLE_RATE, FloatArray
from generator.state import REFERENCE_LUFS

LOOP_FRAMES = (262_144, 250_047, 281_250, 259_200, 272_160, 253_125, 288_000)
"""Lengths of the bands' loops; together they do not repeat within hours."""

HALF_BAND_OCTAVES = 0.5
"""From the middle of a band to its edge; neighbours, half an octave apart, overlap to even power."""

_RISE = np.arange(1, BLOCK_FRAMES + 1) / BLOCK_FRAMES
_DROP_FRAMES = SAMPLE_RATE // 8
_DROP_S = np.arange(_DROP_FRAMES) / SAMPLE_RATE
_DROP_END = 0.5 + 0.5 * np.cos(pi * np.arange(_DROP_FRAMES) / _DROP_FRAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drops:
    """Bubbles that ring as they rise.

    Attributes
    ----------
    per_s : float
        How many begin in a second.
    low_hz, high_hz : float
        Range of their pitch, even in octaves.
    attack_s : float
        Over which each begins.
    rise : float
        How fast its pitch rises, relative to how fast it decays.
    amplitude : float
        Of the lowest and loudest; higher ones are softer.
    """

    per_s: float
    low_hz: float
    high_hz: float
    attack_s: float
    rise: float
    amplitude: float

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Return one drop, shape (2, n): a decaying tone somewhere between left and right.

        Frequency and decay belong together as in a bubble of radius 3/f metres (van den Doel 2005,
        doi 10.1145/1095878.1095879, with its damping); the attack is ours, so that nothing ticks.
        """
        hz = self.low_hz * (self.high_hz / self.low_hz) ** rng.random()
        radius_m = 3.0 / hz
        damping = 0.13 / radius_m + 0.0072 * radius_m**-1.5
        phase = 2 * pi * hz * (_DROP_S + 0.5 * self.rise * rng.random() * damping * _DROP_S**2)
        attack = np.minimum(_DROP_S / self.attack_s, 1.0)
        softness = (self.low_hz / hz) ** 0.7 * rng.random() ** 2
        tone = self.amplitude * softness * attack**2 * (3.0 - 2.0 * attack) * np.exp(-damping * _DROP_S)
        angle = (0.15 + 0.7 * rng.random()) * pi / 2
        return np.outer((np.cos(angle), np.sin(angle)), tone * np.sin(phase) * _DROP_END)


@dataclass(frozen=True, slots=True, kw_only=True)
class NatureSound:
    """The specification of a nature sound.

    Attributes
    ----------
    bands_hz : ndarray
        Middles of its bands of noise, half an octave apart.
    gains : callable
        Gains of the bands, shape (2, bands), for a time in seconds and given phases.
    drops : Drops or None
        Drops besides the noise.
    lufs : float
        Measured loudness of the whole.
    """

    bands_hz: FloatArray
    gains: Callable[[FloatArray, float, FloatArray], FloatArray]
    drops: Drops | None
    lufs: float


def _wander(time_s: float, periods_s: tuple[float, ...], phases: FloatArray) -> FloatArray:
    """Return a slow movement within ±1: sines of unlike periods, one row of phases for each."""
    turns = 2 * pi * time_s / np.array(periods_s)
    return np.asarray(np.sin(turns[:, None] + phases[: len(periods_s)]).mean(axis=0))


def _wind(bands_hz: FloatArray, time_s: float, phases: FloatArray) -> FloatArray:
    """Return the gains of wind: the louder a gust, the higher its noise."""
    gust = _wander(time_s, (9.1, 14.7, 23.9, 37.3), phases[:, :2])  # one for each side
    middle = np.log2(300.0) + 1.1 * gust
    away = np.log2(bands_hz)[None, :] - middle[:, None]
    return np.asarray((0.65 + 0.3 * gust)[:, None] * np.exp(-0.5 * (away / 0.9) ** 2))


def _water(bands_hz: FloatArray, time_s: float, phases: FloatArray) -> FloatArray:
    """Return the gains of running water: every band fluctuates on its own."""
    flutter = _wander(time_s, (0.37, 0.83, 1.9, 4.7, 11.3), phases).reshape(2, -1)
    return np.asarray(np.sqrt(500.0 / bands_hz) * (1.0 + 0.8 * flutter))


def _rain(bands_hz: FloatArray, time_s: float, phases: FloatArray) -> FloatArray:
    """Return the gains of rain on distant leaves: even, with swells over half a minute."""
    swell = _wander(time_s, (13.1, 29.3), phases[:, :1])
    flutter = _wander(time_s, (1.1, 2.3, 5.9), phases[2:]).reshape(2, -1)
    far = 1.0 / (1.0 + (bands_hz / 4500.0) ** 2)
    return np.asarray(far * (1.0 + 0.25 * swell + 0.2 * flutter))


def _half_octaves(low_hz: float, count: int) -> FloatArray:
    return np.asarray(low_hz * 2.0 ** (np.arange(count) / 2))


NATURE_SOUNDS = {
    "wind": NatureSound(bands_hz=_half_octaves(90.0, 10), gains=_wind, drops=None, lufs=3.5),
    "water": NatureSound(
        bands_hz=_half_octaves(250.0, 9),
        gains=_water,
        drops=Drops(per_s=22.0, low_hz=380.0, high_hz=1700.0, attack_s=0.004, rise=0.08, amplitude=14.0),
        lufs=11.7,
    ),
    "rain": NatureSound(
        bands_hz=_half_octaves(500.0, 9),
        gains=_rain,
        drops=Drops(per_s=45.0, low_hz=1400.0, high_hz=4200.0, attack_s=0.002, rise=0.02, amplitude=9.0),
        lufs=11.7,
    ),
}
"""The nature sounds by name."""


class NaturePlayer:
    """Plays a nature sound at a steady loudness.

    Parameters
    ----------
    name : str
        One of `NATURE_SOUNDS`.
    level_db : float
        Loudness relative to the reference of −23 LUFS.
    seed : int
        The same seed gives the same samples.
    """

    def __init__(self, name: str, level_db: float, seed: int) -> None:
        self._sound = sound = NATURE_SOUNDS[name]
        self._rng = np.random.default_rng((seed, crc32(name.encode())))
        self._gain = 10.0 ** ((REFERENCE_LUFS + level_db - sound.lufs) / 20.0)
        self._phases = 2 * pi * self._rng.random((8, 2 * sound.bands_hz.size))
        self._loops = [
            _noise(hz, LOOP_FRAMES[i % len(LOOP_FRAMES)], self._rng) for i, hz in enumerate(sound.bands_hz)
        ]
        self._before: FloatArray | None = None
        self._falling = np.zeros((2, _DROP_FRAMES + BLOCK_FRAMES))

    def step(self, start_frame: int) -> FloatArray:
        """Return the block that begins at a frame, shape (2, 800)."""
        end_s = (start_frame + BLOCK_FRAMES) / SAMPLE_RATE
        after = self._gain * self._sound.gains(self._sound.bands_hz, end_s, self._phases)
        before = after if self._before is None else self._before
        self._before = after
        places = [start_frame % (loop.shape[1] - BLOCK_FRAMES) for loop in self._loops]
        noise = np.stack(
            [loop[:, at : at + BLOCK_FRAMES] for loop, at in zip(self._loops, places, strict=True)], axis=1
        )
        gains = np.stack((before, after - before), axis=1)
        levels = gains @ noise
        sound: FloatArray = levels[:, 0] + levels[:, 1] * _RISE
        if self._sound.drops is not None:
            sound += self._drip(self._sound.drops)
        return sound

    def _drip(self, drops: Drops) -> FloatArray:
        count = self._rng.poisson(drops.per_s * BLOCK_FRAMES / SAMPLE_RATE)
        for at in self._rng.integers(0, BLOCK_FRAMES, count):
            self._falling[:, at : at + _DROP_FRAMES] += self._gain * drops.draw(self._rng)
        now = self._falling[:, :BLOCK_FRAMES].copy()
        self._falling[:, :-BLOCK_FRAMES] = self._falling[:, BLOCK_FRAMES:]
        self._falling[:, -BLOCK_FRAMES:] = 0.0
        return now


def room_db(level_db: float) -> float:
    """Return the dB by which music and nature sound must be softer to be as loud as the music alone."""
    return 10.0 * log10(1.0 + 10.0 ** (level_db / 10.0))


def _noise(hz: float, frames: int, rng: np.random.Generator) -> FloatArray:
    """Return a loop of noise, different left and right; its beginning is repeated at its end."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(frames, 1 / SAMPLE_RATE), 1.0) / hz)
    # Neighbours add up to even power.
    band = np.flatnonzero(np.abs(octaves) < HALF_BAND_OCTAVES)
    phases = rng.random((2, octaves.size))[:, band]
    spectrum = np.zeros((2, octaves.size), dtype=np.complex128)
    spectrum[:, band] = np.cos(pi * octaves[band]) * np.exp(2j * pi * phases)
    loop = np.fft.irfft(spectrum, frames)
    loop /= np.sqrt(np.mean(loop**2))
    return np.concatenate((loop, loop[:, :BLOCK_FRAMES]), axis=1)
