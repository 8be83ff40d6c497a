"""Loudness, ceilings, fades and the master volume, last before the ear. Pure."""

from __future__ import annotations

from collections import deque
from math import log10
from operator import add

import numpy as np
from scipy.signal import butter, firwin, lfilter, sos2tf, upfirdn

from generator.performance.controls import approach
from generator.score import (
    BLOCK_FRAMES,
    RESTART_FADE_S,
    SAMPLE_RATE,
    AudibleMusic,
    ControlFrame,
    FloatArray,
    StereoBlock,
)
from generator.state import REFERENCE_LUFS

SHORT_TERM_CEILING_LUFS = -20.0
TRUE_PEAK_CEILING_DBTP = -3.0

_RATE = SAMPLE_RATE / BLOCK_FRAMES
_RISE = np.arange(1, BLOCK_FRAMES + 1) / BLOCK_FRAMES

K_WEIGHTING = sos2tf(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)
"""K-weighting of ITU-R BS.1770-5, Annex 1, at 48 kHz: shelf and high-pass as one filter (b, a)."""


def lufs(power: float) -> float:
    """Loudness of a K-weighted mean square summed over the channels (BS.1770)."""
    return -0.691 + 10.0 * log10(max(power, 1e-20))


def power_of(loudness: float) -> float:
    """K-weighted mean square of a loudness: the inverse of `lufs`."""
    return float(10.0 ** ((loudness + 0.691) / 10.0))


def amplitude(db: float) -> float:
    """Linear amplitude of a level in decibels."""
    return float(10.0 ** (db / 20.0))


def _within(x: float, bound: float) -> float:
    return min(max(x, -bound), bound)


class Leveller:
    """Slow make-up gain that brings the music to the reference loudness.

    It starts from the expected loudness of the layers at their gains and corrects it by the loudness measured
    over the last `MEMORY_S` seconds. So the gain is right at once when a layer enters, without pumping.
    Layers that the form takes away are missed: the gain makes up for `MADE_UP` of them only, or those that
    stay would swell wherever the form means to be softer.
    """

    MEMORY_S = 6.0
    PRIOR_S = 4.0
    RANGE_DB = 10.0
    SLEW_DB_PER_S = 1.0
    MADE_UP = 0.4
    """With all of it, the softest section of a gentle form was 1.7 to 2.1 LU below the loudest as rendered,
    with half of it 1.9 to 2.7. With none, two layers among sections of six would be 5 LU softer, besides what
    the form takes from the level."""

    _LEAST = power_of(-50.0)
    """Least expected power, so that layers that begin to enter are not raised to the reference at once."""

    def __init__(self, expected: tuple[float, ...]) -> None:
        self._expected = tuple(power_of(loudness) for loudness in expected)
        self._heard: float | None = None
        self._foreseen = 0.0
        self._gain_db: float | None = None

    def step(
        self, power: float, layer_gains: tuple[float, ...], withheld_gains: tuple[float, ...] = ()
    ) -> float:
        """Return the gain in dB after a block of music of this K-weighted power."""
        foreseen = self._foreseen_power(layer_gains)
        if self._heard is None:
            self._heard = self._foreseen = foreseen * self.PRIOR_S * _RATE
        keep = 1.0 - 1.0 / (self.MEMORY_S * _RATE)
        # A block counts for no more than the correction can compensate, however loud it is.
        self._heard = self._heard * keep + min(power, foreseen * 10.0 ** (self.RANGE_DB / 10.0))
        self._foreseen = self._foreseen * keep + foreseen
        error_db = lufs(self._heard) - lufs(self._foreseen)
        wanted = REFERENCE_LUFS - lufs(foreseen) - _within(error_db, self.RANGE_DB)
        if any(withheld_gains):
            full = tuple(map(add, layer_gains, withheld_gains))
            wanted -= (1.0 - self.MADE_UP) * (lufs(self._foreseen_power(full)) - lufs(foreseen))
        if self._gain_db is None:
            self._gain_db = wanted
        self._gain_db += _within(wanted - self._gain_db, self.SLEW_DB_PER_S / _RATE)
        return self._gain_db

    def _foreseen_power(self, gains: tuple[float, ...]) -> float:
        alone = zip(self._expected, gains, strict=True)
        return sum(power * gain * gain for power, gain in alone) + self._LEAST


