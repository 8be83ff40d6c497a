"""What the confirmed beats of one listener have in common, and how far a new one may be believed."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physiology.locator import Locator
from physiology.samples import FloatArray, Run
from physiology.waveform import Waveform

LEARNED_BEATS = 4
SEARCH_STEP_S = 0.005
QUIET, LOUD = 0.1, 0.35
NOISE_POWER = 3.0
NEAR_S, BEFORE_S, AFTER_S = 1.0, 2.0, 0.2
AGREEING_R, AGREEING_SIZE = (0.85, 0.95), (0.35, 0.2)


@dataclass(frozen=True, slots=True)
class _Known:
    strength: float
    noise: float
    shape: FloatArray
    band: FloatArray


class Pattern:
    """The last 15 confirmed beats: their strength, their shape, and their shape in the band of the beat.

    The whole shape tells an ectopic beat from a normal one. In the band of the QRS (its first two
    derivatives) slow movement of an electrode hardly shows, so there a matched filter finds beats that
    drown in it. Once beats are known, those in much louder surroundings teach nothing, or the noise would
    become the pattern.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.

    Attributes
    ----------
    strength : float
        That of a usual beat (see `Locator`).
    """

    def __init__(self, waveform: Waveform) -> None:
        self.strength = 0.0
        self._waveform = waveform
        self._known: deque[_Known] = deque(maxlen=15)
        self._shape: FloatArray = np.zeros(0)
        self._band: FloatArray = np.zeros(0)
        self._energy = 0.0
        self._agreement = 0.0
        self._noise: deque[float] = deque(maxlen=8)

    @property
    def learned(self) -> bool:
        """Whether enough beats are known."""
        return len(self._known) >= LEARNED_BEATS

    def learn(self, run: Run, sign: int, times: Sequence[float], beats: Sequence[float]) -> None:
        """Learn from confirmed beats of a run, `times`, among all `beats` of it."""
        locator = Locator(self._waveform, run, sign)
        for time in times:
            anchor = locator.anchor(time)
            shape = locator.shape(anchor)
            if shape is None:
                continue
            strength = locator.strength_near(time)
            noise = locator.noise(time - NEAR_S, time + NEAR_S, beats) / max(1e-12, strength)
            if not self._would_spoil(noise):
                self._known.append(_Known(strength, noise, shape, locator.bands(np.array([anchor]))[0]))
        if not self._known:
            return
        self.strength = statistics.median(known.strength for known in self._known)
        shape = np.median([known.shape for known in self._known], axis=0)
        self._shape = shape / max(1e-12, float(np.linalg.norm(shape)))
        self._note_band(np.array([known.band for known in self._known]))

    def likeness(self, locator: Locator, time: float) -> float:
        """Return 0 to 1: the correlation with the known beats, 0.5 at the threshold.

        Of the whole shape or within the band, whichever says more.
        """
        anchor = locator.anchor(time)
        shape = locator.shape(anchor)
        if shape is None:
            return 0.0
        r = float(shape @ self._shape) / max(1e-12, math.sqrt(float(shape @ shape)))
        whole = _share(r, 2 * self._waveform.template_r - 1, 1.0)
        band = locator.bands(np.array([anchor]))[0]
        r = float(band @ self._band) / math.sqrt(max(1e-24, float(band @ band) * self._energy))
        return max(whole, _share(r, 2 * self._waveform.band_r - 1, 1.0))

    def best_place(self, locator: Locator, first: float, last: float) -> float:
        """Return when a matched filter answers best: by shape, and by strength up to the usual."""
        times = np.arange(first, last, SEARCH_STEP_S)
        bands = locator.bands(times)
        answers = bands @ self._band
        r = answers / np.sqrt(np.maximum(1e-24, (bands**2).sum(axis=1) * self._energy))
        best = int(np.argmax(r * np.minimum(1.0, answers / max(1e-24, self._energy))))
        return locator.time_from(float(times[best]))

    def quality(
        self, locator: Locator, time: float, likeness: float, before: Sequence[float], usual_rr_s: float
    ) -> float:
        """Return how far a beat may be believed, 0 to 1, and remember how noisy it is about it.

        In quiet it is the likeness. The more noise there is between the beats, here and on average about
        the last eight, the more likeness is asked, and the less a beat counts that comes when none is due;
        nothing counts where the known beats themselves do not agree, for then noise was learned.

        Parameters
        ----------
        locator : Locator
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
        self._noise.append(between / max(1e-12, self.strength))
        noisy = _share(max(self._noise[-1], float(np.mean(self._noise))), QUIET, LOUD)
        since = min((time - at for at in before if at < time), default=np.inf)
        surprise = min(1.0, abs(math.log(since / usual_rr_s)))
        believed: float = likeness ** (1 + NOISE_POWER * noisy) * math.exp(-noisy * surprise)
        return believed * self._agreement * locator.peakedness()

    def _would_spoil(self, noise: float) -> bool:
        if not self.learned or noise <= QUIET:
            return False
        return noise > 1.5 * statistics.median(known.noise for known in self._known)

    def _note_band(self, bands: FloatArray) -> None:
        """Note what is common in the band, and how far beats agree: learned noise does not."""
        self._band = np.median(bands, axis=0)
        self._energy = float(self._band @ self._band)
        answers = bands @ self._band
        r = float(np.median(answers / np.sqrt(np.maximum(1e-24, (bands**2).sum(axis=1) * self._energy))))
        spread = float(np.std(answers)) / max(1e-24, self._energy)
        self._agreement = min(_share(r, *AGREEING_R), _share(spread, *AGREEING_SIZE))


def _share(value: float, none: float, full: float) -> float:
    """Return where a value lies between where it counts for nothing and where it counts fully, 0 to 1."""
    return min(1.0, max(0.0, (value - none) / (full - none)))
