"""The records that the loop passes around and that clients read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Self, TypedDict, get_args

from acquisition.streams import Status
from generator.state import MusicState, SoundCondition
from physiology.state import PhysiologyState

if TYPE_CHECKING:
    from protocols.course import Segment

STEPS_PER_SECOND = 20

Moment = Literal["begin", "end"]
"""Which end of a phase."""
MOMENTS: tuple[Moment, ...] = get_args(Moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the controller asks of the music, and why.

    Attributes
    ----------
    t : float
        Engine seconds.
    phase : str
        Name of the phase.
    progress : float
        0 to 1 through the phase; in a lead it stands still while the gate holds.
    music : MusicState
        The state asked for.
    terms : mapping
        The numbers behind the decision, by name; JSON-serialisable.
    why : str
        The reason, in one sentence for the therapist.
    """

    t: float
    phase: str
    progress: float
    music: MusicState
    terms: Mapping[str, float | str | bool | None]
    why: str


class Lifecycle(StrEnum):
    """The state of a session."""

    WAITING = "waiting"
    """Before the first step."""

    RUNNING = "running"
    PAUSED = "paused"
    """The course waits and the music goes on."""

    HELD = "held"
    """The course waits in silence."""

    ENDING = "ending"
    """The music fades out."""

    ENDED = "ended"


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

    @classmethod
    def of(cls, segment: Segment) -> Self:
        """Return a segment of a protocol as it is planned."""
        until = segment.phase.until
        return cls(
            name=segment.name,
            kind=segment.kind,
            start_s=segment.start_s,
            duration_s=segment.duration_s,
            cue="" if until is None else until.cue,
        )


class EndReason(StrEnum):
    """Why a session ended, as ``session.json`` has it in recordings of every version."""

    COMPLETE = "the protocol is complete"
    STOPPED = "it was stopped"
    SILENCED = "it was stopped at once"
    """By an emergency stop."""

    INPUT_ENDED = "input ended"
    """All inputs have delivered their last sample."""


class QuestionKind(StrEnum):
    """What the session may ask a person."""

    PLATEAU = "plateau"
    """The listener does not follow: stay, go on, or end?"""

    RESUME = "resume"
    """The signal is back after a loss: adapt again?"""

    BASELINE = "baseline"
    """The baseline is too short, noisy or drifting: extend it?"""

    CUE = "cue"
    """A phase that waits for a cue ends soon: has the cue come?"""

    RATING = "rating"


QUESTIONS: Mapping[QuestionKind, str] = {
    QuestionKind.PLATEAU: "The listener does not follow the music: stay here, go on, or stop?",
    QuestionKind.RESUME: (
        "The signal is back after a loss: is the listener well, and may the music adapt again?"
    ),
    QuestionKind.BASELINE: "The baseline may not be usable ({verdict}): extend it?",
    QuestionKind.CUE: (
        "The phase {name} ends by itself in {left_s:.0f} s: has the cue {cue} come, or should the phase last "
        "longer?"
    ),
    QuestionKind.RATING: "{question} ({low} {low_means}, {high} {high_means})",
}
"""What each kind of question asks."""

