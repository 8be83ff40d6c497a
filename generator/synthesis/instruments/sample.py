"""What an instrument is and what it renders: one sample for each pitch and velocity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from zlib import crc32

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
StereoSamples = npt.NDArray[np.float32]

FULL_VELOCITY = 127
TWO_VELOCITIES = (36, 84)
"""Melodies are played at 29 to 84, accompaniments at 33 to 63 (measured over many states and keys)."""

ONE_VELOCITY = (48,)
"""Of pads and the like, whose colour the player's filter moves."""

TOUCH = 1
"""Seed beside the pitch's own that sets the noise of touch apart from what `string_rng` draws."""

PEAK = 0.9
"""Largest sample of an instrument after `normalized`."""

LEAST_PEAK = 1e-9
"""What is softer stays silent."""


class InstrumentKind(Enum):
    """How an instrument is played."""

    STRUCK = "struck"
    PLUCKED = "plucked"
    BOWED = "bowed"
    BLOWN = "blown"
    SUNG = "sung"
    PAD = "pad"


@dataclass(frozen=True, slots=True)
class Loop:
    """The part of a sample that repeats: after the frame before `end` comes the frame `start`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One rendered note.

    Attributes
    ----------
    pitch : int
        MIDI note number.
    velocity : int
        MIDI velocity.
    audio : ndarray of float32, shape (n, 2)
        Left and right at 48 kHz.
    loop : Loop or None
        The part that repeats while the note is held. None: the note dies away by itself and ends in silence.
    """

    pitch: int
    velocity: int
    audio: StereoSamples
    loop: Loop | None = None

    @property
    def peak(self) -> float:
        """The largest absolute value."""
        return float(np.abs(self.audio).max())


@dataclass(frozen=True, slots=True)
class SampledNote:
    """The note that a model renders, and the random generators that belong to it.

    Attributes
    ----------
    instrument : str
        Name of the instrument.
    pitch, velocity : int
        MIDI note number and velocity.
    """

    instrument: str
    pitch: int
    velocity: int

    @property
    def hertz(self) -> float:
        """Frequency in equal temperament, A4 = 440 Hz."""
        return float(440.0 * 2.0 ** ((self.pitch - 69) / 12))

    @property
    def strength(self) -> float:
        """Velocity from 0 to 1."""
        return self.velocity / FULL_VELOCITY

    @property
    def octaves(self) -> float:
        """Octaves above middle C."""
        return (self.pitch - 60) / 12

    def body_rng(self) -> np.random.Generator:
        """Return the generator of what all notes of the instrument share."""
        return np.random.default_rng(crc32(self.instrument.encode()))

    def string_rng(self) -> np.random.Generator:
        """Return the generator of what all velocities of a pitch share."""
        return np.random.default_rng((crc32(self.instrument.encode()), self.pitch))

    def touch_rng(self) -> np.random.Generator:
        """Return the generator of the noise of touch, bow or breath.

        All velocities of a pitch share it, too: a mix of two velocities keeps the noise's level.
        """
        return np.random.default_rng((crc32(self.instrument.encode()), self.pitch, TOUCH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A model of an instrument and the notes that are rendered from it.

    Attributes
    ----------
    name : str
        Its name; seeds its random generators.
    kind : InstrumentKind
        How it is played.
    lowest, highest : int
        Range of the rendered pitches.
    model : callable
        Renders a note, in a level of its own: what counts is the relation between the notes.
    velocities : tuple of int
        Rendered velocities, softest first. What lies between is a mix of two of them.
    step : int
        Semitones from one rendered pitch to the next: at 3, none is played more than one semitone away.
    """

    name: str
    kind: InstrumentKind
    lowest: int
    highest: int
    model: Callable[[SampledNote], Sample]
    velocities: tuple[int, ...] = TWO_VELOCITIES
    step: int = 3

    @property
    def pitches(self) -> range:
        """The rendered pitches."""
        return range(self.lowest, self.highest + 1, self.step)

    def render(self, pitch: int, velocity: int) -> Sample:
        """Return one note, a pure function of its arguments."""
        return self.model(SampledNote(self.name, pitch, velocity))

    def render_all(self, lowest: int | None = None, highest: int | None = None) -> Iterator[Sample]:
        """Render each pitch at each velocity, one after another, before `normalized`.

        Parameters
        ----------
        lowest, highest : int, optional
            Notes that will be played; rendered are the pitches within half a step of them.
        """
        low = self.lowest if lowest is None else lowest - self.step // 2
        high = self.highest if highest is None else highest + self.step // 2
        for pitch in self.pitches:
            if low <= pitch <= high:
                for velocity in self.velocities:
                    yield self.render(pitch, velocity)


def normalized(samples: Sequence[Sample]) -> list[Sample]:
    """Scale all samples of an instrument by one factor, so that the loudest peak is `PEAK`."""
    factor = np.float32(PEAK / max(LEAST_PEAK, *(sample.peak for sample in samples)))
    return [replace(sample, audio=sample.audio * factor) for sample in samples]
