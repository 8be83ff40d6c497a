"""Faults of the program itself, in the engine's log: where, and of which kind, but not with what values.

Values may be a client's code or somebody's words.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

from acquisition.errors import AcquisitionError
from biofeedback.errors import BiofeedbackError
from generator.errors import GeneratorError
from physiology.errors import PhysiologyError
from protocols.errors import ProtocolError

REFUSALS = (AcquisitionError, BiofeedbackError, GeneratorError, PhysiologyError, ProtocolError)
"""Errors whose message says in one line, made for people, why something cannot be done."""

log = logging.getLogger("biofeedback.service")


def report_error(what: str, error: BaseException) -> str:
    """Write down a fault, and return what clients are told of it."""
    log.error("%s", what, exc_info=error)
    return f"{what[0].upper()}{what[1:]} inside the engine ({type(error).__name__}); its log says where."


def message_of(error: BaseException, what: str) -> str:
    """Return what clients are told of an error: its own message where it is made for people."""
    return str(error) if isinstance(error, (*REFUSALS, OSError)) else report_error(what, error)


class RedactingFormatter(logging.Formatter):
    """Writes of an exception where it was raised and of which kind it is, not what it says."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.exc_text = None  # what another formatter made of the exception
        return super().format(record)

    def formatException(  # noqa: N802 - logging calls it so
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return places and kind."""
        kind, _, trace = ei
        return "".join(traceback.format_tb(trace)) + (kind.__name__ if kind is not None else "")
