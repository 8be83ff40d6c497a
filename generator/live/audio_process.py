"""The audio process: composes, performs and renders a little ahead of the output.

    python -m generator.live.audio_process

`generator.live.process_pipe` starts it and sends it messages. It ends by itself when messages no longer come.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import deque
from typing import Any, BinaryIO

from generator.live.output import RingBuffer, output_of
from generator.live.process_pipe import (
    AudioSetup,
    KeepAlive,
    OutputMoment,
    PlaybackReport,
    PlaybackStarted,
    ProcessPipe,
    Shutdown,
    SilenceTimer,
    StartPlayback,
)
from generator.performance.performance import Performance
from generator.player import ProcessEndCause, ProcessEnding
from generator.player_events import EndRequest, PlaybackBegin, PlayerEvent, StopRequest, VolumeRequest
from generator.score import (
    BLOCK_FRAMES,
    BLOCKS_PER_STEP,
    SAMPLE_RATE,
    AudibleMusic,
    BeatEvent,
    NoteEnd,
    NoteEvent,
    SectionEvent,
    StereoBlock,
)
from generator.state import MusicState
from generator.synthesis.calibration import ExposureMeter
from generator.synthesis.mastering import VolumeFader
from generator.synthesis.sample_cache import Progress
from generator.synthesis.sound_source import make_sound_source

BATCH_FRAMES = BLOCKS_PER_STEP * BLOCK_FRAMES
"""Rendered in one go, which takes a third less of the processor than block by block."""

AHEAD_FRAMES = 3 * BATCH_FRAMES
"""150 ms: more than a busy machine keeps a process waiting, less than a listener to an emergency stop."""

REPORT_EVERY_S = 0.05
LEAVE_S = 0.5
SWITCH_S = 0.0005
"""How soon Python gives way to the sound device's thread."""


class AudioRenderer:
    """Composer, performance, synthesizer and ring.

    Parameters
    ----------
    setup : Setup
        What to play.
    ring : Ring
        Where the sound goes.
    progress : callable, optional
        Called while samples have to be rendered.
    """

    def __init__(self, setup: AudioSetup, ring: RingBuffer, progress: Progress | None = None) -> None:
        self._performance = Performance(setup.piece, fade_in_s=setup.fade_in_s)
        self._synth = make_sound_source(setup.piece, setup.plays, progress=progress)
        self._fader = VolumeFader()
        self._exposure = ExposureMeter()
        self._ring = ring
        self._state = MusicState(sounding=False)
        self._events = [PlayerEvent(0, PlaybackBegin(beat=0, bar=0, fade_in_s=setup.fade_in_s))]
        self._notes: deque[NoteEvent] = deque()
        self._note_ends: deque[NoteEnd] = deque()
        self._beats: deque[BeatEvent] = deque()
        self._sections: deque[SectionEvent] = deque()
        self._to_hear: deque[tuple[int, AudibleMusic | None]] = deque()
        self._heard: AudibleMusic | None = None
        self._over_at: int | None = None
        self.latency_frames = self._synth.latency_frames

    def follow(self, action: MusicState | EndRequest | StopRequest | VolumeRequest) -> None:
        """Follow an action from the next block on."""
        match action:
            case MusicState():
                self._state = action
            case EndRequest(fade_s):
                self._performance.end(fade_s)
            case StopRequest(seconds):
                self._performance.stop(seconds)
            case VolumeRequest(volume_db):
                self._fader.set(volume_db)
        self._events.append(PlayerEvent(self._ring.written, action))

    def render(self) -> None:
        """Render one block into the ring."""
        block = self._performance.block(self._state)
        sound = self._fader.apply(self._synth.render(block))
        self._exposure.accumulate(sound)
        self._ring.write(sound)
        self._notes += block.notes
        self._note_ends += block.note_ends
        self._beats += block.beats
        self._sections += block.sections
        if self._ring.written // BLOCK_FRAMES % BLOCKS_PER_STEP == 0:
            self._to_hear.append((block.start_frame, self._fader.heard(self._performance.heard())))
        if self._over_at is None and self._performance.finished:
            self._over_at = self._ring.written + self.latency_frames

    @property
    def finished(self) -> bool:
        """Whether the end has been played."""
        return self._over_at is not None and self._ring.played >= self._over_at

    def report(self, played: int, moment: OutputMoment | None, audio: StereoBlock | None) -> PlaybackReport:
        """Return what was played since the last call, up to the frame `played`, and the totals so far.

        The output plays on in its own thread: who reads `played` once, for sound and report, has both agree.
        """
        until = played - self.latency_frames
        events, self._events = self._events, []
        return PlaybackReport(
            played=played,
            moment=moment,
            rendered=self._ring.written,
            late=self._ring.late,
            skipped=self._ring.skipped,
            notes=tuple(_before(until, self._notes)),
            note_ends=tuple(_before(until, self._note_ends)),
            beats=tuple(_before(until, self._beats)),
            sections=tuple(_before(until, self._sections)),
            events=tuple(events),
            heard=self._latest_heard(until),
            audio=audio,
            finished=self.finished,
            cpu_s=time.process_time(),
            rebuilt=self._synth.rebuilt,
            energy_s=self._exposure.energy_s,
        )

    def _latest_heard(self, until: int) -> AudibleMusic | None:
        """Return what was heard last, with the greatest novelty since the last call."""
        novelty = 0.0
        while self._to_hear and self._to_hear[0][0] < until:
            _, self._heard = self._to_hear.popleft()
            novelty = max(novelty, self._heard.novelty if self._heard else 0.0)
        if self._heard is None or self.finished:
            return None
        return self._heard._replace(novelty=novelty)


