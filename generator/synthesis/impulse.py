"""The impulse response of a palette's room, recorded behind the filters that its music goes through."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from generator.score import BLOCK_FRAMES, CHANNELS, SAMPLE_RATE, ControlFrame, FloatArray
from generator.state import LAYERS
from generator.synthesis.palettes import BUSES, Palette
from generator.synthesis.synth import SynthGraph

IMPULSE_S = 8.0
"""Longer than any room: that with a T60 of 6.4 s has fallen by 65 dB after 7 s."""


def record_impulse(
    palette: Palette, articulation: float, seconds: float = IMPULSE_S
) -> npt.NDArray[np.float32]:
    """Send an impulse through the sound graph of a palette, in place of its instruments.

    It enters both sides of the bus *clear* with brightness 1, where the filters are as open as they get, and
    goes through filters and room, but not through the mastering chain, which follows loudness.

    Parameters
    ----------
    palette : Palette
        Its rooms.
    articulation : float
        0 is the longer of its rooms, 1 the shorter; between them they are mixed.
    seconds : float
        Length of the recording.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        The direct sound, which begins at frame 0, and the room's.

    Raises
    ------
    SoundError
        If pyo's server does not start.
    """
    shape = ControlFrame(
        level_db=0.0,
        breath_db=0.0,
        fade=1.0,
        brightness=1.0,
        articulation=articulation,
        density=0.0,
        layer_gains=(0.0,) * len(LAYERS),
    )
    silence = np.zeros((len(BUSES), CHANNELS, BLOCK_FRAMES), np.float32)
    impulse = silence.copy()
    impulse[BUSES.index("clear"), :, 0] = 1.0
    frames = round(seconds * SAMPLE_RATE)
    blocks: list[FloatArray] = []
    graph = SynthGraph(palette, (), {})
    try:
        # pyo's filters take their first sample for what has been there for ever.
        graph.process_buses(silence, shape, 0)
        for start in range(BLOCK_FRAMES, BLOCK_FRAMES + frames, BLOCK_FRAMES):
            blocks.append(graph.process_buses(silence if blocks else impulse, shape, start))
    finally:
        graph.close()
    return np.concatenate(blocks, axis=1)[:, :frames].T.astype(np.float32)
