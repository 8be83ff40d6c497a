"""Sound devices: what was found, which one is chosen, and its latency."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from generator.errors import SoundError
from generator.player import NO_LATENCY, Latency
from generator.score import SAMPLE_RATE

BUFFER_FRAMES = 512


PROBE_TIMEOUT_S = 20.0


class ProbeFailureCause(StrEnum):
    """Why no sound device was found, and which parameters of `ProbeFailure` belong to it."""

    NO_DEVICE = "no device"
    """The sound system has none."""

    TIMED_OUT = "timed out"
    """The sound system did not answer within `seconds`."""

    NOT_STARTED = "not started"
    """The probe could not be started: `detail`."""

    CRASHED = "crashed"
    """The sound system failed while it listed its devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFailure:
    """Why no sound device was found."""

    cause: ProbeFailureCause
    seconds: float = 0.0
    detail: str = ""


_FAILURE_TEXTS = {
    ProbeFailureCause.NO_DEVICE: "no sound card was found",
    ProbeFailureCause.TIMED_OUT: "the sound system did not answer within {seconds:g} s",
    ProbeFailureCause.NOT_STARTED: "the sound system cannot be asked: {detail}",
    ProbeFailureCause.CRASHED: "the sound system failed when it was asked for its devices",
}


def failure_text(failure: ProbeFailure | None) -> str:
    """Return why no sound device was found, in part of a sentence; empty for None."""
    return "" if failure is None else _FAILURE_TEXTS[failure.cause].format(**asdict(failure))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackEnd:
    """An audio output.

    Attributes
    ----------
    kind : str
        ``paced``: no device, samples pass at the pace of the engine's clock; ``portaudio``; ``jack``.
    name : str
        Name to show.
    latency : Latency
        As far as it is known.
    device : int or None
        PortAudio's number of the device.
    buffer_frames : int
        Samples the device takes at a time; JACK's server decides for itself.
    probe_failure : ProbeFailure or None
        Why there is no device although one was wanted.
    """

    kind: Literal["paced", "portaudio", "jack"]
    name: str
    latency: Latency
    device: int | None = None
    buffer_frames: int = BUFFER_FRAMES
    probe_failure: ProbeFailure | None = None


PACED = BackEnd(kind="paced", name="no device", latency=NO_LATENCY)


def fallback_text(back_end: BackEnd) -> str:
    """Return the note for an output that replaces a missing device; empty for any other."""
    failure = failure_text(back_end.probe_failure)
    return failure and f"{failure}; the music plays in time, unheard"


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
    latency_s : float
        What the driver says of itself.
    default : bool
        Whether the system prefers it.
    """

    name: str
    index: int | None
    back_end: Literal["portaudio", "jack"]
    latency_s: float
    default: bool


@dataclass(frozen=True, slots=True)
class OutputProbe:
    """The devices found, and if there are none the reason."""

    devices: tuple[OutputDevice, ...]
    failure: ProbeFailure | None = None


def probe_outputs(timeout_s: float = PROBE_TIMEOUT_S) -> OutputProbe:
    """Look for sound devices, in a process of its own: sound libraries crash and print noise.

    Returns
    -------
    OutputProbe
        JACK, if its server runs, then PortAudio's devices in their order.
    """
    command = [sys.executable, "-P", "-m", "generator.live.probe"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, env=environment(), timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return _failed(ProbeFailureCause.TIMED_OUT, seconds=timeout_s)
    except OSError as error:
        return _failed(ProbeFailureCause.NOT_STARTED, detail=str(error))
    if done.returncode != 0:
        return _failed(ProbeFailureCause.CRASHED)
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    devices = tuple(OutputDevice(**row) for row in rows)
    return OutputProbe(devices) if devices else _failed(ProbeFailureCause.NO_DEVICE)


def _failed(cause: ProbeFailureCause, **parameters: Any) -> OutputProbe:
    return OutputProbe((), ProbeFailure(cause=cause, **parameters))


def choose_back_end(choice: str, outputs: OutputProbe) -> BackEnd:
    """Return the back end for a choice.

    Parameters
    ----------
    choice : str
        ``none``: no device; ``auto``: JACK if its server runs, else the system's default device, else none;
        ``device:NAME``: the device of that name, or the only one whose name contains it, in either case.
    outputs : OutputProbe
        The result of `probe_outputs`.

    Raises
    ------
    SoundError
        If the choice fits no device, or more than one; the message names those there are.
    """
    kind, _, name = choice.partition(":")
    if choice == "none":
        return PACED
    if choice == "auto":
        if not outputs.devices:
            return replace(PACED, probe_failure=outputs.failure)
        preferred = [device for device in outputs.devices if device.default] or outputs.devices
        return _back_end_of(preferred[0])
    if kind == "device" and name:
        return _back_end_of(_named(name, outputs))
    raise SoundError(f"the output {choice!r} is not known; say auto, none or device:NAME")


def find_back_end(device: str | None, *, required: bool, instead: str) -> BackEnd:
    """Look for sound devices and return the back end of the one named, else of the best there is.

    Parameters
    ----------
    device : str or None
        A device's name, or a part of it.
    required : bool
        Whether somebody must hear the sound.
    instead : str
        What to do where a required device is missing, for the message.

    Raises
    ------
    SoundError
        If the device named is not there, or none is and one is required.
    """
    outputs = probe_outputs()
    back_end = choose_back_end(f"device:{device}" if device else "auto", outputs)
    if required and back_end.kind == "paced":
        raise SoundError(f"there is nothing to play on ({failure_text(outputs.failure)}); {instead}")
    return back_end


def _named(name: str, outputs: OutputProbe) -> OutputDevice:
    wanted = name.casefold()
    found = [device for device in outputs.devices if device.name.casefold() == wanted]
    found = found or [device for device in outputs.devices if wanted in device.name.casefold()]
    if len(found) == 1:
        return found[0]
    if not outputs.devices:
        raise SoundError(f"the output {name!r} was not found: {failure_text(outputs.failure)}")
    names = ", ".join(device.name for device in found or outputs.devices)
    if found:
        raise SoundError(f"the output {name!r} is not unique; it may be {names}")
    raise SoundError(f"the output {name!r} was not found; there are {names}")


def _back_end_of(device: OutputDevice) -> BackEnd:
    # The driver's figure leaves out what the converter and, with wireless devices, the air take. It is
    # never less than the buffer that is handed over.
    seconds = max(device.latency_s, BUFFER_FRAMES / SAMPLE_RATE)
    latency = Latency(seconds=seconds, uncertainty_s=seconds, source="device default")
    return BackEnd(kind=device.back_end, name=device.name, device=device.index, latency=latency)


def environment() -> dict[str, str]:
    """Return the environment in which processes that load pyo are started."""
    defaults = {"PYO_GUI_WX": "0", "JACK_NO_START_SERVER": "1", "OMP_NUM_THREADS": "1"}
    # The ALSA in pyo's wheels looks for its plugins where Debian and Ubuntu do not keep them.
    plugins = Path("/usr/lib") / str(sysconfig.get_config_var("MULTIARCH")) / "alsa-lib"
    if plugins.is_dir():
        defaults["ALSA_PLUGIN_DIR"] = str(plugins)
    found_here = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {**defaults, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, found_here))}
