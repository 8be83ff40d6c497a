"""Which voice plays which note, and how loud it is through every block. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, ControlFrame, FloatArray, NoteEnd, NoteEvent
from generator.state import LAYERS
from generator.synthesis.palettes import Drone, Palette
from generator.synthesis.sample_set import SampledInstrument

IntArray = npt.NDArray[np.int64]

SWAY_PERIODS_S = (23.5, 25.9, 29.9)
"""Incommensurable, so that the slow movements of the voices do not repeat together."""

DRONE_ATTACK_S = 4.0
DRONE_RELEASE_S = 3.0
DRONE_DUCKING = 0.85
"""Share by which the drone's lowest tone is reduced while the bass plays."""

DRONE_VELOCITY = 48

LEAST_ATTACK = 0.6
"""Share of its attack that a note sounds at least."""

SOFT_VELOCITY, OCTAVE_OF_VELOCITY = 48, 64
"""A held note of this velocity rises as its palette says; one louder by the second rises twice as fast."""

INAUDIBLE = 4e-5
DIED_AWAY_NEPERS = 8.0
"""How far a sample that dies away is down at its end, 70 dB."""


def smooth(x: npt.ArrayLike) -> FloatArray:
    """Rise from 0 to 1 over 0 ≤ x ≤ 1 without a corner at either end."""
    x = np.minimum(np.maximum(x, 0.0), 1.0)  # np.clip takes five times as long on short arrays
    return np.asarray(x * x * (3.0 - 2.0 * x))


_PAD, _BASS = LAYERS.index("pad"), LAYERS.index("bass")


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a layer or a tone of the drone.

    Attributes
    ----------
    instrument : str
        What plays.
    gain : int
        Which of the gains of layers and drone is its own.
    sway : float
        Depth of its slow movement.
    pan : float
        Its place, −1 (left) to 1 (right).
    bus : str
        Its filter.
    """

    instrument: str
    gain: int
    sway: float
    pan: float
    bus: str


class StartedNote(NamedTuple):
    """A note that a voice begins.

    Attributes
    ----------
    voice : int
        The voice, silent up to then.
    offset : int
        Frame in the block at which it begins.
    pitch, velocity : int
        MIDI note number, transposed, and velocity.
    """

    voice: int
    offset: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """What the voices play in one block.

    Attributes
    ----------
    started : list of StartedNote
        Voices that begin a note.
    voices : ndarray of int, shape (n,)
        The voices that sound.
    before, after : ndarray, shape (n,)
        Their amplitudes at the beginning of the block, or where they begin in it, and at its end; between
        them they go in a straight line.
    """

    started: list[StartedNote]
    voices: IntArray
    before: FloatArray
    after: FloatArray


class _Notes(NamedTuple):
    """Constants of the voices that sound, one entry for each; times in frames."""

    voices: IntArray
    layer: IntArray
    onset: FloatArray
    attack: FloatArray
    release: FloatArray
    release_length: FloatArray
    length: FloatArray
    amplitude: FloatArray
    sway: FloatArray
    sway_rate: FloatArray
    sway_phase: FloatArray

    def envelope(self, frame: int) -> FloatArray:
        """Return the amplitudes at a frame: level and release, but not the attack."""
        released = smooth((frame - self.release) / self.release_length)
        return np.asarray(self.amplitude * (1.0 - released))

    def gain(self, frame: int, shape: ControlFrame) -> FloatArray:
        """Return the gains of their layers at a frame, with the slow movement."""
        swing = np.sin(self.sway_rate * frame + self.sway_phase)
        return np.asarray(_gains(shape)[self.layer] * (1.0 + self.sway * swing))


def _gains(shape: ControlFrame) -> FloatArray:
    """Gains of the layers, then of the drone's upper tones and of its lowest."""
    drone = shape.layer_gains[_PAD]
    ground = drone * (1.0 - DRONE_DUCKING * shape.layer_gains[_BASS])
    return np.array((*shape.layer_gains, drone, ground))


