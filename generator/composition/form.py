"""The phrases of a piece: questions and answers, each with a theme, its chords and its close.

Which themes come is the plan of the sections; how they return is decided here: as they were, ornamented,
upside down, higher, slower, with a new second bar, and mostly over other chords.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generator.composition.harmonisation import Harmoniser, PhraseEnding, Slot, SlotTone, can_tell
from generator.composition.harmony import (
    Chord,
    Scale,
    chord_vocabulary,
    pivot_chord,
    related_pivot,
    step_towards,
)
from generator.composition.notation import SectionKind, pick, seeded_rng
from generator.composition.sections import PlannedSection, SectionPlan, related_tonic
from generator.composition.themes import (
    EIGHTHS,
    STRONG,
    LineTone,
    Style,
    Theme,
    Variation,
    strength,
    theme,
    varied,
)
from generator.state import Metre, Mode, MusicState, Piece

FAST_HARMONY = 0.5
"""Density from which chords may change every bar; below it they stay for two."""

THEMES = (3, 4, 4)
"""How many themes a piece has."""

SLOW_HARMONY = 0.1
"""Density below which a question stays on its first chord."""

LONGEST_BEATS = 6.0

# Lengths of phrases in bars. A question has four; the answer has four, five (a bar of rest is added) or six
# (two bars of the question come first).
_QUESTION_BARS, _EXTENDED_BARS, _LONG_BARS = 4, 5, 6
_ANSWER_BARS = (4, 4, 6)
_REST_PROBABILITY = 0.25
"""How often a bar of rest follows an answer of four bars."""

_ARRIVAL_BAR = 2

_LINK_PROBABILITY = 0.6
"""How often a theme's question leads into its answer without a rest."""

_PICKUP_NEEDS = (0.3, 0.62)
_FRESH_AT_REST = 0.15
"""How much chords heard lately are avoided at density 0; denser music avoids them more."""

_DECEPTIVE_PROBABILITY = 0.3
_SAME_HEIGHT = 2
"""Steps by which the register must ask for another height before a period begun moves there."""

_EASY_JOIN, _JOIN = 2, 0.5
"""Steps between two phrases that need no care; cost of each step more, in steps from the register."""

_MISSING = 4.0
"""Cost of a degree that was not heard for long, in the same steps; half where a chord can have it instead."""

_OTHER_HEIGHT_PROBABILITY = 0.32
"""How often a theme returns on other steps of the scale."""

