"""The form: phrases of four to six bars, a question and its answer, in sections A A' B A."""

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
"""Phrases to look back so as not to repeat them. They fill five minutes at any tempo."""

_TRIES = 30


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord and how many bars it lasts."""

    chord: Chord
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A phrase: where it is, what it is for, its chords.

    Attributes
    ----------
    number : int
        Counted from 0.
    theme : str
        Name of the motif it sings: ``A0``, ``B3`` …
    mode : Mode
        In force throughout.
    spans : tuple of Span
        The chords; one or two bars each.
    arrival : int
        Bar in which it comes to rest.
    linked : bool
        Whether the melody leads on into the next phrase; else its last bar is a breath.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BarPosition:
    """A bar of a phrase and its chord.

    Attributes
    ----------
    bar : int
        Number of the bar from 0.
    phrase : Phrase
        It belongs to.
    place : int
        Its place in the phrase, from 0.
    chord, following : Chord
        Of this bar and of the next one; the last chord of a phrase is followed by itself.
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
        """Return the bar that is at a place of its phrase."""
        span, past = phrase.place(place)
        following = phrase.place(min(place + 1, phrase.bars - 1))[0].chord
        return cls(
            bar=bar,
            phrase=phrase,
            place=place,
            chord=span.chord,
            following=following,
            past=past,
            left=span.bars - past,
        )


class PhraseHistory:
    """What a part did in the phrases of the last five minutes, so that none becomes another's double."""

    def __init__(self) -> None:
        self._now: list[Hashable] = []
        self._past: deque[list[Hashable]] = deque(maxlen=UNLIKE)

    def begin(self) -> None:
        """Begin a phrase."""
        if self._now:
            self._past.append(self._now)
        self._now = []

    def add(self, done: Iterable[Hashable]) -> None:
        """Remember what is done in this phrase."""
        self._now += done

    def knows(self, ahead: Iterable[Hashable]) -> bool:
        """Return whether an earlier phrase began as this one would with what is ahead."""
        whole = [*self._now, *ahead]
        return any(phrase[: len(whole)] == whole for phrase in self._past)


class Form:
    """Plans phrase after phrase. The same seed and requests give the same plan."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number = 0
        self._period = 0
        self._answering = False
        self._breathless = False
        self._answer = 4
        self._mode: Mode | None = None
        self._recent: deque[tuple[ChordSpan, ...]] = deque(maxlen=UNLIKE)

    def begin_anew(self) -> None:
        """Begin a new period with the next phrase, as after a silence."""
        if self._answering:
            self._period += 1
        self._answering = self._breathless = False

    def next(self, asked: Mode, density: float) -> Phrase:
        """Return the next phrase: its mode one rung nearer to what is asked, its chords as dense."""
        before, mode = self._mode, asked if self._mode is None else step_towards(self._mode, asked)
        turning = before is not None and mode is not before
        if turning:
            self._answering = False  # a new mode begins with a question, on the tonic
        rng = seeded_rng(self._seed, "form", self._number)
        bars = self._answer if self._answering else 4
        self._answer = pick(rng, (4, 4, 4, 5, 6))
        # One bar in eight at least is silent.
        linked = not (self._answering or self._breathless or self._answer == 6) and rng.random() < 0.7
        for attempt in range(_TRIES):
            spans = self._spans(mode, bars, density, attempt)
            if turning and before is not None:
                spans = (ChordSpan(pivot_chord(before, mode), spans[0].bars), *spans[1:])
            if spans not in self._recent:
                break
        self._recent.append(spans)
        section, quarter = divmod(self._period, PERIODS)
        phrase = Phrase(
            number=self._number,
            theme=f"B{section}" if quarter == 2 else f"A{section // 4}",
            mode=mode,
            spans=spans,
            arrival=4 if bars == 6 else 2,
            linked=linked,
        )
        self._mode, self._number, self._breathless = mode, self._number + 1, linked
        self._period += self._answering
        self._answering = not self._answering
        return phrase

    def _spans(self, mode: Mode, bars: int, density: float, attempt: int) -> tuple[ChordSpan, ...]:
        rng = seeded_rng(self._seed, "chords", self._number, attempt)
        says = chord_vocabulary(mode)

        if not self._answering:
            pairs = [pick(rng, says.openings), pick(rng, says.questions)]
        elif bars == 6:
            pairs = [pick(rng, says.openings), pick(rng, says.ways_home), pick(rng, says.homes)]
        else:
            pairs = [pick(rng, says.ways_home), pick(rng, says.homes)]
        # From density .5 on some pairs move by bars, each from a density of its own; from .9 on all do.
        spans: list[ChordSpan] = []
        for first, second in pairs:
            fast = density >= FAST_HARMONY + 0.4 * rng.random()
            spans += [ChordSpan(first, 1), ChordSpan(second, 1)] if fast else [ChordSpan(first, 2)]
        if bars == 5:  # home, and a bar more to breathe
            spans.append(ChordSpan(pairs[-1][1] if spans[-1].chord == pairs[-1][0] else pairs[-1][0], 1))
        return tuple(spans)
