"""``biofeedback sessions``, ``audit``, ``backup`` and ``restore``: what was recorded, and that it stays."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from biofeedback.cli.options import (
    FILE,
    FOLDER,
    data_option,
    json_option,
    now,
    open_catalog,
    open_store,
    print_json,
    print_lines,
    tell_recovered,
    yes_option,
)
from biofeedback.errors import StoreError
from biofeedback.settings import calibration_file, data_folder
from biofeedback.store.records import AuditFinding, Session, counted

FINDINGS = 3
"""Exit status where something is not as it was left."""

session_argument = click.argument("session", metavar="SESSION")
file_argument = click.argument("file", type=FILE)


@click.group()
def sessions() -> None:
    """List, show, add, recover, annotate and delete recorded sessions.

    SESSION is an id that sessions list prints, or the name of a directory below sessions/ in the data folder.
    """


@sessions.command("list")
@click.option("--search", default="", metavar="TEXT", help="List only sessions that mention these words.")
@click.option("--client", metavar="CODE", help="List only the sessions of this client.")
@click.option("--limit", type=click.IntRange(1), help="List at most this many, the newest.")
@click.option("--deleted", is_flag=True, help="Also list what is left of deleted sessions.")
@json_option
@data_option
def list_(
    search: str, client: str | None, limit: int | None, data: Path | None, *, deleted: bool, as_json: bool
) -> None:
    """List sessions, the newest first."""
    with open_store(data) as store:
        found = store.sessions.list(search, client, limit=limit, deleted=deleted)
    if as_json:
        print_json([_as_dict(session) for session in found])
    else:
        print_lines(map(_line, found), none="no sessions")


@sessions.command()
@session_argument
@data_option
def show(session: str, data: Path | None) -> None:
    """Print everything that the store knows of a session, as JSON."""
    with open_store(data) as store:
        found = store.sessions.get(session)
        facts = asdict(store.sessions.facts(found.id))
    print_json({**_as_dict(found), **facts})


@sessions.command()
@click.argument("directories", nargs=-1, required=True, type=FOLDER)
@click.option("--client", metavar="CODE", help="The client whose sessions they are.")
@data_option
def adopt(directories: tuple[Path, ...], client: str | None, data: Path | None) -> None:
    """Add sessions that were recorded without the store.

    Directories outside the data folder are copied into it; the originals stay as they are.
    """
    with open_store(data) as store:
        for directory in directories:
            session = store.sessions.adopt(directory, client)
            click.echo(f"{session.id}  {session.directory}")


@sessions.command()
@click.argument("directories", nargs=-1, type=FOLDER)
@data_option
def recover(directories: tuple[Path, ...], data: Path | None) -> None:
    """Close sessions that were interrupted: all in the data folder, or those in DIRECTORIES."""
    from biofeedback.recording.recovery import recover as recover_directory

    if directories:
        for directory in directories:
            did = recover_directory(directory, at=now())
            said = "; ".join(did) if did else "is closed, or being recorded; nothing was done"
            click.echo(f"{directory}: {said}")
        return
    with open_store(data, recover=False) as store:
        print_lines([f"recovered {entry}" for entry in store.recover()], none="nothing was cut off")


@sessions.command()
@session_argument
@yes_option
@data_option
def delete(session: str, data: Path | None, *, yes: bool) -> None:
    """Delete the files of a session and what the store knows of it, for good."""
    with open_store(data) as store:
        found = store.sessions.get(session)
        if not yes:
            click.echo(f"{_line(found)}\nwould be deleted for good; add --yes to do it")
            return
        store.retention.delete_session(found.id)
    click.echo(
        f"session {found.id} was deleted, and its files are gone; back-ups made before are not touched"
    )


@sessions.command()
@session_argument
@click.argument("text")
@data_option
def note(session: str, text: str, data: Path | None) -> None:
    """Add a note to a session that has ended."""
    with open_store(data) as store:
        store.sessions.add_note(session, text)
    click.echo("the note was added")


@click.group()
def audit() -> None:
    """List what was done in the store, and check that nothing was changed in any other way."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1), help="List at most this many, the newest.")
@data_option
def list_audit(limit: int | None, data: Path | None) -> None:
    """List what was done, oldest first; clients appear as random ids, never by their code."""
    with open_store(data, recover=False) as store:
        for entry in store.audit.entries(limit):
            click.echo(f"{entry.number:>6}  {entry.at[:19]}  {entry.action:<22} {entry.kind} {entry.subject}")


@audit.command()
@click.option(
    "--backup",
    "backups",
    multiple=True,
    type=FILE,
    help="Also compare with what this back-up says of the audit; repeat for more.",
)
@data_option
def verify(backups: tuple[Path, ...], data: Path | None) -> int:
    """Check every row of the store and every recorded file; list what was changed, removed or interrupted.

    Exit status: 0 if nothing was found, 3 otherwise.
    """
    from biofeedback.store.backup import backup_head

    heads = {str(file): backup_head(file) for file in backups}
    try:
        with open_store(data, recover=False) as store:
            findings = store.audit.verify(heads)
    except StoreError as error:
        findings = [AuditFinding("store", str(error))]
    for finding in findings:
        click.echo(str(finding))
    click.echo(counted(len(findings), "finding") if findings else "everything is as it was left")
    return FINDINGS if findings else 0


@click.command()
@file_argument
@data_option
def backup(file: Path, data: Path | None) -> None:
    """Write everything into one file; sessions may be recorded meanwhile.

    It holds sessions, clients, consents, rules, protocols, sensor set-ups, the audit, the key of the
    participant numbers, and the calibrations of sound devices; the command says how many. An earlier file of
    that name is replaced once the new one is whole. The file is not encrypted.
    """
    with open_catalog(data, writes=True):  # copies set-up files of an earlier version into the store
        pass
    with open_store(data) as store:
        contents = store.backup.write(file, calibration=calibration_file())
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB: {contents}")


@click.command()
@file_argument
@data_option
def restore(file: Path, data: Path | None) -> None:
    """Make a data folder of a back-up; the folder must be empty, or not exist. Every byte is checked.

    Calibrations of sound devices that have none on this computer are added to its settings.
    """
    from biofeedback.store.backup import backup_contents
    from biofeedback.store.store import Store

    folder = data or data_folder()
    contents = backup_contents(file)
    with Store.restore(file, folder, now=now, calibration=calibration_file()) as store:
        tell_recovered(store)
        count = len(store.sessions.list())
    held = counted(count, "session") if contents is None else contents
    click.echo(f"{folder}: restored {held}; every file is as it was written")
    if contents is None:
        click.echo(
            "biofeedback: note: back-ups of earlier versions hold no export.key; copy it from the old data "
            "folder, or participants get new numbers in exports",
            err=True,
        )


def _line(session: Session) -> str:
    minutes, seconds = divmod(int(session.duration_s or 0), 60)
    length = "" if session.duration_s is None else f"{minutes}:{seconds:02d}"
    about = f"{session.protocol or '':<26} {session.client or '-':<16} {session.state}"
    return f"{session.id}  {(session.started or session.begun_at)[:16]}  {length:>7}  {about}"


def _as_dict(session: Session) -> dict[str, object]:
    return {**asdict(session), "directory": session.directory and str(session.directory)}
