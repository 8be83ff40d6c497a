"""The synthesizer: voices, sampler, pyo's filters, room, mastering chain; its handling of faults and silence.

pyo is driven from numpy block by block: what a filter is to hear, and its cutoff, are written into tables of
one block's length, which pyo plays sample for sample. So all timing is in pure code, and pyo needs no clock
and no callback of its own.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import pi, sin
from typing import Any

import numpy as np

from generator.errors import SoundError
from generator.score import BLOCK_FRAMES, CHANNELS, SAMPLE_RATE, Block, ControlFrame, FloatArray, StereoBlock
from generator.state import LAYERS, Piece
from generator.synthesis.convolution import CrossfadedConvolution
from generator.synthesis.crossfeed import Crossfeed
from generator.synthesis.mastering import MasteringChain
from generator.synthesis.nature import NaturePlayer, room_db
from generator.synthesis.palette_resolution import load_samples, resolve_palette
from generator.synthesis.palettes import BUSES, EqualizerBand, Palette
from generator.synthesis.room import impulse_response
from generator.synthesis.sample_cache import Progress
from generator.synthesis.sample_set import SampledInstrument
from generator.synthesis.sampler import Sampler, Samples
from generator.synthesis.voices import Voice, VoiceBank, VoiceFrame

os.environ.setdefault("PYO_GUI_WX", "0")  # else pyo looks for a window toolkit while it is imported
import pyo64 as pyo

CUTOFF_HZ = (1800.0, 23_000.0)
BUS_CUTOFFS = {"warm": 0.8, "clear": 1.5}
"""Cutoff of each bus, relative to the cutoff of the brightness."""

DRIFT_PERIODS_S = (23.5, 25.9)
DRIFT_DEPTH = 0.12
"""Relative drift of the left and right filters, each with its own period."""

HIGHEST_CUTOFF_HZ = 18_000.0

STEPS = 16
"""Filter steps in a block: 960 a second are not heard."""

ROOM_SEED = 0
"""The draw of noise for which the rooms' measures hold."""

_STEPWISE = np.arange(1, STEPS + 1) / STEPS


def cutoffs_hz(brightness: float, time_s: float) -> tuple[float, float]:
    """Return the cutoffs left and right before the buses' factors: they drift around the brightness."""
    dark, bright = CUTOFF_HZ
    cutoff = dark * (bright / dark) ** brightness
    left, right = (cutoff * (1.0 + DRIFT_DEPTH * sin(2 * pi * time_s / period)) for period in DRIFT_PERIODS_S)
    return left, right


class BusFilters:
    """The pyo objects: a server, a low-pass filter for each side of each bus, an equalizer for their sum.

    Parameters
    ----------
    equalizer : sequence of EqualizerBand
        Its peaking filters.

    Raises
    ------
    SoundError
        If pyo's server does not start.
    """

    def __init__(self, equalizer: Sequence[EqualizerBand]) -> None:
        self._server = pyo.Server(sr=SAMPLE_RATE, nchnls=2, buffersize=BLOCK_FRAMES, duplex=0, audio="manual")
        self._server.setVerbosity(1)
        self._server.deactivateMidi()
        self._server.boot()
        if not self._server.getIsBooted():
            raise SoundError("pyo's server did not start; are more than 255 of them open?")
        self._server.start()
        self._filters = [[_LowPass() for _ in range(CHANNELS)] for _ in BUSES]
        self._sides = [
            _Equalizer([sides[side].signal for sides in self._filters], equalizer) for side in range(CHANNELS)
        ]

    def process(self, buses: Samples, cutoffs_hz: tuple[float, float]) -> FloatArray:
        """Return a block of all buses, filtered and added up, shape (2, 800).

        Parameters
        ----------
        buses : ndarray, shape (buses, 2, 800)
            The block.
        cutoffs_hz : (float, float)
            Cutoffs left and right at its end, before the factors of `BUS_CUTOFFS`.
        """
        for bus, sides, filters in zip(BUSES, buses, self._filters, strict=True):
            for side, cutoff, each in zip(sides, cutoffs_hz, filters, strict=True):
                each.input[:] = side
                each.glide(min(cutoff * BUS_CUTOFFS[bus], HIGHEST_CUTOFF_HZ))
        self._server.process()
        return np.array([side.output for side in self._sides])

    def close(self) -> None:
        """Give the server back."""
        self._server.stop()
        self._server.shutdown()


def _memory(table: Any) -> FloatArray:
    """Return a table's samples to be written or read in place, as long as the table lives.

    An array of the table's buffer itself would crash when it is freed after the table.
    """
    address = np.asarray(table.getBuffer()).ctypes.data
    return np.ctypeslib.as_array((ctypes.c_double * BLOCK_FRAMES).from_address(address))


