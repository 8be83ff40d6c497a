"""The parts around the melody: bass, pad, strings, arpeggio, bells, air and the counter-melody.

It holds the context of each bar, pad and string positions, and the notes of all layers but the melody.
"""

from __future__ import annotations

from math import ceil, floor, inf

from generator.composition.bar_context import BarContext, BassVoice, beats_of_bars, held_chord, notes_of
from generator.composition.form import BarPosition, PhraseHistory
from generator.composition.harmony import Ornament, Scale, VoiceGroup, ornaments
from generator.composition.melody import melody_centre, theme_motif
from generator.composition.notation import LineNote, ScoreNote, pick, seeded_rng
from generator.state import BEATS_PER_BAR, MusicState

BASS_LOWEST = 36
ROOT_LOWEST = 41
"""Lowest pitch of the pad's root where there is no bass."""


# Densities from which the bass plays one note to a bar, two, and three (our convention).
ONE_TO_A_BAR, TWO_TO_A_BAR, THREE_TO_A_BAR = 0.25, 0.5, 0.75

_THIRD_PROBABILITY = 0.3
"""How often the second bass note of a bar is the third of its chord instead of the fifth."""


def bass_pitch(degree: int, scale: Scale, lowest: int = BASS_LOWEST) -> int:
    """Return the pitch of a degree in the octave from `lowest` upwards."""
    return scale.pitches((degree,), lowest, lowest + 11)[0]


def bass_line(place: BarPosition, scale: Scale, density: float, *, third: bool) -> list[LineNote]:
    """Return the bass of a bar.

    Below density .25 a note lasts as long as its chord. From .25 on each bar has one note, from .5 on two,
    the second on the fifth or, with `third`, on the third. From .75 on a further note leads by step to the
    next root.
    """
    chord, following = place.chord, place.following
    if density < ONE_TO_A_BAR:
        return root_line(place, scale, BASS_LOWEST)
    root = bass_pitch(chord.bass, scale)
    above, below = (bass_pitch((chord.bass + step) % 7, scale) for step in (4, 2))
    fifth = below if third or abs(above - root) not in (5, 7) else above
    if density < TWO_TO_A_BAR:
        return [LineNote(0.0, beats_of_bars(1), fifth if place.past % 2 else root)]
    if density < THREE_TO_A_BAR or following == chord:
        return [LineNote(0.0, 2.0, root), LineNote(2.0, 2.0, fifth)]
    goal = bass_pitch(following.bass, scale)
    steps = [bass_pitch((following.bass + step) % 7, scale) for step in (1, 6)]
    leading = min(steps, key=lambda step: (abs(step - goal) + abs(step - fifth) / 4, step))
    return [LineNote(0.0, 2.0, root), LineNote(2.0, 1.0, fifth), LineNote(3.0, 1.0, leading)]


def root_line(place: BarPosition, scale: Scale, lowest: int = ROOT_LOWEST) -> list[LineNote]:
    """Return the root of the chord alone, for as long as the chord lasts."""
    return [LineNote(0.0, beats_of_bars(place.left), bass_pitch(place.chord.bass, scale, lowest))]


