"""Validation errors put into words: which field, what is wrong, what would be right, one line each."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocols.errors import Fault
from protocols.schema import Protocol

Path = tuple[str | int, ...]


def in_words(error: ValidationError, data: Any) -> list[Fault]:
    """Return the faults that validating `data` as a protocol found, as paths into `data` and words."""
    found: list[Fault] = []
    for detail in error.errors(include_url=False):
        if detail["type"] == "infeasible":
            found += detail["ctx"]["faults"]
        else:
            found.append(Fault(_path(detail["loc"], data), _words(detail)))
    return found


def field_name(path: Path, data: Any) -> str:
    """Return a field's name as ``--set`` takes it: ``lead.duration_s``, ``limits.mode_seconds``."""
    words: list[str] = []
    for step in path:
        data = data[step] if _holds(data, step) else None
        if isinstance(step, str):
            words.append(step)
        elif isinstance(data, dict) and isinstance(data.get("name"), str):
            words = [data["name"]]
        elif words:
            words[-1] += f"[{step}]"
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
    location, value = detail["loc"], _brief(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown key; {_suggestion(str(location[-1]), _fields(_home(location)))}"
        case "missing":
            return f"is missing; {_right(location)} is needed"
        case "value_error":
            return f"is {value}; it must be {detail['ctx']['error']}"
        case "union_tag_invalid":
            kinds = detail["ctx"]["expected_tags"].replace("'", "")
            kind = str(detail["ctx"]["tag"])
            return f"there is no kind of phase called {_brief(kind)}; {_suggestion(kind, kinds.split(', '))}"
        case "union_tag_not_found":
            return "kind is missing; one of " + ", ".join(_kinds()) + " is needed"
    return f"is {value}; it must be {_right(location)}"


def _suggestion(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _right(location: Path) -> str:
    words = [step for step in location if isinstance(step, str)]
    model = _home(location)
    for name, field in model.model_fields.items():
        if words and words[-1] == (field.alias or name) and field.description:
            return field.description
    return "a mapping of keys to values"


def _home(location: Path) -> type[BaseModel]:
    """Return the model one of whose fields the location names last."""
    candidates: list[type[BaseModel]] = [Protocol]
    for step in [step for step in location if isinstance(step, str)][:-1]:
        tagged = [model for model in candidates if _kind(model) == step]
        candidates = tagged or list(_models(candidates[0].model_fields[step].annotation))
    return candidates[0]


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _kinds() -> list[str]:
    return [kind for model in _models(Protocol.model_fields["phases"].annotation) if (kind := _kind(model))]


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
