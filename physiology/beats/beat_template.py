"""What the confirmed beats of one listener have in common, and how far a new beat may be believed."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physiology.beats.peak_locator import PeakLocator
from physiology.beats.waveform import Waveform
from physiology.samples import FloatArray, GaplessRun

KEPT_BEATS = 15
"""So many confirmed beats are remembered. Development recordings."""

LEARNED_BEATS = 4
"""From so many on they say what a beat looks like. Development recordings."""

SEARCH_STEP_S = 0.005
"""Spacing at which the matched filter is tried; the place it finds is known no better. Convention."""

QUIET, LOUD = 0.1, 0.35
"""Noise between beats as a share of a beat's strength: below the first it is left aside, from the second on
it counts fully. Development recordings."""

NOISE_POWER = 3.0
"""In full noise the likeness counts to the power of 1 plus this. Development recordings."""

NOISE_BEATS = 8
"""The noise about so many beats is averaged. Development recordings."""

SPOILED = 1.5
"""A beat in noise so many times the median of what is known teaches nothing. Development recordings."""

NEAR_S = 1.0
"""So far around a confirmed beat its noise is measured. Development recordings."""

BEFORE_S, AFTER_S = 2.0, 0.2
"""The stretch about a new beat in which its noise is measured. Development recordings; it ends where a plain
beat is reported."""

AGREEING_R = (0.85, 0.95)
AGREEING_SIZE = (0.35, 0.2)
"""Known beats agree not at all at the first value, fully at the second: their median correlation with what
they have in common, and the standard deviation of their size as a share of it. Development recordings: noise
that was learned as beats differs from beat to beat."""

TINY_STRENGTH, TINY_ENERGY = 1e-12, 1e-24
"""Keep quotients finite where a signal is all zeros."""


@dataclass(frozen=True, slots=True)
class _KnownBeat:
    strength: float
    noise: float
    shape: FloatArray
    band: FloatArray


class BeatTemplate:
    """The last 15 confirmed beats: their strength, their shape, and their shape in the band of the beat.

    The whole shape tells an ectopic beat from a normal one. In the band of the QRS (its first two
    derivatives) slow movement of an electrode hardly shows, so there a matched filter finds beats that
    are hidden in it. Once beats are known, those in much louder surroundings teach nothing, or the template
    would become that of the noise.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.

    Attributes
    ----------
    strength : float
        Strength of a usual beat (see `PeakLocator`).
    """

    def __init__(self, waveform: Waveform) -> None:
        self.strength = 0.0
        self._waveform = waveform
        self._known: deque[_KnownBeat] = deque(maxlen=KEPT_BEATS)
        self._shape: FloatArray = np.zeros(0)
        self._band: FloatArray = np.zeros(0)
        self._energy = 0.0
        self._agreement = 0.0
        self._noise: deque[float] = deque(maxlen=NOISE_BEATS)

    @property
    def learned(self) -> bool:
        """Whether enough beats are known."""
        return len(self._known) >= LEARNED_BEATS

    def learn(self, run: GaplessRun, sign: int, times: Sequence[float], beats: Sequence[float]) -> None:
        """Learn from the confirmed beats of a run, `times`; `beats` are all beats in it."""
        locator = PeakLocator(self._waveform, run, sign)
        for time in times:
            anchor = locator.anchor(time)
            shape = locator.shape(anchor)
            if shape is None:
                continue
            strength = locator.strength_near(time)
            noise = locator.noise(time - NEAR_S, time + NEAR_S, beats) / max(TINY_STRENGTH, strength)
            if not self._would_spoil(noise):
                self._known.append(_KnownBeat(strength, noise, shape, locator.bands(np.array([anchor]))[0]))
        if not self._known:
            return
        self.strength = statistics.median(known.strength for known in self._known)
        shape = np.median([known.shape for known in self._known], axis=0)
        self._shape = shape / max(TINY_STRENGTH, float(np.linalg.norm(shape)))
        self._update_band(np.array([known.band for known in self._known]))

    def likeness(self, locator: PeakLocator, time: float) -> float:
        """Return 0 to 1: the correlation with the known beats, 0.5 at the threshold.

        It is that of the whole shape or that within the band, whichever is higher.
        """
        anchor = locator.anchor(time)
        shape = locator.shape(anchor)
        if shape is None:
            return 0.0
        r = float(shape @ self._shape) / max(TINY_STRENGTH, math.sqrt(float(shape @ shape)))
        whole = _share(r, 2 * self._waveform.template_r - 1, 1.0)
        band = locator.bands(np.array([anchor]))[0]
        r = float(band @ self._band) / math.sqrt(max(TINY_ENERGY, float(band @ band) * self._energy))
        return max(whole, _share(r, 2 * self._waveform.band_r - 1, 1.0))

    def best_place(self, locator: PeakLocator, first: float, last: float) -> float:
        """Return where a matched filter responds best: by shape, and by strength up to the usual."""
        times = np.arange(first, last, SEARCH_STEP_S)
        bands = locator.bands(times)
        answers = bands @ self._band
        r = answers / np.sqrt(np.maximum(TINY_ENERGY, (bands**2).sum(axis=1) * self._energy))
        best = int(np.argmax(r * np.minimum(1.0, answers / max(TINY_ENERGY, self._energy))))
        return locator.time_from(float(times[best]))

    def quality(
        self, locator: PeakLocator, time: float, likeness: float, before: Sequence[float], usual_rr_s: float
    ) -> float:
        """Return how far a beat may be believed, 0 to 1, and remember the noise around it.

        In quiet it is the likeness. The more noise there is between the beats, here and on average about
        the last eight, the more likeness is needed, and the less a beat counts that comes when none is due.
        Where the known beats do not agree with each other, noise was learned, and nothing is believed.

        Parameters
        ----------
        locator : PeakLocator
            Of a run that holds the beat.
        time, likeness : float
            Of the beat.
        before : sequence of float
            Times of the beats before it.
        usual_rr_s : float
            The usual interval.
        """
        if not self._waveform.kurtosis:
            return likeness
        between = locator.noise(time - BEFORE_S, time + AFTER_S, [*before, time])
        self._noise.append(between / max(TINY_STRENGTH, self.strength))
        noisy = _share(max(self._noise[-1], float(np.mean(self._noise))), QUIET, LOUD)
        since = min((time - at for at in before if at < time), default=np.inf)
        surprise = min(1.0, abs(math.log(since / usual_rr_s)))
        believed: float = likeness ** (1 + NOISE_POWER * noisy) * math.exp(-noisy * surprise)
        return believed * self._agreement * locator.peakedness()

    def _would_spoil(self, noise: float) -> bool:
        usual = statistics.median(known.noise for known in self._known) if self.learned else math.inf
        return noise > QUIET and noise > SPOILED * usual

    def _update_band(self, bands: FloatArray) -> None:
        """Set what is common in the band, and how far the known beats agree."""
        self._band = np.median(bands, axis=0)
        self._energy = float(self._band @ self._band)
        answers = bands @ self._band
        r = float(
            np.median(answers / np.sqrt(np.maximum(TINY_ENERGY, (bands**2).sum(axis=1) * self._energy)))
        )
        spread = float(np.std(answers)) / max(TINY_ENERGY, self._energy)
        self._agreement = min(_share(r, *AGREEING_R), _share(spread, *AGREEING_SIZE))


def _share(value: float, none: float, full: float) -> float:
    """Return 0 where a value is `none`, 1 where it is `full`, and linearly between, clipped."""
    return min(1.0, max(0.0, (value - none) / (full - none)))
