"""The questions a session puts; it goes on meanwhile, whether they are answered or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from biofeedback.controller.catalogue import say
from biofeedback.models import Ask
from protocols.scales import SCALES

Kind = Literal["plateau", "resume", "baseline", "cue", "rating"]

CHOICES: dict[Kind, tuple[str, ...]] = {
    "plateau": ("stay", "resume", "stop"),
    "resume": ("resume", "stop"),
    "baseline": ("extend", "stay"),
    "cue": ("cue", "extend", "stay"),
    "rating": ("rating",),
}
"""The commands that answer each kind of question."""

STAYING: frozenset[Kind] = frozenset({"plateau", "baseline", "cue"})
"""Questions that `stay` answers. They concern the present phase and lapse with it."""


class Questions:
    """Which questions are open, and those that are not to be put again in this phase.

    Attributes
    ----------
    asked_of : dict of str to (str, str)
        Of each rating that is open, by its scale: the phase that asks, and whether at its begin or end.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[Kind, str], Ask] = {}
        self._settled: set[Kind] = set()
        self._new: list[Ask] = []
        self._given: list[Mapping[str, Any]] = []
        self.asked_of: dict[str, tuple[str, str]] = {}

    @property
    def open(self) -> tuple[Ask, ...]:
        """The open questions, oldest first."""
        return tuple(self._open.values())

    def new(self) -> tuple[Ask, ...]:
        """Return the questions put since the last call."""
        new, self._new = self._new, []
        return tuple(new)

    def put(self, kind: Kind, text: str, at: float, about: str = "") -> None:
        """Put a question, unless it is open or was settled in this phase."""
        if kind in self._settled or (kind, about) in self._open:
            return
        ask = Ask(kind=kind, text=text, choices=CHOICES[kind], about=about, since_s=at)
        self._open[kind, about] = ask
        self._new.append(ask)

    def ask_rating(self, scale: str, phase: str, when: Literal["begin", "end"], at: float) -> None:
        """Ask for a rating; one of the same scale that is still open lapses."""
        known = SCALES[scale]
        self.close("rating", scale)
        self.asked_of[scale] = (phase, when)
        text = say(
            "ask rating",
            question=known.question,
            low=known.low,
            low_means=known.low_means,
            high=known.high,
            high_means=known.high_means,
        )
        self.put("rating", text, at, scale)

    def rated(self, scale: str, value: float | None, phase: str) -> None:
        """Take in a rating, asked for or not; `phase` is the one in which it is given."""
        asked_phase, when = self.asked_of.get(scale, (phase, ""))
        ask = self.close("rating", scale)
        self._given.append(
            {
                "scale": scale,
                "value": value,
                "phase": asked_phase,
                "at": when,
                "asked_s": None if ask is None else ask.since_s,
            }
        )

    def given(self) -> tuple[Mapping[str, Any], ...]:
        """Return the ratings given since the last call, as they are recorded."""
        given, self._given = self._given, []
        return tuple(given)

    def close(self, kind: Kind, about: str = "") -> Ask | None:
        """Take a question back, or as answered; return it if it was one for a rating, about this scale."""
        if kind != "rating":
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

    def _lapse(self, kinds: frozenset[Kind] | set[Kind]) -> None:
        self._open = {key: ask for key, ask in self._open.items() if key[0] not in kinds}
