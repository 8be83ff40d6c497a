"""Where a session stands, and what each command does there: the whole state machine as one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from biofeedback.models import Lifecycle

STATES = tuple(Lifecycle)
WAITING, RUNNING, PAUSED, HELD, ENDING, ENDED = STATES


class Refused(NamedTuple):
    """A command that does not apply, and the sentence of the catalogue that says why."""

    key: str


Outcome = Lifecycle | Refused

_BEFORE, _ENDING, _OVER = Refused("not begun"), Refused("is ending"), Refused("is over")


def _row(
    running: Outcome, paused: Outcome, held: Outcome, ending: Outcome = _ENDING
) -> Mapping[str, Outcome]:
    """Return the outcomes in all six states; before its begin and after its end a session takes nothing."""
    return dict(zip(STATES, (_BEFORE, running, paused, held, ending, _OVER), strict=True))


_STEERS = _row(RUNNING, PAUSED, HELD)
"""What may be done at any time until the end, and leaves the session where it stands."""

_NOTES = _row(RUNNING, PAUSED, HELD, ENDING)
"""What is written down, until the very end."""

COMMANDS: Mapping[str, Mapping[str, Outcome]] = {
    "pause": _row(PAUSED, Refused("paused already"), PAUSED),
    "hold": _row(HELD, HELD, Refused("held already")),
    "resume": _row(RUNNING, RUNNING, RUNNING),
    "stay": _STEERS,
    "skip": _STEERS,
    "extend": _STEERS,
    "intensify": _STEERS,
    "soften": _STEERS,
    "override": _STEERS,
    "release": _STEERS,
    "cue": _STEERS,
    "volume": _NOTES,
    "marker": _NOTES,
    "note": _NOTES,
    "adverse event": _NOTES,
    "rating": _NOTES,
    "stop": _row(ENDING, ENDING, ENDING),
    "emergency stop": {**_row(ENDING, ENDING, ENDING, ENDING), WAITING: ENDING},
}
"""What a command makes of each state, or why it is refused. In a state that takes it, a command may still be
refused for what it asks: see `biofeedback.controller.orders`."""

EVENTS: Mapping[str, Mapping[str, Lifecycle]] = {
    "first step": {WAITING: RUNNING},
    "end": dict.fromkeys((RUNNING, PAUSED, HELD), ENDING),
    "faded": {ENDING: ENDED},
}
"""What a step brings about: the first; one that finds the course or the input over, or a stop asked for; one
that finds the fade over."""


def standing(state: Lifecycle) -> bool:
    """Return whether the course stands still."""
    return state in (PAUSED, HELD)
