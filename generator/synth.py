"""The sound: wavetable oscillators, filters and a reverb in pyo, driven from numpy block by block.

What an oscillator does in a block is written into a table of one block's length before pyo computes the
block, and comes out of a ``TableScan`` sample for sample. So all timing lives in pure code, and pyo needs
no clock, no envelope and no callback of its own.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import pi, sin
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.errors import SoundError
from generator.level import Master, StereoBlock
from generator.palette import TIMBRES, Timbre, wavetable
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, Shape
from generator.state import LAYERS, Piece
from generator.voices import Control, Row, VoiceBank

os.environ.setdefault("PYO_GUI_WX", "0")  # pyo would look for a toolkit of windows while it is imported
import pyo64 as pyo

FloatArray = npt.NDArray[np.float64]

_SILENCE = np.zeros((2, BLOCK_FRAMES))

SILENT_PEAK = 1e-5
RUNAWAY_PEAK = 100.0
"""40 dB over full scale; NaN and infinity are beyond it too."""

SIDES_APART_CYCLES = 30

CUTOFF_HZ = (600.0, 3500.0)
BUS_CUTOFFS = {"warm": 1.0, "clear": 2.0, "low": 0.6}
"""Cutoff of each bus relative to the brightness's."""

REVERBERANT = ("warm", "clear")
DRIFT_PERIODS_S = (23.5, 25.9)
DRIFT_DEPTH = 0.12
"""Left and right filters drift by so much, each on its own period."""

REVERB_T60_S = (6.0, 2.5)
REVERB_DAMP = 0.6
REVERB_GAIN = (1.25, 0.7)
"""At articulation 0 and 1: wet by about -3 dB and -12 dB on pads, 4 dB less on the melody."""

_DIFFUSERS_S = ((0.0317, 0.0473), (0.0371, 0.0539))
"""Delays of the all-passes before the reverb, left and right: they make it dense and the sides unlike."""

_SIZE_BY_T60 = ((1.68, 2.18, 2.57, 3.13, 4.0, 5.47, 6.36), (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92))
"""Size of pyo's Freeverb for a decay time, measured between 250 and 1000 Hz. (WGVerb and STRev would draw
from a random generator that all servers of the process share, and no render would be like another.)"""


