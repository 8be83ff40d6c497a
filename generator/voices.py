"""Which oscillator plays what, how loud, at every sample. Pure: the control side of the sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.palette import Strand, Timbre
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, NoteEvent, Shape
from generator.state import LAYERS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SWAY_PERIODS_S = (23.5, 25.9, 29.9)
"""Incommensurable, so that the slow movement of the voices never repeats."""

REFERENCE_VELOCITY = 64
INAUDIBLE = 1e-5
SUDDEN_FRAMES = SAMPLE_RATE // 2
"""Attacks up to here are computed sample by sample; slower ones as a line through each block."""


def hertz(pitch: float) -> float:
    """Frequency of a MIDI note number in equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def smooth(x: npt.ArrayLike) -> FloatArray:
    """Rise from 0 to 1 over 0 ≤ x ≤ 1 without a corner at either end."""
    x = np.minimum(np.maximum(x, 0.0), 1.0)  # np.clip takes five times as long on short arrays
    return np.asarray(x * x * (3.0 - 2.0 * x))


_RISE = np.arange(1, BLOCK_FRAMES + 1) / BLOCK_FRAMES
_FALL = 1.0 - smooth(_RISE)


@dataclass(frozen=True, slots=True)
class Row:
    """One oscillator: which strand of which voice of which layer."""

    layer: str
    voice: int
    strand: Strand


@dataclass(frozen=True, slots=True)
class Control:
    """What the oscillators do in one block.

    Attributes
    ----------
    tunings : list of (int, float)
        Rows that begin a note, silent up to then, with their frequency in Hz.
    rows : ndarray of int, shape (n,)
        The rows that sound.
    amplitudes : ndarray, shape (n, 800)
        Their amplitudes, sample by sample. All other rows are silent.
    """

    tunings: list[tuple[int, float]]
    rows: IntArray
    amplitudes: FloatArray


