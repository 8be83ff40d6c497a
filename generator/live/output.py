"""The ring buffer of rendered sound, and the outputs that play it: paced by a clock, or a sound device."""

from __future__ import annotations

import contextlib
import ctypes
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyo64 as pyo

from generator.errors import SoundError
from generator.live.devices import BackEnd
from generator.live.process_pipe import OutputMoment
from generator.score import CHANNELS, SAMPLE_RATE, StereoBlock

DECLICK_FRAMES = 240
_RISE = (np.arange(1, DECLICK_FRAMES + 1) / DECLICK_FRAMES)[:, None].astype(np.float32)


class RingBuffer:
    """Samples by their number, written by one thread and played by another.

    The output's clock never waits: what is not written in time is silence, and comes too late for ever. So
    sample n always sounds n samples after sample 0.

    Attributes
    ----------
    written, played : int
        Samples so far.
    late : int
        Blocks that were not complete when their turn came.
    skipped : int
        Samples left out because the output had lost so much time.
    """

    FRAMES = 4 * SAMPLE_RATE

    def __init__(self) -> None:
        self._samples = np.zeros((self.FRAMES, 2), dtype=np.float32)
        self._dry = False
        self.written = self.played = self.late = self.skipped = 0

    @property
    def ahead(self) -> int:
        """Samples that are written and not played yet; negative if the renderer is behind."""
        return self.written - self.played

    def write(self, block: StereoBlock) -> None:
        """Append a block; what of it is late is left out, and the rest rises from silence in 5 ms."""
        missed = min(max(0, self.played - self.written), len(block))
        if missed:
            self.late += 1
        fresh = block[missed:]
        if self._dry and len(fresh):
            self._dry = False
            rise = _RISE[: len(fresh)]
            fresh = np.concatenate((fresh[: len(rise)] * rise, fresh[len(rise) :]))
        self._samples[self._places(self.written + missed, len(fresh))] = fresh
        self.written += len(block)

    def play(self, frames: int) -> StereoBlock:
        """Return the next samples; where the renderer is behind, what there is falls to silence in 5 ms."""
        start, end = self.played, self.played + frames
        if self.written < end:
            self._run_dry(max(start, self.written), end)
        self.played = end
        return self.between(start, end)

    def skip(self, frames: int) -> None:
        """Leave samples out; the music crosses over in 5 ms."""
        before = self._samples[self._places(self.played, DECLICK_FRAMES)]
        self.played += frames
        self.skipped += frames
        if self.ahead >= DECLICK_FRAMES:
            after = self._places(self.played, DECLICK_FRAMES)
            self._samples[after] = before + (self._samples[after] - before) * _RISE

    def between(self, start: int, end: int) -> StereoBlock:
        """Return samples that were played lately or are about to be."""
        return self._samples[self._places(start, end - start)]

    def _run_dry(self, start: int, end: int) -> None:
        last = self._samples[(start - 1) % self.FRAMES].copy()
        self._samples[self._places(start, end - start)] = 0.0
        fall = np.linspace(1.0, 0.0, min(end - start, DECLICK_FRAMES), dtype=np.float32)[:, None]
        self._samples[self._places(start, len(fall))] = last * fall
        self._dry = True

    def _places(self, start: int, frames: int) -> npt.NDArray[np.intp]:
        return np.arange(start, start + frames) % self.FRAMES


Clock = Callable[[], float]

STALLED_S = 1.0
AHEAD_S = 2.0
SLOW_S, SLOW_SHARE = 1.0, 0.05
"""A device that loses more than this does not run at its rate (44.1 for 48 kHz would be 8 %)."""


class DropoutDetector:
    """Detects that a device has dropped buffers and continues as if nothing had happened.

    A hand-over may be late by the scheduler's delay, but the least late one of a second hardly is. If that
    one comes a good part of a buffer later than usual, the device has stood still in between.
    """

    SHARE = 0.75
    DRIFT = 0.0005 * SAMPLE_RATE
    """Samples by which a device's clock may lag behind in a second: ten times what quartz does."""

    def __init__(self, buffer_frames: int) -> None:
        self._notable = self.SHARE * buffer_frames
        self._least = float("inf")
        self._usual: float | None = None
        self._seen = 0

    def observe(self, played: int, now: float) -> int:
        """Return how many samples have been lost, if that has just become clear, else 0."""
        delay = now * SAMPLE_RATE - played
        self._least = min(self._least, delay)
        if played < self._seen + SAMPLE_RATE:
            return 0
        least, self._least, self._seen = self._least, float("inf"), played
        lost = 0.0 if self._usual is None else least - self._usual
        if lost > self._notable:
            return round(lost)
        self._usual = least if self._usual is None else min(least, self._usual + self.DRIFT)
        return 0


