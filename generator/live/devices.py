"""Which outputs there are, and which one is meant."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal

from generator.errors import SoundError
from generator.live.backend import BUFFER_FRAMES, PACED, BackEnd, Latency
from generator.live.process import environment
from generator.score import SAMPLE_RATE

PROBE_S = 20.0
NO_CARD = "no sound card was found"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDevice:
    """A sound device that can play.

    Attributes
    ----------
    name : str
        As the system calls it.
    index : int or None
        PortAudio's number; None for JACK.
    back_end : str
        ``portaudio`` or ``jack``.
    channels : int or None
        As many as it plays; None where JACK's server decides.
    default_rate : float
        Its preferred rate, Hz. Music is played at 48 kHz.
    latency_s : float
        What the driver says of itself.
    default : bool
        Whether the system prefers it.
    """

    name: str
    index: int | None
    back_end: Literal["portaudio", "jack"]
    channels: int | None
    default_rate: float
    latency_s: float
    default: bool


@dataclass(frozen=True, slots=True)
class Outputs:
    """The devices found, and if there are none the reason in one line."""

    devices: tuple[OutputDevice, ...]
    reason: str


def probe_outputs(timeout_s: float = PROBE_S) -> Outputs:
    """Look for sound devices, in a process of its own: sound libraries crash and print noise.

    Returns
    -------
    Outputs
        JACK, if its server runs, then PortAudio's devices in their order.
    """
    command = [sys.executable, "-P", "-m", "generator.live.probe"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, env=environment(), timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Outputs((), f"the sound system did not answer within {timeout_s:g} s")
    except OSError as error:
        return Outputs((), f"the sound system cannot be asked: {error}")
    if done.returncode != 0:
        return Outputs((), "the sound system failed when it was asked for its devices")
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    devices = tuple(OutputDevice(**row) for row in rows)
    return Outputs(devices, "" if devices else NO_CARD)


def choose_back_end(choice: str, outputs: Outputs) -> BackEnd:
    """Return the back end that is meant.

    Parameters
    ----------
    choice : str
        ``none``: no device; ``auto``: JACK if its server runs, else the system's default device, else none;
        ``device:NAME``: the device of that name, or the only one whose name contains it, in either case.
    outputs : Outputs
        What `probe_outputs` found.

    Raises
    ------
    SoundError
        If no device, or more than one, is meant; names those there are.
    """
    kind, _, name = choice.partition(":")
    if choice == "none":
        return PACED
    if choice == "auto":
        if not outputs.devices:
            why = f"{outputs.reason}; the music goes on in time, unheard"
            return BackEnd(kind="paced", name=PACED.name, latency=PACED.latency, why=why)
        preferred = [device for device in outputs.devices if device.default] or outputs.devices
        return _back_end(preferred[0])
    if kind == "device" and name:
        return _back_end(_named(name, outputs))
    raise SoundError(f"the output {choice!r} is not known; say auto, none or device:NAME")


def _named(name: str, outputs: Outputs) -> OutputDevice:
    wanted = name.casefold()
    found = [device for device in outputs.devices if device.name.casefold() == wanted]
    found = found or [device for device in outputs.devices if wanted in device.name.casefold()]
    if len(found) == 1:
        return found[0]
    if not outputs.devices:
        raise SoundError(f"the output {name!r} was not found: {outputs.reason}")
    names = ", ".join(device.name for device in found or outputs.devices)
    if found:
        raise SoundError(f"the output {name!r} is not unique; it may be {names}")
    raise SoundError(f"the output {name!r} was not found; there are {names}")


def _back_end(device: OutputDevice) -> BackEnd:
    # The driver's figure leaves out what the converter and, with wireless devices, the air take. It is
    # never less than the buffer that is handed over.
    seconds = max(device.latency_s, BUFFER_FRAMES / SAMPLE_RATE)
    latency = Latency(seconds=seconds, uncertainty_s=seconds, source="device default")
    return BackEnd(kind=device.back_end, name=device.name, device=device.index, latency=latency)
