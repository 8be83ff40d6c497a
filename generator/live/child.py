"""The sound's process: composes, performs and renders a little ahead of the output.

    python -m generator.live.child

It is started and spoken to by `generator.live.process`, and ends by itself when nobody speaks to it any more.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, BinaryIO

from generator.calibration import ExposureMeter
from generator.cues import Begin, Cue, End, Loudness, Stop
from generator.live.link import Link, Silence
from generator.live.messages import Fault, Leave, Report, Running, Setup, Start, Still
from generator.live.output import output_of
from generator.live.ring import Ring
from generator.performance import Performance
from generator.score import BLOCK_FRAMES, BLOCKS_PER_STEP, SAMPLE_RATE, BeatEvent, NoteEvent
from generator.soundcheck import ReferenceNoise
from generator.state import MusicState
from generator.synth import Synth
from generator.volume import Volume

BATCH_FRAMES = BLOCKS_PER_STEP * BLOCK_FRAMES
"""Rendered in one go, which takes a third less of the processor than block by block."""

AHEAD_FRAMES = 3 * BATCH_FRAMES
"""150 ms: more than a busy machine keeps a process waiting, less than a listener to an emergency stop."""

REPORT_EVERY_S = 0.05
LEAVE_S = 0.5
SWITCH_S = 0.0005
"""How soon Python gives way to the sound device's thread."""


class Renderer:
    """Composer, performance, synthesizer and ring.

    Parameters
    ----------
    setup : Setup
        What to play.
    ring : Ring
        Where the sound goes.
    """

    def __init__(self, setup: Setup, ring: Ring) -> None:
        self._performance = Performance(setup.piece, fade_in_s=setup.fade_in_s)
        self._synth = ReferenceNoise() if setup.noise else Synth(setup.piece)
        self._volume = Volume()
        self._exposure = ExposureMeter()
        self._ring = ring
        self._state = MusicState(sounding=False)
        self._cues = [Cue(0, Begin(beat=0, bar=0, fade_in_s=setup.fade_in_s))]
        self._notes: deque[NoteEvent] = deque()
        self._beats: deque[BeatEvent] = deque()
        self._to_hear: deque[tuple[int, Mapping[str, float] | None]] = deque()
        self._heard: Mapping[str, float] | None = None
        self._over_at: int | None = None
        self.latency_frames = self._synth.latency_frames

    def tell(self, what: MusicState | End | Stop | Loudness) -> None:
        """Follow from the next block on."""
        match what:
            case MusicState():
                self._state = what
            case End(fade_s):
                self._performance.end(fade_s)
            case Stop(seconds):
                self._performance.stop(seconds)
            case Loudness(volume_db):
                self._volume.ask(volume_db)
        self._cues.append(Cue(self._ring.written, what))

    def render(self) -> None:
        """Render one block into the ring."""
        block = self._performance.block(self._state)
        sound = self._volume.apply(self._synth.render(block))
        self._exposure.hear(sound)
        self._ring.write(sound)
        self._notes += block.notes
        self._beats += block.beats
        if self._ring.written // BLOCK_FRAMES % BLOCKS_PER_STEP == 0:
            self._to_hear.append((block.start_frame, self._volume.heard(self._performance.heard())))
        if self._over_at is None and self._performance.finished:
            self._over_at = self._ring.written + self.latency_frames

    @property
    def finished(self) -> bool:
        """Whether the end has been played."""
        return self._over_at is not None and self._ring.played >= self._over_at

    def sounded(self) -> dict[str, Any]:
        """Return what sounded since the last call, and what has added up so far, as fields of a report."""
        until = self._ring.played - self.latency_frames
        return {
            "notes": tuple(_before(until, self._notes)),
            "beats": tuple(_before(until, self._beats)),
            "cues": tuple(self._told()),
            "heard": self._hear(until),
            "rebuilt": self._synth.rebuilt,
            "energy_s": self._exposure.energy_s,
        }

    def _told(self) -> list[Cue]:
        cues, self._cues = self._cues, []
        return cues

    def _hear(self, until: int) -> Mapping[str, float] | None:
        """Return the latest that was heard, with the greatest novelty since the last call."""
        novelty = 0.0
        while self._to_hear and self._to_hear[0][0] < until:
            _, self._heard = self._to_hear.popleft()
            novelty = max(novelty, self._heard["novelty"] if self._heard else 0.0)
        if self._heard is None or self.finished:
            return None
        return {**self._heard, "novelty": novelty}


