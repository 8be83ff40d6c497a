"""What renders the sound of a player, by what it is to play."""

from __future__ import annotations

import numpy as np

from generator.errors import StateError
from generator.score import BLOCK_FRAMES, CHANNELS, Block, StereoBlock
from generator.state import LAYERS, NATURES, Piece, PlayedSound
from generator.synthesis.calibration import ReferenceNoise
from generator.synthesis.mastering import MasteringChain
from generator.synthesis.nature import NaturePlayer
from generator.synthesis.sample_cache import Progress
from generator.synthesis.synth import Synth

_NO_MUSIC = np.zeros((CHANNELS, BLOCK_FRAMES))


class NatureAlone:
    """Stands in for the synthesizer: a piece's nature sound without the music, through the same safety chain.

    Parameters
    ----------
    piece : Piece
        Its nature sound is played.

    Raises
    ------
    StateError
        If it has none.
    """

    latency_frames = MasteringChain.latency_frames
    rebuilt = 0

    def __init__(self, piece: Piece) -> None:
        if piece.nature == NATURES[0]:
            raise StateError(f"no nature sound is named; there are {', '.join(NATURES[1:])}")
        self._nature = NaturePlayer(piece.nature, piece.nature_db, piece.seed)
        self._master = MasteringChain((0.0,) * len(LAYERS))

    def render(self, block: Block) -> StereoBlock:
        """Return the next 800 samples, at the level and fade of the block."""
        return self._master.step(_NO_MUSIC, block.shape, self._nature.step(block.start_frame))

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def make_sound_source(
    piece: Piece, plays: PlayedSound, *, progress: Progress | None = None
) -> Synth | NatureAlone | ReferenceNoise:
    """Return what renders blocks of a performance.

    Parameters
    ----------
    piece : Piece
        Its palette and nature sound.
    plays : PlayedSound
        What is to sound.
    progress : callable, optional
        Called while samples have to be rendered.

    Raises
    ------
    SoundError
        If pyo's server does not start.
    StateError
        If the nature sound is to sound alone and there is none.
    """
    match plays:
        case PlayedSound.MUSIC:
            return Synth(piece, progress=progress)
        case PlayedSound.NATURE:
            return NatureAlone(piece)
        case PlayedSound.REFERENCE_NOISE:
            return ReferenceNoise()
