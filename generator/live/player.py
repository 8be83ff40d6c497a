"""The live player: the engine's side of the sound."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from generator.cues import Cue, End, Loudness, Stop
from generator.errors import SoundError
from generator.level import StereoBlock
from generator.live.backend import BackEnd
from generator.live.incidents import Condition, Incident, Kind, Losses, Statistics, rebuilt
from generator.live.link import Silence
from generator.live.messages import Alone, Fault, Report, Running, Setup, Start, Still
from generator.live.process import SoundProcess
from generator.live.take import Take
from generator.player import Sounded
from generator.score import SAMPLE_RATE, BeatEvent, NoteEvent
from generator.state import MusicState, Piece

MOST_RESTARTS = 3
START_S = 30.0
"""How long a process may take to make itself ready; with cold disks it takes a few seconds."""

MUTE_S = 1.5
"""A sounding process that says nothing for so long hangs: its sound has run dry long before."""

CLOSE_S = 2.0
_NO_SOUND = np.zeros((0, 2), dtype=np.float32)


@dataclass(slots=True)
class _Step:
    """What came in during a step."""

    notes: list[NoteEvent] = field(default_factory=list)
    beats: list[BeatEvent] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    audio: list[StereoBlock] = field(default_factory=list)


class LivePlayer:
    """Plays a piece as it is asked to, in real time and in a process of its own.

    It answers to the calls of `generator.player.Player`. What a step returns has been played since the step
    before. If the process dies, another goes on after a short silence; three times, then it stays silent.

    Parameters
    ----------
    piece : Piece
        Tonic, palette and seed.
    back_end : BackEnd
        Where the sound goes.
    clock : callable
        Engine time; a function of a module, for the process imports it: ``pylsl.local_clock``.
    fade_in_s : float
        Length of the fade-in, and of the ramp after a restart.
    keep_sound : bool
        Whether steps return the sound.
    alone : Alone
        What the sound does when the engine has gone.
    noise : bool
        Whether to play the reference noise in place of the music.
    """

    def __init__(
        self,
        piece: Piece,
        *,
        back_end: BackEnd,
        clock: Callable[[], float],
        fade_in_s: float = 10.0,
        keep_sound: bool = False,
        alone: Alone | None = None,
        noise: bool = False,
    ) -> None:
        self._setup = Setup(
            piece=piece,
            back_end=back_end,
            clock=clock,
            fade_in_s=fade_in_s,
            keep_sound=keep_sound,
            alone=alone or Alone(),
            noise=noise,
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._process: SoundProcess | None = None
        self._spare: SoundProcess | None = None
        self._gone: list[SoundProcess] = []
        self._takes: list[Take] = []
        self._starting = self._leaving = self._finished = False
        self._told: MusicState | None = None
        self._volume_db = 0.0
        self._silence = Silence(0.0)
        self._fault = ""
        self._restarts = 0
        self._lost_s = self._floor_s = self._risen_s = 0.0
        self._heard: Mapping[str, float] | None = None
        self._audio_end = 0
        self._incidents: list[Incident] = []
        self._losses = Losses()

    def open(self) -> None:
        """Start the process and wait until it plays (silence, until a step asks for sound).

        Raises
        ------
        SoundError
            In one line, if the output does not open or the process fails.
        """
        _check_importable(self._clock)
        try:
            self._launch(MusicState(sounding=False))
            self._await_start()
        except SoundError:
            self.close()
            raise

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_S
        while self._starting and self._process is not None:
            self._listen(self._process, _Step(), timeout_s=0.1)
            if self._process.link.closed:
                raise SoundError(self._fault or f"the sound's process {self._process.ending()}")
            if time.monotonic() > deadline:
                raise SoundError(f"the sound's process was not ready within {START_S:g} s")

    @property
    def latency_frames(self) -> int:
        """How many samples the sound comes after the frames of notes and beats: always the same."""
        return self._takes[0].latency_frames if self._takes else 0

    @property
    def began_s(self) -> float:
        """Engine time at which frame 0 reaches the ear."""
        return self._takes[0].times(0.0)(0)

    @property
    def finished(self) -> bool:
        """Whether an end or stop was asked for and has faded to nothing, or there is no sound any more."""
        return self._finished

    @property
    def condition(self) -> Condition:
        """How the sound's process is doing."""
        if self._takes and (self._starting or self._clock() < self._risen_s):
            return "restarting"
        return "lost" if self._process is None and not self._leaving else "on"

    def step(self, state: MusicState) -> Sounded:
        """Ask for a state, and return what has been played since the last step. It never waits.

        Steps are the engine's sign of life: without one for two seconds the music fades.
        """
        now = self._clock()
        step = _Step()
        with self._lock:
            if self._process is not None:
                self._tell(self._process, state)
                self._supervise(self._process, now, step)
        return self._sounded(step)

    def volume(self, db: float) -> None:
        """Set the master volume, −80 to 0 dB: smoothly, and for processes to come too. Any thread may."""
        loudness = Loudness(db)
        with self._lock:
            self._volume_db = db
            if self._process is not None:
                self._process.link.send(loudness)

    def end(self, fade_s: float) -> None:
        """Come to an end: a cadence, a fade of `fade_s` seconds, then silence. Any thread may ask."""
        self._leave(End(fade_s))

    def stop(self, seconds: float = 0.5) -> None:
        """Fade out at once, within `seconds` and what is on its way. Any thread may ask."""
        self._leave(Stop(seconds))

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened since the last call."""
        incidents, self._incidents = self._incidents, []
        return tuple(incidents)

    def statistics(self) -> Statistics:
        """Return how the sound is doing."""
        takes = self._takes
        return Statistics(
            frames_rendered=sum(take.rendered for take in takes),
            frames_played=sum(take.played for take in takes),
            late_blocks=sum(take.late for take in takes),
            restarts=self._restarts,
            skipped_s=sum(take.skipped for take in takes) / SAMPLE_RATE,
            latency=self._setup.back_end.latency,
            frames_per_second=1.0 / takes[-1].line.seconds_per_frame if takes else SAMPLE_RATE,
            cpu_s=sum(take.cpu_s for take in takes),
            pid=self._process.pid if self._process else None,
            energy_s=sum(take.energy_s for take in takes),
        )

    def close(self) -> None:
        """Give the output back; what still sounds fades in half a second. Closing twice is harmless."""
        with self._lock:
            ours = [self._process, self._spare, *self._gone]
            self._process = self._spare = None
            self._gone = []
            self._leaving = self._finished = True
        for process in ours:
            if process is not None:
                process.close(CLOSE_S)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _leave(self, cue: End | Stop) -> None:
        with self._lock:
            self._leaving = True
            if self._process is None or self._starting:
                self._finished = True  # nothing sounds, and nothing will
            if self._process is not None:
                self._process.link.send(cue)

    def _tell(self, process: SoundProcess, state: MusicState) -> None:
        process.link.send(Still() if state == self._told else state)
        self._told = state

    def _supervise(self, process: SoundProcess, now: float, step: _Step) -> None:
        """Listen to the process, and replace it if it has died or hangs."""
        silent_s = self._silence.look(now, word=self._listen(process, step))
        if process.link.closed:
            self._lost(now, f"ended: {self._fault}" if self._fault else process.ending())
        elif silent_s > (START_S if self._starting else MUTE_S):
            process.kill()
            self._lost(now, f"hung for {silent_s:.1f} s and was ended")
        late, skipped = (sum(take.late for take in self._takes), sum(take.skipped for take in self._takes))
        self._incidents += self._losses.news(now, late, skipped)

    def _listen(self, process: SoundProcess, step: _Step, timeout_s: float = 0.0) -> bool:
        """Take in what the process says; return whether it said anything."""
        messages = process.link.receive(timeout_s)
        for message in messages:
            match message:
                case Running():
                    self._begin(message)
                case Report():
                    self._take_in(message, step)
                case Fault(text):
                    self._fault = text
        return bool(messages)

    def _begin(self, running: Running) -> None:
        before = self._takes[-1] if self._takes else None
        self._takes.append(Take(running, self._setup.back_end.latency.seconds, before))
        self._starting = False
        if before is not None:
            silent_s, ramp_s = running.began_s - self._lost_s, self._setup.fade_in_s
            self._risen_s = running.began_s + ramp_s
            self._say(
                running.began_s,
                "restarted",
                f"The sound is back after {max(0.0, silent_s):.1f} s and rises over {ramp_s:g} s.",
            )
        if self._restarts < MOST_RESTARTS and not self._leaving:
            with suppress(SoundError):  # a restart without a spare takes longer, that is all
                self._spare = SoundProcess.spawn(self._setup)

    def _take_in(self, report: Report, step: _Step) -> None:
        take = self._takes[-1]
        if report.rebuilt > take.rebuilt:
            self._incidents.append(rebuilt(self._clock()))
        take.hear(report)
        step.notes += map(take.note, report.notes)
        step.beats += map(take.beat, report.beats)
        step.cues += map(take.cue, report.cues)
        if report.audio is not None:
            gap = take.end_frame - len(report.audio) - self._audio_end
            step.audio += [np.zeros((gap, 2), dtype=np.float32), report.audio]
            self._audio_end = take.end_frame
        self._heard = report.heard
        self._lost_s = self._clock()
        self._finished = self._finished or report.finished

    def _launch(self, state: MusicState) -> None:
        """Put the spare, or a new process, to work."""
        spare, self._spare = self._spare, None
        self._process = spare if spare is not None and spare.alive else SoundProcess.spawn(self._setup)
        self._process.link.send(Start(state, self._volume_db))
        self._silence = Silence(self._clock())
        self._starting = True
        self._fault = ""
        self._told = state

    def _lost(self, now: float, how: str) -> None:
        """Say that the process is gone, and go on with another one if it makes sense."""
        process, self._process = self._process, None
        if process is not None:
            self._gone.append(process)
        self._heard = None
        self._say(now, "died", f"The sound's process {how}; there is no sound.")
        if self._leaving:
            self._finished = True
        elif self._restarts >= MOST_RESTARTS:
            text = f"The sound was lost again after {MOST_RESTARTS} restarts; it stays silent."
            self._say(now, "gave up", text)
        else:
            self._restart(now)

    def _restart(self, now: float) -> None:
        self._restarts += 1
        text = f"The sound is started again, attempt {self._restarts} of {MOST_RESTARTS}."
        self._say(now, "restarting", text)
        try:
            self._launch(self._told or MusicState(sounding=False))
        except SoundError as error:
            self._say(now, "gave up", f"The sound cannot be started again: {error}.")

    def _say(self, time_s: float, kind: Kind, text: str) -> None:
        self._incidents.append(Incident(time_s, kind, text))

    def _sounded(self, step: _Step) -> Sounded:
        if not self._takes:
            raise SoundError("the live player is not open")
        times = self._takes[-1].times(self._floor_s)
        for events in (step.notes, step.beats):
            if events:
                self._floor_s = max(self._floor_s, times(events[-1].frame))
        return Sounded(
            notes=tuple(step.notes),
            beats=tuple(step.beats),
            heard=self._heard,
            audio=np.concatenate(step.audio or [_NO_SOUND]) if self._setup.keep_sound else None,
            time_of=times,
            cues=tuple(step.cues),
        )


def _check_importable(clock: Callable[[], float]) -> None:
    try:
        pickle.dumps(clock)
        importable = clock.__module__ != "__main__"
    except (AttributeError, TypeError, pickle.PicklingError):
        importable = False
    if not importable:
        raise SoundError("the clock must be a function of a module, for another process imports it")
