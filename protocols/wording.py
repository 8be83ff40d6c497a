"""Validation errors put into words: which field, what is wrong, what would be right, one line each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocols.errors import Fault, Path
from protocols.fields import nearest, suggestion
from protocols.phases import PHASES, TEXTURE_FIELDS, Section
from protocols.schema import Protocol


def in_words(error: ValidationError, data: Any) -> list[Fault]:
    """Return the faults that validating `data` as a protocol found, as paths into `data` and words."""
    found: list[Fault] = []
    misspelt: set[Path] = set()
    missing: set[Path] = set()
    for detail in error.errors(include_url=False):
        if detail["type"] == "infeasible":
            found += detail["ctx"]["faults"]
            continue
        path = _path(detail["loc"], data)
        if detail["type"] == "union_tag_invalid":
            path = (*path, "kind")
        found.append(Fault(path, _words(detail)))
        if detail["type"] == "missing":
            missing.add(path)
        elif detail["type"] == "extra_forbidden":
            meant = nearest(str(path[-1]), _fields(_home(detail["loc"])))
            misspelt |= {(*path[:-1], meant)} if meant else set()
    # A key that is misspelt is not missing as well: that would be one fault told twice.
    return [fault for fault in found if not (fault.path in missing and fault.path in misspelt)]


def field_name(path: Path, data: Any) -> str:
    """Return a field's name as ``--set`` takes it: ``lead.duration_s``, ``limits.mode_seconds``."""
    words: list[str] = []
    for step in path:
        data = data[step] if _holds(data, step) else None
        if isinstance(step, str):
            words.append(step)
        elif (
            words[-1] in ("phases", "sections")
            and isinstance(data, dict)
            and isinstance(data.get("name"), str)
        ):
            words = [data["name"]]
    return ".".join(words) or "protocol"


def _holds(data: Any, step: str | int) -> bool:
    if isinstance(step, str):
        return isinstance(data, dict) and step in data
    return isinstance(data, tuple) and step < len(data)


def _path(location: Path, data: Any) -> Path:
    """Leave out of a location what is not in the data: the tag by which a phase's kind was told."""
    path: list[str | int] = []
    for depth, step in enumerate(location):
        if _holds(data, step):
            data = data[step]
        elif depth < len(location) - 1:
            continue
        path.append(step)
    return tuple(path)


def _words(detail: ErrorDetails) -> str:
    location, value = detail["loc"], detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(location)
        case "missing":
            return f"is missing; {_right(location)} is needed"
        case "value_error":
            return f"{_brief(value)}; it must be {detail['ctx']['error']}"
        case "union_tag_invalid":
            kind, kinds = str(detail["ctx"]["tag"]), list(PHASES)
            return f"there is no kind of phase called {kind!r}; {_hint(kind, kinds)}"
        case "union_tag_not_found":
            return "kind is missing; one of " + ", ".join(PHASES) + " is needed"
    remedy = ""
    if detail["type"] in ("float_type", "int_type") and isinstance(value, str):
        remedy = _plain_number(value)
    elif detail["type"] == "string_type" and isinstance(value, bool):
        remedy = " (on, off, yes and no are true and false; put such a word in quotes)"
    return f"{_brief(value)}; it must be {_right(location)}{remedy}"


def _plain_number(text: str) -> str:
    """Say how a number must be written that was not read as one."""
    if re.fullmatch(r"-?[\d.]+", text):
        return ", without quotes"
    if re.fullmatch(r"-?\d+,\d+", text):
        return f", with a point: {text.replace(',', '.')}"
    if re.match(r"-?\d+(\.\d+)?\s*[a-z%]+$", text):
        return ", without a unit"
    return ""


def _unknown(location: Path) -> str:
    """Say what a key that is not known here could have been meant to be, or where it belongs."""
    key, home = str(location[-1]), _home(location)
    kind = "section" if home is Section else _kind(home)
    having = [other for other, model in PHASES.items() if key in _fields(model)]
    # A key that other kinds have is in the wrong place, not misspelt.
    if not (kind and having) and (suggested := suggestion(key, _fields(home))):
        return f"unknown key; {suggested}"
    if kind == "arc" and key in _fields(Section):
        return "unknown key; an arc has it in its sections, so write it there"
    if home is Protocol and having:
        return "unknown key; it belongs to a phase, so indent it below one"
    if kind and key in TEXTURE_FIELDS:
        return f"unknown key; there is no music in {kind}, so leave it out or change the kind"
    if kind and having:
        return f"unknown key; only {' and '.join(having)} may have it, so leave it out or change the kind"
    return f"unknown key; there are {', '.join(_fields(home))}"


def _hint(word: str, known: list[str]) -> str:
    return suggestion(word, known) or f"there are {', '.join(known)}"


def _brief(value: Any) -> str:
    """Return a value as whoever wrote the file would call it."""
    match value:
        case None:
            return "has no value"
        case bool():
            return f"is {str(value).lower()}"
        case tuple() | list():
            return "is a list"
        case dict():
            return "is a mapping"
    text = repr(value)
    return f"is {text if len(text) <= 60 else f'{text[:57]}...'}"


def _right(location: Path) -> str:
    words = [step for step in location if isinstance(step, str)]
    model = _home(location)
    for name, field in model.model_fields.items():
        if words and words[-1] == (field.alias or name) and field.description:
            return field.description
    return "keys and values indented below it"


def _home(location: Path) -> type[BaseModel]:
    """Return the model one of whose fields the location names last."""
    candidates: list[type[BaseModel]] = [Protocol]
    for step in [step for step in location if isinstance(step, str)][:-1]:
        tagged = [model for model in candidates if _kind(model) == step]
        candidates = tagged or list(_models(candidates[0].model_fields[step].annotation))
    return candidates[0]


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