class Graph:
    """The pyo objects: a server, oscillators for each row, a filter for each bus and side, a reverb.

    Parameters
    ----------
    rows : tuple of Row
        The oscillators of all voices.
    timbres : mapping of str to Timbre
        The sound of each layer.

    Raises
    ------
    SoundError
        If pyo's server does not start.
    """

    def __init__(self, rows: tuple[Row, ...], timbres: Mapping[str, Timbre]) -> None:
        self._server = pyo.Server(sr=SAMPLE_RATE, nchnls=2, buffersize=BLOCK_FRAMES, duplex=0, audio="manual")
        self._server.setVerbosity(1)
        self._server.deactivateMidi()
        self._server.boot()
        if not self._server.getIsBooted():
            raise SoundError("pyo's server did not start; are more than 255 of them open?")
        self._server.start()
        self._timbres = timbres
        self._kept: list[Any] = []  # pyo objects sound as long as Python holds them
        self._tables: dict[tuple[tuple[float, ...], float, float], Any] = {}
        self._oscillators = tuple(self._oscillator(row) for row in rows)
        self._running: set[int] = set()
        self._filters = {bus: self._bus(bus) for bus in BUS_CUTOFFS}
        self._reverbs, self._taps = self._hall()

    def process(self, control: Control, tone: Tone) -> FloatArray:
        """Return the music of one block, shape (2, 800), before any level or fade."""
        for row, hz in control.tunings:
            self._oscillators[row].tune(hz)
        sounding = set(control.rows.tolist())
        for row in self._running - sounding:
            self._oscillators[row].stop()
        for row in sounding - self._running:
            self._oscillators[row].play()
        self._running = sounding
        for row, amplitudes in zip(control.rows.tolist(), control.amplitudes, strict=True):
            self._oscillators[row].gate[:] = amplitudes
        # [0] is the C object itself: its setters cost a tenth of the wrapper's.
        for bus, filters in self._filters.items():
            for filter_, cutoff in zip(filters, tone.cutoffs_hz, strict=True):
                filter_[0].setFreq(cutoff * BUS_CUTOFFS[bus])
        for reverb in self._reverbs:
            reverb[0].setSize(tone.size)
            reverb[0].setMul(tone.wet)
        self._server.process()
        return np.array(self._taps)

    def close(self) -> None:
        """Give the server back."""
        self._server.stop()
        self._server.shutdown()

    def _hold(self, thing: Any) -> Any:
        self._kept.append(thing)
        return thing

    def _mix(self, things: Sequence[Any]) -> Any:
        return self._hold(pyo.Mix(list(things), voices=1))

    def _oscillator(self, row: Row) -> _Oscillator:
        key = (row.strand.partials, row.strand.bandwidth_cents, row.strand.core)
        table = wavetable(*key)
        if key not in self._tables:
            self._tables[key] = pyo.DataTable(size=table.samples.size, init=table.samples.tolist())
        pans = self._timbres[row.layer].pans
        pan = pans[row.voice % len(pans)] if pans else None
        return _Oscillator(row, self._tables[key], table.cycles, pan)

    def _bus(self, bus: str) -> tuple[Any, Any]:
        """Sum the rows of a bus on either side, through its filter."""
        mine = [each for each in self._oscillators if self._timbres[each.row.layer].bus == bus]
        sides: tuple[list[Any], list[Any]] = ([], [])
        for pan in {each.pan for each in mine}:
            group = [each.readers for each in mine if each.pan == pan]
            angle = ((pan or 0.0) + 1.0) * np.pi / 4
            for side, gain in enumerate((1.0, 1.0) if pan is None else (np.cos(angle), np.sin(angle))):
                mix = self._mix([readers[side if pan is None else 0] for readers in group])
                mix.setMul(float(gain))
                sides[side].append(mix)
        left, right = (self._hold(pyo.ButLP(self._mix(side), freq=1000)) for side in sides)
        return left, right

    def _hall(self) -> tuple[list[Any], list[FloatArray]]:
        """Add the reverb and the taps that the music is read from."""
        reverbs, taps = [], []
        for side in (0, 1):
            dry = {bus: filters[side] for bus, filters in self._filters.items()}
            send = self._mix([dry[bus] for bus in REVERBERANT])
            for delay in _DIFFUSERS_S[side]:
                send = self._hold(pyo.Allpass(send, delay=delay, feedback=0.6, maxdelay=0.1))
            reverb = pyo.Freeverb(send, size=0.9, damp=REVERB_DAMP, bal=1)
            reverbs.append(reverb)
            table = self._hold(pyo.DataTable(size=BLOCK_FRAMES))
            taps.append(_memory(table))
            self._hold(pyo.TableFill(self._mix([*dry.values(), reverb]), table))
        return reverbs, taps


def _memory(table: Any) -> FloatArray:
    """Return a table's samples to be written or read in place, as long as the table lives.

    An array of the table's buffer itself would crash when it is freed after the table.
    """
    address = np.asarray(table.getBuffer()).ctypes.data
    return np.ctypeslib.as_array((ctypes.c_double * BLOCK_FRAMES).from_address(address))


class _Oscillator:
    """A row: its gate, which carries the envelope, and one or two readers of its wavetable."""

    def __init__(self, row: Row, table: Any, cycles: int, pan: float | None) -> None:
        self.row, self.pan = row, pan
        self._cycles = cycles
        self._gate_table = pyo.DataTable(size=BLOCK_FRAMES)
        self.gate = _memory(self._gate_table)
        scan = pyo.TableScan(self._gate_table)
        # Voices start apart in the table, or unisons would be one and the same sound. The right side runs
        # whole periods ahead of the left: low partials stay in the middle, high ones, which change faster,
        # grow wide.
        start = round(row.voice * 0.618 * cycles)
        ahead = (0,) if pan is not None else (0, SIDES_APART_CYCLES)
        self.readers = [
            pyo.Osc(table, freq=1.0, phase=(start + side) / cycles % 1.0, mul=scan) for side in ahead
        ]
        self._parts = (scan, *self.readers)
        self.stop()

    def tune(self, hz: float) -> None:
        """Set the frequency; only while the gate is closed."""
        for reader in self.readers:
            reader[0].setFreq(hz / self._cycles)

    def play(self) -> None:
        for part in self._parts:
            part[0].play()

    def stop(self) -> None:
        for part in self._parts:
            part[0].stop()


