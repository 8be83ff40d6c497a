"""The synthesizer: voices, pyo's objects and the mastering chain, with their handling of faults and silence.

The pyo objects are wavetable oscillators, filters and a reverb, driven from numpy block by block. The
amplitudes of an oscillator are written into a table of one block's length before pyo computes the block, and
a ``TableScan`` plays them sample for sample. So all timing is in pure code, and pyo needs no clock, no
envelope and no callback of its own.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import pi, sin
from typing import Any

import numpy as np

from generator.errors import SoundError
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, ControlFrame, FloatArray, StereoBlock
from generator.state import LAYERS, Piece
from generator.synthesis.mastering import MasteringChain
from generator.synthesis.nature import NaturePlayer, room_db
from generator.synthesis.palettes import BY_NAME, Palette, Reverb, wavetable
from generator.synthesis.voices import Oscillator, OscillatorFrame, VoiceBank

os.environ.setdefault("PYO_GUI_WX", "0")  # else pyo looks for a window toolkit while it is imported
import pyo64 as pyo

SIDES_APART_CYCLES = 30

CUTOFF_HZ = (600.0, 3500.0)
BUS_CUTOFFS = {"warm": 1.0, "clear": 2.5, "low": 0.6, "vowel": 1.2}
"""Cutoff of each bus, relative to the cutoff of the brightness."""

REVERBERANT = ("warm", "clear", "vowel")
DRIFT_PERIODS_S = (23.5, 25.9)
DRIFT_DEPTH = 0.12
"""Relative drift of the left and right filters, each with its own period."""

VOWELS_HZ = ((330.0, 650.0), (700.0, 1100.0), (2300.0, 2500.0))
"""Formants from a closed "oo" to an open "ah", as low voices sing them (after Peterson and Barney 1952)."""

VOWEL_GAINS = (2.6, 1.7, 0.9)
VOWEL_QS = (3.5, 5.5, 8.0)
VOWEL_CHEST = 0.5
"""Share of the voice that bypasses the formants."""

VOWEL_PERIODS_S = (17.3, 19.9)

STEPS = 16
"""Filter steps in a block: 960 a second are not heard."""

REVERB_DAMP = 0.6
REVERB_FLOOR_HZ = 160.0
"""High-pass before the reverb, where low tones would blur."""

_DIFFUSERS_S = ((0.0317, 0.0473), (0.0371, 0.0539))
"""Delays of the all-passes before the reverb, left and right: it gets denser, the sides less alike."""

_SIZE_BY_T60 = ((1.68, 2.18, 2.57, 3.13, 4.0, 5.47, 6.36), (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92))
"""Size of pyo's Freeverb for a decay time, measured between 250 and 1000 Hz. (WGVerb and STRev would draw
from a random generator that all servers of the process share, and no render would be like another.)"""

_STEPWISE = np.arange(1, STEPS + 1) / STEPS


@dataclass(frozen=True, slots=True)
class FilterFrame:
    """The settings of filters and reverb in a block.

    Attributes
    ----------
    cutoffs_hz : (float, float)
        Left and right.
    vowels : (float, float)
        Openness of the choir's vowel, 0 to 1, left and right.
    size, wet : float
        Size and level of the reverb.
    """

    cutoffs_hz: tuple[float, float]
    vowels: tuple[float, float]
    size: float
    wet: float

    @classmethod
    def of(cls, shape: ControlFrame, time_s: float, reverb: Reverb) -> FilterFrame:
        """Return the settings for the controls; the cutoffs drift around that of the brightness."""
        dark, bright = CUTOFF_HZ
        cutoff = dark * (bright / dark) ** shape.brightness
        left, right = (
            cutoff * (1.0 + DRIFT_DEPTH * sin(2 * pi * time_s / period)) for period in DRIFT_PERIODS_S
        )
        oo, ah = (
            0.15 + 0.7 * shape.brightness + 0.15 * sin(2 * pi * time_s / period) for period in VOWEL_PERIODS_S
        )
        long, short = reverb.t60_s
        t60 = long * (short / long) ** shape.articulation
        wet = reverb.gain[0] + (reverb.gain[1] - reverb.gain[0]) * shape.articulation
        return cls((left, right), (oo, ah), float(np.interp(t60, *_SIZE_BY_T60)), wet)


class SynthGraph:
    """The pyo objects: a server, oscillators for each row, a filter for each bus and side, a reverb.

    Parameters
    ----------
    rows : tuple of Oscillator
        The oscillators of all voices.
    palette : Palette
        Its reverb is used.

    Raises
    ------
    SoundError
        If pyo's server does not start.
    """

    def __init__(self, rows: tuple[Oscillator, ...], palette: Palette) -> None:
        self._server = pyo.Server(sr=SAMPLE_RATE, nchnls=2, buffersize=BLOCK_FRAMES, duplex=0, audio="manual")
        self._server.setVerbosity(1)
        self._server.deactivateMidi()
        self._server.boot()
        if not self._server.getIsBooted():
            raise SoundError("pyo's server did not start; are more than 255 of them open?")
        self._server.start()
        self._kept: list[Any] = []  # pyo objects sound as long as Python holds them
        self._tables: dict[tuple[Any, ...], Any] = {}
        self._oscillators = tuple(self._oscillator(row) for row in rows)
        self._running: set[int] = set()
        self._cutoffs: dict[str, tuple[_Glide, _Glide]] = {}
        self._formants: list[list[_Glide]] = []
        self._wet = _Glide()
        self._outlets = {
            bus: self._bus(bus) for bus in BUS_CUTOFFS if any(row.spec.bus == bus for row in rows)
        }
        if "vowel" in self._outlets:
            self._outlets["vowel"] = self._formant_filters(*self._outlets["vowel"])
        self._reverbs, self._taps = self._add_reverb(palette.reverb)

    def process(self, control: OscillatorFrame, tone: FilterFrame) -> FloatArray:
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
        for row, bend in zip(control.bent, control.bends, strict=True):
            self._oscillators[row].bend(bend)
        self._shape(tone)
        self._server.process()
        return np.array(self._taps)

    def close(self) -> None:
        """Give the server back."""
        self._server.stop()
        self._server.shutdown()

    def _shape(self, tone: FilterFrame) -> None:
        for bus, sides in self._cutoffs.items():
            for glide, cutoff in zip(sides, tone.cutoffs_hz, strict=True):
                glide.to(cutoff * BUS_CUTOFFS[bus])
        for side, openness in zip(self._formants, tone.vowels, strict=False):
            for glide, (closed, open_) in zip(side, VOWELS_HZ, strict=True):
                glide.to(closed + (open_ - closed) * openness)
        self._wet.to(tone.wet)
        for freeverb in self._reverbs:
            freeverb[0].setSize(tone.size)  # [0] is the C object: its setters cost a tenth of the wrapper's

    def _hold(self, thing: Any) -> Any:
        self._kept.append(thing)
        return thing

    def _mix(self, things: Sequence[Any], gain: float = 1.0) -> Any:
        return self._hold(pyo.Mix(list(things), voices=1, mul=gain))

    def _oscillator(self, row: Oscillator) -> _Oscillator:
        spec = row.spec
        key = (spec.partials, spec.bandwidth_cents, spec.core, spec.stretch)
        table = wavetable(*key)
        if key not in self._tables:
            # Written in place: a list of its samples would take pyo longer than all the rest of the graph.
            # One more than `size` is read between the last sample and the first.
            self._tables[key] = memory = pyo.DataTable(size=table.samples.size)
            _memory(memory, table.samples.size + 1)[:] = np.append(table.samples, table.samples[0])
        return _Oscillator(row, self._tables[key], table.cycles)

    def _bus(self, bus: str) -> tuple[Any, Any]:
        """Sum the oscillators of a bus on either side, through its filter."""
        mine = [each for each in self._oscillators if each.row.spec.bus == bus]
        sides: tuple[list[Any], list[Any]] = ([], [])
        for pan in sorted({each.row.pan for each in mine}, key=lambda pan: (pan is not None, pan or 0.0)):
            group = [each.readers for each in mine if each.row.pan == pan]
            angle = ((pan or 0.0) + 1.0) * np.pi / 4
            for side, gain in enumerate((1.0, 1.0) if pan is None else (np.cos(angle), np.sin(angle))):
                readers = [each[side if pan is None else 0] for each in group]
                sides[side].append(self._mix(readers, float(gain)))
        self._cutoffs[bus] = glides = (_Glide(), _Glide())
        left, right = (
            self._hold(pyo.ButLP(self._mix(side), freq=glide.signal))
            for side, glide in zip(sides, glides, strict=True)
        )
        return left, right

    def _formant_filters(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Send both sides of the choir through formants."""
        outlets = []
        for voice in (left, right):
            glides = [_Glide() for _ in VOWELS_HZ]
            side = [
                self._hold(pyo.ButBP(voice, freq=glide.signal, q=q, mul=gain))
                for glide, q, gain in zip(glides, VOWEL_QS, VOWEL_GAINS, strict=True)
            ]
            self._formants.append(glides)
            outlets.append(self._mix([self._mix([voice], VOWEL_CHEST), *side]))
        return outlets[0], outlets[1]

    def _add_reverb(self, reverb: Reverb) -> tuple[list[Any], list[FloatArray]]:
        """Add the reverb and the tables from which the music is read."""
        reverbs, taps = [], []
        for side in (0, 1):
            dry = {bus: outlets[side] for bus, outlets in self._outlets.items()}
            send = self._mix([dry[bus] for bus in REVERBERANT if bus in dry])
            send = self._hold(pyo.ButHP(send, freq=REVERB_FLOOR_HZ))
            send = self._hold(pyo.ButLP(send, freq=reverb.damp_hz))
            for delay in _DIFFUSERS_S[side]:
                send = self._hold(pyo.Allpass(send, delay=delay, feedback=0.6, maxdelay=0.1))
            room = pyo.Freeverb(send, size=0.9, damp=REVERB_DAMP, bal=1, mul=self._wet.signal)
            reverbs.append(room)
            table = self._hold(pyo.DataTable(size=BLOCK_FRAMES))
            taps.append(_memory(table))
            self._hold(pyo.TableFill(self._mix([*dry.values(), room]), table))
        return reverbs, taps