def _before(frame: int, events: deque[Any]) -> list[Any]:
    past = []
    while events and events[0].frame < frame:
        past.append(events.popleft())
    return past


class AudioProcess:
    """The audio process from `AudioSetup` to its end."""

    def __init__(self, setup: AudioSetup, pipe: ProcessPipe) -> None:
        self._pipe = pipe
        self._setup = setup
        self._alone_since_s: float | None = None
        self._fading = self._leaving = False
        self._ring = RingBuffer()
        # To render samples that are not in the cache takes longer than the engine waits without a message.
        self._renderer = AudioRenderer(setup, self._ring, lambda *_: pipe.send(KeepAlive()))
        self._reported_s = 0.0
        self._sent = 0

    def run(self, messages: list[Any]) -> None:
        """Wait, as a spare, for the start; then play until nobody wants it any more."""
        while not messages and not self._pipe.closed:
            messages = self._pipe.receive(timeout_s=3600.0)
        if messages:
            self._play(messages)

    def _play(self, messages: list[Any]) -> None:
        self._handle(messages)
        if self._leaving:
            return
        output = output_of(self._setup.back_end, self._ring, self._setup.clock)
        while self._ring.ahead < AHEAD_FRAMES:
            self._renderer.render()
        began_s = output.start()
        self._pipe.send(PlaybackStarted(began_s=began_s, latency_frames=self._renderer.latency_frames))
        silence = SilenceTimer(began_s)
        while not (self._renderer.finished and (self._fading or self._leaving)):
            # There is nothing to do until the next batch is due.
            idle_frames = max(0, self._ring.ahead - (AHEAD_FRAMES - BATCH_FRAMES))
            messages = self._pipe.receive(timeout_s=idle_frames / SAMPLE_RATE)
            self._handle(messages)
            now = self._setup.clock()
            self._watch_engine(now, silence.update(now, message=bool(messages)))
            output.pump(now)
            if self._ring.ahead <= AHEAD_FRAMES - BATCH_FRAMES:
                for _ in range(BLOCKS_PER_STEP):
                    self._renderer.render()
            if now >= self._reported_s + REPORT_EVERY_S:
                self._reported_s = now
                self._report(output.moment())
        output.close()
        if self._fading:
            self._pipe.send(ProcessEnding(cause=ProcessEndCause.DESERTED))

    def _handle(self, messages: list[Any]) -> None:
        # `KeepAlive` asks for nothing: that a message has come is enough.
        for message in messages:
            match message:
                case StartPlayback(state, gain_db):
                    if gain_db:
                        self._renderer.follow(VolumeRequest(gain_db))
                    self._renderer.follow(state)
                case MusicState() | VolumeRequest() | EndRequest() | StopRequest():
                    self._renderer.follow(message)
                case Shutdown():
                    self._leaving = True
                    self._renderer.follow(StopRequest(LEAVE_S))

    def _watch_engine(self, now: float, silent_s: float) -> None:
        """When the engine is gone, play on for a while, then fade and end."""
        policy = self._setup.orphan_policy
        if not self._pipe.closed and silent_s < policy.silence_s:
            self._alone_since_s = None
            return
        if self._alone_since_s is None:
            self._alone_since_s = now
        if not self._fading and now - self._alone_since_s >= policy.hold_s:
            self._fading = True
            self._renderer.follow(EndRequest(policy.fade_s))

    def _report(self, moment: OutputMoment | None) -> None:
        played = self._ring.played
        audio = self._ring.between(self._sent, played) if self._setup.keep_sound else None
        self._sent = played
        self._pipe.send(self._renderer.report(played, moment, audio))


def main() -> None:
    """Serve the process at the other end of standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the engine's to decide what an interruption means
    pipe = ProcessPipe(*_take_standard_streams())
    pipe.open()
    status = 0
    try:
        sys.setswitchinterval(SWITCH_S)
        messages: list[Any] = []
        while not messages and not pipe.closed:
            messages = pipe.receive(timeout_s=60.0)
        if messages:
            process = AudioProcess(messages.pop(0), pipe)
            gc.collect()
            gc.freeze()
            process.run(messages)
    except Exception as error:  # noqa: BLE001 - whatever it is, the engine is told why the sound ends
        detail = f"{error}" or type(error).__name__
        pipe.send(ProcessEnding(cause=ProcessEndCause.FAILED, detail=detail))
        status = 1
    pipe.close(timeout_s=2.0)
    # Threads of sound libraries may not end; nothing is left to be saved.
    os._exit(status)


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep both pipes for messages, and let what libraries print go where errors go."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return reader, writer


if __name__ == "__main__":
    main()
