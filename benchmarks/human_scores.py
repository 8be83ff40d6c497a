"""Scores with chords made by people, read from the corpus that the package music21 brings.

Piano and chamber music from Corelli to Beach, and Bach's chorales. The top line is taken for the tune, all
else for its accompaniment. Reading takes minutes, so the notes are kept in the user's cache folder; the
project keeps figures only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from benchmarks.note_measures import Notes, Row, notes_of

if TYPE_CHECKING:
    from music21.stream.base import Score, Stream

READING = 1
"""Raise it when scores are read in another way: what is in the cache is then read anew."""

CHORALES = 100
WORKS = (
    "beach/prayer_of_a_tired_child",
    "chopin/mazurka06-2",
    "corelli/opus3no1/1grave",
    "cpebach/h186",
    "handel/rinaldo/Lascia_chio_pianga",
    *(f"haydn/opus1no1/movement{i}" for i in range(1, 6)),
    *(f"haydn/opus74no1/movement{i}" for i in (2, 3)),
    "joplin/maple_leaf_rag",
    *(f"mozart/k80/movement{i}" for i in range(1, 5)),
    *(f"mozart/k155/movement{i}" for i in range(1, 4)),
    *(f"mozart/k156/movement{i}" for i in range(1, 5)),
    *(f"mozart/k458/movement{i}" for i in (2, 3)),
    "schubert/Lindenbaum",
    *(f"schumann_clara/polonaise_op1n{i}" for i in range(1, 5)),
    "schumann_clara/opus17/movement3",
    "schumann_robert/opus48no2",
)


@dataclass(frozen=True)
class HumanScore:
    """The notes of a score at 60 quarters a minute, and the pitch class of its tonic."""

    name: str
    tonic: int
    notes: Notes


def scores(kind: str) -> list[HumanScore]:
    """Return the ``works`` or the ``chorales``, from the cache if they were read before."""
    cache = user_cache_path("biofeedback-music") / f"scores-{READING}-{kind}.json"
    if not cache.exists():
        found = [entry for name, score in _scores(kind) if (entry := _entry(name, score))]
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(found), encoding="utf-8")
    return [
        HumanScore(each["name"], each["tonic"], notes_of(each["rows"], each["beats_per_bar"]))
        for each in json.loads(cache.read_text(encoding="utf-8"))
    ]


def _scores(kind: str) -> Iterator[tuple[str, Score]]:
    from music21 import corpus  # noqa: PLC0415 - takes seconds

    if kind == "chorales":
        for score, _ in zip(corpus.chorales.Iterator(), range(CHORALES), strict=False):
            yield str(score.metadata.title), score
    else:
        for name in WORKS:
            yield name, corpus.parse(name)


def _entry(name: str, score: Score) -> dict[str, Any] | None:
    """Return what is kept of a score; None if its metre changes, as its bars could not be compared."""
    parts = list(score.parts)
    metres = {each.ratioString for each in parts[0].recurse().getElementsByClass("TimeSignature")}
    if len(metres) != 1:
        return None
    length = float(parts[0].recurse().getElementsByClass("TimeSignature")[0].barDuration.quarterLength)
    top, *others = (_onsets(part) for part in parts)
    tune = {onset: max(notes, key=lambda note: note[0]) for onset, notes in top.items()}
    rest = [(onset, note) for onset, notes in top.items() for note in notes if note != tune[onset]]
    rest += [(onset, note) for part in others for onset, notes in part.items() for note in notes]
    shift = _upbeat(parts[0], length)
    rows = [
        _row(onset + shift, note, layer)
        for layer, found in (("melody", tune.items()), ("pad", rest))
        for onset, note in found
    ]
    return {
        "name": name,
        "tonic": score.analyze("key").tonic.pitchClass,
        "beats_per_bar": length,
        "rows": rows,
    }


def _onsets(part: Stream[Any]) -> dict[float, list[tuple[int, float]]]:
    """Return pitch and length of the notes of a part by their onset in quarters; grace notes left out."""
    found: dict[float, list[tuple[int, float]]] = {}
    for note in part.flatten().stripTies().notes:
        if note.pitches and not note.duration.isGrace:
            length = float(note.duration.quarterLength)
            at = found.setdefault(float(Fraction(note.offset)), [])
            at += [(pitch.midi, length) for pitch in note.pitches]
    return found


def _upbeat(part: Stream[Any], length: float) -> float:
    """Return how many quarters the first bar lacks."""
    bars = list(part.getElementsByClass("Measure"))
    return (length - float(bars[1].offset) % length) % length if len(bars) > 1 else 0.0


def _row(onset: float, note: tuple[int, float], layer: str) -> Row:
    pitch, length = note
    return (onset, length, onset, pitch, 64, layer)
