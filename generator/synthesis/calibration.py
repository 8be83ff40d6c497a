"""Sound pressure at the ear: the reference noise, its calibration, and the sound dose of a listener. Pure.

A digital level alone says nothing about sound pressure: amplifier, headphones and volume control lie in
between. Once the reference noise has been measured at the ear, in dBA, the pressure of everything else played
on that device at that volume setting follows. Without a measurement nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import inf, isfinite, log10, pi

import numpy as np
from scipy.signal import bilinear_zpk, lfilter, sosfilt, zpk2sos

from generator.errors import StateError
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, FloatArray, StereoBlock
from generator.state import LAYERS, REFERENCE_LUFS, MusicState
from generator.synthesis.mastering import K_WEIGHTING, MasteringChain, amplitude, lufs

DBA_RANGE = (30.0, 100.0)
"""What a sensible measurement of the reference noise lies in."""

WEEKLY_HOURS = 40.0
ADULTS_DBA, CHILDREN_DBA = 80.0, 75.0
"""Sound allowance of ITU-T H.870 for 40 hours a week, mode 1 and mode 2."""


def a_weighting() -> FloatArray:
    """Return the A-weighting of IEC 61672-1 at 48 kHz as second-order sections, unity at 1 kHz.

    A bilinear transform of the analogue filter: within 0.3 dB up to 6 kHz, 3 dB too low at 14 kHz, where this
    music has nothing.
    """
    poles = -2.0 * pi * np.array([20.598997, 20.598997, 107.65265, 737.86223, 12194.217, 12194.217])
    zeros, poles, _ = bilinear_zpk(np.zeros(4), poles, 1.0, fs=SAMPLE_RATE)
    at_1_khz = np.exp(2j * pi * 1000.0 / SAMPLE_RATE)
    response = abs(np.prod(at_1_khz - zeros) / np.prod(at_1_khz - poles))
    return np.asarray(zpk2sos(zeros, poles, 1.0 / response))


class ExposureMeter:
    """Adds up the A-weighted energy of sound as it goes to the output.

    Attributes
    ----------
    energy_s : float
        Integral over time of the A-weighted square of the samples, mean of both sides; in seconds of a
        square of 1.
    """

    def __init__(self) -> None:
        self._sections = a_weighting()
        self._state = np.zeros((len(self._sections), 2, 2))
        self.energy_s = 0.0

    def accumulate(self, block: StereoBlock) -> None:
        """Add the energy of samples, shape (n, 2)."""
        weighted, self._state = sosfilt(self._sections, block.astype(np.float64), axis=0, zi=self._state)
        self.energy_s += float(np.vdot(weighted, weighted)) / 2.0 / SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A measurement of the reference noise at the listener's ear.

    Attributes
    ----------
    device : str
        The sound device; a measurement holds for no other, nor for another volume setting of it.
    dba : float
        What the sound level meter showed (A-weighted, slow), 30 to 100.
    noise_dbfs_a : float
        A-weighted level of the noise as it was played, relative to a mean square of 1.

    Raises
    ------
    StateError
        If `dba` is out of its range.
    """

    device: str
    dba: float
    noise_dbfs_a: float

    def __post_init__(self) -> None:
        low, high = DBA_RANGE
        if not (isfinite(self.dba) and low <= self.dba <= high):
            raise StateError(f"{self.dba:g} dBA is not a likely measurement; it must be {low:g} to {high:g}")

    @property
    def full_scale_dba(self) -> float:
        """Sound pressure level, in dBA, of an A-weighted mean square of 1."""
        return self.dba - self.noise_dbfs_a


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a listener took in.

    Attributes
    ----------
    hours : float
        How long sound was played.
    laeq_dba : float or None
        Its mean level at the ear, A-weighted; None for silence.
    adults_percent, children_percent : float
        Share of a week's sound allowance for adults (80 dBA × 40 h) and for children (75 dBA × 40 h).
    """

    hours: float
    laeq_dba: float | None
    adults_percent: float
    children_percent: float


def exposure(energy_s: float, seconds: float, calibration: Calibration) -> Exposure:
    """Return what a listener took in of sound with this A-weighted energy.

    ``dose = 100 · Σ(Δt / 40 h) · 10^((L − limit) / 10)`` (WHO-ITU H.870): it is linear in energy, so it
    needs no levels second by second.
    """
    pressure = energy_s * 10.0 ** (calibration.full_scale_dba / 10.0)
    weekly_s = WEEKLY_HOURS * 3600.0
    return Exposure(
        hours=seconds / 3600.0,
        laeq_dba=10.0 * log10(pressure / seconds) if pressure > 0.0 and seconds > 0.0 else None,
        adults_percent=100.0 * pressure / weekly_s / 10.0 ** (ADULTS_DBA / 10.0),
        children_percent=100.0 * pressure / weekly_s / 10.0 ** (CHILDREN_DBA / 10.0),
    )


CHECK_S = 10.0
CHECK_FADE_S = 1.0

_LOOP_BLOCKS = 600
_BAND_HZ = (40.0, 12_000.0)


def check_state(level_db: float) -> MusicState:
    """Return what is asked of the music in a sound check: typical of a session's beginning.

    Raises
    ------
    StateError
        If the level is out of its range.
    """
    return MusicState(tempo_bpm=72.0, density=0.5, layers=4, level_db=level_db)


@cache
def reference_noise() -> FloatArray:
    """Return a loop of pink noise of −23 LUFS, 40 Hz to 12 kHz, both sides independent, shape (2, n).

    Made in the frequency domain from a fixed seed, so that it is the same noise on every machine and runs on
    without a seam.
    """
    frames = _LOOP_BLOCKS * BLOCK_FRAMES
    hz = np.fft.rfftfreq(frames, 1.0 / SAMPLE_RATE)
    in_band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    size = np.where(in_band, 1.0 / np.sqrt(np.maximum(hz, 1.0)), 0.0)
    phases = np.random.default_rng(23).random((2, hz.size))
    noise = np.fft.irfft(size * np.exp(2j * np.pi * phases), n=frames)
    # The second round of the loop is without the filter's onset.
    weighted = lfilter(*K_WEIGHTING, np.concatenate((noise, noise), axis=1), axis=1)[:, frames:]
    return np.asarray(noise * amplitude(REFERENCE_LUFS - lufs(float(np.mean(weighted**2, axis=1).sum()))))


def noise_dbfs_a() -> float:
    """Return the A-weighted level of the reference noise, relative to a mean square of 1."""
    meter = ExposureMeter()
    noise = reference_noise()
    meter.accumulate(noise.T.astype(np.float32))
    return 10.0 * log10(meter.energy_s * SAMPLE_RATE / noise.shape[1])


class ReferenceNoise:
    """Stands in for the synthesizer: reference noise in place of the music, through the same safety chain."""

    latency_frames = MasteringChain.latency_frames
    rebuilt = 0

    def __init__(self) -> None:
        self._master = MasteringChain((REFERENCE_LUFS, *[-inf] * (len(LAYERS) - 1)))
        self._blocks = np.split(reference_noise(), _LOOP_BLOCKS, axis=1)

    def render(self, block: Block) -> StereoBlock:
        """Return the next 800 samples, at the level and fade of the block."""
        number = block.start_frame // BLOCK_FRAMES
        nothing = (0.0,) * len(LAYERS)
        alone = replace(block.shape, layer_gains=(1.0, *nothing[1:]), withheld_gains=nothing)
        return self._master.step(self._blocks[number % _LOOP_BLOCKS], alone)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
