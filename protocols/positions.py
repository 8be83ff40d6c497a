"""YAML that remembers its lines: plain data, and where each part of it stands."""

from __future__ import annotations

from typing import Any

import yaml

Path = tuple[str | int, ...]


class YamlFault(Exception):  # noqa: N818 - it is a fault in a file, reported as one line of many
    """A place in a YAML text that cannot be read: its line, and what is wrong there."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]  # the stubs lack it
            raise YamlFault(line, "aliases are not used in protocols; write the value out")
        return super().compose_node(parent, index)


def read(text: str) -> tuple[Any, dict[Path, int]]:
    """Return the text's data as ``yaml.safe_load`` would, and the line of every key and item.

    Sequences become tuples. Aliases are refused: a protocol is short, and a reader should find each value
    where it counts.

    Raises
    ------
    YamlFault
        For the first fault of syntax, key given twice or tag that safe loading refuses.
    """
    lines: dict[Path, int] = {(): 1}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else _build(loader, node, (), lines)), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it cannot be read"
        raise YamlFault(mark.line + 1 if mark else 1, f"not valid YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlFault(line, "not valid YAML: a control character has no place in a text") from None
    except RecursionError:
        raise YamlFault(1, "brackets are nested too deeply; a protocol needs a few levels only") from None


def _build(loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.ScalarNode):
        try:
            return loader.construct_object(node)
        except ValueError as error:
            raise YamlFault(line, f"{node.value!r} cannot be read: {error}") from None
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return tuple(_build(loader, item, (*path, index), lines) for index, item in enumerate(node.value))
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _mapping(loader, node, path, lines)
    raise YamlFault(line, f"tag {node.tag!r} is not used in protocols; leave it out")


def _mapping(loader: _Loader, node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _build(loader, key_node, (*path, "?"), lines)
        if not isinstance(key, str):
            raise YamlFault(line, f"key {key!r} is not a word; YAML reads it as something else")
        if key in found:
            raise YamlFault(
                line, f"{key}: given twice, first in line {lines[*path, key]}; leave one of them out"
            )
        lines[*path, key] = line
        found[key] = _build(loader, value_node, (*path, key), lines)
        if found[key] is None:
            raise YamlFault(line, f"{key}: has no value; give one or leave the line out")
    return found
