"""One knob for pain distraction: energy 0 to 1 becomes tempo and texture."""

from __future__ import annotations

import math

from generator.state import MusicState

ENERGY_RANGE = (0.0, 1.0)


def energetic(energy: float) -> MusicState:
    """Return the music of that energy, 0 to 1: higher is faster, denser, brighter, fuller and louder.

    Tempo is ``40 + 80·A`` bpm and density, which is the chance of a note, rises with A; brightness likewise;
    two layers become seven, notes grow more detached, level rises from −6 to 0 dB. A convention of this
    project. Mode and register are left as `MusicState` has them: they are the listener's taste.
    """
    return MusicState(
        tempo_bpm=40 + 80 * energy,
        density=energy,
        brightness=energy,
        articulation=round(0.1 + 0.5 * energy, 9),
        layers=2 + math.floor(5 * energy + 0.5),
        level_db=-6.0 * (1 - energy),
    )
