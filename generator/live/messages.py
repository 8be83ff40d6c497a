"""What the engine's process and the sound's tell each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generator.cues import Cue
from generator.level import StereoBlock
from generator.live.backend import BackEnd
from generator.score import BeatEvent, NoteEvent
from generator.state import MusicState, Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What the sound does without the engine: after `silence_s` without a word it is alone.

    Attributes
    ----------
    silence_s, hold_s, fade_s : float
        Then it plays on for `hold_s`, fades for `fade_s`, and its process ends.
    """

    silence_s: float = 2.0
    hold_s: float = 10.0
    fade_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """First message to the sound's process: all it needs to make itself ready.

    With `noise` it plays the reference noise in place of the music.
    """

    piece: Piece
    back_end: BackEnd
    clock: Callable[[], float]
    fade_in_s: float
    keep_sound: bool
    alone: Alone
    noise: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Begin to play, toward a state and at a volume. Afterwards come MusicState, Loudness, End and Stop."""

    state: MusicState
    volume_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Still:
    """Nothing new, the engine lives."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Fade what still sounds within half a second, and end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """First message back: the output runs, and this was the moment of its sample 0.

    `latency_frames` is how many samples the sound comes after the frames of notes and beats.
    """

    began_s: float
    latency_frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What happened since the report before. All frames count from the process's own sample 0.

    Attributes
    ----------
    played : int
        Samples handed to the output so far.
    moment : tuple of int and float, or None
        So many samples had been handed over at that engine time; None if nothing moved.
    rendered, late, skipped : int
        Samples rendered, blocks late, and samples left out so far.
    notes, beats : tuple
        Those whose sound has begun.
    cues : tuple of Cue
        What took effect on samples rendered, or will on those played next.
    heard : mapping or None
        As in ``Sounded``.
    audio : ndarray or None
        What was played.
    finished : bool
        Whether the end or stop asked for has faded to nothing at the output.
    cpu_s : float
        Processor time of the process so far.
    rebuilt : int
        How many times its sound engine has been built anew so far.
    energy_s : float
        A-weighted energy of what it rendered so far (see ``generator.calibration``).
    """

    played: int
    moment: tuple[int, float] | None
    rendered: int
    late: int
    skipped: int
    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]
    cues: tuple[Cue, ...]
    heard: Mapping[str, float] | None
    audio: StereoBlock | None
    finished: bool
    cpu_s: float
    rebuilt: int = 0
    energy_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Last message: why the process ends, in one sentence."""

    text: str
