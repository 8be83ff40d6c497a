"""Which oscillator plays what, how loud, at every sample. Pure: the control side of the sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

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
_LINE = np.stack((np.ones(BLOCK_FRAMES), _RISE))
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


class _Notes(NamedTuple):
    """What is fixed for the rows that sound, one entry for each; times in frames."""

    rows: IntArray
    layer: IntArray
    onset: FloatArray
    attack: FloatArray
    release: FloatArray
    release_length: FloatArray
    decay_rate: FloatArray
    amplitude: FloatArray
    sway: FloatArray
    sway_rate: FloatArray
    sway_phase: FloatArray

    def envelope(self, frame: int) -> FloatArray:
        """Return the amplitudes at a frame: velocity, decay and release, but not the attack."""
        age = np.maximum(frame - self.onset, 0.0)
        released = smooth((frame - self.release) / self.release_length)
        return np.asarray(self.amplitude * np.exp(-age * self.decay_rate) * (1.0 - released))

    def gain(self, frame: int, shape: Shape) -> FloatArray:
        """Return the gains of their layers at a frame, with the slow movement."""
        swing = np.sin(self.sway_rate * frame + self.sway_phase)
        return np.asarray(np.array(shape.layer_gains)[self.layer] * (1.0 + self.sway * swing))


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
        self._rows_of: dict[str, list[slice]] = {layer: [] for layer in LAYERS}
        rows: list[Row] = []
        for layer, timbre in timbres.items():
            for voice in range(timbre.voices):
                self._rows_of[layer].append(slice(len(rows), len(rows) + len(timbre.strands)))
                rows += [Row(layer, voice, strand) for strand in timbre.strands]
        self.rows = tuple(rows)
        count = len(rows)
        self._notes = _Notes(
            rows=np.arange(count),
            layer=np.array([LAYERS.index(row.layer) for row in rows]),
            onset=np.zeros(count),
            attack=np.ones(count),
            release=np.zeros(count),
            release_length=np.ones(count),
            decay_rate=np.zeros(count),
            amplitude=np.zeros(count),
            sway=np.array([timbres[row.layer].sway for row in rows]),
            sway_rate=2 * np.pi / SAMPLE_RATE / np.array([SWAY_PERIODS_S[i % 3] for i in range(count)]),
            # The golden ratio spreads the phases evenly, however many voices there are.
            sway_phase=2 * np.pi * 0.618 * np.arange(count, dtype=np.float64),
        )
        self._body = np.zeros(count)  # amplitude at the end of the last block, the attack apart
        self._level = np.zeros(count)  # and with it
        self._active = np.zeros(count, dtype=bool)
        self._reserved = np.zeros(count, dtype=bool)
        self._next_voice = dict.fromkeys(LAYERS, 0)
        self._pending: list[tuple[NoteEvent, slice]] = []
        self._live = self._sounding()

    def step(self, block: Block) -> Control:
        """Return what sounds in this block, and take in the notes that begin in the next."""
        start, end = block.start_frame, block.start_frame + BLOCK_FRAMES
        tunings = [tuning for note, rows in self._pending for tuning in self._begin(note, rows, block.shape)]
        if tunings:
            self._live = self._sounding()
        self._pending = []
        for note in block.notes:
            if (voice := self._free_voice(note.layer)) is not None:
                self._reserved[voice] = True
                self._pending.append((note, voice))

        live, rows = self._live, self._live.rows
        envelope = live.envelope(end)
        body = envelope * live.gain(end, block.shape)
        level = body * smooth((end - live.onset) / live.attack)
        before = self._level[rows]
        amplitudes = np.array((before, level - before)).T @ _LINE
        exact = (end <= live.onset + live.attack + BLOCK_FRAMES) & (
            (start <= live.onset) | (live.attack <= SUDDEN_FRAMES)
        )
        if exact.any():
            amplitudes[exact] = self._attack(start, exact, body)
        stolen = self._reserved[rows]
        self._reserved[:] = False
        over = stolen | (envelope < INAUDIBLE)
        self._body[rows], self._level[rows] = body, level
        if over.any():
            amplitudes[over] *= _FALL
            self._active[rows[over]] = False
            self._live = self._sounding()
        return Control(tunings, rows, amplitudes)

    def release_all(self) -> None:
        """Let go of every voice at once; what follows the bank must be silent by then."""
        self._active[:] = False
        self._live = self._sounding()
        self._pending = []

    def _sounding(self) -> _Notes:
        rows = np.flatnonzero(self._active)
        return _Notes._make(column[rows] for column in self._notes)

    def _attack(self, start: int, chosen: npt.NDArray[np.bool_], body: FloatArray) -> FloatArray:
        """Amplitudes of the chosen rows, exact at every sample of their attack."""
        frames = start + 1 + np.arange(BLOCK_FRAMES)
        rise = smooth((frames - self._live.onset[chosen, None]) / self._live.attack[chosen, None])
        before = self._body[self._live.rows[chosen]]
        return np.asarray(rise * (np.array((before, body[chosen] - before)).T @ _LINE))

    def _free_voice(self, layer: str) -> slice | None:
        """Rows of a voice that can begin a note in the next block: an idle one, else the quietest."""
        voices = self._rows_of[layer]
        first = self._next_voice[layer]
        in_turn = voices[first:] + voices[:first]
        open_ = [rows for rows in in_turn if not self._reserved[rows.start]]
        if not open_:
            return None
        idle = [rows for rows in open_ if not self._active[rows].any()]
        chosen = idle[0] if idle else min(open_, key=lambda rows: float(self._body[rows].sum()))
        self._next_voice[layer] = (voices.index(chosen) + 1) % len(voices)
        return chosen

    def _begin(self, note: NoteEvent, voice: slice, shape: Shape) -> list[tuple[int, float]]:
        """Set the voice's envelope; return the frequencies of its rows."""
        timbre = self._timbres[note.layer]
        strands = timbre.strands
        octaves = (note.pitch - 60) / 12
        loudness = note.velocity / REFERENCE_VELOCITY
        level = loudness * 10 ** ((timbre.level_db + timbre.tilt_db * octaves) / 20)
        onset = note.frame + self.latency_frames
        attack_s, release_s = (
            legato * (detached / legato) ** shape.articulation
            for legato, detached in (timbre.attack_s, timbre.release_s)
        )
        notes = self._notes
        notes.onset[voice] = onset
        notes.attack[voice] = attack_s * SAMPLE_RATE
        # A short note of a slow sound still blooms: its release waits for the better part of the attack.
        notes.release[voice] = onset + max(note.duration_s, 0.6 * attack_s) * SAMPLE_RATE
        notes.release_length[voice] = release_s * SAMPLE_RATE
        # High strings ring shorter than low ones, by about a third per octave.
        decays_s = np.array([strand.decay_s for strand in strands]) * 2.0 ** (-0.6 * octaves)
        notes.decay_rate[voice] = 1.0 / (decays_s * SAMPLE_RATE)
        notes.amplitude[voice] = [level * strand.level * loudness**strand.hardness for strand in strands]
        self._active[voice] = True
        self._level[voice] = 0.0
        begun = _Notes._make(column[voice] for column in notes)
        self._body[voice] = begun.envelope(onset) * begun.gain(onset, shape)
        return [
            (int(row), hertz(note.pitch) * strand.ratio)
            for row, strand in zip(begun.rows, strands, strict=True)
        ]
