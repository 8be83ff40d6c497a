"""Offline rendering: the player for virtual time, the sound file it fills, and `render`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from generator.errors import SoundError, StateError
from generator.events import write_events, write_midi
from generator.performance.controls import BLOCK_S
from generator.performance.performance import Performance
from generator.performance.recorded import RecordedPerformance
from generator.player import (
    EMERGENCY_STOP_S,
    FADE_IN_S,
    AudioIncident,
    AudioIncidentKind,
    AudioStatistics,
    PlaybackStep,
)
from generator.score import (
    BLOCK_FRAMES,
    BLOCKS_PER_STEP,
    RESTART_FADE_S,
    SAMPLE_RATE,
    BeatEvent,
    NoteEnd,
    NoteEvent,
    PlayedScore,
    StereoBlock,
    with_ends,
)
from generator.state import MasterVolume, MusicState, Piece, PlayedSound, SoundCondition
from generator.synthesis.mastering import VolumeFader
from generator.synthesis.sound_source import make_sound_source
from generator.trajectory import Trajectory


class VirtualPlayer(AbstractContextManager["VirtualPlayer"]):
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
    plays : PlayedSound
        What sounds.
    played : PlayedScore, optional
        Notes that were recorded, to be played in place of a composition.

    Attributes
    ----------
    latency_frames, began_s, volume, condition
        As in `Player`; the sound of a virtual player cannot be lost.

    Raises
    ------
    SoundError
        If the sound engine does not start.
    """

    condition = SoundCondition.ON

    def __init__(
        self,
        piece: Piece,
        *,
        sound: bool,
        fade_in_s: float = FADE_IN_S,
        t0_s: float = 0.0,
        plays: PlayedSound = PlayedSound.MUSIC,
        played: PlayedScore | None = None,
    ) -> None:
        self._performance: Performance | RecordedPerformance
        if played is None:
            self._performance = Performance(piece, fade_in_s=fade_in_s)
        else:
            self._performance = RecordedPerformance(piece, played, fade_in_s=fade_in_s)
        self._synth = make_sound_source(piece, plays) if sound else None
        self.latency_frames = self._synth.latency_frames if self._synth else 0
        self.began_s = t0_s
        self.volume = MasterVolume()
        self._fader = VolumeFader()
        self._frames = 0
        self._stop_s: float | None = None
        self._rebuilt = 0
        self._incidents: list[AudioIncident] = []

    @property
    def finished(self) -> bool:
        """Whether an end or stop was asked for and has faded to nothing."""
        return self._performance.finished

    def step(self, state: MusicState) -> PlaybackStep:
        """Play 1/20 s toward a state."""
        return self.play([state] * BLOCKS_PER_STEP)

    def play(self, states: Sequence[MusicState]) -> PlaybackStep:
        """Play one block toward each of the states: for states known ahead, sixty to the second."""
        if self._stop_s is not None:
            self._performance.stop(self._stop_s)
        blocks = [self._performance.block(state) for state in states]
        audio = None
        if self._synth is not None:
            audio = np.concatenate([self._fader.apply(self._synth.render(block)) for block in blocks])
            if self._synth.rebuilt > self._rebuilt:
                self._rebuilt = self._synth.rebuilt
                began_s = self._time_of(blocks[0].start_frame)
                self._incidents.append(
                    AudioIncident(time_s=began_s, kind=AudioIncidentKind.REBUILT, ramp_s=RESTART_FADE_S)
                )
        self._frames = blocks[-1].start_frame + BLOCK_FRAMES
        return PlaybackStep(
            notes=tuple(note for block in blocks for note in block.notes),
            note_ends=tuple(end for block in blocks for end in block.note_ends),
            sections=tuple(section for block in blocks for section in block.sections),
            beats=tuple(beat for block in blocks for beat in block.beats),
            heard=self._fader.heard(self._performance.heard()),
            audio=audio,
            time_of=self._time_of,
        )

    def _time_of(self, frame: int) -> float:
        return self.began_s + frame / SAMPLE_RATE

    def set_volume(self, volume: MasterVolume) -> None:
        """Set the master volume; it glides there in 0.3 s or more."""
        self.volume = volume
        self._fader.set(volume.gain_db)

    def end(self, fade_s: float) -> None:
        """Come to an end: a cadence, a fade of `fade_s` seconds, then silence."""
        self._performance.end(fade_s)

    def stop(self, seconds: float = EMERGENCY_STOP_S) -> None:
        """Fade out at once, from the next block on. Any thread may ask."""
        self._stop_s = seconds

    def incidents(self) -> tuple[AudioIncident, ...]:
        """Return what happened to the sound since the last call."""
        incidents, self._incidents = self._incidents, []
        return tuple(incidents)

    def statistics(self) -> AudioStatistics:
        """Return how many samples have been rendered; a virtual player is never late."""
        return AudioStatistics(
            frames_rendered=self._frames, frames_played=self._frames, frames_per_second=SAMPLE_RATE
        )

    def close(self) -> None:
        """Give the sound engine back. Closing twice is harmless."""
        if self._synth:
            self._synth.close()

    def __exit__(self, *_: object) -> None:
        self.close()


END_FADE_S = 15.0
FULL_SCALE = 1 << 23
"""A sample of 1.0 in 24 bits."""


