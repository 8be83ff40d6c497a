"""What a protocol is: a frozen, fully checked description of a session."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from generator.state import NATURE_RANGE_DB, NATURES, PALETTES, RANGES, Mode
from protocols.feasibility import faults
from protocols.limits import LOWEST_GOAL_BPM, MATCH_RANGE_BPM


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mode(value: Any) -> Any:
    if isinstance(value, str) or _is_number(value):
        return Mode.of(value).openness
    known = ", ".join(f"{mode.openness:g} {mode.name.lower()}" for mode in Mode)
    raise ValueError(f"one of {known}")


def _one_of(names: tuple[str, ...]) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value in names:
            return value
        raise ValueError(f"one of {', '.join(names)}")

    return BeforeValidator(check)


def _tempo(low: float, high: float) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value == "hr" or (_is_number(value) and low <= value <= high):
            return value
        raise ValueError(f"hr (the listener's heart rate) or a number from {low:g} to {high:g} bpm")

    return BeforeValidator(check)


def _ranged(name: str, kind: str, unit: str = "") -> Any:
    low, high = RANGES[name]
    return Field(default=None, ge=low, le=high, description=f"{kind} from {low:g} to {high:g}{unit}")


# A description says what would be right; the loader quotes it when a value is wrong.
Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=60,
        description="small letters and digits, words joined by hyphens",
    ),
]
Text = Annotated[str, Field(min_length=1, description="a text")]
Texts = Annotated[tuple[Text, ...], Field(description="a list of texts")]
Seconds = Annotated[float, Field(ge=5, le=7200, description="a number of seconds from 5 to 7200")]
MatchedBpm = Annotated[
    float, Field(ge=MATCH_RANGE_BPM[0], le=MATCH_RANGE_BPM[1], description="a number from 50 to 100 bpm")
]
Palette = Annotated[str, _one_of(PALETTES)]
Nature = Annotated[str, _one_of(NATURES)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PieceDefaults(_Model):
    """What stays the same through the piece: its sounds and its tonic, 0 (C) to 11 (B).

    Attributes
    ----------
    palette, nature : str
        How the instruments sound, and what lies under them.
    nature_db : float
        Loudness of what lies under them, relative to theirs.
    tonic : int
        0 (C) to 11 (B).
    """

    palette: Palette = PALETTES[0]
    nature: Nature = NATURES[0]
    nature_db: float = Field(
        default=-12.0,
        ge=NATURE_RANGE_DB[0],
        le=NATURE_RANGE_DB[1],
        description="a number of dB from -30 to -6",
    )
    tonic: int = Field(default=0, ge=0, le=11, description="a whole number from 0 (C) to 11 (B)")


class Limits(_Model):
    """How fast the music may change.

    Attributes
    ----------
    tempo_bpm_per_min : float
        3 by default; up to 8 where every course of tempo is written out as an arc.
    tempo_percent_per_bar : float
        At most 1.
    mode_seconds : float
        At least 30 s between two changes of mode, each of one rung.
    """

    tempo_bpm_per_min: float = Field(default=3.0, ge=0.5, le=8, description="a number from 0.5 to 8")
    tempo_percent_per_bar: float = Field(default=1.0, ge=0.1, le=1, description="a number from 0.1 to 1")
    mode_seconds: float = Field(default=30.0, ge=30, le=600, description="a number of seconds from 30 to 600")


class Phase(_Model):
    """A stretch of the session: its name, which is unique, and its length in seconds."""

    name: Name
    duration_s: Seconds


class Settle(Phase):
    """Silence in which sensors and listener come to rest."""

    kind: Literal["settle"]


class Baseline(Phase):
    """Silence in which the listener's own resting state is measured."""

    kind: Literal["baseline"]


class Silence(Phase):
    """A pause in the music."""

    kind: Literal["silence"]


