"""A thread-safe queue of commands for the session."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from biofeedback.commands import Command, EmergencyStop, IssuedCommand, Origin, Stop


def _ignore(_key: str, _accepted: bool, _answer: str) -> None:
    """Ignore the answer."""


class CommandInbox:
    """Passes commands from any thread to the session, and answers back.

    Parameters
    ----------
    on_answer : callable, optional
        Called with ``(key, accepted, answer)`` of each command, in the thread of the session.

    Attributes
    ----------
    on_answer : callable
        As given; may be replaced before the session begins.
    interruptions : int
        How many times `interrupt` was called.
    """

    def __init__(self, on_answer: Callable[[str, bool, str], None] = _ignore) -> None:
        self.on_answer = on_answer
        self.interruptions = 0
        self._waiting: deque[IssuedCommand] = deque()  # appending and taking from the left are atomic
        self._emergency_stop: Callable[[IssuedCommand], None] | None = None

    def put(self, command: Command, *, origin: Origin, key: str) -> None:
        """Queue a command; an emergency stop bypasses the queue. Thread-safe."""
        issued = IssuedCommand(command, origin, key)
        emergency_stop = self._emergency_stop
        if isinstance(command, EmergencyStop) and emergency_stop is not None:
            emergency_stop(issued)
        else:
            self._waiting.append(issued)

    def interrupt(self) -> None:
        """Queue a stop; on later calls an emergency stop. Safe in a signal handler.

        It never bypasses the queue: a handler interrupts the thread of the session, which may hold the
        player's lock.
        """
        self.interruptions += 1
        command = Stop() if self.interruptions == 1 else EmergencyStop()
        self._waiting.append(IssuedCommand(command, "therapist", f"interruption {self.interruptions}"))

    def take(self) -> tuple[IssuedCommand, ...]:
        """Return the commands queued since the last call, in order."""
        return tuple(self._waiting.popleft() for _ in range(len(self._waiting)))

    def connect(self, emergency_stop: Callable[[IssuedCommand], None] | None) -> None:
        """Set the function that carries out an emergency stop; None when no session runs."""
        self._emergency_stop = emergency_stop
