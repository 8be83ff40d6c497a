"""The immutable records the loop passes around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acquisition.streams import Status
from generator.state import MusicState
from physiology.state import PhysiologyState

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The session at one moment, for whoever watches.

    Attributes
    ----------
    t : float
        Engine seconds.
    elapsed_s : float
        Seconds from the session's start.
    phase : str
        Name of the phase.
    physiology : PhysiologyState or None
        The newest; None before the first.
    music : MusicState
        What is asked of the music.
    why : str
        The newest decision's sentence.
    finished : bool
        Whether the session is over and the last sound has faded.
    inputs : mapping of str to Status
        How each live stream is doing, by its name.
    """

    t: float
    elapsed_s: float
    phase: str
    physiology: PhysiologyState | None
    music: MusicState
    why: str
    finished: bool
    inputs: Mapping[str, Status]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a person, or a script in their place, tells the session to do.

    Attributes
    ----------
    name : str
        ``resume``: go on adapting after a plateau or a lost signal. ``stop``: lead to the end, with its fade.
    args : mapping
        What belongs to it; JSON-serialisable.
    """

    name: Literal["resume", "stop"]
    args: Mapping[str, float | str | bool | None] = field(default_factory=dict)
