"""The queue of commands from any thread to the host's, with their answers by key; and background work.

A command that comes twice under the same key is carried out once and has its first answer again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from biofeedback.command_inbox import CommandInbox
from biofeedback.commands import Answer, EmergencyStop, Origin
from biofeedback.service.requests import CommandRequest, HostOrder, Stage, refusal

MAX_KEYS = 10_000
"""Keys whose answers are kept; a session has some hundred."""

OVER = Answer(False, "The session is over.")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command that waits for the host's thread."""

    ordered: CommandRequest
    origin: Origin


class CommandQueue:
    """Takes commands, each key once; while a session runs, its commands go to the session's inbox.

    Parameters
    ----------
    silence : callable
        Silences what sounds outside a session; an emergency stop calls it before it is answered, from any
        thread.
    """

    def __init__(self, silence: Callable[[], None]) -> None:
        self._silence = silence
        self._lock = threading.Lock()
        self._answers: dict[str, Future[Answer]] = {}
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._inbox: CommandInbox | None = None

    def order(self, ordered: CommandRequest, *, origin: Origin) -> Future[Answer]:
        """Queue a command and return its answer to come; a known key has its first answer. Thread-safe."""
        with self._lock:
            if ordered.key in self._answers:
                return self._answers[ordered.key]
            if len(self._answers) >= MAX_KEYS:
                del self._answers[next(iter(self._answers))]
            promise = self._answers[ordered.key] = Future()
            waiting, inbox = Waiting(ordered, origin), self._inbox
            if inbox is None:
                self._waiting.put(waiting)
        # Outside the lock: an emergency stop waits for the player, and the answer comes while it does.
        if inbox is not None:
            self._hand_over(waiting, inbox)
        elif isinstance(ordered.command, EmergencyStop):
            self._silence()
        return promise

    def _hand_over(self, waiting: Waiting, inbox: CommandInbox) -> None:
        ordered = waiting.ordered
        if isinstance(ordered.command, HostOrder):
            self.answer(ordered.key, Answer(False, refusal(ordered.command.name, Stage.RUNNING)))
        else:
            inbox.put(ordered.command, origin=waiting.origin, key=ordered.key)

    def wake(self) -> None:
        """Let `take` return; safe in a signal handler."""
        self._waiting.put(None)

    def interrupt(self) -> None:
        """Ask the session that runs to stop, asked twice at once; safe in a signal handler."""
        if (inbox := self._inbox) is not None:
            inbox.interrupt()

    # The thread that steps.

    def take(self, wait_s: float) -> Waiting | None:
        """Return the next command; None if none comes in time, or `wake` was called."""
        try:
            return self._waiting.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            return None

    def answer(self, key: str, answer: Answer) -> None:
        """Set the answer to a command."""
        with self._lock:
            promise = self._answers.get(key)
            if promise is not None and not promise.done():
                promise.set_result(answer)

    def open_session(self) -> CommandInbox:
        """Return an inbox that takes the commands from now on, those that wait included."""
        inbox = CommandInbox(lambda key, accepted, text: self.answer(key, Answer(accepted, text)))
        with self._lock:
            self._inbox = inbox
        while not self._waiting.empty():
            if (waiting := self._waiting.get()) is not None:
                self._hand_over(waiting, inbox)
        return inbox

    def close_session(self) -> None:
        """Queue commands for the host again; those that the session left open are answered with `OVER`."""
        with self._lock:
            self._inbox = None
            for promise in self._answers.values():
                if not promise.done():
                    promise.set_result(OVER)


Result = TypeVar("Result")


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Start work in a daemon thread; return the future of its result."""
    future: Future[Result] = Future()

    def carry_out() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=carry_out, name="background", daemon=True).start()
    return future
