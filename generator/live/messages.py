"""The messages between the engine and the audio process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from generator.live.devices import BackEnd
from generator.player import ProcessEnding
from generator.player_events import PlayerEvent
from generator.score import AudibleMusic, BeatEvent, NoteEvent, StereoBlock
from generator.state import MusicState, Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanPolicy:
    """What the audio process does when the engine is gone.

    Attributes
    ----------
    silence_s : float
        Without a message for so long, the process considers itself orphaned.
    hold_s, fade_s : float
        Then it plays on for `hold_s`, fades for `fade_s` and ends.
    """

    silence_s: float = 2.0
    hold_s: float = 10.0
    fade_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSetup:
    """First message to the audio process: all that it needs to be ready.

    With `noise` it plays the reference noise in place of the music.
    """

    piece: Piece
    back_end: BackEnd
    clock: Callable[[], float]
    fade_in_s: float
    keep_sound: bool
    orphan_policy: OrphanPolicy
    noise: bool = False


@dataclass(frozen=True, slots=True)
class StartPlayback:
    """Begin to play, toward a state and at a gain.

    MusicState, VolumeRequest, EndRequest and StopRequest may follow.
    """

    state: MusicState
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """The engine asks for nothing new, and is alive."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Fade what still sounds within half a second, and end the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStarted:
    """First message back: the output runs.

    Attributes
    ----------
    began_s : float
        Engine time of its sample 0.
    latency_frames : int
        How many samples the sound comes after the frames of notes and beats.
    """

    began_s: float
    latency_frames: int


class OutputMoment(NamedTuple):
    """So many samples had been handed to the output at an engine time."""

    frames: int
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackReport:
    """What happened since the report before. All frames count from the process's own sample 0.

    Attributes
    ----------
    played : int
        Samples handed to the output so far.
    moment : OutputMoment or None
        When samples were handed over; None if nothing moved.
    rendered, late, skipped : int
        Samples rendered, blocks late, and samples left out so far.
    notes, beats : tuple
        Those whose sound has begun.
    events : tuple of PlayerEvent
        What took effect on samples rendered, or will on those played next.
    heard : AudibleMusic or None
        As in ``PlaybackStep``.
    audio : ndarray or None
        What was played.
    finished : bool
        Whether the end or stop asked for has faded to nothing at the output.
    cpu_s : float
        Processor time of the process so far.
    rebuilt : int
        How many times its synthesizer has been built anew so far.
    energy_s : float
        A-weighted energy of what it rendered so far (see ``generator.synthesis.calibration``).
    """

    played: int
    moment: OutputMoment | None
    rendered: int
    late: int
    skipped: int
    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]
    events: tuple[PlayerEvent, ...]
    heard: AudibleMusic | None
    audio: StereoBlock | None
    finished: bool
    cpu_s: float
    rebuilt: int = 0
    energy_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AudioFault:
    """Last message: why the process ends."""

    ending: ProcessEnding
