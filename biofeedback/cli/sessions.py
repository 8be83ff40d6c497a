"""``biofeedback demo`` and ``biofeedback run``: a session from beginning to end."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from acquisition.injected_faults import FAULTS
from biofeedback.cli import INTERRUPTED
from biofeedback.cli.options import (
    FOLDER,
    PREFERENCE_FIELDS,
    PreferenceOptions,
    clear_option,
    complete_protocol,
    complete_setup,
    data_option,
    inputs_option,
    is_live,
    open_catalog,
    open_store,
    preference_options,
    progress_bar,
    refuse_gaps,
    scr_threshold_option,
    seed_option,
)
from biofeedback.cli.palettes import prepare_instruments
from biofeedback.errors import BiofeedbackError, UsageError
from biofeedback.settings import calibration_file
from generator.preferences import Preferences

if TYPE_CHECKING:
    from pydantic import ValidationError

    from biofeedback.command_inbox import CommandInbox
    from biofeedback.commands import Command
    from biofeedback.models import Snapshot
    from biofeedback.session import SessionConfig
    from biofeedback.store.store import Store
    from generator.live.devices import BackEnd
    from protocols.schema import Protocol

QUESTION = "Were all of these checked, and does none rule this session out?"
SESSIONS = Path("sessions")
REPORT_NAME = "report.html"

DEMO_SEED = 1
"""With this seed the listener follows the lead to its end; with 0, for example, it holds and plateaus."""


def parse_command(text: str) -> tuple[float, Command]:
    """Read ``AT:JSON``: the seconds from the session's start, and the command.

    Raises
    ------
    UsageError
        If the time or the command is not valid.
    """
    from pydantic import ValidationError

    from biofeedback.commands import COMMAND

    at, _, body = text.partition(":")
    try:
        seconds = float(at)
    except ValueError:
        seconds = math.nan
    if not (0.0 <= seconds < math.inf):
        raise UsageError(
            f"--command {text}: {at!r} is not a time; give seconds from the session's start and the command, "
            """such as '300:{"name": "pause"}'"""
        )
    try:
        given = json.loads(body)
    except json.JSONDecodeError as error:
        raise UsageError(f"--command {text}: no JSON after the time ({error})") from None
    try:
        return seconds, COMMAND.validate_python(given)
    except ValidationError as error:
        raise UsageError(f"--command {text}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    """Return the first error in one line, with its field."""
    complaint = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in complaint["loc"][1:])
    message = complaint["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


command_option = click.option(
    "--command",
    "script",
    multiple=True,
    metavar="AT:JSON",
    callback=lambda _context, _option, texts: tuple(map(parse_command, texts)),
    help="Issue a command at this second of the session, as "
    """'300:{"name": "pause"}'; repeat for more. docs/control.md lists them.""",
)
out_option = click.option(
    "--out",
    type=FOLDER,
    help="Directory of the session, created; must not hold one already. [default: sessions/DATE-PROTOCOL]",
)


@click.command()
@seed_option(DEMO_SEED, "Seed of the listener and the music.")
@out_option
def demo(seed: int, out: Path | None) -> int:
    """Run a ten-minute session on the virtual listener in virtual time.

    Needs no sensor, sound card, screen or network. Writes a recording, the sound, a MIDI file and a report.
    """
    from biofeedback.recording.reader import read_recording
    from biofeedback.report.page import write_report
    from biofeedback.session import SessionConfig
    from protocols.loading import load

    config = SessionConfig(
        protocol=load("isoprinciple-relaxation"),
        inputs=("listener=virtual:responder",),
        directory=out or new_directory("demo"),
        seed=seed,
        keep_sound=True,
    )
    status = carry_out(config)
    report = config.directory / REPORT_NAME
    write_report(read_recording(config.directory), report)
    click.echo(f"report     {report}")
    return status


@click.command()
@click.option(
    "--protocol",
    "protocol_name",
    required=True,
    metavar="ID|FILE",
    shell_complete=complete_protocol,
    help="Protocol to carry out; see biofeedback protocols.",
)
@inputs_option
@click.option(
    "--setup",
    metavar="NAME|FILE",
    shell_complete=complete_setup,
    help="A sensor set-up in place of inputs; see biofeedback setups.",
)
@click.option(
    "--audio",
    type=click.Choice(["auto", "device", "file", "none"]),
    default="auto",
    show_default=True,
    help="file: write the sound as FLAC. none: record the score only. device: play in real time. "
    "auto: play if there is a device; in virtual time as file.",
)
@click.option("--device", metavar="NAME", help="Sound device, by part of its name; see biofeedback sources.")
@click.option(
    "--time",
    "clock",
    type=click.Choice(["real", "virtual"]),
    help="virtual: as fast as the machine goes. [default: real if an input is live]",
)
@seed_option()
@out_option
@scr_threshold_option
@preference_options
@clear_option(PREFERENCE_FIELDS, "With --client: ignore this preference of the client")
@click.option("--set", "settings", multiple=True, metavar="PHASE.KEY=VALUE", help="Change the protocol.")
@click.option(
    "--inject",
    "faults",
    multiple=True,
    metavar="STREAM:FAULT@START+SECONDS[?level=AMOUNT]",
    help="Inject a fault into an input, to test a session; repeat for more. "
    + "; ".join(f"{name}: {fault.description}" for name, fault in FAULTS.items())
    + ". Without a duration it lasts to the end.",
)
@command_option
@click.option("--client", metavar="CODE", help="The client's code; the session is stored in the data folder.")
@data_option
@click.option(
    "--cautions-confirmed",
    is_flag=True,
    help="Confirm that the cautions were checked and none rules the session out. Without it, a session in "
    "real time asks at the terminal; without a terminal, the summary states that they were not confirmed.",
)
@click.option("--allow-gaps", is_flag=True, help="Accept recordings with long stretches of missing signal.")
@click.option(
    "--lsl-out",
    is_flag=True,
    help="Publish features, music, beats and markers as LSL outlets; on isolated networks only.",
)
def run(
    protocol_name: str,
    inputs: tuple[str, ...],
    setup: str | None,
    audio: str,
    device: str | None,
    clock: str | None,
    seed: int,
    out: Path | None,
    settings: tuple[str, ...],
    faults: tuple[str, ...],
    script: tuple[tuple[float, Command], ...],
    preferences: PreferenceOptions,
    cleared: tuple[str, ...],
    scr_threshold_us: float,
    client: str | None,
    data: Path | None,
    *,
    cautions_confirmed: bool,
    allow_gaps: bool,
    lsl_out: bool,
) -> int:
    """Carry out a protocol with live sensors, recordings or the virtual listener.

    With --client, the client's preferences hold for every option that is not given; --without adds to
    the client's unwanted sounds.
    Ctrl-C stops with a fade and closes the recording; a second Ctrl-C silences the music at once.
    """
    from acquisition.injected_faults import parse_fault
    from biofeedback.calibration import read_calibration
    from biofeedback.session import SessionConfig
    from protocols.loading import override

    if setup and inputs:
        raise click.UsageError("give --input or --setup, not both")
    with open_catalog(data) as catalog:
        sensors = catalog.setup(setup) if setup else None
        saved = protocol = catalog.protocol(protocol_name)
    inputs = sensors.inputs if sensors else inputs
    if client and out:
        raise click.UsageError(
            "give --client or --out, not both: a client's session goes into the data folder"
        )
    if cleared and not client:
        raise click.UsageError("--clear needs --client")
    for setting in settings:
        protocol = override(protocol, setting)
    real = clock == "real" or (clock is None and any(is_live(text) for text in inputs))
    if not real and (audio == "device" or device or lsl_out):
        raise click.UsageError("sound devices and LSL outlets need --time real")
    if not allow_gaps:
        refuse_gaps(inputs)
    back_end = output(audio, device) if real else None
    with ExitStack() as stack:
        store = stack.enter_context(open_store(data)) if client else None
        who = store.clients.get(client) if store and client else None
        likes = preferences.cleared(cleared).within_session(who.preferences if who else Preferences())
        cautions = (*protocol.cautions, *(who.cautions if who else ()))
        about = {"cautions": confirm_cautions(cautions, confirmed=cautions_confirmed)} if real else {}
        config = SessionConfig(
            protocol=protocol,
            inputs=inputs,
            setup=sensors,
            directory=out or (store.sessions.new_directory if store else new_directory)(protocol.id),
            seed=seed,
            keep_sound=audio == "file" or (audio == "auto" and not real),
            back_end=back_end,
            publish=lsl_out,
            faults=tuple(parse_fault(text) for text in faults),
            script=script,
            about=about,
            preferences=likes,
            scr_threshold_us=scr_threshold_us,
            calibration=read_calibration(back_end.name, calibration_file()) if back_end else None,
        )
        if store and client:
            return carry_out(stack.enter_context(stored(store, config, client, saved)))
        return carry_out(config)


@contextmanager
def stored(store: Store, config: SessionConfig, client: str, protocol: Protocol) -> Iterator[SessionConfig]:
    """Enter a session into the store and yield its configuration; on exit, add its recording, if any.

    Raises
    ------
    UsageError
        If there is no such client or consent, or this version of the protocol was used with other content.
    """
    from biofeedback.recording.storage import META_NAME

    session = store.sessions.begin(config.directory, client=client, protocol=protocol)
    try:
        yield replace(
            config,
            consent=store.sessions.recorded_consent(session.id),
            about={**config.about, **store.audit.anchor()},
            at_close=store.audit.anchor,
        )
    finally:
        try:
            if (config.directory / META_NAME).exists():
                click.echo(f"session    {store.sessions.adopt(config.directory).id}")
            else:
                store.sessions.abandon(session.id)
        except BiofeedbackError as error:
            click.echo(
                f"biofeedback: note: the next start takes the session into the store: {error}", err=True
            )


def output(audio: str, device: str | None) -> BackEnd:
    """Return the output for the sound of a session in real time; print a note if nobody hears it."""
    from generator.live.devices import PACED, fallback_text, find_back_end

    if audio in {"file", "none"}:
        if device:
            raise click.UsageError(f"--device is for --audio auto or device, not {audio}")
        return PACED
    back_end = find_back_end(device, required=audio == "device", instead="use --audio file or none")
    if note := fallback_text(back_end):
        click.echo(f"biofeedback: note: {note}", err=True)
    return back_end


def carry_out(config: SessionConfig) -> int:
    """Run the session with a progress bar, print a summary and return the exit status."""
    from biofeedback.analysis.summary import session_summary
    from biofeedback.command_inbox import CommandInbox
    from biofeedback.recording.audio import FLAC_NAME
    from biofeedback.recording.reader import read_recording
    from biofeedback.session import MIDI_NAME, run_session

    if config.keep_sound or config.back_end is not None:
        palette = prepare_instruments(config.piece.palette)
        config = replace(config, preferences=replace(config.preferences, palette=palette))
    inbox = CommandInbox()
    with progress_bar(config.protocol.title) as progress, stop_on_interrupt(inbox):
        reason = run_session(config, watch=progress_watcher(config.protocol, progress), inbox=inbox)
    recording = read_recording(config.directory)
    click.echo(f"ended: {reason}")
    for sentence in session_summary(recording):
        click.echo(sentence)
    click.echo(f"recording  {config.directory / 'session.xdf'}")
    for name, label in ((FLAC_NAME, "sound"), (MIDI_NAME, "MIDI")):
        if (config.directory / name).exists():
            click.echo(f"{label:<10} {config.directory / name}")
    return INTERRUPTED if inbox.interruptions else 0


def progress_watcher(
    protocol: Protocol, progress: Callable[[float, str], None]
) -> Callable[[Snapshot], None]:
    """Return a function that updates the progress bar once per second of the session."""
    total_s = protocol.duration_s + protocol.end_fade_s

    def watch(snapshot: Snapshot) -> None:
        if snapshot.elapsed_s == int(snapshot.elapsed_s) or snapshot.finished:
            done = 1.0 if snapshot.finished else min(snapshot.elapsed_s / total_s, 1.0)
            progress(done, progress_text(snapshot))

    return watch


def progress_text(snapshot: Snapshot) -> str:
    """Return the phase and the inputs that have a problem, with the reason."""
    from acquisition.streams import Condition

    troubled = [
        f"{name} {status.condition}" + (f" ({status.text})" if status.text else "")
        for name, status in snapshot.inputs.items()
        if status.condition is not Condition.STREAMING
    ]
    return " · ".join([snapshot.phase, *troubled])


@contextmanager
def stop_on_interrupt(inbox: CommandInbox) -> Iterator[None]:
    """Turn Ctrl-C into a stop command within the context."""

    def handler(_signal: int, _frame: FrameType | None) -> None:
        inbox.interrupt()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def new_directory(name: str) -> Path:
    """Return a directory below ``sessions/`` that does not exist yet."""
    from biofeedback.recording.storage import new_session_directory

    return new_session_directory(SESSIONS, name, datetime.now(UTC).astimezone())


def confirm_cautions(cautions: Sequence[str], *, confirmed: bool) -> str:
    """Show the cautions and ask for confirmation; return the text to record.

    Parameters
    ----------
    cautions : sequence of str
        The protocol's and the client's own.
    confirmed : bool
        Whether they were confirmed by an option.

    Returns
    -------
    str
        ``confirmed``, or ``not confirmed`` if there is no terminal; the session's summary then states it.

    Raises
    ------
    UsageError
        If the answer is no.
    """
    if confirmed or not cautions:
        return "confirmed"
    if not sys.stdin.isatty():
        return "not confirmed"
    click.echo("Check each of these before any music plays:", err=True)
    for caution in cautions:
        click.echo(f"  - {caution}", err=True)
    if not click.confirm(QUESTION, err=True):
        raise UsageError("the session does not begin: the cautions were not confirmed")
    return "confirmed"