class LoudnessCeiling:
    """Keeps the loudness of every 3 s below the short-term ceiling.

    Three seconds have an energy budget. A block may use what is left of it at a rate that would use it up in
    `SPREAD_S`, so it is never used up.
    """

    WINDOW_BLOCKS = 180
    SPREAD_S = 0.3
    MARGIN_LU = 0.4
    RECOVERY_DB_PER_S = 3.0
    LEAST_GAIN = amplitude(-60.0)
    """The gain can recover from here; from 0 it could not."""

    def __init__(self) -> None:
        self._spent: deque[float] = deque([0.0] * self.WINDOW_BLOCKS, maxlen=self.WINDOW_BLOCKS)
        self._budget = power_of(SHORT_TERM_CEILING_LUFS - self.MARGIN_LU) * self.WINDOW_BLOCKS
        self._gain = 1.0

    def step(self, power: float) -> float:
        """Return the gain after a block that would have this K-weighted power without it."""
        left = max(0.0, self._budget - (sum(self._spent) - self._spent[0]))
        allowed = left / (self.SPREAD_S * _RATE)
        recovered = min(1.0, self._gain * amplitude(self.RECOVERY_DB_PER_S / _RATE))
        before = self._gain
        self._gain = max(min(recovered, (allowed / max(power, 1e-20)) ** 0.5), self.LEAST_GAIN)
        self._spent.append(power * max(before, self._gain) ** 2)
        return self._gain


class TruePeakLimiter:
    """True-peak limiter that looks one block ahead.

    The gain at the boundary of two blocks suffices for both, and is linear from boundary to boundary.
    """

    MARGIN_DB = 0.3
    RECOVERY_DB_PER_S = 6.0
    FINER = 4
    CONTEXT = 32
    INTERPOLATION = firwin(20 * FINER + 1, 1.0 / FINER, window=("kaiser", 5.0)) * FINER

    def __init__(self) -> None:
        self._held = np.zeros((2, BLOCK_FRAMES))
        self._ceiling = amplitude(TRUE_PEAK_CEILING_DBTP - self.MARGIN_DB)
        self._needed = 1.0
        self._gain = 1.0

    def step(self, block: FloatArray) -> FloatArray:
        """Return the block before this one, limited."""
        needed = min(1.0, self._ceiling / max(self._peak(block), 1e-9))
        recovered = self._gain * amplitude(self.RECOVERY_DB_PER_S / _RATE)
        seam = min(needed, self._needed, recovered)
        out = self._held
        if seam < 1.0 or self._gain < 1.0:
            out = out * (self._gain + (seam - self._gain) * _RISE)
        self._held, self._needed, self._gain = block, needed, seam
        return out

    def _peak(self, block: FloatArray) -> float:
        """Return the true peak if it could matter, else the peak of the samples."""
        peak = float(np.abs(block).max())
        # Between its samples music rises 3 dB above them at most, full-scale noise 6 dB: 12 dB are far away.
        if peak < self._ceiling / 4:
            return peak
        joined = np.concatenate((self._held[:, -self.CONTEXT :], block), axis=1)
        return float(np.abs(upfirdn(self.INTERPOLATION, joined, self.FINER, axis=1)).max())