def _before(frame: int, events: deque[Any]) -> list[Any]:
    past = []
    while events and events[0].frame < frame:
        past.append(events.popleft())
    return past


class Child:
    """The life of the process, from `Setup` to its end."""

    def __init__(self, setup: Setup, link: Link) -> None:
        self._link = link
        self._clock = setup.clock
        self._keep_sound = setup.keep_sound
        self._back_end = setup.back_end
        self._alone = setup.alone
        self._alone_since: float | None = None
        self._deserted = self._leaving = False
        self._ring = Ring()
        self._renderer = Renderer(setup, self._ring)
        self._reported_s = 0.0
        self._sent = 0

    def run(self, messages: list[Any]) -> None:
        """Wait, as a spare, for the start; then play until nobody wants it any more."""
        while not messages and not self._link.closed:
            messages = self._link.receive(timeout_s=3600.0)
        if messages:
            self._play(messages)

    def _play(self, messages: list[Any]) -> None:
        self._listen(messages)
        if self._leaving:
            return
        output = output_of(self._back_end, self._ring, self._clock)
        while self._ring.ahead < AHEAD_FRAMES:
            self._renderer.render()
        began_s = output.start()
        self._link.send(Running(began_s=began_s, latency_frames=self._renderer.latency_frames))
        silence = Silence(began_s)
        while not (self._renderer.finished and (self._deserted or self._leaving)):
            messages = self._link.receive(timeout_s=self._idle_s())
            self._listen(messages)
            now = self._clock()
            self._mind(now, silence.look(now, word=bool(messages)))
            output.pump(now)
            if self._ring.ahead <= AHEAD_FRAMES - BATCH_FRAMES:
                for _ in range(BLOCKS_PER_STEP):
                    self._renderer.render()
            if now >= self._reported_s + REPORT_EVERY_S:
                self._reported_s = now
                self._report(output.moment())
        output.close()
        if self._deserted:
            self._link.send(Fault("the engine had not said a word for a long time, and the music faded"))

    def _idle_s(self) -> float:
        """Return how long there is nothing to do: until the next batch is due."""
        return max(0, self._ring.ahead - (AHEAD_FRAMES - BATCH_FRAMES)) / SAMPLE_RATE

    def _listen(self, messages: list[Any]) -> None:
        for message in messages:
            match message:
                case Start(state, volume_db):
                    if volume_db:
                        self._renderer.tell(Loudness(volume_db))
                    self._renderer.tell(state)
                case MusicState() | Loudness() | End() | Stop():
                    self._renderer.tell(message)
                case Leave():
                    self._leaving = True
                    self._renderer.tell(Stop(LEAVE_S))
                case Still():
                    pass

    def _mind(self, now: float, silent_s: float) -> None:
        """Play on for a while when the engine has gone, then fade and end."""
        if not self._link.closed and silent_s < self._alone.silence_s:
            self._alone_since = None
            return
        if self._alone_since is None:
            self._alone_since = now
        if not self._deserted and now - self._alone_since >= self._alone.hold_s:
            self._deserted = True
            self._renderer.tell(End(self._alone.fade_s))

    def _report(self, moment: tuple[int, float] | None) -> None:
        played = self._ring.played
        audio = self._ring.between(self._sent, played) if self._keep_sound else None
        self._sent = played
        report = Report(
            played=played,
            moment=moment,
            rendered=self._ring.written,
            late=self._ring.late,
            skipped=self._ring.skipped,
            audio=audio,
            finished=self._renderer.finished,
            cpu_s=time.process_time(),
            **self._renderer.sounded(),
        )
        self._link.send(report)


def main() -> None:
    """Serve the process at the other end of standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the engine's to decide what an interruption means
    link = Link(*_take_standard_streams())
    link.open()
    status = 0
    try:
        sys.setswitchinterval(SWITCH_S)
        messages: list[Any] = []
        while not messages and not link.closed:
            messages = link.receive(timeout_s=60.0)
        if messages:
            child = Child(messages.pop(0), link)
            gc.collect()
            gc.freeze()
            child.run(messages)
    except Exception as error:  # noqa: BLE001 - whatever it is, the engine is told why the sound ends
        link.send(Fault(f"{error}" or type(error).__name__))
        status = 1
    link.close(timeout_s=2.0)
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
