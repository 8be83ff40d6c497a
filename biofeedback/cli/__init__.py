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
    """A group of commands that knows their names and first lines of help without importing them.

    Parameters
    ----------
    lazy : mapping of str to (str, str)
        For each command ``module:name`` below ``biofeedback.cli``, and its first line of help.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now; None where there is none of that name."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"biofeedback.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click passes it
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazy[name][1]) for name in sorted(self._lazy)])


DONE, WRONG_USE, FAULT, INTERRUPTED = 0, 2, 3, 130

REFUSALS = (AcquisitionError, BiofeedbackError, GeneratorError, PhysiologyError, ProtocolError, OSError)


COMMANDS = {
    "demo": ("sessions:demo", "Run a ten-minute session on the virtual listener in virtual time."),
    "run": ("sessions:run", "Carry out a protocol with live sensors, recordings or the virtual listener."),
    "soundcheck": (
        "music:soundcheck",
        "Play a session's sounds at the session's level before it begins.",
    ),
    "sources": (
        "sources:sources",
        "List LSL streams, serial ports, profiles of sensors, straps, virtual listeners and sound devices.",
    ),
    "engine": (
        "engine:engine",
        "Serve sessions on 127.0.0.1, for the dashboard and for programs; Ctrl-C ends it.",
    ),
    "dashboard": (
        "engine:dashboard",
        "Set up, run, watch and steer sessions in a browser; Ctrl-C ends the pages.",
    ),
    "simulate": (
        "simulate:simulate",
        "Simulate sessions with virtual listeners in virtual time, without sound.",
    ),
    "clients": (
        "clients:clients",
        "Keep clients by pseudonyms, with what they like to hear, cautions and goals.",
    ),
    "consent": ("clients:consent", "Write down what clients agree to, and carry out what they withdraw."),
    "retention": ("clients:retention", "Say how long sessions are kept, and delete those that are past it."),
    "sessions": ("archive:sessions", "List, take in, recover and delete recorded sessions."),
    "audit": ("archive:audit", "Look at what was done, and whether everything is as it was left."),
    "backup": (
        "archive:backup",
        "Write everything into one file; sessions may be recorded meanwhile.",
    ),
    "restore": (
        "archive:restore",
        "Make a data folder of a back-up; the folder must be empty, or not exist. Every byte is checked.",
    ),
    "setups": ("setups:setups", "Save, show, check and remove sensor set-ups, for run --setup NAME."),
    "emulate": (
        "sources:emulate_command",
        "Emulate a serial device behind a pseudo-terminal, from a recording, in real time.",
    ),
    "protocols": (
        "protocols:protocols",
        "List, show, check, save and draw protocols: built-in ones, saved ones and files.",
    ),
    "stream": (
        "stream:stream",
        "Pass recordings through the live pipeline, chunk by chunk, and write its results.",
    ),
    "render": ("music:render", "Render music along a trajectory of states."),
    "replay": (
        "music:replay",
        "Rebuild a session's music from its recording, cut off or not, and check it against the notes kept.",
    ),
    "analyse": (
        "exchange:analyse_command",
        "Print rates, variability, breathing and skin conductance of a recorded session.",
    ),
    "report": ("exchange:report", "Make a self-contained HTML page to review a session."),
    "export": (
        "exchange:export_command",
        "Write sessions in open formats, as one data set without names.",
    ),
    "import": (
        "exchange:import_command",
        "Take recordings of other programs in as a session, for report, analyse and export.",
    ),
}
"""Each command: its module below ``biofeedback.cli`` and name there, and its first line of help.

Modules are imported when their command is called: NeuroKit2 alone takes seconds.
"""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
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
