"""Where commands wait for the session: put in by any thread, taken out by the one that steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from biofeedback.commands import Command, EmergencyStop, IssuedCommand, Origin, Stop


def _unheard(_key: str, _accepted: bool, _answer: str) -> None:
    """Give the answer to nobody."""


class CommandInbox:
    """Hands commands from any thread to the session, and its answers back.

    Parameters
    ----------
    on_answer : callable, optional
        Told ``(key, accepted, answer)`` for each command once the session has taken it in, in the thread
        that steps.

    Attributes
    ----------
    on_answer : callable
        As given; may be set anew before the session begins.
    interruptions : int
        How many times `interrupt` was called.
    """

    def __init__(self, on_answer: Callable[[str, bool, str], None] = _unheard) -> None:
        self.on_answer = on_answer
        self.interruptions = 0
        self._waiting: deque[IssuedCommand] = deque()  # appending and taking from the left are atomic
        self._emergency_stop: Callable[[IssuedCommand], None] | None = None

    def put(self, command: Command, *, origin: Origin, key: str) -> None:
        """Hand over a command; an emergency stop goes past the queue. Any thread may call it."""
        told = IssuedCommand(command, origin, key)
        emergency_stop = self._emergency_stop
        if isinstance(command, EmergencyStop) and emergency_stop is not None:
            emergency_stop(told)
        else:
            self._waiting.append(told)

    def emergency(self, *, origin: Origin = "therapist", key: str = "emergency stop") -> None:
        """Silence the music now, past the queue. Any thread may call it."""
        self.put(EmergencyStop(), origin=origin, key=key)

    def interrupt(self) -> None:
        """Ask for the stop; asked again, insist on silence at once. Safe in a signal handler.

        It only ever queues: a handler runs between two instructions of the thread that steps, which may hold
        the player's lock.
        """
        self.interruptions += 1
        command = Stop() if self.interruptions == 1 else EmergencyStop()
        self._waiting.append(IssuedCommand(command, "therapist", f"interruption {self.interruptions}"))

    def take(self) -> tuple[IssuedCommand, ...]:
        """Return what was put in since the last call, in order."""
        return tuple(self._waiting.popleft() for _ in range(len(self._waiting)))

    def connect(self, emergency_stop: Callable[[IssuedCommand], None] | None) -> None:
        """Name what silences the music at once while a session runs; None once it is over."""
        self._emergency_stop = emergency_stop
