"""The layers of a performance rendered apart, before anything levels or limits them; they add up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block
from generator.state import LAYERS, MusicState, Piece
from generator.synthesis.palette_resolution import load_samples, resolve_palette
from generator.synthesis.sample_set import SampledInstrument
from generator.synthesis.synth import SynthGraph
from generator.synthesis.voices import VoiceBank

FloatArray = npt.NDArray[np.float64]


def performed(state: MusicState, piece: Piece, seconds: float) -> list[Block]:
    """Return the blocks of so many seconds of a state."""
    performance = Performance(piece, fade_in_s=1.0)
    return [performance.block(state) for _ in range(round(seconds * SAMPLE_RATE / BLOCK_FRAMES))]


def stem(blocks: Sequence[Block], piece: Piece, layers: Collection[str]) -> FloatArray:
    """Return what some of the layers sound like, shape (n, 2); a note stands at its frame.

    A drone belongs to the pad; the gain of the bass is left as it is, for the drone makes room for it.
    """
    resolved = resolve_palette(piece.palette)
    palette, samples = resolved.palette, load_samples(resolved).sets
    instruments = {name: SampledInstrument(each) for name, each in samples.items()}
    bank = VoiceBank(palette, instruments)
    kept = {*layers, "bass"}
    sound = []
    with closing(SynthGraph(palette, bank.voices, instruments)) as graph:
        for block in blocks:
            gains = zip(LAYERS, block.shape.layer_gains, strict=True)
            shape = replace(
                block.shape, layer_gains=tuple(gain if layer in kept else 0.0 for layer, gain in gains)
            )
            notes = tuple(note for note in block.notes if note.layer in layers)
            control = bank.step(replace(block, notes=notes, shape=shape))
            sound.append(graph.process(control, shape, block.start_frame))
    return np.concatenate(sound, axis=1).T[VoiceBank.latency_frames :]
