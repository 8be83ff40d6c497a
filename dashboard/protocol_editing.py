"""The protocol editor without its page: phases as rows of a form, and their changes in the YAML text.

Comments, order and layout of the text stay where its data do not change.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString, SingleQuotedScalarString
from ruamel.yaml.tokens import CommentToken

from biofeedback.client import OPTIONS

_NO_WRAP = 10_000_000

Row = dict[str, Any]

Key = tuple[str, int]
"""What a protocol is kept under: its name and version."""

TEMPO_KEY = {
    "lead": "goal_bpm",
    "match": "tempo_bpm",
    "return": "tempo_bpm",
    "breathe": "breath_rate",
    "engage": "energy",
}
"""What the column *tempo* stands for in each kind of phase: its goal, its tempo, its rate, its energy."""


PIECE_CHOICES = {
    "palette": OPTIONS.preferences["palette"].choices,
    "metre": OPTIONS.preferences["metre"].choices,
    "form": OPTIONS.forms,
    "tonal_plan": OPTIONS.tonal_plans,
}
"""The keys of ``piece`` that the form shows, with their values; where a key is left out, the first holds."""


def free_version(name: str, version: int, taken: Collection[Key]) -> int:
    """Return the version itself where nothing is kept under it, else the next after all there are."""
    if (name, version) not in taken:
        return version
    return max(number for each, number in taken if each == name) + 1


def row_of(phase: Mapping[str, Any]) -> Row:
    """Return a phase as a row; what a row has no column for stays in the text."""
    kind = phase.get("kind")
    until = phase.get("until")
    seconds = phase.get("duration_s")
    tempo = phase.get(TEMPO_KEY.get(str(kind), ""))
    return {
        "kind": kind,
        "name": phase.get("name"),
        "duration_s": seconds if isinstance(seconds, int | float) else None,
        "tempo": None if tempo is None else str(tempo),
        "until": until.get("cue") if isinstance(until, dict) else None,
    }


def phase_of(row: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the phase that a row tells of, with all that it does not tell as it was before."""
    if row_of(before) == dict(row):
        return dict(before)
    kind = row.get("kind")
    same = before.get("kind") == kind
    phase: dict[str, Any] = {**(before if same else {}), "kind": kind, "name": row.get("name")}
    _put(phase, "duration_s", _number(row.get("duration_s")))
    key = TEMPO_KEY.get(str(kind))
    if key is not None:
        _put(phase, key, _number(row.get("tempo")))
    cue = row.get("until")
    _put(phase, "until", {"cue": cue} if cue else None)
    return phase


