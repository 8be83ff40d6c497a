"""Faults of the program itself, in the engine's log: where, and of which kind, but not with what values.

Values may be a client's code or somebody's words.
"""

from __future__ import annotations

import logging
import traceback

log = logging.getLogger("biofeedback.service")


def report_trouble(what: str, error: BaseException) -> str:
    """Write down a fault, and return what clients are told of it."""
    place = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s: %s\n%s", what, type(error).__name__, place)
    return f"{what[0].upper()}{what[1:]} inside the engine ({type(error).__name__}); its log says where."
