"""The errors of acquisition.

AcquisitionError
├── SpecError       an input specification (``KIND=WHERE``) cannot be understood
└── SourceError     a source cannot be opened or read
"""


class AcquisitionError(Exception):
    """Base class of all errors of acquisition."""


class SpecError(AcquisitionError):
    """An input specification cannot be understood; the message shows a correct one."""


class SourceError(AcquisitionError):
    """A source cannot be opened or read; the message names the file or device, and the place in it."""
