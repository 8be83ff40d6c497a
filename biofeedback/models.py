"""The immutable records the loop passes around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from generator.state import MusicState

STEPS_PER_SECOND = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the controller asked for, and why.

    Attributes
    ----------
    t : float
        Engine seconds.
    phase : str
        Name of the phase.
    progress : float
        0 to 1 through the phase (of a lead: through its course, which stands still while held).
    music : MusicState
        The state asked for.
    terms : mapping
        The numbers behind it, by name; JSON-serialisable.
    why : str
        One plain sentence for the therapist.
    """

    t: float
    phase: str
    progress: float
    music: MusicState
    terms: Mapping[str, float | str | bool | None]
    why: str
