"""The parts around the melody: bass, pad, strings, arpeggio, bells and air.

It holds the context of each bar, pad and string positions, and the notes of these layers. No part rubs
against the melody where another tone of the chord will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf

from generator.composition.bar_context import BarContext, BassVoice, held_chord, notes_of
from generator.composition.form import BarPosition, melody_centre
from generator.composition.harmony import Scale
from generator.composition.notation import LineNote, ScoreNote, pick, seeded_rng
from generator.composition.themes import EIGHTHS
from generator.composition.voice_leading import (
    BassMotion,
    Ornament,
    SoundingNote,
    VoiceGroup,
    ornaments,
    rubs,
)
from generator.state import PALETTES, Metre, MusicState

BASS_LOWEST = 36
ROOT_LOWEST = 41
"""Lowest pitch of the pad's root where there is no bass."""

# Densities from which the bass plays one note to a bar, two, and three (our convention).
ONE_TO_A_BAR, TWO_TO_A_BAR, THREE_TO_A_BAR = 0.25, 0.5, 0.75

_SECOND_BEATS = {Metre.COMMON: 2.0, Metre.WALTZ: 2.0, Metre.COMPOUND: 1.5}
_THIRD_BEATS = {Metre.COMMON: (2.0, 3.0), Metre.WALTZ: (1.0, 2.0), Metre.COMPOUND: (1.5, 2.5)}
"""Beats of the second bass note of a bar; of the second and the third."""

_TRITONE = 6  # semitones

# Steps above the root of the second bass note, by preference; a piece has one way for each of its themes.
_BASS_WAYS = ((4, 2, 0), (2, 4, 0), (4, 0, 2), (0, 4, 2))


def bass_pitch(degree: int, scale: Scale, lowest: int = BASS_LOWEST) -> int:
    """Return the pitch of a degree in the octave from `lowest` upwards."""
    return scale.pitches((degree,), lowest, lowest + 11)[0]


def bass_line(
    place: BarPosition, scale: Scale, density: float, *, way: tuple[int, ...], melody: Sequence[SoundingNote]
) -> list[LineNote]:
    """Return the bass of a bar.

    Below density .25 a note lasts as long as its chord. From .25 on each bar has one note, from .5 on two,
    the second on the first tone of the chord in `way` (steps above the root) that does not rub against the
    melody. From .75 on a further note leads by step to the next root.
    """
    chord, following, metre = place.chord, place.following, place.phrase.metre
    if density < ONE_TO_A_BAR:
        return root_line(place, scale, BASS_LOWEST)
    root = bass_pitch(chord.bass, scale)

    def clean(pitch: int) -> bool:
        return not any(rubs(pitch, sung) for sung, _ in melody)

    others = [bass_pitch((chord.bass + step) % 7, scale) for step in way]
    # A diminished or augmented fifth is no tone to stand on.
    tones = [other for other in others if abs(other - root) != _TRITONE and clean(other)]
    second = tones[0] if tones else root
    if density < TWO_TO_A_BAR:
        return [LineNote(0.0, metre.bar, second if place.past % 2 else root)]
    half = _SECOND_BEATS[metre]
    if density < THREE_TO_A_BAR or following == chord:
        return [LineNote(0.0, half, root), LineNote(half, metre.bar - half, second)]
    half, last = _THIRD_BEATS[metre]
    goal = bass_pitch(following.bass, scale)
    steps = [bass_pitch((following.bass + step) % 7, scale) for step in (1, 6)]
    leading = min(steps, key=lambda step: (not clean(step), abs(step - goal) + abs(step - second) / 4, step))
    return [
        LineNote(0.0, half, root),
        LineNote(half, last - half, second),
        LineNote(last, metre.bar - last, leading),
    ]


def root_line(place: BarPosition, scale: Scale, lowest: int = ROOT_LOWEST) -> list[LineNote]:
    """Return the root of the chord alone, for as long as the chord lasts."""
    return [LineNote(0.0, place.chord_beats, bass_pitch(place.chord.bass, scale, lowest))]


