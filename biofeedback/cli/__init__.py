"""The command line: every error is one line, every exit status means one thing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from acquisition.errors import AcquisitionError
from biofeedback.cli.emulate import emulate_command
from biofeedback.cli.music import render, replay
from biofeedback.cli.protocols import protocols
from biofeedback.cli.review import analyse_command, report
from biofeedback.cli.sessions import demo, run
from biofeedback.cli.setups import setups
from biofeedback.cli.soundcheck import soundcheck
from biofeedback.cli.sources import sources
from biofeedback.cli.stream import stream
from biofeedback.errors import BiofeedbackError, SessionFault
from generator.errors import GeneratorError
from physiology.errors import PhysiologyError
from protocols.errors import ProtocolError

DONE, WRONG_USE, FAULT, INTERRUPTED = 0, 2, 3, 130

REFUSALS = (AcquisitionError, BiofeedbackError, GeneratorError, PhysiologyError, ProtocolError, OSError)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="biofeedback-music", message="%(package)s %(version)s")
def commands() -> None:
    """Music that meets a listener's physiological activation and leads it toward rest.

    For research and therapist-supervised use; not for diagnosis, monitoring or treatment.

    Exit status: 0 done, 2 wrong use or unreadable input, 3 a fault during the session (the recording is
    kept), 130 interrupted (the recording is closed properly).
    """


for command in (
    demo,
    run,
    soundcheck,
    sources,
    setups,
    emulate_command,
    protocols,
    stream,
    render,
    replay,
    analyse_command,
    report,
):
    commands.add_command(command)


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