class VoiceBank:
    """The voices of all layers and their envelopes.

    A note given with one block begins in the next, at the same place, and ends there when its end is given.
    Meanwhile a voice is made free for it, if necessary by fading out the quietest. So every onset and every
    release is exact, `latency_frames` late, and stealing a voice does not click. The end of a note whose
    voice has been stolen has no effect. The polyphony of a layer is also the most notes that can begin in one
    block; more are left out.

    Parameters
    ----------
    palette : Palette
        The sound of each layer, and a drone or none.
    instruments : mapping of str to SampledInstrument
        All that the palette needs.
    """

    latency_frames = BLOCK_FRAMES

    def __init__(self, palette: Palette, instruments: Mapping[str, SampledInstrument]) -> None:
        self._sounds = palette.sounds
        self._instruments = instruments
        self._voices_of: dict[str, range] = {}
        voices: list[Voice] = []
        for layer, sound in palette.sounds.items():
            self._voices_of[layer] = range(len(voices), len(voices) + sound.voices)
            voices += [
                Voice(
                    sound.instrument,
                    LAYERS.index(layer),
                    sound.sway,
                    sound.pans[number % len(sound.pans)],
                    sound.bus,
                )
                for number in range(sound.voices)
            ]
        self._drone = drone = palette.drone
        self._drone_voices = range(len(voices), len(voices))
        if drone is not None:
            voices += [
                Voice(tone.instrument, len(LAYERS) + (tone.semitones <= 0), drone.sway, 0.0, "warm")
                for tone in drone.tones
            ]
            self._drone_voices = range(self._drone_voices.start, len(voices))
        self.voices = tuple(voices)
        count = len(voices)
        self._notes = _Notes(
            voices=np.arange(count),
            layer=np.array([voice.gain for voice in voices]),
            onset=np.zeros(count),
            attack=np.ones(count),
            release=np.zeros(count),
            release_length=np.ones(count),
            length=np.full(count, inf),
            amplitude=np.zeros(count),
            sway=np.array([voice.sway for voice in voices]),
            sway_rate=2 * np.pi / SAMPLE_RATE / np.array([SWAY_PERIODS_S[i % 3] for i in range(count)]),
            # The golden ratio spreads the phases evenly, however many voices there are.
            sway_phase=2 * np.pi * 0.618 * np.arange(count, dtype=np.float64),
        )
        self._drone_pitch: dict[int, int] = {}
        if drone is not None:
            self._shape_drone(drone)
        self._body = np.zeros(count)  # amplitude at the end of the last block, the attack apart
        self._level = np.zeros(count)  # and with it
        self._active = np.zeros(count, dtype=bool)
        self._reserved = np.zeros(count, dtype=bool)
        self._number = np.full(count, -1)  # of the note that each voice plays or played last
        self._next_voice = dict.fromkeys(LAYERS, 0)
        self._pending: list[tuple[NoteEvent, int]] = []
        self._pending_ends: tuple[NoteEnd, ...] = ()
        self._live = self._sounding()

    def step(self, block: Block) -> VoiceFrame:
        """Return what sounds in this block, and reserve voices for the notes that begin in the next."""
        end = block.start_frame + BLOCK_FRAMES
        started = [self._begin(note, voice, block) for note, voice in self._pending]
        for each in self._pending_ends:
            self._end(each)
        ending = bool(self._pending_ends)
        if self._drone is not None and block.shape.fade > 0.0:
            tones, left = self._follow_tonic(self._drone, block)
            started, ending = started + tones, ending or left
        if started or ending:
            self._live = self._sounding()
        self._pending, self._pending_ends = [], block.note_ends
        for note in block.notes:
            if (free := self._free_voice(note.layer, end)) is not None:
                self._reserved[free] = True
                self._pending.append((note, free))

        live, voices = self._live, self._live.voices
        envelope = live.envelope(end)
        body = envelope * live.gain(end, block.shape)
        level = body * smooth((end - live.onset) / live.attack)
        before = self._level[voices]
        over = self._reserved[voices] | (envelope < INAUDIBLE) | (end >= live.onset + live.length)
        self._reserved[:] = False
        self._body[voices], self._level[voices] = body, level
        if over.any():
            level = np.where(over, 0.0, level)
            self._active[voices[over]] = False
            self._live = self._sounding()
        return VoiceFrame(started, voices, before, level)

    def release_all(self) -> None:
        """Silence every voice at once; what follows the bank must be silent by then."""
        self._active[:] = False
        self._live = self._sounding()
        self._pending, self._pending_ends = [], ()

    def _sounding(self) -> _Notes:
        voices = np.flatnonzero(self._active)
        return _Notes._make(column[voices] for column in self._notes)

    def _free_voice(self, layer: str, frame: int) -> int | None:
        """Return a voice that can begin a note in the next block: an idle one, else the quietest."""
        voices = self._voices_of[layer]
        first = self._next_voice[layer]
        in_turn = [*voices[first:], *voices[:first]]
        open_ = [voice for voice in in_turn if not self._reserved[voice]]
        if not open_:
            return None
        idle = [voice for voice in open_ if not self._active[voice]]
        chosen = idle[0] if idle else min(open_, key=lambda voice: self._worth(voice, frame))
        self._next_voice[layer] = (voices.index(chosen) + 1) % len(voices)
        return int(chosen)

    def _worth(self, voice: int, frame: int) -> float:
        """Return about how loud a voice is: its sample may have died away meanwhile."""
        age = (frame - self._notes.onset[voice]) / self._notes.length[voice]
        return float(self._body[voice] * np.exp(-DIED_AWAY_NEPERS * age))

    def _begin(self, note: NoteEvent, voice: int, block: Block) -> StartedNote:
        """Set the voice's envelope."""
        sound = self._sounds[note.layer]
        pitch = note.pitch + sound.transpose
        attack_s, release_s = (
            legato * (detached / legato) ** block.shape.articulation if legato else 0.0
            for legato, detached in (sound.attack_s, sound.release_s)
        )
        notes = self._notes
        faster = 2.0 ** ((note.velocity - SOFT_VELOCITY) / OCTAVE_OF_VELOCITY)
        notes.attack[voice] = max(1.0, attack_s * SAMPLE_RATE / faster)
        notes.release[voice] = inf
        notes.release_length[voice] = release_s * SAMPLE_RATE
        notes.length[voice] = self._instruments[sound.instrument].length(pitch, note.velocity)
        notes.amplitude[voice] = 10 ** ((sound.level_db + sound.tilt_db * (pitch - 60) / 12) / 20)
        self._number[voice] = note.number
        onset = note.frame + self.latency_frames
        return self._enter(voice, onset, block, pitch, note.velocity)

    def _end(self, end: NoteEnd) -> None:
        """Let the voice of a note, if it still has one, begin its release where the note ends."""
        notes, voices = self._notes, self._number == end.note
        # A short note of a slow sound still rises: its release waits for most of the attack.
        risen = notes.onset[voices] + LEAST_ATTACK * notes.attack[voices]
        notes.release[voices] = np.maximum(end.frame + self.latency_frames, risen)

    def _enter(self, voice: int, onset: int, block: Block, pitch: int, velocity: int) -> StartedNote:
        """Begin a voice whose envelope is set at a frame."""
        notes = self._notes
        notes.onset[voice] = onset
        self._active[voice] = True
        begun = _Notes._make(column[voice : voice + 1] for column in notes)
        self._body[voice] = (begun.envelope(onset) * begun.gain(onset, block.shape))[0]
        # Without a rise of its own a note has its whole level from its first sample on.
        self._level[voice] = self._body[voice] if notes.attack[voice] <= 1.0 else 0.0
        return StartedNote(voice, onset - block.start_frame, pitch, velocity)

    def _shape_drone(self, drone: Drone) -> None:
        notes = self._notes
        for voice, tone in zip(self._drone_voices, drone.tones, strict=True):
            notes.attack[voice] = DRONE_ATTACK_S * SAMPLE_RATE
            notes.release_length[voice] = DRONE_RELEASE_S * SAMPLE_RATE
            notes.amplitude[voice] = 10 ** (tone.level_db / 20)

    def _follow_tonic(self, drone: Drone, block: Block) -> tuple[list[StartedNote], bool]:
        """Let tones of the drone begin that the tonic and the mode ask for, and others end.

        Return those that begin, and whether one begins to end. A tone moves to another tonic by ending and
        beginning anew.
        """
        notes, started, ending = self._notes, [], False
        pitches = drone.pitches(block.tonic, block.mode)
        for voice, pitch in zip(self._drone_voices, pitches, strict=True):
            if not self._active[voice] and pitch is not None:
                notes.release[voice] = inf
                self._drone_pitch[voice] = pitch
                started.append(self._enter(voice, block.start_frame, block, pitch, DRONE_VELOCITY))
            elif self._active[voice] and self._drone_pitch[voice] != pitch and notes.release[voice] == inf:
                notes.release[voice] = block.start_frame
                ending = True
        return started, ending