def bass_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the bass line as notes of the lowest layer, the first note of a bar loudest."""
    loud = 48 + round(8 * state.density + 8 * context.swell)
    played: list[ScoreNote] = []
    for i, note in enumerate(context.low.line):
        played += notes_of(context.lowest, [note], loud - (6 if i else 0), 0.9 * state.articulation)
    return played


_PAD = VoiceGroup(voices=4, low=59, high=75, gap=5.0, pitches=4)
_PAD_BELOW_MELODY = VoiceGroup(voices=4, low=55, high=70, gap=6.5, pitches=3)
"""Below a melody the pad has three pitches, far enough apart not to beat."""

_STRINGS = VoiceGroup(voices=2, low=72, high=86, gap=5.0, pitches=2, tells_mode=False)
"""The pad below tells the mode."""

PAD_RANGE = 10.0
PAD_RANGE_BELOW_MELODY = 14.0
"""Semitones by which the register moves a pad without and with a melody above it."""

STRINGS_RANGE = 8.0
"""Semitones by which the register moves the strings."""


class Accompaniment:
    """Writes the parts that carry the harmony, bar by bar."""

    def __init__(self, seed: int, palette: str) -> None:
        self._seed = seed
        self._palette = palette
        self._pad: tuple[int, ...] | None = None
        self._strings: tuple[int, ...] | None = None
        self._resting = False
        self._ornament: Ornament | None = None
        self._low: int | None = None
        self._held = 0  # bars for which the lowest voice still holds its note

    def release(self) -> None:
        """End the held note of the lowest voice: it may begin one with the next chord."""
        self._held = 0

    def bar(
        self,
        place: BarPosition,
        state: MusicState,
        *,
        layers: tuple[str, ...],
        melody: Sequence[SoundingNote] = (),
        ahead: Sequence[SoundingNote] = (),
    ) -> BarContext:
        """Return the context of a bar: its chord, its bass line and its held voices.

        `melody` is what the melody sings in this bar, `ahead` what it sings while the chord lasts.
        """
        lowest, has_melody = "bass" if "bass" in layers else "pad", "melody" in layers
        scale = place.phrase.scale
        melody, ahead = (melody, ahead) if has_melody else ((), ())
        line = [] if self._held else self._foundation(place, scale, state.density, lowest, melody)
        if line:
            self._held = ceil(line[0].beats / place.beats)
        self._held -= 1
        low = BassVoice(self._low, tuple(line))
        self._low = low.last
        if place.past == 0 or self._pad is None or self._strings is None:
            self._lead(place, state, low.at(0.0), ahead, below_melody=has_melody)
        context = BarContext(
            **vars(place),
            seed=self._seed,
            scale=scale,
            lowest=lowest,
            low=low,
            pad=self._pad or (),
            strings=() if self._resting else self._strings or (),
            ornament=self._ornament,
            layers=layers,
            melody=tuple(melody),
            palette=self._palette,
        )
        if self._pad and self._ornament and place.left == 1:  # the next chord begins where this one ends
            self._pad = self._ornament.after(self._pad)
        return context

    def _lead(
        self,
        place: BarPosition,
        state: MusicState,
        motion: BassMotion,
        ahead: Sequence[SoundingNote],
        *,
        below_melody: bool,
    ) -> None:
        """Lead pad and strings to the chord, and adorn the pad."""
        chord, scale, height = place.chord, place.phrase.scale, state.register - 0.5
        # Below a melody the pad stays below it.
        group = _PAD_BELOW_MELODY if below_melody else _PAD
        shift = height * (PAD_RANGE_BELOW_MELODY if below_melody else PAD_RANGE)
        before = self._pad
        self._pad = group.lead(before, chord, scale, bass_motion=motion, shift=shift, heard=ahead)
        held = (*ahead, *(SoundingNote(pitch, 4.0) for pitch in self._pad))
        strings = _STRINGS.lead(
            self._strings, chord, scale, bass_motion=motion, shift=STRINGS_RANGE * height, heard=held
        )
        # Where one of the two rubs against the melody, both rest; the next chord is led from where they were.
        self._resting = any(rubs(pitch, sung) for pitch in strings for sung, _ in ahead)
        self._strings = self._strings if self._resting and self._strings else strings
        # In the first bar of a new mode, a tone of the chord before may not belong to the scale.
        self._ornament = self._adorn(before if place.place else None, place, state.density, ahead)

    def _foundation(
        self, place: BarPosition, scale: Scale, density: float, lowest: str, melody: Sequence[SoundingNote]
    ) -> list[LineNote]:
        if lowest != "bass":  # the pad has the root itself
            return root_line(place, scale)
        way = pick(seeded_rng(self._seed, "bass", place.phrase.theme, place.phrase.section.kind), _BASS_WAYS)
        return bass_line(place, scale, density, way=way, melody=melody)

    def _adorn(
        self,
        before: tuple[int, ...] | None,
        place: BarPosition,
        density: float,
        ahead: Sequence[SoundingNote],
    ) -> Ornament | None:
        """Return the ornament of the pad within a chord; long chords and dense music make one likelier."""
        now = self._pad or ()
        rng = seeded_rng(self._seed, "ornament", place.phrase.theme, place.phrase.answering, place.place)
        plain = rng.random() > (0.25 + 0.3 * density if place.left == 1 else 0.7 + 0.05 * density)
        if plain or place.phrase.section.pulses:
            return None
        others = [sung for sung, _ in ahead] + [*(() if self._resting else self._strings or ())]

        def clean(way: Ornament) -> bool:
            held = [*others, *now[: way.voice], *now[way.voice + 1 :]]
            return not any(rubs(moved, pitch) for moved in (way.first, way.then) for pitch in held)

        ways = [
            way
            for way in ornaments(before, now, place.chord, place.phrase.scale, place.chord_beats)
            if clean(way)
        ]
        return pick(rng, ways) if ways else None


BELL_EVERY_EIGHTHS = 23
LATE_BEATS = 2.0
NEAR_MELODY, HUSH = 5, 8
"""Pad tones nearer than so many semitones below the melody's centre are softer by `HUSH` (velocity)."""

