"""What was answered to which key: a command that comes twice is carried out once."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future

from biofeedback.commands import Answer

MOST = 10_000
"""Keys that are remembered; a session has some hundred."""


class Ledger:
    """Answers, and promises of answers, by key. Whoever uses it from several threads holds a lock."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, Future[Answer]] = OrderedDict()

    def find(self, key: str) -> Future[Answer] | None:
        """Return what was or will be answered to a key; None where it is new."""
        return self._answers.get(key)

    def enter(self, key: str) -> Future[Answer]:
        """Write down a new key, and return the promise of its answer."""
        if len(self._answers) >= MOST:
            self._answers.popitem(last=False)
        self._answers[key] = Future()
        return self._answers[key]

    def answer(self, key: str, answer: Answer) -> None:
        """Keep the promise, if one is open for this key."""
        promise = self._answers.get(key)
        if promise is not None and not promise.done():
            promise.set_result(answer)

    def answer_all(self, answer: Answer) -> None:
        """Keep every promise that is open."""
        for key in tuple(self._answers):
            self.answer(key, answer)
