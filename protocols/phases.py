"""The kinds of phases a session is made of, each with the keys it has of its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from generator.state import RANGES
from protocols.bounds import HIGHEST_GOAL_BPM, LOWEST_GOAL_BPM, MATCH_RANGE_BPM
from protocols.fields import (
    MatchedBpm,
    MatchedTempo,
    Model,
    ModeOf,
    Name,
    Seconds,
    Tempo,
    described,
)
from protocols.parts import Asked, Gate, Markers, Until

BREATH_RANGE_PER_MIN = (4.0, 10.0)
"""Rates of slow breathing that a protocol may ask for by number."""

OWN_BREATH_RANGE_PER_MIN = (4.0, 20.0)
"""Rates within which a share of the listener's own breathing rate is kept."""


class Phase(Model):
    """What every phase, and every section of an arc, has."""

    name: Name = described(
        "its name, which no other phase or section has (`end` is taken)",
        "a name of small letters and digits, words joined by hyphens",
    )
    duration_s: Seconds = described(
        "its length; with `until`, the longest it may take", "a number of seconds from 5 to 7200"
    )
    until: Until | None = described(
        "ends the phase as soon as somebody gives this cue",
        "a mapping such as {cue: procedure-over}",
        since=2,
        default=None,
    )
    ratings: tuple[Asked, ...] = described(
        "what the listener is asked", "a list such as [{scale: pain-nrs, at: begin}]", since=2, default=()
    )
    markers: Markers = described(
        "marks in the recording",
        "a mapping such as {begin: procedure starts, end: procedure over}",
        since=2,
        default=Markers(),
    )

    @property
    def sounds(self) -> bool:
        """Whether there is music in it."""
        return isinstance(self, Texture)


class Settle(Phase):
    """Silence: listener and sensors come to rest."""

    kind: Literal["settle"]


class Baseline(Phase):
    """Silence in which the listener's resting state is measured; 120 s is short, research takes 300 s."""

    kind: Literal["baseline"]


class Silence(Phase):
    """A pause in the music; 30 to 120 s are a good length."""

    kind: Literal["silence"]


class Recovery(Phase):
    """Silence after the music, in which physiology is observed."""

    kind: Literal["recovery"]


def _ranged(name: str, means: str, kind: str, unit: str = "") -> Any:
    low, high = RANGES[name]
    return described(means, f"{kind} from {low:g} to {high:g}{unit}", default=None, ge=low, le=high)


class Texture(Model):
    """What the music is to be like when the phase has run its course.

    A field that is left out stays as the phase before has it; before the first, as
    ``generator.state.MusicState`` has it.
    """

    mode: ModeOf | None = described(
        "dark to bright",
        "phrygian, aeolian, dorian, mixolydian, ionian, lydian or its number 0, 0.2 … 1",
        default=None,
    )
    density: float | None = _ranged("density", "how many notes", "a number")
    # Called plain `register` in files: that attribute name is taken by the class's own machinery.
    register_: float | None = described(
        "how high", "a number from 0 to 1", default=None, alias="register", ge=0, le=1
    )
    brightness: float | None = _ranged("brightness", "how bright the sounds are", "a number")
    articulation: float | None = _ranged("articulation", "0 legato … 1 detached", "a number")
    layers: int | None = _ranged("layers", "how many parts sound together", "a whole number")
    level_db: float | None = _ranged("level_db", "how loud", "a number", " dB")
    breath_rate: float | None = _ranged(
        "breath_rate", "swells a minute, 0 for none", "a number", " per minute"
    )
    breath_depth: float | None = _ranged("breath_depth", "how deep the swells are", "a number")


TEXTURE_FIELDS = tuple(field.alias or name for name, field in Texture.model_fields.items())


class Paced(Model):
    """How fast the music may change in a phase, where that is not what `limits` says for all."""

    tempo_bpm_per_min: float | None = described(
        "fastest change of tempo in this phase, in place of the protocol's; in a lead at most 3",
        "a number from 0.5 to 8",
        since=2,
        default=None,
        ge=0.5,
        le=8,
    )
    mode_seconds: float | None = described(
        "shortest time between two changes of mode in this phase, in place of the protocol's",
        "a number of seconds from 30 to 600",
        since=2,
        default=None,
        ge=30,
        le=600,
    )


def _lowest(since: int) -> Any:
    return described(
        "slowest tempo that a heart rate may lead to",
        "a number from 50 to 100 bpm",
        since=since,
        default=MATCH_RANGE_BPM[0],
    )


def _highest(since: int) -> Any:
    return described(
        "fastest tempo that a heart rate may lead to",
        "a number from 50 to 100 bpm",
        since=since,
        default=MATCH_RANGE_BPM[1],
    )


class Match(Phase, Texture, Paced):
    """Music at the listener's heart rate, or at a tempo of its own."""

    kind: Literal["match"]
    tempo_bpm: MatchedTempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 50 to 100 bpm",
        default="hr",
    )
    hr_lowest_bpm: MatchedBpm = _lowest(since=2)
    hr_highest_bpm: MatchedBpm = _highest(since=2)