STRINGS_LATE_BELOW = 0.5
"""Density up to which the strings enter late over long chords."""

# Eighths of the bar by importance: the first n of a row are the rhythm of a bar of n notes.
_ARPEGGIO_GAITS = {
    8: (
        (0, 4, 2, 6, 3, 7, 1, 5),
        (0, 3, 6, 2, 5, 7, 1, 4),
        (0, 4, 6, 2, 7, 5, 3, 1),
        (0, 2, 4, 6, 5, 7, 3, 1),
    ),
    6: ((0, 3, 2, 5, 1, 4), (0, 2, 4, 3, 5, 1), (0, 3, 1, 4, 2, 5)),
}
# Which tones of the chord follow one another, by palette: closed waves, wide harp strokes, rocking fifths,
# broken chords of a piano, slow arches, patterns of two thumbs, fifths that hardly move.
_ARPEGGIO_WALKS = {
    "warm-pads": ((0, 2, 4, 5, 4, 3, 1), (0, 3, 1, 4, 2, 5, 3), (2, 4, 3, 5, 1, 3, 0), (0, 4, 2, 5, 3, 6, 2)),
    "harp-bells": (
        (0, 1, 2, 3, 4, 5, 6, 4),
        (0, 2, 4, 6, 5, 3, 1),
        (0, 2, 1, 3, 2, 4, 3, 5),
        (6, 4, 2, 0, 1, 3),
    ),
    "soft-strings": ((0, 2, 0, 3, 0, 2, 0, 4), (0, 2, 3, 2), (0, 3, 2, 3, 1, 3), (0, 1, 3, 1, 2, 1)),
    "felt-piano": ((0, 2, 4, 2, 3, 2), (0, 3, 2, 4, 3), (0, 4, 2, 3, 1), (0, 2, 3, 5, 3, 2, 1)),
    "choir-strings": ((0, 1, 2, 3, 5, 3, 2), (0, 2, 3, 5, 4), (0, 3, 5, 4, 2, 1), (5, 3, 2, 0, 1)),
    "kalimba-bells": ((0, 3, 1, 4, 2), (0, 4, 1, 5, 2, 4, 3), (3, 0, 4, 1, 5, 2, 4), (0, 5, 2, 4, 1)),
    "deep-drone": ((0, 2, 4, 2), (0, 2, 1, 4, 2), (0, 4, 2), (2, 0, 4, 1)),
}
"""Most are no divisors of a bar, so that a walk returns to the same place of the bar after some bars only."""

_BELL_DEGREES = (0, 4, 1, 2, 4, 5)

_PERFECT_FIFTH = 7  # semitones
_FEWEST_TONES = 4


