"""Playing on the sound device for commands that no session is needed for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from biofeedback.cli.options import progress_bar
from generator.state import Piece, PlayedSound

if TYPE_CHECKING:
    from generator.live.devices import BackEnd
    from generator.trajectory import Trajectory


def play_live(
    what: str,
    states: Trajectory,
    piece: Piece,
    seconds: float,
    back_end: BackEnd,
    *,
    fades_s: tuple[float, float],
    plays: PlayedSound = PlayedSound.MUSIC,
) -> float:
    """Play a piece through some states on a sound device, with a progress bar.

    Parameters
    ----------
    what : str
        What the bar says.
    states : Trajectory
        The states over time.
    piece : Piece
        What is played.
    seconds : float
        How long.
    back_end : BackEnd
        The device.
    fades_s : (float, float)
        Lengths of the fade-in and of the end fade, within `seconds`.
    plays : PlayedSound
        What sounds of it.

    Returns
    -------
    float
        The A-weighted energy of what was played (see ``generator.synthesis.calibration``).
    """
    import pylsl

    from biofeedback.pacing import RealTimePacer
    from generator.live.player import LivePlayer

    fade_in_s, end_fade_s = (min(fade_s, seconds / 4) for fade_s in fades_s)
    player = LivePlayer(piece, back_end=back_end, clock=pylsl.local_clock, fade_in_s=fade_in_s, plays=plays)
    with player, progress_bar(what) as progress:
        ending = False
        for t in RealTimePacer(pylsl.local_clock, time.sleep):
            played_s = t - player.began_s
            player.step(states.at(played_s))
            progress(min(1.0, max(0.0, played_s / seconds)), back_end.name)
            if not ending and played_s >= seconds - end_fade_s:
                player.end(end_fade_s)
                ending = True
            if player.finished:
                break
        return player.statistics().energy_s