def merged(
    data: Mapping[str, Any],
    head: Mapping[str, Any],
    *,
    piece: Mapping[str, str],
    numbers_shown: bool,
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a protocol with what a form says put into it, and all else as it is.

    `piece` holds the chosen value of each of `PIECE_CHOICES`. Rows belong to phases by their name, else by
    their place.
    """
    new = dict(data)
    new |= {
        key: value for key, value in head.items() if value != data.get(key) and (value != "" or key in data)
    }
    before = dict(data.get("piece") or {})
    chosen = {key: value for key, value in piece.items() if value != before.get(key, PIECE_CHOICES[key][0])}
    if chosen:
        new["piece"] = {**before, **chosen}
    if numbers_shown != data.get("numbers_shown", True):
        new["numbers_shown"] = numbers_shown
    old = [phase for phase in data.get("phases") or [] if isinstance(phase, dict)]
    named = {phase.get("name"): phase for phase in old}
    phases = []
    for place, row in enumerate(rows):
        by_place = old[place] if place < len(old) and len(rows) == len(old) else {}
        phases.append(phase_of(row, named.get(row.get("name"), by_place)))
    if phases != old:
        new["phases"] = phases
    return new


def _put(phase: dict[str, Any], key: str, value: Any) -> None:
    if value is None or value == "":
        phase.pop(key, None)
    else:
        phase[key] = value


def _number(text: Any) -> Any:
    """Return a number where a text is one; ``hr*0.9`` stays a text."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return text
    return int(value) if value == int(value) else value


def edited(text: str, data: dict[str, Any]) -> str:
    """Return a text that reads as `data`, changed only where its data differ.

    ruamel.yaml keeps comments and layout; PyYAML, which reads protocols everywhere else, says what differs.

    Parameters
    ----------
    text : str
        YAML that holds a mapping.
    data : dict
        What it is to hold; made of mappings, sequences and scalars that YAML has.

    Returns
    -------
    str
        New keys come last in their mapping. An entry that leaves a block sequence takes along the comments
        above it. A text in which a change cannot be made in one place, because it uses anchors or merge
        keys, is written anew without its comments.
    """
    old = yaml.safe_load(text)
    if old == data:
        return text
    with suppress(YAMLError, yaml.YAMLError):
        found = _edited(text, old, data)
        if yaml.safe_load(found) == data:
            return found
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def _edited(text: str, old: dict[str, Any], data: dict[str, Any]) -> str:
    dash = re.search(r"^( *)- ", text, re.MULTILINE)
    offset = len(dash[1]) if dash else 2
    round_trip = YAML()
    round_trip.preserve_quotes = True
    round_trip.brace_single_entry_mapping_in_flow_sequence = True
    round_trip.width = _NO_WRAP
    round_trip.indent(mapping=2, sequence=offset + 2, offset=offset)
    document = round_trip.load(text)
    if (rearranged := _rearranged(text, document, old, data)) != text:
        document, old = round_trip.load(rearranged), yaml.safe_load(rearranged)
    _update_mapping(document, old, data)
    output = io.StringIO()
    round_trip.dump(document, output)
    return output.getvalue()


def _rearranged(text: str, document: CommentedMap, old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return the text with the entries of each top-level block sequence in their new order.

    ruamel.yaml attaches a comment to the value before it. Here it belongs to the entry below, so entries
    move as whole lines; what changes within them is left to the next step.
    """
    lines = f"{text.rstrip()}\n".splitlines(keepends=True)
    changed = False
    for name in reversed(document):
        entries, before, after = document[name], old[name], new.get(name)
        if not isinstance(entries, CommentedSeq) or entries.fa.flow_style() or not after:
            continue
        places = _places(before, after)
        if places == list(range(len(before))):
            continue
        changed = True
        starts = [entries.lc.item(at)[0] for at in range(len(entries))]
        margin = " " * (len(lines[starts[0]]) - len(lines[starts[0]].lstrip()))
        first, end = starts[0], _end_of_block(lines, starts[-1], margin)
        starts = [first, *(_with_comments(lines, start, first) for start in starts[1:]), end]
        blocks = [
            lines[starts[place] : starts[place + 1]] if place is not None else [_entry(item, margin)]
            for item, place in zip(after, places, strict=True)
        ]
        if lines[end - 1 : end] and not lines[end - 1].endswith("\n"):
            lines[end - 1] += "\n"
        lines[first:end] = [
            line if line.endswith("\n") else f"{line}\n" for block in blocks for line in block
        ]
    return "".join(lines) if changed else text


def _places(before: list[Any], after: list[Any]) -> list[int | None]:
    """Return for each new entry the place of the old one that it is or is made of; None if there is none."""
    names = [_name(item) for item in before]
    if len(before) == len(after) and all(
        _name(item) == name or _name(item) not in names for item, name in zip(after, names, strict=True)
    ):
        return list(range(len(before)))
    left = list(range(len(before)))
    places: list[int | None] = []
    for item in after:
        place = next((at for at in left if before[at] == item), None)
        if place is None:
            place = next((at for at in left if names[at] == _name(item)), None)
        if place is not None:
            left.remove(place)
        places.append(place)
    return places


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, dict) else item


def _end_of_block(lines: list[str], start: int, margin: str) -> int:
    """Return the line after the last entry of a block sequence, which is indented deeper than its dash."""
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(f"{margin} ")):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return end


def _with_comments(lines: list[str], start: int, first: int) -> int:
    """Return the line at which the comments above an entry begin."""
    while start - 1 > first and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _entry(item: Any, margin: str) -> str:
    dumped = yaml.safe_dump([item], sort_keys=False, allow_unicode=True, width=_NO_WRAP)
    return "".join(f"{margin}{line}" for line in dumped.splitlines(keepends=True))


def _update_mapping(node: CommentedMap, old: dict[Any, Any], new: dict[Any, Any]) -> None:
    for key in [key for key in old if key not in new]:
        below = _take_below(node, key)
        keys = list(node)
        place = keys.index(key)
        del node[key]
        if place:
            _put_below(node, keys[place - 1], below)
    for key in [key for key in old if key in new and old[key] != new[key]]:
        _update_value(node, key, old[key], new[key])
    if added := {key: value for key, value in new.items() if key not in old}:
        last = next(reversed(node), None)
        below = "" if last is None else _take_below(node, last)
        flow = node.fa.flow_style() is True
        node.update({key: _written(value, flow=flow) for key, value in added.items()})
        _put_below(node, next(reversed(node)), below)


def _update_value(node: CommentedMap | CommentedSeq, key: Any, old: Any, new: Any) -> None:
    child = node[key]
    if isinstance(child, CommentedMap) and isinstance(new, dict) and child and new:
        _update_mapping(child, old, new)
    elif isinstance(child, CommentedSeq) and isinstance(new, list) and len(child) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                _update_value(child, place, before, after)
    else:
        node[key] = _written(new, flow=node.fa.flow_style() is True)
        # The comment behind a block scalar is part of the scalar.
        if isinstance(child, ScalarString) and (comment := getattr(child, "comment", None)) is not None:
            node.ca.items[key] = [None, None, comment, None]


def _take_below(node: CommentedMap | CommentedSeq, key: Any) -> str:
    """Remove and return the comment lines below a value: ruamel.yaml keeps them with its last scalar."""
    while isinstance(node[key], CommentedMap | CommentedSeq) and node[key] and not node[key].fa.flow_style():
        node = node[key]
        key = len(node) - 1 if isinstance(node, CommentedSeq) else next(reversed(node))
    comment = _comment_of(node, key)
    if comment is None or "\n" not in comment.value:
        return ""
    beside, _, below = comment.value.partition("\n")
    comment.value = f"{beside}\n"
    return str(below)


def _put_below(node: CommentedMap, key: Any, below: str) -> None:
    if not below:
        return
    if (comment := _comment_of(node, key)) is None:
        node.ca.items[key] = [None, None, CommentToken(f"\n{below}", CommentMark(0)), None]
    else:
        comment.value += below


def _comment_of(node: CommentedMap | CommentedSeq, key: Any) -> Any:
    """Return the comment behind a value, with the lines below it; None if there is none."""
    if isinstance(node[key], ScalarString) and hasattr(node[key], "comment"):
        return node[key].comment
    place = 2 if isinstance(node, CommentedMap) else 0
    return node.ca.items.get(key, [None] * 4)[place]


def _written(value: Any, *, flow: bool = False) -> Any:
    """Return a value as ruamel.yaml is to write it: on one line, quoted where PyYAML needs it.

    Within braces and brackets (`flow`) PyYAML needs quotes for more characters, such as ``?``.
    """
    if isinstance(value, dict | list):
        made: Any = CommentedMap() if isinstance(value, dict) else CommentedSeq()
        if isinstance(value, dict):
            made.update({key: _written(each, flow=True) for key, each in value.items()})
        else:
            made.extend(_written(each, flow=True) for each in value)
        made.fa.set_flow_style()
        return made
    if not isinstance(value, str):
        return value
    if "\n" in value:
        return DoubleQuotedScalarString(value)
    dumped = yaml.safe_dump([value], default_flow_style=flow, allow_unicode=True, width=_NO_WRAP)
    quote = dumped[1 if flow else 2]
    return {"'": SingleQuotedScalarString, '"': DoubleQuotedScalarString}.get(quote, str)(value)