class MasteringChain:
    """The last stage of every signal: nothing reaches the ear without it.

    DC guard, make-up gain to the reference loudness, level and breath, true-peak limiter, short-term
    ceiling, fade. The fade is last and not delayed, so that silence is immediate.

    Parameters
    ----------
    expected : tuple of float
        Loudness of each layer alone in typical music, LUFS.
    """

    latency_frames = BLOCK_FRAMES

    def __init__(self, expected: tuple[float, ...]) -> None:
        self._leveller = Leveller(expected)
        self._guard = butter(2, 15.0, "highpass", fs=SAMPLE_RATE)
        self._guard_state = np.zeros((2, 2))
        self._music_state = np.zeros((2, 4))
        self._heard_state = np.zeros((2, 4))
        self._limiter = TruePeakLimiter()
        self._ceiling = LoudnessCeiling()
        self._makeup_db: float | None = None
        self._gain: float | None = None
        self._nature_gain: float | None = None
        self._ceiling_gain = 1.0
        self._fade = 0.0
        self._restart = 1.0
        self._restarting = False

    def restart(self) -> None:
        """Fade out within the next block, then fade in over `RESTART_FADE_S`."""
        self._restarting = True

    def step(self, music: FloatArray, shape: ControlFrame, nature: FloatArray | None = None) -> StereoBlock:
        """Return the block before this one, mastered.

        Parameters
        ----------
        music : ndarray, shape (2, 800)
            Finite samples.
        shape : Shape
            Level, breath and fade at the end of the block.
        nature : ndarray, shape (2, 800), optional
            A nature sound at its final loudness: it is not levelled, everything else applies to it.

        Returns
        -------
        ndarray of float32, shape (800, 2)
        """
        guarded, self._guard_state = lfilter(*self._guard, music, axis=1, zi=self._guard_state)
        power, self._music_state = _weighted_power(guarded, self._music_state)
        if shape.fade > 0.0:
            self._makeup_db = self._leveller.step(power, shape.layer_gains, shape.withheld_gains)
        gain = 0.0  # nothing has been heard yet
        if self._makeup_db is not None:
            gain = amplitude(self._makeup_db + shape.level_db + shape.breath_db)
        asked = guarded * _glide(self._gain, gain)
        if nature is not None:
            level = amplitude(shape.level_db + shape.breath_db)
            asked = asked + nature * _glide(self._nature_gain, level)
            self._nature_gain = level
        limited = self._limiter.step(asked)
        self._gain = gain
        power, self._heard_state = _weighted_power(limited, self._heard_state)
        below = self._ceiling.step(power)
        bounded = limited * _glide(self._ceiling_gain, below)
        self._ceiling_gain = below
        return np.ascontiguousarray((bounded * self._fades(shape.fade)).T, dtype=np.float32)

    def _fades(self, fade: float) -> FloatArray | float:
        """Gain of fade and restart ramp over this block."""
        restart = min(1.0, self._restart + 1.0 / (RESTART_FADE_S * _RATE))
        if self._restarting:
            restart, self._restarting = 0.0, False
        before, after = self._fade * self._restart, fade * restart
        self._fade, self._restart = fade, restart
        return _glide(before, after)


def _glide(before: float | None, after: float) -> FloatArray | float:
    """Gain of a block that goes in a straight line from one value to another."""
    if before is None or before == after:
        return after
    return before + (after - before) * _RISE


def _weighted_power(block: FloatArray, state: FloatArray) -> tuple[float, FloatArray]:
    """Return the K-weighted mean square of a block, and where the filter stands after it."""
    weighted, state = lfilter(*K_WEIGHTING, block, axis=1, zi=state)
    return float(np.vdot(weighted, weighted)) / BLOCK_FRAMES, state


VOLUME_GLIDE_S = 0.3
"""Shortest time of a change of volume."""

VOLUME_FALL_DB_PER_S, VOLUME_RISE_DB_PER_S = 20.0, 8.0
"""The fastest changes: to silence takes four seconds, back from it ten."""


class VolumeFader:
    """The gain of the master volume, gliding to the gain last set.

    A gain set before the first block holds from its first sample: nothing can be heard to jump.
    """

    def __init__(self) -> None:
        self._target_db = 0.0
        self._db: float | None = None
        self._slope = 0.0

    def set(self, gain_db: float) -> None:
        """Go to a gain in 0.3 s or, if it is far, at 20 dB a second down and 8 up."""
        self._target_db = gain_db
        if self._db is not None:
            fastest = VOLUME_FALL_DB_PER_S if gain_db < self._db else VOLUME_RISE_DB_PER_S
            self._slope = min(abs(gain_db - self._db) / VOLUME_GLIDE_S, fastest)

    def apply(self, block: StereoBlock) -> StereoBlock:
        """Return the next block of sound, shape (800, 2), at its volume."""
        before = self._target_db if self._db is None else self._db
        self._db = approach(before, self._target_db, self._slope * BLOCK_FRAMES / SAMPLE_RATE)
        if before == self._db == 0.0:
            return block
        gains = np.linspace(amplitude(before), amplitude(self._db), BLOCK_FRAMES + 1, dtype=np.float32)[1:]
        return block * gains[:, None]

    def heard(self, heard: AudibleMusic | None) -> AudibleMusic | None:
        """Return what a listener heard, its level at this volume."""
        return heard and heard._replace(level_db=heard.level_db + self._target_db)
