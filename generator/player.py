"""The player: composes, performs and sounds, three blocks to each step of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from generator.cues import Cue
from generator.level import StereoBlock
from generator.live.incidents import Condition, Incident, rebuilt
from generator.performance import Performance
from generator.score import BLOCKS_PER_STEP, SAMPLE_RATE, BeatEvent, NoteEvent
from generator.soundcheck import ReferenceNoise
from generator.state import MusicState, Piece
from generator.synth import Synth
from generator.volume import Volume

FADE_IN_S = 10.0
EMERGENCY_STOP_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounded:
    """What sounded in a step.

    Attributes
    ----------
    notes : tuple of NoteEvent
        Those that began.
    beats : tuple of BeatEvent
        Those that fell into it.
    heard : mapping or None
        What a listener heard: ``tempo_bpm``, ``density``, ``level_db``, ``brightness``, ``novelty``; None in
        silence.
    audio : ndarray of float32, shape (n, 2), or None
        The sound, `Player.latency_frames` late: 2400 samples in virtual time, what was played since the step
        before in real time; None for a player without sound.
    time_of : callable
        Engine time at which the sound of a frame (of a note, beat or cue) reaches the ear.
    cues : tuple of Cue
        What a live player was told since the step before, each with its frame. A virtual player follows at
        once and gives none.
    """

    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]
    heard: Mapping[str, float] | None
    audio: StereoBlock | None
    time_of: Callable[[int], float]
    cues: tuple[Cue, ...] = ()


class Player:
    """Plays a piece as it is asked to, in virtual time.

    Parameters
    ----------
    piece : Piece
        Tonic, palette and seed; with the states asked for they decide every sample.
    sound : bool
        Whether to make sound, or only the score.
    fade_in_s : float
        Length of the fade-in.
    t0_s : float
        Engine time of the first step.
    noise : bool
        Whether the reference noise sounds in place of the music.

    Raises
    ------
    SoundError
        If the sound engine does not start.
    """

    def __init__(
        self,
        piece: Piece,
        *,
        sound: bool,
        fade_in_s: float = FADE_IN_S,
        t0_s: float = 0.0,
        noise: bool = False,
    ) -> None:
        self._performance = Performance(piece, fade_in_s=fade_in_s)
        self._synth: Synth | ReferenceNoise | None = None
        if sound:
            self._synth = ReferenceNoise() if noise else Synth(piece)
        self._volume = Volume()
        self._t0_s = t0_s
        self._stop_s: float | None = None
        self._rebuilt = 0
        self._incidents: list[Incident] = []

    @property
    def latency_frames(self) -> int:
        """How many samples the sound comes after the frames of notes and beats: always the same."""
        return self._synth.latency_frames if self._synth else 0

    @property
    def condition(self) -> Condition:
        """How the sound is doing: here it cannot be lost."""
        return "on"

    @property
    def finished(self) -> bool:
        """Whether an end or stop was asked for and has faded to nothing."""
        return self._performance.finished

    def step(self, state: MusicState) -> Sounded:
        """Play 1/20 s toward a state."""
        return self.play([state] * BLOCKS_PER_STEP)

    def play(self, states: Sequence[MusicState]) -> Sounded:
        """Play one block toward each of the states: for states known ahead, sixty to the second."""
        if self._stop_s is not None:
            self._performance.stop(self._stop_s)
        blocks = [self._performance.block(state) for state in states]
        audio = None
        if self._synth is not None:
            audio = np.concatenate([self._volume.apply(self._synth.render(block)) for block in blocks])
            if self._synth.rebuilt > self._rebuilt:
                self._rebuilt = self._synth.rebuilt
                self._incidents.append(rebuilt(self._time_of(blocks[0].start_frame)))
        return Sounded(
            notes=tuple(note for block in blocks for note in block.notes),
            beats=tuple(beat for block in blocks for beat in block.beats),
            heard=self._volume.heard(self._performance.heard()),
            audio=audio,
            time_of=self._time_of,
        )

    def _time_of(self, frame: int) -> float:
        return self._t0_s + frame / SAMPLE_RATE

    def volume(self, db: float) -> None:
        """Set the master volume, −80 to 0 dB; it gets there smoothly, in 0.3 s or more."""
        self._volume.ask(db)

    def end(self, fade_s: float) -> None:
        """Come to an end: a cadence, a fade of `fade_s` seconds, then silence."""
        self._performance.end(fade_s)

    def stop(self, seconds: float = EMERGENCY_STOP_S) -> None:
        """Fade out at once, from the next block on. Any thread may ask."""
        self._stop_s = seconds

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened to the sound since the last call."""
        incidents, self._incidents = self._incidents, []
        return tuple(incidents)

    def close(self) -> None:
        """Give the sound engine back. Closing twice is harmless."""
        if self._synth:
            self._synth.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
