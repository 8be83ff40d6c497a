"""The sound check: ten seconds of the session's sounds at the session's level."""

from __future__ import annotations

from concurrent.futures import Future

import pylsl

from biofeedback.service.background import in_background
from generator.live.devices import BackEnd
from generator.live.player import LivePlayer
from generator.state import MasterVolume, Piece
from generator.synthesis.calibration import CHECK_FADE_S, CHECK_S, check_state

LET_GO_S = 5.0
"""How long an output may take to be given back."""


class SoundCheckRun:
    """Ten seconds of the session's sounds; it begins when the sound's process stands ready."""

    def __init__(self, piece: Piece, back_end: BackEnd, level_db: float) -> None:
        self._player = LivePlayer(piece, back_end=back_end, clock=pylsl.local_clock, fade_in_s=CHECK_FADE_S)
        self._wanted = check_state(level_db)
        self._opening: Future[None] | None = None
        self._closing: Future[None] | None = None
        self._ending = False
        self.progress = 0.0
        self.fault = ""

    def begin(self, after: Future[None] | None) -> None:
        """Open the output, in the background, once what `after` tells of has given it back."""

        def begin() -> None:
            if after is not None:
                after.exception(timeout=LET_GO_S)
            self._player.open()

        self._opening = in_background(begin)

    @property
    def playing(self) -> bool:
        """Whether it has not come to its end yet."""
        return self._closing is None

    def step(self, t: float) -> None:
        """Play on, and close at the end, or where the output does not open."""
        if self._closing is not None or self._opening is None or not self._opening.done():
            return
        if (error := self._opening.exception()) is not None:
            self.fault = f"The sound check could not be played: {error}"
            self.close()
            return
        self._player.step(self._wanted)
        played_s = t - self._player.began_s
        self.progress = min(1.0, max(0.0, played_s / CHECK_S))
        if not self._ending and played_s >= CHECK_S - CHECK_FADE_S:
            self._ending = True
            self._player.end(CHECK_FADE_S)
        if self._player.finished:
            self.progress = 1.0
            self.close()

    @property
    def volume_db(self) -> float:
        """The volume last set."""
        return self._player.volume.db

    def set_volume(self, db: float) -> None:
        """Set the volume; it glides there."""
        self._player.set_volume(MasterVolume(db=db))

    def stop(self) -> None:
        """Silence it at once. Any thread may call it."""
        self._ending = True
        self._player.stop()

    def close(self) -> Future[None]:
        """Give the output back without waiting for it; return what tells when it is."""
        if self._closing is None:
            self._closing = in_background(self._player.close)
        return self._closing