CHOICES: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.PLATEAU: ("stay", "resume", "stop"),
    QuestionKind.RESUME: ("resume", "stop"),
    QuestionKind.BASELINE: ("extend", "stay"),
    QuestionKind.CUE: ("cue", "extend", "stay"),
    QuestionKind.RATING: ("rating",),
}
"""The commands that answer each kind of question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A question that waits for an answer; the session goes on meanwhile.

    Attributes
    ----------
    kind : QuestionKind
        What is asked.
    about : str
        What it is about: the scale of a rating, the name of a cue; else empty.
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

    @property
    def text(self) -> str:
        """The question as people read it."""
        return QUESTIONS[self.kind].format_map(self.values)

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the commands that answer it."""
        return CHOICES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerView:
    """The controller at one moment.

    Attributes
    ----------
    phase : str
        Name of the present phase or section; empty before the first step, ``end`` from the fade on.
    lifecycle : Lifecycle
        The state of the session.
    plan : tuple of PlannedPhase
        All phases, past and to come.
    progress : float
        0 to 1 through the present phase.
    left_s : float
        Seconds left in it as now foreseen.
    terms : mapping
        The newest decision's.
    asks : tuple of OpenQuestion
        Questions that wait for an answer.
    overrides : mapping of str to float
        Overridden parameters of the music, with the values asked for.
    energy : float or None
        Of a phase of pain distraction, 0 to 1; else None.
    """

    phase: str
    lifecycle: Lifecycle = Lifecycle.RUNNING
    plan: tuple[PlannedPhase, ...] = ()
    progress: float = 0.0
    left_s: float = 0.0
    terms: Mapping[str, float | str | bool | None] = field(default_factory=dict)
    asks: tuple[OpenQuestion, ...] = ()
    overrides: Mapping[str, float] = field(default_factory=dict)
    energy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(ControllerView):
    """The session at one moment, as people and programs watch it.

    Attributes
    ----------
    t : float
        Engine seconds.
    elapsed_s : float
        Seconds from the session's start.
    physiology : PhysiologyState or None
        The newest; None before the first.
    music : MusicState
        What is asked of the music.
    why : str
        The newest decision's sentence.
    finished : bool
        Whether the session is over and the last sound has faded.
    inputs : mapping of str to Status
        Status of each live stream, by its name.
    volume_db : float
        The master volume.
    sound : SoundCondition
        Whether the music can be heard.
    """

    t: float
    elapsed_s: float
    physiology: PhysiologyState | None
    music: MusicState
    why: str
    finished: bool
    inputs: Mapping[str, Status]
    volume_db: float = 0.0
    sound: SoundCondition = SoundCondition.ON


class LiveReading(TypedDict):
    """A physiological value in a live frame; None where it is not valid."""

    value: float | None
    quality: float


class LiveSignal(TypedDict):
    """New samples of one stream, None where one is missing.

    Evenly spaced samples have ``t0_s`` and ``dt_s``; others the time of each in ``times_s``.
    """

    values: list[float | None]
    times_s: NotRequired[list[float]]
    t0_s: NotRequired[float]
    dt_s: NotRequired[float]


class LiveBeat(TypedDict):
    """A new heart beat: the engine time of its R peak and the interval before it."""

    r_time_s: float
    rr_ms: float | None
    quality: float


class LiveState(TypedDict, total=False):
    """The session in a live frame. Without a session there is the ``stage`` alone."""

    stage: str
    lifecycle: str
    phase: str
    progress: float
    left_s: float
    hr_bpm: LiveReading | None
    rmssd_ms: LiveReading | None
    scl_us: LiveReading | None
    scr_rate_per_min: LiveReading | None
    breathing_rate: LiveReading | None
    activation: float | None
    activation_0_100: float | None
    confidence: float | None
    music: dict[str, float]
    why: str
    asks: list[dict[str, Any]]
    overrides: dict[str, float]
    volume_db: float
    energy: float | None
    sound: str
    lights: list[dict[str, str]]
    sound_check: float | None
    recorded_bytes: int
    finished: bool


class LiveFrame(TypedDict):
    """What a live connection delivers up to 20 times a second. Times are engine seconds.

    ``elapsed_s`` counts from the session's start and is None without a session; ``state`` comes four times a
    second.
    """

    t: float
    elapsed_s: float | None
    signals: dict[str, LiveSignal]
    beats: list[LiveBeat]
    state: NotRequired[LiveState]


__all__ = [
    "MOMENTS",
    "STEPS_PER_SECOND",
    "ControllerView",
    "Decision",
    "EndReason",
    "Lifecycle",
    "LiveBeat",
    "LiveFrame",
    "LiveReading",
    "LiveSignal",
    "LiveState",
    "Moment",
    "OpenQuestion",
    "PlannedPhase",
    "QuestionKind",
    "Snapshot",
]
