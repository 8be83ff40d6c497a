"""Start the sound in a process of its own, as the audio process does: imports, synthesizer, first sound.

Usage: ``python -m benchmarks.cold_start PALETTE``. The samples must be in the cache. Prints one JSON.
"""

from __future__ import annotations

import time

BEGAN_S, BEGAN_CPU_S = time.perf_counter(), time.process_time()

import json
import sys

from generator.performance.performance import Performance
from generator.state import MusicState, Piece
from generator.synthesis.synth import Synth

LONGEST_BLOCKS = 600


def main(palette: str) -> None:
    """Render until something sounds and print how long that took."""
    piece = Piece(palette=palette)
    performance, synth = Performance(piece, fade_in_s=1.0), Synth(piece)
    state = MusicState(layers=8, density=1.0)
    sounded = any(synth.render(performance.block(state)).any() for _ in range(LONGEST_BLOCKS))
    spent = {
        "sounded": sounded,
        "wall_s": time.perf_counter() - BEGAN_S,
        "cpu_s": time.process_time() - BEGAN_CPU_S,
    }
    synth.close()
    print(json.dumps(spent))


if __name__ == "__main__":
    main(sys.argv[1])
