"""The parts that carry the harmony: bass, pad voices, string voices, and the context of each bar."""

from __future__ import annotations

from math import ceil

from generator.composition.bar_context import BarContext, BassVoice, notes_of
from generator.composition.form import BarPosition, PhraseHistory
from generator.composition.harmony import Chord, Scale
from generator.composition.notation import ScoreNote, pick, seeded_rng
from generator.composition.voice_leading import BassMotion, Ornament, VoiceGroup, ornaments
from generator.state import BEATS_PER_BAR, MusicState

BASS_LOWEST = 36
ROOT_LOWEST = 41
"""Lowest pitch of the pad's own root, where no bass sounds."""

BassLine = list[tuple[float, float, int]]
"""Offset, slot and pitch of each note, in beats."""


def bass_pitch(degree: int, scale: Scale, lowest: int = BASS_LOWEST) -> int:
    """Return the one pitch of a degree in the octave from `lowest` upwards."""
    return scale.pitches((degree,), lowest, lowest + 11)[0]


def bass_line(
    scale: Scale, chord: Chord, following: Chord, *, past: int, left: int, density: float, third: bool
) -> BassLine:
    """Return the bass of a bar, `past` bars into a chord that lasts for `left` more.

    Below density .25 a note lasts as long as its chord; from there on each bar has one, from .5 two, the
    second on the fifth or, where `third` says so, on the third; from .75 one more leads by step to the next
    root.
    """
    if density < 0.25:
        return root_line(scale, chord, left, BASS_LOWEST)
    beats = float(BEATS_PER_BAR)
    root = bass_pitch(chord.bass, scale)
    above, below = (bass_pitch((chord.bass + step) % 7, scale) for step in (4, 2))
    fifth = below if third or abs(above - root) not in (5, 7) else above
    if density < 0.5:
        return [(0.0, beats, fifth if past % 2 else root)]
    if density < 0.75 or following == chord:
        return [(0.0, 2.0, root), (2.0, 2.0, fifth)]
    goal = bass_pitch(following.bass, scale)
    steps = [bass_pitch((following.bass + step) % 7, scale) for step in (1, 6)]
    leading = min(steps, key=lambda step: (abs(step - goal) + abs(step - fifth) / 4, step))
    return [(0.0, 2.0, root), (2.0, 1.0, fifth), (3.0, 1.0, leading)]


def root_line(scale: Scale, chord: Chord, left: int, lowest: int = ROOT_LOWEST) -> BassLine:
    """Return the chord's root alone, for as long as the chord lasts."""
    return [(0.0, float(BEATS_PER_BAR * left), bass_pitch(chord.bass, scale, lowest))]


def bass_part(notes: BassLine, layer: str, swell: float, state: MusicState) -> list[ScoreNote]:
    """Return the line as its layer plays it, the first note of a bar strongest."""
    loud = 50 + round(8 * state.density + 4 * swell)
    played: list[ScoreNote] = []
    for i, note in enumerate(notes):
        played += notes_of(layer, [note], loud - (6 if i else 0), 0.9 * state.articulation)
    return played


_PAD = VoiceGroup(voices=4, low=59, high=75, gap=5.0, pitches=4)
_PAD_BELOW = VoiceGroup(voices=4, low=55, high=70, gap=6.5, pitches=3)
"""Where a melody leads, the pad sings below it: three pitches, far enough apart not to beat."""

_STRINGS = VoiceGroup(voices=2, low=72, high=86, gap=5.0, pitches=2)


PAD_RANGE = 10.0
"""Semitones by which the register moves a pad that no melody leads."""


def lowest_layer(layers: tuple[str, ...]) -> str:
    """Return the layer that sings the lowest voice: the bass, or the pad on its own root."""
    return "bass" if "bass" in layers else "pad"


class Accompaniment:
    """Leads the voices of the harmony from bar to bar."""

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
        """Let the lowest voice go: it may begin a note with the next chord."""
        self._held = 0

    def bar(
        self, place: BarPosition, state: MusicState, *, layers: tuple[str, ...]
    ) -> tuple[BassLine, BarContext]:
        """Return the lowest voice of a bar and what all parts stand on."""
        lowest, led = lowest_layer(layers), "melody" in layers
        scale = Scale(self._tonic, place.phrase.mode)
        line = [] if self._held else self._foundation(place, scale, state.density, lowest)
        if line:
            self._held = ceil(line[0][1] / BEATS_PER_BAR)
        self._held -= 1
        low = BassVoice(self._low, tuple((offset, pitch) for offset, _, pitch in line))
        self._low = low.last
        if place.past == 0 or self._pad is None or self._strings is None:
            self._lead(place, scale, low.at(0.0), state, led=led)
        ground = BarContext(
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
            led=led,
        )
        if self._pad and self._ornament and place.left == 1:  # the next chord begins where this one ends
            self._pad = self._ornament.after(self._pad)
        return line, ground

    def _foundation(self, place: BarPosition, scale: Scale, density: float, lowest: str) -> BassLine:
        if lowest != "bass":  # the pad stands on its own root
            return root_line(scale, place.chord, place.left)
        third = seeded_rng(self._seed, "bass", place.bar).random() < 0.3
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
        self, place: BarPosition, scale: Scale, outer: BassMotion, state: MusicState, *, led: bool
    ) -> None:
        # Where a melody shows the register, the pad keeps below it; alone, it shows the register itself.
        choir, shift = (_PAD_BELOW, 0.0) if led else (_PAD, PAD_RANGE * (state.register - 0.5))
        before = self._pad
        self._pad = choir.lead(before, place.chord, scale, outer, shift)
        self._strings = _STRINGS.lead(self._strings, place.chord, scale, outer, shift)
        # a tone of the chord before would be foreign in the first bar of a new mode
        self._ornament = self._adorn(before if place.place else None, self._pad, place, scale, state.density)

    def _adorn(
        self,
        before: tuple[int, ...] | None,
        now: tuple[int, ...],
        place: BarPosition,
        scale: Scale,
        density: float,
    ) -> Ornament | None:
        """Return what the pad does within a chord: the longer and the denser, the likelier something.

        From its second chord on a phrase is made unlike those before, if nothing else has.
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
