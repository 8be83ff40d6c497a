"""A session from its plan to its closed directory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from acquisition import open_sources
from biofeedback.controller import Controller
from biofeedback.engine import Engine
from biofeedback.errors import SessionFault
from biofeedback.models import STEPS_PER_SECOND, Command, Snapshot
from biofeedback.recording.recorder import Recorder
from biofeedback.signals import build_physiology, physiological_streams
from generator.midi import write_midi
from generator.player import Player
from generator.render import SoundFile
from generator.state import Piece
from protocols.hashing import protocol_sha256
from protocols.schema import Protocol

FLAC_NAME = "audio.flac"
MIDI_NAME = "score.mid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that determines a session; the same plan gives the same recording.

    Attributes
    ----------
    protocol : Protocol
        What is to be done.
    inputs : tuple of str
        Input specifications (``KIND=WHERE``).
    directory : Path
        Where the session is kept; created, must not hold a session already.
    seed : int
        Every random choice follows from it.
    sound : bool
        Whether the music is rendered into ``audio.flac``; its score is recorded in any case.
    """

    protocol: Protocol
    inputs: tuple[str, ...]
    directory: Path
    seed: int
    sound: bool


class Interruption:
    """How the outside stops a session: once is a stop with a fade, twice an emergency stop."""

    def __init__(self) -> None:
        self.requests = 0

    def request(self) -> None:
        """Ask for the stop, or insist on it."""
        self.requests += 1


def run_virtual(
    plan: Plan, *, watch: Callable[[Snapshot], None], interruption: Interruption | None = None
) -> str:
    """Carry out a session in virtual time, as fast as the machine goes.

    Parameters
    ----------
    plan : Plan
        What to do.
    watch : callable
        Told the state of the session after each step.
    interruption : Interruption, optional
        Looked at before each step.

    Returns
    -------
    str
        Why the session ended.

    Raises
    ------
    AcquisitionError, ProtocolError, UsageError, RecordingError
        If the session cannot begin; nothing is recorded then.
    SessionFault
        If it fails once begun; what was recorded until then is kept and closed.
    """
    sources = open_sources(plan.inputs, seed=plan.seed)
    streams = physiological_streams(sources)
    piece = Piece(tonic=plan.protocol.piece.tonic, palette=plan.protocol.piece.palette, seed=plan.seed)
    recorder = Recorder(
        plan.directory,
        protocol=plan.protocol.model_dump(mode="json", exclude_none=True),
        protocol_sha256=protocol_sha256(plan.protocol),
        piece=piece,
        inputs=[stream for source in sources for stream in source.streams],
        t0_s=0.0,
        t0_wall=datetime.now().astimezone(),
        arguments={"inputs": list(plan.inputs), "sound": plan.sound, "time": "virtual"},
    )
    with ExitStack() as stack:
        for source in sources:
            stack.callback(source.close)
        player = stack.enter_context(closing(Player(piece, sound=plan.sound)))
        recorder.open()
        audio = None
        if plan.sound:
            audio = SoundFile(plan.directory / FLAC_NAME, latency_frames=player.latency_frames)
        engine = Engine(
            sources=sources,
            physiology=build_physiology(streams),
            controller=Controller(plan.protocol),
            player=player,
            recorder=recorder,
            audio=audio,
        )
        reason = "fault"
        try:
            reason = _step_through(engine, watch, interruption or Interruption())
        except Exception as error:
            reason = f"fault: {error}"
            raise SessionFault(f"the session failed: {error}; what was recorded is kept") from error
        finally:
            _close(engine, recorder, audio, plan.directory / MIDI_NAME, reason)
    return reason


def _step_through(engine: Engine, watch: Callable[[Snapshot], None], interruption: Interruption) -> str:
    carried_out = 0
    for step in count():
        t = step / STEPS_PER_SECOND
        commands: tuple[Command, ...] = ()
        if interruption.requests > carried_out:
            carried_out = interruption.requests
            if carried_out == 1:
                commands = (Command(name="stop"),)
            else:
                engine.emergency_stop(t)
        watch(engine.step(t, commands))
        if engine.finished:
            break
    return engine.end_reason


def _close(engine: Engine, recorder: Recorder, audio: SoundFile | None, midi: Path, reason: str) -> None:
    """Close every file, whatever fails on the way; the recording last, for its checksums."""
    with ExitStack() as stack:
        stack.callback(recorder.close, reason)
        stack.callback(write_midi, midi, engine.notes, engine.beats)
        if audio is not None:
            stack.callback(audio.close)
