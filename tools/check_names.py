"""Check the names of modules, classes and functions against the naming rules of CONTRIBUTING.md.

    .venv/bin/python tools/check_names.py

A name that was retired stays retired, no name is a metaphor, and a public class name is used once in the
project. Names are read by `ast`; migrations of the store are left out, for they keep what they once did.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("acquisition", "biofeedback", "dashboard", "generator", "physiology", "protocols")

RETIRED_MODULES = {
    "acquisition": "nerves chest memory",
    "physiology": "early pattern locator causes",
    "generator": "ground take cues link child",
    "dashboard": "care sounding choosing choices closing",
    "biofeedback.controller": "desk orders hands outcome reasons catalogue",
    "biofeedback.exports": "contents check search",
    "biofeedback.report": "tables rhythm said words display",
    "biofeedback.service": "desk orders views host mailbox ledger answers glance portrait arcs lights"
    " whereabouts trouble security previews",
    "biofeedback.store": "ledger shelf keeping recovering additions facts archive codes",
    "biofeedback": "inbox ticks watch signals streaming",
}
"""Modules that stand in a package, at any depth (of `biofeedback` itself: directly in it)."""

RETIRED_CLASSES = (
    "Diary Strap Alone Still Told Thinner Liking Calm Wish Heard Asked Trail Written Rated Tap Discreet"
    " SessionBook ClientBook Second Sounded LostTime Marking EvenStamps Rivals"
)

RETIRED_PATHS = {
    "biofeedback.session.Plan",
    *(f"biofeedback.recording.{module}.Track" for module in ("track", "recorder", "streams")),
    *(
        f"biofeedback.engine.Engine.{name}"
        for name in ("_take_in", "_hear_of_sources", "_turn", "_pass_on", "_write_down", "_keep")
    ),
}

RETIRED_FUNCTIONS = {
    "acquisition": "converse",
    "biofeedback.store": "found",
    "dashboard": "say",
    "generator": "chance",
}

METAPHORS = "desk house hands shelf ledger mailbox portrait glance diary whereabouts trouble nerves chest"


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the dotted name and the tree of every module of the product."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in file.parts:
                name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                yield name, ast.parse(file.read_text(encoding="utf-8"))


def definitions(name: str, body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the dotted name and the node of every class and function, nested ones in classes too."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name}.{node.name}", node
        if isinstance(node, ast.ClassDef):
            yield from definitions(f"{name}.{node.name}", node.body)


def words(name: str) -> set[str]:
    """Return the words that an identifier is made of, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def is_retired_module(name: str) -> bool:
    """Say whether a module has a name that its package has given up."""
    parent, _, last = name.rpartition(".")
    for package, names in RETIRED_MODULES.items():
        within = parent == package if package == "biofeedback" else f"{parent}.".startswith(f"{package}.")
        if within and last in names.split():
            return True
    return False


def is_retired(path: str, node: ast.stmt) -> bool:
    """Say whether a class or function has a name that was given up."""
    name = path.rpartition(".")[2]
    if isinstance(node, ast.ClassDef):
        return name in RETIRED_CLASSES.split() or path in RETIRED_PATHS
    functions = (names for package, names in RETIRED_FUNCTIONS.items() if path.startswith(f"{package}."))
    return path in RETIRED_PATHS or any(name in names.split() for names in functions)


def faults() -> Iterator[str]:
    """Yield a line for each name that breaks a rule."""
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for module, tree in modules():
        if is_retired_module(module):
            yield f"{module}: the module's name is retired"
        if found := words(module.rpartition(".")[2]) & {*METAPHORS.split()}:
            yield f"{module}: {found.pop()!r} is a metaphor"
        for path, node in definitions(module, tree.body):
            name = path.rpartition(".")[2]
            if is_retired(path, node):
                yield f"{path}: the name is retired"
            elif found := words(name) & {*METAPHORS.split()}:
                yield f"{path}: {found.pop()!r} is a metaphor"
            if isinstance(node, ast.ClassDef) and not name.startswith("_"):
                classes[name].append(path)
    for name, paths in sorted(classes.items()):
        if len(paths) > 1:
            yield f"{name} is the name of {len(paths)} public classes: {', '.join(paths)}"


def main() -> int:
    """Print what breaks a rule, and return the exit status."""
    found = list(faults())
    print("\n".join(found) or "names: none is retired, a metaphor, or used for two classes")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
