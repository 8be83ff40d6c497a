"""Loading protocols from YAML: the built-in ones and files, with every fault reported in one line."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocols.errors import FieldFault, FieldPath, InvalidProtocolError, UnknownProtocolError
from protocols.fields import nearest, suggestion
from protocols.phases import PHASES, TEXTURE_FIELDS, Section, kind_of
from protocols.positions import YamlError, read
from protocols.schema import Protocol

LIBRARY = importlib.resources.files("protocols.library")
"""The folder of the built-in protocols: ``<id>.yaml``, and earlier versions as ``<id>@<version>.yaml``.

An earlier version stays as it was, so that a session with it can be carried out again.
"""

LONGEST_QUOTE = 60
"""A wrong value is quoted in messages up to so many characters."""


def library() -> list[str]:
    """Return the ids of the built-in protocols, sorted."""
    return [reference for reference in _references() if "@" not in reference]


def built_in_texts(name: str) -> list[str]:
    """Return the YAML of all versions of a built-in protocol, in no order; none where there is none."""
    return [
        LIBRARY.joinpath(f"{reference}.yaml").read_text("utf-8")
        for reference in _references()
        if reference.partition("@")[0] == name
    ]


def _references() -> list[str]:
    """Return the names of the built-in protocols' files: ids, and ``id@version`` of earlier versions."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in LIBRARY.iterdir() if entry.name.endswith(".yaml")
    )


