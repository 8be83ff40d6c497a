"""The errors of the closed loop, one tree.

BiofeedbackError
├── UsageError        what was asked for cannot be done as asked
│   └── NotFoundError   what was named does not exist
├── RecordingError    a recording cannot be written or read
├── StoreError        the store cannot be opened, read or written
├── IdentifyingContent  an export that was to be de-identified is not
├── SessionFault      something failed during a session; what was recorded is kept
└── EngineError       the engine refuses, or cannot be reached (in `biofeedback.client`)
"""

from collections.abc import Sequence


class BiofeedbackError(Exception):
    """Base of all errors of the loop, its recordings, reports and store."""


class UsageError(BiofeedbackError):
    """What was asked for cannot be done as asked; the message says what can."""


class NotFoundError(UsageError):
    """What was named does not exist; the message names what does, or how to find it."""


class RecordingError(BiofeedbackError):
    """A recording cannot be written or read; the message names the file."""


class StoreError(BiofeedbackError):
    """The store cannot be opened, read or written; the message names the file."""


class IdentifyingContent(BiofeedbackError):  # noqa: N818 - what was found, not what failed
    """A de-identified export still contains identifying content; the findings say where.

    Parameters
    ----------
    findings : sequence
        Each names the file and the content.
    """

    def __init__(self, findings: Sequence[object]) -> None:
        self.findings = tuple(findings)
        lines = "; ".join(map(str, self.findings[:3]))
        more = f" (and {len(self.findings) - 3} more)" if len(self.findings) > 3 else ""
        super().__init__(f"the export still identified and was removed: {lines}{more}")


class SessionFault(BiofeedbackError):  # noqa: N818 - a fault is what it is called in the design
    """Something failed during a session; the recording up to then is kept."""
