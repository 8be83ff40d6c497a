"""What happens to the sound, in words and in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from generator.live.backend import Latency
from generator.score import BLOCK_FRAMES, SAMPLE_RATE

Kind = Literal["died", "restarting", "restarted", "gave up", "late", "skipped", "rebuilt"]

Condition = Literal["on", "restarting", "lost"]
"""How the sound's process is doing: well; gone, with another on its way or still rising; gone for good."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to the sound: when, of what kind, and one plain sentence."""

    time_s: float
    kind: Kind
    text: str


def rebuilt(time_s: float) -> Incident:
    """Return what there is to say when the sound engine has been built anew."""
    text = "The sound engine gave unusable samples; it was built anew, and the sound rises again over 10 s."
    return Incident(time_s, "rebuilt", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How the sound is doing.

    Attributes
    ----------
    frames_rendered, frames_played, late_blocks, restarts : int
        So far, in all processes.
    skipped_s : float
        Music left out because the device had stood still for so long.
    latency : Latency
        Of the output, after `LivePlayer.latency_frames`.
    frames_per_second : float
        The output's rate on the engine's clock; 48000 until it has been fitted, which takes 20 s.
    cpu_s : float
        Processor time of the processes that have sounded.
    pid : int or None
        The process that sounds.
    energy_s : float
        A-weighted energy of what was rendered (see ``generator.calibration``).
    """

    frames_rendered: int
    frames_played: int
    late_blocks: int
    restarts: int
    skipped_s: float
    latency: Latency
    frames_per_second: float
    cpu_s: float
    pid: int | None
    energy_s: float


class Losses:
    """Says what sound was lost, in ten seconds once at most."""

    EVERY_S = 10.0

    def __init__(self) -> None:
        self._late = self._skipped = 0
        self._said_s = float("-inf")

    def news(self, now: float, late: int, skipped: int) -> list[Incident]:
        """Return what there is to say, given the late blocks and skipped samples so far."""
        if now < self._said_s + self.EVERY_S or (late, skipped) == (self._late, self._skipped):
            return []
        blocks, frames = late - self._late, skipped - self._skipped
        self._late, self._skipped, self._said_s = late, skipped, now
        said = []
        if blocks:
            lost_s = blocks * BLOCK_FRAMES / SAMPLE_RATE
            text = f"Sound came late ({blocks} blocks); up to {lost_s:.2f} s were not heard."
            said.append(Incident(now, "late", text))
        if frames:
            text = (
                f"The sound device stood still for {frames / SAMPLE_RATE:.2f} s; the music went on in time."
            )
            said.append(Incident(now, "skipped", text))
        return said
