"""Before a person hears anything: what to ask about, and whether that was done."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from biofeedback.errors import UsageError

QUESTION = "Were all of these asked about, and does none speak against this session?"


def confirm_cautions(cautions: Sequence[str], *, confirmed: bool) -> str:
    """Show the cautions and have them confirmed; return how they were, as it is recorded.

    Parameters
    ----------
    cautions : sequence of str
        The protocol's and the client's own.
    confirmed : bool
        Whether that was done before.

    Returns
    -------
    str
        ``confirmed``, or ``not confirmed`` where there is no terminal to ask at; the session's summary
        says so then.

    Raises
    ------
    UsageError
        If the answer is no.
    """
    if confirmed or not cautions:
        return "confirmed"
    if not sys.stdin.isatty():
        return "not confirmed"
    click.echo("Ask about each of these before any music sounds:", err=True)
    for caution in cautions:
        click.echo(f"  - {caution}", err=True)
    if not click.confirm(QUESTION, err=True):
        raise UsageError("the session does not begin: the cautions were not confirmed")
    return "confirmed"
