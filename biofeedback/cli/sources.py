"""``biofeedback sources``: what can be listened to, and where sound can go."""

from __future__ import annotations

import click
from serial.tools import list_ports

from acquisition.listener import PERSONAS
from acquisition.lsl import describe, visible_streams
from generator.live.devices import probe_outputs


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(0.5, 30), default=2.0, show_default=True, help="Listen so long."
)
def sources(seconds: float) -> None:
    """List LSL streams, serial ports, virtual listeners and sound devices."""
    section("LSL streams (KIND=lsl:name=NAME)", [describe(info) for info in visible_streams(seconds)])
    ports = [f"{port.device}  {port.description}" for port in list_ports.comports()]
    section("serial ports (KIND=serial:PORT?profile=lines&column=0&rate=250)", ports)
    section("virtual listeners (listener=virtual:NAME)", sorted(PERSONAS))
    found = probe_outputs()
    section(
        "sound devices (--audio device --device NAME)",
        [f"{device.name}  {1000 * device.latency_s:.0f} ms" for device in found.devices],
        none=found.reason,
    )


def section(title: str, lines: list[str], none: str = "none found") -> None:
    """Print a heading and its lines."""
    click.echo(title)
    for line in lines or [none]:
        click.echo(f"  {line}")
