"""Rendering for the benchmarks: states in, samples and events out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.render import VirtualPlayer
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, BeatEvent, NoteEnd, NoteEvent, with_ends
from generator.state import MusicState, Piece

BLOCK_S = BLOCK_FRAMES / SAMPLE_RATE
StateAt = Callable[[float], MusicState]


@dataclass(frozen=True)
class Rendered:
    """Sound, shape (n, 2), with its notes and beats: a note's frame is its place in the sound."""

    audio: npt.NDArray[np.float32]
    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]


def blocks(player: VirtualPlayer, state_at: StateAt, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the sound of a player block by block."""
    for block in range(round(seconds / BLOCK_S)):
        audio = player.play([state_at((block + 1) * BLOCK_S)]).audio
        if audio is not None:
            yield audio


def rendering_percent(state: MusicState, seconds: float = 10.0) -> float:
    """Return per cent of a core that rendering a state takes where nothing plays it.

    What composing, live sound and live sessions cost is compared with it in the same run: how fast a machine
    is differs by the hour.
    """
    with VirtualPlayer(Piece(), sound=True, fade_in_s=1.0) as player:
        for _ in blocks(player, lambda _: state, 2.0):
            pass  # the first blocks build what the others use
        began = time.process_time()
        frames = sum(len(block) for block in blocks(player, lambda _: state, seconds))
        return 100.0 * (time.process_time() - began) * SAMPLE_RATE / frames


def render(state: MusicState | StateAt, piece: Piece, seconds: float, *, fade_in_s: float = 1.0) -> Rendered:
    """Render a state, or states over time."""
    state_at: StateAt = (lambda _t: state) if isinstance(state, MusicState) else state
    audio, notes, beats = [], [], []
    note_ends: list[NoteEnd] = []
    with VirtualPlayer(piece, sound=True, fade_in_s=fade_in_s) as player:
        latency = player.latency_frames
        for block in range(round(seconds / BLOCK_S) + -(-latency // BLOCK_FRAMES)):
            sounded = player.play([state_at((block + 1) * BLOCK_S)])
            audio.append(sounded.audio)
            notes += sounded.notes
            note_ends += sounded.note_ends
            beats += sounded.beats
    return Rendered(np.concatenate(audio)[latency:], tuple(with_ends(notes, note_ends)), tuple(beats))
