"""The errors of acquisition, one tree.

AcquisitionError
├── SpecError       an input specification (``KIND=WHERE``) cannot be understood
└── SourceError     a source cannot be opened or read
"""


class AcquisitionError(Exception):
    """Anything that went wrong between a sensor or a recording and its chunks."""


class SpecError(AcquisitionError):
    """An input specification cannot be understood; the message shows a right one."""


class SourceError(AcquisitionError):
    """A source cannot be opened or read; the message names the file or device and the place in it."""
