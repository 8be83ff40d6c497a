"""What happens to the sound, in words and in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from generator.live.backend import Latency

Kind = Literal["died", "restarting", "restarted", "gave up", "late"]


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to the sound: when, of what kind, and one plain sentence."""

    time_s: float
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How the sound is doing.

    Attributes
    ----------
    frames_rendered, frames_played, late_blocks, restarts : int
        So far, in all processes.
    latency : Latency
        Of the output, after `LivePlayer.latency_frames`.
    frames_per_second : float
        The output's rate on the engine's clock; 48000 until it has been fitted, which takes 20 s.
    cpu_s : float
        Processor time of the processes that have sounded.
    pid : int or None
        The process that sounds.
    """

    frames_rendered: int
    frames_played: int
    late_blocks: int
    restarts: int
    latency: Latency
    frames_per_second: float
    cpu_s: float
    pid: int | None
