"""The pipe between the engine and the audio process, its messages, and the handle of that process."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, NamedTuple, Self

from generator.errors import SoundError
from generator.live.devices import BackEnd, environment
from generator.player import ProcessEndCause, ProcessEnding
from generator.player_events import PlayerEvent
from generator.score import AudibleMusic, BeatEvent, NoteEnd, NoteEvent, SectionEvent, StereoBlock
from generator.state import MusicState, Piece, PlayedSound


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
    """First message to the audio process: all that it needs to be ready."""

    piece: Piece
    back_end: BackEnd
    clock: Callable[[], float]
    fade_in_s: float
    keep_sound: bool
    orphan_policy: OrphanPolicy
    plays: PlayedSound = PlayedSound.MUSIC


@dataclass(frozen=True, slots=True)
class StartPlayback:
    """Begin to play, toward a state and at a gain.

    MusicState, VolumeRequest, EndRequest and StopRequest may follow.
    """

    state: MusicState
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """The sender is alive: an engine that asks for nothing new, a process that is rendering samples."""


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
    notes, beats, sections : tuple
        Those whose sound has begun.
    note_ends : tuple
        Those of notes whose release has begun.
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

    played: int = 0
    moment: OutputMoment | None = None
    rendered: int = 0
    late: int = 0
    skipped: int = 0
    notes: tuple[NoteEvent, ...] = ()
    note_ends: tuple[NoteEnd, ...] = ()
    beats: tuple[BeatEvent, ...] = ()
    sections: tuple[SectionEvent, ...] = ()
    events: tuple[PlayerEvent, ...] = ()
    heard: AudibleMusic | None = None
    audio: StereoBlock | None = None
    finished: bool = False
    cpu_s: float = 0.0
    rebuilt: int = 0
    energy_s: float = 0.0


_END = object()

MAX_STEP_S = 0.25


class ProcessPipe:
    """One end of a two-way pipe. Sending and receiving never block: each direction has a thread of its own.

    A process that is stopped in the middle of a message, or no longer reads, blocks that thread only.

    Parameters
    ----------
    reader, writer : binary files
        Belong to the pipe from now on.

    Attributes
    ----------
    closed : bool
        Whether the other side has closed its end, and all its messages have been received.
    """

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.closed = False
        self._threads = tuple(
            threading.Thread(target=work, name=f"pipe {work.__name__}", daemon=True)
            for work in (self._read, self._write)
        )

    def open(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def send(self, message: object) -> None:
        """Queue a message; it is lost if the other side is gone. Any thread may call it."""
        self._outbox.put(message)

    def receive(self, timeout_s: float = 0.0) -> list[Any]:
        """Return the messages that have arrived; wait for the first for `timeout_s` at most."""
        messages: list[Any] = []
        with suppress(queue.Empty):
            message = self._inbox.get(block=timeout_s > 0.0, timeout=timeout_s or None)
            while message is not _END:
                messages.append(message)
                message = self._inbox.get_nowait()
            self.closed = True
        return messages

    def close(self, timeout_s: float) -> None:
        """Send what is queued and close this end, within `timeout_s`."""
        self._outbox.put(_END)
        self._threads[1].join(timeout_s)

    def join(self, timeout_s: float) -> None:
        """Wait for both threads; they end with the other process."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _read(self) -> None:
        with self._reader:
            try:
                while True:
                    self._inbox.put(pickle.load(self._reader))  # noqa: S301 - our own process at the other end
            except (EOFError, OSError, ValueError, ImportError, AttributeError, pickle.UnpicklingError):
                self._inbox.put(_END)  # gone, or killed in the middle of a message

    def _write(self) -> None:
        try:
            with self._writer:
                while (message := self._outbox.get()) is not _END:
                    pickle.dump(message, self._writer, protocol=pickle.HIGHEST_PROTOCOL)
                    self._writer.flush()
        except (OSError, ValueError):
            return  # gone; the reader finds out too


class SilenceTimer:
    """How long the other side has sent nothing.

    The time is added up from update to update, and an update after a long pause adds `MAX_STEP_S` at most: if
    this process itself was held up, that does not count as silence of the other side.
    """

    def __init__(self, now: float) -> None:
        self._seen = now
        self._seconds = 0.0

    def update(self, now: float, *, message: bool) -> float:
        """Return the seconds since the last message; `message` tells whether one has just come."""
        self._seconds = 0.0 if message else self._seconds + min(now - self._seen, MAX_STEP_S)
        self._seen = now
        return self._seconds


EXIT_TIMEOUT_S = 0.1


class AudioProcessHandle:
    """An audio process: a fresh interpreter that gets ready and waits for `StartPlayback`.

    It is started by `subprocess`, not by `multiprocessing`: that would import the engine's main program into
    the audio process, and kill it when the engine ends, instead of letting it fade. Nothing that it or its
    libraries print reaches the user.
    """

    def __init__(self, process: subprocess.Popen[bytes], pipe: ProcessPipe) -> None:
        self._process = process
        self.pipe = pipe

    @classmethod
    def spawn(cls, setup: AudioSetup) -> Self:
        """Start a process and send it its setup.

        Raises
        ------
        SoundError
            If no process can be started.
        """
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "generator.live.audio_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                # An interruption at the terminal is the engine's to handle.
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise SoundError(f"the audio process cannot be started: {error}") from error
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        pipe = ProcessPipe(process.stdout, process.stdin)
        pipe.open()
        pipe.send(setup)
        return cls(process, pipe)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ending(self) -> ProcessEnding:
        """Return how it ended."""
        try:
            status = self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return ProcessEnding(cause=ProcessEndCause.LOST)
        if status < 0:
            name = signal.strsignal(-status) or ""
            return ProcessEnding(cause=ProcessEndCause.SIGNALLED, status=-status, detail=name)
        return ProcessEnding(cause=ProcessEndCause.EXITED, status=status)

    def kill(self) -> None:
        """End the process at once, without waiting for its exit."""
        self._process.kill()

    def close(self, timeout_s: float) -> None:
        """Ask the process to fade and end; kill it after `timeout_s`. Closing twice is harmless."""
        self.pipe.send(Shutdown())
        self.pipe.close(timeout_s)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout_s)
        self.pipe.join(timeout_s)