def load(name_or_path: str | Path) -> Protocol:
    """Return a built-in protocol by its id, or one from a YAML file.

    Parameters
    ----------
    name_or_path : str or Path
        Id of a built-in protocol (see `library`), in an earlier version ``id@version``, or path of a file.

    Returns
    -------
    Protocol
        Checked as a whole.

    Raises
    ------
    UnknownProtocolError
        Where there is neither; the message lists the built-in ones.
    InvalidProtocolError
        For a file that cannot be used, one line for each fault: ``file:line: field: what is wrong; what
        would be right``.

    Examples
    --------
    >>> protocol = load("isoprinciple-relaxation")
    >>> [(phase.name, phase.duration_s) for phase in protocol.phases]
    [('baseline', 120.0), ('match', 90.0), ('lead', 330.0), ('sustain', 60.0)]
    >>> protocol.phases[2].goal_bpm
    56.0
    """
    if str(name_or_path) in _references():
        entry = LIBRARY / f"{name_or_path}.yaml"
        return parse(entry.read_bytes(), entry.name)
    path = Path(name_or_path)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UnknownProtocolError(
            f"there is no protocol {str(name_or_path)!r}: no file of that name, and the built-in ones are "
            + ", ".join(library())
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidProtocolError(f"{path}:1: file: cannot be read ({reason}); name a YAML file") from None
    return parse(content, str(path))


def parse(content: bytes, origin: str) -> Protocol:
    """Return the protocol that a YAML file holds.

    Parameters
    ----------
    content : bytes
        The file, UTF-8.
    origin : str
        Name of the file in messages.

    Raises
    ------
    InvalidProtocolError
        As `load`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidProtocolError(f"{origin}:{line}: file: not UTF-8; save it as UTF-8 text") from None
    found = _read(text)
    if isinstance(found, Protocol):
        return found
    raise InvalidProtocolError(
        "\n".join(f"{origin}:{fault.line}: {fault.field}: {fault.message}" for fault in found)
    )


class LocatedFault(NamedTuple):
    """A fault in a text: its line from 1, the field, and what is wrong and would be right."""

    line: int
    field: str
    message: str


def faults_of(text: str) -> list[LocatedFault]:
    """Return the faults of a protocol's YAML text in the order of its lines; none if it can be used.

    Examples
    --------
    >>> faults_of("id: pause")[0]
    LocatedFault(line=1, field='arm', message='is missing; one of closed-loop, open-loop, silence is needed')
    """
    found = _read(text)
    return [] if isinstance(found, Protocol) else found


def _read(text: str) -> Protocol | list[LocatedFault]:
    try:
        data, lines = read(text)
    except YamlError as fault:
        return [LocatedFault(fault.line, fault.field, _one_line(fault.message))]
    if not isinstance(data, dict):
        return [
            LocatedFault(1, "file", "holds no protocol; it must begin with keys such as id, title and phases")
        ]
    try:
        return Protocol.model_validate(data)
    except ValidationError as error:
        found = []
        for path, message in in_words(error, data):
            line = lines[next(path[:size] for size in range(len(path), -1, -1) if path[:size] in lines)]
            found.append(LocatedFault(line, field_name(path, data), _one_line(message)))
        return sorted(found)


def override(protocol: Protocol, assignment: str) -> Protocol:
    """Return the protocol with one value changed; it is checked as a whole again.

    Parameters
    ----------
    protocol : Protocol
        Left as it is.
    assignment : str
        ``phase.key=value``, with the name of a phase or of an arc's section, or ``limits`` or ``piece``; or
        ``key=value`` for a key of the protocol itself. The value is read as in a file.

    Raises
    ------
    InvalidProtocolError
        Where that cannot be done; one line for each fault.

    Examples
    --------
    >>> shorter = override(load("isoprinciple-relaxation"), "sustain.duration_s=30")
    >>> shorter.duration_s
    570.0
    """
    target, equals, text = assignment.partition("=")
    target = target.strip()
    if not (equals and target):
        raise InvalidProtocolError(f"{_one_line(assignment)}: not an assignment; write phase.key=value")
    data = protocol.model_dump(by_alias=True, exclude_unset=True)
    holder, key = _holder(data, target)
    try:
        holder[key], _ = read(text)
    except YamlError as fault:
        raise InvalidProtocolError(
            f"{_one_line(assignment)}: {fault.field}: {_one_line(fault.message)}"
        ) from None
    try:
        return Protocol.model_validate(data)
    except ValidationError as error:
        faults = [f"{field_name(path, data)}: {message}" for path, message in in_words(error, data)]
        lines = [f"{_one_line(assignment)}: {_one_line(fault)}" for fault in faults]
        raise InvalidProtocolError("\n".join(lines)) from None


def _holder(data: dict[str, Any], target: str) -> tuple[dict[str, Any], str]:
    """Return the mapping an assignment goes to, and its key there."""
    place, dot, key = target.rpartition(".")
    if not dot:
        return data, key
    if place in ("limits", "piece"):
        return data.setdefault(place, {}), key
    phases = {phase["name"]: phase for phase in data["phases"]}
    sections = {part["name"]: part for phase in data["phases"] for part in phase.get("sections", ())}
    known = phases | sections
    if place not in known:
        names = ", ".join((*known, "limits", "piece"))
        raise InvalidProtocolError(f"{target}: there is no phase {place!r}; there are {names}")
    return known[place], key


def _one_line(text: str) -> str:
    return " ".join(text.split())


def in_words(error: ValidationError, data: Any) -> list[FieldFault]:
    """Return the faults that validation found in `data`, each with its path and a message."""
    found: list[FieldFault] = []
    misspelt: set[FieldPath] = set()
    missing: set[FieldPath] = set()
    for detail in error.errors(include_url=False):
        if detail["type"] == "infeasible":
            found += detail["ctx"]["faults"]
            continue
        path = _path(detail["loc"], data)
        if detail["type"] == "union_tag_invalid":
            path = (*path, "kind")
        found.append(FieldFault(path, _words(detail)))
        if detail["type"] == "missing":
            missing.add(path)
        elif detail["type"] == "extra_forbidden":
            meant = nearest(str(path[-1]), _fields(_home(detail["loc"])))
            misspelt |= {(*path[:-1], meant)} if meant else set()
    # A key that is misspelt would be missing as well, which is one fault reported twice.
    return [fault for fault in found if not (fault.path in missing and fault.path in misspelt)]


def field_name(path: FieldPath, data: Any) -> str:
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


def _path(location: FieldPath, data: Any) -> FieldPath:
    """Drop from a location what is not in the data: the tag that selects the kind of a phase."""
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
    """Return how to write a number that was not read as one."""
    if re.fullmatch(r"-?[\d.]+", text):
        return ", without quotes"
    if re.fullmatch(r"-?\d+,\d+", text):
        return f", with a point: {text.replace(',', '.')}"
    if re.match(r"-?\d+(\.\d+)?\s*[a-z%]+$", text):
        return ", without a unit"
    return ""


def _unknown(location: FieldPath) -> str:
    """Return what an unknown key could have been meant to be, or where it belongs."""
    key, home = str(location[-1]), _home(location)
    kind = "section" if home is Section else kind_of(home)
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
    """Return a value as the author of the file would call it."""
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
    return f"is {text if len(text) <= LONGEST_QUOTE else f'{text[: LONGEST_QUOTE - 3]}...'}"


def _right(location: FieldPath) -> str:
    words = [step for step in location if isinstance(step, str)]
    model = _home(location)
    for name, field in model.model_fields.items():
        if words and words[-1] == (field.alias or name) and field.description:
            return field.description
    return "keys and values indented below it"


def _home(location: FieldPath) -> type[BaseModel]:
    """Return the model one of whose fields the location names last."""
    candidates: list[type[BaseModel]] = [Protocol]
    for step in [step for step in location if isinstance(step, str)][:-1]:
        tagged = [model for model in candidates if kind_of(model) == step]
        candidates = tagged or list(_models(candidates[0].model_fields[step].annotation))
    return candidates[0]


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
