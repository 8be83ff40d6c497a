"""Where the sound goes, and how long it takes to get there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BUFFER_FRAMES = 512

LatencySource = Literal["none", "configured", "device default", "loopback measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from handing samples to the output until they are heard.

    Attributes
    ----------
    seconds, uncertainty_s : float
        The truth lies within `uncertainty_s` of `seconds`.
    source : str
        How it is known; ``none``: there is no device, and a sample counts as heard when its time has come.
    """

    seconds: float
    uncertainty_s: float
    source: LatencySource


NO_LATENCY = Latency(seconds=0.0, uncertainty_s=0.0, source="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackEnd:
    """An output.

    Attributes
    ----------
    kind : str
        ``paced``: no device, samples pass at the pace of the engine's clock; ``portaudio``; ``jack``.
    name : str
        For people.
    latency : Latency
        As far as it is known.
    device : int or None
        PortAudio's number of the device.
    buffer_frames : int
        Samples the device takes at a time; JACK's server decides for itself.
    why : str
        What is to be said about the choice, in one sentence; else empty.
    """

    kind: Literal["paced", "portaudio", "jack"]
    name: str
    latency: Latency
    device: int | None = None
    buffer_frames: int = BUFFER_FRAMES
    why: str = ""


PACED = BackEnd(kind="paced", name="no device", latency=NO_LATENCY)
