"""``biofeedback render``, ``replay`` and ``soundcheck``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biofeedback.cli.options import (
    FILE,
    Command,
    PreferenceOptions,
    options,
    preference_options,
    progress_bar,
    seed_option,
    sound_path,
)
from biofeedback.cli.palettes import prepare_instruments
from biofeedback.cli.playback import play_live
from biofeedback.settings import calibration_file
from generator.preferences import Preferences
from generator.state import FORMS, LEVEL_RANGE_DB, TONAL_PLANS, Piece

if TYPE_CHECKING:
    from generator.live.devices import BackEnd


_output_options = options(
    click.option("--wav", type=FILE, callback=sound_path, help="Sound, 48 kHz, 24 bit (.wav or .flac)."),
    click.option("--midi", type=FILE, help="Standard MIDI file."),
    click.option("--events", type=FILE, help="CSV: time_s,duration_s,beat,bar,pitch,velocity,layer."),
)
_LABELS = {"wav": "sound", "midi": "MIDI", "events": "events"}
"""What each of these options writes."""


def output_options(command: Command) -> Command:
    """Add ``--wav``, ``--midi`` and ``--events``; the command receives those given, by name, as ``outputs``.

    Raises
    ------
    click.UsageError
        When the command is called with none of them.
    """

    @wraps(command)
    def with_outputs(*args: Any, **kwargs: Any) -> Any:
        outputs = {name: path for name in _LABELS if (path := kwargs.pop(name)) is not None}
        if not outputs:
            raise click.UsageError("nothing to write: give at least one of --wav, --midi and --events")
        return command(*args, outputs=outputs, **kwargs)

    return _output_options(with_outputs)


@contextmanager
def writing(what: str, outputs: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    """Yield the arguments of `render` and `replay`; the files are replaced at the end, all or none."""
    from biofeedback.recording.storage import atomic_paths

    with progress_bar(what) as progress, atomic_paths(*outputs.values()) as parts:
        yield {**dict(zip(outputs, parts, strict=True)), "progress": progress}


def say_what_was_written(outputs: Mapping[str, Path]) -> None:
    """Print a line for each file."""
    for name, path in outputs.items():
        click.echo(f"{_LABELS[name]:<10} {path}")


@click.command()
@click.option(
    "--trajectory",
    "trajectory_file",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV: time_s and any of tempo_bpm, mode, density, layers, register, brightness, articulation, "
    "level_db, breath_rate, breath_depth, sounding.",
)
@click.option("--seconds", type=click.FloatRange(min=1), help="Length. [default: to the last row]")
@seed_option()
@preference_options
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    show_default=True,
    help="How far sections of the piece may depart from the states.",
)
@click.option(
    "--tonal-plan",
    type=click.Choice(TONAL_PLANS),
    default=TONAL_PLANS[0],
    show_default=True,
    help="related: sections visit related keys.",
)
@output_options
def render(
    trajectory_file: Path,
    seconds: float | None,
    seed: int,
    form: str,
    tonal_plan: str,
    preferences: PreferenceOptions,
    outputs: dict[str, Path],
) -> None:
    """Render music along a trajectory of states.

    Between rows numbers move linearly; mode, layers and sounding step.
    """
    from generator.render import render as render_trajectory
    from generator.trajectory import load_trajectory

    piece = preferences.applied_to(Preferences()).applied_to(
        Piece(seed=seed, form=form, tonal_plan=tonal_plan)
    )
    trajectory = load_trajectory(trajectory_file)
    if "wav" in outputs:
        prepare_instruments(piece.palette)
    with writing("rendering", outputs) as arguments:
        render_trajectory(trajectory, piece, seconds or trajectory.times[-1], **arguments)
    say_what_was_written(outputs)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@output_options
def replay(directory: Path, outputs: dict[str, Path]) -> None:
    """Play a session's music again from its recording, cut off or not, and check it against the notes kept.

    The music is composed anew; the sound equals what was played, sample for sample. Where another version of
    the composer made it, the recorded notes are played.
    """
    from biofeedback.recording.reader import read_recording
    from biofeedback.replay import Replay
    from biofeedback.replay import replay as replay_recording

    recording = read_recording(directory)
    if "wav" in outputs:
        prepare_instruments(Replay(recording).piece.palette)
    with writing("replaying", outputs) as arguments:
        agreement = replay_recording(recording, **arguments)
    click.echo(agreement)
    say_what_was_written(outputs)


@click.command()
@preference_options
@click.option(
    "--level",
    type=click.FloatRange(*LEVEL_RANGE_DB),
    default=0.0,
    show_default=True,
    help="The session's, dB.",
)
@click.option("--noise", is_flag=True, help="Play the reference noise (pink, −23 LUFS), to be measured.")
@click.option(
    "--seconds", type=click.FloatRange(2, 600), default=10.0, show_default=True, help="How long to play."
)
@click.option("--wav", type=FILE, help="Write it (.wav or .flac).")
@click.option(
    "--audio",
    type=click.Choice(["auto", "device", "none"]),
    default="auto",
    show_default=True,
    help="auto: play it if there is a device and no file is written.",
)
@click.option("--device", metavar="NAME", help="Sound device, by part of its name; see biofeedback sources.")
@click.option(
    "--measured",
    type=float,
    metavar="DBA",
    help="What a sound level meter at the ear showed for the noise at level 0; kept for the device.",
)
@click.option("--forget", is_flag=True, help="Forget what was measured for the device.")
def soundcheck(
    preferences: PreferenceOptions,
    level: float,
    seconds: float,
    wav: Path | None,
    audio: str,
    device: str | None,
    measured: float | None,
    *,
    noise: bool,
    forget: bool,
) -> None:
    """Play a session's sounds at the session's level before it begins.

    To learn how loud sessions really are: play the noise (--noise), measure it at the ear in dBA with the
    volume set as in sessions, then say --measured 62. The measurement holds for that device and volume;
    --forget removes it.
    """
    from biofeedback.recording.storage import atomic_path
    from generator.live.devices import find_back_end
    from generator.render import render
    from generator.state import PlayedSound
    from generator.synthesis.calibration import CHECK_FADE_S, check_state
    from generator.trajectory import Trajectory

    if forget and measured is not None:
        raise click.UsageError("give --measured or --forget, not both")
    if forget:
        forget_measurement(device)
        return
    if measured is not None:
        keep_measurement(measured, find_back_end(device, required=True, instead="write a file with --wav"))
        return
    piece = preferences.applied_to(Preferences()).applied_to(Piece())
    if not noise and (wav is not None or audio != "none"):
        prepare_instruments(piece.palette)
    states = Trajectory((0.0,), (check_state(level),))
    fades_s = (CHECK_FADE_S, CHECK_FADE_S)
    plays = PlayedSound.REFERENCE_NOISE if noise else PlayedSound.MUSIC
    if wav is not None:
        with atomic_path(wav) as part:
            render(states, piece, seconds, wav=part, fades_s=fades_s, plays=plays)
        click.echo(f"sound      {wav}")
    if audio == "device" or (audio == "auto" and wav is None):
        back_end = find_back_end(device, required=True, instead="write a file with --wav")
        energy_s = play_live("sound check", states, piece, seconds, back_end, fades_s=fades_s, plays=plays)
        click.echo(how_loud(energy_s, seconds, back_end))
    elif wav is None:
        raise click.UsageError("nothing to do: give --wav, or another --audio than none")


def keep_measurement(dba: float, back_end: BackEnd) -> None:
    """Keep what was measured of the reference noise."""
    from biofeedback.calibration import keep_calibration
    from generator.synthesis.calibration import Calibration, noise_dbfs_a

    path = calibration_file()
    calibration = Calibration(device=back_end.name, dba=dba, noise_dbfs_a=noise_dbfs_a())
    keep_calibration(calibration, path)
    click.echo(f"kept       {path}")
    click.echo(f"{back_end.name} at this volume: {dba:g} dBA for the reference noise.")


def forget_measurement(device: str | None) -> None:
    """Forget what was measured of a sound device, by part of its name; it need not be there any more."""
    from biofeedback.calibration import calibrated_devices, forget_calibration
    from generator.live.devices import find_back_end

    path = calibration_file()
    if device is None:
        device = find_back_end(None, required=True, instead="name the device with --device").name
    measured = calibrated_devices(path)
    meant = [name for name in measured if name == device]
    meant = meant or [name for name in measured if device.casefold() in name.casefold()]
    if len(meant) != 1:
        known = ", ".join(measured) or "none"
        raise click.UsageError(f"--device must name one measured device, not {device!r}; there are: {known}")
    forget_calibration(meant[0], path)
    click.echo(f"forgotten  {path}")
    click.echo(f"{meant[0]} is uncalibrated.")


def how_loud(energy_s: float, seconds: float, back_end: BackEnd) -> str:
    """Say how loud it was at the ear, if that can be known."""
    from biofeedback.calibration import read_calibration
    from generator.synthesis.calibration import exposure

    calibration = read_calibration(back_end.name, calibration_file())
    if calibration is None:
        return (
            f"{back_end.name} is uncalibrated: how loud this is at the ear is not known "
            "(play --noise, measure it, and say --measured DBA)."
        )
    level = exposure(energy_s, seconds, calibration).laeq_dba
    return f"About {level:.0f} dBA at the ear on {back_end.name}." if level is not None else "Silence."
