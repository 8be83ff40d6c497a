"""The engine with a player that does as the test says."""

from unittest.mock import Mock

import pytest

from acquisition.streams import Kind, StreamInfo
from biofeedback.commands import EmergencyStop, Hold, IssuedCommand, Resume, Volume
from biofeedback.controller import Controller
from biofeedback.engine import Engine
from biofeedback.intake import OpenSources, SignalIntake
from biofeedback.models import Lifecycle
from generator.player import PlaybackStep
from generator.state import MasterVolume
from protocols.loading import load


class Source:
    """Delivers nothing and never ends."""

    streams = (
        StreamInfo(kind=Kind.ECG, stream_id="chest", name="chest", unit="mV", rate_hz=250.0, labels=("ecg",)),
    )
    ended = False

    def read(self, t):
        return ()

    def clock_pairs(self):
        return ()

    def close(self):
        pass


class Player:
    """Plays nothing; falls silent at once."""

    condition = "on"

    def __init__(self):
        self.finished = False
        self.volume = MasterVolume(comfort_db=-3.0)
        self.gains = []
        self.on_step = lambda: None

    def step(self, state):
        self.on_step()
        return PlaybackStep(notes=(), beats=(), heard=None, audio=None, time_of=float)

    def set_volume(self, volume):
        self.volume = volume
        self.gains.append(volume.gain_db)

    def stop(self):
        self.finished = True

    def end(self, fade_s):
        self.finished = True

    def incidents(self):
        return ()


@pytest.fixture
def player():
    return Player()


@pytest.fixture
def recorder():
    return Mock()


@pytest.fixture
def engine(player, recorder):
    return Engine(
        intake=SignalIntake(OpenSources([Source()])),
        controller=Controller(load("silence-control")),
        player=player,
        recorder=recorder,
    )


def commands_of(recorder):
    return [call.args[1]["name"] for call in recorder.command.call_args_list]


def test_an_emergency_stop_in_the_middle_of_a_step_is_recorded_before_the_session_is_over(
    engine, player, recorder
):
    """The button comes from another thread, after the step has taken its commands."""
    engine.step(0.0)
    player.on_step = lambda: engine.emergency_stop(IssuedCommand(EmergencyStop(), "therapist", "k"))
    assert not engine.step(0.05).finished
    player.on_step = lambda: None
    last = engine.step(0.1)
    assert last.finished
    assert last.lifecycle is Lifecycle.ENDED
    assert engine.end_reason == "it was stopped at once"
    assert commands_of(recorder) == ["emergency stop"]


def test_a_hold_silences_the_player_and_the_volume_set_meanwhile_holds_afterwards(engine, player):
    told = {0.05: Volume(db=-6.0), 0.1: Hold(), 0.15: Volume(db=-10.0), 0.2: Resume()}
    for step in range(6):
        t = step / 20
        command = told.get(round(t, 2))
        issued = [] if command is None else [IssuedCommand(command, "therapist", str(step))]
        snapshot = engine.step(t, issued)
    assert player.gains == [-3.0, -9.0, -80.0, -80.0, -13.0]
    assert snapshot.volume_db == -10.0
