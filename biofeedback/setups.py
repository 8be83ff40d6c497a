"""Sensor set-ups by name: which devices stand in a room and what is expected of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from acquisition.errors import AcquisitionError
from biofeedback.errors import UsageError
from biofeedback.settings import settings_folder
from protocols.positions import YamlError, read

if TYPE_CHECKING:
    from acquisition.streams import Source

RATE_TOLERANCE = 0.02
"""How far a stream's nominal rate may lie from the expected one, as a fraction."""


class Expected(BaseModel):
    """What a stream must be like, where it matters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_hz: float | None = Field(default=None, gt=0, description="samples per second, above 0")
    unit: str | None = Field(default=None, min_length=1, description="a unit such as mV or uS")


def _understood(text: str) -> str:
    from acquisition.spec import parse_spec  # noqa: PLC0415 - it needs NumPy

    try:
        parse_spec(text)
    except AcquisitionError as error:
        raise ValueError(str(error)) from None
    return text


class Setup(BaseModel):
    """A sensor set-up.

    Attributes
    ----------
    title : str
        For people.
    inputs : tuple of str
        Input specifications, as after ``--input``.
    expect : mapping of str to Expected
        By the name of the stream (``ecg``, ``eda``): a session is refused if it is not so.
    note : str
        Where the sensors go, who to ask.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, description="a text for people")
    inputs: tuple[Annotated[str, AfterValidator(_understood)], ...] = Field(
        min_length=1, description="a list of KIND=WHERE, at least one"
    )
    expect: dict[str, Expected] = Field(default={}, description="names of streams with rate_hz or unit")
    note: str = Field(default="", description="a text for people")

    @model_validator(mode="after")
    def _expects_what_comes(self) -> Self:
        kinds = {text.partition("=")[0].strip() for text in self.inputs}
        for name in self.expect:
            if name.rstrip("0123456789") not in kinds and "listener" not in kinds:
                raise ValueError(
                    f"expect: there is no input {name}; the inputs are {', '.join(sorted(kinds))}"
                )
        return self

    def require(self, sources: Sequence[Source]) -> None:
        """Refuse sources that are not as expected.

        Raises
        ------
        UsageError
            Naming the stream, what it is and what was expected.
        """
        streams = {stream.name: stream for source in sources for stream in source.streams}
        for name, expected in self.expect.items():
            if name not in streams:
                raise UsageError(f"{self.title}: there is no stream {name}; there are {', '.join(streams)}")
            stream = streams[name]
            rate = expected.rate_hz
            if rate is not None and abs(stream.rate_hz - rate) > RATE_TOLERANCE * rate:
                raise UsageError(f"{self.title}: {name} has {stream.rate_hz:g} Hz, {rate:g} are expected")
            if expected.unit is not None and stream.unit != expected.unit:
                raise UsageError(f"{self.title}: {name} is in {stream.unit}, {expected.unit} is expected")


def load_setup(path: Path) -> Setup:
    """Return the set-up of a YAML file.

    Raises
    ------
    UsageError
        If it cannot be used: file, line, field and what would be right, in one line.
    """
    try:
        return parse_setup(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def parse_setup(text: str, origin: str) -> Setup:
    """Return the set-up that a YAML text holds; `origin` names the file in messages.

    Raises
    ------
    UsageError
        As `load_setup`.
    """
    try:
        data, lines = read(text)
        return Setup.model_validate(data)
    except YamlError as fault:
        raise UsageError(f"{origin}:{fault.line}: {fault.field}: {' '.join(fault.message.split())}") from None
    except ValidationError as error:
        faults = error.errors(include_url=False)
        detail = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        place = tuple(detail["loc"])
        line = next((lines[place[:size]] for size in range(len(place), -1, -1) if place[:size] in lines), 1)
        what = ".".join(map(str, place)) or "set-up"
        raise UsageError(f"{origin}:{line}: {what}: {_words(place, detail['msg'])}") from None


def setup_text(setup: Setup) -> str:
    """Return a set-up as YAML, without what has its default value."""
    data = setup.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def setup_files() -> list[Path]:
    """Return the set-up files in the user's settings, where earlier versions of the program kept them."""
    return sorted((settings_folder() / "setups").glob("*.yaml"))


def _words(place: tuple[str | int, ...], message: str) -> str:
    """Return what is wrong and what would be right."""
    message = message.removeprefix("Value error, ")
    model: type[BaseModel] = Expected if len(place) > 2 else Setup
    field = model.model_fields.get(str(place[-1] if len(place) > 2 else place[0])) if place else None
    if field is None or not field.description:
        known = ", ".join(model.model_fields)
        return f"{message}; the keys are {known}" if place else message
    return message if message.startswith("'") else f"{message}; it must be {field.description}"
