"""The errors of the generator, one tree.

GeneratorError
├── StateError          a MusicState or piece with an impossible value
├── TrajectoryError     a trajectory file that cannot be read; names line and column
├── EventsError         a table of notes that cannot be read; names file and line
└── SoundError          the sound engine could not be started or failed
"""


class GeneratorError(Exception):
    """Anything that went wrong between a MusicState and its sound."""


class StateError(GeneratorError, ValueError):
    """A MusicState or piece with an impossible value; the message gives the range."""


class TrajectoryError(GeneratorError):
    """A trajectory file that cannot be read; the message names file, line and column."""


class EventsError(GeneratorError):
    """A table of notes that cannot be read; the message names file and line."""


class SoundError(GeneratorError):
    """The sound engine could not be started, or failed."""
