"""Motifs, and the plan of a phrase made from one: which eighths sound, in which order of importance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from generator.composition.form import Phrase
from generator.composition.notation import pick, seeded_rng

EIGHTHS = 8
MOST_IN_BAR = 7
FIRST, SLOPE = 0.34, 3.4
"""At density 0 a phrase has two notes, its first and the one on which it rests; at 1, about sixteen."""

LATE_ARRIVAL_PROBABILITY = 0.5
"""How often a phrase that leads into the next comes to rest on the bar line instead of before it."""

# Eighths of the bar by importance: the first n of a row are the rhythm of a bar of n notes, so that a motif
# keeps its rhythm at any density.
_ONSET_ORDERS = (
    (0, 3, 4, 6, 2, 7, 5, 1),
    (0, 4, 6, 3, 2, 7, 5, 1),
    (2, 4, 6, 0, 7, 3, 5, 1),
    (0, 2, 4, 6, 7, 3, 5, 1),
    (0, 3, 6, 4, 2, 7, 5, 1),
    (0, 4, 2, 7, 6, 5, 3, 1),
    (1, 4, 2, 6, 0, 7, 3, 5),
)
# Steps of the scale from each note to the next; a bar of n notes uses the first n - 1 of them.
_INTERVALS = (
    (2, -1, -1, -1, 2, -1, -1),
    (1, 1, 2, -1, -1, -1, -1),
    (-1, -1, 2, 1, -1, -1, -1),
    (2, 1, -1, -1, -1, -1, 1),
    (-1, 1, 1, 1, -1, -2, 1),
    (1, -2, -1, 2, 1, -1, -1),
    (-1, 2, -1, -1, -1, 2, -1),
    (1, -1, -1, 2, -1, -1, 1),
    (3, -1, -1, 1, -1, -1, 1),
    (-2, 1, 1, 1, -2, 1, 1),
)
_ARCHES = (
    (0, 2, 3, 1, 0),
    (2, 0, 1, -1, -2),
    (-1, 2, 1, 0, 1),
    (-2, 0, 2, 1, 0),
    (1, -1, 1, 2, 0),
    (0, -2, 0, 1, -1),
    (3, 1, 2, 0, 1),
)
"""Height of each bar of a phrase above the middle of the line, in steps of the scale."""


class Variation(Enum):
    """How a bar varies the motif: not, upside down, upside down after its first step, a beat later."""

    PLAIN = auto()
    INVERTED = auto()
    TURNED = auto()
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Motif:
    """A rhythm (the eighths of a bar by importance) and intervals (steps of the scale from note to note)."""

    onset_order: tuple[int, ...]
    intervals: tuple[int, ...]

    def varied(self, variation: Variation) -> Motif:
        """Return the motif in a variation."""
        match variation:
            case Variation.PLAIN:
                return self
            case Variation.INVERTED:
                return Motif(self.onset_order, tuple(-step for step in self.intervals))
            case Variation.TURNED:
                return Motif(self.onset_order, (self.intervals[0], *(-step for step in self.intervals[1:])))
            case Variation.LATER:
                return Motif(tuple((at + 2) % EIGHTHS for at in self.onset_order), self.intervals)


def theme_motif(seed: int, theme: str) -> Motif:
    """Return the motif of a theme: one of the rhythms with one of the rows of intervals."""
    rng = seeded_rng(seed, "motif", theme)
    return Motif(pick(rng, _ONSET_ORDERS), pick(rng, _INTERVALS))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhrasePlan:
    """The melody of a phrase before it has pitches.

    Attributes
    ----------
    bars : tuple of Motif
        The variation of the motif in each bar up to the arrival.
    rises : tuple of int
        Height of each bar above the middle of the line, in steps of the scale.
    arrival : tuple of (int, int)
        Bar and eighth of the note on which the melody comes to rest.
    notes : tuple of (float, int, int)
        Every possible note: the density from which it sounds, its bar and its eighth.
    """

    bars: tuple[Motif, ...]
    rises: tuple[int, ...]
    arrival: tuple[int, int]
    notes: tuple[tuple[float, int, int], ...]

    def rhythm(self, density: float) -> list[tuple[int, int]]:
        """Return bar and eighth of the notes that sound at a density, in order of time."""
        return [(bar, at) for needed, bar, at in self.notes if needed <= density]


def phrase_plan(seed: int, phrase: Phrase) -> PhrasePlan:
    """Return the plan of a phrase: the motif is stated, then varied, then the melody comes to rest."""
    rng = seeded_rng(seed, "gesture", phrase.number)
    theme = theme_motif(seed, phrase.theme)
    late = phrase.linked and rng.random() < LATE_ARRIVAL_PROBABILITY
    arrival = (phrase.arrival + 1, 0) if late else (phrase.arrival, pick(rng, (0, 2, 4, 4)))
    variations = [Variation.PLAIN] + [pick(rng, tuple(Variation)) for _ in range(arrival[0])]
    bars = tuple(theme.varied(variation) for variation in variations)
    keys: dict[tuple[int, int], float] = {}
    for bar, varied in enumerate(bars[: arrival[0]]):
        later = 0.0 if bar == 0 else 1.1 if bar % 2 else 0.8
        keys |= {(bar, at): 0.7 * rank + later for rank, at in enumerate(varied.onset_order[:MOST_IN_BAR])}
    before_rest = (at for at in bars[-1].onset_order if at < arrival[1])
    keys |= {(arrival[0], at): 0.7 * rank + 1.6 for rank, at in enumerate(before_rest)}
    keys[arrival] = 0.2
    if phrase.linked and not late:  # a pickup leads on
        keys |= {(phrase.bars - 1, at): 0.7 * rank + 1.9 for rank, at in enumerate((6, 7, 4, 5))}
    return PhrasePlan(
        bars=bars,
        rises=pick(rng, _ARCHES),
        arrival=arrival,
        notes=tuple(((key - FIRST) / SLOPE, bar, at) for (bar, at), key in sorted(keys.items())),
    )
