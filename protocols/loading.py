"""Protocols from YAML: the built-in ones and files of one's own, every fault told in one line."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from protocols.errors import InvalidProtocolError, UnknownProtocolError
from protocols.positions import YamlFault, read
from protocols.schema import Protocol
from protocols.wording import field_name, in_words

_LIBRARY = importlib.resources.files("protocols.library")


def library() -> list[str]:
    """Return the ids of the built-in protocols, sorted."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in _LIBRARY.iterdir() if entry.name.endswith(".yaml")
    )


def load(name_or_path: str | Path) -> Protocol:
    """Return a built-in protocol by its id, or one from a YAML file.

    Raises
    ------
    UnknownProtocolError
        Where there is neither; the message lists the built-in ones.
    InvalidProtocolError
        For a file that cannot be used, one line for each fault: ``file:line: field: what is wrong; what
        would be right``.
    """
    if str(name_or_path) in library():
        entry = _LIBRARY / f"{name_or_path}.yaml"
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
    """Return the protocol that a YAML file holds; `origin` names the file in messages.

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


class Located(NamedTuple):
    """A fault in a text: its line, counted from 1, the field, what is wrong and what would be right."""

    line: int
    field: str
    message: str


def faults_of(text: str) -> list[Located]:
    """Return every fault of a protocol's YAML text in the order of its lines, none where it can be used."""
    found = _read(text)
    return [] if isinstance(found, Protocol) else found


def _read(text: str) -> Protocol | list[Located]:
    try:
        data, lines = read(text)
    except YamlFault as fault:
        return [Located(fault.line, fault.field, _one_line(fault.message))]
    if not isinstance(data, dict):
        return [Located(1, "file", "holds no protocol; it must begin with keys such as id, title and phases")]
    try:
        return Protocol.model_validate(data)
    except ValidationError as error:
        found = []
        for path, message in in_words(error, data):
            line = lines[next(path[:size] for size in range(len(path), -1, -1) if path[:size] in lines)]
            found.append(Located(line, field_name(path, data), _one_line(message)))
        return sorted(found)


def override(protocol: Protocol, assignment: str) -> Protocol:
    """Return the protocol with one value changed, checked as a whole again.

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
    """
    target, equals, text = assignment.partition("=")
    target = target.strip()
    if not (equals and target):
        raise InvalidProtocolError(f"{_one_line(assignment)}: not an assignment; write phase.key=value")
    data = protocol.model_dump(by_alias=True, exclude_unset=True)
    holder, key = _holder(data, target)
    try:
        holder[key], _ = read(text)
    except YamlFault as fault:
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