def _memory(table: Any, frames: int = BLOCK_FRAMES) -> FloatArray:
    """Return a table's samples to be written or read in place, as long as the table lives.

    An array of the table's buffer itself would crash when it is freed after the table.
    """
    address = np.asarray(table.getBuffer()).ctypes.data
    return np.ctypeslib.as_array((ctypes.c_double * frames).from_address(address))


class _Glide:
    """A control of a filter that moves in steps too small to be heard."""

    def __init__(self) -> None:
        self._table = pyo.DataTable(size=BLOCK_FRAMES)
        self._steps = _memory(self._table).reshape(STEPS, -1)
        self._value: float | None = None
        self.signal = pyo.TableScan(self._table)

    def to(self, value: float) -> None:
        """Go to a value by the end of the next block; the first one holds at once."""
        before = value if self._value is None else self._value
        self._steps.T[:] = before + (value - before) * _STEPWISE
        self._value = value


class _Oscillator:
    """The pyo objects of an oscillator: its envelope, and one or two readers of its wavetable."""

    def __init__(self, row: Oscillator, table: Any, cycles: int) -> None:
        self.row = row
        self._cycles = cycles
        self._gate_table = pyo.DataTable(size=BLOCK_FRAMES)
        self.gate = _memory(self._gate_table)
        scan = pyo.TableScan(self._gate_table)
        self._parts = [scan]
        frequency: Any = 1.0
        if row.spec.vibrato_cents:
            self._bend_table = pyo.DataTable(size=BLOCK_FRAMES)
            self._bend = _memory(self._bend_table)
            frequency = pyo.TableScan(self._bend_table)
            self._parts.append(frequency)
        # Voices start at different places of the table, or unisons would be identical. The right side is
        # whole periods ahead of the left: low partials stay in the middle; high ones, which change faster,
        # are wide.
        start = round(row.voice * 0.618 * cycles)
        ahead = (0,) if row.pan is not None else (0, SIDES_APART_CYCLES)
        self.readers = [
            pyo.Osc(table, freq=frequency, phase=(start + side) / cycles % 1.0, mul=scan) for side in ahead
        ]
        self._parts += self.readers
        self.stop()

    def tune(self, hz: float) -> None:
        """Set the frequency; only while the gate is closed."""
        if not self.row.spec.vibrato_cents:
            for reader in self.readers:
                reader[0].setFreq(hz / self._cycles)

    def bend(self, hz: FloatArray) -> None:
        """Set the frequency for every sample of the block."""
        np.divide(hz, self._cycles, out=self._bend)

    def play(self) -> None:
        for part in self._parts:
            part[0].play()

    def stop(self) -> None:
        for part in self._parts:
            part[0].stop()


