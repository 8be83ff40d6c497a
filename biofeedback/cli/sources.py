"""``biofeedback sources`` and ``emulate``: list inputs, check a sensor, emulate a serial device."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import numpy as np

from acquisition.errors import SourceError
from biofeedback.cli import INTERRUPTED
from biofeedback.cli.options import seed_option
from biofeedback.errors import UsageError

if TYPE_CHECKING:
    from acquisition.serial.profiles.profile import Profile
    from acquisition.streams import SourceIncident
    from biofeedback.intake import SignalIntake
    from physiology.state import PhysiologyState


LISTEN_S = 2.0
PREVIEW_S = 30.0
WINDOW_S = 5.0
"""How much of the signal a line of `SensorCheck` describes."""


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 3600),
    help=f"Duration of the search or check. [default: {LISTEN_S:g}; to a sensor {PREVIEW_S:g}]",
)
@click.option("--profile", metavar="NAME", help="Check the sensor of this profile instead.")
@click.option("--port", help="Serial port. [default: the only one]")
@click.option("--channel", "channels", multiple=True, help="Channel to check; repeat for more.")
@click.option(
    "--kind", "kinds", multiple=True, help="Kind of each channel, if the profile leaves it open: ecg, eda, …"
)
@click.option("--option", "options", metavar="NAME=VALUE", multiple=True, help="Another option of the input.")
def sources(
    seconds: float | None,
    profile: str | None,
    port: str | None,
    channels: tuple[str, ...],
    kinds: tuple[str, ...],
    options: tuple[str, ...],
) -> None:
    """List LSL streams, serial ports, profiles of sensors, straps, virtual listeners and sound devices.

    With --profile show a live line of one sensor: rate, range, what is missing, and how good the signal is.
    """
    if profile is None:
        if port or channels or kinds or options:
            raise UsageError("--port, --channel, --kind and --option need --profile NAME")
        list_all(seconds or LISTEN_S)
    else:
        preview(sensor_specs(profile, port, channels, kinds, options), seconds or PREVIEW_S)


def list_all(seconds: float) -> None:
    """Print all inputs and sound devices."""
    from serial.tools import list_ports

    from acquisition.lsl.connection import describe, visible_streams
    from acquisition.serial.profiles import known_profiles
    from acquisition.simulated.persona import PERSONAS
    from generator.live.devices import failure_text, probe_outputs

    section("LSL streams (KIND=lsl:name=NAME)", [describe(info) for info in visible_streams(seconds)])
    ports = [f"{port.device}  {port.description}" for port in list_ports.comports()]
    section("serial ports (KIND=serial:PORT?profile=NAME&channel=CHANNEL)", ports)
    section("profiles of serial devices", [described(profile) for profile in known_profiles().values()])
    straps, no_straps = straps_in_range(seconds)
    section("Bluetooth heart-rate straps (rr=ble:name=NAME)", straps, none=no_straps)
    section("virtual listeners (listener=virtual:NAME)", sorted(PERSONAS))
    found = probe_outputs()
    section(
        "sound devices (--audio device --device NAME)",
        [f"{device.name}  {1000 * device.latency_s:.0f} ms" for device in found.devices],
        none=failure_text(found.failure),
    )


def straps_in_range(seconds: float) -> tuple[list[str], str]:
    """Return the straps, and what to say if there are none."""
    from acquisition.ble.heart_rate import visible_heart_rate_devices

    try:
        straps = visible_heart_rate_devices(seconds)
    except SourceError as error:
        return [], str(error)
    return [f"{strap.name or 'without a name'}  {strap.address}" for strap in straps], "none found"


def described(profile: Profile) -> str:
    """Return a profile in a line."""
    rate = "rate to be given" if profile.rate_hz is None else f"{profile.rate_hz:g} Hz"
    channels = "any column" if profile.rate_hz is None else ", ".join(c.label for c in profile.channels)
    return f"{profile.name:23} {profile.title}; {channels}; {rate}, {profile.baud} baud"


def section(title: str, lines: list[str], none: str = "none found") -> None:
    """Print a heading and its lines."""
    click.echo(title)
    for line in lines or [none]:
        click.echo(f"  {line}")


def sensor_specs(
    name: str, port: str | None, channels: Sequence[str], kinds: Sequence[str], options: Sequence[str]
) -> list[str]:
    """Return the input specifications of the channels to check.

    Raises
    ------
    UsageError
        Saying what is missing.
    """
    profile = known_profile(name)
    if not channels and all(len(channel.kinds) == 1 for channel in profile.channels):
        channels = [channel.label for channel in profile.channels]
    if not channels:
        raise UsageError(f"{profile.title} takes any sensor: say which, as in --channel A2 --kind ecg")
    if not kinds:
        found = [profile.channel(channel) for channel in channels]
        kinds = [one.kinds[0].value for one in found if one is not None and len(one.kinds) == 1]
    if len(kinds) != len(channels):
        raise UsageError(f"{len(channels)} channels need as many kinds: give --kind for each, such as ecg")
    where = port or only_port()
    word = "column" if profile.rate_hz is None else "channel"
    more = "".join(f"&{option}" for option in options)
    return [
        f"{kind}=serial:{where}?profile={name}&{word}={channel}{more}"
        for kind, channel in zip(kinds, channels, strict=True)
    ]


def known_profile(name: str) -> Profile:
    """Return the profile of a name.

    Raises
    ------
    UsageError
        If there is none; the message names those that there are.
    """
    from acquisition.serial.profiles import known_profiles

    profiles = known_profiles()
    if name not in profiles:
        raise UsageError(f"there is no profile {name!r}; there are {', '.join(profiles)}")
    return profiles[name]


def only_port() -> str:
    """Return the name of the only serial port."""
    from serial.tools import list_ports

    ports = [port.device for port in list_ports.comports()]
    if len(ports) != 1:
        raise UsageError(f"say which port with --port; there are {', '.join(ports) or 'none'}")
    return str(ports[0])


def preview(specs: Sequence[str], seconds: float) -> None:
    """Print a line about the sensor each second; on a terminal each replaces the last."""
    from pylsl import local_clock

    from biofeedback.intake import SignalIntake, open_inputs

    terminal = sys.stdout.isatty()
    with open_inputs(specs, seed=0, live=True) as sources:
        t0 = local_clock()
        sources.begin(t0)
        check = SensorCheck(SignalIntake(sources))
        for second in range(1, 1 + round(max(1.0, seconds))):
            incidents: list[SourceIncident] = []
            while (now := local_clock()) < t0 + second:
                incidents += check.step(now)
                time.sleep(0.05)
            click.echo(f"\r\x1b[K{check.line()}" if terminal else check.line(), nl=not terminal)
            for incident in incidents:
                click.echo(f"\n{incident.text}" if terminal else incident.text, err=True)
    if terminal:
        click.echo()


class SensorCheck:
    """Rate, range, share of missing samples and quality of each signal, as a line of text.

    Parameters
    ----------
    intake : SignalIntake
        Reads the sources; streams that physiology does not analyse are left out.
    """

    def __init__(self, intake: SignalIntake) -> None:
        self._intake = intake
        self._streams = intake.listened_to
        self._times = {stream.stream_id: np.empty(0) for stream in self._streams}
        self._values = {stream.stream_id: np.empty(0) for stream in self._streams}
        self._state: PhysiologyState | None = None

    def step(self, t: float) -> tuple[SourceIncident, ...]:
        """Read what has come up to engine time `t`; return what happened to the sensors."""
        step = self._intake.step(t)
        for chunk in step.batch.chunks:
            name = chunk.stream.stream_id
            if name in self._times:
                times = np.concatenate((self._times[name], chunk.times))
                recent = times > t - WINDOW_S
                self._times[name] = times[recent]
                self._values[name] = np.concatenate((self._values[name], chunk.samples[:, 0]))[recent]
        for state in step.update.states:
            self._state = state
        return step.batch.incidents

    def line(self) -> str:
        """Return all signals in one line."""
        return "  |  ".join(
            f"{stream.name} {self._numbers(stream.stream_id, stream.unit)}, "
            f"{self._quality(stream.kind.value)}"
            for stream in self._streams
        )

    def _numbers(self, name: str, unit: str) -> str:
        times, values = self._times[name], self._values[name]
        there = values[np.isfinite(values)]
        if times.size < 2:
            return "no samples"
        rate_hz = (times.size - 1) / (times[-1] - times[0])
        range_ = f"{there.min():.3g} to {there.max():.3g} {unit}" if there.size else "no values"
        return f"{rate_hz:.4g} Hz, {range_}, {100 * (1 - there.size / times.size):.0f} % missing"

    def _quality(self, kind: str) -> str:
        signal = self._state.signals.get(kind) if self._state else None
        if signal is None:
            return "quality not known yet"
        return f"quality {signal.quality:.2f}" + (f" ({signal.reason})" if signal.reason else "")


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
@seed_option(help_text="Seed of a virtual listener and of the garbage.")
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
    from acquisition.serial.emulator import LineNoise, PseudoTerminal, emulate, play
    from acquisition.sources import open_sources

    profile = known_profile(profile_name)
    if wrong := [option for option in options if "=" not in option]:
        raise UsageError(f"--option {wrong[0]!r}: write NAME=VALUE, such as board=2014")
    given = dict(option.partition("=")[::2] for option in options)
    if rate is not None:
        given["rate"] = rate
    sources = open_sources(recordings, seed=seed)
    emulation, specs = emulate(profile, sources, channels=channels, options=given)
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
