"""What a person tells a running session to do: every command there is, validated, in one place.

A command is a frozen model whose `name` tells which it is, so that ``TypeAdapter(AnyCommand)`` reads one from
JSON and an OpenAPI document lists them all. The controller obeys those that steer; the engine records every
one, obeyed or not, with the answer.
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


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def record(self) -> dict[str, Any]:
        """Return it as it is recorded: ``{"name": ..., "args": {...}}``."""
        return {"name": self.name, "args": self.model_dump(exclude={"name"})}  # type: ignore[attr-defined]  # every command has one


class Pause(_Command):
    """Pause adaptation: the music goes on as it is and the course waits."""

    name: Literal["pause"] = "pause"


class Hold(_Command):
    """Hold the music: it fades to silence and the course waits."""

    name: Literal["hold"] = "hold"


class Resume(_Command):
    """Go on: after a pause, a hold, a plateau or a signal that was lost."""

    name: Literal["resume"] = "resume"


class Stay(_Command):
    """Answer a question of the controller with: stay as it is, and ask no more in this phase."""

    name: Literal["stay"] = "stay"


class Skip(_Command):
    """End the present phase now; the next begins."""

    name: Literal["skip"] = "skip"


class Extend(_Command):
    """Let the present phase last longer by so many seconds."""

    name: Literal["extend"] = "extend"
    seconds: float = Field(default=60.0, ge=EXTENSION_RANGE_S[0], le=EXTENSION_RANGE_S[1])


class Intensify(_Command):
    """One step more energy."""

    name: Literal["intensify"] = "intensify"


class Soften(_Command):
    """One step less energy."""

    name: Literal["soften"] = "soften"


class Override(_Command):
    """Take one parameter of the music into one's own hands; it glides there within the limits."""

    name: Literal["override"] = "override"
    field: Parameter
    value: float

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        STATE_FIELDS[self.field].check(self.value)
        return self


class Release(_Command):
    """Give a parameter, or all of them, back to the protocol; it glides back within the limits."""

    name: Literal["release"] = "release"
    field: Parameter | Literal["all"] = "all"


class Volume(_Command):
    """Set the master volume, in dB below what was confirmed as comfortable."""

    name: Literal["volume"] = "volume"
    db: float = Field(ge=VOLUME_RANGE_DB[0], le=VOLUME_RANGE_DB[1])


class Cue(_Command):
    """Say that what the protocol waits for has come, such as the end of a procedure."""

    name: Literal["cue"] = "cue"
    cue: Short


class Marker(_Command):
    """Mark the moment, or an earlier one at which the mark was opened."""

    name: Literal["marker"] = "marker"
    text: Short
    at_s: float | None = Field(default=None, ge=0.0, description="seconds from the session's start")


class Note(_Command):
    """Write something down about the session."""

    name: Literal["note"] = "note"
    text: Words


class AdverseEvent(_Command):
    """Write down that something untoward happened."""

    name: Literal["adverse event"] = "adverse event"
    text: Words
    severity: Literal["mild", "moderate", "severe"]


class Rating(_Command):
    """Write down what the listener said of their state; None where they did not want to say."""

    name: Literal["rating"] = "rating"
    scale: Short
    value: float | None


class Stop(_Command):
    """Lead to the end, with its fade."""

    name: Literal["stop"] = "stop"


class EmergencyStop(_Command):
    """Silence at once; it goes past the queue."""

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

AnyCommand = Annotated[Command, Field(discriminator="name")]

COMMAND: TypeAdapter[Command] = TypeAdapter(AnyCommand)
"""Reads and writes any command."""

Origin = Literal["therapist", "listener", "script"]
"""Who gives a command: whoever conducts the session, the listener, or a script laid down before it."""


@dataclass(frozen=True, slots=True)
class IssuedCommand:
    """A command on its way to the session.

    Attributes
    ----------
    command : Command
        What to do.
    origin : str
        Who says so.
    key : str
        Tells it from every other command of the session; its answer comes back under it.
    """

    command: Command
    origin: Origin
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a session says to a command.

    Attributes
    ----------
    accepted : bool
        Whether it changes anything.
    text : str
        One sentence: what happens now, or why the command does not apply.
    """

    accepted: bool
    text: str
