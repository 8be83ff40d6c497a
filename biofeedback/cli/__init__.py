"""The command line: every error is one line, every exit status means one thing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from acquisition.errors import AcquisitionError
from biofeedback.errors import BiofeedbackError, SessionFault
from generator.errors import GeneratorError
from physiology.errors import PhysiologyError
from protocols.errors import ProtocolError


class LazyGroup(click.Group):
    """A group of commands whose modules are imported when a command, or the list of all, is asked for.

    Parameters
    ----------
    modules : mapping of str to str
        For each command its module, below ``biofeedback.cli``.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """Return the names of all commands, sorted."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        """Return a command, imported now; None where there is none of that name."""
        if cmd_name not in self._modules:
            return None
        defined = vars(import_module(f"biofeedback.cli.{self._modules[cmd_name]}")).values()
        return next(each for each in defined if isinstance(each, click.Command) and each.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the whole first line of its help."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, (command.help or "").partition("\n")[0]) for name, command in found if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


DONE, WRONG_USE, FAULT, INTERRUPTED = 0, 2, 3, 130

REFUSALS = (AcquisitionError, BiofeedbackError, GeneratorError, PhysiologyError, ProtocolError, OSError)


_DEFINED = {
    "archive": ("sessions", "audit", "backup", "restore"),
    "clients": ("clients", "consent", "retention"),
    "engine": ("engine", "dashboard"),
    "exchange": ("analyse", "report", "export", "import"),
    "music": ("soundcheck", "render", "replay"),
    "palettes": ("palettes",),
    "protocols": ("protocols",),
    "sessions": ("demo", "run"),
    "setups": ("setups",),
    "simulate": ("simulate",),
    "sources": ("sources", "emulate"),
    "stream": ("stream",),
}
"""The commands that each module below ``biofeedback.cli`` defines.

Modules are imported when their command is called: NeuroKit2 alone takes seconds.
"""

COMMANDS = {name: module for module, names in _DEFINED.items() for name in names}
"""The module of each command."""


@click.group(
    cls=LazyGroup,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="biofeedback-music", message="%(package)s %(version)s")
def commands() -> None:
    """Music that meets a listener's physiological activation and leads it toward rest.

    For research and therapist-supervised use; not for diagnosis, monitoring or treatment.

    Exit status: 0 done, 2 wrong use or unreadable input, 3 a fault during the session (the recording is
    kept), 130 interrupted (the recording is closed properly).
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of the process's own.
    """
    sys.exit(exit_status(arguments))


def exit_status(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; what went wrong is said in one line."""
    try:
        result = commands.main(args=arguments, prog_name="biofeedback", standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USE
    except click.ClickException as error:
        say(error.format_message())
        return WRONG_USE
    except SessionFault as error:
        say(str(error))
        return FAULT
    except REFUSALS as error:
        say(str(error))
        return WRONG_USE
    return result if isinstance(result, int) else DONE


def say(message: str) -> None:
    """Print one line for the user on standard error."""
    click.echo(f"biofeedback: {message}", err=True)
