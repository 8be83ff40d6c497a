"""The questions a session puts; it goes on meanwhile, whether they are answered or not."""

from __future__ import annotations

from collections.abc import Mapping

from biofeedback.controller.catalogue import say
from biofeedback.events import Moment, RatingRecord
from biofeedback.models import OpenQuestion, QuestionKind
from protocols.scales import SCALES

CHOICES: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.PLATEAU: ("stay", "resume", "stop"),
    QuestionKind.RESUME: ("resume", "stop"),
    QuestionKind.BASELINE: ("extend", "stay"),
    QuestionKind.CUE: ("cue", "extend", "stay"),
    QuestionKind.RATING: ("rating",),
}
"""The commands that answer each kind of question."""

STAYING = frozenset({QuestionKind.PLATEAU, QuestionKind.BASELINE, QuestionKind.CUE})
"""Questions that `stay` answers. They concern the present phase and lapse with it."""


class Questions:
    """Which questions are open, and those that are not to be put again in this phase.

    Attributes
    ----------
    asked_of : dict of str to (str, str)
        Of each rating that is open, by its scale: the phase that asks, and whether at its begin or end.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[QuestionKind, str], OpenQuestion] = {}
        self._settled: set[QuestionKind] = set()
        self._new: list[OpenQuestion] = []
        self._given: list[RatingRecord] = []
        self.asked_of: dict[str, tuple[str, Moment]] = {}

    @property
    def open(self) -> tuple[OpenQuestion, ...]:
        """The open questions, oldest first."""
        return tuple(self._open.values())

    def new(self) -> tuple[OpenQuestion, ...]:
        """Return the questions put since the last call."""
        new, self._new = self._new, []
        return tuple(new)

    def put(self, kind: QuestionKind, text: str, at: float, about: str = "") -> None:
        """Put a question, unless it is open or was settled in this phase."""
        if kind in self._settled or (kind, about) in self._open:
            return
        ask = OpenQuestion(kind=kind, text=text, choices=CHOICES[kind], about=about, since_s=at)
        self._open[kind, about] = ask
        self._new.append(ask)

    def ask_rating(self, scale: str, phase: str, when: Moment, at: float) -> None:
        """Ask for a rating; one of the same scale that is still open lapses."""
        known = SCALES[scale]
        self.close(QuestionKind.RATING, scale)
        self.asked_of[scale] = (phase, when)
        text = say(
            "ask rating",
            question=known.question,
            low=known.low,
            low_means=known.low_means,
            high=known.high,
            high_means=known.high_means,
        )
        self.put(QuestionKind.RATING, text, at, scale)

    def rated(self, scale: str, value: float | None, phase: str) -> None:
        """Take in a rating, asked for or not; `phase` is the one in which it is given."""
        asked_phase, when = self.asked_of.get(scale, (phase, None))
        ask = self.close(QuestionKind.RATING, scale)
        self._given.append(
            RatingRecord(
                scale=scale,
                value=value,
                phase=asked_phase,
                at=when or "",
                asked_s=None if ask is None else ask.since_s,
            )
        )

    def given(self) -> tuple[RatingRecord, ...]:
        """Return the ratings given since the last call, as they are recorded."""
        given, self._given = self._given, []
        return tuple(given)

    def close(self, kind: QuestionKind, about: str = "") -> OpenQuestion | None:
        """Take a question back, or as answered; return it if it was one for a rating, about this scale."""
        if kind != QuestionKind.RATING:
            self._lapse({kind})
            return None
        self.asked_of.pop(about, None)
        return self._open.pop((kind, about), None)

    def stay(self) -> bool:
        """Settle what `stay` answers; return whether there was any such question."""
        kinds = {kind for kind, _ in self._open} & STAYING
        self._settled |= kinds
        self._lapse(kinds)
        return bool(kinds)

    def leave_phase(self) -> None:
        """Let lapse what concerned the phase that ends."""
        self._lapse(STAYING)
        self._settled.clear()

    def _lapse(self, kinds: frozenset[QuestionKind] | set[QuestionKind]) -> None:
        self._open = {key: ask for key, ask in self._open.items() if key[0] not in kinds}
