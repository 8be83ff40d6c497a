"""The parts that carry the harmony: bass, pad voices, string voices, and the context of each bar."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from generator.composition.bar_context import BarContext, BassVoice, notes_of
from generator.composition.form import BarPosition, PhraseHistory
from generator.composition.harmony import Chord, Scale
from generator.composition.notation import LineNote, ScoreNote, pick, seeded_rng
from generator.composition.voice_leading import BassMotion, Ornament, VoiceGroup, ornaments
from generator.state import BEATS_PER_BAR, MusicState

BASS_LOWEST = 36
ROOT_LOWEST = 41
"""Lowest pitch of the pad's root where there is no bass."""

BassLine = list[LineNote]

# Densities from which the bass plays one note to a bar, two, and three (our convention).
ONE_TO_A_BAR, TWO_TO_A_BAR, THREE_TO_A_BAR = 0.25, 0.5, 0.75

_THIRD_PROBABILITY = 0.3
"""How often the second bass note of a bar is the third of its chord instead of the fifth."""


def bass_pitch(degree: int, scale: Scale, lowest: int = BASS_LOWEST) -> int:
    """Return the pitch of a degree in the octave from `lowest` upwards."""
    return scale.pitches((degree,), lowest, lowest + 11)[0]


def bass_line(
    scale: Scale, chord: Chord, following: Chord, *, past: int, left: int, density: float, third: bool
) -> BassLine:
    """Return the bass of a bar, `past` bars into a chord that lasts for `left` more.

    Below density .25 a note lasts as long as its chord. From .25 on each bar has one note, from .5 on two,
    the second on the fifth or, with `third`, on the third. From .75 on a further note leads by step to the
    next root.
    """
    if density < ONE_TO_A_BAR:
        return root_line(scale, chord, left, BASS_LOWEST)
    beats = float(BEATS_PER_BAR)
    root = bass_pitch(chord.bass, scale)
    above, below = (bass_pitch((chord.bass + step) % 7, scale) for step in (4, 2))
    fifth = below if third or abs(above - root) not in (5, 7) else above
    if density < TWO_TO_A_BAR:
        return [LineNote(0.0, beats, fifth if past % 2 else root)]
    if density < THREE_TO_A_BAR or following == chord:
        return [LineNote(0.0, 2.0, root), LineNote(2.0, 2.0, fifth)]
    goal = bass_pitch(following.bass, scale)
    steps = [bass_pitch((following.bass + step) % 7, scale) for step in (1, 6)]
    leading = min(steps, key=lambda step: (abs(step - goal) + abs(step - fifth) / 4, step))
    return [LineNote(0.0, 2.0, root), LineNote(2.0, 1.0, fifth), LineNote(3.0, 1.0, leading)]


def root_line(scale: Scale, chord: Chord, left: int, lowest: int = ROOT_LOWEST) -> BassLine:
    """Return the root of the chord alone, for as long as the chord lasts."""
    return [LineNote(0.0, float(BEATS_PER_BAR * left), bass_pitch(chord.bass, scale, lowest))]


def bass_part(notes: Sequence[LineNote], layer: str, swell: float, state: MusicState) -> list[ScoreNote]:
    """Return the bass line as notes of its layer, the first note of a bar loudest."""
    loud = 50 + round(8 * state.density + 4 * swell)
    played: list[ScoreNote] = []
    for i, note in enumerate(notes):
        played += notes_of(layer, [note], loud - (6 if i else 0), 0.9 * state.articulation)
    return played


_PAD = VoiceGroup(voices=4, low=59, high=75, gap=5.0, pitches=4)
_PAD_BELOW_MELODY = VoiceGroup(voices=4, low=55, high=70, gap=6.5, pitches=3)
"""Below a melody the pad has three pitches, far enough apart not to beat."""

_STRINGS = VoiceGroup(voices=2, low=72, high=86, gap=5.0, pitches=2)

PAD_RANGE = 10.0
"""Semitones by which the register moves a pad without a melody above it."""


def lowest_layer(layers: tuple[str, ...]) -> str:
    """Return the layer that has the lowest voice: the bass, or the pad on the root of its chord."""
    return "bass" if "bass" in layers else "pad"


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
        lowest, has_melody = lowest_layer(layers), "melody" in layers
        scale = Scale(self._tonic, place.phrase.mode)
        line = [] if self._held else self._foundation(place, scale, state.density, lowest)
        if line:
            self._held = ceil(line[0].beats / BEATS_PER_BAR)
        self._held -= 1
        low = BassVoice(self._low, tuple(line))
        self._low = low.last
        if place.past == 0 or self._pad is None or self._strings is None:
            self._lead(place, scale, low.at(0.0), state, has_melody=has_melody)
        context = BarContext(
            seed=self._seed,
            bar=place.bar,
            phrase=place.phrase,
            place=place.place,
            scale=scale,
            chord=place.chord,
            past=place.past,
            left=place.left,
            low=low,
            pad=self._pad or (),
            strings=self._strings or (),
            ornament=self._ornament,
            has_melody=has_melody,
        )
        if self._pad and self._ornament and place.left == 1:  # the next chord begins where this one ends
            self._pad = self._ornament.after(self._pad)
        return context

    def _foundation(self, place: BarPosition, scale: Scale, density: float, lowest: str) -> BassLine:
        if lowest != "bass":  # the pad has the root itself
            return root_line(scale, place.chord, place.left)
        third = seeded_rng(self._seed, "bass", place.bar).random() < _THIRD_PROBABILITY
        return bass_line(
            scale,
            place.chord,
            place.following,
            past=place.past,
            left=place.left,
            density=density,
            third=third,
        )

    def _lead(
        self,
        place: BarPosition,
        scale: Scale,
        bass_motion: BassMotion,
        state: MusicState,
        *,
        has_melody: bool,
    ) -> None:
        # The melody follows the register and the pad stays below it; without a melody the pad follows it.
        group, shift = (_PAD_BELOW_MELODY, 0.0) if has_melody else (_PAD, PAD_RANGE * (state.register - 0.5))
        before = self._pad
        self._pad = group.lead(before, place.chord, scale, bass_motion, shift)
        self._strings = _STRINGS.lead(self._strings, place.chord, scale, bass_motion, shift)
        # in the first bar of a new mode, a tone of the chord before may not belong to the scale
        self._ornament = self._adorn(before if place.place else None, self._pad, place, scale, state.density)

    def _adorn(
        self,
        before: tuple[int, ...] | None,
        now: tuple[int, ...],
        place: BarPosition,
        scale: Scale,
        density: float,
    ) -> Ornament | None:
        """Return the ornament of the pad within a chord; long chords and dense music make one likelier.

        From the second chord of a phrase on, it is one that no recent phrase had, if there is one.
        """
        rng = seeded_rng(self._seed, "ornament", place.bar)
        ways = ornaments(before, now, place.chord, scale, float(BEATS_PER_BAR * place.left))
        likely = 0.25 + 0.3 * density if place.left == 1 else 0.5 + 0.45 * density
        plain = rng.random() > likely
        chosen = None if plain or not ways else pick(rng, ways)
        if place.place:
            unlike = (way for way in (chosen, None, *ways) if not self._memory.knows([(now, way)]))
            chosen = next(unlike, chosen)
        self._memory.add([(now, chosen)])
        return chosen
