"""The immutable records the loop passes around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acquisition.streams import Status
from generator.live.incidents import Condition
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


Lifecycle = Literal["waiting", "running", "paused", "held", "ending", "ended"]
"""Where a session stands: before its first step; going on; the course waits with music (paused) or in silence
(held); fading out; over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPhase:
    """A phase, or a section of an arc, as it now stands in the session.

    Attributes
    ----------
    name, kind : str
        As in the protocol.
    start_s, duration_s : float
        Seconds from the session's start, and its length; for what is to come as now foreseen. A phase that
        waits for a cue has the longest it may take.
    cue : str
        Name of the cue that it waits for; empty where it waits for none.
    """

    name: str
    kind: str
    start_s: float
    duration_s: float
    cue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question that waits for an answer; the session goes on meanwhile.

    Attributes
    ----------
    kind : str
        ``plateau`` (the listener does not follow: stay, go on, or end?), ``resume`` (the signal is back:
        adapt again?), ``baseline`` (too short or noisy: extend it?), ``cue`` (has what the phase waits for
        come?), ``rating``.
    text : str
        The question, in words.
    choices : tuple of str
        Names of the commands that answer it.
    about : str
        What it is about: the scale of a rating, the name of a cue; else empty.
    since_s : float
        Seconds from the session's start at which it was put.
    """

    kind: Literal["plateau", "resume", "baseline", "cue", "rating"]
    text: str
    choices: tuple[str, ...]
    about: str
    since_s: float


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
    lifecycle : str
        See `Lifecycle`.
    plan : tuple of PlannedPhase
        All phases, past and to come.
    progress : float
        0 to 1 through the present phase.
    left_s : float
        Seconds left in it as now foreseen.
    terms : mapping
        The newest decision's.
    asks : tuple of Ask
        Questions that wait for an answer.
    overrides : mapping of str to float
        Parameters in the therapist's hands, with what was asked.
    volume_db : float
        The master volume.
    energy : float or None
        Of a phase of pain distraction, 0 to 1; else None.
    sound : str
        See `generator.live.incidents.Condition`.
    """

    t: float
    elapsed_s: float
    phase: str
    physiology: PhysiologyState | None
    music: MusicState
    why: str
    finished: bool
    inputs: Mapping[str, Status]
    lifecycle: Lifecycle = "running"
    plan: tuple[PlannedPhase, ...] = ()
    progress: float = 0.0
    left_s: float = 0.0
    terms: Mapping[str, float | str | bool | None] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()
    overrides: Mapping[str, float] = field(default_factory=dict)
    volume_db: float = 0.0
    energy: float | None = None
    sound: Condition = "on"
