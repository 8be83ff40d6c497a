"""``biofeedback export``, ``import``, ``report`` and ``analyse``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from biofeedback.cli import FAULT
from biofeedback.cli.options import FILE, FOLDER, now, print_json, progress_bar, scr_threshold_option
from biofeedback.cli.stream import parse_baseline
from biofeedback.errors import IdentifyingContent
from biofeedback.exports import FORMATS, SCOPE
from biofeedback.settings import EXPORT_KEY_NAME, STORE_NAME, data_folder

if TYPE_CHECKING:
    from biofeedback.analysis.measures import PhaseMeasures
    from biofeedback.exports.consent import StoreEntry


LONGEST_NAME = 40
"""Letters; the audit's column of what was done holds 64."""

SUBJECT_DIGITS = 32
"""Of a SHA-256, as many as the audit's column of subjects holds."""


@click.command("export")
@click.argument(
    "directories",
    nargs=-1,
    required=True,
    metavar="DIR...",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option(
    "--to",
    "kinds",
    type=click.Choice([*FORMATS, "all"]),
    multiple=True,
    required=True,
    help="Format; repeat for several. Several, and all, are written into a folder each.",
)
@click.option("--out", required=True, type=FOLDER, help="Folder to write; must not exist, or be empty.")
@click.option(
    "--identified",
    is_flag=True,
    help="Keep what identifies: date and time, client code, ids of devices, names of files.",
)
@click.option(
    "--with-text",
    is_flag=True,
    help="Keep what people wrote: notes, markers, marks of other programs. Read it before you share it.",
)
@click.option(
    "--key",
    "key_file",
    type=FILE,
    help="Secret behind the participants' numbers; made if it does not exist. "
    f"[default: {EXPORT_KEY_NAME} in the data folder]",
)
@click.option(
    "--consent",
    "stated_scope",
    type=click.Choice([SCOPE]),
    help="State that the clients have agreed to this, of sessions where neither the store nor the recording "
    "tells; needs --by.",
)
@click.option(
    "--by", metavar="NAME", help="Who states it; kept in the audit of the data folder, not in the export."
)
@click.option("--sound", type=click.Choice(["flac", "wav"]), default="flac", show_default=True)
def export_command(
    directories: tuple[Path, ...],
    kinds: tuple[str, ...],
    out: Path,
    key_file: Path | None,
    stated_scope: str | None,
    by: str | None,
    sound: Literal["flac", "wav"],
    *,
    identified: bool,
    with_text: bool,
) -> int:
    """Write sessions in open formats, as one data set without names.

    \b
    csv      a table for each stream; full precision
    parquet  the same, typed, units in the metadata
    bids     Brain Imaging Data Structure 1.11, beh/ (physio, events)
    edf      EDF+C for viewers of clinical recordings; phases, markers and gaps as annotations
    midi     the notes that sounded
    audio    the sound, where it was kept (FLAC, or WAV with --sound wav)

    De-identified unless --identified is given: times count from the session's start; there are no dates,
    ids of devices, paths or host names; clients become sub-001, sub-002 ...; what people wrote is left out.
    Every file is then searched for what the session and the store know; if anything is found, the export is
    removed and the exit status is 3.

    Sessions of clients are exported if the client has agreed to research: by the store now, else by what
    session.json says was agreed to when it was recorded. Sessions of which neither tells are refused unless
    --consent research --by NAME is given.

    Recordings that were cut off are exported up to their last second; the README says so. Sessions may have
    no sound, and any stream may be missing. Nothing is overwritten.

    \b
    Example:
      biofeedback export sessions/2026-* --to bids --out dataset
    """  # noqa: D301 - \b is click's mark for a paragraph it must not wrap
    from biofeedback.exports.consent import key_of
    from biofeedback.exports.export import ExportRequest, export

    if bool(stated_scope) != bool(by and by.strip()):
        raise click.UsageError("--consent and --by NAME belong together")
    if by and len(by.strip()) > LONGEST_NAME:
        raise click.UsageError(f"--by takes a name of up to {LONGEST_NAME} letters")
    entries = {directory: _store_entry(directory) for directory in directories}
    if by:
        _log_stated(directories, entries, by.strip())
    order = ExportRequest(
        formats=tuple(kind for kind in FORMATS if kind in kinds or "all" in kinds),
        out=out,
        key=key_of(key_file or data_folder() / EXPORT_KEY_NAME),
        identified=identified,
        with_text=with_text,
        consent_stated=stated_scope is not None,
        sound=sound,
    )
    try:
        with progress_bar("exporting") as progress:
            exported = export(directories, order, know=entries.__getitem__, progress=progress)
    except IdentifyingContent as error:
        for finding in error.findings:
            click.echo(f"biofeedback: {finding}", err=True)
        click.echo(f"biofeedback: {out} would have identified the person and was removed", err=True)
        return FAULT
    for line in exported.left_out:
        click.echo(f"biofeedback: not exported: {line}", err=True)
    click.echo(f"{exported.files} files     {exported.folder}")
    return 0


def _store_entry(directory: Path) -> StoreEntry | None:
    """Return what the store of the data folder, or the one the session lies in, knows of it."""
    from biofeedback.exports.consent import find_entry
    from biofeedback.store.store import Store

    for folder in dict.fromkeys((data_folder(), directory.resolve().parent.parent)):
        if (folder / STORE_NAME).exists():
            with Store.open(folder, now=now, recover=False) as store:
                if (entry := find_entry(store, directory)) is not None:
                    return entry
    return None


def _log_stated(directories: Sequence[Path], entries: Mapping[Path, StoreEntry | None], name: str) -> None:
    """Write into the audit of the data folder who vouched for a consent, and for which recordings."""
    from biofeedback.exports.consent import Permission, permission
    from biofeedback.recording.storage import META_NAME, file_sha256, read_meta
    from biofeedback.store.store import Store

    stated = [
        directory
        for directory in directories
        if permission(read_meta(directory), entries[directory], stated=True) is Permission.STATED
    ]
    if stated:
        with Store.open(data_folder(), now=now, recover=False) as store:
            for directory in stated:
                subject = file_sha256(directory / META_NAME)[:SUBJECT_DIGITS]
                store.audit.log_event(f"{SCOPE} stated by {name}", subject)


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--out", required=True, type=FOLDER, help="Directory of the session, created; must not hold one already."
)
@click.option(
    "--baseline", "baseline_text", metavar="A:B", help="These seconds were rest; activation counts from it."
)
@scr_threshold_option
def import_command(
    files: tuple[str, ...], out: Path, baseline_text: str | None, scr_threshold_us: float
) -> None:
    """Take recordings of other programs in as a session, for report, analyse and export.

    \b
    XDF of LabRecorder     streams by their type (ECG, EDA, PPG, RESP, RR, HR, ACC) and markers;
                           clocks are synchronised as pyxdf recommends
    EDF, EDF+C             signals by their label (ECG I, EDA, Resp chest ...), annotations as markers
    OpenSignals .txt       channels by their sensor
    Empatica E4            its folder or its zip
    KIND=WHERE             one signal of any other recording, as in ecg=rec.csv:1@250?unit=mV; see
                           biofeedback stream --help

    Several files become one session: aligned by their absolute start if all have one, otherwise each begins
    at 0. Heart rate, beats, skin conductance responses and the other features are what the live pipeline
    says about the signals. What is not understood is named and left out; a skin conductance without a unit
    is kept and not analysed. A recording says nothing of music, so the session has none.

    \b
    Example:
      biofeedback import E4.zip --baseline 0:300 --out sessions/e4 && biofeedback report sessions/e4
    """  # noqa: D301 - \b is click's mark for a paragraph it must not wrap
    from biofeedback.imports import import_recordings, read_recorded_file

    baseline = None if baseline_text is None else parse_baseline(baseline_text)
    found = [read_recorded_file(text) for text in files]
    with progress_bar("importing") as progress:
        imported = import_recordings(
            found, out, baseline=baseline, scr_threshold_us=scr_threshold_us, progress=progress
        )
    for line in imported.left_out:
        click.echo(f"biofeedback: left out: {line}", err=True)
    for line in imported.not_analysed:
        click.echo(f"biofeedback: note: {line}", err=True)
    click.echo(f"session    {out}")
    click.echo(f"{imported.duration_s:.1f} s: {', '.join(imported.streams)}")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--out", type=FILE, help="The page. [default: DIRECTORY/report.html]")