@dataclass(frozen=True, slots=True)
class Tone:
    """Where filters and reverb stand in a block: cutoff left and right, size and gain of the reverb."""

    cutoffs_hz: tuple[float, float]
    size: float
    wet: float

    @classmethod
    def of(cls, shape: Shape, time_s: float) -> Tone:
        """Return the tone of a shape; the cutoffs drift about the brightness's, each side in its own way."""
        dark, bright = CUTOFF_HZ
        cutoff = dark * (bright / dark) ** shape.brightness
        left, right = (
            cutoff * (1.0 + DRIFT_DEPTH * sin(2 * pi * time_s / period)) for period in DRIFT_PERIODS_S
        )
        long, short = REVERB_T60_S
        t60 = long * (short / long) ** shape.articulation
        wet = REVERB_GAIN[0] + (REVERB_GAIN[1] - REVERB_GAIN[0]) * shape.articulation
        return cls((left, right), float(np.interp(t60, *_SIZE_BY_T60)), wet)


class Synth:
    """Plays blocks of a performance.

    `render` answers with the sound of what was given `latency_frames` before: one block to make room for
    new notes, one for the limiter to look ahead.

    Parameters
    ----------
    piece : Piece
        Its palette decides the sound.

    Raises
    ------
    SoundError
        If pyo's server does not start.

    Attributes
    ----------
    rebuilt : int
        How many times pyo's graph has been built anew.
    """

    latency_frames = VoiceBank.latency_frames + Master.latency_frames
    MOST_FAULTS = 3
    FORGIVEN_AFTER_S = 60.0

    def __init__(self, piece: Piece) -> None:
        self._timbres = TIMBRES[piece.palette]
        self._bank = VoiceBank(self._timbres)
        self._graph = Graph(self._bank.rows, self._timbres)
        self._master = Master(tuple(self._timbres[layer].typical_lufs for layer in LAYERS))
        self._asleep = False
        self._failed = False
        self._failures: list[int] = []
        self.rebuilt = 0

    def render(self, block: Block) -> StereoBlock:
        """Return the next 800 samples of sound.

        Parameters
        ----------
        block : Block
            The one that follows the block given before.

        Returns
        -------
        ndarray of float32, shape (800, 2)
            Finite; true peak at most −3 dBTP; exactly 0 while the fade is 0.

        Raises
        ------
        SoundError
            If pyo delivered unusable samples for the fourth time in a minute. Up to then what was sounding
            fades out, the graph is built anew and the sound comes back on a ramp of 10 s.
        """
        silent = block.shape.fade == 0.0
        if silent:
            self._bank.release_all()
        if silent and self._asleep:
            return self._master.step(_SILENCE, block.shape)
        if self._failed:
            self._rebuild()
        music = self._graph.process(
            self._bank.step(block), Tone.of(block.shape, block.start_frame / SAMPLE_RATE)
        )
        peak = float(np.abs(music).max())
        # The reverb rings on unheard in silence, then pyo sleeps until there is something to hear.
        self._asleep = silent and peak < SILENT_PEAK
        if not peak < RUNAWAY_PEAK:
            self._give_up_if_hopeless(block.start_frame)
            self._failed = True  # built anew with the next block, for that takes longer than this one lasts
            self._master.restart()
            music = _SILENCE
        return self._master.step(music, block.shape)

    def _give_up_if_hopeless(self, frame: int) -> None:
        recent = frame - round(self.FORGIVEN_AFTER_S * SAMPLE_RATE)
        self._failures = [*(at for at in self._failures if at > recent), frame]
        if (times := len(self._failures)) > self.MOST_FAULTS:
            raise SoundError(f"pyo delivered unusable samples {times} times; the sound was given up")

    def _rebuild(self) -> None:
        """Build the graph anew after NaN, infinity or a runaway."""
        self._graph.close()
        self._bank.release_all()
        self._graph = Graph(self._bank.rows, self._timbres)
        self._failed = False
        self.rebuilt += 1

    def close(self) -> None:
        """Give pyo's server back. Closing twice is harmless."""
        self._graph.close()
