import subprocess
import sys

import click
import pytest

from biofeedback.cli import COMMANDS, commands


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_says_what_each_command_says_of_itself(name):
    command = commands.get_command(click.Context(commands), name)
    first_line = " ".join((command.help or "").split("\n\n")[0].split())
    assert (command.name, first_line) == (name, COMMANDS[name][1])


def test_help_imports_nothing_heavy():
    code = "import sys, biofeedback.cli as c; c.exit_status(['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"neurokit2", "pyo64", "matplotlib", "sqlalchemy", "streamlit", "fastapi"}
    assert "stream" in loaded.stdout
    assert not heavy & set(loaded.stdout.split())