class Lead(Phase, Texture, Paced):
    """Music that goes from the matched tempo toward a goal; it stands directly after a match."""

    kind: Literal["lead"]
    goal_bpm: float = described(
        "tempo to lead to; at most 0.85 of the start, upward at least 1.15 of it",
        "a number from 42 to 120 bpm",
        ge=LOWEST_GOAL_BPM,
        le=HIGHEST_GOAL_BPM,
    )
    direction: Literal["down", "up"] = described(
        "toward rest (`down`) or toward higher arousal (`up`)", "down or up", since=2, default="down"
    )
    gating: Literal["listener", "clock"] | None = described(
        "whether it waits for the listener; where left out, it does in a closed loop",
        "listener or clock",
        since=2,
        default=None,
    )
    gate: Gate = described(
        "when it waits; see below", "a mapping such as {hold_after_s: 20}", since=2, default=Gate()
    )


class Sustain(Phase, Texture, Paced):
    """Music that stays at the tempo it has."""

    kind: Literal["sustain"]


class Breathe(Phase, Texture, Paced):
    """Music that swells and ebbs at a slow rate of breathing, at the tempo it has.

    One of `breath_rate`, `share_of_own` and `assessed` says at which.
    """

    kind: Literal["breathe"]
    breath_rate: float | None = described(
        "breaths a minute",
        "a number from 4 to 10 per minute",
        default=None,
        ge=BREATH_RANGE_PER_MIN[0],
        le=BREATH_RANGE_PER_MIN[1],
    )
    share_of_own: float | None = described(
        "the rate as a share of the listener's own, as measured in the baseline, else when the phase begins",
        "a number from 0.5 to 1",
        default=None,
        ge=0.5,
        le=1,
    )
    assessed: bool = described(
        "true: the rate that the steps with `assess: true` before it found", "true or false", default=False
    )
    fallback_rate: float = described(
        "rate where the listener's own is not known, or no step could be judged",
        "a number from 4 to 10 per minute",
        default=6.0,
        ge=BREATH_RANGE_PER_MIN[0],
        le=BREATH_RANGE_PER_MIN[1],
    )
    breath_depth: float = described(
        "how deep the swells are; 1 is 4 dB from softest to loudest",
        "a number from 0.1 to 1",
        default=0.6,
        ge=0.1,
        le=1,
    )
    assess: bool = described(
        "true: a step of an assessment, whose rate is tried out", "true or false", default=False
    )


class Section(Phase, Texture, Paced):
    """A part of an arc: it travels to its tempo and texture, then stays there."""

    kind: ClassVar[str] = "arc"
    tempo_bpm: Tempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 30 to 140 bpm",
    )
    hr_lowest_bpm: MatchedBpm = _lowest(since=1)
    hr_highest_bpm: MatchedBpm = _highest(since=1)


class Arc(Model):
    """A course written out section by section; the clock moves it on, or a cue."""

    kind: Literal["arc"]
    name: Name = described(
        "its name, which no other phase or section has",
        "a name of small letters and digits, words joined by hyphens",
    )
    sections: tuple[Section, ...] = described("its parts, in order", "a list of sections")


class Engage(Phase, Texture, Paced):
    """Music to turn to, as in pain distraction: its energy is set by listener and therapist.

    Tempo and texture follow from energy; what is set here stays as set. Intensify and soften change energy
    by 0.1; physiology never lowers it.
    """

    kind: Literal["engage"]
    energy: float | None = described(
        "how energetic it begins; where left out, as energetic as the engage phase before ended",
        "a number from 0 to 1",
        default=None,
        ge=0,
        le=1,
    )


class Return(Phase, Texture, Paced):
    """Music that travels gently to what it asks for, all its time long: the way back to the room."""

    kind: Literal["return"]
    tempo_bpm: Tempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 30 to 140 bpm",
    )
    hr_lowest_bpm: MatchedBpm = _lowest(since=2)
    hr_highest_bpm: MatchedBpm = _highest(since=2)


PHASES: dict[str, type[Model]] = {
    "settle": Settle,
    "baseline": Baseline,
    "match": Match,
    "lead": Lead,
    "sustain": Sustain,
    "breathe": Breathe,
    "arc": Arc,
    "engage": Engage,
    "silence": Silence,
    "return": Return,
    "recovery": Recovery,
}
"""The kinds of phases there are."""

AnyPhase = Annotated[
    Settle | Baseline | Match | Lead | Sustain | Breathe | Arc | Engage | Silence | Return | Recovery,
    Field(discriminator="kind"),
]

Stretch = (
    Settle | Baseline | Match | Lead | Sustain | Breathe | Section | Engage | Silence | Return | Recovery
)
"""What a session is made of in time: a phase, or a section of an arc."""


def stretches(phase: AnyPhase) -> tuple[Stretch, ...]:
    """Return the phase itself, or the sections of an arc."""
    return phase.sections if isinstance(phase, Arc) else (phase,)
