"""The records of a performance: notes and beats at exact samples, controls per block, what was heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000
BLOCK_FRAMES = 800
"""Frames of one block; three make a step of the engine (1/20 s)."""

BLOCKS_PER_STEP = 3
CHANNELS = 2

RESTART_FADE_S = 10.0
"""Fade-in after the synthesizer has been built anew."""

FloatArray = npt.NDArray[np.float64]
StereoBlock = npt.NDArray[np.float32]
"""Samples, shape (n, 2), within ±1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreEvent:
    """What begins at a sample, counted from the start of the performance."""

    frame: int

    @property
    def time_s(self) -> float:
        """Seconds from the start of the performance."""
        return self.frame / SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEvent(ScoreEvent):
    """A note as it sounds.

    Attributes
    ----------
    frame : int
        Sample at which it begins, counted from the start of the performance.
    duration_s : float
        Until its release begins.
    beat, bar : float, int
        Its place in the score, both counted from 0; `beat` from the beginning, not from the bar line.
    pitch : int
        MIDI note number.
    velocity : int
        1 to 127.
    layer : str
        One of ``generator.state.LAYERS``.
    """

    duration_s: float
    beat: float
    bar: int
    pitch: int
    velocity: int
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatEvent(ScoreEvent):
    """A beat of the music as it sounds: its number from 0, its bar, its sample, the tempo from here on."""

    beat: int
    bar: int
    tempo_bpm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFrame:
    """Where the continuous controls stand at the end of a block; the sound glides there linearly.

    Attributes
    ----------
    level_db : float
        Commanded level after its slew limit, relative to the reference loudness.
    breath_db : float
        The breath envelope at this moment, ± 2 dB at full depth.
    fade : float
        Linear amplitude 0 to 1 of fade-in, end fade, silence and restart ramps together.
    brightness, articulation, density : float
        0 to 1, smoothed.
    layer_gains : tuple of float
        One per layer, 0 to 1: layers enter and leave by gliding.
    """

    level_db: float
    breath_db: float
    fade: float
    brightness: float
    articulation: float
    density: float
    layer_gains: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of the performance: what begins in it and where the controls stand at its end."""

    start_frame: int
    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]
    shape: ControlFrame


class AudibleMusic(NamedTuple):
    """What a listener heard in a step (three blocks).

    Attributes
    ----------
    tempo_bpm, density, brightness : float
        As in ``MusicState``, as they sound.
    level_db : float
        Relative to the reference loudness, fades and master volume included.
    novelty : float
        0 to 1: how large a change began (first sound, mode, layers, tempo).
    breath_rate, breath_depth : float
        Swells per minute, and their depth.
    """

    tempo_bpm: float
    density: float
    level_db: float
    brightness: float
    novelty: float
    breath_rate: float
    breath_depth: float
