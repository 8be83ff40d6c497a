"""``biofeedback render`` and ``biofeedback replay``: music from a trajectory, music from a recording."""

from __future__ import annotations

from pathlib import Path

import click

from biofeedback.cli.options import progress_bar
from biofeedback.cli.preferences import PreferenceOptions, preference_options
from biofeedback.cli.sessions import seed_option
from generator.preferences import Preferences
from generator.state import Piece


def _sound_path(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in {".wav", ".flac"}:
        raise click.BadParameter(f"{path} must end in .wav or .flac")
    return path


wav_option = click.option(
    "--wav",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_sound_path,
    help="Sound, 48 kHz, 24 bit (.wav or .flac).",
)
midi_option = click.option(
    "--midi", type=click.Path(path_type=Path, dir_okay=False), help="Standard MIDI file."
)
events_option = click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV: time_s,duration_s,beat,bar,pitch,velocity,layer.",
)


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
@seed_option
@preference_options
@wav_option
@midi_option
@events_option
def render(
    trajectory_file: Path,
    seconds: float | None,
    seed: int,
    preferences: PreferenceOptions,
    wav: Path | None,
    midi: Path | None,
    events: Path | None,
) -> None:
    """Render music along a trajectory of states.

    Between rows numbers move linearly; mode, layers and sounding step.
    """
    from biofeedback.recording.storage import atomic_paths
    from generator.render import render as render_trajectory
    from generator.trajectory import load_trajectory

    require_output(wav, midi, events)
    piece = preferences.applied_to(Preferences()).applied_to(Piece(seed=seed))
    trajectory = load_trajectory(trajectory_file)
    with progress_bar("rendering") as progress, atomic_paths(wav, midi, events) as parts:
        render_trajectory(
            trajectory,
            piece,
            seconds or trajectory.times[-1],
            wav=parts[0],
            midi=parts[1],
            events=parts[2],
            progress=lambda fraction: progress(fraction, ""),
        )
    say_what_was_written(wav, midi, events)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@wav_option
@midi_option
@events_option
def replay(directory: Path, wav: Path | None, midi: Path | None, events: Path | None) -> None:
    """Rebuild a session's music from its recording, cut off or not, and check it against the notes kept.

    The sound equals what was played, sample for sample.
    """
    from biofeedback.recording.reader import read_recording
    from biofeedback.recording.storage import atomic_paths
    from biofeedback.replay import replay as replay_recording

    require_output(wav, midi, events)
    recording = read_recording(directory)
    with progress_bar("replaying") as progress, atomic_paths(wav, midi, events) as parts:
        agreement = replay_recording(
            recording,
            wav=parts[0],
            midi=parts[1],
            events=parts[2],
            progress=lambda fraction: progress(fraction, ""),
        )
    click.echo(agreement)
    say_what_was_written(wav, midi, events)


def require_output(*paths: Path | None) -> None:
    """Refuse a call that would leave nothing behind."""
    if not any(paths):
        raise click.UsageError("nothing to write: give at least one of --wav, --midi and --events")


def say_what_was_written(wav: Path | None, midi: Path | None, events: Path | None) -> None:
    """Print a line for each file."""
    for label, path in (("sound", wav), ("MIDI", midi), ("events", events)):
        if path is not None:
            click.echo(f"{label:<10} {path}")
