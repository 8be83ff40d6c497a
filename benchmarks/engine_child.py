"""Render the richest state in a process of its own.

Usage: ``python -m benchmarks.engine_child PALETTE NATURE SECONDS``. Prints one JSON: a digest of the samples,
how many times faster than real time each five seconds were rendered, what a transform of a second of sound
costs in between, and resident memory at the beginning of every minute and at the end.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

import numpy as np

from benchmarks.resident_memory import own_mb, resident_mb
from generator.render import VirtualPlayer
from generator.score import BLOCK_FRAMES, BLOCKS_PER_STEP, SAMPLE_RATE
from generator.state import MusicState, Piece

STATE = MusicState(
    tempo_bpm=120.0,
    density=1.0,
    layers=8,
    brightness=1.0,
    articulation=0.5,
    breath_rate=6.0,
    breath_depth=1.0,
)
STEPS_A_SECOND = SAMPLE_RATE // (BLOCK_FRAMES * BLOCKS_PER_STEP)
STRETCH_S = 5
TRANSFORMS = 100


def transform_s() -> float:
    """Return the CPU seconds of some transforms of a second of sound by NumPy: how fast this machine is."""
    second = np.sin(np.arange(SAMPLE_RATE) * 0.05)
    began = time.process_time()
    for _ in range(TRANSFORMS):
        np.fft.rfft(second)
    return time.process_time() - began


def main(palette: str, nature: str, seconds: int) -> None:
    """Render and print the figures."""
    digest, resident, own, times_real, to_transform = hashlib.sha256(), [], [], [], []
    with VirtualPlayer(Piece(palette=palette, nature=nature, seed=11), sound=True) as player:
        for _ in range(5 * STEPS_A_SECOND):
            player.step(STATE)
        began = time.process_time()
        for second in range(seconds):
            for _ in range(STEPS_A_SECOND):
                digest.update(player.step(STATE).audio.tobytes())
            if second % STRETCH_S == STRETCH_S - 1:
                spent = time.process_time() - began
                times_real.append(STRETCH_S / spent)
                to_transform.append(spent / STRETCH_S / transform_s())
                began = time.process_time()
            if second % 60 == 0:
                resident.append(resident_mb())
                own.append(own_mb())
        resident.append(resident_mb())
        own.append(own_mb())
    print(
        json.dumps(
            {
                "sha256": digest.hexdigest(),
                "times_real": times_real,
                "to_transform": to_transform,
                "resident_mb": resident,
                "own_mb": own,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
