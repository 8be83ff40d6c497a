"""Where beats are strong, where exactly their maxima lie, and what they look like from close by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from physiology.beats.waveform import (
    RISE_S,
    SMOOTH_S,
    Waveform,
    derivatives,
    maxima,
    peakedness,
    smoothed,
    systole,
    vertex,
)
from physiology.samples import FloatArray, GaplessRun

COMPLEX_S = 0.2
"""Crests within so long belong to one complex. Development recordings: the two flanks of an ectopic beat; two
beats are never so close (`physiology.beats.early_detection.APART_S`)."""

STRONG_SHARE = 0.5
"""Crests of a complex count from this share of the strongest one on. Development recordings."""

SHAPE_S = np.linspace(-0.15, 0.18, 34)
"""Offsets from a beat at which its shape is taken, every 10 ms. Development recordings; they end before a
plain beat is reported (0.2 s after it), because nothing later is known then."""

BEAT_S = 0.12
"""So far around a beat nothing counts as noise. Development recordings."""


class Complex(NamedTuple):
    """One place where the signal is strong: its crests as indices, and its greatest strength."""

    crests: list[int]
    strength: float


class PeakLocator:
    """Strength, maxima and shapes of the beats of a run, each from its close neighbourhood only.

    Parameters
    ----------
    waveform : Waveform
        `ECG` or `PPG`.
    run : GaplessRun
        The samples.
    sign : int
        Polarity: −1 where the signal is upside down.

    Attributes
    ----------
    start_s, rate_hz : float
        Time of the first value of `strength`, engine seconds, and values per second.
    strength : ndarray, shape (n,)
        ECG: the energy of the first two derivatives of a Gaussian. Pulse: its slope upward. 0 near the ends,
        where it is not known.

    Notes
    -----
    The first derivative is odd and the second even, so that their energy is large over a QRS of whatever
    shape and polarity. The width of the Gaussian (`Waveform.kernel_s`) does the band-pass filtering.
    """

    def __init__(self, waveform: Waveform, run: GaplessRun, sign: int) -> None:
        self._waveform = waveform
        coarse = run.averaged()
        self.start_s, self.rate_hz = coarse.start_s, coarse.rate_hz
        self._values = sign * (coarse.values - coarse.values[0])
        slope, curve = derivatives(waveform.kernel_s * self.rate_hz)
        rising = np.convolve(self._values, slope, "same")
        # Beyond the ends the signal is not known, and a step there would look like a beat.
        edge = slope.size // 2
        self._edge = edge
        self._bands = [rising]
        if waveform.kurtosis:
            curved = np.convolve(self._values, curve, "same")
            self.strength = np.hypot(rising, curved)
            self._bands.append(curved)
            self._curved = curved[edge:-edge]
        else:
            self.strength = np.maximum(rising, 0.0)
        self.strength[:edge] = self.strength[-edge:] = 0.0

    @property
    def edge_s(self) -> float:
        """How far from its ends a run's strength is not known."""
        return self._edge / self.rate_hz

    @property
    def sensitivity(self) -> float:
        """The greatest strength that a rise (ECG: or fall) by 1 within reach of the kernel can have."""
        slope, _ = derivatives(self._waveform.kernel_s * self.rate_hz)
        return float(np.abs(slope).sum()) * (1.0 if self._waveform.kurtosis else 0.5)

    def peakedness(self) -> float:
        """Return for an ECG how peaked its second derivative is (see `peakedness`), for a pulse 1."""
        return peakedness(self._curved) if self._waveform.kurtosis else 1.0

    def complexes(self, floor: float) -> list[Complex]:
        """Return where the strength has crests of at least `floor`.

        Crests within 0.2 s that are at least half as strong as the strongest of them belong to one complex,
        such as the two flanks of an ectopic beat.
        """
        groups: list[list[int]] = []
        for crest in maxima(self.strength, floor).tolist():
            if groups and crest - groups[-1][0] < COMPLEX_S * self.rate_hz:
                groups[-1].append(crest)
            else:
                groups.append([crest])
        found = []
        for group in groups:
            greatest = float(self.strength[group].max())
            strong = [crest for crest in group if self.strength[crest] >= STRONG_SHARE * greatest]
            found.append(Complex(strong, greatest))
        return found

    def time_of(self, index: int) -> float:
        """Return the time of a crest."""
        return self.start_s + index / self.rate_hz

    def strength_near(self, time: float) -> float:
        """Return the strength of the beat whose maximum is at `time`."""
        before, after = self._waveform.locate_s
        first, last = self._index(time - after), self._index(time - before)
        return float(self.strength[max(0, first) : last + 1].max(initial=0.0))

    def locate(self, *crests: int) -> float:
        """Return the time of the maximum that belongs to a complex."""
        before, after = (round(s * self.rate_hz) for s in self._waveform.locate_s)
        first = max(0, crests[0] + before)
        if self._waveform.pulse:
            return self.time_from(self.time_of(max(crests, key=lambda crest: float(self.strength[crest]))))
        part = self._values[first : crests[-1] + after + 1]
        top = first + int(np.argmax(_detrended(part)))
        return float(self.start_s + (top + vertex(self._values, top)) / self.rate_hz)

    def time_from(self, anchor: float) -> float:
        """Return the time of the beat whose anchor (see `anchor`) is given."""
        if not self._waveform.pulse:
            return anchor
        rise = self._index(anchor)
        after = smoothed(
            self._values[rise : rise + round(RISE_S * self.rate_hz) + 1], SMOOTH_S * self.rate_hz
        )
        return float(self.start_s + (rise + systole(after)) / self.rate_hz)

    def anchor(self, time: float) -> float:
        """Return the moment at which a beat is compared: of a pulse its steepest rise, not its top."""
        if not self._waveform.pulse:
            return time
        first, last = max(0, self._index(time - RISE_S)), self._index(time)
        part = self.strength[first : last + 1]
        return self.time_of(first + int(np.argmax(part))) if part.size else time

    def shape(self, time: float) -> FloatArray | None:
        """Return the beat at `time` without level and slope, None where the run does not hold all of it."""
        places = (time - self.start_s + SHAPE_S) * self.rate_hz
        if places[0] < 0 or places[-1] > self._values.size - 1:
            return None
        return _detrended(np.interp(places, np.arange(self._values.size), self._values))

    def bands(self, times: FloatArray) -> FloatArray:
        """Return the derivatives around each time, shape (times, n): the beat in its own band."""
        places = (times[:, None] + self._waveform.band_s - self.start_s) * self.rate_hz
        grid = np.arange(self._values.size)
        return np.concatenate([np.interp(places, grid, band) for band in self._bands], axis=1)

    def noise(self, first_s: float, last_s: float, beats: Sequence[float]) -> float:
        """Return the root mean square of the strength between two times, beats left out."""
        first = max(self._edge, self._index(first_s))
        last = min(self.strength.size - self._edge, self._index(last_s) + 1)
        rest = np.ones(max(0, last - first), dtype=bool)
        reach = round(BEAT_S * self.rate_hz)
        for beat in beats:
            centre = self._index(beat) - first
            rest[max(0, centre - reach) : max(0, centre + reach + 1)] = False
        between = self.strength[first:last][rest]
        return float(np.sqrt(between @ between / between.size)) if between.size else 0.0

    def _index(self, time: float) -> int:
        return round((time - self.start_s) * self.rate_hz)


def _detrended(values: FloatArray) -> FloatArray:
    """Return values without the straight line through them."""
    place = np.arange(values.size) - (values.size - 1) / 2
    slope = float(place @ values) / max(1.0, float(place @ place))
    detrended: FloatArray = values - values.sum() / values.size - slope * place
    return detrended
