"""Imports point one way: what each package may import of ours, and nothing else."""

import ast
import importlib
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("acquisition", "biofeedback", "dashboard", "generator", "physiology", "protocols")

ALLOWED: dict[str, tuple[str, ...]] = {
    "acquisition": (),
    "physiology": (),
    "generator": (),
    "protocols": ("generator.state",),
    "biofeedback": ("acquisition", "physiology", "generator", "protocols"),
    "dashboard": ("biofeedback.client", "biofeedback.local_guard", "biofeedback.models"),
}


def imported_modules(file: Path) -> set[str]:
    """Every module a file imports; ``from a import b`` counts as ``a.b`` where that is a module."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {
                inner if is_module(inner := f"{node.module}.{alias.name}") else node.module
                for alias in node.names
            }
    return modules


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def is_allowed(package: str, module: str) -> bool:
    if (top := module.partition(".")[0]) not in PACKAGES or top == package:
        return True
    return any(module == edge or module.startswith(f"{edge}.") for edge in ALLOWED[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_what_lies_below_it(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    breaches = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in files
        for module in imported_modules(file)
        if not is_allowed(package, module)
    ]
    assert breaches == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    """Imports for the sake of types count as well: a reader has to follow those too."""
    imports = {name_of(file): imported_modules(file) for file in (ROOT / package).rglob("*.py")}
    order = TopologicalSorter({name: found & imports.keys() - {name} for name, found in imports.items()})
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_a_request_to_the_service_is_followed_through_eight_modules_at_most() -> None:
    files = {name_of(file): file for file in (ROOT / "biofeedback" / "service").rglob("*.py")}
    imports = {name: imported_modules(file) & files.keys() - {name} for name, file in files.items()}

    @cache
    def longest(name: str) -> tuple[str, ...]:
        return max(((name, *longest(each)) for each in imports[name]), key=len, default=(name,))

    chain = max(map(longest, imports), key=len)
    assert len(chain) <= 8, " imports ".join(chain)


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_music_states_never_need_pyo() -> None:
    for name in ("state", "errors", "score"):
        assert not any(
            module.startswith("pyo") for module in imported_modules(ROOT / "generator" / f"{name}.py")
        )


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_can_be_read_in_one_sitting(package: str) -> None:
    long = {
        str(file.relative_to(ROOT)): count
        for file in (ROOT / package).rglob("*.py")
        if (count := len(file.read_text(encoding="utf-8").splitlines())) > 600
    }
    assert long == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_of_a_module_is_given_once(package: str) -> None:
    """A constant that is given twice in a module changes what is above the second one, too."""
    twice = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in (ROOT / package).rglob("*.py")
        for name, count in Counter(module_constants(file)).items()
        if count > 1
    ]
    assert twice == []


def module_constants(file: Path) -> Iterator[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (
                inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)
            )


IMPORT = re.compile(rf"^ *from ((?:{'|'.join(PACKAGES)})(?:\.\w+)*) import ([\w, ]+)", re.MULTILINE)
"""An import of ours in a text: in a document, or in a script within a string."""


@pytest.mark.parametrize("pattern", ["*.md", "docs/*.md", "benchmarks/*.py", "tools/*.py"])
def test_what_documents_and_scripts_import_exists(pattern: str) -> None:
    imports = {
        (module, name.split(" as ")[0].strip(), path.name)
        for path in ROOT.glob(pattern)
        for module, names in IMPORT.findall(path.read_text(encoding="utf-8"))
        for name in names.split(",")
        if name.strip()
    }
    missing = []
    for module, name, where in sorted(imports):
        found = importlib.import_module(module)
        if not hasattr(found, name) and importlib.util.find_spec(f"{module}.{name}") is None:
            missing.append(f"{where}: {module}.{name}")
    assert missing == []
