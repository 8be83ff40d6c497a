"""The sound: voices and pyo's graph, and what they do when something fails or nothing sounds."""

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

    `render` answers with the sound of what was given `latency_frames` before: one block to make room for
    new notes, one for the limiter to look ahead.

    Parameters
    ----------
    piece : Piece
        Its palette decides the sound, its nature what lies under it.

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
    MOST_FAULTS = 3
    FORGIVEN_AFTER_S = 60.0

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._palette = BY_NAME[piece.palette]
        self._bank = VoiceBank(self._palette, piece.tonic)
        self._graph = SynthGraph(self._bank.rows, self._palette)
        self._master = MasteringChain(tuple(self._palette.timbres[layer].typical_lufs for layer in LAYERS))
        self._nature = self._new_nature()
        self._room_db = room_db(piece.nature_db)
        self._asleep = False
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
            If pyo delivered unusable samples for the fourth time in a minute. Up to then what was sounding
            fades out, the graph is built anew and the sound comes back on a ramp of 10 s.
        """
        silent = block.shape.fade == 0.0
        if silent:
            self._bank.release_all()
        if silent and self._asleep:
            return self._master.step(_SILENCE, block.shape)
        if self._failed:
            self._rebuild()
        tone = FilterFrame.of(block.shape, block.start_frame / SAMPLE_RATE, self._palette.hall)
        music = self._graph.process(self._bank.step(block), tone)
        peak = float(np.abs(music).max())
        # The reverb rings on unheard in silence, then pyo sleeps until there is something to hear.
        self._asleep = silent and peak < SILENT_PEAK
        bed = self._bed(block)
        if not (peak < RUNAWAY_PEAK and (bed is None or np.abs(bed).max() < RUNAWAY_PEAK)):
            self._give_up_if_hopeless(block.start_frame)
            self._failed = True  # built anew with the next block, for that takes longer than this one lasts
            self._master.restart()
            music, bed = _SILENCE, None
        return self._master.step(music, self._room_made(block.shape), bed)

    def _new_nature(self) -> NaturePlayer | None:
        piece = self._piece
        return NaturePlayer(piece.nature, piece.nature_db, piece.seed) if piece.nature != "none" else None

    def _bed(self, block: Block) -> FloatArray | None:
        """Return what lies under the music in this block."""
        return self._nature.step(block.start_frame) if self._nature and block.shape.fade > 0.0 else None

    def _room_made(self, shape: ControlFrame) -> ControlFrame:
        """Return the shape, softer by what the bed adds: together they are as loud as commanded."""
        return replace(shape, level_db=shape.level_db - self._room_db) if self._nature else shape

    def _give_up_if_hopeless(self, frame: int) -> None:
        recent = frame - round(self.FORGIVEN_AFTER_S * SAMPLE_RATE)
        self._failures = [*(at for at in self._failures if at > recent), frame]
        if (times := len(self._failures)) > self.MOST_FAULTS:
            raise SoundError(f"pyo delivered unusable samples {times} times; the sound was given up")

    def _rebuild(self) -> None:
        """Build graph and bed anew after NaN, infinity or a runaway."""
        self._graph.close()
        self._bank.release_all()
        self._graph = SynthGraph(self._bank.rows, self._palette)
        self._nature = self._new_nature()
        self._failed = False
        self.rebuilt += 1

    def close(self) -> None:
        """Give pyo's server back. Closing twice is harmless."""
        self._graph.close()
