"""The synthesizer: voices, pyo's graph and the mastering chain, with their handling of faults and silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from generator.errors import SoundError
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, ControlFrame, FloatArray, StereoBlock
from generator.state import LAYERS, Piece
from generator.synthesis.graph import FilterFrame, SynthGraph
from generator.synthesis.mastering import MasteringChain
from generator.synthesis.nature import NaturePlayer, room_db
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.voices import VoiceBank

_SILENCE = np.zeros((2, BLOCK_FRAMES))

SILENT_PEAK = 1e-5
RUNAWAY_PEAK = 100.0
"""40 dB over full scale; NaN and infinity are beyond it too."""


class Synth:
    """Plays blocks of a performance.

    `render` returns the sound of what was given `latency_frames` before: one block to free voices for new
    notes, one for the limiter to look ahead.

    Parameters
    ----------
    piece : Piece
        Its palette and its nature sound are played.

    Raises
    ------
    SoundError
        If pyo's server does not start.

    Attributes
    ----------
    rebuilt : int
        How many times pyo's graph has been built anew.
    """

    latency_frames = VoiceBank.latency_frames + MasteringChain.latency_frames
    MAX_FAULTS = 3
    FORGIVEN_AFTER_S = 60.0

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._palette = BY_NAME[piece.palette]
        self._bank = VoiceBank(self._palette, piece.tonic)
        self._graph = SynthGraph(self._bank.rows, self._palette)
        self._master = MasteringChain(tuple(self._palette.timbres[layer].typical_lufs for layer in LAYERS))
        self._nature = self._new_nature()
        self._room_db = room_db(piece.nature_db)
        self._idle = False
        self._failed = False
        self._failures: list[int] = []
        self.rebuilt = 0

    def render(self, block: Block) -> StereoBlock:
        """Return the next 800 samples of sound.

        Parameters
        ----------
        block : Block
            The one that follows the block given before.

        Returns
        -------
        ndarray of float32, shape (800, 2)
            Finite; true peak at most −3 dBTP; exactly 0 while the fade is 0.

        Raises
        ------
        SoundError
            If pyo delivered unusable samples for the fourth time in a minute. Before that, the sound fades
            out, the graph is built anew and the sound fades in over 10 s.
        """
        silent = block.shape.fade == 0.0
        if silent:
            self._bank.release_all()
        if silent and self._idle:
            return self._master.step(_SILENCE, block.shape)
        if self._failed:
            self._rebuild()
        tone = FilterFrame.of(block.shape, block.start_frame / SAMPLE_RATE, self._palette.reverb)
        music = self._graph.process(self._bank.step(block), tone)
        peak = float(np.abs(music).max())
        # In silence the reverb decays unheard; then pyo is not run until something sounds again.
        self._idle = silent and peak < SILENT_PEAK
        nature = self._nature_block(block)
        if not (peak < RUNAWAY_PEAK and (nature is None or np.abs(nature).max() < RUNAWAY_PEAK)):
            self._check_fault_count(block.start_frame)
            self._failed = True  # rebuilt with the next block: that takes longer than this one lasts
            self._master.restart()
            music, nature = _SILENCE, None
        return self._master.step(music, self._reduced(block.shape), nature)

    def _new_nature(self) -> NaturePlayer | None:
        piece = self._piece
        return NaturePlayer(piece.nature, piece.nature_db, piece.seed) if piece.nature != "none" else None

    def _nature_block(self, block: Block) -> FloatArray | None:
        """Return the nature sound of this block."""
        return self._nature.step(block.start_frame) if self._nature and block.shape.fade > 0.0 else None

    def _reduced(self, shape: ControlFrame) -> ControlFrame:
        """Return the controls, softer by what the nature sound adds to the loudness."""
        return replace(shape, level_db=shape.level_db - self._room_db) if self._nature else shape

    def _check_fault_count(self, frame: int) -> None:
        recent = frame - round(self.FORGIVEN_AFTER_S * SAMPLE_RATE)
        self._failures = [*(at for at in self._failures if at > recent), frame]
        if (times := len(self._failures)) > self.MAX_FAULTS:
            raise SoundError(f"pyo delivered unusable samples {times} times; the sound was given up")

    def _rebuild(self) -> None:
        """Build graph and nature sound anew after unusable samples."""
        self._graph.close()
        self._bank.release_all()
        self._graph = SynthGraph(self._bank.rows, self._palette)
        self._nature = self._new_nature()
        self._failed = False
        self.rebuilt += 1

    def close(self) -> None:
        """Release pyo's server. Closing twice is harmless."""
        self._graph.close()