def bass_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the bass line as notes of the lowest layer, the first note of a bar loudest."""
    loud = 50 + round(8 * state.density + 4 * context.swell)
    played: list[ScoreNote] = []
    for i, note in enumerate(context.low.line):
        played += notes_of(context.lowest, [note], loud - (6 if i else 0), 0.9 * state.articulation)
    return played


_PAD = VoiceGroup(voices=4, low=59, high=75, gap=5.0, pitches=4)
_PAD_BELOW_MELODY = VoiceGroup(voices=4, low=55, high=70, gap=6.5, pitches=3)
"""Below a melody the pad has three pitches, far enough apart not to beat."""

_STRINGS = VoiceGroup(voices=2, low=72, high=86, gap=5.0, pitches=2)

PAD_RANGE = 10.0
"""Semitones by which the register moves a pad without a melody above it."""


class Accompaniment:
    """Writes the parts that carry the harmony, bar by bar."""

    def __init__(self, seed: int, tonic: int) -> None:
        self._seed = seed
        self._tonic = tonic
        self._pad: tuple[int, ...] | None = None
        self._strings: tuple[int, ...] | None = None
        self._ornament: Ornament | None = None
        self._memory = PhraseHistory()
        self._low: int | None = None
        self._held = 0  # bars for which the lowest voice still holds its note

    def begin(self) -> None:
        """Begin a phrase."""
        self._memory.begin()

    def release(self) -> None:
        """End the held note of the lowest voice: it may begin one with the next chord."""
        self._held = 0

    def bar(self, place: BarPosition, state: MusicState, *, layers: tuple[str, ...]) -> BarContext:
        """Return the context of a bar: its chord, its bass line and its held voices."""
        lowest, has_melody = "bass" if "bass" in layers else "pad", "melody" in layers
        scale = Scale(self._tonic, place.phrase.mode)
        line = [] if self._held else self._foundation(place, scale, state.density, lowest)
        if line:
            self._held = ceil(line[0].beats / BEATS_PER_BAR)
        self._held -= 1
        low = BassVoice(self._low, tuple(line))
        self._low = low.last
        if place.past == 0 or self._pad is None or self._strings is None:
            # The melody follows the register and the pad stays below it; without a melody the pad follows it.
            below = _PAD_BELOW_MELODY, 0.0
            group, shift = below if has_melody else (_PAD, PAD_RANGE * (state.register - 0.5))
            before, motion = self._pad, low.at(0.0)
            self._pad = group.lead(before, place.chord, scale, motion, shift)
            self._strings = _STRINGS.lead(self._strings, place.chord, scale, motion, shift)
            # In the first bar of a new mode, a tone of the chord before may not belong to the scale.
            self._ornament = self._adorn(before if place.place else None, place, scale, state.density)
        context = BarContext(
            **vars(place),
            seed=self._seed,
            scale=scale,
            lowest=lowest,
            low=low,
            pad=self._pad or (),
            strings=self._strings or (),
            ornament=self._ornament,
            has_melody=has_melody,
        )
        if self._pad and self._ornament and place.left == 1:  # the next chord begins where this one ends
            self._pad = self._ornament.after(self._pad)
        return context

    def _foundation(self, place: BarPosition, scale: Scale, density: float, lowest: str) -> list[LineNote]:
        if lowest != "bass":  # the pad has the root itself
            return root_line(place, scale)
        third = seeded_rng(self._seed, "bass", place.bar).random() < _THIRD_PROBABILITY
        return bass_line(place, scale, density, third=third)

    def _adorn(
        self, before: tuple[int, ...] | None, place: BarPosition, scale: Scale, density: float
    ) -> Ornament | None:
        """Return the ornament of the pad within a chord; long chords and dense music make one likelier.

        From the second chord of a phrase on, it is one that no recent phrase had, if there is one.
        """
        now = self._pad or ()
        rng = seeded_rng(self._seed, "ornament", place.bar)
        ways = ornaments(before, now, place.chord, scale, beats_of_bars(place.left))
        likely = 0.25 + 0.3 * density if place.left == 1 else 0.5 + 0.45 * density
        plain = rng.random() > likely
        chosen = None if plain or not ways else pick(rng, ways)
        if place.place:
            unlike = (way for way in (chosen, None, *ways) if not self._memory.knows([(now, way)]))
            chosen = next(unlike, chosen)
        self._memory.add([(now, chosen)])
        return chosen


BELL_EVERY_EIGHTHS = 23
LATE_BEATS = 2.0
NEAR_MELODY, HUSH = 5, 8
"""Pad tones nearer than so many semitones below the melody's centre are softer by `HUSH` (velocity)."""

STRINGS_LATE_BELOW = 0.5
"""Density up to which the strings enter late over long chords."""

