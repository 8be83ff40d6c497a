"""YAML as plain data, with the line of every key and item."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from protocols.errors import FieldPath

_OCTAL = re.compile(r"[-+]?0[0-9_]+")

_REMEDIES = (
    ("found character '\\t'", "a tab stands here; indent with spaces"),
    (
        "mapping values are not allowed",
        "a colon where none fits; indent the key as its neighbours are, or put the text in quotes",
    ),
    ("could not find expected ':'", "a line without a colon; write key: value"),
    ("expected <block end>", "the line does not begin in the column of its neighbours; indent them alike"),
    ("expected ',' or ']'", "a bracket [ is not closed; end the list with ], and put texts in it in quotes"),
    ("expected ',' or '}'", "a bracket { is not closed; end it with }, and put texts in it in quotes"),
    ("while scanning a quoted scalar", "a quotation mark is not closed; end the text with the same mark"),
    ("expected a single document", "a second document begins; leave out the line ---"),
    ("could not determine a constructor", "a word with ! in front is a tag; put the text in quotes"),
    ("expected the node content", "a bracket or a comma has nothing after it; complete the list"),
    ("sequence entries are not allowed", "an item of a list (-) begins on a line of its own"),
    ("unknown escape character", "a backslash has a meaning of its own in double quotes; use single ones"),
    ("incompatible YAML document", "leave out the line that begins with %"),
    ("that cannot start any token", "the text begins with a special character; put it in quotes"),
    (
        "expected alphabetic or numeric character",
        "* or & has a meaning of its own here; put the text in quotes",
    ),
)
"""Messages for therapists, by the part of the parser's message that they replace."""

_OPENED = ("while scanning a quoted scalar", "while parsing a flow", "while scanning a simple key")
"""Errors that are reported where something was opened, not where its end was missed."""


class YamlError(Exception):
    """A place in a YAML text that cannot be read: its line and key, and what is wrong there."""

    def __init__(self, line: int, message: str, field: str = "yaml") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.field = field


class LocatedData(NamedTuple):
    """The data of a YAML text, and the line, from 1, of every key and item by the path that leads to it."""

    data: Any
    lines: dict[FieldPath, int]


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]  # the stubs lack it
            raise YamlError(
                line, "a word with * in front is an alias; write its value out, or put the text in quotes"
            )
        return super().compose_node(parent, index)


def read(text: str) -> LocatedData:
    """Return the text's data as ``yaml.safe_load`` would, and the line of every key and item.

    Sequences become tuples. Aliases are refused, because a protocol is short and a reader should find each
    value where it counts. So are numbers with a zero in front, which YAML reads as octal.

    Raises
    ------
    YamlFault
        For the first fault of syntax, key given twice or tag that safe loading refuses.
    """
    lines: dict[FieldPath, int] = {(): 1}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return LocatedData(None if node is None else _build(loader, node, (), lines), lines)
    except yaml.MarkedYAMLError as error:
        raise _translated(error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, "a control character has no place in a text; delete it") from None
    except RecursionError:
        raise YamlError(1, "brackets are nested too deeply; a protocol needs a few levels only") from None


def _translated(error: yaml.MarkedYAMLError) -> YamlError:
    context, problem = error.context or "", error.problem or ""
    opened = context.startswith(_OPENED)
    mark = (error.context_mark if opened else None) or error.problem_mark or error.context_mark
    said = f"{problem}; {context}"
    words = next((words for part, words in _REMEDIES if part in said), None)
    return YamlError(mark.line + 1 if mark else 1, words or f"{problem or context}; put texts in quotes")


def _build(loader: _Loader, node: yaml.Node, path: FieldPath, lines: dict[FieldPath, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.ScalarNode):
        if node.tag == "tag:yaml.org,2002:int" and _OCTAL.fullmatch(node.value):
            raise YamlError(line, f"{node.value} begins with a zero; leave the zero out", _key(path))
        try:
            return loader.construct_object(node)
        except ValueError as error:
            raise YamlError(line, f"{node.value!r} cannot be read: {error}; correct it", _key(path)) from None
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return tuple(_build(loader, item, (*path, index), lines) for index, item in enumerate(node.value))
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _mapping(loader, node, path, lines)
    raise YamlError(line, f"tag {node.tag!r} is not used in protocols; leave it out", _key(path))


def _mapping(
    loader: _Loader, node: yaml.MappingNode, path: FieldPath, lines: dict[FieldPath, int]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _build(loader, key_node, (*path, "?"), lines)
        if not isinstance(key, str):
            raise YamlError(line, f"a key must be a word, and YAML takes this one to be {key!r}; use another")
        if key in found:
            raise YamlError(
                line, f"given twice, first in line {lines[*path, key]}; leave one of them out", key
            )
        lines[*path, key] = line
        found[key] = _build(loader, value_node, (*path, key), lines)
        if found[key] is None:
            raise YamlError(line, "has no value; give one or leave the line out", key)
    return found


def _key(path: FieldPath) -> str:
    words = [step for step in path if isinstance(step, str) and step != "?"]
    return words[-1] if words else "yaml"
