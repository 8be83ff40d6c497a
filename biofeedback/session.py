"""A session from its plan to its closed directory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pylsl

from acquisition import open_sources
from acquisition.injected_faults import InjectedFault, inject
from acquisition.streams import Source
from biofeedback.calibration import exposure_record
from biofeedback.commands import Command, IssuedCommand
from biofeedback.controller import Controller
from biofeedback.engine import Engine, Tap
from biofeedback.errors import SessionFault
from biofeedback.inbox import Inbox
from biofeedback.models import Snapshot
from biofeedback.outlets import Outlets
from biofeedback.recording.consent import RecordedConsent
from biofeedback.recording.recorder import Recorder
from biofeedback.recording.storage import atomic_path
from biofeedback.setups import Setup
from biofeedback.signals import build_physiology, physiological_streams
from biofeedback.ticks import RealTicks, virtual_ticks
from generator.calibration import Calibration
from generator.live.backend import BackEnd
from generator.live.player import LivePlayer
from generator.midi import write_midi
from generator.player import Player
from generator.preferences import Preferences
from generator.render import SoundFile
from generator.score import SAMPLE_RATE
from generator.state import Piece
from protocols.hashing import protocol_sha256
from protocols.schema import Protocol

FLAC_NAME = "audio.flac"
MIDI_NAME = "score.mid"

BEHIND_S = 0.2
"""How far physiology stays behind in real time: longer than a serial burst or a wireless packet takes."""

_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that determines a session; in virtual time the same plan gives the same recording.

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
    keep_sound : bool
        Whether the sound is kept in ``audio.flac``; its score is recorded in any case.
    back_end : BackEnd or None
        Where the sound goes in real time; None for virtual time.
    publish : bool
        Whether what is found, asked and sounded is published as LSL outlets; in real time only.
    faults : tuple of InjectedFault
        Troubles that the inputs are given on purpose.
    setup : Setup or None
        The sensor set-up that the inputs are of: a session does not begin if they are not as it expects.
    preferences : Preferences
        What the listener likes to hear, laid over the protocol's piece.
    calibration : Calibration or None
        How loud the reference noise is at the ear, on this back end; None where nobody has measured.
    scr_threshold_us : float
        Least amplitude of a skin conductance response, in µS.
    comfort_db : float
        The level found comfortable at the sound check, 0 or below; the master volume counts from there.
    script : tuple of (float, Command)
        Commands laid down before the session, each with its time in seconds from the session's start.
    consent : RecordedConsent or None
        What the client has agreed to; None for a session without a client.
    about : mapping
        What else ``session.json`` is to say of how the session came about.
    at_close : callable
        Gives what else its `end` is to say.
    """

    protocol: Protocol
    inputs: tuple[str, ...]
    directory: Path
    seed: int
    keep_sound: bool
    back_end: BackEnd | None = None
    publish: bool = False
    faults: tuple[InjectedFault, ...] = ()
    setup: Setup | None = None
    preferences: Preferences = field(default_factory=Preferences)
    calibration: Calibration | None = None
    scr_threshold_us: float = 0.05
    comfort_db: float = 0.0
    script: tuple[tuple[float, Command], ...] = ()
    consent: RecordedConsent | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    at_close: Callable[[], Mapping[str, Any]] = dict

    @property
    def piece(self) -> Piece:
        """What stays the same in the music."""
        return self.preferences.applied_to(Piece(**self.protocol.piece.model_dump(), seed=self.seed))


def run_session(
    plan: Plan,
    *,
    watch: Callable[[Snapshot], None],
    inbox: Inbox | None = None,
    opened: Sequence[Source] | None = None,
    tap: Tap | None = None,
) -> str:
    """Carry out a session: in real time if the plan has a back end, else as fast as the machine goes.

    Parameters
    ----------
    plan : Plan
        What to do.
    watch : callable
        Told the state of the session after each step.
    inbox : Inbox, optional
        Where commands come from, looked at before each step; answers go back to it.
    opened : sequence of Source, optional
        The plan's inputs, where they stand open already; they belong to the session from now on.
    tap : Tap, optional
        Shown what comes in.

    Returns
    -------
    str
        Why the session ended.

    Raises
    ------
    AcquisitionError, ProtocolError, UsageError, RecordingError, SoundError
        If the session cannot begin; nothing is recorded then.
    SessionFault
        If it fails once begun; what was recorded until then is kept and closed.
    """
    inbox = inbox or Inbox()
    with ExitStack() as stack:
        live = plan.back_end is not None
        sources = open_sources(plan.inputs, seed=plan.seed, live=live) if opened is None else [*opened]
        for source in sources:
            stack.callback(source.close)
        if plan.setup is not None:
            plan.setup.require(sources)
        sources = inject(sources, plan.faults, seed=plan.seed)
        physiological_streams(sources)  # refused now, before anything sounds or is written
        player = _player(plan)
        stack.enter_context(player)
        ticks = None if plan.back_end is None else RealTicks(pylsl.local_clock, time.sleep)
        t0_s = 0.0 if ticks is None else ticks.t0_s
        for source in sources:
            source.begin(t0_s)
        recorder = _recorder(plan, sources, t0_s)
        recorder.open()
        audio = _sound_file(plan, player, t0_s)
        engine = Engine(
            sources=sources,
            physiology=build_physiology(
                physiological_streams(sources), scr_threshold_us=plan.scr_threshold_us
            ),
            controller=Controller(plan.protocol),
            player=player,
            recorder=recorder,
            t0_s=t0_s,
            behind_s=0.0 if ticks is None else BEHIND_S,
            audio=audio,
            outlets=Outlets(plan.directory.name) if plan.publish else None,
            on_answer=inbox.on_answer,
            comfort_db=plan.comfort_db,
            tap=tap,
        )
        stack.callback(inbox.connect, None)
        inbox.connect(engine.emergency_stop)
        reason = "fault"
        try:
            commands = _commands(plan, inbox, t0_s)
            reason = _step_through(engine, ticks or virtual_ticks(), watch, commands)
        except Exception as error:
            reason = f"fault: {error}"
            raise SessionFault(f"the session failed: {error}; what was recorded is kept") from error
        finally:
            end = {"reason": reason, **_live_figures(ticks, player, plan), **plan.at_close()}
            _close(engine, recorder, audio, plan.directory, end)
    return reason


