"""All samples of an instrument in one array of 16-bit frames, and which of them play a note. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
import numpy.typing as npt

from generator.synthesis.instruments.sample import Sample

Frames = npt.NDArray[np.int16]
FULL_SCALE = 32_767
OCTAVE = 12

SEMITONE = (89, 84)
"""A semitone as a ratio of small numbers, 0.1 cent too wide: places in a sample are exact for hours."""

TRANSPOSITIONS = {0: (1, 1), 1: SEMITONE, -1: SEMITONE[::-1]}
"""Frames read for frames written, by the semitones that a sample is transposed."""

UNRECORDED_TOUCH = 1.3
"""A note struck harder than all its samples is louder by the velocities' ratio to this power, as the
instruments render theirs."""


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """Where a sample stands in the array of its set.

    Attributes
    ----------
    pitch, velocity : int
        MIDI note number and velocity at which it was rendered or recorded.
    start, end : int
        Its first frame, and the frame after its last.
    loop_start : int or None
        Where it goes on after its last frame while the note is held; None: it has died away by its end.
    """

    pitch: int
    velocity: int
    start: int
    end: int
    loop_start: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SampleSet:
    """The samples of one instrument.

    Attributes
    ----------
    frames : ndarray of int16, shape (n, 2)
        Left and right at 48 kHz; may be mapped from a file.
    entries : tuple of SampleEntry
        In the order of pitch, then velocity; every pitch has the same number of velocities.
    """

    frames: Frames
    entries: tuple[SampleEntry, ...]

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> SampleSet:
        """Put samples, normalized already, into one array."""
        ordered = sorted(samples, key=lambda sample: (sample.pitch, sample.velocity))
        entries, parts, start = [], [], 0
        for sample in ordered:
            end = start + len(sample.audio)
            loop_start = None if sample.loop is None else start + sample.loop.start
            entries.append(SampleEntry(sample.pitch, sample.velocity, start, end, loop_start))
            parts.append(np.rint(sample.audio * FULL_SCALE).astype(np.int16))
            start = end
        return cls(np.concatenate(parts), tuple(entries))


class SampledInstrument:
    """An instrument as it is played: a note has the samples of the nearest pitch, around its velocity.

    Parameters
    ----------
    samples : SampleSet
        Its samples.

    Attributes
    ----------
    frames : ndarray of int16, shape (n, 2)
        What the entries point into.
    """

    def __init__(self, samples: SampleSet) -> None:
        self.frames = samples.frames.view(np.ndarray)  # slicing a memory map costs three times as much
        self._by_pitch: dict[int, list[SampleEntry]] = {}
        for entry in samples.entries:
            self._by_pitch.setdefault(entry.pitch, []).append(entry)
        self._pitches = sorted(self._by_pitch)

    def placed(self, pitch: int) -> tuple[int, int]:
        """Return the pitch of the samples that play a pitch, and by how many semitones: −1, 0 or 1.

        What lies outside the instrument's range is played in the nearest octave inside.
        """
        low, high = self._pitches[0] - 1, self._pitches[-1] + 1
        pitch += OCTAVE * max(0, ceil((low - pitch) / OCTAVE))
        pitch -= OCTAVE * max(0, ceil((pitch - high) / OCTAVE))
        nearest = min(self._pitches, key=lambda each: abs(each - pitch))
        return nearest, pitch - nearest

    def length(self, pitch: int, velocity: int) -> float:
        """Return how many frames a note lasts if nothing damps it; infinite for a held one."""
        nearest, transposition = self.placed(pitch)
        chosen = self.samples(nearest, velocity)
        if any(entry.loop_start is not None for entry, _ in chosen):
            return inf
        read, written = TRANSPOSITIONS[transposition]
        return max(entry.end - entry.start for entry, _ in chosen) * written / read

    def samples(self, pitch: int, velocity: int) -> list[tuple[SampleEntry, float]]:
        """Return the samples of a pitch around a velocity, with their gains."""
        entries = self._by_pitch[pitch]
        above = bisect_left([entry.velocity for entry in entries], velocity)
        if above in (0, len(entries)):
            nearest = entries[min(above, len(entries) - 1)]
            return [(nearest, (velocity / nearest.velocity) ** UNRECORDED_TOUCH)]
        soft, hard = entries[above - 1], entries[above]
        share = (velocity - soft.velocity) / (hard.velocity - soft.velocity)
        return [(each, gain) for each, gain in ((soft, 1.0 - share), (hard, share)) if gain > 0.0]
