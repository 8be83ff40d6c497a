"""The fields of a protocol and of its goals, each checked alone; `feasibility` checks them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator

from generator.state import (
    EARLIER_NATURES,
    FORMS,
    METRES,
    NATURE_RANGE_DB,
    NATURES,
    PALETTES,
    TONAL_PLANS,
    Metre,
)
from protocols.fields import (
    Limits,
    MatchedBpm,
    Name,
    ProtocolPart,
    Short,
    Text,
    Texts,
    described,
    is_number,
    one_of,
    ranged,
)
from protocols.phases import AnyPhase, Stretch, stretches
from protocols.scales import SCALES

LARGEST_CHANGE = 1000
"""A goal for a larger change is a mistake, whatever the unit."""

RATING = "rating:"
"""Prefix of a measure that is the answers on a scale."""

MEASURES = {
    "hr_bpm": "heart rate, beats a minute",
    "activation": "physiological activation, in standard deviations of the listener's own baseline",
    "rmssd_ms": "variability of heart rate (of pulse rate where that is measured) from beat to beat, ms",
    "breathing_rate": "breaths a minute",
    "scl_uS": "skin conductance level, microsiemens",
    "scr_rate_per_min": "skin conductance responses a minute",
    **{RATING + scale.id: f"answers to: {scale.question}" for scale in SCALES.values()},
}
"""What a goal may be about: columns of the features table, or answers on a scale, with their meaning."""


def _change(value: Any) -> Any:
    if is_number(value) and value != 0 and abs(value) <= LARGEST_CHANGE:
        return value
    raise ValueError("a number other than 0, such as -3 (a fall by 3 at least) or 2 (a rise by 2 at least)")


class Goal(ProtocolPart):
    """A change from one phase to another that the session aims at. It is no effect of the music."""

    name: Short = described("the goal in words")
    measure: Annotated[str, one_of(MEASURES)] = described("what is measured", "one of " + ", ".join(MEASURES))
    change: Annotated[float, BeforeValidator(_change)] = described(
        "the least change, in the measure's own unit; negative is a fall",
        "a number other than 0, such as -3 (a fall by 3 at least) or 2 (a rise by 2 at least)",
    )
    # Called plain `from` in files: a word that Python keeps for itself.
    from_: Name | None = described(
        "phase of the first value; where left out, the baseline, for a rating the first phase that asks",
        "the name of a phase",
        default=None,
        alias="from",
    )
    at: Name | None = described(
        "phase of the second value; where left out, the last with music, for a rating the last that asks",
        "the name of a phase",
        default=None,
    )

    @property
    def scale(self) -> str | None:
        """The scale of a goal about a rating, else None."""
        return self.measure.removeprefix(RATING) if self.measure.startswith(RATING) else None


class GoalSpan(NamedTuple):
    """Names of the two phases or sections that a goal compares; None where the protocol has none."""

    start: str | None
    end: str | None


def span_of(goal: Goal, phases: Sequence[Stretch]) -> GoalSpan:
    """Return which phases, or sections of arcs, a goal compares, with defaults filled in."""
    if goal.scale is None:
        baselines = [phase.name for phase in phases if phase.kind == "baseline"]
        starts, ends = baselines, [phase.name for phase in phases if phase.sounds]
    else:
        starts = ends = [
            phase.name for phase in phases if any(rating.scale == goal.scale for rating in phase.ratings)
        ]
    return GoalSpan(goal.from_ or (starts[0] if starts else None), goal.at or (ends[-1] if ends else None))


ARMS = ("closed-loop", "open-loop", "silence")
LANGUAGE = 2
"""Version of the protocol language; files of version 1 are of version 2 as well."""


class PieceDefaults(ProtocolPart):
    """What is decided once for the whole piece: its sounds, its tonic, its metre and its form."""

    palette: Annotated[str, one_of(PALETTES)] = described(
        "the instruments", "one of " + ", ".join(PALETTES), default=PALETTES[0]
    )
    nature: Annotated[str, one_of(NATURES, earlier=EARLIER_NATURES)] = described(
        "the nature sounds under the music", "one of " + ", ".join(NATURES), default=NATURES[0]
    )
    nature_db: float = ranged(
        "level of the nature sounds relative to the music",
        NATURE_RANGE_DB,
        kind="a number of dB",
        default=-12.0,
    )
    tonic: int = described(
        "the keynote, in semitones above C", "a whole number from 0 (C) to 11 (B)", default=0, ge=0, le=11
    )
    metre: Annotated[str, one_of(METRES)] = described(
        "the beats of a bar; with `any` each session has one of the three",
        "one of " + ", ".join(METRES),
        since=2,
        default=Metre.COMMON.text,
    )
    form: Annotated[str, one_of(FORMS)] = described(
        "how far the sections of the piece may depart from the texture and level asked for: `none`, not at "
        "all; `gentle`, a little; `full`, clearly. It plays softer than asked for, never louder",
        "one of " + ", ".join(FORMS),
        since=2,
        default=FORMS[0],
    )
    tonal_plan: Annotated[str, one_of(TONAL_PLANS)] = described(
        "whether the piece stays on its keynote (`none`) or visits related ones and returns (`related`)",
        "one of " + ", ".join(TONAL_PLANS),
        since=2,
        default=TONAL_PLANS[0],
    )


class Outline(ProtocolPart):
    """The fields of a protocol, not yet checked against each other. Use `protocols.schema.Protocol`."""

    # Called plain `schema` in files: that attribute name is taken by the class's own machinery.
    schema_: Literal[2] = described(
        "version of the protocol language", "2, or left out", since=2, default=LANGUAGE, alias="schema"
    )
    id: Name = described("identifier of the protocol")
    version: int = described(
        "raise it with every change once the protocol was used", "a whole number from 1", ge=1
    )
    title: Text = described("title that people read")
    rationale: Text = described("why the protocol is as it is")
    sources: Texts = described("studies, or `our own convention`")
    arm: Annotated[str, one_of(ARMS)] = described(
        "`closed-loop`: a lead waits for the listener; `open-loop`: everything goes by the clock, the heart "
        "rate is taken once; `silence`: no music at all",
        "one of " + ", ".join(ARMS),
    )
    piece: PieceDefaults = described(
        "what holds for the whole piece; see below",
        "keys and values indented below it",
        default=PieceDefaults(),
    )
    default_tempo_bpm: MatchedBpm = described("tempo while no heart rate is known", default=70.0)
    limits: Limits = described(
        "how fast the music may change; see below", "keys and values indented below it", default=Limits()
    )
    cautions: Texts = described("cautions that are shown before a session")
    numbers_shown: bool = described(
        "`false` hides heart rate, activation and all other numbers on the screen during the session",
        "true or false",
        since=2,
        default=True,
    )
    goals: tuple[Goal, ...] = described(
        "goals that the report checks; see below", "a list of goals", since=2, default=()
    )
    phases: tuple[AnyPhase, ...] = described("the phases in order; see below", "a list of phases")
    end_fade_s: float = ranged(
        "length of the fade that follows the last phase", (15, 30), kind="a number of seconds", default=20.0
    )

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """All phases in order, with the sections of arcs in place of the arcs."""
        return tuple(stretch for phase in self.phases for stretch in stretches(phase))

    @property
    def duration_s(self) -> float:
        """Length of all phases, without the end fade; phases that wait for a cue at their longest."""
        return sum(stretch.duration_s for stretch in self.stretches)
