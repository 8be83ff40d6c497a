"""Carries out a session: opens its inputs, player and recording, steps the engine, closes everything."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pylsl

from acquisition.injected_faults import InjectedFault
from acquisition.streams import StreamInfo
from biofeedback.calibration import exposure_record
from biofeedback.command_inbox import CommandInbox
from biofeedback.commands import Command, IssuedCommand
from biofeedback.controller import Controller
from biofeedback.engine import Engine, Outlets, SampleObserver
from biofeedback.errors import SessionFault
from biofeedback.intake import OpenSources, SignalIntake, open_inputs
from biofeedback.models import Snapshot
from biofeedback.pacing import RealTimePacer, virtual_times
from biofeedback.palette_files import located
from biofeedback.recording.audio import WAV_NAME, GrowingWav, keep_as_flac
from biofeedback.recording.consent import RecordedConsent
from biofeedback.recording.recorder import Recorder
from biofeedback.recording.storage import atomic_path
from biofeedback.setups import Setup
from generator.events import write_midi
from generator.live.devices import BackEnd
from generator.live.player import LivePlayer
from generator.player import Player
from generator.preferences import Preferences
from generator.render import SoundFile, VirtualPlayer
from generator.score import SAMPLE_RATE, with_ends
from generator.state import MasterVolume, Piece
from generator.synthesis.calibration import Calibration
from protocols.schema import Protocol, protocol_sha256

MIDI_NAME = "score.mid"

BEHIND_S = 0.2
"""How far physiology stays behind in real time: longer than a serial burst or a wireless packet takes."""

_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """All that determines a session; in virtual time the same configuration gives the same recording.

    Attributes
    ----------
    protocol : Protocol
        The protocol to carry out.
    inputs : tuple of str
        Input specifications (``KIND=WHERE``).
    directory : Path
        Directory of the session; created, must not hold a session already.
    seed : int
        Determines every random choice.
    keep_sound : bool
        Whether the sound is recorded in ``audio.flac``; the score is recorded in any case.
    back_end : BackEnd or None
        Where the sound goes in real time; None for virtual time.
    publish : bool
        Whether features, music, score and markers are published as LSL outlets; in real time only.
    faults : tuple of InjectedFault
        Faults to inject into the inputs.
    setup : Setup or None
        The sensor set-up that the inputs belong to; the session is refused if they do not match it.
    preferences : Preferences
        The listener's preferences; they take precedence over the piece of the protocol.
    calibration : Calibration or None
        Level of the reference noise at the ear on this back end; None if it was not measured.
    scr_threshold_us : float
        Least amplitude of a skin conductance response, in µS.
    comfort_db : float
        Comfortable level found at the sound check, in dB, 0 or below; the master volume is relative to it.
    script : tuple of (float, Command)
        Scripted commands, each with its time in seconds from the session's start.
    consent : RecordedConsent or None
        What the client has agreed to; None for a session without a client.
    about : mapping
        Further entries of ``arguments`` in ``session.json``.
    at_close : callable
        Returns further entries of ``end`` in ``session.json``; called when the session closes.
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
        """The constants of the music: tonic, palette, seed and so on."""
        piece = self.preferences.applied_to(Piece(**self.protocol.piece.model_dump(), seed=self.seed))
        return replace(piece, palette=located(piece.palette))


def run_session(
    config: SessionConfig,
    *,
    watch: Callable[[Snapshot], None],
    inbox: CommandInbox | None = None,
    opened: OpenSources | None = None,
    observer: SampleObserver | None = None,
) -> str:
    """Carry out a session: in real time if it has a back end, else as fast as the machine goes.

    Parameters
    ----------
    config : SessionConfig
        What to do.
    watch : callable
        Called with the state of the session after each step.
    inbox : CommandInbox, optional
        Where commands come from, read before each step; answers go back to it.
    opened : OpenSources, optional
        The inputs, if they are open already. They belong to the session from now on and are closed
        with it, also if it cannot begin.
    observer : SampleObserver, optional
        Given every sample and beat.

    Returns
    -------
    str
        Why the session ended.

    Raises
    ------
    AcquisitionError, PhysiologyError, ProtocolError, UsageError, RecordingError, SoundError
        If the session cannot begin. Nothing stays open and nothing is left on the disk.
    SessionFault
        If it fails once begun; what was recorded until then is kept and closed.
    """
    inbox = inbox or CommandInbox()
    with ExitStack() as stack:
        if opened is None:
            live = config.back_end is not None
            opened = open_inputs(
                config.inputs, seed=config.seed, live=live, faults=config.faults, setup=config.setup
            )
        stack.enter_context(opened)
        player = _player(config)
        player.set_volume(MasterVolume(comfort_db=config.comfort_db))
        stack.enter_context(player)
        session = _Session(config, opened, player, inbox, observer)
        stack.callback(inbox.connect, None)
        inbox.connect(session.engine.emergency_stop)
        return session.carry_out(watch, inbox)


