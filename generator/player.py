"""What every player does, and the records it gives: steps, incidents, statistics.

There are two players: `generator.render.VirtualPlayer` plays in this process as fast as the machine goes,
`generator.live.player.LivePlayer` plays in real time in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Literal, Protocol

from generator.player_events import PlayerEvent
from generator.score import AudibleMusic, BeatEvent, NoteEnd, NoteEvent, SectionEvent, StereoBlock
from generator.state import MasterVolume, MusicState, SoundCondition

FADE_IN_S = 10.0
EMERGENCY_STOP_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from handing samples to the output until they are heard.

    Attributes
    ----------
    seconds, uncertainty_s : float
        The truth lies within `uncertainty_s` of `seconds`.
    source : str
        How it is known; ``none``: there is no device, and a sample counts as heard when its time has come.
    """

    seconds: float
    uncertainty_s: float
    source: Literal["none", "configured", "device default", "loopback measured"]


NO_LATENCY = Latency(seconds=0.0, uncertainty_s=0.0, source="none")


class AudioIncidentKind(StrEnum):
    """What may happen to the sound, and which parameters of `AudioIncident` belong to it."""

    PROCESS_ENDED = "process ended"
    """`ending` tells how."""

    RESTARTING = "restarting"
    """`count` is the number of the attempt, `limit` how many there are."""

    RESTARTED = "restarted"
    """`seconds` of silence before, `ramp_s` of fade-in."""

    GAVE_UP = "gave up"
    """After `count` restarts, or because a process could not be started (`detail`)."""

    LATE = "late"
    """`count` blocks, `seconds` of sound, were not ready in time."""

    SKIPPED = "skipped"
    """`seconds` of music were left out because the device stood still."""

    REBUILT = "rebuilt"
    """The synthesizer gave unusable samples and was built anew; it fades in over `ramp_s`."""