class PacedOutput:
    """No device: samples pass at the pace of the clock."""

    def __init__(self, ring: RingBuffer, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._began_s = 0.0
        self._moment: OutputMoment | None = None

    def start(self) -> float:
        """Play; return the engine time of sample 0."""
        self._began_s = self._clock()
        return self._began_s

    def pump(self, now: float) -> None:
        """Pass on what is due."""
        due = int((now - self._began_s) * SAMPLE_RATE) - self._ring.played
        if due > 0:
            self._ring.play(due)
            self._moment = OutputMoment(self._ring.played, self._began_s + self._ring.played / SAMPLE_RATE)

    def moment(self) -> OutputMoment | None:
        """Return the newest sample and its time: exact, for the clock itself is the device."""
        moment, self._moment = self._moment, None
        return moment

    def close(self) -> None:
        """Do nothing."""


class DeviceOutput:
    """A sound device, through a pyo server of its own that reads the ring buffer by buffer.

    The server must be booted after those of the synthesizer: pyo gives new objects to the newest.

    Raises
    ------
    SoundError
        If the device does not open, or not at 48 kHz.
    """

    def __init__(self, ring: RingBuffer, back_end: BackEnd, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._name = back_end.name
        self._began_s = 0.0
        self._last_s = 0.0
        self._least = float("inf")
        self._moment: OutputMoment | None = None
        self._server = booted(back_end)
        self._frames = int(self._server.getBufferSize())
        self._dropouts = DropoutDetector(self._frames)
        self._keep: list[Any] = []
        self._sides = tuple(self._channel(side) for side in (0, 1))

    def _channel(self, side: int) -> Any:
        table = pyo.DataTable(size=self._frames)
        scan = pyo.TableScan(table)
        self._keep += [table, scan, scan.out(side)]
        address = np.asarray(table.getBuffer()).ctypes.data
        return np.ctypeslib.as_array((ctypes.c_double * self._frames).from_address(address))

    def start(self) -> float:
        """Play; return the engine time of sample 0."""
        self._server.setCallback(self._fill)
        self._began_s = self._clock()
        self._server.start()
        self._last_s = self._clock()
        return self._began_s

    def _fill(self) -> None:
        """Copy the next samples; called by the device's thread before each buffer."""
        now = self._clock()
        if lost := self._dropouts.observe(self._ring.played, now):
            self._ring.skip(lost)  # or the music would be late from here on
        played = self._ring.played
        samples = self._ring.play(self._frames)
        for side, table in enumerate(self._sides):
            table[:] = samples[:, side]
        self._last_s = now
        delay = now - played / SAMPLE_RATE
        if delay < self._least:
            self._least, self._moment = delay, OutputMoment(played, now)
        if self._ahead_s(now) > AHEAD_S:
            time.sleep(self._frames / SAMPLE_RATE)  # let the other thread in, which puts an end to this

    def pump(self, now: float) -> None:
        """Look after the device."""
        if now - self._last_s > STALLED_S:
            raise SoundError(f"{self._name} has taken no sound for {STALLED_S:g} s; is it still connected?")
        if self._ahead_s(now) > AHEAD_S:
            raise SoundError(f"{self._name} does not play in real time: it takes sound faster than 48 kHz")
        if self._ring.skipped / SAMPLE_RATE > SLOW_S + SLOW_SHARE * (now - self._began_s):
            raise SoundError(f"{self._name} does not play in real time: it takes sound slower than 48 kHz")

    def _ahead_s(self, now: float) -> float:
        return self._ring.played / SAMPLE_RATE - (now - self._began_s)

    def moment(self) -> OutputMoment | None:
        """Return the least late of the hand-overs since the last call."""
        moment, self._moment, self._least = self._moment, None, float("inf")
        return moment

    def close(self) -> None:
        """Give the device back."""
        self._server.stop()
        self._server.shutdown()


def output_of(back_end: BackEnd, ring: RingBuffer, clock: Clock) -> PacedOutput | DeviceOutput:
    """Return the output of a back end. Raises SoundError if it does not open."""
    return PacedOutput(ring, clock) if back_end.kind == "paced" else DeviceOutput(ring, back_end, clock)


def booted(back_end: BackEnd) -> Any:
    """Return a pyo server on a device at 48 kHz.

    Raises
    ------
    SoundError
        In one line, if the device does not open or runs at another rate.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        server = pyo.Server(
            sr=SAMPLE_RATE,
            nchnls=CHANNELS,
            buffersize=back_end.buffer_frames,
            duplex=0,
            audio=back_end.kind,
            jackname="biofeedback",
        )
        server.setVerbosity(1)
        server.deactivateMidi()
        if back_end.device is not None:
            server.setOutputDevice(back_end.device)
        server.boot()
    if not server.getIsBooted():
        raise SoundError(f"{back_end.name} does not open at 48 kHz: {_reason(said.getvalue())}")
    rate, channels = server.getSamplingRate(), server.getNchnls()
    if rate != SAMPLE_RATE:
        server.shutdown()
        raise SoundError(f"{back_end.name} runs at {rate:g} Hz; set it to {SAMPLE_RATE} Hz")
    if channels < CHANNELS:
        server.shutdown()
        raise SoundError(f"{back_end.name} has {channels} channel; two are needed")
    return server


def _reason(said: str) -> str:
    """Return the most telling line of what pyo printed."""
    lines = [
        line.strip() for line in said.splitlines() if "error" in line.lower() and not line.endswith(": ")
    ]
    return lines[0].removeprefix("Pyo error:").strip().rstrip(".") if lines else "no reason was given"