_ARPEGGIO_GAIT = (0, 4, 2, 6, 3, 7, 1, 5)
_ARPEGGIO_WALKS = (
    (0, 2, 4, 5, 4, 3, 1),
    (0, 3, 1, 4, 2, 5, 3),
    (0, 1, 2, 4, 6, 5, 3),
    (2, 4, 3, 5, 1, 3, 0),
    (0, 4, 2, 5, 3, 6, 2),
)
"""Seven steps against eight eighths: a walk returns to the same place of the bar every seventh bar."""

_BELL_DEGREES = (0, 4, 1, 2, 4, 5)

_MID_BAR = 4  # eighths
_PERFECT_FIFTH = 7  # semitones


def pad_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the chord, struck when it changes and held while it lasts; sometimes one voice moves on.

    Tones near the melody are softer, unless the melody rests.
    """
    melody_rests = context.melody_rests or not context.has_melody
    near = inf if melody_rests else melody_centre(state.register) - NEAR_MELODY

    def struck(offset: float, beats: float, pitch: int, loud: int) -> list[ScoreNote]:
        return notes_of("pad", [LineNote(offset, beats, pitch)], loud - HUSH * (pitch >= near))

    loud = 44 + round(8 * state.density + 5 * context.swell)
    # Even when detached, the other voices still sound when one moves in the last quarter of the chord.
    sound = beats_of_bars(context.left) * (1.0 - 0.24 * state.articulation)
    moving = context.ornament
    notes: list[ScoreNote] = []
    if context.chord_begins:
        pitches = {pitch for i, pitch in enumerate(context.pad) if moving is None or i != moving.voice}
        for pitch in sorted(pitches):
            notes += struck(0.0, sound, pitch, loud)
        if moving is not None and moving.first not in pitches:
            notes += struck(0.0, moving.beats, moving.first, loud - 2)
    if moving is not None:
        offset = moving.beats - beats_of_bars(context.past)
        if 0.0 <= offset < BEATS_PER_BAR:
            notes += struck(offset, max(1.0, sound - offset), moving.then, loud - 2)
    return notes


def strings_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return two high voices of the chord, softer than the pad; over long chords they enter later."""
    if not context.chord_begins:
        return []
    beats = beats_of_bars(context.left)
    # where the bass has a note on the third beat, the two could run in parallels
    late = LATE_BEATS if context.left > 1 and state.density < STRINGS_LATE_BELOW else 0.0
    loud = 34 + round(8 * state.density + 6 * context.swell)
    sound = (beats - late) * (1.0 - 0.25 * state.articulation)
    return held_chord(context.strings, "strings", loud, sound, late)