def pad_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the chord, struck when it changes and held while it lasts; sometimes one voice moves on.

    In some sections it is struck in every bar instead.

    Tones near the melody are softer, unless the melody rests.
    """
    melody_rests = context.melody_rests or not context.has_melody
    near = inf if melody_rests else melody_centre(state.register) - NEAR_MELODY

    def struck(offset: float, beats: float, pitch: int, loud: int) -> list[ScoreNote]:
        return notes_of("pad", [LineNote(offset, beats, pitch)], loud - HUSH * (pitch >= near))

    loud = 41 + round(8 * state.density + 11 * context.swell)
    # Even when detached, the other voices still sound when one moves in the last quarter of the chord.
    pulses = context.phrase.section.pulses
    sound = (context.beats if pulses else context.chord_beats) * (1.0 - 0.24 * state.articulation)
    moving = context.ornament
    notes: list[ScoreNote] = []
    if context.chord_begins or pulses:
        pitches = {pitch for i, pitch in enumerate(context.pad) if moving is None or i != moving.voice}
        for pitch in sorted(pitches):
            notes += struck(0.0, sound, pitch, loud)
        if moving is not None and moving.first not in pitches:
            notes += struck(0.0, moving.beats, moving.first, loud - 2)
    if moving is not None:
        offset = moving.beats - context.beats * context.past
        if 0.0 <= offset < context.beats:
            notes += struck(offset, max(1.0, sound - offset), moving.then, loud - 2)
    return notes


def strings_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return two high voices of the chord, softer than the pad; over long chords they enter later."""
    if not context.chord_begins:
        return []
    beats = context.chord_beats
    # where the bass has a note on the third beat, the two could run in parallels
    late = LATE_BEATS if context.left > 1 and state.density < STRINGS_LATE_BELOW else 0.0
    loud = 32 + round(8 * state.density + 10 * context.swell)
    sound = (beats - late) * (1.0 - 0.25 * state.articulation)
    return held_chord(context.strings, "strings", loud, sound, late)


def arpeggio_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return broken chord tones: two in a bar at density 0, seven at 1, at the same places of each bar."""
    bar = EIGHTHS[context.phrase.metre]
    lowest = 60 + round(10 * state.register)
    # without the fifth the intervals spans an octave and a half: root, third, colour
    open_tones = (*context.chord.degrees[:2], *context.chord.degrees[3:])
    tones = context.scale.pitches(open_tones, lowest, lowest + 24)
    clean = [tone for tone in tones if not any(rubs(tone, sung) for sung, _ in context.melody)]
    tones = clean if len(clean) >= _FEWEST_TONES else tones
    count = 2 + floor((bar - 3) * state.density + 0.5)
    rng = seeded_rng(context.seed, "walk", context.phrase.theme, context.phrase.section.kind)
    # A palette of the user's own has the figures of the first.
    walk = pick(rng, _ARPEGGIO_WALKS.get(context.palette, _ARPEGGIO_WALKS[PALETTES[0]]))
    eighths = sorted(pick(rng, _ARPEGGIO_GAITS[bar])[:count])
    loud = 31 + round(8 * state.density + 9 * context.swell)
    notes = []
    for at, until in zip(eighths, [*eighths[1:], bar], strict=True):
        step = walk[(bar * context.place + at) % len(walk)]
        line = [LineNote(at / 2, (until - at) / 2, tones[min(step, len(tones) - 1)])]
        accent = 4 if at == 0 else 2 if at == bar // 2 else 0
        notes += notes_of("arpeggio", line, loud + accent, state.articulation)
    return notes


def bells_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return a bell every 23 eighths, so that it never falls twice on the same place of a phrase."""
    bar = EIGHTHS[context.phrase.metre]
    first = bar * context.bar
    strokes = [at for at in range(first, first + bar) if at % BELL_EVERY_EIGHTHS == BELL_EVERY_EIGHTHS // 2]
    notes = []
    for at in strokes:
        wanted = _BELL_DEGREES[at // BELL_EVERY_EIGHTHS % len(_BELL_DEGREES)]
        degree = wanted if wanted in context.chord.degrees else context.chord.degrees[2]
        pitch = context.scale.pitches((degree,), 79, 90)[0]
        line = [LineNote((at - first) / 2, (bar - (at - first)) / 2, pitch)]
        notes += notes_of("bells", line, 34 + round(8 * state.brightness))
    return notes


def air_part(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the tonic or its fifth, very soft, through each phrase."""
    if context.place:
        return []
    degree = 0 if context.phrase.number % 2 == 0 or context.scale.mode.steps[4] != _PERFECT_FIFTH else 4
    pitch = context.scale.pitches((degree,), 67, 78)[0]
    loud = 30 + round(6 * state.brightness)
    return held_chord((pitch,), "air", loud, context.beats * min(4, context.phrase.bars))


def texture(context: BarContext, state: MusicState) -> list[ScoreNote]:
    """Return the notes of all parts that do not depend on the melody's notes."""
    parts = (bass_part, pad_part, arpeggio_part, strings_part, bells_part, air_part)
    return [note for part in parts for note in part(context, state)]
