"""``biofeedback emulate``: emulate a serial device that plays a recording."""

from __future__ import annotations

import random
import time

import click

from biofeedback.errors import UsageError

INTERRUPTED = 130


@click.command("emulate")
@click.argument("profile_name", metavar="PROFILE")
@click.option(
    "--from",
    "recordings",
    metavar="SPEC",
    multiple=True,
    required=True,
    help="Input to play, as KIND=WHERE: ecg=rec.csv:ecg_mV@360, eda=session.xdf:Stream, "
    "listener=virtual:responder. May be repeated.",
)
@click.option("--channel", "channels", multiple=True, help="Channel of each signal, in their order.")
@click.option("--rate", help="Samples per second. [default: the profile's; of lines that of the recording]")
@click.option("--option", "options", metavar="NAME=VALUE", multiple=True, help="An option of the profile.")
@click.option(
    "--garbage",
    type=click.FloatRange(0, 6000),
    default=0.0,
    metavar="N",
    help="Bursts of random bytes on the line, per minute.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    help="Seed of a virtual listener and of the garbage.",
)
def emulate_command(
    profile_name: str,
    recordings: tuple[str, ...],
    channels: tuple[str, ...],
    rate: str | None,
    options: tuple[str, ...],
    garbage: float,
    seed: int,
) -> int:
    """Emulate a serial device behind a pseudo-terminal, from a recording, in real time.

    Prints the name of the port, and runs until the recording ends or Ctrl-C. biofeedback sources lists the
    profiles. Not on Windows.
    """
    from acquisition import open_sources
    from acquisition.serial.emulator import LineNoise, PseudoTerminal, emulate, play
    from acquisition.serial.profiles import known_profiles

    profiles = known_profiles()
    if profile_name not in profiles:
        raise UsageError(f"there is no profile {profile_name!r}; there are {', '.join(profiles)}")
    if wrong := [option for option in options if "=" not in option]:
        raise UsageError(f"--option {wrong[0]!r}: write NAME=VALUE, such as board=2014")
    given = dict(option.partition("=")[::2] for option in options)
    if rate is not None:
        given["rate"] = rate
    sources = open_sources(recordings, seed=seed)
    emulation, specs = emulate(profiles[profile_name], sources, channels=channels, options=given)
    terminal = PseudoTerminal()
    try:
        click.echo(terminal.name)
        for spec in specs:
            click.echo(f"read it with {spec.text.replace('PORT', terminal.name, 1)}", err=True)
        noise = LineNoise(garbage, random.Random(seed))  # noqa: S311 - nothing depends on secrecy
        play(emulation, terminal, clock=time.monotonic, noise=noise)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        terminal.close()
    click.echo(f"the recording has ended after {emulation.played_s:.0f} s", err=True)
    return 0
