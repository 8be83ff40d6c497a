"""The errors of the generator, one tree.

GeneratorError
├── StateError          a MusicState, Piece or setting with a value out of its range
├── TrajectoryError     a trajectory file that cannot be read; names line and column
├── SoundFontError      a SoundFont that cannot be used, and which kind of fault it is
└── SoundError          the synthesizer or the sound device failed
"""

from enum import Enum


class GeneratorError(Exception):
    """Base class of the errors of the generator."""


class StateError(GeneratorError, ValueError):
    """A value out of its range; the message gives the range."""


class TrajectoryError(GeneratorError):
    """A trajectory file that cannot be read; the message names file, line and column."""


class SoundFontFault(Enum):
    """Why a SoundFont cannot be used."""

    MISSING = "missing"
    """There is no such file."""

    UNREADABLE = "unreadable"
    """The system refuses to read it."""

    DAMAGED = "damaged"
    """It is no SoundFont, or what it says contradicts itself."""

    NO_PRESET = "no preset"
    """It has no preset of that bank and number or name."""

    NOT_COVERED = "not covered"
    """The preset has no samples for notes that are to be played."""


class SoundFontError(GeneratorError):
    """A SoundFont that cannot be used; the message says what is wrong and what would be right."""

    def __init__(self, fault: SoundFontFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class SoundError(GeneratorError):
    """The synthesizer or the sound device could not be started, or failed."""
