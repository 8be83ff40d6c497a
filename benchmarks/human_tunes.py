"""Tunes made by people, read from the corpus of scores that the package music21 brings.

Reading takes minutes, so the tunes are kept in the user's cache folder; the project keeps figures only.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from music21.abcFormat import ABCHandler
    from music21.stream.base import Score, Stream

FEWEST_NOTES = 41
"""Forty moves: what the habits of a tune are measured on at least."""

READING = 1
"""Raise it when tunes are read in another way: what is in the cache is then read anew."""

TRAINING_SONGS = 1000
SIZES = {"folk": TRAINING_SONGS + 300, "dance": 300, "chorale": 200, "vocal": 150}
"""Kinds of tunes and how many of each are read. The first folk songs teach; the others are measured."""


@dataclass(frozen=True)
class Tune:
    """A melody: when its notes begin, in quarter notes, and their pitches (MIDI)."""

    onsets: tuple[float, ...]
    pitches: tuple[int, ...]


def tunes(kind: str) -> list[Tune]:
    """Return the tunes of a kind, from the cache if they were read before."""
    cache = user_cache_path("biofeedback-music") / f"tunes-{READING}-{kind}.json"
    if not cache.exists():
        found = [(tune.onsets, tune.pitches) for tune in _read(kind)]
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(found), encoding="utf-8")
    return [Tune(tuple(o), tuple(p)) for o, p in json.loads(cache.read_text(encoding="utf-8"))]


def training_songs() -> list[Tune]:
    """Return the folk songs that the model of intervals learns from."""
    return tunes("folk")[:TRAINING_SONGS]


def measured_tunes(kind: str) -> list[Tune]:
    """Return the tunes of a kind that figures are taken from; no song that taught the model is among them."""
    return tunes(kind)[TRAINING_SONGS if kind == "folk" else 0 :]


def _read(kind: str) -> list[Tune]:
    """Read the tunes of a kind, each once, in an order drawn by lot."""
    found: dict[tuple[int, ...], Tune] = {}
    for stream in _streams(kind):
        tune = _tune(stream)
        moves = tuple(b - a for a, b in zip(tune.pitches, tune.pitches[1:], strict=False))
        if len(moves) >= FEWEST_NOTES - 1:
            found.setdefault(moves[: FEWEST_NOTES - 1], tune)
        if len(found) == SIZES[kind]:
            break
    return list(found.values())


def _streams(kind: str) -> Iterator[Stream[Any]]:
    """Yield the melodies of a kind: the only part, or the top one."""
    from music21 import corpus  # noqa: PLC0415 - takes seconds

    if kind == "folk":
        yield from _abc_scores(corpus.getComposer("essenFolksong"))
    elif kind == "dance":
        yield from _abc_scores([*corpus.getComposer("ryansMammoth"), *corpus.getComposer("oneills1850")])
    elif kind == "chorale":
        yield from (score.parts[0] for score in corpus.chorales.Iterator())
    else:
        works = [*corpus.getComposer("palestrina"), *corpus.getComposer("monteverdi")]
        scores = sorted(work for work in works if work.suffix in {".krn", ".mxl"})
        for work in random.Random(0).sample(scores, len(scores)):
            yield corpus.parse(work).parts[0]


def _abc_scores(files: Iterable[Path]) -> Iterator[Score]:
    """Yield all tunes of some files in ABC notation, shuffled."""
    from music21.abcFormat import translate  # noqa: PLC0415 - takes seconds

    songs = [song for file in sorted(files) if file.suffix == ".abc" for song in _songs(file)]
    for song in random.Random(0).sample(songs, len(songs)):
        yield translate.abcToStreamScore(song)


def _songs(file: Path) -> list[ABCHandler]:
    from music21.abcFormat import ABCFile  # noqa: PLC0415 - takes seconds

    book = ABCFile()
    book.open(file)
    handler = book.read()
    book.close()
    return list(handler.splitByReferenceNumber().values())


def _tune(part: Stream[Any]) -> Tune:
    """Return the notes of a part: ties joined, of a chord the top note, grace notes left out."""
    onsets: list[float] = []
    pitches: list[int] = []
    for note in part.flatten().stripTies().notes:
        if not note.pitches or note.duration.isGrace:
            continue
        pitch = max(each.midi for each in note.pitches)
        onset = float(Fraction(note.offset))
        if onsets and onset == onsets[-1]:
            pitches[-1] = max(pitch, pitches[-1])
        else:
            onsets.append(onset)
            pitches.append(pitch)
    return Tune(tuple(onsets), tuple(pitches))