class Texture(_Model):
    """What the music is to be like when the phase has run its course.

    A field that is left out stays as the phase before has it; before the first, as
    ``generator.state.MusicState`` has it.
    """

    mode: Annotated[float, BeforeValidator(_mode)] | None = None
    density: float | None = _ranged("density", "a number")
    # Called plain `register` in files: that attribute name is taken by the class's own machinery.
    register_: float | None = Field(
        default=None, alias="register", ge=0, le=1, description="a number from 0 to 1"
    )
    brightness: float | None = _ranged("brightness", "a number")
    articulation: float | None = _ranged("articulation", "a number")
    layers: int | None = _ranged("layers", "a whole number")
    level_db: float | None = _ranged("level_db", "a number", " dB")
    breath_rate: float | None = _ranged("breath_rate", "a number", " per minute")
    breath_depth: float | None = _ranged("breath_depth", "a number")


TEXTURE_FIELDS = tuple(field.alias or name for name, field in Texture.model_fields.items())


class Match(Phase, Texture):
    """Music at the listener's heart rate, or at a tempo of its own."""

    kind: Literal["match"]
    tempo_bpm: Annotated[float | Literal["hr"], _tempo(*MATCH_RANGE_BPM)] = "hr"


class Lead(Phase, Texture):
    """Music that leads from the matched tempo toward a goal below it."""

    kind: Literal["lead"]
    goal_bpm: float = Field(
        ge=LOWEST_GOAL_BPM, le=MATCH_RANGE_BPM[1], description="a number from 42 to 100 bpm"
    )


class Sustain(Phase, Texture):
    """Music that stays at the tempo it has."""

    kind: Literal["sustain"]


class Section(Phase, Texture):
    """A part of an arc: it travels to its tempo and texture, then stays there."""

    tempo_bpm: Annotated[float | Literal["hr"], _tempo(*RANGES["tempo_bpm"])]
    hr_lowest_bpm: MatchedBpm = MATCH_RANGE_BPM[0]
    hr_highest_bpm: MatchedBpm = MATCH_RANGE_BPM[1]


class Arc(_Model):
    """A course written out section by section; time alone moves it on."""

    kind: Literal["arc"]
    name: Name
    sections: tuple[Section, ...] = Field(description="a list of sections")


AnyPhase = Annotated[Settle | Baseline | Match | Lead | Sustain | Arc | Silence, Field(discriminator="kind")]


class Protocol(_Model):
    """A session as a therapist writes it.

    Attributes
    ----------
    id, version, title, rationale, sources, cautions
        What it is called, why it is as it is, where that comes from, and whom to think twice about.
    arm : str
        ``closed-loop``: progress waits for the listener. ``open-loop``: progress is time, and the heart
        rate is taken once.
    piece : PieceDefaults
        Palette and tonic.
    default_tempo_bpm : float
        Tempo while no heart rate is known.
    limits : Limits
        How fast the music may change.
    phases : tuple of phases
        In order.
    end_fade_s : float
        Length of the fade that follows the last phase.

    Raises
    ------
    pydantic.ValidationError
        For anything that could not be carried out as written.
    """

    id: Name
    version: int = Field(ge=1, description="a whole number from 1")
    title: Text
    rationale: Text
    sources: Texts
    arm: Literal["closed-loop", "open-loop"] = Field(description="closed-loop or open-loop")
    piece: PieceDefaults = PieceDefaults()
    default_tempo_bpm: MatchedBpm = 70.0
    limits: Limits = Limits()
    cautions: Texts
    phases: tuple[AnyPhase, ...] = Field(description="a list of phases")
    end_fade_s: float = Field(default=20.0, ge=15, le=30, description="a number of seconds from 15 to 30")

    @model_validator(mode="after")
    def _feasible(self) -> Self:
        if found := faults(self):
            raise PydanticCustomError(
                "infeasible",
                "{summary}",
                {"summary": "; ".join(fault.message for fault in found), "faults": found},
            )
        return self

    @property
    def duration_s(self) -> float:
        """Length of all phases together, without the end fade."""
        return sum(stretch.duration_s for phase in self.phases for stretch in stretches(phase))


def stretches(phase: AnyPhase) -> tuple[Settle | Baseline | Match | Lead | Sustain | Silence | Section, ...]:
    """Return the phase itself, or the sections of an arc."""
    return phase.sections if isinstance(phase, Arc) else (phase,)
