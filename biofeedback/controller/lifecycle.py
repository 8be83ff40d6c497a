"""The state machine of a session as one table: what each command and event does in each state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from biofeedback.controller.explanations import Refusal
from biofeedback.models import Lifecycle

Outcome = Lifecycle | Refusal
"""The state a command leads to, or why it is refused."""

STATES = tuple(Lifecycle)
WAITING, RUNNING, PAUSED, HELD, ENDING, ENDED = STATES


def _row(
    running: Outcome, paused: Outcome, held: Outcome, ending: Outcome = Refusal.ENDING
) -> Mapping[Lifecycle, Outcome]:
    """Return the outcomes in all six states; before the first step and after the end all is refused."""
    return dict(zip(STATES, (Refusal.NOT_BEGUN, running, paused, held, ending, Refusal.ENDED), strict=True))


_STEERING = ("stay", "skip", "extend", "intensify", "soften", "override", "release", "cue")
"""Commands that apply until the end begins and leave the state as it is."""

_RECORDED = ("volume", "marker", "note", "adverse event", "rating")
"""Commands that apply until the session is over and leave the state as it is."""

COMMANDS: Mapping[str, Mapping[Lifecycle, Outcome]] = {
    "pause": _row(PAUSED, Refusal.ALREADY_PAUSED, PAUSED),
    "hold": _row(HELD, HELD, Refusal.ALREADY_HELD),
    "resume": _row(RUNNING, RUNNING, RUNNING),
    **dict.fromkeys(_STEERING, _row(RUNNING, PAUSED, HELD)),
    **dict.fromkeys(_RECORDED, _row(RUNNING, PAUSED, HELD, ENDING)),
    "stop": _row(ENDING, ENDING, ENDING),
    "emergency stop": {**_row(ENDING, ENDING, ENDING, ENDING), WAITING: ENDING},
}
"""What a command leads to in each state. A command that applies may still be refused for its arguments: see
`biofeedback.controller.commands`."""


class LifecycleEvent(Enum):
    """What changes the state besides commands."""

    FIRST_STEP = auto()
    END = auto()
    """The course or the input is over, or a stop was asked for."""

    FADED = auto()
    """The closing fade is over."""


EVENTS: Mapping[LifecycleEvent, Mapping[Lifecycle, Lifecycle]] = {
    LifecycleEvent.FIRST_STEP: {WAITING: RUNNING},
    LifecycleEvent.END: dict.fromkeys((RUNNING, PAUSED, HELD), ENDING),
    LifecycleEvent.FADED: {ENDING: ENDED},
}
"""What an event leads to; in a state that is not listed it changes nothing."""
