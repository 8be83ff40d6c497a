"""``biofeedback demo`` and ``biofeedback run``: a session from beginning to end."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click

from acquisition.injected_faults import FAULTS, parse_fault
from acquisition.streams import Condition
from biofeedback.analysis.summary import session_summary
from biofeedback.calibration import calibration_file, read_calibration
from biofeedback.cli.cautions import confirm_cautions
from biofeedback.cli.data import complete_protocol, complete_setup, data_option, open_catalog, open_store
from biofeedback.cli.options import inputs_option, is_live, progress_bar, refuse_gaps, scr_threshold_option
from biofeedback.cli.preferences import (
    PREFERENCE_FIELDS,
    PreferenceOptions,
    clear_option,
    preference_options,
)
from biofeedback.cli.script import command_option
from biofeedback.command_inbox import CommandInbox
from biofeedback.commands import Command
from biofeedback.errors import BiofeedbackError
from biofeedback.models import Snapshot
from biofeedback.recording.reader import read_recording
from biofeedback.recording.recorder import META_NAME
from biofeedback.report.page import write_report
from biofeedback.session import FLAC_NAME, MIDI_NAME, SessionConfig, run_session
from biofeedback.store.store import Store
from generator.live.devices import PACED, BackEnd, choose_back_end, failure_text, fallback_text, probe_outputs
from generator.preferences import Preferences
from protocols import load, override
from protocols.schema import Protocol

SESSIONS = Path("sessions")
REPORT_NAME = "report.html"
INTERRUPTED = 130

DEMO_SEED = 1
"""A listener who follows the lead to its end; others (0, for one) show holding and the plateau."""

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="All chance follows from it.",
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the session, created; must not hold one already. [default: sessions/DATE-PROTOCOL]",
)


@click.command()
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=DEMO_SEED,
    show_default=True,
    help="Another listener, other music.",
)
@out_option
def demo(seed: int, out: Path | None) -> int:
    """Run a ten-minute session on the virtual listener in virtual time.

    Needs no sensor, sound card, screen or network. Leaves a recording, the sound, a MIDI file and a report.
    """
    plan = SessionConfig(
        protocol=load("isoprinciple-relaxation"),
        inputs=("listener=virtual:responder",),
        directory=out or new_directory("demo"),
        seed=seed,
        keep_sound=True,
    )
    status = carry_out(plan)
    report = plan.directory / REPORT_NAME
    write_report(read_recording(plan.directory), report)
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
    help="file: keep the sound as FLAC. none: the score only. device: play it, in real time. "
    "auto: play it if there is a device; in virtual time, file.",
)
@click.option("--device", metavar="NAME", help="Sound device, by part of its name; see biofeedback sources.")
@click.option(
    "--time",
    "clock",
    type=click.Choice(["real", "virtual"]),
    help="virtual: as fast as the machine goes. [default: real if an input is live]",
)
@seed_option
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
    help="Give an input a fault, to see what becomes of the session; repeat for more. "
    + "; ".join(f"{name}: {fault.description}" for name, fault in FAULTS.items())
    + ". Without a duration to the end.",
)
@command_option
@click.option(
    "--client", metavar="CODE", help="Whose session it is: it goes into the data folder and the store."
)
@data_option
@click.option(
    "--cautions-confirmed",
    is_flag=True,
    help="The cautions of the protocol were asked about and none speaks against the session; in real time "
    "this is asked at the terminal otherwise, and the summary says where it was not.",
)
@click.option("--allow-gaps", is_flag=True, help="Accept recordings with long stretches of missing signal.")
@click.option(
    "--lsl-out",
    is_flag=True,
    help="Publish features, music, sounded beats and markers as LSL outlets; on isolated networks only.",
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
    """Carry out a protocol: live, over recordings, or on the virtual listener.

    With --client, the client's preferences hold for every option that is not given; --without adds to
    the client's unwanted sounds.
    Ctrl-C stops with a fade and closes the recording; a second Ctrl-C silences the music at once.
    """
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
        own = who.cautions if who else ()
        cautions = (*protocol.cautions, *own)
        about = {"cautions": confirm_cautions(cautions, confirmed=cautions_confirmed)} if real else {}
        plan = SessionConfig(
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
            return carry_out(stack.enter_context(kept(store, plan, client, saved)))
        return carry_out(plan)


@contextmanager
def kept(store: Store, plan: SessionConfig, client: str, protocol: Protocol) -> Iterator[SessionConfig]:
    """Write a session down in the store while it is carried out by the plan that this yields.

    Raises
    ------
    UsageError
        If there is no such client or consent, or this version of the protocol had another content before.
    """
    session = store.sessions.begin(plan.directory, client=client, protocol=protocol)
    try:
        yield replace(
            plan,
            consent=store.sessions.recorded_consent(session.id),
            about={**plan.about, **store.audit.anchor()},
            at_close=store.audit.anchor,
        )
    finally:
        try:
            if (plan.directory / META_NAME).exists():
                click.echo(f"session    {store.sessions.adopt(plan.directory).id}")
            else:
                store.sessions.abandon(session.id)
        except BiofeedbackError as error:
            click.echo(
                f"biofeedback: note: the next start takes the session into the store: {error}", err=True
            )


def output(audio: str, device: str | None) -> BackEnd:
    """Return where the sound of a session in real time goes; says so if it is not heard."""
    if audio in {"file", "none"}:
        if device:
            raise click.UsageError(f"--device is for --audio auto or device, not {audio}")
        return PACED
    outputs = probe_outputs()
    back_end = choose_back_end(f"device:{device}" if device else "auto", outputs)
    if audio == "device" and back_end.kind == "paced":
        raise click.UsageError(
            f"there is nothing to play on ({failure_text(outputs.failure)}); use --audio file or none"
        )
    if note := fallback_text(back_end):
        click.echo(f"biofeedback: note: {note}", err=True)
    return back_end


def carry_out(plan: SessionConfig) -> int:
    """Run the session with a progress bar, print what came of it, and return the exit status."""
    inbox = CommandInbox()
    with progress_bar(plan.protocol.title) as progress, stop_on_interrupt(inbox):
        reason = run_session(plan, watch=progress_watcher(plan.protocol, progress), inbox=inbox)
    recording = read_recording(plan.directory)
    click.echo(f"ended: {reason}")
    for sentence in session_summary(recording):
        click.echo(sentence)
    click.echo(f"recording  {plan.directory / 'session.xdf'}")
    for name, label in ((FLAC_NAME, "sound"), (MIDI_NAME, "MIDI")):
        if (plan.directory / name).exists():
            click.echo(f"{label:<10} {plan.directory / name}")
    return INTERRUPTED if inbox.interruptions else 0


def progress_watcher(
    protocol: Protocol, progress: Callable[[float, str], None]
) -> Callable[[Snapshot], None]:
    """Return a watcher that moves the progress bar once for each second of the session."""
    total_s = protocol.duration_s + protocol.end_fade_s

    def watch(snapshot: Snapshot) -> None:
        if snapshot.elapsed_s == int(snapshot.elapsed_s) or snapshot.finished:
            done = 1.0 if snapshot.finished else min(snapshot.elapsed_s / total_s, 1.0)
            progress(done, how_it_goes(snapshot))

    return watch


def how_it_goes(snapshot: Snapshot) -> str:
    """Return the phase, and each input that is not well, with the reason."""
    troubled = [
        f"{name} {status.condition}" + (f" ({status.text})" if status.text else "")
        for name, status in snapshot.inputs.items()
        if status.condition is not Condition.STREAMING
    ]
    return " · ".join([snapshot.phase, *troubled])


@contextmanager
def stop_on_interrupt(inbox: CommandInbox) -> Iterator[None]:
    """Turn Ctrl-C into a request for the session while the context lasts."""

    def handler(_signal: int, _frame: FrameType | None) -> None:
        inbox.interrupt()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def new_directory(name: str) -> Path:
    """Return a directory below ``sessions/`` that does not exist yet."""
    stamp = datetime.now(UTC).astimezone().strftime("%Y-%m-%d-%H%M%S")
    base = SESSIONS / f"{stamp}-{re.sub(r'[^a-z0-9-]+', '-', name.lower())}"
    candidates = (base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 1000)))
    return next(path for path in candidates if not path.exists())
