"""The form: phrases of four to six bars, in pairs of question and answer, in sections A A' B A."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from generator.composition.harmony import Chord, chord_vocabulary, pivot_chord, step_towards
from generator.composition.notation import pick, seeded_rng
from generator.state import Mode

FAST_HARMONY = 0.5
"""Density from which chords may change every bar; below it they stay for two."""

PERIODS = 4
"""Periods of a section: A, A', B, A. Each section has a new B, every fourth a new A."""

UNLIKE = 48
"""How many phrases back a phrase may not repeat: at least five minutes at any tempo."""

_MAX_ATTEMPTS = 30

# Lengths of phrases in bars. A question has four; the answer has four, five (a bar of rest is added) or six
# (a third pair of chords is added).
_QUESTION_BARS, _EXTENDED_BARS, _LONG_BARS = 4, 5, 6
_ANSWER_BARS = (4, 4, 4, 5, 6)

_LINK_PROBABILITY = 0.7
"""How often a question leads into its answer without a rest."""

_CONTRAST_PERIOD = 2
"""Which of the `PERIODS` of a section, from 0, has the contrasting theme B."""


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord and how many bars it lasts."""

    chord: Chord
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A phrase: its number, its theme and its chords.

    Attributes
    ----------
    number : int
        Counted from 0.
    theme : str
        Name of its motif: ``A0``, ``B3`` …
    mode : Mode
        The mode throughout the phrase.
    spans : tuple of ChordSpan
        The chords, one or two bars each.
    arrival : int
        Bar in which the melody comes to rest.
    linked : bool
        Whether the melody leads into the next phrase; else its last bar is silent.
    """

    number: int
    theme: str
    mode: Mode
    spans: tuple[ChordSpan, ...]
    arrival: int
    linked: bool

    @property
    def bars(self) -> int:
        """Its length."""
        return sum(span.bars for span in self.spans)

    def place(self, bar: int) -> tuple[ChordSpan, int]:
        """Return the span of a bar, and how many bars of it are past."""
        for span in self.spans:
            if bar < span.bars:
                return span, bar
            bar -= span.bars
        raise ValueError("the bar lies beyond the phrase")


@dataclass(frozen=True, kw_only=True)
class BarPosition:
    """A bar of a phrase and its chord.

    Attributes
    ----------
    bar : int
        Number of the bar from 0.
    phrase : Phrase
        The phrase to which it belongs.
    place : int
        Which bar of the phrase it is, from 0.
    chord, following : Chord
        The chords of this bar and the next; the last chord of a phrase is followed by itself.
    past, left : int
        How many bars of the chord are past, and how many are left, this one included.
    """

    bar: int
    phrase: Phrase
    place: int
    chord: Chord
    following: Chord
    past: int
    left: int

    @classmethod
    def of(cls, bar: int, phrase: Phrase, place: int) -> BarPosition:
        """Return the position of a bar of a phrase."""
        span, past = phrase.place(place)
        return cls(
            bar=bar,
            phrase=phrase,
            place=place,
            chord=span.chord,
            following=phrase.place(min(place + 1, phrase.bars - 1))[0].chord,
            past=past,
            left=span.bars - past,
        )


class PhraseHistory:
    """What a part played in the phrases of the last five minutes, so that it does not repeat a phrase."""

    def __init__(self) -> None:
        self._now: list[Hashable] = []
        self._past: deque[list[Hashable]] = deque(maxlen=UNLIKE)

    def begin(self) -> None:
        """Begin a phrase."""
        if self._now:
            self._past.append(self._now)
        self._now = []

    def add(self, done: Iterable[Hashable]) -> None:
        """Add what is played in this phrase."""
        self._now += done

    def knows(self, ahead: Iterable[Hashable]) -> bool:
        """Return whether an earlier phrase began as this one would, with what is ahead added."""
        whole = [*self._now, *ahead]
        return any(phrase[: len(whole)] == whole for phrase in self._past)


class Form:
    """Plans phrase after phrase. The same seed and requests give the same plan."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number = 0
        self._period = 0
        self._answering = False
        self._was_linked = False
        self._answer = _QUESTION_BARS
        self._mode: Mode | None = None
        self._recent: deque[tuple[ChordSpan, ...]] = deque(maxlen=UNLIKE)

    def begin_anew(self) -> None:
        """Begin a new period with the next phrase, as after a silence."""
        if self._answering:
            self._period += 1
        self._answering = self._was_linked = False

    def next(self, asked: Mode, density: float) -> Phrase:
        """Return the next phrase: its mode one step nearer to the one asked for, its chords as dense."""
        before, mode = self._mode, asked if self._mode is None else step_towards(self._mode, asked)
        turning = before is not None and mode is not before
        if turning:
            self._answering = False  # a new mode begins with a question, on the tonic
        rng = seeded_rng(self._seed, "form", self._number)
        bars = self._answer if self._answering else _QUESTION_BARS
        self._answer = pick(rng, _ANSWER_BARS)
        # At least one bar in eight is silent.
        rests = self._answering or self._was_linked or self._answer == _LONG_BARS
        linked = not rests and rng.random() < _LINK_PROBABILITY
        for attempt in range(_MAX_ATTEMPTS):
            spans = self._spans(mode, bars, density, attempt)
            if turning and before is not None:
                spans = (ChordSpan(pivot_chord(before, mode), spans[0].bars), *spans[1:])
            if spans not in self._recent:
                break
        self._recent.append(spans)
        section, quarter = divmod(self._period, PERIODS)
        phrase = Phrase(
            number=self._number,
            theme=f"B{section}" if quarter == _CONTRAST_PERIOD else f"A{section // 4}",
            mode=mode,
            spans=spans,
            arrival=4 if bars == _LONG_BARS else 2,
            linked=linked,
        )
        self._mode, self._number, self._was_linked = mode, self._number + 1, linked
        self._period += self._answering
        self._answering = not self._answering
        return phrase

    def _spans(self, mode: Mode, bars: int, density: float, attempt: int) -> tuple[ChordSpan, ...]:
        rng = seeded_rng(self._seed, "chords", self._number, attempt)
        says = chord_vocabulary(mode)

        if not self._answering:
            pairs = [pick(rng, says.openings), pick(rng, says.questions)]
        elif bars == _LONG_BARS:
            pairs = [pick(rng, says.openings), pick(rng, says.ways_home), pick(rng, says.homes)]
        else:
            pairs = [pick(rng, says.ways_home), pick(rng, says.homes)]
        # From density .5 on some pairs change every bar, each from its own density on; from .9 on all do.
        spans: list[ChordSpan] = []
        for first, second in pairs:
            fast = density >= FAST_HARMONY + 0.4 * rng.random()
            spans += [ChordSpan(first, 1), ChordSpan(second, 1)] if fast else [ChordSpan(first, 2)]
        if bars == _EXTENDED_BARS:  # the tonic, and one more bar of rest
            spans.append(ChordSpan(pairs[-1][1] if spans[-1].chord == pairs[-1][0] else pairs[-1][0], 1))
        return tuple(spans)
