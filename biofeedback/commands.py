"""The commands that people give a running session.

A command is a frozen pydantic model, told apart by its `name`: `COMMAND` reads any of them from JSON, and the
OpenAPI document lists them all. The engine records every command with its answer, accepted or not.

>>> COMMAND.validate_python({"name": "override", "field": "tempo_bpm", "value": 64.0})
Override(name='override', field='tempo_bpm', value=64.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from generator.state import STATE_FIELDS, VOLUME_RANGE_DB, FieldKind

OVERRIDABLE = tuple(name for name, field in STATE_FIELDS.items() if field.kind is not FieldKind.FLAG)
"""The parameters of the music that may be overridden."""


def _overridable(name: str) -> str:
    if name not in OVERRIDABLE:
        raise ValueError(f"parameter {name!r} does not exist; there are {', '.join(OVERRIDABLE)}")
    return name


Parameter = Annotated[
    str,
    AfterValidator(_overridable),
    WithJsonSchema({"type": "string", "enum": [*OVERRIDABLE]}),
]
"""One of `OVERRIDABLE`."""

EXTENSION_RANGE_S = (10.0, 1800.0)

Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S", description="a text")]
Short = Annotated[str, Field(min_length=1, max_length=120, pattern=r"\S", description="a few words")]


class StrictModel(BaseModel):
    """What comes from outside: exactly these fields, each of exactly its type, and no infinite number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Command(StrictModel):
    def record(self) -> dict[str, Any]:
        """Return it as it is recorded: ``{"name": ..., "args": {...}}``."""
        return {"name": self.name, "args": self.model_dump(exclude={"name"})}  # type: ignore[attr-defined]  # every command has one


class Pause(_Command):
    """Pause the protocol; the music continues unchanged."""

    name: Literal["pause"] = "pause"


class Hold(_Command):
    """Pause the protocol and fade the music to silence."""

    name: Literal["hold"] = "hold"


class Resume(_Command):
    """Continue after a pause, a hold, a plateau or a loss of the signal."""

    name: Literal["resume"] = "resume"


class Stay(_Command):
    """Answer a question: change nothing, and do not ask again in this phase."""

    name: Literal["stay"] = "stay"


class Skip(_Command):
    """End the present phase now and begin the next."""

    name: Literal["skip"] = "skip"


class Extend(_Command):
    """Extend the present phase."""

    name: Literal["extend"] = "extend"
    seconds: float = Field(default=60.0, ge=EXTENSION_RANGE_S[0], le=EXTENSION_RANGE_S[1])


class Intensify(_Command):
    """Raise the energy or intensity of the music by one step."""

    name: Literal["intensify"] = "intensify"


class Soften(_Command):
    """Lower the energy or intensity of the music by one step."""

    name: Literal["soften"] = "soften"


class Override(_Command):
    """Set one parameter of the music by hand; it glides there within the limits."""

    name: Literal["override"] = "override"
    field: Parameter
    value: float

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        STATE_FIELDS[self.field].check(self.value)
        return self


class Release(_Command):
    """Return a parameter, or all of them, to the protocol; it glides back within the limits."""

    name: Literal["release"] = "release"
    field: Parameter | Literal["all"] = "all"


class Volume(_Command):
    """Set the master volume, in dB below the comfortable level."""

    name: Literal["volume"] = "volume"
    db: float = Field(ge=VOLUME_RANGE_DB[0], le=VOLUME_RANGE_DB[1])


class Cue(_Command):
    """Give the cue that a phase waits for, such as the end of a procedure."""

    name: Literal["cue"] = "cue"
    cue: Short


class Marker(_Command):
    """Mark this moment, or an earlier one."""

    name: Literal["marker"] = "marker"
    text: Short
    at_s: float | None = Field(default=None, ge=0.0, description="seconds from the session's start")


class Note(_Command):
    """Record a note about the session."""

    name: Literal["note"] = "note"
    text: Words


class AdverseEvent(_Command):
    """Record an adverse event."""

    name: Literal["adverse event"] = "adverse event"
    text: Words
    severity: Literal["mild", "moderate", "severe"]


class Rating(_Command):
    """Record the listener's rating of their state; None where they declined."""

    name: Literal["rating"] = "rating"
    scale: Short
    value: float | None


class Stop(_Command):
    """End the session with a fade."""

    name: Literal["stop"] = "stop"


class EmergencyStop(_Command):
    """Silence the music at once; the command bypasses the queue."""

    name: Literal["emergency stop"] = "emergency stop"


Command = (
    Pause
    | Hold
    | Resume
    | Stay
    | Skip
    | Extend
    | Intensify
    | Soften
    | Override
    | Release
    | Volume
    | Cue
    | Marker
    | Note
    | AdverseEvent
    | Rating
    | Stop
    | EmergencyStop
)

COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="name")])
"""Reads and writes any command."""

Origin = Literal["therapist", "listener", "script"]
"""Who gives a command: the therapist, the listener, or a script prepared before the session."""


@dataclass(frozen=True, slots=True)
class IssuedCommand:
    """A command on its way to the session.

    Attributes
    ----------
    command : Command
        What to do.
    origin : str
        Who gave it.
    key : str
        Unique in the session; the answer has the same key.
    """

    command: Command
    origin: Origin
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a session to a command.

    Attributes
    ----------
    accepted : bool
        Whether the command applies.
    text : str
        What happens now, or why the command does not apply.
    """

    accepted: bool
    text: str