class _Session:
    """A session whose recording is open."""

    def __init__(
        self,
        config: SessionConfig,
        sources: OpenSources,
        player: Player,
        inbox: CommandInbox,
        observer: SampleObserver | None,
    ) -> None:
        self._config = config
        self._player = player
        self._pacer = None if config.back_end is None else RealTimePacer(pylsl.local_clock, time.sleep)
        self._t0_s = t0_s = 0.0 if self._pacer is None else self._pacer.t0_s
        sources.begin(t0_s)
        self._recorder = _recorder(config, sources.streams, t0_s)
        behind_s = 0.0 if self._pacer is None else BEHIND_S
        intake = SignalIntake(sources, scr_threshold_us=config.scr_threshold_us, behind_s=behind_s)
        controller = Controller(config.protocol)
        outlets = Outlets(config.directory.name) if config.publish else None
        # The recording comes last: what can be refused was refused by now, and what fails here is undone.
        with ExitStack() as undo:
            self._recorder.open()
            undo.callback(self._recorder.discard)
            self._audio = _sound_file(config, player, t0_s, undo)
            self.engine = Engine(
                intake=intake,
                controller=controller,
                player=player,
                recorder=self._recorder,
                t0_s=t0_s,
                audio=self._audio,
                outlets=outlets,
                on_answer=inbox.on_answer,
                observer=observer,
            )
            undo.pop_all()

    def carry_out(self, watch: Callable[[Snapshot], None], inbox: CommandInbox) -> str:
        """Step to the end of the session, close its files and return why it ended."""
        script = deque(sorted(self._config.script, key=lambda entry: entry[0]))
        reason = "fault"
        try:
            for t in self._pacer or virtual_times():
                watch(self.engine.step(t, (*self._scripted(script, t), *inbox.take())))
                if self.engine.finished:
                    break
            reason = self.engine.end_reason
        except Exception as error:
            reason = f"fault: {error}"
            raise SessionFault(f"the session failed: {error}; what was recorded is kept") from error
        finally:
            self._close(reason)
        return reason

    def _scripted(self, script: deque[tuple[float, Command]], t: float) -> Iterator[IssuedCommand]:
        """Take the commands that are due at engine time `t` from the script."""
        while script and script[0][0] <= t - self._t0_s + _TINY:
            _, command = script.popleft()
            yield IssuedCommand(command, "script", f"script {len(self._config.script) - len(script)}")

    def _close(self, reason: str) -> None:
        """Close every file, whichever of them fails; the recording last, for its checksums."""
        end = {"reason": reason, **self._live_figures()}
        with ExitStack() as stack:
            stack.callback(lambda: self._recorder.close(**end))
            stack.callback(self._write_score)
            if self._audio is not None:
                stack.callback(keep_as_flac, self._config.directory / WAV_NAME)
                stack.callback(self._audio.close)
            end |= self._config.at_close()

    def _live_figures(self) -> dict[str, Any]:
        """Return how well real time was kept and, if the music was played, how loud it was."""
        if self._pacer is None:
            return {}
        sound = self._player.statistics()
        figures = {"punctuality": asdict(self._pacer.punctuality()), "sound": asdict(sound)}
        if self._config.back_end is not None and self._config.back_end.kind != "paced":
            seconds = sound.frames_played / SAMPLE_RATE
            figures["exposure"] = exposure_record(sound.energy_s, seconds, self._config.calibration)
        return figures

    def _write_score(self) -> None:
        with atomic_path(self._config.directory / MIDI_NAME) as part:
            notes = with_ends(self.engine.notes, self.engine.note_ends)
            write_midi(part, notes, self.engine.beats, self._config.piece.bar_metre)


def _player(config: SessionConfig) -> Player:
    if config.back_end is None:
        return VirtualPlayer(config.piece, sound=config.keep_sound)
    return LivePlayer(
        config.piece, back_end=config.back_end, clock=pylsl.local_clock, keep_sound=config.keep_sound
    )


def _recorder(config: SessionConfig, inputs: Sequence[StreamInfo], t0_s: float) -> Recorder:
    begins_in_s = 0.0 if config.back_end is None else t0_s - pylsl.local_clock()
    return Recorder(
        config.directory,
        protocol=config.protocol.model_dump(mode="json", by_alias=True, exclude_none=True),
        protocol_sha256=protocol_sha256(config.protocol),
        piece=config.piece,
        inputs=inputs,
        t0_s=t0_s,
        t0_wall=datetime.now().astimezone() + timedelta(seconds=begins_in_s),
        consent=config.consent,
        arguments={
            "inputs": list(config.inputs),
            "setup": None if config.setup is None else config.setup.title,
            "faults": [fault.text for fault in config.faults],
            "scr_threshold_uS": config.scr_threshold_us,
            "keep_sound": config.keep_sound,
            "time": "virtual" if config.back_end is None else "real",
            "output": None if config.back_end is None else asdict(config.back_end),
            **config.about,
        },
    )


def _sound_file(config: SessionConfig, player: Player, t0_s: float, undo: ExitStack) -> SoundFile | None:
    """Open the file of the sound so that its first sample is the session's start."""
    if not config.keep_sound:
        return None
    early = player.latency_frames + round((t0_s - player.began_s) * SAMPLE_RATE)
    path = config.directory / WAV_NAME
    undo.callback(path.unlink, missing_ok=True)
    audio = SoundFile(path, latency_frames=early, open_file=GrowingWav)
    undo.callback(audio.close)
    return audio
