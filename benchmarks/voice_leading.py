"""Whether voices are led well, judged from notes alone; the rules are stated here anew."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from generator.composition.composer import Composer
from generator.composition.notation import BarScore
from generator.state import MusicState, Piece

OPENNESS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

LEAPS = {"pad": 2, "strings": 2, "bass": 11, "counter": 12, "melody": 9}
"""Semitones a voice may move at most."""

VOICES = {"pad": 4, "strings": 2}

TOP_LEAP = 4
"""The highest of the pad and of the strings may take a third where it would run in parallels."""

LOW_PITCH, LOW_GAP = 48, 7
"""Below C3 nothing stands closer than a fifth."""

PAD_FLOOR = 53
"""What the pad sings below is its root, which moves as a bass does."""

Note = tuple[float, float, int]
"""Beginning and end in beats from the beginning of the piece, and pitch."""


def compose(states: Sequence[MusicState], piece: Piece) -> list[BarScore]:
    """Return one bar for each state."""
    composer = Composer(piece)
    return [composer.bar(state) for state in states]


def random_states(rng: random.Random, bars: int) -> list[MusicState]:
    """Return states that change at random to anything every one to twelve bars."""
    states: list[MusicState] = []
    while len(states) < bars:
        state = MusicState(
            mode=rng.choice(OPENNESS),
            density=rng.random(),
            register=rng.random(),
            brightness=rng.random(),
            articulation=rng.random(),
            layers=rng.randint(1, 8),
        )
        states += [state] * rng.randint(1, 12)
    return states[:bars]


# --- voices -----------------------------------------------------------------------------------------------


class VoiceLeading:
    """Counts breaches of the rules of voice leading, bar after bar."""

    def __init__(self) -> None:
        self.breaches: Counter[str] = Counter()
        self.widest: Counter[str] = Counter()
        self._voices: dict[str, list[Note]] = defaultdict(list)
        self._sounding: list[tuple[Note, str]] = []
        self._low: int | None = None

    def bar(self, bar: BarScore) -> None:
        """Add a bar."""
        start = 4.0 * bar.index
        for voice in list(self._voices):
            if ("pad" if voice == "root" else voice) not in bar.layers:
                del self._voices[voice]
        moments: dict[float, list[tuple[Note, str]]] = defaultdict(list)
        for note in bar.notes:
            at = start + note.offset
            voice = "root" if note.layer == "pad" and note.pitch < PAD_FLOOR else note.layer
            moments[at].append(((at, at + note.duration, note.pitch), voice))
        for at in sorted(moments):
            self._moment(at, moments[at])

    def _moment(self, at: float, begun: list[tuple[Note, str]]) -> None:
        self._sounding = [each for each in self._sounding if each[0][1] > at + 1e-6] + begun
        before = {voice: self._last(voice) for voice in ("melody", "pad", "strings")}
        for voice in {voice for _, voice in begun}:
            self._move(voice, at, [note for note, of in begun if of == voice])
        self._parallels(at, before)
        self._places()

    def _move(self, voice: str, at: float, begun: list[Note]) -> None:
        choir = voice in ("pad", "strings")  # the others are one voice, which leaves a note for the next
        going_on = [note for note in self._voices[voice] if choir and note[1] > at + 1e-6]
        left = [note[2] for note in self._voices[voice] if note not in going_on]
        came = [note[2] for note in begun]
        limit = LEAPS.get("bass" if voice == "root" else voice)
        if limit is not None and left:
            stays = [note[2] for note in going_on]
            self._leap(voice, limit, sorted(left + stays), sorted(came + stays))
        self._voices[voice] = going_on + begun

    def _leap(self, voice: str, limit: int, before: list[int], now: list[int]) -> None:
        top = abs(now[-1] - before[-1])
        if len(before) == len(now) == VOICES.get(voice, 1):  # they keep their order: each goes to its own
            rest = [abs(a - b) for a, b in zip(before[:-1], now[:-1], strict=True)]
        else:  # two voices met or parted
            rest = [min(abs(a - b) for b in before) for a in now[:-1]]
            rest += [min(abs(a - b) for b in now) for a in before[:-1]]
        inner = max(rest, default=0)
        self.widest[voice] = max(self.widest[voice], inner if rest else top)
        self.widest[f"{voice} top"] = max(self.widest[f"{voice} top"], top)
        self.breaches["leap"] += inner > limit or top > max(limit, TOP_LEAP)

    def _last(self, voice: str) -> int | None:
        return max((note[2] for note in self._voices[voice]), default=None)

    def _parallels(self, at: float, before: dict[str, int | None]) -> None:
        low = [note[2] for voice in ("bass", "root") for note in self._voices[voice] if note[0] == at]
        if not low:
            return
        was, self._low = self._low, min(low)
        if was is None or was == self._low:
            return
        for voice, top_was in before.items():
            top = self._last(voice)
            if top_was is None or top is None or top_was == top:
                continue
            interval = (top - self._low) % 12
            self.breaches["parallel"] += interval in (0, 7) and (top_was - was) % 12 == interval

    def _places(self) -> None:
        pitches = sorted(note[2] for note, _ in self._sounding)
        self.breaches["low interval"] += any(
            a < LOW_PITCH and 0 < b - a < LOW_GAP for a, b in pairwise(pitches)
        )
        lows = [note[2] for note, voice in self._sounding if voice in ("bass", "root")]
        rest = [note[2] for note, voice in self._sounding if voice not in ("bass", "root")]
        self.breaches["crossing"] += bool(lows and rest and max(lows) >= min(rest))
        melody = [note[2] for note, voice in self._sounding if voice == "melody"]
        second = [note[2] for note, voice in self._sounding if voice == "counter"]
        self.breaches["crossing"] += bool(melody and second and max(second) >= min(melody))


def voice_leading(bars: int, seed: int = 0) -> dict[str, object]:
    """Return the breaches in so many bars at random states."""
    rng = random.Random(seed)
    checker = VoiceLeading()
    for bar in compose(random_states(rng, bars), Piece(seed=seed, tonic=seed % 12)):
        checker.bar(bar)
    kinds = ("crossing", "leap", "low interval", "parallel")
    return {
        "bars": bars,
        "breaches": {kind: checker.breaches[kind] for kind in kinds},
        "widest_semitones": dict(checker.widest),
    }


# --- what is asked and what is written --------------------------------------------------------------------