class _LowPass:
    """A low-pass filter that reads a table; its cutoff moves in steps too small to be heard.

    pyo objects sound as long as Python holds them.
    """

    def __init__(self) -> None:
        self._tables = [pyo.DataTable(size=BLOCK_FRAMES) for _ in range(2)]
        self.input, cutoff = map(_memory, self._tables)
        self._steps = cutoff.reshape(STEPS, -1)
        self._hz: float | None = None
        self._scans = [pyo.TableScan(table) for table in self._tables]
        self.signal = pyo.ButLP(self._scans[0], freq=self._scans[1])

    def glide(self, hz: float) -> None:
        """Go to a cutoff by the end of the next block; the first one holds at once."""
        before = hz if self._hz is None else self._hz
        self._steps.T[:] = before + (hz - before) * _STEPWISE
        self._hz = hz


class _Equalizer:
    """The sum of some signals through the equalizer, in a table."""

    def __init__(self, signals: list[Any], bands: Sequence[EqualizerBand]) -> None:
        self._objects = [pyo.Mix(signals, voices=1)]
        for band in bands:
            self._objects.append(pyo.EQ(self._objects[-1], freq=band.hertz, q=band.q, boost=band.gain_db))
        self._table = pyo.DataTable(size=BLOCK_FRAMES)
        self.output = _memory(self._table)
        self._objects.append(pyo.TableFill(self._objects[-1], self._table))


class SynthGraph:
    """Everything between the voices and the mastering chain: sampler, filters, room, crossfeed.

    Parameters
    ----------
    palette : Palette
        Its rooms are used.
    voices : tuple of Voice
        What plays.
    instruments : mapping of str to SampledInstrument
        All that the voices play.
    crossfeed : bool
        Whether the music is meant for headphones.

    Raises
    ------
    SoundError
        If pyo's server does not start.
    """

    def __init__(
        self,
        palette: Palette,
        voices: tuple[Voice, ...],
        instruments: Mapping[str, SampledInstrument],
        *,
        crossfeed: bool = False,
    ) -> None:
        self._new_sampler = partial(Sampler, voices, instruments)
        self._sampler = self._new_sampler()
        self._new_filters = partial(BusFilters, palette.equalizer)
        self._filters = self._new_filters()
        long, short = (impulse_response(room, ROOM_SEED) for room in palette.rooms)
        self._room = CrossfadedConvolution(long, short)
        self._crossfeed = Crossfeed() if crossfeed else None

    def process(self, control: VoiceFrame, shape: ControlFrame, start_frame: int) -> FloatArray:
        """Return the music of one block, shape (2, 800), before any level or fade."""
        return self.process_buses(self._sampler.process(control, start_frame), shape, start_frame)

    def process_buses(self, buses: Samples, shape: ControlFrame, start_frame: int) -> FloatArray:
        """Return what becomes of one block of the sampler's buses, shape (buses, 2, 800)."""
        cutoffs = cutoffs_hz(shape.brightness, start_frame / SAMPLE_RATE)
        dry = self._filters.process(buses, cutoffs)
        wet = self._room.process(dry, (1.0 - shape.articulation, shape.articulation))
        music = dry + wet
        return music if self._crossfeed is None else self._crossfeed.process(music)

    def rebuild(self) -> None:
        """Forget everything that may not be a number: all that sounds, and pyo's filters."""
        self._filters.close()
        self._filters = self._new_filters()
        self._sampler = self._new_sampler()
        self._room.reset()
        if self._crossfeed is not None:
            self._crossfeed.reset()

    def close(self) -> None:
        """Give pyo's server back."""
        self._filters.close()


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
    progress : callable, optional
        Called while samples have to be rendered, as by `generator.synthesis.sample_cache.load`.

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

    def __init__(self, piece: Piece, *, progress: Progress | None = None) -> None:
        self._piece = piece
        resolved = resolve_palette(piece.palette)
        self._palette = resolved.palette
        library = load_samples(resolved, progress=progress)
        instruments = {name: SampledInstrument(samples) for name, samples in library.sets.items()}
        self._bank = VoiceBank(self._palette, instruments)
        self._graph = SynthGraph(
            self._palette, self._bank.voices, instruments, crossfeed=piece.playback == "headphones"
        )
        self._master = MasteringChain(tuple(self._palette.sounds[layer].typical_lufs for layer in LAYERS))
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
        music = self._graph.process(self._bank.step(block), block.shape, block.start_frame)
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
        self._graph.rebuild()
        self._bank.release_all()
        self._nature = self._new_nature()
        self._failed = False
        self.rebuilt += 1

    def close(self) -> None:
        """Release pyo's server. Closing twice is harmless."""
        self._graph.close()
