"""Rooms as synthetic impulse responses: early reflections, then noise that decays in every band. Pure.

A dense tail of Gaussian noise under an exponential envelope is what a large room's reflections amount to
after the first tenth of a second (Moorer 1979, "About This Reverberation Business", Computer Music Journal
3(2); Schroeder 1962). No resonance stands out of it, as they do in networks of a few delays.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfilt

from generator.score import CHANNELS, SAMPLE_RATE, FloatArray

T60_HZ = (125.0, 1000.0, 8000.0)
"""Frequencies of a room's three decay times; between them they go in a straight line of logarithms."""

BANDS_HZ = tuple(62.5 * 2.0**index for index in range(9))
"""Middles of the bands that decay alike: octaves from 62.5 Hz to 16 kHz, as decay times are measured."""

CROSSOVER_OCTAVES = 0.4
"""Over which one band fades into the next."""

KEPT_DB = 65.0
"""The response ends where its slowest band has fallen by so much: 6.5 s for a T60 of 6 s."""

END_FADE_S = 0.2
BUILD_UP_S = 0.06
"""The diffuse tail grows from the first reflection on, as reflections get denser."""

REFLECTIONS = 12
"""Early reflections on either side."""

REFLECTIONS_S = 0.055
"""From the first to the last."""

SIDES_APART_S = 0.004
"""The first reflection on the right is up to so much later than that on the left."""

REFLECTION_FALL_DB = 12.0
"""By how much the last early reflection is softer than the first."""

MONO_HZ, WIDE_HZ = 120.0, 240.0
"""Below the first frequency both sides are the same; above the second they are as wide as set."""

