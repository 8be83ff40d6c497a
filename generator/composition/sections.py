"""The form of a piece: sections of two to four minutes that state, contrast, thin out, return and close.

A section says which themes it has, on which tonic it stands, and by which arc its texture departs from
what is asked for. Arcs move slowly and are bounded; without a form they are 0. How long the piece will be
is not known, so that after a close the sections begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from generator.composition.notation import NO_ARC, FormArc, SectionKind, pick, seeded_rng
from generator.state import RANGES, Mode, MusicState

SHORTEST_S, LONGEST_S = 125.0, 190.0
"""Planned length of a section; it ends with the period in which it is reached (some 20 s later)."""

GLIDE_S = 24.0
"""Time in which an arc moves from one section's to the next."""

FEWEST_LAYERS = 2
"""The form leaves at least the pad and the melody, where they are asked for."""

_ORDER = (
    SectionKind.STATEMENT,
    SectionKind.CONTRAST,
    SectionKind.THINNING,
    SectionKind.RETURN,
    SectionKind.CLOSE,
)

# What a section adds with the full form (our convention): thinner and lower, or fuller and higher.
_FULL = {
    SectionKind.STATEMENT: FormArc(density=0.0, register=0.0, brightness=0.0, layers=0, level_db=-1.0),
    SectionKind.CONTRAST: FormArc(density=0.22, register=-0.4, brightness=-0.05, layers=1, level_db=0.0),
    SectionKind.THINNING: FormArc(density=-0.28, register=0.34, brightness=0.05, layers=-2, level_db=-4.0),
    SectionKind.RETURN: FormArc(density=0.1, register=0.16, brightness=0.08, layers=1, level_db=-0.3),
    SectionKind.CLOSE: FormArc(density=-0.16, register=-0.1, brightness=-0.12, layers=-1, level_db=-3.0),
}
_SCALES = {"none": 0.0, "gentle": 0.45, "full": 1.0}

# The themes of a section by their place in the piece's list, period after period.
_THEMES = {
    SectionKind.STATEMENT: (0, 0, 1, 0, 2, 1),
    SectionKind.CONTRAST: (3, 3, 2, 1, 1, 3),
    SectionKind.THINNING: (1, 1, 3, 0),
    SectionKind.RETURN: (0, 2, 0, 1, 0, 3),
    SectionKind.CLOSE: (2, 2, 0, 1),
}

_PULSES_ABOVE = 0.08
"""Density that a section adds from which on its pad is struck in every bar."""

_FIFTH_UP, _FOURTH_UP = 7, 5


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """A section of the piece.

    Attributes
    ----------
    number : int
        From 0.
    kind : SectionKind
        What it does.
    seconds : float
        Its planned length.
    arc : FormArc
        Where the texture moves.
    turn : int
        0, or 1 and 2 for the two related tonics of `related_tonic`.
    """

    number: int
    kind: SectionKind
    seconds: float
    arc: FormArc
    turn: int

    @property
    def pulses(self) -> bool:
        """Whether the pad is struck in every bar, not only where its chord begins."""
        return self.arc.density > _PULSES_ABOVE

    def theme(self, period: int, themes: int) -> int:
        """Return which of so many themes a period of the section has."""
        order = _THEMES[self.kind]
        return order[period % len(order)] % themes


def section(seed: int, number: int, form: str) -> PlannedSection:
    """Return a section of a piece."""
    rng = seeded_rng(seed, "section", number)
    kind = _ORDER[number % len(_ORDER)]
    scale = _SCALES[form] * (0.85 + 0.3 * rng.random())
    full = _FULL[kind]
    arc = FormArc(
        density=scale * full.density,
        register=scale * full.register,
        brightness=scale * full.brightness,
        layers=round(min(1.0, scale) * full.layers),
        level_db=max(-4.0, scale * full.level_db),
    )
    return PlannedSection(
        number=number,
        kind=kind,
        seconds=SHORTEST_S + (LONGEST_S - SHORTEST_S) * rng.random(),
        arc=arc if scale else NO_ARC,
        turn=pick(rng, (1, 2)) if kind is SectionKind.CONTRAST else 0,
    )


def related_tonic(tonic: int, mode: Mode, turn: int) -> int:
    """Return a tonic whose chord belongs to the scale of the present one.

    A fifth up one tone of the scale is raised, a fourth up one is lowered. Only in ionian and aeolian does
    the scale have the tonic chord of both.
    """
    if not turn:
        return tonic
    up = _FIFTH_UP if turn == 1 else _FOURTH_UP
    return (tonic + _ONLY_UP.get(mode, up)) % 12


_ONLY_UP = {
    Mode.LYDIAN: _FIFTH_UP,
    Mode.DORIAN: _FIFTH_UP,
    Mode.MIXOLYDIAN: _FOURTH_UP,
    Mode.PHRYGIAN: _FOURTH_UP,
}


class SectionPlan:
    """Follows the sections of a piece as its bars go by."""

    def __init__(self, seed: int, form: str) -> None:
        self._seed = seed
        self._form = form
        self._spent_s = 0.0
        self.section = section(seed, 0, form)
        self.period = 0
        self.arc = self.section.arc

    def begin_period(self) -> None:
        """Begin a question and its answer; where the section has lasted long enough, the next section."""
        if self._spent_s >= self.section.seconds:
            self.section = section(self._seed, self.section.number + 1, self._form)
            self._spent_s = 0.0
            self.period = 0
        else:
            self.period += self._spent_s > 0.0

    @property
    def ends_soon(self) -> bool:
        """Whether the section will have lasted long enough after a phrase more."""
        return self._spent_s + 15.0 >= self.section.seconds

    def advance(self, bar_s: float) -> None:
        """Let a bar go by."""
        self._spent_s += bar_s
        target = self.section.arc
        share = bar_s / GLIDE_S
        moved = {
            name: _approach(getattr(self.arc, name), getattr(target, name), share * width)
            for name, width in (
                ("density", 0.36),
                ("register", 0.48),
                ("brightness", 0.24),
                ("level_db", 3.5),
            )
        }
        self.arc = FormArc(**moved, layers=target.layers)


def _approach(value: float, target: float, step: float) -> float:
    return target if abs(target - value) <= step else value + (step if target > value else -step)


def shaped(state: MusicState, arc: FormArc) -> MusicState:
    """Return a state with what the form adds to its density, register and layers, within their ranges."""
    if arc == NO_ARC:
        return state
    fewest = min(FEWEST_LAYERS, state.layers)
    return replace(
        state,
        density=min(1.0, max(0.0, state.density + arc.density)),
        register=min(1.0, max(0.0, state.register + arc.register)),
        layers=int(min(RANGES["layers"][1], max(fewest, state.layers + arc.layers))),
    )