_SILENCE = np.zeros((2, BLOCK_FRAMES))

SILENT_PEAK = 1e-5
RUNAWAY_PEAK = 100.0
"""40 dB over full scale; NaN and infinity are beyond it too."""


class Synth:
    """Plays blocks of a performance.

    `render` returns the sound of what was given `latency_frames` before: one block to free voices for new
    notes, one for the limiter to look ahead.

    Parameters
    ----------
    piece : Piece
        Its palette and its nature sound are played.

    Raises
    ------
    SoundError
        If pyo's server does not start.

    Attributes
    ----------
    rebuilt : int
        How many times pyo's graph has been built anew.
    """

    latency_frames = VoiceBank.latency_frames + MasteringChain.latency_frames
    MAX_FAULTS = 3
    FORGIVEN_AFTER_S = 60.0

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._palette = BY_NAME[piece.palette]
        self._bank = VoiceBank(self._palette)
        self._graph = SynthGraph(self._bank.rows, self._palette)
        self._master = MasteringChain(tuple(self._palette.timbres[layer].typical_lufs for layer in LAYERS))
        self._nature = self._new_nature()
        self._room_db = room_db(piece.nature_db) if self._nature else 0.0
        self._idle = False
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
            If pyo delivered unusable samples for the fourth time in a minute. Before that, the sound fades
            out, the graph is built anew and the sound fades in over 10 s.
        """
        silent = block.shape.fade == 0.0
        if silent:
            self._bank.release_all()
        if silent and self._idle:
            return self._master.step(_SILENCE, block.shape)
        if self._failed:
            self._rebuild()
        tone = FilterFrame.of(block.shape, block.start_frame / SAMPLE_RATE, self._palette.reverb)
        music = self._graph.process(self._bank.step(block), tone)
        peak = float(np.abs(music).max())
        # In silence the reverb decays unheard; then pyo is not run until something sounds again.
        self._idle = silent and peak < SILENT_PEAK
        nature = self._nature.step(block.start_frame) if self._nature and not silent else None
        if not (peak < RUNAWAY_PEAK and (nature is None or np.abs(nature).max() < RUNAWAY_PEAK)):
            self._check_fault_count(block.start_frame)
            self._failed = True  # rebuilt with the next block: that takes longer than this one lasts
            self._master.restart()
            music, nature = _SILENCE, None
        # The music is softer by what the nature sound adds to the loudness.
        softer = replace(block.shape, level_db=block.shape.level_db - self._room_db)
        return self._master.step(music, softer, nature)

    def _new_nature(self) -> NaturePlayer | None:
        piece = self._piece
        return NaturePlayer(piece.nature, piece.nature_db, piece.seed) if piece.nature != "none" else None

    def _check_fault_count(self, frame: int) -> None:
        recent = frame - round(self.FORGIVEN_AFTER_S * SAMPLE_RATE)
        self._failures = [*(at for at in self._failures if at > recent), frame]
        if (times := len(self._failures)) > self.MAX_FAULTS:
            raise SoundError(f"pyo delivered unusable samples {times} times; the sound was given up")

    def _rebuild(self) -> None:
        """Build graph and nature sound anew after unusable samples."""
        self._graph.close()
        self._bank.release_all()
        self._graph = SynthGraph(self._bank.rows, self._palette)
        self._nature = self._new_nature()
        self._failed = False
        self.rebuilt += 1

    def close(self) -> None:
        """Release pyo's server. Closing twice is harmless."""
        self._graph.close()
