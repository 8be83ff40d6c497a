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


def imported_by(*arguments: str) -> set[str]:
    """Names of the top-level modules that a command line has imported when it is done."""
    code = "import sys, biofeedback.cli as c; c.exit_status(sys.argv[1:]); print(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_every_dependency_is_either_light_or_heavy():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[<>=~!;\[ ]", line)[0].lower() for line in project["dependencies"]}
    imported = {
        {"pyserial": "serial", "pyyaml": "yaml", "ruamel.yaml": "ruamel", "pyo": "pyo64"}.get(n, n)
        for n in named
    }
    assert imported - {"setuptools", "markupsafe", "starlette", "typing-extensions"} <= HELP_IMPORTS | HEAVY


@pytest.mark.parametrize("name", ["", *sorted(COMMANDS)])
def test_help_imports_nothing_heavy(name):
    assert imported_by(*filter(None, [name]), "--help") & HEAVY == set()


def test_lists_import_only_what_they_need(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(tmp_path))
    dear = {*HEAVY, "numpy"}
    assert imported_by("clients", "list") & dear <= {"sqlalchemy", "alembic", "pydantic", "yaml"}
    assert imported_by("protocols", "list") & dear <= {"sqlalchemy", "pydantic", "yaml"}
