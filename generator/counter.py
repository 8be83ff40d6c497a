"""The second voice: a quiet line below the melody, which answers with its motif where the melody rests."""

from __future__ import annotations

from generator.ground import Ground, part
from generator.motif import motif
from generator.notation import ScoreNote
from generator.state import BEATS_PER_BAR, MusicState

LOWEST, HIGHEST = 52, 66
ABOVE_BASS = 7
UNDER_MELODY = 3


class Second:
    """Writes the second voice bar by bar, each note near the one before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pitch = 60
        self._above: tuple[float, int] | None = None  # until when the melody's last note sounds, its pitch

    def bar(self, ground: Ground, melody: list[ScoreNote], state: MusicState) -> list[ScoreNote]:
        """Return the second voice of a bar whose melody is known; none where it finds no room."""
        start = float(BEATS_PER_BAR * ground.bar)
        above = [note.pitch for note in melody]
        if self._above is not None and self._above[0] > start:
            above.append(self._above[1])
        if melody:
            self._above = (start + melody[-1].offset + melody[-1].duration, melody[-1].pitch)
        ceiling = min([HIGHEST + UNDER_MELODY, *above]) - UNDER_MELODY
        floor = max([LOWEST, *(pitch + ABOVE_BASS for _, pitch in ground.low.moves)])
        if ground.low.last is not None:
            floor = max(floor, ground.low.last + ABOVE_BASS)
        guides = (ground.chord.degrees[1], ground.chord.degrees[-1], *ground.chord.degrees)
        room = ground.scale.pitches(guides, floor, ceiling)
        if not room:
            return []
        answer = motif(self._seed, ground.phrase.theme).figure if ground.breathing else (0, -1, 1)
        offsets = _rhythm(ground, state.density)
        line = []
        for i, offset in enumerate(offsets):
            until = offsets[i + 1] if i + 1 < len(offsets) else float(BEATS_PER_BAR)
            goal = self._pitch + (2 * answer[i - 1] if i else 0)
            self._pitch = min(room, key=lambda pitch: (abs(pitch - goal) + 2 * (pitch == self._pitch), pitch))
            line.append((offset, until - offset, self._pitch))
        return part(
            "counter", line, 38 + round(8 * state.density + 4 * ground.swell), 0.8 * state.articulation
        )


def _rhythm(ground: Ground, density: float) -> tuple[float, ...]:
    """Return where its notes begin: between the melody's at first, on the beats where it answers."""
    if ground.breathing:
        return (0.0, 1.0, 2.0) if density >= 0.6 else (0.0, 2.0) if density >= 0.2 else (1.0,)
    if density >= 0.7:
        return (1.0, 2.5)
    return (1.0,) if ground.place % 2 == 0 or density >= 0.35 else (0.0,)
