import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from biofeedback.cli import COMMANDS, commands

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_says_what_each_command_says_of_itself(name):
    context = click.Context(commands)
    command = commands.get_command(context, name)
    first_line = " ".join((command.help or "").split("\n\n")[0].split())
    listed = " ".join(commands.get_help(context).split())
    assert command.name == name
    assert first_line.endswith(".")
    assert f" {name} {first_line}" in listed


HELP_IMPORTS = {"click", "numpy", "platformdirs"}
"""Of other people's libraries with a cost, what the help of a command may import."""

HEAVY = {
    *("alembic", "bleak", "edfio", "fastapi", "httpx", "jinja2", "matplotlib", "mido", "neurokit2", "pandas"),
    *("plotly", "pyarrow", "pyo64", "pyxdf", "ruamel", "scipy", "soundfile", "sqlalchemy", "streamlit"),
    *("uvicorn", "websockets", "wfdb", "pydantic", "pylsl", "rich", "serial", "yaml"),
}


COUNT_IMPORTS = """
import json, sys, biofeedback.cli as cli
found = []
for arguments in json.loads(sys.argv[1]):
    cli.exit_status(arguments)
    found.append(sorted({name.partition(".")[0] for name in sys.modules}))
print()
print(json.dumps(found))
"""


def imported_by(*lines: list[str]) -> list[set[str]]:
    """Return the top-level modules that are imported after each of these command lines, one after another."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT_IMPORTS, json.dumps(lines)], capture_output=True, text=True, check=True
    )
    return [set(names) for names in json.loads(done.stdout.splitlines()[-1])]


def test_every_dependency_is_either_light_or_heavy():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[<>=~!;\[ ]", line)[0].lower() for line in project["dependencies"]}
    imported = {
        {"pyserial": "serial", "pyyaml": "yaml", "ruamel.yaml": "ruamel", "pyo": "pyo64"}.get(n, n)
        for n in named
    }
    assert imported - {"setuptools", "markupsafe", "starlette", "typing-extensions"} <= HELP_IMPORTS | HEAVY


@pytest.fixture(scope="module")
def imported_for_help():
    """What is imported after the help of each command, in one process: what one imports, none may import."""
    names = ["", *sorted(COMMANDS)]
    lines = [[*filter(None, [name]), "--help"] for name in names]
    return dict(zip(names, imported_by(*lines), strict=True))


@pytest.mark.parametrize("name", ["", *sorted(COMMANDS)])
def test_help_imports_nothing_heavy(imported_for_help, name):
    assert imported_for_help[name] & HEAVY == set()


def test_lists_import_only_what_they_need(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(tmp_path))
    protocols, clients = imported_by(["protocols", "list"], ["clients", "list"])
    dear = {*HEAVY, "numpy"}
    assert protocols & dear <= {"sqlalchemy", "pydantic", "yaml"}
    assert clients & dear <= {"sqlalchemy", "pydantic", "yaml"}
