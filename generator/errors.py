"""The errors of the generator, one tree.

GeneratorError
├── StateError          a MusicState, Piece or setting with a value out of its range
├── TrajectoryError     a trajectory file that cannot be read; names line and column
└── SoundError          the synthesizer or the sound device failed
"""


class GeneratorError(Exception):
    """Base class of the errors of the generator."""


class StateError(GeneratorError, ValueError):
    """A value out of its range; the message gives the range."""


class TrajectoryError(GeneratorError):
    """A trajectory file that cannot be read; the message names file, line and column."""


class SoundError(GeneratorError):
    """The synthesizer or the sound device could not be started, or failed."""