EARLY_MONO_HZ = 200.0
"""High-pass of the difference between the sides in the early reflections: at 100 Hz it is 12 dB down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The specification of a room.

    Attributes
    ----------
    t60_s : (float, float, float)
        Decay times, by 60 dB, at 125 Hz, 1 kHz and 8 kHz.
    pre_delay_s : float
        Until the first reflection.
    early_share : float
        Share of the early reflections in the energy, 0 to 1.
    width : float
        From 0, the same noise on both sides, to 1, noise of its own on each.
    low_cut_hz, high_cut_hz : float
        Cutoffs of second-order filters over the whole response: low tones would blur, high ones hiss.
    gain : float
        Root of the energy of either side.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    t60_s: tuple[float, float, float] = (6.0, 6.0, 2.5)
    pre_delay_s: float = 0.008
    early_share: float = 0.08
    width: float = 1.0
    low_cut_hz: float = 160.0
    high_cut_hz: float = 5000.0
    gain: float = 1.0

    def __post_init__(self) -> None:
        if min(self.t60_s) < 2 * BUILD_UP_S:
            raise ValueError(f"decay times of at least {2 * BUILD_UP_S} s are needed, not {self.t60_s}")
        if self.pre_delay_s < 0.0 or self.gain < 0.0:
            raise ValueError("pre-delay and gain are not negative")
        if not (0.0 <= self.early_share <= 1.0 and 0.0 <= self.width <= 1.0):
            raise ValueError("early_share and width lie between 0 and 1")
        if not 0.0 < self.low_cut_hz < self.high_cut_hz < SAMPLE_RATE / 2:
            raise ValueError("the cutoffs lie between 0 and half the sample rate, the low one first")

    @property
    def frames(self) -> int:
        """Length of its impulse response."""
        return ceil((self.pre_delay_s + max(self.t60_s) * KEPT_DB / 60.0) * SAMPLE_RATE)

    def decay_s(self, hz: float) -> float:
        """Return the decay time at a frequency."""
        return float(np.exp(np.interp(log2(hz), np.log2(T60_HZ), np.log(self.t60_s))))


def impulse_response(room: Room, seed: int) -> npt.NDArray[np.float32]:
    """Return the impulse response of a room.

    Two rooms with one seed have the same reflections and the same noise, so their sum is in phase.

    Parameters
    ----------
    room : Room
        What it is like.
    seed : int
        The same seed gives the same samples.

    Returns
    -------
    ndarray of float32, shape (room.frames, 2)
    """
    for_reflections, for_noise = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2))
    first = round(room.pre_delay_s * SAMPLE_RATE)
    band = (room.low_cut_hz, room.high_cut_hz)
    response = np.zeros((CHANNELS, room.frames))
    for share, part in (
        (room.early_share, _early(for_reflections, room.frames - first, room.width)),
        (1.0 - room.early_share, _diffuse(for_noise, room, room.frames - first)),
    ):
        coloured = sosfilt(butter(1, band, "bandpass", fs=SAMPLE_RATE, output="sos"), part)
        response[:, first:] += _with_energy(coloured, share)
    fade = round(END_FADE_S * SAMPLE_RATE)
    response[:, -fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
    return np.ascontiguousarray(_with_energy(response, room.gain**2).T, dtype=np.float32)


def _with_energy(sides: FloatArray, energy: float) -> FloatArray:
    """Scale either side to an energy."""
    return np.asarray(sides * np.sqrt(energy / (sides**2).sum(axis=1, keepdims=True)))


def _early(rng: np.random.Generator, frames: int, width: float) -> FloatArray:
    """Return the early reflections, the first at frame 0, shape (2, frames)."""
    sides = np.zeros((CHANNELS, frames))
    steps = np.arange(REFLECTIONS) + rng.uniform(-0.4, 0.4, (CHANNELS, REFLECTIONS))
    times_s = np.abs(steps) / REFLECTIONS * REFLECTIONS_S
    times_s[:, 0] = 0.0, SIDES_APART_S * rng.uniform(0.25, 1.0)
    signs = rng.choice((-1.0, 1.0), times_s.shape)
    signs[:, 0] = 1.0
    levels = signs * 10.0 ** (-REFLECTION_FALL_DB / 20.0 * times_s / REFLECTIONS_S)
    for side, at, level in zip(sides, np.rint(times_s * SAMPLE_RATE).astype(int), levels, strict=True):
        np.add.at(side, at, level)
    middle, difference = sides.sum(axis=0) / 2, (sides[0] - sides[1]) / 2
    high_pass = butter(2, EARLY_MONO_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    difference = width * sosfilt(high_pass, difference)
    return np.stack((middle + difference, middle - difference))


def _diffuse(rng: np.random.Generator, room: Room, frames: int) -> FloatArray:
    """Return noise that decays in every band as the room does, shape (2, frames)."""
    # Drawn frame by frame, so that a longer room begins with the noise of a shorter one.
    noise = rng.standard_normal((frames, CHANNELS), np.float32).T
    length = next_fast_len(frames, real=True)
    hz = np.fft.rfftfreq(length, 1.0 / SAMPLE_RATE)
    common, own = rfft(noise, length)
    rise = np.clip(np.log2(np.maximum(hz, 1.0) / MONO_HZ) / log2(WIDE_HZ / MONO_HZ), 0.0, 1.0)
    angle = (np.pi / 4 * room.width * rise).astype(np.float32)  # at 45° the sides are independent
    common, own = common * np.cos(angle), own * np.sin(angle)
    sides = np.stack((common + own, common - own))
    place = np.log2(np.maximum(hz, 1.0) / BANDS_HZ[0])
    time_s = np.arange(frames, dtype=np.float32) / SAMPLE_RATE
    tail = np.zeros((CHANNELS, frames), np.float32)
    for index, middle_hz in enumerate(BANDS_HZ):
        weight = _band_weight(np.clip(place, 0.0, len(BANDS_HZ) - 1.0) - index)
        envelope = np.exp(time_s * np.float32(-3.0 * np.log(10.0) / room.decay_s(middle_hz)))
        tail += irfft(sides * weight, length)[:, :frames] * envelope
    grown = round(BUILD_UP_S * SAMPLE_RATE)
    tail[:, :grown] *= np.sin(np.pi / 2 * np.arange(grown, dtype=np.float32) / grown) ** 2
    return tail.astype(float)


def _band_weight(away: FloatArray) -> npt.NDArray[np.float32]:
    """Return the weight of a band at a distance from its middle, in octaves; all weights add up to 1."""
    faded = np.clip((np.abs(away) - 0.5) / CROSSOVER_OCTAVES + 0.5, 0.0, 1.0)
    return np.square(np.cos(np.pi / 2 * faded)).astype(np.float32)
