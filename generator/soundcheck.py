"""The sound check: ten seconds at the session's level, of its music or of the reference noise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import inf, log10

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from generator.calibration import ExposureMeter
from generator.level import K_WEIGHTING, Master, StereoBlock, amplitude, lufs
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block
from generator.state import LAYERS, REFERENCE_LUFS, MusicState

FloatArray = npt.NDArray[np.float64]

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
    meter.hear(noise.T.astype(np.float32))
    return 10.0 * log10(meter.energy_s * SAMPLE_RATE / noise.shape[1])


class ReferenceNoise:
    """Stands in for the synthesizer: reference noise in place of the music, through the same safety chain."""

    latency_frames = Master.latency_frames
    rebuilt = 0

    def __init__(self) -> None:
        self._master = Master((REFERENCE_LUFS, *[-inf] * (len(LAYERS) - 1)))
        self._blocks = np.split(reference_noise(), _LOOP_BLOCKS, axis=1)

    def render(self, block: Block) -> StereoBlock:
        """Return the next 800 samples, at the level and fade of the block."""
        number = block.start_frame // BLOCK_FRAMES
        alone = replace(block.shape, layer_gains=(1.0, *[0.0] * (len(LAYERS) - 1)))
        return self._master.step(self._blocks[number % _LOOP_BLOCKS], alone)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