class ProcessEndCause(StrEnum):
    """How the audio process ended, and which parameters of `ProcessEnding` belong to it."""

    EXITED = "exited"
    """With `status`."""

    SIGNALLED = "signalled"
    """By the signal `status`, called `detail`."""

    LOST = "lost"
    """Its pipe is closed and its status is not known yet."""

    HUNG = "hung"
    """It sent nothing for `seconds` and was ended."""

    FAILED = "failed"
    """With the error `detail`."""

    DESERTED = "deserted"
    """The engine sent nothing for too long; the music faded and the process ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnding:
    """How an audio process ended; also its last message, if it can say why it ends."""

    cause: ProcessEndCause
    status: int = 0
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioIncident:
    """Something that happened to the sound. `AudioIncidentKind` says which parameters belong to a kind.

    Attributes
    ----------
    time_s : float
        Engine time.
    kind : AudioIncidentKind
        What happened.
    count, limit, seconds, ramp_s, detail, ending
        Its parameters.
    """

    time_s: float
    kind: AudioIncidentKind
    count: int = 0
    limit: int = 0
    seconds: float = 0.0
    ramp_s: float = 0.0
    detail: str = ""
    ending: ProcessEnding | None = None


_INCIDENT_TEXTS = {
    AudioIncidentKind.PROCESS_ENDED: "The audio process {how}; there is no sound.",
    AudioIncidentKind.RESTARTING: "The sound is started again, attempt {count} of {limit}.",
    AudioIncidentKind.RESTARTED: "The sound is back after {seconds:.1f} s and fades in over {ramp_s:g} s.",
    AudioIncidentKind.GAVE_UP: "The sound was lost again after {count} restarts; it stays silent.",
    AudioIncidentKind.LATE: "Sound came late ({count} blocks); up to {seconds:.2f} s were not heard.",
    AudioIncidentKind.SKIPPED: "The sound device stood still for {seconds:.2f} s; the music went on in time.",
    AudioIncidentKind.REBUILT: (
        "The synthesizer gave unusable samples and was built anew; the sound fades in over {ramp_s:g} s."
    ),
}
_START_FAILED_TEXT = "The sound cannot be started again: {detail}."

_ENDING_TEXTS = {
    ProcessEndCause.EXITED: "ended with status {status}",
    ProcessEndCause.SIGNALLED: "was killed by signal {status} ({detail})",
    ProcessEndCause.LOST: "was lost",
    ProcessEndCause.HUNG: "hung for {seconds:.1f} s and was ended",
    ProcessEndCause.FAILED: "ended: {detail}",
    ProcessEndCause.DESERTED: "had no message from the engine for a long time, faded and ended",
}


def incident_text(incident: AudioIncident) -> str:
    """Return an incident as one plain sentence, for a person."""
    template = _INCIDENT_TEXTS[incident.kind]
    if incident.kind is AudioIncidentKind.GAVE_UP and incident.detail:
        template = _START_FAILED_TEXT
    how = "ended" if incident.ending is None else ending_text(incident.ending)
    return template.format(**asdict(incident), how=how)


def ending_text(ending: ProcessEnding) -> str:
    """Return how an audio process ended, to follow "The audio process"."""
    return _ENDING_TEXTS[ending.cause].format(**asdict(ending))


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStatistics:
    """Figures of a player so far.

    Attributes
    ----------
    frames_rendered, frames_played, late_blocks, restarts : int
        Totals of all processes.
    skipped_s : float
        Music left out because the device had stood still for so long.
    latency : Latency
        Of the output, in addition to `Player.latency_frames`.
    frames_per_second : float
        The output's rate on the engine's clock; 48000 until it has been fitted, which takes 20 s.
    cpu_s : float
        Processor time of the processes that have played.
    pid : int or None
        The process that plays; None where there is none.
    energy_s : float
        A-weighted energy of what was rendered for a listener (see ``generator.synthesis.calibration``); 0 for
        a virtual player, which nobody hears.
    """

    frames_rendered: int
    frames_played: int
    late_blocks: int = 0
    restarts: int = 0
    skipped_s: float = 0.0
    latency: Latency = NO_LATENCY
    frames_per_second: float
    cpu_s: float = 0.0
    pid: int | None = None
    energy_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStep:
    """What was played in a step.

    Attributes
    ----------
    notes : tuple of NoteEvent
        Those that began; their numbers go on from step to step.
    note_ends : tuple of NoteEnd
        The ends of those that ended, with the lengths that they had.
    beats : tuple of BeatEvent
        Those that fell into it.
    heard : AudibleMusic or None
        What a listener heard; None in silence.
    audio : ndarray of float32, shape (n, 2), or None
        The sound, `Player.latency_frames` late: 2400 samples in virtual time, what was played since the step
        before in real time; None for a player without sound.
    time_of : callable
        Engine time at which the sound of a frame (of a note, its end, a beat, a section or an event) reaches
        the ear.
    events : tuple of PlayerEvent
        What a live player followed since the step before, each with its frame. A virtual player follows in
        the step that asks, and gives none.
    sections : tuple of SectionEvent
        Those that began.
    """

    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]
    heard: AudibleMusic | None
    audio: StereoBlock | None
    time_of: Callable[[int], float]
    events: tuple[PlayerEvent, ...] = ()
    note_ends: tuple[NoteEnd, ...] = ()
    sections: tuple[SectionEvent, ...] = ()


class Player(AbstractContextManager["Player"], Protocol):
    """Composes, performs and plays a piece toward the states it is asked for, 20 steps to the second.

    A player is a context manager: entering it starts the sound, leaving it gives the sound engine back.
    """

    @property
    def latency_frames(self) -> int:
        """How many samples the sound comes after the frames of notes and beats: always the same."""

    @property
    def began_s(self) -> float:
        """Engine time at which frame 0 reaches the ear."""

    @property
    def volume(self) -> MasterVolume:
        """The master volume last set."""

    @property
    def condition(self) -> SoundCondition:
        """How the sound is doing."""

    @property
    def finished(self) -> bool:
        """Whether an end or stop was asked for and has faded to nothing, or no sound will come any more."""

    def step(self, state: MusicState) -> PlaybackStep:
        """Play 1/20 s toward a state; return what was played."""

    def set_volume(self, volume: MasterVolume) -> None:
        """Set the master volume; it glides there in 0.3 s or more. Any thread may call it."""

    def end(self, fade_s: float) -> None:
        """Come to an end: a cadence, a fade of `fade_s` seconds, then silence. Any thread may call it."""

    def stop(self, seconds: float = EMERGENCY_STOP_S) -> None:
        """Fade out at once, within `seconds`. Any thread may call it."""

    def incidents(self) -> tuple[AudioIncident, ...]:
        """Return what happened to the sound since the last call."""

    def statistics(self) -> AudioStatistics:
        """Return the figures so far."""

    def close(self) -> None:
        """Give the sound engine back. Closing twice is harmless."""