def arpeggio_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return broken chord tones: two in a bar at density 0, seven at 1, at the same places of each bar."""
    lowest = 60 + round(10 * state.register)
    # without the fifth the intervals spans an octave and a half: root, third, colour
    open_tones = (*context.chord.degrees[:2], *context.chord.degrees[3:])
    tones = context.scale.pitches(open_tones, lowest, lowest + 24)
    count = 2 + floor(5.0 * state.density + 0.5)
    walk = pick(seeded_rng(context.seed, "walk", context.phrase.theme), _ARPEGGIO_WALKS)
    eighths = sorted(_ARPEGGIO_GAIT[:count])
    loud = 32 + round(8 * state.density + 5 * context.swell)
    notes = []
    for at, until in zip(eighths, [*eighths[1:], 8], strict=True):
        step = walk[(8 * context.bar + at) % len(walk)]
        line = [LineNote(at / 2, (until - at) / 2, tones[min(step, len(tones) - 1)])]
        accent = 4 if at == 0 else 2 if at == _MID_BAR else 0
        notes += notes_of("arpeggio", line, loud + accent, state.articulation)
    return notes


def bells_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return a bell every 23 eighths, so that it never falls twice on the same place of a phrase."""
    first = 8 * context.bar
    strokes = [at for at in range(first, first + 8) if at % BELL_EVERY_EIGHTHS == BELL_EVERY_EIGHTHS // 2]
    notes = []
    for at in strokes:
        wanted = _BELL_DEGREES[at // BELL_EVERY_EIGHTHS % len(_BELL_DEGREES)]
        degree = wanted if wanted in context.chord.degrees else context.chord.degrees[2]
        pitch = context.scale.pitches((degree,), 79, 90)[0]
        line = [LineNote((at - first) / 2, (8 - (at - first)) / 2, pitch)]
        notes += notes_of("bells", line, 34 + round(8 * state.brightness))
    return notes


def air_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the tonic or its fifth, very soft, through each phrase."""
    if context.place:
        return []
    degree = 0 if context.phrase.number % 2 == 0 or context.scale.mode.steps[4] != _PERFECT_FIFTH else 4
    pitch = context.scale.pitches((degree,), 67, 78)[0]
    loud = 30 + round(6 * state.brightness)
    return held_chord((pitch,), "air", loud, beats_of_bars(min(4, context.phrase.bars)))


def texture(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the notes of all parts that do not depend on the melody's notes."""
    parts = (bass_part, pad_part, arpeggio_part, strings_part, bells_part, air_part)
    return [note for part in parts for note in part(context, state)]


COUNTER_LOWEST, COUNTER_HIGHEST = 52, 66
ABOVE_BASS = 7
UNDER_MELODY = 3

# Densities from which the counter-melody answers a resting melody with two and three notes, and from which it
# has a note on the second beat of every bar, and a further one, while the melody plays (our convention).
_ANSWER_TWO, _ANSWER_THREE = 0.2, 0.6
_EVERY_BAR, _TWO_TO_A_BAR = 0.35, 0.7


class CounterMelody:
    """Writes the counter-melody bar by bar, each note near the one before.

    It is a quiet line below the melody. Where the melody rests, it answers with the melody's motif.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pitch = 60
        self._above: tuple[float, int] | None = None  # end and pitch of the melody's last note

    def bar(self, context: BarContext, melody: list[ScoreNote], state: MusicState) -> list[ScoreNote]:
        """Return the counter-melody of a bar, given its melody; empty where there is no room for it."""
        start = float(BEATS_PER_BAR * context.bar)
        above = [note.pitch for note in melody]
        if self._above is not None and self._above[0] > start:
            above.append(self._above[1])
        if melody:
            self._above = (start + melody[-1].offset + melody[-1].duration, melody[-1].pitch)
        ceiling = min([COUNTER_HIGHEST + UNDER_MELODY, *above]) - UNDER_MELODY
        lows: list[int | None] = [note.pitch for note in context.low.line] or [context.low.before]
        floor = max(COUNTER_LOWEST, *(low + ABOVE_BASS for low in lows if low is not None))
        guides = (context.chord.degrees[1], context.chord.degrees[-1], *context.chord.degrees)
        room = context.scale.pitches(guides, floor, ceiling)
        if not room:
            return []
        answer = (
            theme_motif(self._seed, context.phrase.theme).intervals if context.melody_rests else (0, -1, 1)
        )
        offsets = _counter_rhythm(context, state.density)
        line = []
        for i, offset in enumerate(offsets):
            until = offsets[i + 1] if i + 1 < len(offsets) else float(BEATS_PER_BAR)
            goal = self._pitch + (2 * answer[i - 1] if i else 0)
            self._pitch = min(room, key=lambda pitch: (abs(pitch - goal) + 2 * (pitch == self._pitch), pitch))
            line.append(LineNote(offset, until - offset, self._pitch))
        return notes_of(
            "counter", line, 38 + round(8 * state.density + 4 * context.swell), 0.8 * state.articulation
        )


def _counter_rhythm(context: BarContext, density: float) -> tuple[float, ...]:
    """Return where its notes begin: on the beats where it answers, else between the melody's notes."""
    if context.melody_rests:
        return (
            (0.0, 1.0, 2.0) if density >= _ANSWER_THREE else (0.0, 2.0) if density >= _ANSWER_TWO else (1.0,)
        )
    if density >= _TWO_TO_A_BAR:
        return (1.0, 2.5)
    return (1.0,) if context.place % 2 == 0 or density >= _EVERY_BAR else (0.0,)