def report(directory: Path, out: Path | None) -> None:
    """Make a self-contained HTML page to review a session.

    Works on recordings that were cut off, too.
    """
    from biofeedback.recording.reader import read_recording
    from biofeedback.report.page import write_report

    path = out or directory / "report.html"
    write_report(read_recording(directory), path)
    click.echo(f"report     {path}")


@click.command("analyse")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; a withheld value is null and has a reason."
)
def analyse_command(directory: Path, *, as_json: bool) -> None:
    """Print rates, variability, breathing and skin conductance of a recorded session.

    For each phase and for the whole session, each number with the seconds it stands on, how much of the phase
    they are and how many beats were corrected, or the reason why it is withheld. Beats are corrected by the
    whole series (Lipponen and Tarvainen 2019). Spectral power needs 60 s (HF) or 120 s (LF) without a gap,
    better 5 min, and is no measure of arousal. What comes from a pulse sensor is pulse-rate variability.

    Works on recordings that were cut off, too.
    """
    from biofeedback.analysis.measures import analyse, as_dict
    from biofeedback.recording.reader import read_recording

    recording = read_recording(directory)
    if as_json:
        print_json(as_dict(recording))
        return
    for stretch in analyse(recording):
        _print(stretch)


def _print(stretch: PhaseMeasures) -> None:
    from biofeedback.analysis.measures import clock, footing, number

    phase = stretch.phase
    cut = ", cut off" if phase.cut else ""
    click.echo(f"{phase.name}  {clock(phase.begin_s)}–{clock(phase.end_s)}{cut}")
    for measure in stretch.measures:
        value = measure.value
        if value.number is None:
            said = f"{'–':>9}  withheld: {value.reason}"
        else:
            said = f"{number(value.number, measure.digits):>9} {measure.unit:<13} {footing(measure)}"
        click.echo(f"  {measure.label:<40}{said}")
    click.echo()