class SampleFile(Protocol):
    """A file to which samples of 24 bits are written, in the upper part of 32, shape (n, 2)."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""

    def write(self, samples: NDArray[np.int32], /) -> None:
        """Append samples."""

    def close(self) -> None:
        """Complete the file."""


def _open_file(path: Path) -> SampleFile:
    file: SampleFile = soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=2, subtype="PCM_24")
    return file


class SoundFile(AbstractContextManager["SoundFile"]):
    """A WAV or FLAC file of 24 bits, written as the sound comes. Both hold the same samples.

    Parameters
    ----------
    path : Path
        Ends in ``.wav`` or ``.flac``.
    latency_frames : int
        The player's: so many samples are left out at the beginning, so that a note's frame is its place in
        the file, and made up for with silence at the end.
    open_file : callable, optional
        Opens the file to write samples of 24 bits to.

    Raises
    ------
    SoundError
        If the file cannot be written.
    """

    def __init__(
        self, path: Path, *, latency_frames: int, open_file: Callable[[Path], SampleFile] = _open_file
    ) -> None:
        if path.suffix.lower() not in {".wav", ".flac"}:
            raise SoundError(f"{path} must end in .wav or .flac")
        self._path = path
        self._latency = self._early = latency_frames
        try:
            self._file = open_file(path)
        except (soundfile.SoundFileError, OSError) as error:
            raise SoundError(f"{path} cannot be written: {error}") from error

    def write(self, audio: StereoBlock) -> None:
        """Append samples, shape (n, 2)."""
        kept = audio[self._early :]
        self._early -= len(audio) - len(kept)
        try:
            self._file.write(_in_24_bits(kept))
        except (soundfile.SoundFileError, OSError) as error:
            raise SoundError(f"{self._path} cannot be written: {error}") from error

    def close(self) -> None:
        """Complete the file. Closing twice is harmless."""
        if not self._file.closed:
            self.write(np.zeros((self._latency, 2), dtype=np.float32))
            self._file.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def _in_24_bits(audio: StereoBlock) -> NDArray[np.int32]:
    """Return samples in the upper 24 bits, where a file takes them: each format would round its own way."""
    steps = np.clip(np.rint(audio * float(FULL_SCALE)), -FULL_SCALE, FULL_SCALE - 1)
    samples: NDArray[np.int32] = steps.astype(np.int32) << 8
    return samples


def render(
    trajectory: Trajectory,
    piece: Piece,
    seconds: float,
    *,
    wav: Path | None = None,
    midi: Path | None = None,
    events: Path | None = None,
    progress: Callable[[float], None] | None = None,
    fades_s: tuple[float, float] = (FADE_IN_S, END_FADE_S),
    plays: PlayedSound = PlayedSound.MUSIC,
) -> tuple[NoteEvent, ...]:
    """Play a trajectory and write what was asked for.

    The trajectory is read at the end of every block (1/60 s), and the tempo runs in a straight line through
    the block: linear ramps are exact. Fade-in and end fade, each a quarter of the whole at most, lie within
    `seconds`.

    Parameters
    ----------
    trajectory : Trajectory
        The states over time.
    piece : Piece
        Tonic, palette and seed.
    seconds : float
        Length of the whole.
    wav, midi, events : Path, optional
        Sound (WAV or FLAC by its ending, 24 bits), Standard MIDI File, table of notes.
    progress : callable, optional
        Called with the share done, 0 to 1, twenty times per second of music.
    fades_s : tuple of float
        Length of the fade-in and of the end fade.
    plays : PlayedSound
        What sounds.

    Returns
    -------
    tuple of NoteEvent
        The notes, in order, with the lengths that they had.

    Raises
    ------
    StateError
        If `seconds` is not a positive number.
    SoundError
        If the sound engine does not start, or the sound file cannot be written.
    """
    blocks = round(seconds / BLOCK_S) if 0.0 < seconds < float("inf") else 0
    if blocks == 0:
        raise StateError(f"seconds is {seconds}; it must be a positive number, a sixtieth at least")
    notes: list[NoteEvent] = []
    note_ends: list[NoteEnd] = []
    beats: list[BeatEvent] = []
    fade_in_s, end_fade_s = (min(fade_s, seconds / 4) for fade_s in fades_s)
    ending = blocks - max(1, round(end_fade_s / BLOCK_S))
    with ExitStack() as stack:
        player = stack.enter_context(
            VirtualPlayer(piece, sound=wav is not None, fade_in_s=fade_in_s, plays=plays)
        )
        early = player.latency_frames
        file = stack.enter_context(SoundFile(wav, latency_frames=early)) if wav is not None else None
        for first in range(0, blocks, BLOCKS_PER_STEP):
            step = range(first, min(first + BLOCKS_PER_STEP, blocks))
            if ending in step:
                player.end((blocks - first) * BLOCK_S)
            sounded = player.play([trajectory.at((block + 1) * BLOCK_S) for block in step])
            notes += sounded.notes
            note_ends += sounded.note_ends
            beats += sounded.beats
            if file is not None and sounded.audio is not None:
                file.write(sounded.audio)
            if progress is not None:
                progress(step.stop / blocks)
    notes = with_ends(notes, note_ends)
    if midi is not None:
        write_midi(midi, notes, beats, piece.bar_metre)
    if events is not None:
        write_events(events, notes)
    return tuple(notes)
