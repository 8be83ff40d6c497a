"""The errors of the closed loop, one tree.

BiofeedbackError
├── UsageError        what was asked for cannot be done as asked
├── RecordingError    a recording cannot be written or read
├── StoreError        the store cannot be opened, read or written
└── SessionFault      something failed during a session; what was recorded is kept
"""


class BiofeedbackError(Exception):
    """Anything that went wrong in the loop, its recording or its report."""


class UsageError(BiofeedbackError):
    """What was asked for cannot be done as asked; the message says what can."""


class RecordingError(BiofeedbackError):
    """A recording cannot be written or read; the message names the file."""


class StoreError(BiofeedbackError):
    """The store cannot be opened, read or written; the message names the file."""


class SessionFault(BiofeedbackError):  # noqa: N818 - a fault is what it is called in the design
    """Something failed during a session; what was recorded up to then is kept."""
