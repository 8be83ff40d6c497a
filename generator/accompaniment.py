"""The parts that carry the harmony: the lowest voice, the pad, the strings; and where the others stand."""

from __future__ import annotations

from math import ceil

from generator import bass
from generator.form import Memory, Place
from generator.ground import Ground, Low
from generator.harmony import Scale
from generator.notation import chance, pick
from generator.state import BEATS_PER_BAR, MusicState
from generator.voicing import Choir, Ornament, Outer, ornaments

_PAD = Choir(voices=4, low=59, high=75, gap=5.0, pitches=4)
_PAD_BELOW = Choir(voices=4, low=55, high=70, gap=6.5, pitches=3)
"""Where a melody leads, the pad sings below it: three pitches, far enough apart not to beat."""

_STRINGS = Choir(voices=2, low=72, high=86, gap=5.0, pitches=2)


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
        self._memory = Memory()
        self._low: int | None = None
        self._held = 0  # bars for which the lowest voice still holds its note

    def begin(self) -> None:
        """Begin a phrase."""
        self._memory.begin()

    def release(self) -> None:
        """Let the lowest voice go: it may begin a note with the next chord."""
        self._held = 0

    def bar(self, place: Place, state: MusicState, *, layers: tuple[str, ...]) -> tuple[bass.Line, Ground]:
        """Return the lowest voice of a bar and what all parts stand on."""
        lowest, led = lowest_layer(layers), "melody" in layers
        scale = Scale(self._tonic, place.phrase.mode)
        line = [] if self._held else self._foundation(place, scale, state.density, lowest)
        if line:
            self._held = ceil(line[0][1] / BEATS_PER_BAR)
        self._held -= 1
        low = Low(self._low, tuple((offset, pitch) for offset, _, pitch in line))
        self._low = low.last
        if place.past == 0 or self._pad is None or self._strings is None:
            self._lead(place, scale, low.at(0.0), state, led=led)
        ground = Ground(
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

    def _foundation(self, place: Place, scale: Scale, density: float, lowest: str) -> bass.Line:
        if lowest != "bass":  # the pad stands on its own root
            return bass.foundation(scale, place.chord, place.left)
        third = chance(self._seed, "bass", place.bar).random() < 0.3
        return bass.line(
            scale,
            place.chord,
            place.following,
            past=place.past,
            left=place.left,
            density=density,
            third=third,
        )

    def _lead(self, place: Place, scale: Scale, outer: Outer, state: MusicState, *, led: bool) -> None:
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
        place: Place,
        scale: Scale,
        density: float,
    ) -> Ornament | None:
        """Return what the pad does within a chord: the longer and the denser, the likelier something.

        From its second chord on a phrase is made unlike those before, if nothing else has.
        """
        rng = chance(self._seed, "ornament", place.bar)
        ways = ornaments(before, now, place.chord, scale, float(BEATS_PER_BAR * place.left))
        likely = 0.25 + 0.3 * density if place.left == 1 else 0.5 + 0.45 * density
        plain = rng.random() > likely
        chosen = None if plain or not ways else pick(rng, ways)
        if place.place:
            unlike = (way for way in (chosen, None, *ways) if not self._memory.knows([(now, way)]))
            chosen = next(unlike, chosen)
        self._memory.add([(now, chosen)])
        return chosen