# How themes return, by section; the commonest first.
_RETURNS = {
    SectionKind.STATEMENT: (Variation.PLAIN, Variation.ORNAMENTED, Variation.TURNED, Variation.HIGHER),
    SectionKind.CONTRAST: (Variation.HIGHER, Variation.INVERTED, Variation.TURNED, Variation.PLAIN),
    SectionKind.THINNING: (Variation.AUGMENTED, Variation.PLAIN, Variation.INVERTED),
    SectionKind.RETURN: (Variation.PLAIN, Variation.ORNAMENTED, Variation.PLAIN, Variation.TURNED),
    SectionKind.CLOSE: (Variation.PLAIN, Variation.AUGMENTED, Variation.TURNED),
}


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
        Name of its theme.
    answering : bool
        Whether it is an answer.
    mode : Mode
        The mode throughout the phrase.
    tonic : int
        Pitch class of the tonic.
    spans : tuple of ChordSpan
        The chords, one or two bars each.
    line : tuple of LineTone
        The tune, in steps of the scale; `shift` steps higher it lies where the register asks for it.
    shift : int
        Steps from the tune as written to the tune as sung.
    arrival : int
        Bar in which the melody comes to rest.
    linked : bool
        Whether the melody leads into the next phrase; else its last bar is silent.
    metre : Metre
        The metre.
    section : PlannedSection
        The section to which it belongs.
    """

    number: int
    theme: str
    answering: bool
    mode: Mode
    tonic: int
    spans: tuple[ChordSpan, ...]
    line: tuple[LineTone, ...]
    shift: int
    arrival: int
    linked: bool
    metre: Metre
    section: PlannedSection

    @property
    def bars(self) -> int:
        """Its length."""
        return sum(span.bars for span in self.spans)

    @property
    def scale(self) -> Scale:
        """Its scale."""
        return Scale(self.tonic, self.mode)

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

    @property
    def beats(self) -> float:
        """Length of the bar in beats."""
        return self.phrase.metre.bar

    @property
    def chord_beats(self) -> float:
        """How many beats of the chord are left from this bar line on."""
        return self.phrase.metre.bar * self.left


def melody_centre(register: float) -> float:
    """Return the central pitch of the melody: F4 at register 0, A5 at 1."""
    return 65.0 + 16.0 * register


class Form:
    """Plans phrase after phrase. The same piece and requests give the same plan."""

    def __init__(self, piece: Piece) -> None:
        self._seed = piece.seed
        self._piece = piece
        self._metre = piece.bar_metre
        rng = seeded_rng(piece.seed, "themes")
        style = Style.of(piece.seed, self._metre)
        self._themes = tuple(
            theme(piece.seed, name, style, self._metre) for name in "ABCD"[: pick(rng, THEMES)]
        )
        self._harmoniser = Harmoniser(piece.seed)
        self.sections = SectionPlan(piece.seed, piece.form)
        self._number = 0
        self._answering = False
        self._was_linked = False
        self._answer_bars = _QUESTION_BARS
        self._mode: Mode | None = None
        self._tonic = piece.tonic
        self._played: Counter[str] = Counter()
        self._variation = Variation.PLAIN
        self._other_height = 0
        self._anew = True
        self._question_shift = 0
        self._before = ""
        self._last_tone = Scale(piece.tonic, Mode.IONIAN).nearest(melody_centre(0.5))

    def begin_anew(self) -> None:
        """Begin a new period with the next phrase, as after a silence."""
        self._answering = self._was_linked = False
        self._anew = True

    def next(self, asked: Mode, state: MusicState) -> Phrase:
        """Return the next phrase: its mode one step nearer to the one asked for, its chords as dense."""
        before, mode = self._mode, asked if self._mode is None else step_towards(self._mode, asked)
        turning = before is not None and mode is not before
        if turning:
            self._answering = False  # a new mode begins with a question
        if not self._answering:
            self.sections.begin_period()
        section = self.sections.section
        tune = self._themes[section.theme(self.sections.period, len(self._themes))]
        bars = self._answer_bars if self._answering else _QUESTION_BARS
        linked = not self._answering and self._plan_answer(tune)
        line = self._line(tune, section, bars, linked=linked)
        first = self._first_chord(before if turning else None, mode, section)
        shift = self._period_shift(tune, line, state, mode)
        spans = self._spans(bars, state.density)
        slots = _slots(line, spans, shift, self._metre, state.density)
        close = self._close()
        fresh = min(1.0, _FRESH_AT_REST + 1.2 * state.density)
        key = f"{tune.name}/{self._answering}"
        chords = self._harmoniser.chords(slots, mode, key=key, close=close, first=first, fresh=fresh)
        phrase = Phrase(
            number=self._number,
            theme=tune.name,
            answering=self._answering,
            mode=mode,
            tonic=self._tonic,
            spans=tuple(ChordSpan(chord, count) for chord, count in zip(chords, spans, strict=True)),
            line=line,
            shift=shift,
            arrival=_ARRIVAL_BAR + (2 if bars == _LONG_BARS else 0),
            linked=linked,
            metre=self._metre,
            section=section,
        )
        self._mode, self._number, self._was_linked = mode, self._number + 1, linked
        self._answering = not self._answering
        return phrase

    def _plan_answer(self, tune: Theme) -> bool:
        """Choose the length of the answer to a question; return whether the question leads into it."""
        own = seeded_rng(self._seed, "shape", tune.name)
        self._answer_bars = pick(own, _ANSWER_BARS)
        chance = seeded_rng(self._seed, "form", self._number).random()
        if self._answer_bars == _QUESTION_BARS and chance < _REST_PROBABILITY:
            self._answer_bars = _EXTENDED_BARS
        rests = self._was_linked or self._answer_bars == _LONG_BARS
        return not rests and own.random() < _LINK_PROBABILITY

    def _first_chord(self, left: Mode | None, mode: Mode, section: PlannedSection) -> Chord | None:
        """Return the chord with which a phrase must begin, if there is one; move to the section's tonic.

        It leads from a mode that is left, or from another tonic; out of silence the music comes on the tonic.
        """
        first = pivot_chord(left, mode) if left is not None else None
        if first is None and not self._answering:
            first = self._modulate(mode, section)
        if self._anew and first is None:
            first = chord_vocabulary(mode).openings[0][0]
        self._anew = False
        return first

    def _period_shift(self, tune: Theme, line: Sequence[LineTone], state: MusicState, mode: Mode) -> int:
        """Return the shift of a phrase: an answer lies as high as its question, a question near the last.

        Where a degree that tells the mode was not heard for long, the tune lies so that it has that degree.
        """
        missed = self._harmoniser.untold(mode)
        if missed:
            self._other_height = 0
        tones = [note.tone for note in line if note.needed <= state.density]

        def missing(shift: int) -> float:
            sung = {(tone + shift) % 7 for tone in tones}
            return sum(1.0 - 0.5 * can_tell(degree, sung, mode) for degree in missed - sung)

        shift = self._shift(tune, state.register, mode, self._last_tone - line[0].tone, missing)
        if self._answering and abs(shift - self._question_shift) <= _SAME_HEIGHT and not missed:
            shift = self._question_shift
        self._question_shift = shift
        self._last_tone = line[-1].tone + shift
        return shift

    def shift(self, phrase: Phrase, register: float) -> int:
        """Return how many steps a phrase begun moves to lie where the register asks for it."""
        tune = next(tune for tune in self._themes if tune.name == phrase.theme)
        shift = self._shift(tune, register, phrase.mode, phrase.shift, lambda _: 0.0)
        return phrase.shift if abs(shift - phrase.shift) <= _SAME_HEIGHT else shift

    def _shift(
        self, tune: Theme, register: float, mode: Mode, near: int, missing: Callable[[int], float]
    ) -> int:
        """Return the shift by which the tune lies at the register and still comes home to the tonic chord.

        Of several it is the one nearest to `near`, with few `missing` degrees. A tune may return on other
        steps of the scale.
        """
        centre = Scale(self._tonic, mode).nearest(melody_centre(register)) - tune.height
        shifts = [
            shift
            for shift in range(round(centre) - 4, round(centre) + 5)
            if (tune.answer_goal + shift) % 7 in (0, 2, 4)
        ]

        def cost(shift: int) -> tuple[float, int]:
            far = abs(shift - centre) + _JOIN * max(0, abs(shift - near) - _EASY_JOIN)
            return far + _MISSING * missing(shift), shift

        chosen = shifts.index(min(shifts, key=cost))
        return shifts[min(len(shifts) - 1, max(0, chosen + self._other_height))]

    def _line(self, tune: Theme, section: PlannedSection, bars: int, *, linked: bool) -> tuple[LineTone, ...]:
        """Return the tune of a phrase as it comes this time."""
        bar = EIGHTHS[self._metre]
        if not self._answering:
            times = self._played[tune.name]
            self._played[tune.name] += 1
            rng = seeded_rng(self._seed, "return", self._number)
            ways = _RETURNS[section.kind]
            again = self._before == tune.name
            self._before = tune.name
            moves = times > 0 and rng.random() < _OTHER_HEIGHT_PROBABILITY * (1 + 2 * again)
            self._other_height = pick(rng, (-1, 1)) if moves else 0
            self._variation = (
                Variation.PLAIN if not times else ways[int(min(rng.random(), rng.random()) * len(ways))]
            )
            if again:
                self._variation = Variation.TURNED
        line = tune.answer if self._answering else tune.question
        variation = self._variation
        if variation is Variation.TURNED and not self._answering:
            variation = Variation.PLAIN  # only the answer takes another turn
        key = f"{self._seed}/turned/{tune.name}"
        line = varied(line, variation, self._metre, key)
        if bars == _LONG_BARS:
            question = varied(tune.question, variation, self._metre, key)
            head = [note for note in question if note.at < 2 * bar]
            line = (*head, *(note._replace(at=note.at + 2 * bar) for note in line))
        if linked:
            goal = tune.answer[0].tone
            last = (_QUESTION_BARS - 1) * bar
            line = (
                *line,
                LineTone(last + bar - 2, goal - 1, _PICKUP_NEEDS[0]),
                LineTone(last + bar - 1, goal, _PICKUP_NEEDS[1]),
            )
        return line

    def _modulate(self, mode: Mode, section: PlannedSection) -> Chord | None:
        """Move to the tonic of the section, if it is another; return the chord common to both scales."""
        if self._piece.tonal_plan == "none":
            return None
        tonic = related_tonic(self._piece.tonic, mode, section.turn)
        if tonic == self._tonic:
            return None
        before, self._tonic = self._tonic, tonic
        return related_pivot(Scale(before, mode), Scale(tonic, mode))

    def _close(self) -> PhraseEnding:
        if not self._answering:
            return PhraseEnding.OPEN
        chance = seeded_rng(self._seed, "close", self._number).random()
        deceptive = chance < _DECEPTIVE_PROBABILITY and not self.sections.ends_soon
        return PhraseEnding.DECEPTIVE if deceptive else PhraseEnding.HOME

    def _spans(self, bars: int, density: float) -> tuple[int, ...]:
        """Return the lengths of the chords in bars: two each; the denser, the likelier one each.

        In the sparsest music a question has one chord only.
        """
        if density < SLOW_HARMONY and not self._answering:
            return (bars,)
        fast = seeded_rng(self._seed, "pace", self._number)
        spans: list[int] = []
        for _ in range(bars // 2):
            quick = density >= FAST_HARMONY - 0.1 + 0.5 * fast.random() and density >= FAST_HARMONY
            spans += [1, 1] if quick else [2]
        if bars == _EXTENDED_BARS:
            spans.append(1)
        return tuple(spans)


def _slots(
    line: Sequence[LineTone], spans: Sequence[int], shift: int, metre: Metre, density: float
) -> list[Slot]:
    """Return what each chord must carry of a tune at a density."""
    bar = EIGHTHS[metre]
    sung = [note for note in line if note.needed <= density]
    slots = []
    start = 0
    for bars in spans:
        end = start + bars * bar
        tones = []
        for i, note in enumerate(sung):
            if start <= note.at < end:
                until = sung[i + 1].at if i + 1 < len(sung) else end
                beats = min((min(until, end) - note.at) / 2, LONGEST_BEATS)
                strong = strength(metre, note.at) >= STRONG
                tones.append(SlotTone((note.tone + shift) % 7, beats, strong))
        slots.append(Slot(bars, tuple(tones), any(note.at == start for note in sung)))
        start = end
    return slots
