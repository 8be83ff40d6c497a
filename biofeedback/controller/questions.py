"""The questions a session asks. The session goes on whether they are answered or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from biofeedback.events import Moment, RatingRecord
from biofeedback.models import QuestionKind
from protocols.scales import SCALES

CHOICES: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.PLATEAU: ("stay", "resume", "stop"),
    QuestionKind.RESUME: ("resume", "stop"),
    QuestionKind.BASELINE: ("extend", "stay"),
    QuestionKind.CUE: ("cue", "extend", "stay"),
    QuestionKind.RATING: ("rating",),
}
"""The commands that answer each kind of question."""

OF_THE_PHASE = frozenset({QuestionKind.PLATEAU, QuestionKind.BASELINE, QuestionKind.CUE})
"""Questions about the present phase: `stay` answers them, and they lapse when the phase ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingQuestion:
    """A question that waits for an answer, without its text.

    Attributes
    ----------
    kind : QuestionKind
        What is asked.
    about : str
        The scale of a rating, the name of a cue; else empty.
    since_s : float
        Seconds from the session's start at which it was asked.
    values : mapping
        What its text names.
    phase : str
        Of a rating: the phase that asks; else empty.
    at : str or None
        Of a rating: ``begin`` or ``end`` of that phase.
    """

    kind: QuestionKind
    about: str
    since_s: float
    values: Mapping[str, Any] = field(default_factory=dict)
    phase: str = ""
    at: Moment | None = None


class Questions:
    """Keeps the open questions, and the kinds that are settled for the present phase."""

    def __init__(self) -> None:
        self._open: dict[tuple[QuestionKind, str], PendingQuestion] = {}
        self._settled: set[QuestionKind] = set()
        self._new: list[PendingQuestion] = []
        self._ratings: list[RatingRecord] = []

    @property
    def open(self) -> tuple[PendingQuestion, ...]:
        """The open questions, oldest first."""
        return tuple(self._open.values())

    def take_new(self) -> tuple[PendingQuestion, ...]:
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
            self._add(PendingQuestion(kind=kind, about=about, since_s=at, values=values))

    def ask_rating(self, scale: str, phase: str, when: Moment, at: float) -> None:
        """Ask for a rating; an open question for the same scale lapses."""
        known = SCALES[scale]
        self._open.pop((QuestionKind.RATING, scale), None)
        values = {
            "question": known.question,
            "low": known.low,
            "low_means": known.low_means,
            "high": known.high,
            "high_means": known.high_means,
        }
        kind = QuestionKind.RATING
        self._add(PendingQuestion(kind=kind, about=scale, since_s=at, values=values, phase=phase, at=when))

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

    def _add(self, question: PendingQuestion) -> None:
        self._open[question.kind, question.about] = question
        self._new.append(question)

    def close(self, *kinds: QuestionKind) -> None:
        """Close questions of these kinds: they were answered, or no longer apply."""
        self._open = {key: question for key, question in self._open.items() if key[0] not in kinds}
