"""The closed loop, one step at a time. It owns no thread and reads no clock: time comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from acquisition.streams import Hearing, Source
from biofeedback.controller import Controller, PhaseChange
from biofeedback.models import Command, Snapshot
from biofeedback.recording.recorder import Recorder
from generator.player import Player
from generator.render import SoundFile
from generator.score import BeatEvent, NoteEvent
from generator.state import MusicState
from physiology.pipeline import Physiology
from physiology.state import PhysiologyState

LARGE_CHANGE = 0.5
"""Novelty from which a change of the music may itself provoke skin conductance responses."""


class Engine:
    """Read what has arrived, update physiology, decide, tell the player, record, publish.

    Parameters
    ----------
    sources : sequence of Source
        Where samples come from. Those that can hear are told what sounded.
    physiology : Physiology
        Set up for the kinds of signal the sources deliver.
    controller : Controller
        Holds the protocol.
    player : Player
        Plays what is asked for.
    recorder : Recorder
        Open; everything that comes in, is decided or sounds goes there.
    audio : SoundFile, optional
        Where the sound is kept.

    Attributes
    ----------
    notes : list of NoteEvent
        All that have sounded.
    beats : list of BeatEvent
        Likewise.
    """

    def __init__(
        self,
        *,
        sources: Sequence[Source],
        physiology: Physiology,
        controller: Controller,
        player: Player,
        recorder: Recorder,
        audio: SoundFile | None = None,
    ) -> None:
        self._sources = tuple(sources)
        self._physiology = physiology
        self._controller = controller
        self._player = player
        self._recorder = recorder
        self._audio = audio
        self._state: PhysiologyState | None = None
        self._music = MusicState(sounding=False)
        self._why = ""
        self._ending = False
        self.notes: list[NoteEvent] = []
        self.beats: list[BeatEvent] = []
        for source in self._sources:
            for pair in source.clock_pairs():
                recorder.clock(0.0, pair)

    @property
    def finished(self) -> bool:
        """Whether the session is over and the last sound has faded."""
        return self._player.finished

    def step(self, t: float, commands: Sequence[Command] = ()) -> Snapshot:
        """Advance the session to engine time `t`; called 20 times for each second of engine time.

        Returns
        -------
        Snapshot
            The session as it stands after the step.
        """
        self._take_in(t)
        self._decide(t, commands)
        self._play(t)
        self._recorder.flush(t)
        return self._snapshot(t)

    @property
    def end_reason(self) -> str:
        """Why the session came to its end; empty before."""
        return self._controller.end_reason or ""

    def emergency_stop(self, t: float) -> None:
        """Silence the music within half a second; the recording goes on to its proper close."""
        self._recorder.marker(t, {"type": "emergency stop"})
        self._player.stop()

    def _take_in(self, t: float) -> None:
        for source in self._sources:
            for chunk in source.read(t):
                self._recorder.raw(chunk)
                self._physiology.push(chunk.stream.kind.value, chunk.times, chunk.samples[:, 0])
        update = self._physiology.step(t)
        self._recorder.beats(update.beats)
        self._recorder.scrs(update.scrs)
        for state in update.states:
            self._recorder.features(state)
            self._state = state
        if not self._ending and all(source.ended for source in self._sources):
            self._controller.end(t, "input ended")

    def _decide(self, t: float, commands: Sequence[Command]) -> None:
        for command in commands:
            self._recorder.command(t, command)
        outcome = self._controller.step(t, self._state, commands)
        for change in outcome.phase_changes:
            self._enter_or_leave(change)
        for decision in outcome.decisions:
            self._recorder.decision(decision)
            self._recorder.music(t, decision.music)
            self._music, self._why = decision.music, decision.why

    def _enter_or_leave(self, change: PhaseChange) -> None:
        self._recorder.marker(
            change.t, {"type": "phase", "name": change.name, "kind": change.kind, "event": change.event}
        )
        if change.kind == "baseline":
            if change.event == "begin":
                self._physiology.begin_baseline(change.t)
            else:
                baseline = self._physiology.freeze_baseline(change.t)
                self._controller.calibrate(baseline.activation_sd)
                self._recorder.marker(change.t, {"type": "baseline", **asdict(baseline)})
        if change.kind == "end" and change.event == "begin":
            self._ending = True
            fade_s = self._controller.protocol.end_fade_s
            self._recorder.marker(change.t, {"type": "end fade", "fade_s": fade_s})
            self._player.end(fade_s)

    def _play(self, t: float) -> None:
        sounded = self._player.step(self._music)
        self._recorder.sounded(sounded.beats, sounded.notes, self._music)
        self.notes += sounded.notes
        self.beats += sounded.beats
        if self._audio is not None and sounded.audio is not None:
            self._audio.write(sounded.audio)
        if sounded.heard is not None and sounded.heard["novelty"] >= LARGE_CHANGE:
            self._physiology.mark_transition(t)
        for source in self._sources:
            if isinstance(source, Hearing):
                source.hear(t, sounded.heard)

    def _snapshot(self, t: float) -> Snapshot:
        return Snapshot(
            t=t,
            phase=self._controller.phase,
            physiology=self._state,
            music=self._music,
            why=self._why,
            finished=self.finished,
        )
