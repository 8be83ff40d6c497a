"""What comes back where something is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

from biofeedback.errors import UsageError


@contextmanager
def found() -> Iterator[None]:
    """Answer 404, with the reason, where what is looked for is not there."""
    try:
        yield
    except UsageError as error:
        raise HTTPException(404, str(error)) from None