def _player(plan: Plan) -> Player | LivePlayer:
    if plan.back_end is None:
        return Player(plan.piece, sound=plan.keep_sound)
    return LivePlayer(plan.piece, back_end=plan.back_end, clock=pylsl.local_clock, keep_sound=plan.keep_sound)


def _recorder(plan: Plan, sources: list[Source], t0_s: float) -> Recorder:
    begins_in_s = 0.0 if plan.back_end is None else t0_s - pylsl.local_clock()
    return Recorder(
        plan.directory,
        protocol=plan.protocol.model_dump(mode="json", by_alias=True, exclude_none=True),
        protocol_sha256=protocol_sha256(plan.protocol),
        piece=plan.piece,
        inputs=[stream for source in sources for stream in source.streams],
        t0_s=t0_s,
        t0_wall=datetime.now().astimezone() + timedelta(seconds=begins_in_s),
        consent=plan.consent,
        arguments={
            "inputs": list(plan.inputs),
            "setup": None if plan.setup is None else plan.setup.title,
            "faults": [fault.text for fault in plan.faults],
            "scr_threshold_uS": plan.scr_threshold_us,
            "keep_sound": plan.keep_sound,
            "time": "virtual" if plan.back_end is None else "real",
            "output": None if plan.back_end is None else asdict(plan.back_end),
            **plan.about,
        },
    )


def _sound_file(plan: Plan, player: Player | LivePlayer, t0_s: float) -> SoundFile | None:
    """Open the file of the sound so that its first sample is the session's start."""
    if not plan.keep_sound:
        return None
    early = player.latency_frames
    if isinstance(player, LivePlayer):
        early += round((t0_s - player.began_s) * SAMPLE_RATE)
    return SoundFile(plan.directory / FLAC_NAME, latency_frames=early)


def _commands(plan: Plan, inbox: Inbox, t0_s: float) -> Callable[[float], tuple[IssuedCommand, ...]]:
    """Return what gives the commands due at a step: those of the script, then those that were put in."""
    script = deque(sorted(plan.script, key=lambda entry: entry[0]))
    total = len(script)

    def due(t: float) -> tuple[IssuedCommand, ...]:
        told = []
        while script and script[0][0] <= t - t0_s + _TINY:
            told.append(IssuedCommand(script.popleft()[1], "script", f"script {total - len(script)}"))
        return (*told, *inbox.take())

    return due


def _step_through(
    engine: Engine,
    ticks: Iterable[float],
    watch: Callable[[Snapshot], None],
    commands: Callable[[float], tuple[IssuedCommand, ...]],
) -> str:
    for t in ticks:
        watch(engine.step(t, commands(t)))
        if engine.finished:
            break
    return engine.end_reason


def _live_figures(ticks: RealTicks | None, player: Player | LivePlayer, plan: Plan) -> dict[str, Any]:
    """Return how well real time was kept and, if it was played, how loud, for ``session.json``."""
    if ticks is None or not isinstance(player, LivePlayer):
        return {}
    sound = player.statistics()
    figures = {"punctuality": asdict(ticks.punctuality()), "sound": asdict(sound)}
    if plan.back_end is not None and plan.back_end.kind != "paced":
        seconds = sound.frames_played / SAMPLE_RATE
        figures["exposure"] = exposure_record(sound.energy_s, seconds, plan.calibration)
    return figures


def _close(
    engine: Engine, recorder: Recorder, audio: SoundFile | None, directory: Path, end: dict[str, Any]
) -> None:
    """Close every file, whatever fails on the way; the recording last, for its checksums."""
    with ExitStack() as stack:
        stack.callback(recorder.close, **end)
        stack.callback(_write_score, engine, directory / MIDI_NAME)
        if audio is not None:
            stack.callback(audio.close)


def _write_score(engine: Engine, path: Path) -> None:
    with atomic_path(path) as part:
        write_midi(part, engine.notes, engine.beats)
