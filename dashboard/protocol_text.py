"""A YAML text edited in place: only what is changed is written anew; comments, order and layout stay.

PyYAML tells of every node where it begins and ends in the text. Old and new data are compared along these
nodes, and each difference becomes the replacement of a stretch of text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import yaml

_ENDLESS = 10_000_000


class _Edit(NamedTuple):
    """Characters `start` to `end` become `text`."""

    start: int
    end: int
    text: str


def edited(text: str, data: dict[str, Any]) -> str:
    """Return a text that reads as `data`, with every line as it was whose data are the same.

    Parameters
    ----------
    text : str
        YAML that holds a mapping.
    data : dict
        What it is to hold; made of mappings, sequences and scalars that YAML has.

    Returns
    -------
    str
        A mapping's new keys come last in it, what goes takes the comments along that stand on its lines, and
        those above an entry of a sequence. A text in which a change cannot be told from others, because it
        goes by anchors or merged keys, is written wholly anew.
    """
    node = yaml.compose(text, yaml.SafeLoader)
    if node is not None:
        edits = _Comparison(text).differences(node, yaml.safe_load(text), data)
        found = _applied(text, edits, 0, len(text))
        with suppress(yaml.YAMLError):
            if yaml.safe_load(found) == data:
                return found
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


class _Comparison:
    def __init__(self, text: str) -> None:
        self._text = text

    def differences(self, node: yaml.Node, old: Any, new: Any) -> list[_Edit]:
        if old == new:
            return []
        if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and new and node.value:
            return self._in_mapping(node, old, new)
        if isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new and node.value:
            return self._in_sequence(node, old, new)
        start, end = node.start_mark.index, self._end(node)
        space = " " if start == end and self._text[start - 1 : start] not in {" ", ""} else ""
        return [_Edit(start, end, space + _flow(new))]

    def _in_mapping(self, node: yaml.MappingNode, old: dict[Any, Any], new: dict[Any, Any]) -> list[_Edit]:
        pairs = list(zip(old, node.value, strict=True))
        edits = []
        for place, (name, (key, value)) in enumerate(pairs):
            if name in new:
                edits += self.differences(value, old[name], new[name])
            elif node.flow_style:
                edits.append(self._without(node, place))
            else:
                start = key.start_mark.index
                if self._text[self._line_start(start) : start].strip():  # the first key after a dash
                    edits.append(_Edit(start, node.value[place + 1][0].start_mark.index, ""))
                else:
                    edits.append(_Edit(self._line_start(start), self._line_end(value), ""))
        added = {name: value for name, value in new.items() if name not in old}
        if added:
            edits.append(self._added(node, added))
        return edits

    def _added(self, node: yaml.MappingNode, added: dict[Any, Any]) -> _Edit:
        pairs = [f"{_flow(name)}: {_flow(value)}" for name, value in added.items()]
        last = node.value[-1][1]
        if node.flow_style:
            return _Edit(self._end(last), self._end(last), "".join(f", {pair}" for pair in pairs))
        margin = " " * node.value[0][0].start_mark.column
        at = self._line_end(last)
        lines = "".join(f"{margin}{pair}\n" for pair in pairs)
        return _Edit(at, at, lines if self._text[at - 1 : at] == "\n" else f"\n{lines}")

    def _without(self, node: yaml.MappingNode, place: int) -> _Edit:
        """Return the edit that takes a pair out of ``{…}``."""
        key, value = node.value[place]
        if place + 1 < len(node.value):
            return _Edit(key.start_mark.index, node.value[place + 1][0].start_mark.index, "")
        return _Edit(self._end(node.value[place - 1][1]), self._end(value), "")

    def _in_sequence(self, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> list[_Edit]:
        names = [_name(item) for item in old]
        stays = len(old) == len(new) and all(
            _name(item) == name or _name(item) not in names for item, name in zip(new, names, strict=True)
        )
        if stays:
            return [
                edit
                for item, before, after in zip(node.value, old, new, strict=True)
                for edit in self.differences(item, before, after)
            ]
        bounds = self._bounds(node)
        left = list(range(len(old)))
        parts = []
        for item in new:
            place = next((at for at in left if old[at] == item), None)
            if place is None:
                place = next((at for at in left if names[at] == _name(item)), None)
            if place is None:
                parts.append(_entry(item, node))
            else:
                left.remove(place)
                edits = self.differences(node.value[place], old[place], item)
                parts.append(_applied(self._text, edits, *bounds[place]))
        if node.flow_style:
            return [_Edit(bounds[0][0], bounds[-1][1], ", ".join(parts))]
        whole = "".join(part if part.endswith("\n") else f"{part}\n" for part in parts)
        return [_Edit(bounds[0][0], bounds[-1][1], whole)]

    def _bounds(self, node: yaml.SequenceNode) -> list[tuple[int, int]]:
        """Return where each entry begins and ends; the comments above one belong to it, but for the first."""
        if node.flow_style:
            return [(item.start_mark.index, self._end(item)) for item in node.value]
        start = self._line_start(node.start_mark.index)
        bounds = []
        for item in node.value:
            bounds.append((start, end := self._line_end(item)))
            start = end
        return bounds

    def _end(self, node: yaml.Node) -> int:
        """Return where the last word of a node ends."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            last = node.value[-1]
            return self._end(last[1] if isinstance(node, yaml.MappingNode) else last)
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self._text[start:end].rstrip())

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, node: yaml.Node) -> int:
        """Return where the line after a node begins."""
        at = self._text.find("\n", self._end(node))
        return len(self._text) if at < 0 else at + 1


def _applied(text: str, edits: Sequence[_Edit], start: int, end: int) -> str:
    """Return a stretch of the text with its edits carried out."""
    parts = []
    for edit in sorted(edits):
        parts += [text[start : edit.start], edit.text]
        start = edit.end
    return "".join([*parts, text[start:end]])


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, dict) else item


def _entry(item: Any, node: yaml.SequenceNode) -> str:
    """Return a new entry of a sequence: a mapping key by key, below the others."""
    if node.flow_style or not isinstance(item, dict):
        return _flow(item) if node.flow_style else f"{' ' * node.start_mark.column}- {_flow(item)}\n"
    margin = " " * node.start_mark.column
    lines = [f"{_flow(key)}: {_flow(value)}" for key, value in item.items()]
    return "".join(f"{margin}{'  ' if at else '- '}{line}\n" for at, line in enumerate(lines))


def _flow(value: Any) -> str:
    """Return a value on one line, as it may stand anywhere."""
    if isinstance(value, str) and "\n" in value:
        return json.dumps(value, ensure_ascii=False)
    dumped = yaml.safe_dump(
        [value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=_ENDLESS
    )
    return dumped.strip()[1:-1]
