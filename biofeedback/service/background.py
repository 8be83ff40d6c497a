"""Work of seconds, done in a thread beside the one that steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Begin some work in a thread of its own, which does not keep the process alive; return its future."""
    future: Future[Result] = Future()

    def carry_out() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - told to whoever asks for the result
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=carry_out, name="background", daemon=True).start()
    return future
