"""The stages of a session in the engine, and which command leads from which to which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Stage = Literal[
    "idle", "preparing", "prepared", "checking", "sound check", "ready", "running", "closing", "closed"
]
"""Where the engine stands.

idle
    No session.
preparing
    Sensors and sound device are being opened; leads to ``prepared`` or, if it fails, back to ``idle``.
prepared
    They are open; nothing is recorded.
checking
    The sensors are looked at afresh.
sound check
    Ten seconds sound; the stage stays until the comfort is confirmed or something else is ordered.
ready
    The listener's comfortable volume is known.
running
    The session goes on, and is recorded.
closing
    It is over; its files are being closed and taken into the store.
closed
    It can be reviewed.
"""

OPEN: tuple[Stage, ...] = ("prepared", "checking", "sound check", "ready")
"""The stages in which sensors are open and nothing is recorded."""

LEADS_TO: Mapping[str, Mapping[Stage, Stage]] = {
    "prepare": {"idle": "preparing", "closed": "preparing"},
    "check sensors": dict.fromkeys(OPEN, "checking"),
    "sound check": dict.fromkeys(OPEN, "sound check"),
    "confirm comfort": dict.fromkeys(OPEN, "ready"),
    "start": dict.fromkeys(OPEN, "running"),
    "close": {"preparing": "idle", **dict.fromkeys(OPEN, "idle"), "closed": "idle"},
}
"""For each command of the host the stages in which it applies, and the stage it leads to."""


def refusal(order: str, stage: Stage) -> str:
    """Say why an order of the host does not apply now."""
    stages = LEADS_TO[order]
    where = " or ".join(dict.fromkeys(stages))
    return f"{order!r} does not apply now: the engine is {stage}, and it would have to be {where}."