class VoiceBank:
    """The voices of all layers and their envelopes.

    A note given with one block begins in the next, at the same place: by then a voice is silent for it,
    if need be the quietest, faded out within the block between. So every onset is exact, `latency_frames`
    late, and stealing never clicks. A layer's polyphony is also the most notes that can begin in one
    block; more are left out.

    Parameters
    ----------
    timbres : mapping of str to Timbre
        One for each layer.
    """

    latency_frames = BLOCK_FRAMES

    def __init__(self, timbres: Mapping[str, Timbre]) -> None:
        self._timbres = timbres
        self._rows_of: dict[str, list[slice]] = {}
        rows: list[Row] = []
        for layer in LAYERS:
            timbre = timbres[layer]
            self._rows_of[layer] = []
            for voice in range(timbre.voices):
                self._rows_of[layer].append(slice(len(rows), len(rows) + len(timbre.strands)))
                rows += [Row(layer, voice, strand) for strand in timbre.strands]
        self.rows = tuple(rows)
        self._next_voice = dict.fromkeys(LAYERS, 0)
        self._pending: list[tuple[NoteEvent, slice]] = []
        self._layer = np.array([LAYERS.index(row.layer) for row in rows])
        self._sway = np.array([timbres[row.layer].sway for row in rows])
        # The golden ratio spreads the phases evenly, however many voices there are.
        self._sway_phase = 2 * np.pi * np.arange(len(rows)) * 0.618
        self._sway_rate = 2 * np.pi / np.array([SWAY_PERIODS_S[i % 3] for i in range(len(rows))])

        count = len(rows)
        self._active = np.zeros(count, dtype=bool)
        self._reserved = np.zeros(count, dtype=bool)
        self._onset = np.zeros(count)
        self._release = np.zeros(count)
        self._attack_frames = np.ones(count)
        self._release_frames = np.ones(count)
        self._decay_per_frame = np.zeros(count)
        self._amplitude = np.zeros(count)
        self._body = np.zeros(count)  # level at the end of the last block, the attack apart
        self._level = np.zeros(count)  # and with it

    def step(self, block: Block) -> Control:
        """Return what sounds in this block, and take in the notes that begin in the next."""
        start, end = block.start_frame, block.start_frame + BLOCK_FRAMES
        tunings = [tuning for note, rows in self._pending for tuning in self._begin(note, rows, block.shape)]
        self._pending = []
        for note in block.notes:
            if (rows := self._free_rows(note.layer)) is not None:
                self._reserved[rows] = True
                self._pending.append((note, rows))

        live = np.flatnonzero(self._active)
        envelope = self._envelope_at(end, live)
        body = envelope * self._gain_at(end, live, block.shape)
        level = body * smooth((end - self._onset[live]) / self._attack_frames[live])
        amplitudes = self._level[live, None] + (level - self._level[live])[:, None] * _RISE
        exact = (start <= self._onset[live]) | (self._attack_frames[live] <= SUDDEN_FRAMES)
        exact &= end <= self._onset[live] + self._attack_frames[live] + BLOCK_FRAMES
        if exact.any():
            amplitudes[exact] = self._rising(start, live[exact], body[exact])

        stolen = self._reserved[live]
        spent = envelope < INAUDIBLE
        over = stolen | spent
        if over.any():
            amplitudes[over] *= _FALL
        self._body[live], self._level[live] = body, level
        self._active[live[over]] = False
        self._reserved[:] = False
        return Control(tunings, live, amplitudes)

    def _rising(self, start: int, rows: IntArray, body: FloatArray) -> FloatArray:
        """Amplitudes of rows in their attack, exact at every sample."""
        frames = start + 1 + np.arange(BLOCK_FRAMES)
        rise = smooth((frames - self._onset[rows, None]) / self._attack_frames[rows, None])
        before = self._body[rows, None]
        return np.asarray(rise * (before + (body[:, None] - before) * _RISE))

    def release_all(self) -> None:
        """Let go of every voice at once; what follows the bank must be silent by then."""
        self._active[:] = False
        self._pending = []

    def _envelope_at(self, frame: int, rows: IntArray) -> FloatArray:
        """Amplitude of the rows at `frame`: velocity, decay and release, but not the attack."""
        age = np.maximum(frame - self._onset[rows], 0.0)
        released = smooth((frame - self._release[rows]) / self._release_frames[rows])
        return np.asarray(self._amplitude[rows] * np.exp(-age * self._decay_per_frame[rows]) * (1 - released))

    def _gain_at(self, frame: int, rows: IntArray, shape: Shape) -> FloatArray:
        """Gain of the rows' layers at `frame`, with their slow movement."""
        swing = np.sin(self._sway_rate[rows] * (frame / SAMPLE_RATE) + self._sway_phase[rows])
        gains = np.array(shape.layer_gains)[self._layer[rows]]
        return np.asarray(gains * (1.0 + self._sway[rows] * swing))

    def _free_rows(self, layer: str) -> slice | None:
        """Rows of a voice that can begin a note in the next block: an idle one, else the quietest."""
        voices = self._rows_of[layer]
        first = self._next_voice[layer]
        in_turn = voices[first:] + voices[:first]
        open_ = [rows for rows in in_turn if not self._reserved[rows.start]]
        if not open_:
            return None
        idle = [rows for rows in open_ if not self._active[rows.start : rows.stop].any()]
        chosen = idle[0] if idle else min(open_, key=lambda rows: float(self._body[rows].sum()))
        self._next_voice[layer] = (voices.index(chosen) + 1) % len(voices)
        return chosen

    def _begin(self, note: NoteEvent, rows: slice, shape: Shape) -> list[tuple[int, float]]:
        """Set the voice's envelope; return the frequencies of its rows."""
        timbre = self._timbres[note.layer]
        octaves = (note.pitch - 60) / 12
        level = 10 ** ((timbre.level_db + timbre.tilt_db * octaves) / 20) * (
            note.velocity / REFERENCE_VELOCITY
        )
        onset = note.frame + self.latency_frames
        attack_s, release_s = (
            legato * (detached / legato) ** shape.articulation
            for legato, detached in (timbre.attack_s, timbre.release_s)
        )
        self._active[rows] = True
        self._onset[rows] = onset
        # A short note of a slow sound still blooms: its release waits for the better part of the attack.
        self._release[rows] = onset + max(note.duration_s, 0.6 * attack_s) * SAMPLE_RATE
        self._attack_frames[rows] = attack_s * SAMPLE_RATE
        self._release_frames[rows] = release_s * SAMPLE_RATE
        strands = timbre.strands
        # High strings ring shorter than low ones, by about a third per octave.
        decay_s = np.array([strand.decay_s for strand in strands]) * 2.0 ** (-0.6 * octaves)
        self._decay_per_frame[rows] = 1.0 / (decay_s * SAMPLE_RATE)
        self._amplitude[rows] = [
            level * strand.level * (note.velocity / REFERENCE_VELOCITY) ** strand.hardness
            for strand in strands
        ]
        self._level[rows] = 0.0
        index = np.arange(rows.start, rows.stop)
        self._body[rows] = self._envelope_at(onset, index) * self._gain_at(onset, index, shape)
        return [
            (int(row), hertz(note.pitch) * strand.ratio) for row, strand in zip(index, strands, strict=True)
        ]
