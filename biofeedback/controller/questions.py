"""The questions a session asks. The session goes on whether they are answered or not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from biofeedback.events import RatingRecord
from biofeedback.models import Moment, OpenQuestion, QuestionKind
from protocols.scales import SCALES

OF_THE_PHASE = frozenset({QuestionKind.PLATEAU, QuestionKind.BASELINE, QuestionKind.CUE})
"""Questions about the present phase: `stay` answers them, and they lapse when the phase ends."""


class Questions:
    """Keeps the open questions, and the kinds that are settled for the present phase."""

    def __init__(self) -> None:
        self._open: dict[tuple[QuestionKind, str], OpenQuestion] = {}
        self._settled: set[QuestionKind] = set()
        self._new: list[OpenQuestion] = []
        self._ratings: list[RatingRecord] = []

    @property
    def open(self) -> tuple[OpenQuestion, ...]:
        """The open questions, oldest first."""
        return tuple(self._open.values())

    def take_new(self) -> tuple[OpenQuestion, ...]:
        """Return the questions asked since the last call."""
        new, self._new = self._new, []
        return tuple(new)

    def take_ratings(self) -> tuple[RatingRecord, ...]:
        """Return the ratings given since the last call."""
        ratings, self._ratings = self._ratings, []
        return tuple(ratings)

    def ask(self, kind: QuestionKind, at: float, about: str = "", **values: Any) -> None:
        """Ask at `at` seconds of the session, unless this is open or was settled in this phase."""
        if kind not in self._settled and (kind, about) not in self._open:
            self._add(OpenQuestion(kind=kind, about=about, since_s=at, values=values))

    def ask_while(self, applies: bool, kind: QuestionKind, at: float) -> None:
        """Ask as `ask` while a question applies; close it once it does not."""
        if applies:
            self.ask(kind, at)
        else:
            self.close(kind)

    def ask_rating(self, scale: str, phase: str, when: Moment, at: float) -> None:
        """Ask for a rating; an open question for the same scale lapses."""
        rating, values = QuestionKind.RATING, asdict(SCALES[scale])
        self._open.pop((rating, scale), None)
        self._add(OpenQuestion(kind=rating, about=scale, since_s=at, values=values, phase=phase, at=when))

    def rate(self, scale: str, value: float | None, phase: str) -> None:
        """Accept a rating given in this phase, asked for or not."""
        question = self._open.pop((QuestionKind.RATING, scale), None)
        self._ratings.append(
            RatingRecord(
                scale=scale,
                value=value,
                phase=phase if question is None else question.phase,
                at="" if question is None or question.at is None else question.at,
                asked_s=None if question is None else question.since_s,
            )
        )

    def stay(self) -> bool:
        """Settle the open questions that `stay` answers; return whether there was one."""
        kinds = {kind for kind, _ in self._open} & OF_THE_PHASE
        self._settled |= kinds
        self.close(*kinds)
        return bool(kinds)

    def leave_phase(self) -> None:
        """Close the questions about the phase that ends."""
        self.close(*OF_THE_PHASE)
        self._settled.clear()

    def _add(self, question: OpenQuestion) -> None:
        self._open[question.kind, question.about] = question
        self._new.append(question)

    def close(self, *kinds: QuestionKind) -> None:
        """Close questions of these kinds: they were answered, or no longer apply."""
        self._open = {key: question for key, question in self._open.items() if key[0] not in kinds}
