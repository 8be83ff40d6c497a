"""Measures of the notes of a piece: melody, harmony, form, repetition and touch.

All are computed from notes alone, so that what is composed, what people wrote and what other programs
generate are measured by the same code. `read_notes` reads the tables of ``biofeedback render --events``.
"""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations, groupby, pairwise
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.pattern_model import PatternModel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PASSING_LAYERS = ("arpeggio", "bells", "air")
"""Layers of notes too short to tell the chord, or to be heard as a dissonance under the melody."""

MELODY_NOTES, FEWEST_MELODY_NOTES = 150, 100
"""Return and gain grow with length: a melody is measured by its first notes, and not if it has too few."""

REPETITION_BARS = 72
"""Repetition grows with length: it is measured in as many bars as the pieces of people have (a median)."""

GRID = 4
LONGEST_WAIT = 32
"""Onsets are compared to a quarter of a beat; a wait of more than eight beats counts as eight."""

_ROUNDING = 1e-6
"""Beats by which an onset may lie before its bar line: tables round."""


@dataclass(frozen=True)
class Notes:
    """The notes of a piece in the order of their beats, one entry of each array for a note.

    Attributes
    ----------
    time_s, duration_s : array
        When a note begins and how long it lasts, in seconds.
    beat : array
        Its place in the score, in beats from the beginning.
    pitch, velocity : array
        MIDI numbers.
    layer : array of str
        The part it belongs to; the tune is ``melody``.
    beats_per_bar : float
        Length of a bar.
    """

    time_s: FloatArray
    duration_s: FloatArray
    beat: FloatArray
    pitch: IntArray
    velocity: IntArray
    layer: npt.NDArray[np.str_]
    beats_per_bar: float = 4.0

    def __len__(self) -> int:
        return len(self.beat)

    def select(self, chosen: npt.NDArray[np.bool_]) -> Notes:
        """Return some of the notes."""
        columns = [each.name for each in fields(self)[:-1]]
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})

    def first_bars(self, count: int) -> Notes:
        """Return the notes that begin in the first so many bars."""
        return self.select(self.bar < count)

    @property
    def bar(self) -> IntArray:
        """The bar in which each note begins, from 0."""
        return np.floor((self.beat + _ROUNDING) / self.beats_per_bar).astype(np.int64)

    @property
    def melody(self) -> Notes:
        """The notes of the tune."""
        return self.select(self.layer == "melody")

    @property
    def accompaniment(self) -> Notes:
        """All other notes."""
        return self.select(self.layer != "melody")

    @property
    def held(self) -> Notes:
        """The accompaniment without `PASSING_LAYERS`."""
        return self.select(~np.isin(self.layer, (*PASSING_LAYERS, "melody")))


Row = tuple[float, float, float, int, int, str]
"""A note: time_s, duration_s, beat, pitch, velocity, layer."""


def notes_of(rows: Sequence[Row], beats_per_bar: float = 4.0) -> Notes:
    """Return notes from rows in any order."""
    ordered = sorted(rows, key=lambda row: (row[2], row[3]))
    times, durations, beats, pitches, velocities, layers = zip(*ordered, strict=True) if rows else [()] * 6
    return Notes(
        time_s=np.array(times, float),
        duration_s=np.array(durations, float),
        beat=np.array(beats, float),
        pitch=np.array(pitches, np.int64),
        velocity=np.array(velocities, np.int64),
        layer=np.array(layers, np.str_),
        beats_per_bar=beats_per_bar,
    )


