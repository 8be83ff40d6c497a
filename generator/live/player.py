"""The live player: the engine's side of the audio process."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

import numpy as np

from generator.errors import SoundError
from generator.live.devices import BackEnd
from generator.live.playback_segment import PlaybackSegment
from generator.live.process_pipe import (
    AudioProcessHandle,
    AudioSetup,
    KeepAlive,
    OrphanPolicy,
    PlaybackReport,
    PlaybackStarted,
    SilenceTimer,
    StartPlayback,
)
from generator.player import (
    EMERGENCY_STOP_S,
    FADE_IN_S,
    AudioIncident,
    AudioIncidentKind,
    AudioStatistics,
    PlaybackStep,
    ProcessEndCause,
    ProcessEnding,
    ending_text,
)
from generator.player_events import EndRequest, StopRequest, VolumeRequest
from generator.score import BLOCK_FRAMES, RESTART_FADE_S, SAMPLE_RATE, AudibleMusic
from generator.state import MasterVolume, MusicState, Piece, PlayedSound, SoundCondition

MAX_RESTARTS = 3
START_TIMEOUT_S = 30.0
"""How long a process may take to be ready, or to send a sign of life while it renders samples that are not in
the cache; with cold disks it takes a few seconds."""

HANG_TIMEOUT_S = 1.5
"""A playing process that sends nothing for so long hangs: its buffer of 150 ms has run dry long before."""

CLOSE_TIMEOUT_S = 2.0
_NO_SOUND = np.zeros((0, 2), dtype=np.float32)


class LossReporter:
    """Reports late and skipped sound as incidents, at most every ten seconds."""

    EVERY_S = 10.0

    def __init__(self) -> None:
        self._late = self._skipped = 0
        self._reported_s = float("-inf")

    def update(self, now: float, late: int, skipped: int) -> list[AudioIncident]:
        """Return what is to be reported, given the late blocks and skipped samples so far."""
        if now < self._reported_s + self.EVERY_S or (late, skipped) == (self._late, self._skipped):
            return []
        blocks, frames = late - self._late, skipped - self._skipped
        self._late, self._skipped, self._reported_s = late, skipped, now
        lost_s, skipped_s = blocks * BLOCK_FRAMES / SAMPLE_RATE, frames / SAMPLE_RATE
        incidents = (
            AudioIncident(time_s=now, kind=AudioIncidentKind.LATE, count=blocks, seconds=lost_s),
            AudioIncident(time_s=now, kind=AudioIncidentKind.SKIPPED, seconds=skipped_s),
        )
        return [incident for incident in incidents if incident.seconds]


class LivePlayer:
    """Plays a piece in real time, in a process of its own; a `generator.player.Player`.

    What a step returns has been played since the step before. If the process ends, another one continues
    after a short silence; after three restarts the player stays silent.

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
    orphan_policy : OrphanPolicy
        What the process does when the engine is gone.
    plays : PlayedSound
        What sounds.

    Attributes
    ----------
    finished, volume
        As in `Player`; the volume holds for processes started later too.
    """

    def __init__(
        self,
        piece: Piece,
        *,
        back_end: BackEnd,
        clock: Callable[[], float],
        fade_in_s: float = FADE_IN_S,
        keep_sound: bool = False,
        orphan_policy: OrphanPolicy | None = None,
        plays: PlayedSound = PlayedSound.MUSIC,
    ) -> None:
        self._setup = AudioSetup(
            piece=piece,
            back_end=back_end,
            clock=clock,
            fade_in_s=fade_in_s,
            keep_sound=keep_sound,
            orphan_policy=orphan_policy or OrphanPolicy(),
            plays=plays,
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._process: AudioProcessHandle | None = None
        self._spare: AudioProcessHandle | None = None
        self._gone: list[AudioProcessHandle] = []
        self._segments: list[PlaybackSegment] = []
        self._starting = self._leaving = self.finished = False
        self._asked: MusicState | None = None
        self.volume = MasterVolume()
        self._silence_timer = SilenceTimer(0.0)
        self._fault: ProcessEnding | None = None
        self._restarts = 0
        self._lost_s = self._floor_s = self._risen_s = 0.0
        self._heard: AudibleMusic | None = None
        self._audio_end = 0
        self._incidents: list[AudioIncident] = []
        self._loss_reporter = LossReporter()

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
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._starting and self._process is not None:
            if self._receive(self._process, [], timeout_s=0.1):
                deadline = time.monotonic() + START_TIMEOUT_S
            if self._process.pipe.closed:
                raise SoundError(_start_failure(self._fault or self._process.ending()))
            if time.monotonic() > deadline:
                raise SoundError(f"the audio process was not ready within {START_TIMEOUT_S:g} s")

    @property
    def latency_frames(self) -> int:
        """How many samples the sound comes after the frames of notes and beats: always the same."""
        return self._segments[0].latency_frames if self._segments else 0

    @property
    def began_s(self) -> float:
        """Engine time at which frame 0 reaches the ear."""
        return self._segments[0].times(0.0)(0)

    @property
    def condition(self) -> SoundCondition:
        """How the audio process is doing."""
        if self._segments and (self._starting or self._clock() < self._risen_s):
            return SoundCondition.RESTARTING
        if self._process is None and not self._leaving:
            return SoundCondition.LOST
        return SoundCondition.ON

    def step(self, state: MusicState) -> PlaybackStep:
        """Ask for a state, and return what has been played since the last step. It never waits.

        Steps are the engine's sign of life: without one for two seconds the music fades.
        """
        now = self._clock()
        reports: list[PlaybackReport] = []
        with self._lock:
            if self._process is not None:
                self._process.pipe.send(KeepAlive() if state == self._asked else state)
                self._asked = state
                self._supervise(self._process, now, reports)
        return self._sounded(reports)

    def set_volume(self, volume: MasterVolume) -> None:
        """Set the master volume; it glides there in 0.3 s or more. Any thread may call it."""
        with self._lock:
            self.volume = volume
            if self._process is not None:
                self._process.pipe.send(VolumeRequest(volume.gain_db))

    def end(self, fade_s: float) -> None:
        """Come to an end: a cadence, a fade of `fade_s` seconds, then silence. Any thread may ask."""
        self._leave(EndRequest(fade_s))

    def stop(self, seconds: float = EMERGENCY_STOP_S) -> None:
        """Fade out at once, within `seconds` and what is on its way. Any thread may ask."""
        self._leave(StopRequest(seconds))

    def incidents(self) -> tuple[AudioIncident, ...]:
        """Return what happened since the last call."""
        incidents, self._incidents = self._incidents, []
        return tuple(incidents)

    def statistics(self) -> AudioStatistics:
        """Return the figures so far."""
        segments = self._segments
        return AudioStatistics(
            frames_rendered=sum(segment.last.rendered for segment in segments),
            frames_played=sum(segment.last.played for segment in segments),
            late_blocks=sum(segment.last.late for segment in segments),
            restarts=self._restarts,
            skipped_s=sum(segment.last.skipped for segment in segments) / SAMPLE_RATE,
            latency=self._setup.back_end.latency,
            frames_per_second=1.0 / segments[-1].fit.seconds_per_frame if segments else SAMPLE_RATE,
            cpu_s=sum(segment.last.cpu_s for segment in segments),
            pid=self._process.pid if self._process else None,
            energy_s=sum(segment.last.energy_s for segment in segments),
        )

    def close(self) -> None:
        """Give the output back; what still sounds fades in half a second. Closing twice is harmless."""
        with self._lock:
            ours = [self._process, self._spare, *self._gone]
            self._process = self._spare = None
            self._gone = []
            self._leaving = self.finished = True
        for process in ours:
            if process is not None:
                process.close(CLOSE_TIMEOUT_S)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _leave(self, request: EndRequest | StopRequest) -> None:
        with self._lock:
            self._leaving = True
            if self._process is None or self._starting:
                self.finished = True  # nothing sounds, and nothing will
            if self._process is not None:
                self._process.pipe.send(request)

    def _supervise(self, process: AudioProcessHandle, now: float, reports: list[PlaybackReport]) -> None:
        """Receive messages of the process, and replace it if it has ended or hangs."""
        silent_s = self._silence_timer.update(now, message=self._receive(process, reports))
        if process.pipe.closed:
            self._handle_loss(now, self._fault or process.ending(), reports)
        elif silent_s > (START_TIMEOUT_S if self._starting else HANG_TIMEOUT_S):
            process.kill()
            ending = ProcessEnding(cause=ProcessEndCause.HUNG, seconds=silent_s)
            self._handle_loss(now, ending, reports)
        late = sum(segment.last.late for segment in self._segments)
        skipped = sum(segment.last.skipped for segment in self._segments)
        self._incidents += self._loss_reporter.update(now, late, skipped)

    def _receive(
        self, process: AudioProcessHandle, reports: list[PlaybackReport], timeout_s: float = 0.0
    ) -> bool:
        """Handle the messages of the process; return whether there were any."""
        messages = process.pipe.receive(timeout_s)
        for message in messages:
            match message:
                case PlaybackStarted():
                    self._begin_segment(message)
                case PlaybackReport():
                    self._handle_report(message, reports)
                case ProcessEnding():
                    self._fault = message
        return bool(messages)

    def _begin_segment(self, running: PlaybackStarted) -> None:
        before = self._segments[-1] if self._segments else None
        latency_s, metre = self._setup.back_end.latency.seconds, self._setup.piece.bar_metre
        self._segments.append(PlaybackSegment(running, latency_s, metre, before))
        self._starting = False
        if before is not None:
            silent_s, ramp_s = running.began_s - self._lost_s, self._setup.fade_in_s
            self._risen_s = running.began_s + ramp_s
            self._report(
                running.began_s, AudioIncidentKind.RESTARTED, seconds=max(0.0, silent_s), ramp_s=ramp_s
            )
        if self._restarts < MAX_RESTARTS and not self._leaving:
            with suppress(SoundError):  # a restart without a spare takes longer, that is all
                self._spare = AudioProcessHandle.spawn(self._setup)

    def _handle_report(self, report: PlaybackReport, reports: list[PlaybackReport]) -> None:
        segment = self._segments[-1]
        if report.rebuilt > segment.last.rebuilt:
            self._report(self._clock(), AudioIncidentKind.REBUILT, ramp_s=RESTART_FADE_S)
        segment.update(report)
        audio = None
        if report.audio is not None:
            gap = segment.end_frame - len(report.audio) - self._audio_end
            audio = np.concatenate((np.zeros((gap, 2), dtype=np.float32), report.audio))
            self._audio_end = segment.end_frame
        reports.append(replace(segment.placed(report), audio=audio))
        self._heard = report.heard
        self._lost_s = self._clock()
        self.finished = self.finished or report.finished

    def _launch(self, state: MusicState) -> None:
        """Put the spare, or a new process, to work."""
        spare, self._spare = self._spare, None
        self._process = spare if spare is not None and spare.alive else AudioProcessHandle.spawn(self._setup)
        self._process.pipe.send(StartPlayback(state, self.volume.gain_db))
        self._silence_timer = SilenceTimer(self._clock())
        self._starting = True
        self._fault = None
        self._asked = state

    def _handle_loss(self, now: float, ending: ProcessEnding, reports: list[PlaybackReport]) -> None:
        """Report that the process and its notes are gone, and continue with another if it makes sense."""
        process, self._process = self._process, None
        if process is not None:
            self._gone.append(process)
        self._heard = None
        if self._segments and not self._starting:
            reports.append(PlaybackReport(note_ends=self._segments[-1].cut_off()))
        self._report(now, AudioIncidentKind.PROCESS_ENDED, ending=ending)
        if self._leaving:
            self.finished = True
        elif self._restarts >= MAX_RESTARTS:
            self._report(now, AudioIncidentKind.GAVE_UP, count=MAX_RESTARTS)
        else:
            self._restart(now)

    def _restart(self, now: float) -> None:
        self._restarts += 1
        self._report(now, AudioIncidentKind.RESTARTING, count=self._restarts, limit=MAX_RESTARTS)
        try:
            self._launch(self._asked or MusicState(sounding=False))
        except SoundError as error:
            self._report(now, AudioIncidentKind.GAVE_UP, detail=str(error))

    def _report(self, time_s: float, kind: AudioIncidentKind, **parameters: Any) -> None:
        self._incidents.append(AudioIncident(time_s=time_s, kind=kind, **parameters))

    def _sounded(self, reports: list[PlaybackReport]) -> PlaybackStep:
        if not self._segments:
            raise SoundError("the live player is not open")
        times = self._segments[-1].times(self._floor_s)
        notes = tuple(note for report in reports for note in report.notes)
        note_ends = tuple(end for report in reports for end in report.note_ends)
        beats = tuple(beat for report in reports for beat in report.beats)
        latest = [event.frame for events in (notes, note_ends, beats) for event in events[-1:]]
        self._floor_s = max([self._floor_s, *map(times, latest)])
        sound = [report.audio for report in reports if report.audio is not None]
        return PlaybackStep(
            notes=notes,
            note_ends=note_ends,
            sections=tuple(section for report in reports for section in report.sections),
            beats=beats,
            heard=self._heard,
            audio=np.concatenate([_NO_SOUND, *sound]) if self._setup.keep_sound else None,
            time_of=times,
            events=tuple(event for report in reports for event in report.events),
        )


def _check_importable(clock: Callable[[], float]) -> None:
    with suppress(AttributeError, TypeError, pickle.PicklingError):
        pickle.dumps(clock)
        if clock.__module__ != "__main__":
            return
    raise SoundError("the clock must be a function of a module, for another process imports it")


def _start_failure(ending: ProcessEnding) -> str:
    """Return why the output did not open: the error of the process, or how it ended."""
    if ending.cause is ProcessEndCause.FAILED:
        return ending.detail
    return f"the audio process {ending_text(ending)}"