def read_notes(path: Path, beats_per_bar: float = 4.0) -> Notes:
    """Return the notes of an event table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows: list[Row] = [
            (
                float(row["time_s"]),
                float(row["duration_s"]),
                float(row["beat"]),
                int(row["pitch"]),
                int(row["velocity"]),
                row["layer"],
            )
            for row in csv.DictReader(file)
        ]
    return notes_of(rows, beats_per_bar)


# --- melody -----------------------------------------------------------------------------------------------

_MAJOR = np.array((0, 2, 4, 5, 7, 9, 11))
_STEP_OF = np.array([np.abs(_MAJOR - tone).argmin() for tone in range(12)])
"""Step of the major scale for each semitone; of a tone between two steps the lower."""

Move = tuple[int, int]
"""From one note to the next: steps of the scale, and sixteenths from onset to onset."""


def scale_steps(pitches: IntArray) -> IntArray:
    """Return pitches as steps, counted over octaves, of the major scale that has most of the notes."""
    share = np.bincount(pitches % 12, minlength=12)
    key = int(np.argmax([share[(_MAJOR + key) % 12].sum() for key in range(12)]))
    octaves, tones = np.divmod(pitches - key, 12)
    steps: IntArray = 7 * octaves + _STEP_OF[tones]
    return steps


def melody_moves(melody: Notes) -> list[Move]:
    """Return the moves of a melody: transposed within its scale, it has the same ones."""
    steps = np.diff(scale_steps(melody.pitch))
    waits = np.round(GRID * np.diff(melody.beat)).clip(max=LONGEST_WAIT).astype(int)
    return list(zip(steps.tolist(), waits.tolist(), strict=True))


def melody_return(moves: Sequence[Move], notes: int = 8) -> float:
    """Return the share of notes within a row of so many notes that comes again, on any step of the scale.

    A row counts where two of its places do not overlap; then all its places do.
    """
    places: dict[tuple[Move, ...], list[int]] = defaultdict(list)
    for start in range(len(moves) - notes + 2):
        places[tuple(moves[start : start + notes - 1])].append(start)
    returning = {
        start + i
        for starts in places.values()
        if starts[-1] - starts[0] >= notes
        for start in starts
        for i in range(notes)
    }
    return len(returning) / (len(moves) + 1)


def compression_gain(moves: Sequence[Move], shuffles: int = 12) -> float:
    """Return by what share the order of the moves makes them less surprising than shuffled ones.

    The listener knows nothing before the first note (`PatternModel`).
    """
    alphabet = len(set(moves))

    def surprise(row: Sequence[Move]) -> float:
        return fmean(PatternModel(alphabet).surprise_while_learning(row))

    rng = random.Random(0)
    by_chance = fmean(surprise(rng.sample(moves, len(moves))) for _ in range(shuffles))
    return 1.0 - surprise(moves) / by_chance


# --- harmony ----------------------------------------------------------------------------------------------


def rub_share(melody: Notes, held: Notes) -> float:
    """Return the share of the melody's time in which a note a semitone or minor ninth below it sounds.

    Further octaves below count too. Of several such notes the one that sounds longest counts.
    """
    begin, end = melody.time_s[:, None], (melody.time_s + melody.duration_s)[:, None]
    together = np.minimum(end, held.time_s + held.duration_s) - np.maximum(begin, held.time_s)
    above = melody.pitch[:, None] - held.pitch
    rubbing = np.where((above > 0) & (above % 12 == 1), together, 0.0)
    return float(rubbing.max(axis=1, initial=0.0).sum() / melody.duration_s.sum())


def beats_held(notes: Notes) -> FloatArray:
    """Return how long the notes last in beats, at the tempo at which the notes follow each other."""
    times, first = np.unique(notes.time_s, return_index=True)
    beats = np.maximum.accumulate(notes.beat[first])
    if times.size < 2 or beats[-1] == beats[0]:
        return notes.duration_s
    beats_per_s = (beats[-1] - beats[0]) / (times[-1] - times[0])
    ends = notes.time_s + notes.duration_s
    after_last = (ends - times[-1]).clip(min=0.0) * beats_per_s
    held: FloatArray = np.interp(ends, times, beats) + after_last - notes.beat
    return held


_TENOR = 48
"""C3: tones from here on tell whether a chord stays."""

_ONSET_BEATS = 0.3
"""A note that begins so soon after a bar line belongs to its first chord: chords may be rolled."""

_SAME_CHORD = 0.8
"""Cosine of the pitch-class profiles of two bars above which they hold one chord."""


def bar_roots(held: Notes) -> IntArray:
    """Return the pitch class on which the chord of each bar stands; −1 before the first.

    It is the lowest note as the bar begins. Where the tones above C3 stay the same and the bass goes to the
    third or fifth above, the chord is still the one before.
    """
    ends = held.beat + beats_held(held)
    upper = held.pitch >= _TENOR
    roots: list[int] = []
    profile: FloatArray = np.zeros(12)
    for bar in range(int(held.bar.max()) + 1):
        line = bar * held.beats_per_bar
        sounding = np.minimum(ends, line + held.beats_per_bar) - np.maximum(held.beat, line)
        weights = np.where(upper, sounding, 0.0).clip(min=0.0)
        before, profile = profile, np.bincount(held.pitch % 12, weights, minlength=12).astype(float)
        first = (held.beat <= line + _ONSET_BEATS) & (ends > line + _ONSET_BEATS)
        last = roots[-1] if roots else -1
        root = int(held.pitch[first].min() % 12) if first.any() else last
        alike = before @ profile >= _SAME_CHORD * np.linalg.norm(before) * np.linalg.norm(profile) > 0.0
        roots.append(last if last >= 0 and alike and (root - last) % 12 in {0, 3, 4, 7} else root)
    return np.array(roots)


def chord_phrases(roots: IntArray, bars: int = 4) -> list[tuple[int, ...]]:
    """Return the progression of each group of so many bars; a root that stays is written once."""
    groups = [roots[i : i + bars].tolist() for i in range(0, len(roots) - bars + 1, bars)]
    return [tuple(root for root, _ in groupby(group)) for group in groups]


# --- form -------------------------------------------------------------------------------------------------

PARTS = 8
FEWEST_BARS_OF_A_PART = 8


class FormShare(NamedTuple):
    """How much of the texture depends on the part of the piece, and how much would by chance."""

    share: float
    by_chance: float


def form_share(notes: Notes, shuffles: int = 20) -> FormShare:
    """Return the share of the bars' variance that lies between the eighths of the piece (η²).

    A bar is described by its mean pitch, its number of notes and its mean velocity, each in units of its own
    spread over the piece. Chance is the same with the bars shuffled. Bars without notes are left out. NaN if
    the piece has fewer than two parts of eight bars.
    """
    bars = int(notes.bar.max()) + 1
    parts = min(PARTS, bars // FEWEST_BARS_OF_A_PART)
    if parts < 2:
        return FormShare(np.nan, np.nan)
    count = np.bincount(notes.bar, minlength=bars)
    sums = [np.bincount(notes.bar, column, bars) for column in (notes.pitch, notes.velocity)]
    filled = count > 0
    texture = np.stack([sums[0][filled] / count[filled], sums[1][filled] / count[filled]], axis=1)
    # Silent bars have no pitch, but they have a number of notes: its mean and spread take them in.
    centred = np.column_stack([texture - texture.mean(axis=0), count[filled] - count.mean()])
    spread = np.append(texture.std(axis=0), count.std())
    scaled = centred / np.where(spread > 0.0, spread, 1.0)
    rng = np.random.default_rng(0)
    shuffled = [_between_parts(rng.permutation(scaled), parts) for _ in range(shuffles)]
    return FormShare(_between_parts(scaled, parts), fmean(shuffled))


def _between_parts(values: FloatArray, parts: int) -> float:
    centre = values.mean(axis=0)
    between = sum(
        len(part) * np.square(part.mean(axis=0) - centre).sum() for part in np.array_split(values, parts)
    )
    total = np.square(values - centre).sum()
    return float(between / total) if total > 0.0 else 0.0


def same_loudness(notes: Notes) -> Notes:
    """Return the notes with one velocity: what form is left without loudness."""
    return replace(notes, velocity=np.full_like(notes.velocity, 64))


def bars_returning(notes: Notes, bars: int = 4, alike: float = 0.6) -> float:
    """Return the share of bars in stretches of four bars that come again note for note, or nearly.

    Two bars are alike by the share of notes that both have (pitch, and place to a quarter of a beat) among
    all notes of the two; the four bars must be so to .6 on average.
    """
    bar = notes.bar
    contents: list[set[tuple[int, int]]] = [set() for _ in range(int(bar.max()) + 1)]
    places = np.round(GRID * (notes.beat - bar * notes.beats_per_bar)).astype(int)
    for index, place, pitch in zip(bar.tolist(), places.tolist(), notes.pitch.tolist(), strict=True):
        contents[index].add((place, pitch))
    returning: set[int] = set()
    for lag in range(bars, len(contents) - bars + 1):
        likeness = [_overlap(a, b) for a, b in zip(contents, contents[lag:], strict=False)]
        for start in range(len(likeness) - bars + 1):
            if fmean(likeness[start : start + bars]) >= alike:
                returning |= {start + i + shift for i in range(bars) for shift in (0, lag)}
    return len(returning) / len(contents)


def _overlap(a: set[tuple[int, int]], b: set[tuple[int, int]]) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0


# --- touch ------------------------------------------------------------------------------------------------

CHORD_S, TOGETHER_S = 0.06, 0.0005


class ChordTouch(NamedTuple):
    """How chords are struck: the share of those struck exactly together, and the mean spread."""

    together: float
    spread_ms: float


def chord_touch(times_s: FloatArray) -> ChordTouch:
    """Return how chords are struck: notes that begin within 60 ms of the first one. NaN without chords.

    Exactly together is within half a millisecond.
    """
    chords: list[list[float]] = []
    for time in np.sort(times_s).tolist():
        if chords and time - chords[-1][0] < CHORD_S:
            chords[-1].append(time)
        else:
            chords.append([time])
    spreads = np.array([chord[-1] - chord[0] for chord in chords if len(chord) > 1])
    if not spreads.size:
        return ChordTouch(np.nan, np.nan)
    return ChordTouch(float((spreads < TOGETHER_S).mean()), float(1000.0 * spreads.mean()))


# --- two tunes --------------------------------------------------------------------------------------------

HABIT_MOVES = 80
WIDEST_STEP = 7


class TuneDistances(NamedTuple):
    """How unlike different tunes are, and how unlike the two halves of one tune are."""

    between: float
    within: float


def tune_distances(tunes: Sequence[Sequence[Move]]) -> TuneDistances:
    """Return the mean distances of tunes, half against half; each half has up to eighty moves."""
    halves = []
    for moves in tunes:
        middle = min(len(moves), 2 * HABIT_MOVES) // 2
        halves.append((_habits(moves[:middle]), _habits(moves[middle : 2 * HABIT_MOVES])))
    between = [_distance(x, y) for a, b in combinations(halves, 2) for x in a for y in b]
    return TuneDistances(fmean(between), fmean(_distance(a, b) for a, b in halves))


def _habits(moves: Sequence[Move]) -> list[Counter[object]]:
    """Count pairs of steps, pairs of waits, steps, and waits; steps beyond an octave count as octaves."""
    steps = [max(-WIDEST_STEP, min(WIDEST_STEP, step)) for step, _ in moves]
    waits = [wait for _, wait in moves]
    return [Counter(pairwise(steps)), Counter(pairwise(waits)), Counter(steps), Counter(waits)]


def _distance(a: Sequence[Counter[object]], b: Sequence[Counter[object]]) -> float:
    return fmean(jensen_shannon(x, y) for x, y in zip(a, b, strict=True))


def jensen_shannon(a: Counter[object], b: Counter[object]) -> float:
    """Return the Jensen–Shannon divergence of two counts: 0 where they are alike, 1 with nothing shared."""
    keys = list(a | b)
    p, q = (np.array([counts[key] for key in keys]) / counts.total() for counts in (a, b))
    middle = (p + q) / 2.0
    halves = [(each[each > 0] * np.log2(each[each > 0] / middle[each > 0])).sum() for each in (p, q)]
    return float(np.mean(halves))


# --- a piece ----------------------------------------------------------------------------------------------


def measures(notes: Notes, tonic: int = 0) -> dict[str, float]:
    """Return the measures of a piece by name; what its notes do not suffice for is left out."""
    melody, accompaniment, held = notes.melody, notes.accompaniment, notes.held
    found: dict[str, float] = {}
    if len(melody) >= FEWEST_MELODY_NOTES:
        moves = melody_moves(melody.select(np.arange(len(melody)) < MELODY_NOTES))
        found |= {"melody_return": melody_return(moves), "compression_gain": compression_gain(moves)}
    if len(melody):
        found["melody_bars_returning"] = bars_returning(melody.first_bars(REPETITION_BARS))
        found["melody_velocity_sd"] = float(melody.velocity.std())
    if len(accompaniment):
        found["accompaniment_bars_returning"] = bars_returning(accompaniment.first_bars(REPETITION_BARS))
    if len(melody) and len(held):
        found["rub_share"] = rub_share(melody, held)
    if len(held):
        found |= harmony_measures(held, tonic)
    share, by_chance = form_share(notes)
    found |= {"form_share": share, "form_share_by_chance": by_chance}
    found["form_share_same_loudness"] = form_share(same_loudness(notes)).share
    found["chords_exactly_together"], found["chord_spread_ms"] = chord_touch(notes.time_s)
    return {name: value for name, value in found.items() if np.isfinite(value)}


def harmony_measures(held: Notes, tonic: int) -> dict[str, float]:
    """Return the share of bars on the tonic and the numbers of different progressions."""
    roots = bar_roots(held)
    phrases = chord_phrases(roots)
    found = {"tonic_bars": float((roots == tonic).mean()), "chord_phrases": float(len(set(phrases)))}
    if len(phrases) >= 16:
        found["chord_phrases_in_16"] = float(len(set(phrases[:16])))
    return found
